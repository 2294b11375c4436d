"""Files and dictionaries of expectations → the registry: which rules are of which dataset."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from dlt_lite.errors import BadSuite, DltLiteError
from dlt_lite.model.names import DatasetName, NameProblem, dataset_name
from dlt_lite.model.origin import Origin
from dlt_lite.project.suggestions import closest, did_you_mean, shown
from dlt_lite.registry.registry import Registry
from dlt_lite.suites.documents import Document, Suite, read_document, read_given
from dlt_lite.suites.said import said_in

FOLDER = "expectations"
_ENDINGS = (".yml", ".yaml", ".json")
_NOTES = ".md"
# So many broken files of others are named in a note.
_NAMED = 5


def attach_given(registry: Registry, dataset: DatasetName, shown_name: str, given: object) -> None:
    """Attach what a dataset's decorator was given as `expectations=`.

    Args:
        registry: where the dataset is declared.
        dataset: its full name.
        shown_name: its short name.
        given: the name of a file below `expectations/`, or a dictionary of a dataset's rules.
    """
    if isinstance(given, str):
        _attach_named(registry, dataset, given)
        return
    origin = registry.here()
    try:
        said = said_in(given, origin)
    except BadSuite as problem:
        registry.refuse(problem)
        return
    rules = read_given(said, shown_name, registry.parameters, registry.refuse)
    registry.add_suite(dataset, str(origin), rules)


def attach_files(registry: Registry, pipeline: str, siblings: Collection[str] = ()) -> None:
    """Attach the files that belong to a pipeline, once all of its datasets are declared.

    These are the file and the folder below `expectations/` that are named like the pipeline, and
    every suite of Great Expectations that is about one of its datasets. What is wrong with a file
    that is another pipeline's, by its name or by what it is about, is a note here and no error.

    Args:
        registry: where its datasets are declared.
        pipeline: its name.
        siblings: the names of the project's other pipelines.
    """
    folder, pipelines = registry.root / FOLDER, (pipeline, *siblings)
    _refuse_namesakes(registry, folder, siblings)
    _refuse_unread(registry, folder, pipeline)
    for file in rule_files(folder / pipeline):
        _attach_all(registry, _read(registry, file))
    broken = _attach_loose(registry, folder, pipelines)
    for other in _folders(folder):
        for file in () if other.name in pipelines else rule_files(other):
            document, problems = _judged(registry, file)
            name = f"{other.name}/{file.name}"
            _note_if_nobodys(registry, document, name, pipelines)
            if len(pipelines) == 1:
                _refuse_all(registry, problems)
            elif _is_broken(file, problems):
                broken.append(name)
    if broken:
        more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
        listed = ", ".join(f"{FOLDER}/{name}" for name in broken[:_NAMED])
        registry.note(f"left out, broken and not of this pipeline (see `validate`): {listed}{more}")


def _attach_loose(registry: Registry, folder: Path, pipelines: Sequence[str]) -> list[str]:
    """Attach what belongs to the first of the pipelines of the files that lie in no folder.

    Returns:
        The names of files that are broken, and no matter of this pipeline.
    """
    strangers: list[str] = []
    broken: list[str] = []
    for file in rule_files(folder):
        if file.stem == pipelines[0]:
            _attach_all(registry, _read(registry, file))
            continue
        document, problems = _judged(registry, file)
        is_a_siblings = file.stem in pipelines
        if not is_a_siblings and _may_concern(registry, document, pipelines):
            _refuse_all(registry, problems)
        elif _is_broken(file, problems):
            broken.append(file.name)
        if document is not None and not is_a_siblings:
            _attach_nobodys(registry, document, file.name, pipelines, strangers)
    if strangers:
        registry.note(f"{FOLDER}/ has suites for datasets of no kind here: {', '.join(strangers)}")
    return broken


def _attach_nobodys(
    registry: Registry,
    document: Document,
    name: str,
    pipelines: Sequence[str],
    strangers: list[str],
) -> None:
    """Attach a suite that is about one of the datasets; keep its name where it is about none."""
    _note_of(registry, document)
    if not document.is_great:
        _note_if_nobodys(registry, document, name, pipelines)
    elif not _attach_known(registry, document):
        strangers.append(name)


def _may_concern(registry: Registry, document: Document | None, pipelines: Sequence[str]) -> bool:
    """Return whether a file of nobody's name may be meant for the first of the pipelines.

    Of one that cannot be read at all nobody knows; its rules must not be lost in silence.
    """
    return (
        document is None
        or len(pipelines) == 1
        or any(_dataset(registry, suite) is not None for suite in document.suites)
        or any(_is_almost_ours(registry, suite) for suite in document.suites if document.is_great)
    )


def _is_broken(file: Path, problems: Sequence[DltLiteError]) -> bool:
    """Return whether another pipeline's file is surely wrong: its parameters are not known here."""
    return bool(problems) and "$PARAMETER" not in file.read_text("utf-8", errors="replace")


def _refuse_all(registry: Registry, problems: Sequence[DltLiteError]) -> None:
    for problem in problems:
        registry.refuse(problem)


