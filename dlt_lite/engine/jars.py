"""Have Delta's JARs here. Settings and a Java in, five checked paths out; imports no pyspark."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dlt_lite.engine.java import Java
from dlt_lite.errors import JarsDamaged, JarsMissing, VersionMismatch
from dlt_lite.model.settings import EngineSettings

DELTA_VERSION = "4.4.0"
TESTED_PYSPARK = "4.2."
TESTED_DELTA = "4.4."

_STAMP = "checked.json"
_PATIENCE_SECONDS = 900
_SHOWN_LINES = 8
_NUMBERS = ("no", "one", "two", "three", "four", "five")


@dataclass(frozen=True, slots=True)
class Jar:
    """One JAR as it must be.

    Attributes:
        artifact: its Maven artifact; the group is `io.delta`.
        size: its length in bytes.
        sha256: its checksum, in hexadecimal.
    """

    artifact: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """Return the file's name, as Maven and Ivy both write it."""
        return f"{self.artifact}-{DELTA_VERSION}.jar"


JARS = (
    Jar(
        "delta-spark_4.2_2.13",
        9_515_916,
        "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead",
    ),
    Jar(
        "delta-storage",
        113_863,
        "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
    ),
    Jar(
        "delta-kernel-api",
        2_838_619,
        "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11",
    ),
    Jar(
        "delta-kernel-defaults",
        227_185,
        "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b",
    ),
    Jar(
        "delta-kernel-unitycatalog",
        43_048,
        "cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa",
    ),
)


@dataclass(frozen=True, slots=True)
class JarFolder:
    """What a folder holds of the five JARs.

    Attributes:
        folder: the folder that was looked at.
        missing: the file names that are not there.
        damaged: the file names whose size or checksum is wrong.
    """

    folder: Path
    missing: tuple[str, ...]
    damaged: tuple[str, ...]


