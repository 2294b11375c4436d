"""Whether a stream's sources show anything new, from its checkpoint alone: no query is started.

When in doubt there is something new. A stream is left alone only if its last offset is also its
last commit, its state has seen the watermark that this commit left, and every source is a Delta
table at that very version or a folder whose every file has been read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import SparkSession

from dlt_lite.engine.deltalog import Commit, change_files, commit, latest_version
from dlt_lite.engine.file_systems import checksum_file, damaged
from dlt_lite.engine.files import Files, normal_uri
from dlt_lite.engine.plans import Leaf, LeafKind
from dlt_lite.errors import StateDamaged

_MOST_FILES = 200_000
_FARTHEST = 100
_MOST_SHOWN = 20
_FILE_HEADER = "v1"
_HEADER = re.compile(r"v\d+")
# The version, what the batch was begun with, and an offset at least.
_LEAST_LINES = 3
_CHANGE_FEED = frozenset({"readchangefeed", "readchangedata"})
# With any of these a stream may go on over rows that were changed or removed.
_TOLERANT = _CHANGE_FEED | {"skipchangecommits", "ignorechanges", "ignoredeletes"}
_TOLERANT |= {"ignorefiledeletion"}
_SWITCHED_ON = re.compile(r"['\"](\w+)=true['\"]", re.IGNORECASE)
_GLOB_FILTER = re.compile(r"['\"]pathglobfilter=([^'\"]*)['\"]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CheckpointFacts:
    """What a checkpoint says.

    Attributes:
        started: whether it holds an offset.
        unfinished: whether its last offset was not acknowledged.
        offsets: the last offset of each source, as its text.
        watermark_due: whether it keeps state that has not seen the watermark of its last commit,
            or does not say so.
    """

    started: bool
    unfinished: bool
    offsets: tuple[str, ...]
    watermark_due: bool = False


@dataclass(frozen=True, slots=True)
class SourceNews:
    """What the sources of a stream show.

    Attributes:
        news: what is new, in words; empty where nothing is.
        lost: files that were read and are no longer there.
        rewritten: tables that lost or changed rows which were read, in words.
        replaced: tables that are others now, in words.
    """

    news: tuple[str, ...]
    lost: int = 0
    rewritten: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """A source as a checkpoint's record names it; `switched` is None where it does not say."""

    kind: str
    path: str | None = None
    only: str | None = None
    switched: frozenset[str] | None = None


def source_text(leaf: Leaf) -> str:
    """Return a source as a checkpoint's record names it: kind, path, and a glob of file names.

    Of a table's options those that say what becomes of changed rows are the fourth.
    """
    only = _GLOB_FILTER.search(leaf.detail) if leaf.kind is LeafKind.FILE_STREAM else None
    path = leaf.paths[0] if len(leaf.paths) == 1 else None
    parts: list[object] = [leaf.kind, path, None if only is None else only.group(1)]
    if leaf.kind is LeafKind.DELTA_STREAM:
        switched = {each.lower() for each in _SWITCHED_ON.findall(leaf.detail)}
        parts.append(sorted(switched & _TOLERANT))
    return json.dumps(parts)


def checkpoint_facts(files: Files, checkpoint: str) -> CheckpointFacts:
    """Return what a checkpoint says.

    Raises:
        StateDamaged: Spark could not go on with it, since one of its files is damaged.
    """
    offsets = _numbers(files.names(f"{checkpoint}/offsets"))
    if not offsets:
        return CheckpointFacts(started=False, unfinished=False, offsets=())
    commits = _numbers(files.names(f"{checkpoint}/commits"))
    last = max(offsets)
    file = f"{checkpoint}/offsets/{last}"
    lines = (files.read(file) or "").splitlines()
    if len(lines) < _LEAST_LINES or not _HEADER.fullmatch(lines[0]):
        raise damaged(file, "it is empty, or not what Spark wrote")
    unfinished = not commits or max(commits) < last
    if unfinished and files.exists(checksum_file(f"{checkpoint}/commits/{last}")):
        raise _half_removed(f"{checkpoint}/commits/{last}")
    return CheckpointFacts(
        started=True,
        unfinished=unfinished,
        offsets=tuple(lines[2:]),
        watermark_due=_watermark_due(files, checkpoint, last, lines),
    )