def _refuse_namesakes(registry: Registry, folder: Path, siblings: Collection[str]) -> None:
    first: dict[str, Path] = {}
    for file in rule_files(folder):
        other = first.setdefault(file.stem, file)
        if other is not file and file.stem not in siblings:
            what = f"{other.name} and {file.name} have one name"
            origin = Origin(f"{FOLDER}/{file.name}")
            registry.refuse(BadSuite(what, origin=origin, fix="rename one of them"))


def _refuse_unread(registry: Registry, folder: Path, pipeline: str) -> None:
    """Refuse a file that is named like the pipeline and of a form that nobody reads."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    for file in found:
        is_meant = file.stem == pipeline and file.is_file() and not file.name.endswith("~")
        if is_meant and file.suffix not in {*_ENDINGS, _NOTES}:
            fix = f"write it as YAML or JSON, and name it {pipeline}.yml or {pipeline}.json"
            what = f"{FOLDER}/{file.name} is of no form that is read"
            registry.refuse(BadSuite(what, origin=Origin(f"{FOLDER}/{file.name}"), fix=fix))


def _note_if_nobodys(
    registry: Registry, document: Document | None, name: str, pipelines: Sequence[str]
) -> None:
    """Note a file that neither its name nor a dataset attaches, as far as can be told from here.

    In a project of several pipelines it may be another's, unless it is about a dataset of this one.
    """
    if document is None or f"{FOLDER}/{name}" in registry.suite_files:
        return
    is_ours = any(_dataset(registry, each) is not None for each in document.suites)
    if is_ours or len(pipelines) == 1:
        first, inner, _ = name.partition("/")
        meant = did_you_mean(first.partition(".")[0], pipelines, otherwise="pipelines")
        told = f"nobody reads {FOLDER}/{name}: name {'its folder' if inner else 'it'} like a "
        told += f"pipeline ({meant})"
        if not inner:
            told += f', or let a dataset name it by expectations="{document.name}"'
        registry.note(told)


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        found = (each for each in folder.iterdir() if each.is_dir())
        yield from sorted(each for each in found if not each.name.startswith((".", "_")))


def _attach_all(registry: Registry, document: Document | None) -> None:
    for suite in () if document is None else document.suites:
        name = _dataset(registry, suite)
        if name is not None:
            registry.add_suite(name, suite.origin.path, suite.rules)
        elif registry.is_sound:
            registry.refuse(_no_dataset(registry, suite))


def _attach_known(registry: Registry, document: Document) -> bool:
    """Attach a suite that may be another pipeline's; one that is almost ours is an error."""
    (suite,) = document.suites
    if _dataset(registry, suite) is not None or _is_almost_ours(registry, suite):
        _attach_all(registry, document)
        return True
    return False


def _is_almost_ours(registry: Registry, suite: Suite) -> bool:
    return bool(closest(suite.dataset, registry.dataset_names))


def _attach_named(registry: Registry, dataset: DatasetName, name: str) -> None:
    found = [file for file in rule_files(registry.root / FOLDER) if file.stem == name]
    if not found:
        known = {file.stem for file in rule_files(registry.root / FOLDER)}
        what = f"there is no file {shown(f'{FOLDER}/{name}')}.yml, .yaml or .json"
        fix = did_you_mean(name, known, otherwise="files there")
        registry.refuse(BadSuite(what, origin=registry.here(), fix=fix))
        return
    document = _read(registry, found[0])
    for suite in () if document is None else document.suites:
        if document is not None and (document.is_great or _dataset(registry, suite) == dataset):
            registry.add_suite(dataset, suite.origin.path, suite.rules)
            return
    if document is not None:
        what = f"{FOLDER}/{found[0].name} has no expectations for {dataset.table}"
        fix = did_you_mean(dataset.table, [each.dataset for each in document.suites])
        registry.refuse(BadSuite(what, origin=registry.here(), fix=fix))


def _read(registry: Registry, file: Path) -> Document | None:
    document, problems = _judged(registry, file)
    _refuse_all(registry, problems)
    if document is not None:
        _note_of(registry, document)
    return document


def _judged(registry: Registry, file: Path) -> tuple[Document | None, list[DltLiteError]]:
    """Return what a file says, None where it cannot be read; and what is wrong with it."""
    problems: list[DltLiteError] = []
    document = read_document(file, registry.root, registry.parameters, problems.append)
    return document, problems


def _note_of(registry: Registry, document: Document) -> None:
    if document.note is not None:
        registry.note(document.note)


def rule_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that rules are read from, where there is such a folder."""
    if folder.is_dir():
        found = (file for file in folder.iterdir() if file.suffix in _ENDINGS)
        yield from sorted(file for file in found if not file.name.startswith((".", "_")))


def _dataset(registry: Registry, suite: Suite) -> DatasetName | None:
    try:
        name = dataset_name(suite.dataset, registry.namespace)
    except NameProblem:
        return None
    return name if registry.declares(name) else None


def _no_dataset(registry: Registry, suite: Suite) -> BadSuite:
    fix = did_you_mean(suite.dataset, registry.dataset_names, otherwise="datasets")
    what = f"the pipeline has no dataset {shown(suite.dataset)}"
    return BadSuite(what, origin=suite.origin, fix=fix)
