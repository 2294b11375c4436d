"""What a job's exception means: one of our errors, with cause and remedy; what may be retried."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dlt_lite.engine.exceptions import is_dead, jvm_gone, text_of
from dlt_lite.errors import (
    ConcurrentWriter,
    DltLiteError,
    ExpectationFailed,
    FlowFailed,
    ProtocolTooNew,
    SourceMalformed,
    SourceMissing,
    StorageFailed,
    TableReplaced,
)
from dlt_lite.graph.graph import ResolvedDataset, ResolvedFlow
from dlt_lite.model.rules import Rule, RuleAction, RuleCount
from dlt_lite.quality.enforce import BrokenRow, Enforced, broken_row
from dlt_lite.quality.samples import sample_of_record

_TRANSIENT = (
    "ConcurrentAppendException",
    "ConcurrentDeleteReadException",
    "DELTA_CONCURRENT_APPEND",
    "MetadataChangedException",
    "SocketTimeoutException",
    "ConnectException",
    "NoHttpResponseException",
    "SlowDown",
    "503 Service Unavailable",
    "TooManyRequests",
)
_KNOWN: tuple[tuple[type[DltLiteError], tuple[str, ...], str, str], ...] = (
    (
        StorageFailed,
        ("No space left on device", "Disk quota exceeded"),
        "could not be written, the disk is full",
        "free space, then run again: what was there is as it was",
    ),
    (
        ConcurrentWriter,
        ("ConcurrentTransactionException",),
        "was written by somebody else first",
        "look for a second update of this pipeline on another machine, then run again",
    ),
    (
        TableReplaced,
        ("DELTA_SOURCE_TABLE_IGNORE_CHANGES", "DELTA_SOURCE_IGNORE_DELETE"),
        "streams from a table whose rows were changed or removed",
        "run with --full-refresh {shown}, or read with the option skipChangeCommits",
    ),
    (
        ProtocolTooNew,
        ("DELTA_UNSUPPORTED_FEATURES", "DELTA_INVALID_PROTOCOL_VERSION"),
        "needs Delta features that this version does not have",
        "use a newer dlt_lite, or write the table with older Delta",
    ),
    (
        SourceMalformed,
        ("MALFORMED_RECORD", "MALFORMED_CSV_RECORD", "BAD_RECORD", "MalformedCSV", "MALFORMED"),
        "reads a malformed record",
        "correct the file, or choose mode PERMISSIVE and an expectation on what is broken",
    ),
    (
        SourceMissing,
        ("FileNotFoundException", "FILE_NOT_EXIST", "PATH_NOT_FOUND", "DELTA_FILE_NOT_FOUND"),
        "reads a file that is gone",
        "put the file back; for a stream over files that are gone, a full refresh",
    ),
    (
        StorageFailed,
        (
            "Read-only file system",
            "Permission denied",
            "AccessControlException",
            "Mkdirs failed",
            "DELTA_CANNOT_CREATE_LOG_PATH",
        ),
        "has no access",
        "give the process the right to read and write there",
    ),
)
# The lines of a Java exception's text that say what happened, and what they begin with.
_TELLING = ("Caused by:", ": ")
_TALK = re.compile(r"^(Caused by: *|: )|\[STREAM_FAILED\].*?terminated with exception: ")
_LONGEST = 2000


def is_transient(error: BaseException) -> bool:
    """Return whether trying again may help."""
    text = whole_text(error)
    return not isinstance(error, ExpectationFailed) and any(each in text for each in _TRANSIENT)


def failure(
    error: BaseException,
    resolved: ResolvedDataset,
    flow: ResolvedFlow,
    enforced: Enforced | None = None,
) -> DltLiteError:
    """Return the error that a failed flow is reported by."""
    if isinstance(error, DltLiteError):
        return error
    text = whole_text(error)
    if broken := _expectation(text, resolved, enforced):
        return broken
    if is_dead(error):
        return jvm_gone()
    shown, origin = resolved.dataset.shown, flow.flow.origin
    line = main_line(text)
    for kind, marks, what, fix in _KNOWN:
        if any(each in text for each in marks):
            return kind(f"{shown} {what}: {line}", origin=origin, fix=fix.format(shown=shown))
    fix = "the whole stack trace is in the run's spark.log"
    return FlowFailed(f"{shown} failed: {line}", origin=origin, fix=fix)


def whole_text(error: BaseException) -> str:
    """Return all that an exception and its causes say."""
    texts = []
    each: BaseException | None = error
    while each is not None:
        texts.append(text_of(each))
        each = each.__cause__
    return "\n".join(texts)


def main_line(text: str) -> str:
    """Return the line of an exception's text that says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if raised := _python_line(text):
        return raised
    told = [_TALK.sub("", line) for line in lines if line.startswith(_TELLING)] or lines[:1]
    return told[-1].split(" SQLSTATE:")[0][:_LONGEST] if told else ""


def _python_line(text: str) -> str | None:
    """Return the last line of the trace of a Python function that ran on a worker."""
    _, found, trace = text.partition("Traceback (most recent call last):")
    if not found:
        return None
    lines = [line for line in trace.split("SQLSTATE")[0].splitlines() if line.strip()]
    raised = [line for line in lines[1:] if not line.startswith((" ", "\t"))]
    return raised[0].strip()[:_LONGEST] if raised else None


def _expectation(
    text: str, resolved: ResolvedDataset, enforced: Enforced | None
) -> ExpectationFailed | None:
    broken = broken_row(text)
    if broken is None:
        return None
    first = broken.rules[0]
    rules = {rule.name: rule for rule in resolved.dataset.rules}
    rule = rules.get(first)
    names = ", ".join(broken.rules)
    one = f" One is: {broken.record}" if broken.record else " No row is shown: samples are off."
    return ExpectationFailed(
        f"{resolved.dataset.shown}: expectation {names} failed for 1 or more rows "
        f"(partial count: the job ended there); nothing of them was written.{one}",
        origin=None if rule is None else rule.origin,
        fix="correct the rows at their source or in the query, or change the rule's action",
        found=() if enforced is None else tuple(_shown(broken, rules, enforced)),
    )


def _shown(broken: BrokenRow, rules: Mapping[str, Rule], enforced: Enforced) -> Iterator[RuleCount]:
    """Yield what is shown of the row, for each rule that it broke; nobody has counted."""
    for name in broken.rules:
        samples = sample_of_record(broken.record, name, enforced.sampling)
        if samples and name in rules:
            yield RuleCount(name, RuleAction.FAIL, 0, 0, samples=samples)