def delta_jars(
    settings: EngineSettings,
    java: Java,
    emit_note: Callable[[str], None],
    *,
    environ: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Return the five JARs, fetched if this is the first start on this machine.

    Args:
        settings: says where JARs lie or are kept, and how Ivy reaches a mirror.
        java: runs Ivy.
        emit_note: is told once that a download begins.
        environ: the process environment; its proxy variables are passed on to Ivy.

    Returns:
        Five paths whose checksums are right.

    Raises:
        JarsMissing: `jars_dir` lacks some, or they could not be fetched.
        JarsDamaged: one is not the file that it must be.
    """
    folder = jar_folder(settings)
    if settings.jars_dir is None and not folder.is_dir():
        emit_note(f"Fetching Delta's five JARs (12 MB) into {folder}, this once.")
        _fetch_into(folder, settings, _Ivy(java, dict(environ or {})))
    if not _is_stamped(folder):
        if (fault := fault_of(inspect_folder(folder), settings)) is not None:
            raise fault
        if settings.jars_dir is None:
            _stamp(folder)
    return jar_paths(folder)


def jar_folder(settings: EngineSettings) -> Path:
    """Return the folder that the JARs are taken from: `jars_dir`, or ours in the cache."""
    return settings.jars_dir or settings.cache_dir / "jars" / DELTA_VERSION


def jar_paths(folder: Path) -> tuple[Path, ...]:
    """Return the five paths in a folder, there or not."""
    return tuple(folder / jar.file_name for jar in JARS)


def inspect_folder(folder: Path) -> JarFolder:
    """Read and check the five files in a folder; fetch nothing."""
    there = [jar for jar in JARS if (folder / jar.file_name).is_file()]
    return JarFolder(
        folder=folder,
        missing=tuple(jar.file_name for jar in JARS if jar not in there),
        damaged=tuple(jar.file_name for jar in there if not _is_whole(folder / jar.file_name, jar)),
    )


def fault_of(found: JarFolder, settings: EngineSettings) -> JarsMissing | JarsDamaged | None:
    """Return what is wrong with a folder of JARs, None where nothing is."""
    if found.missing:
        return JarsMissing(
            f"{found.folder} lacks {_listed(found.missing)}.", fix=_missing_fix(found, settings)
        )
    if found.damaged:
        return JarsDamaged(
            f"{found.folder} holds {_listed(found.damaged)}, but not as released: size or SHA-256 "
            "differ.",
            fix=_damaged_fix(found, settings),
        )
    return None


def by_hand(settings: EngineSettings, names: Iterable[str] | None = None) -> str:
    """Say how JARs get here without us: those of some names, or all five."""
    wanted = [jar.file_name for jar in JARS] if names is None else list(names)
    listed = "".join(f"\n         {name}" for name in wanted)
    these = "this file" if len(wanted) == 1 else f"these {_NUMBERS[len(wanted)]} files"
    if settings.jars_dir is not None:
        where = f"into {settings.jars_dir}"
    else:
        where = "into a folder DIR and set `jars_dir` to it, or DLT_LITE_JARS_DIR"
    return (
        f"put {these} of Maven's group io.delta {where}:{listed}\n"
        "       Where a mirror is to be used, name its Ivy settings file by "
        "`spark.jars.ivySettings` among the Spark settings."
    )


def spark_home(environ: Mapping[str, str]) -> Path:
    """Return the folder whose `bin` and `jars` pyspark will use, without importing pyspark.

    Raises:
        VersionMismatch: pyspark is not installed.
    """
    if environ.get("SPARK_HOME"):
        return Path(environ["SPARK_HOME"])
    spec = importlib.util.find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise VersionMismatch("pyspark is not installed.", fix=_PAIR_FIX)
    package = Path(spec.submodule_search_locations[0])
    other = package / "spark-distribution"
    return other if (other / "jars").is_dir() else package


def installed_version(distribution: str) -> str | None:
    """Return the version of an installed Python distribution, None where there is none."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_pair(pyspark: str | None, delta: str | None, environ: Mapping[str, str]) -> None:
    """Refuse versions of pyspark and delta-spark that were never run together.

    Args:
        pyspark: pyspark's version, None where it is not installed.
        delta: delta-spark's version, None where it is not installed.
        environ: the process environment; SPARK_HOME must hold the same Spark.

    Raises:
        VersionMismatch: they do not fit each other, or SPARK_HOME holds another Spark.
    """
    fits = (pyspark or "").startswith(TESTED_PYSPARK) and (delta or "").startswith(TESTED_DELTA)
    if not fits:
        raise VersionMismatch(
            f"pyspark {pyspark or 'is not installed'} and delta-spark {delta or 'not installed'}: "
            f"dlt_lite needs pyspark {TESTED_PYSPARK}x with delta-spark {TESTED_DELTA}x.",
            fix=_PAIR_FIX,
        )
    home = environ.get("SPARK_HOME")
    if home and not any(Path(home, "jars").glob(f"spark-core_2.13-{TESTED_PYSPARK}*.jar")):
        raise VersionMismatch(
            f"SPARK_HOME is {home}, which does not hold the Spark {TESTED_PYSPARK}x that pyspark "
            f"{pyspark} needs.",
            fix="unset SPARK_HOME: pyspark brings its own Spark.",
        )


_PAIR_FIX = "python -m pip install pyspark==4.2.0 delta-spark==4.4.0"


@dataclass(frozen=True, slots=True)
class _Ivy:
    java: Java
    environ: Mapping[str, str]


def _missing_fix(found: JarFolder, settings: EngineSettings) -> str:
    if settings.jars_dir:
        return by_hand(settings, found.missing)
    return f"remove the folder {found.folder} and start again: it is fetched anew."


def _damaged_fix(found: JarFolder, settings: EngineSettings) -> str:
    if settings.jars_dir:
        right = {jar.file_name: jar.sha256 for jar in JARS}
        return "put the released files there; their SHA-256: " + _listed(
            f"{name} {right[name]}" for name in found.damaged
        )
    return f"remove the folder {found.folder} and start again: it is fetched anew."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _is_whole(path: Path, jar: Jar) -> bool:
    if path.stat().st_size != jar.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


def _is_stamped(folder: Path) -> bool:
    try:
        stamp = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
        return bool(stamp == _marks(folder))
    except (OSError, ValueError):
        return False


def _stamp(folder: Path) -> None:
    """Record that the files were checked; a cache that cannot be written is checked each time."""
    written: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, suffix=".tmp", delete=False, encoding="utf-8"
        ) as file:
            written = Path(file.name)
            json.dump(_marks(folder), file)
        written.replace(folder / _STAMP)
    except OSError:
        if written is not None:
            written.unlink(missing_ok=True)


def _marks(folder: Path) -> dict[str, list[int]]:
    facts = {path.name: path.stat() for path in jar_paths(folder)}
    return {name: [fact.st_size, fact.st_mtime_ns] for name, fact in facts.items()}


