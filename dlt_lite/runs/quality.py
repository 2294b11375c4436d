"""Results of rules on the driver's disk: in the run's folder, and in a folder kept between runs.

Results in, files out, and back; knows neither events nor how a rule is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dlt_lite.errors import StateTooNew
from dlt_lite.model.result_codec import ResultProblem, ResultTooNew, decoded, encoded
from dlt_lite.model.results import Cell, RuleResult, Sample, UpdateQuality
from dlt_lite.runs.disk import file_name, make_folder, read_json, write_json
from dlt_lite.runs.folder import RunFolder

MOST_SAMPLE_BYTES = 64 * 1024
_LONGEST_VALUE = 1000
_FILE = "quality.json"


def write_results(folder: RunFolder, results: UpdateQuality) -> None:
    """Write an update's results into its run folder, in place of what is there.

    Samples beyond 64 KB are left out, each rule's first ones kept longest.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    write_json(folder.quality, encoded(bounded(results)))


def read_results(path: Path) -> UpdateQuality | None:
    """Return the results that a run's folder or a file holds, None where none can be read there.

    Raises:
        StateTooNew: a newer dlt_lite wrote them.
    """
    file = path / _FILE if path.is_dir() else path
    plain = read_json(file)
    try:
        return None if plain is None else decoded(plain)
    except ResultTooNew as error:
        fix = "use the newer dlt_lite that wrote it, or another folder"
        raise StateTooNew(f"{file}: {error}", fix=fix) from error
    except ResultProblem:
        return None


def keep_results(history: Path, results: UpdateQuality) -> Path:
    """Write an update's results into a folder that is kept between runs, made where it is missing.

    Returns:
        The file.

    Raises:
        StorageNotWritable: the disk refused it.
    """
    make_folder(history)
    path = history / f"{file_name(results.update_id.lower())}.json"
    write_json(path, encoded(bounded(results)))
    return path


def kept_results(history: Path) -> Iterator[UpdateQuality]:
    """Yield what a folder kept between runs holds, newest first: own files, or run folders.

    Raises:
        StateTooNew: a newer dlt_lite wrote one.
    """
    files = [*history.glob("*.json"), *history.glob(f"*/{_FILE}")]
    named = {path.parent.name if path.name == _FILE else path.stem: path for path in sorted(files)}
    for name in sorted(named, key=str.lower, reverse=True):
        if (results := read_results(named[name])) is not None:
            yield results


def bounded(results: UpdateQuality, most: int = MOST_SAMPLE_BYTES) -> UpdateQuality:
    """Return results whose samples take at most so many bytes, long values cut."""
    left = most
    kept: dict[int, list[Sample]] = {}
    rounds = max((len(rule.samples) for rule in results.rules), default=0)
    for turn in range(rounds):
        for place, rule in enumerate(results.rules):
            if turn >= len(rule.samples):
                continue
            sample = _cut(rule.samples[turn])
            left -= _size(sample)
            if left < 0:
                return _with_samples(results, kept)
            kept.setdefault(place, []).append(sample)
    return _with_samples(results, kept)


def _with_samples(results: UpdateQuality, kept: dict[int, list[Sample]]) -> UpdateQuality:
    def bare(place: int, rule: RuleResult) -> RuleResult:
        return replace(rule, samples=tuple(kept.get(place, ()))) if rule.samples else rule

    rules = tuple(bare(place, rule) for place, rule in enumerate(results.rules))
    return replace(results, rules=rules)


def _cut(sample: Sample) -> Sample:
    return Sample(tuple(_cut_cell(cell) for cell in sample.cells))


def _cut_cell(cell: Cell) -> Cell:
    if cell.value is None or len(cell.value) <= _LONGEST_VALUE:
        return cell
    return replace(cell, value=f"{cell.value[: _LONGEST_VALUE - 1]}…")


def _size(sample: Sample) -> int:
    """Return how many bytes a sample takes as text, without what JSON puts around it."""
    texts = (text for cell in sample.cells for text in (cell.column, cell.value or ""))
    return sum(len(text.encode("utf-8", "backslashreplace")) for text in texts)
