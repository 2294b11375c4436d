"""Whether a stream's sources show anything new, from its checkpoint alone: no query is started.

When in doubt there is something new. A stream is left alone only if its last offset is also its
last commit, and every source is a Delta table at that very version or a folder whose every file
has been read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from pyspark.sql import SparkSession

from dlt_lite.engine.deltalog import commit, latest_version
from dlt_lite.engine.files import Files, normal_uri
from dlt_lite.engine.plans import Leaf, LeafKind

_MOST_FILES = 200_000
_FARTHEST = 100
_FILE_HEADER = "v1"
_GLOB_FILTER = re.compile(r"['\"]pathglobfilter=([^'\"]*)['\"]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CheckpointFacts:
    """What a checkpoint says.

    Attributes:
        started: whether it holds an offset.
        unfinished: whether its last offset was not acknowledged.
        offsets: the last offset of each source, as its text.
    """

    started: bool
    unfinished: bool
    offsets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceNews:
    """What the sources of a stream show.

    Attributes:
        news: what is new, in words; empty where nothing is.
        lost: files that were read and are no longer there.
    """

    news: tuple[str, ...]
    lost: int = 0


def source_text(leaf: Leaf) -> str:
    """Return a source as a checkpoint's record names it: kind, path, and a glob of file names."""
    only = _GLOB_FILTER.search(leaf.detail) if leaf.kind is LeafKind.FILE_STREAM else None
    path = leaf.paths[0] if len(leaf.paths) == 1 else None
    return json.dumps([leaf.kind, path, None if only is None else only.group(1)])


def checkpoint_facts(files: Files, checkpoint: str) -> CheckpointFacts:
    """Return what a checkpoint says."""
    offsets = _numbers(files.names(f"{checkpoint}/offsets"))
    if not offsets:
        return CheckpointFacts(started=False, unfinished=False, offsets=())
    commits = _numbers(files.names(f"{checkpoint}/commits"))
    last = max(offsets)
    text = files.read(f"{checkpoint}/offsets/{last}") or ""
    return CheckpointFacts(
        started=True,
        unfinished=not commits or max(commits) < last,
        offsets=tuple(text.splitlines()[2:]),
    )


def source_news(
    session: SparkSession, checkpoint: str, facts: CheckpointFacts, sources: tuple[str, ...]
) -> SourceNews:
    """Return what the sources of a stream show since its last offset.

    Args:
        session: any session.
        checkpoint: where the checkpoint lies.
        facts: what it says.
        sources: the stream's sources, as `source_text` names them, in the order of its offsets.
    """
    if not facts.started:
        return SourceNews(("it has not read anything yet",))
    if len(sources) != len(facts.offsets):
        return SourceNews(("its sources are not those of its checkpoint",))
    news = ["its last batch was not acknowledged"] if facts.unfinished else []
    lost = 0
    for index, (source, offset) in enumerate(zip(sources, facts.offsets, strict=True)):
        kind, path, only = _parts(source)
        if kind == LeafKind.DELTA_STREAM and path is not None:
            news += _delta_news(session, path, offset)
        elif kind == LeafKind.FILE_STREAM and path is not None:
            found = _file_news(Files(session), path, only, f"{checkpoint}/sources/{index}")
            news += found.news
            lost += found.lost
        else:
            news.append("one of its sources cannot be compared")
    return SourceNews(tuple(news), lost)


def _parts(source: str) -> tuple[str, str | None, str | None]:
    try:
        kind, path, only = json.loads(source)
    except ValueError:
        return LeafKind.UNKNOWN, None, None
    return kind, path, only


def _delta_news(session: SparkSession, path: str, offset: str) -> list[str]:
    """Return what a table shows since an offset; commits that change no row are nothing new."""
    shown = path.rstrip("/").rsplit("/", 1)[-1]
    now = latest_version(session, path)
    try:
        plain = json.loads(offset)
        taken = plain["reservoirVersion"] - 1
        whole = plain["index"] == -1 and not plain["isStartingVersion"]
    except (ValueError, KeyError, TypeError):
        return [f"its offset in {shown} cannot be read"]
    if now is None or now[0] != plain["reservoirId"] or not whole:
        return [f"{shown} has rows that it has not read"]
    moved = [f"{shown} went from version {taken} to {now[1]}"]
    if not 0 <= now[1] - taken <= _FARTHEST:
        return moved
    since = (commit(session, path, version) for version in range(taken + 1, now[1] + 1))
    return moved if any(each is None or each.changes_rows for each in since) else []


def _file_news(files: Files, path: str, only: str | None, log: str) -> SourceNews:
    shown = path.rstrip("/").rsplit("/", 1)[-1]
    listed = files.below(path, at_most=_MOST_FILES, only=only)
    read = _files_read(files, log)
    if listed is None or read is None:
        return SourceNews((f"{shown} has too many files to compare",))
    there = {fact.path for fact in listed if not any(_is_hidden(part) for part in fact.inner)}
    new = len(there - read)
    lost = len(read - there)
    word = "file" if new == 1 else "files"
    return SourceNews((f"{new} new {word} in {shown}",) if new else (), lost)


def _files_read(files: Files, log: str) -> set[str] | None:
    """Return the files that a source's log names: the last compacted part and what came after."""
    names = files.names(log)
    compacted = [name for name in names if name.endswith(".compact")]
    base = max((int(name.split(".")[0]) for name in compacted), default=-1)
    wanted = [f"{base}.compact"] if compacted else []
    wanted += [name for name in names if name.isdigit() and int(name) > base]
    found: set[str] = set()
    for name in wanted:
        lines = (files.read(f"{log}/{name}") or "").splitlines()
        if not lines or lines[0] != _FILE_HEADER:
            return None
        found |= {normal_uri(json.loads(line)["path"]) for line in lines[1:] if line}
    return found


def _is_hidden(name: str) -> bool:
    """Return whether Spark passes over a file or folder of that name when it lists a source."""
    if name.startswith("_"):
        return "=" not in name and not name.startswith(("_metadata", "_common_metadata"))
    return name.startswith(".") or name.endswith("._COPYING_")


def _numbers(names: tuple[str, ...]) -> list[int]:
    return [int(name) for name in names if name.isdigit()]
