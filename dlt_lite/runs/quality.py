"""Results of rules on the driver's disk: in the run's folder, and in a folder kept between runs.

Results in, files out, and back; knows neither events nor how a rule is judged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dlt_lite.errors import StateTooNew, StorageNotWritable
from dlt_lite.model.result_codec import ResultProblem, ResultTooNew, decoded, encoded
from dlt_lite.model.results import UpdateQuality
from dlt_lite.model.samples import MOST_SAMPLE_BYTES, fitting
from dlt_lite.runs.disk import file_name, make_folder, read_json, write_json
from dlt_lite.runs.folder import RunFolder

_FILE = "quality.json"
MOST_KEPT = 200


def write_results(folder: RunFolder, results: UpdateQuality) -> None:
    """Write an update's results into its run folder, in place of what is there.

    Samples beyond 64 KB are left out, each rule's first ones kept longest.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    write_json(folder.quality, encoded(bounded(results)))


def read_results(path: Path, *, samples: bool = True) -> UpdateQuality | None:
    """Return the results that a run's folder or a file holds, None where none can be read there.

    Args:
        path: the folder or file.
        samples: whether the rows that rules show are wanted.

    Raises:
        StateTooNew: a newer dlt_lite wrote them.
    """
    file = path / _FILE if path.is_dir() else path
    plain = read_json(file)
    try:
        return None if plain is None else decoded(plain, samples=samples)
    except ResultTooNew as error:
        fix = "use the newer dlt_lite that wrote it, or another folder"
        raise StateTooNew(f"{file}: {error}", fix=fix) from error
    except ResultProblem:
        return None


def keep_results(history: Path, results: UpdateQuality, most: int = MOST_KEPT) -> Path:
    """Write an update's results into a folder that is kept between runs, made where it is missing.

    Of the pipeline's updates on the same target the newest stay, so many of them; older files of
    ours are removed. Nothing else in the folder is touched.

    Returns:
        The file.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    make_folder(history)
    path = history / f"{file_name(results.update_id.lower())}.json"
    write_json(path, encoded(bounded(results)))
    for old in _superseded(history, results, most):
        with contextlib.suppress(OSError):
            old.unlink()
    return path


def kept_results(history: Path, *, samples: bool = True) -> Iterator[UpdateQuality]:
    """Yield what a folder kept between runs holds, newest first: own files, or run folders.

    Args:
        history: the folder.
        samples: whether the rows that rules show are wanted.

    Raises:
        StateTooNew: a newer dlt_lite wrote one.
        StorageNotWritable: it is no folder, so nothing can be kept there.
    """
    if history.exists() and not history.is_dir():
        what = f"{history} is no folder, and --history names one"
        raise StorageNotWritable(what, fix="name a folder that is kept between runs")
    files = [*history.glob("*.json"), *history.glob(f"*/{_FILE}")]
    named = {path.parent.name if path.name == _FILE else path.stem: path for path in sorted(files)}
    for name in sorted(named, key=str.lower, reverse=True):
        if (results := read_results(named[name], samples=samples)) is not None:
            yield results


def _superseded(history: Path, results: UpdateQuality, most: int) -> list[Path]:
    """Return the files of ours beyond the newest ones of a pipeline and target."""
    files = list(history.glob("*.json"))
    if len(files) <= most:
        return []
    wanted = (results.pipeline, results.target)
    newest = sorted(files, key=lambda path: path.stem.lower(), reverse=True)
    return [path for path in newest if _whose(path) == wanted][most:]


def _whose(path: Path) -> tuple[object, object] | None:
    try:
        plain = read_json(path) or {}
    except StateTooNew:
        return None
    return plain.get("pipeline"), plain.get("target")


def bounded(results: UpdateQuality, most: int = MOST_SAMPLE_BYTES) -> UpdateQuality:
    """Return results whose samples take at most so many bytes, long values cut."""
    kept = fitting([rule.samples for rule in results.rules], most)
    rules = tuple(
        replace(rule, samples=samples) if rule.samples else rule
        for rule, samples in zip(results.rules, kept, strict=True)
    )
    return replace(results, rules=rules)