def _fetch_into(folder: Path, settings: EngineSettings, ivy: _Ivy) -> None:
    """Fetch into a folder beside and rename: whoever renames second finds the first one's files."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{DELTA_VERSION}-", dir=folder.parent))
    except OSError as error:
        raise JarsMissing(
            f"Delta's JARs are fetched into {folder}, which cannot be made: {error}.",
            fix=f"set `cache_dir` to a folder that can be written, or {by_hand(settings)}",
        ) from error
    try:
        fetched = scratch / "jars"
        output = _run_ivy(scratch, fetched, settings, ivy)
        found = inspect_folder(fetched)
        if found.missing:
            raise _not_fetched(output, settings)
        if found.damaged:
            raise JarsDamaged(
                f"What was fetched as {_listed(found.damaged)} is not the file of release "
                f"{DELTA_VERSION}: its size or SHA-256 is wrong. Nothing was kept.",
                fix="the repository, mirror or proxy in between serves other files: ask who runs "
                f"it, or {by_hand(settings)}",
            )
        _stamp(fetched)
        _settle(fetched, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _settle(fetched: Path, folder: Path) -> None:
    try:
        fetched.rename(folder)
    except OSError:
        # Another first start was quicker: a folder that is not empty cannot be renamed over.
        if not folder.is_dir():
            raise


def _run_ivy(scratch: Path, into: Path, settings: EngineSettings, ivy: _Ivy) -> str:
    module = scratch / "ivy.xml"
    module.write_text(_module_text(), encoding="utf-8")
    command = [
        str(ivy.java.executable),
        *_proxy_options(ivy.environ),
        "-jar",
        str(_ivy_jar(ivy.environ)),
        *_ivy_settings(settings),
        "-cache",
        str(_ivy_cache(scratch, settings)),
        "-ivy",
        str(module),
        "-retrieve",
        f"{into}/[artifact]-[revision].[ext]",
    ]
    try:
        answer = subprocess.run(  # noqa: S603 - the user's own Java
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_PATIENCE_SECONDS,
            check=False,
            env=dict(ivy.environ) or None,
        )
    except subprocess.TimeoutExpired as error:
        raise _not_fetched(f"no answer within {_PATIENCE_SECONDS} seconds", settings) from error
    return answer.stdout


def _module_text() -> str:
    """Return Ivy's module file; without `transitive=false` it would bring 28 JARs, not five."""
    wanted = "".join(
        f'<dependency org="io.delta" name="{jar.artifact}" rev="{DELTA_VERSION}" '
        'transitive="false"/>'
        for jar in JARS
    )
    # A mirror of plain files knows no configuration `master`, so `default->default`.
    return (
        '<ivy-module version="2.0"><info organisation="dlt_lite" module="delta-jars" revision="1"/>'
        '<configurations><conf name="default"/></configurations>'
        f'<dependencies defaultconf="default->default">{wanted}</dependencies></ivy-module>'
    )


def _ivy_jar(environ: Mapping[str, str]) -> Path:
    home = spark_home(environ)
    jars = sorted((home / "jars").glob("ivy-*.jar"))
    if not jars:
        raise VersionMismatch(f"{home}/jars lacks Ivy, which every Spark has.", fix=_PAIR_FIX)
    return jars[-1]


def _ivy_settings(settings: EngineSettings) -> tuple[str, ...]:
    path = settings.spark.get("spark.jars.ivySettings")
    return ("-settings", path) if path else ()


def _ivy_cache(scratch: Path, settings: EngineSettings) -> Path:
    """Return Ivy's own cache: where Spark would have it if the user says, else thrown away."""
    user = settings.spark.get("spark.jars.ivy")
    return Path(user) / "cache" if user else scratch / "ivy"


def _proxy_options(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Turn the usual proxy variables into Java's properties; Java does not read the variables."""
    options: list[str] = []
    for scheme in ("http", "https"):
        value = environ.get(f"{scheme}_proxy") or environ.get(f"{scheme}_proxy".upper())
        proxy = urlsplit(value if "://" in value else f"//{value}") if value else None
        if proxy is not None and proxy.hostname:
            options += [f"-D{scheme}.proxyHost={proxy.hostname}"]
            options += [f"-D{scheme}.proxyPort={proxy.port}"] if proxy.port else []
    direct = environ.get("no_proxy") or environ.get("NO_PROXY")
    if options and direct:
        hosts = (host.strip() for host in direct.split(",") if host.strip())
        patterns = "|".join(f"*{host}" if host.startswith(".") else host for host in hosts)
        options.append(f"-Dhttp.nonProxyHosts={patterns}")
    return tuple(options)


def _not_fetched(output: str, settings: EngineSettings) -> JarsMissing:
    said = "\n".join(f"       {line}" for line in _telling_lines(output)[-_SHOWN_LINES:])
    return JarsMissing(
        "Delta's five JARs could not be fetched; no network, or a mirror is needed here. "
        f"Ivy said:\n{said}",
        fix=by_hand(settings),
    )


def _telling_lines(output: str) -> list[str]:
    """Return Ivy's lines without its banners, blank lines and repetitions, in their order."""
    lines = (line.strip() for line in output.splitlines())
    return list(dict.fromkeys(line for line in lines if line and line[0] not in ":|-="))
