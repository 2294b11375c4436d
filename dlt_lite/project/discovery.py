"""Where is the project? From a folder upwards, to the file that makes a folder a project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dlt_lite.errors import BadValue, NoProject
from dlt_lite.model.origin import Origin
from dlt_lite.project import nodes
from dlt_lite.project.fields import PROJECT_FILE
from dlt_lite.project.paths import real
from dlt_lite.project.toml_reader import PYPROJECT, read_pyproject
from dlt_lite.project.yaml_reader import read_yaml_mapping

PROJECT_VARIABLE = "DLT_LITE_PROJECT"

_FIX = "make one with `python -m dlt_lite init`, or name its folder with --project-dir"


def find_project(
    start: Path, *, environ: Mapping[str, str], project_dir: Path | None = None
) -> Path:
    """Find the project's folder.

    Args:
        start: where the person stands.
        environ: the environment; `DLT_LITE_PROJECT` names the folder.
        project_dir: the folder that the command line names; it wins over everything.

    Returns:
        The folder, symlinks followed.

    Raises:
        NoProject: the named folder is no project, or none was found from `start` up to the root
            of a git checkout, the home folder or the disk's root.
        BadValue: a folder holds both a dlt_lite.yml and a `[tool.dlt_lite]`.
        BadYaml: a pyproject.toml that mentions dlt_lite cannot be read.
    """
    if project_dir is not None:
        return _named(start / project_dir, "--project-dir")
    if environ.get(PROJECT_VARIABLE):
        return _named(start / environ[PROJECT_VARIABLE], f"env {PROJECT_VARIABLE}")
    for folder in _upwards(real(start), home_of(environ)):
        if is_project(folder):
            return folder
    raise NoProject(f"no dlt_lite project in {real(start)} or above", fix=_FIX)


def read_project_file(root: Path) -> nodes.Mapping | None:
    """Read what makes a folder a project, None where nothing does.

    Raises:
        BadValue: the folder holds both a dlt_lite.yml and a `[tool.dlt_lite]`.
        BadYaml: the file cannot be read.
    """
    table = _pyproject_table(root)
    if table is None and _has_own(root):
        return read_yaml_mapping(root / PROJECT_FILE, root=root)
    return table


def is_project(root: Path) -> bool:
    """Return whether a folder is a project, without judging what its file says.

    Raises:
        BadValue: the folder holds both a dlt_lite.yml and a `[tool.dlt_lite]`.
        BadYaml: a pyproject.toml that mentions dlt_lite cannot be read.
    """
    return _pyproject_table(root) is not None or _has_own(root)


def home_of(environ: Mapping[str, str]) -> Path:
    """Return the person's home folder."""
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def default_cache(environ: Mapping[str, str]) -> str:
    """Return where JARs are kept between runs unless told otherwise."""
    base = environ.get("XDG_CACHE_HOME", "")
    # The XDG standard says that a relative path here is to be ignored.
    folder = Path(base) if Path(base).is_absolute() else home_of(environ) / ".cache"
    return str(folder / "dlt_lite")


def _has_own(root: Path) -> bool:
    return (root / PROJECT_FILE).exists()


def _pyproject_table(root: Path) -> nodes.Mapping | None:
    file = root / PYPROJECT
    table = read_pyproject(file) if file.is_file() else None
    if table is not None and _has_own(root):
        message = f"{PROJECT_FILE} and [tool.dlt_lite] of {PYPROJECT} both describe this project"
        raise BadValue(message, origin=Origin(PROJECT_FILE), fix="keep one of the two")
    return table


def _named(folder: Path, origin: str) -> Path:
    root = real(folder)
    if not is_project(root):
        message = f"{root} is no dlt_lite project: it has no {PROJECT_FILE}"
        raise NoProject(message, origin=Origin(origin), fix=_FIX)
    return root


def _upwards(start: Path, home: Path) -> Iterator[Path]:
    last = real(home)
    for folder in (start, *start.parents):
        yield folder
        if folder == last or (folder / ".git").exists():
            return