def _half_removed(file: str) -> StateDamaged:
    beside = checksum_file(file)
    return StateDamaged(
        f"{file} is gone, but its checksum {beside} is there, which Spark stumbles over",
        path=file,
        fix=f"put it back from a backup, or remove {beside}: its batch is then acknowledged anew",
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
    found = [SourceNews(("its last batch was not acknowledged",) if facts.unfinished else ())]
    for index, (source, offset) in enumerate(zip(sources, facts.offsets, strict=True)):
        each = _source(source)
        if each.kind == LeafKind.DELTA_STREAM and each.path is not None:
            found.append(_delta_news(session, each.path, offset, each.switched))
        elif each.kind == LeafKind.FILE_STREAM and each.path is not None:
            log = f"{checkpoint}/sources/{index}"
            found.append(_file_news(Files(session), each.path, each.only, log))
        else:
            found.append(SourceNews(("one of its sources cannot be compared",)))
    return SourceNews(
        tuple(text for each in found for text in each.news),
        sum(each.lost for each in found),
        tuple(text for each in found for text in each.rewritten),
        tuple(text for each in found for text in each.replaced),
    )


def batch_sources(
    files: Files, checkpoint: str, batch: int, sources: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what a batch was read from: files, and tables as `name@version` or `name@from-to`.

    Of many files the first are told, and how many there are besides.

    Args:
        files: reads files.
        checkpoint: where the checkpoint lies.
        batch: the batch, whose offset is written.
        sources: the stream's sources, as `source_text` names them, in the order of its offsets.
    """
    before = _offsets(files, checkpoint, batch - 1)
    found: list[str] = []
    for index, (source, now) in enumerate(
        zip(sources, _offsets(files, checkpoint, batch), strict=False)
    ):
        each = _source(source)
        last = before[index] if index < len(before) else ""
        if each.kind == LeafKind.DELTA_STREAM and each.path is not None:
            found += _versions(each.path, last, now)
        elif each.kind == LeafKind.FILE_STREAM:
            found += _files_of(files, f"{checkpoint}/sources/{index}", last, now)
    return tuple(found)


def _offsets(files: Files, checkpoint: str, batch: int) -> list[str]:
    return (files.read(f"{checkpoint}/offsets/{batch}") or "").splitlines()[2:]


def _versions(path: str, last: str, now: str) -> list[str]:
    shown = path.rstrip("/").rsplit("/", 1)[-1]
    first, end = (_version(text, at_end=at_end) for text, at_end in ((last, False), (now, True)))
    if end is None:
        return []
    return [f"{shown}@{end}" if first is None or first >= end else f"{shown}@{first}-{end}"]


def _version(offset: str, *, at_end: bool) -> int | None:
    """Return the version up to which an offset goes, or from which what comes after it begins."""
    try:
        plain = json.loads(offset)
        version, index = int(plain["reservoirVersion"]), int(plain["index"])
    except (ValueError, KeyError, TypeError):
        return None
    return version - 1 if at_end and index == -1 else version


def _files_of(files: Files, log: str, last: str, now: str) -> list[str]:
    first, end = _log_offset(last), _log_offset(now)
    if end is None:
        return []
    paths = [
        entry["path"]
        for number in range(0 if first is None else first + 1, end + 1)
        for entry in _entries(files, log, number)
    ]
    rest = len(paths) - _MOST_SHOWN
    return [*paths[:_MOST_SHOWN], *([f"and {rest} more"] if rest > 0 else [])]


def _log_offset(offset: str) -> int | None:
    try:
        plain = json.loads(offset)
        return int(plain["logOffset"] if isinstance(plain, dict) else plain)
    except (ValueError, KeyError, TypeError):
        return None


def _entries(files: Files, log: str, number: int) -> list[dict[str, Any]]:
    """Return what a part of a source's log names; a compacted part names what came before, too."""
    text = files.read(f"{log}/{number}") or files.read(f"{log}/{number}.compact") or ""
    entries: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()[1:] if line]
    return [entry for entry in entries if entry.get("batchId", number) == number]


def _source(text: str) -> _Source:
    try:
        kind, path, only, *more = json.loads(text)
    except ValueError:
        return _Source(LeafKind.UNKNOWN)
    return _Source(kind, path, only, frozenset(more[0]) if more else None)


def _watermark_due(files: Files, checkpoint: str, last: int, offset: list[str]) -> bool:
    """Return whether state waits for a batch with the watermark that the last one led to.

    Spark runs a batch without data for that only; a batch that the last one asked for has that
    watermark written beside its own offset.
    """
    if not files.exists(f"{checkpoint}/state"):
        return False
    try:
        seen = json.loads(offset[1])["batchWatermarkMs"]
        commit_lines = (files.read(f"{checkpoint}/commits/{last}") or "").splitlines()
        return bool(seen != json.loads(commit_lines[1])["nextBatchWatermarkMs"])
    except (ValueError, KeyError, IndexError, TypeError):
        return True


def _delta_news(
    session: SparkSession, path: str, offset: str, switched: frozenset[str] | None
) -> SourceNews:
    """Return what a table shows since an offset; commits that change no row are nothing new."""
    shown = path.rstrip("/").rsplit("/", 1)[-1]
    now = latest_version(session, path)
    try:
        plain = json.loads(offset)
        taken, index = plain["reservoirVersion"] - 1, plain["index"]
        whole = index == -1 and not plain["isStartingVersion"]
    except (ValueError, KeyError, TypeError):
        return SourceNews((f"its offset in {shown} cannot be read",))
    unread = SourceNews((f"{shown} has rows that it has not read",))
    if now is None:
        return unread
    if now[0] != plain["reservoirId"]:
        return replace(unread, replaced=(f"{shown} is another table now",))
    feed = switched is not None and bool(switched & _CHANGE_FEED)
    if feed and not whole and not plain["isStartingVersion"]:
        # A version with files of changes ends at the last of these; Delta takes all or none.
        whole = change_files(session, path, taken + 1) == index + 1
        taken += 1
    if not whole:
        return unread
    moved = SourceNews((f"{shown} went from version {taken} to {now[1]}",))
    if not 0 <= now[1] - taken <= _FARTHEST:
        return moved
    since = [commit(session, path, version) for version in range(taken + 1, now[1] + 1)]
    if switched is not None and not switched:
        moved = replace(moved, rewritten=_rewritten(shown, since))
    return moved if any(each is None or each.changes_rows for each in since) else SourceNews(())


def _rewritten(shown: str, since: Sequence[Commit | None]) -> tuple[str, ...]:
    """Return the first commit that removed rows or put others in their place, in words."""
    for each in since:
        if each is not None and each.removes:
            return (f"{shown} has a {each.operation} in version {each.version}",)
    return ()


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
        if not lines or not _HEADER.fullmatch(lines[0]):
            raise damaged(f"{log}/{name}", "it is empty, or not what Spark wrote")
        if lines[0] != _FILE_HEADER:
            return None
        try:
            found |= {normal_uri(json.loads(line)["path"]) for line in lines[1:] if line}
        except (ValueError, KeyError, TypeError) as error:
            raise damaged(f"{log}/{name}", "it is not what Spark wrote") from error
    return found


def _is_hidden(name: str) -> bool:
    """Return whether Spark passes over a file or folder of that name when it lists a source."""
    if name.startswith("_"):
        return "=" not in name and not name.startswith(("_metadata", "_common_metadata"))
    return name.startswith(".") or name.endswith("._COPYING_")


def _numbers(names: tuple[str, ...]) -> list[int]:
    return [int(name) for name in names if name.isdigit()]
