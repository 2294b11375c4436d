"""What a job's exception means: one of our errors, with cause and remedy; what may be retried."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from dlt_lite.engine.exceptions import has_ended, is_dead, jvm_gone, text_of
from dlt_lite.engine.hiding import without_values
from dlt_lite.errors import (
    Canceled,
    ConcurrentWriter,
    DltLiteError,
    ExpectationFailed,
    FlowFailed,
    ProtocolTooNew,
    SourceMalformed,
    SourceMissing,
    StateDamaged,
    StorageFailed,
    TableReplaced,
)
from dlt_lite.execution.blaming import blamed, remedy, without_advice
from dlt_lite.execution.context import Context
from dlt_lite.graph.graph import ResolvedDataset, ResolvedFlow
from dlt_lite.model.datasets import Dataset
from dlt_lite.model.rules import Rule, RuleAction, RuleCount
from dlt_lite.model.samples import SampleSettings
from dlt_lite.quality.enforce import BrokenRow, Enforced, broken_row
from dlt_lite.quality.required import IS_NULL
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
        FlowFailed,
        (IS_NULL, "DELTA_NOT_NULL_CONSTRAINT_VIOLATED"),
        "has a NULL where none may be",
        "correct the query, drop such rows by an expectation, or take NOT NULL out of schema=",
    ),
    (
        FlowFailed,
        ("ModuleNotFoundError: No module named",),
        "uses a module that the workers do not have",
        (
            "import one of the project at the top of the file: what a function's body imports is "
            "not sent to the workers; any other one has to be installed there"
        ),
    ),
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
        TableReplaced,
        ("DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE",),
        "streams from a table that was dropped and made anew",
        "run with --full-refresh {shown}",
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


# What Spark says where files of a checkpoint are gone or not what it wrote.
_CHECKPOINT_DAMAGED = (
    "STREAMING_STATEFUL_OPERATOR_MISSING_STATE_DIRECTORY",
    "CANNOT_LOAD_STATE_STORE",
    "Incomplete log file",
)


def is_transient(error: BaseException) -> bool:
    """Return whether trying again may help."""
    text = whole_text(error)
    return not isinstance(error, ExpectationFailed) and any(each in text for each in _TRANSIENT)


def failure(
    error: BaseException,
    resolved: ResolvedDataset,
    flow: ResolvedFlow,
    context: Context,
    enforced: Enforced | None = None,
) -> DltLiteError:
    """Return the error that a failed flow is reported by.

    Args:
        error: what was raised.
        resolved: the dataset.
        flow: its flow.
        context: the update.
        enforced: the rows under the dataset's rules, where they were about to be written.
    """
    if isinstance(error, DltLiteError):
        return error
    text = whole_text(error)
    if broken := _expectation(text, resolved, enforced):
        return broken
    shown, origin = resolved.dataset.shown, flow.flow.origin
    if gone := _gone(error, shown, context):
        return gone
    line = _shown_line(text, context.samples)
    if rules := blamed(text, context.rules_in_the_job(resolved)):
        return _undecidable(shown, rules, line, text)
    checkpoints = context.layout.checkpoints(resolved.dataset.name, flow.flow.name)
    if _tells_of_damage(text, checkpoints):
        return _damaged_checkpoint(line, resolved, flow, checkpoints)
    for kind, marks, what, fix in _KNOWN:
        if any(each in text for each in marks):
            return kind(f"{shown} {what}: {line}", origin=origin, fix=fix.format(shown=shown))
    fix = "the whole stack trace is in the run's spark.log"
    return FlowFailed(f"{shown} failed: {line}", origin=origin, fix=fix)


def _gone(error: BaseException, shown: str, context: Context) -> DltLiteError | None:
    if context.stop.is_set() and (is_dead(error) or has_ended(context.session)):
        # Whoever asked us to stop has ended Spark, too: it may say anything by now.
        return Canceled(f"{shown} was stopped before it had come to its end")
    return jvm_gone() if is_dead(error) else None


def trial_failure(error: BaseException, dataset: Dataset, samples: SampleSettings) -> DltLiteError:
    """Return the error that is told where a dataset's rules could not be tried on its table.

    Args:
        error: what was raised.
        dataset: the dataset, with the rules that were tried.
        samples: what of the data may be shown.
    """
    if is_dead(error):
        return jvm_gone()
    text = whole_text(error)
    line = _shown_line(text, samples)
    if rules := blamed(text, dataset.rules):
        return _undecidable(dataset.shown, rules, line, text)
    fix = "correct the rule that Spark speaks of, or try the others without it"
    what = f"{dataset.shown}: its rules could not be tried: {line}"
    return FlowFailed(what, origin=dataset.origin, fix=fix)


def _undecidable(shown: str, rules: Sequence[Rule], line: str, text: str) -> FlowFailed:
    named = ", ".join(each.name for each in rules)
    what = f"{shown}: expectation {named} cannot be decided: {without_advice(line)}"
    return FlowFailed(what, origin=rules[0].origin, fix=remedy(text))


def _shown_line(text: str, samples: SampleSettings) -> str:
    """Return the line of an exception's text that says most, without values that are masked."""
    # A value of a masked column may be among what Spark says, and Spark does not say which it is.
    return without_values(main_line(text)) if samples.mask else main_line(text)


def _tells_of_damage(text: str, checkpoints: str) -> bool:
    if any(each in text for each in _CHECKPOINT_DAMAGED):
        return True
    # A source's file may have another checksum, too.
    return "ChecksumException" in text and checkpoints in text


def _damaged_checkpoint(
    line: str, resolved: ResolvedDataset, flow: ResolvedFlow, folder: str
) -> StateDamaged:
    shown, name = resolved.dataset.shown, flow.flow.name
    return StateDamaged(
        f"{shown}: the checkpoint of flow {name} lacks files, or they are damaged: {line}",
        path=folder,
        origin=flow.flow.origin,
        fix=f"put it back from a backup ({folder}); or run with --full-refresh {shown} to begin "
        f"anew, or with --reset-checkpoint {name} to keep the rows and read the sources again",
    )


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
