"""Which datasets an update is about: names, `+x` with what it reads, `x+` the reverse, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from dlt_lite.dag.order import downstream, upstream
from dlt_lite.errors import BadSelection
from dlt_lite.model.names import DatasetName, NameProblem, Namespace, qualify, split_identifier
from dlt_lite.project.suggestions import listed

_TAG = "tag:"


@dataclass(frozen=True, slots=True)
class Selectable:
    """What selecting needs to know of a pipeline.

    Attributes:
        namespace: completes short names.
        inputs: each dataset with what it reads.
        tags: the tags of each dataset.
        shown: each dataset's name as people know it.
    """

    namespace: Namespace
    inputs: Mapping[DatasetName, Sequence[DatasetName]]
    tags: Mapping[DatasetName, Sequence[str]]
    shown: Mapping[DatasetName, str]


def selected(expressions: Iterable[str], among: Selectable) -> frozenset[DatasetName]:
    """Return the datasets that any of the expressions selects.

    Args:
        expressions: names (`*` matches anything), `tag:word`, with `+` before for all that is read
            and `+` behind for all that reads; blanks and commas part several.
        among: the pipeline's datasets.

    Raises:
        BadSelection: an expression selects nothing.
    """
    given = tuple(expressions)
    words = [word for text in given for word in text.replace(",", " ").split()]
    if given and not words:
        raise BadSelection("the selection is empty", fix="name datasets, or leave it out for all")
    return frozenset(name for word in words for name in _selected(word, among))


def _selected(word: str, among: Selectable) -> set[DatasetName]:
    core = word.strip("+")
    found = _matches(core, among)
    whole = set(found)
    if word.startswith("+"):
        whole |= upstream(among.inputs, found)
    if word.endswith("+"):
        whole |= downstream(among.inputs, found)
    return whole


def _matches(core: str, among: Selectable) -> set[DatasetName]:
    if core.startswith(_TAG):
        tag = core.removeprefix(_TAG)
        found = {name for name, tags in among.tags.items() if tag in tags}
        known = sorted({tag for tags in among.tags.values() for tag in tags})
    else:
        found = _named(core, among)
        known = sorted(among.shown.values())
    if found:
        return found
    close = get_close_matches(core.removeprefix(_TAG), known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise BadSelection(
        f"{core!r} selects no dataset of the pipeline",
        fix=f"{hint}there are: {listed(known) or 'none'}",
    )


def _named(core: str, among: Selectable) -> set[DatasetName]:
    if "*" in core:
        pattern = core.lower()
        return {name for name, shown in among.shown.items() if fnmatchcase(shown.lower(), pattern)}
    try:
        name = qualify(split_identifier(core), among.namespace)
    except NameProblem:
        return set()
    return {name} if name is not None and name in among.inputs else set()
