"""What an update did → the page that a person reads at its end, or by `runs show`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from textwrap import indent

from dlt_lite.cli.board import seconds_of
from dlt_lite.cli.complaints import painted
from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.figures import amount, counted, duration
from dlt_lite.cli.streams import Streams, aligned, styled
from dlt_lite.model.checks import BY_ROW
from dlt_lite.report.summary import DatasetResult, ExpectationResult, UpdateResult

_MOST_ROWS = 40
_MOST_NAMES = 5
_WORST = 3
_MARGIN = "  "
_STYLES = {"COMPLETED": "1;32", "FAILED": "1;31", "CANCELED": "1;33", "ABANDONED": "1;33"}
_COLUMNS: tuple[str, ...] = (
    "dataset",
    "action",
    "state",
    ">written",
    ">dropped",
    ">quarantined",
    ">time",
    "why",
)
# What a narrow terminal can do without, the least important first.
_SPARE = (">time", "action", ">dropped", ">quarantined", "why", ">written")
_QUARANTINED = 5
_NEVER_BEGUN = frozenset({"SKIPPED", "EXCLUDED", "QUEUED"})
_IDLE = frozenset({"skip", "none"})


def summary(result: UpdateResult, streams: Streams, *, state: str | None = None) -> str:
    """Return the page.

    Args:
        result: what the update did.
        streams: for whom it is: decides on colours and width.
        state: the state of the run where its folder knows better than its events.
    """
    color = streams.out_color
    parts = [
        _title(result, state or result.state, color=color),
        _table(result.datasets, streams),
        _out_of_date(result),
        _failures(result, color=color),
        _expectations(result.datasets),
    ]
    return "\n\n".join(part for part in parts if part)


def tables_place(result: UpdateResult) -> str | None:
    """Return the one folder below which the update's tables lie, None where there are none yet."""
    made = [each.path for each in result.datasets if each.path and each.version is not None]
    paths = [path.rstrip("/").split("/") for path in made]
    if not paths:
        return None
    common = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return "/".join(common)


def next_steps(result: UpdateResult, program: str) -> tuple[str, ...]:
    """Return the commands that a person may want now."""
    steps = []
    if result.state != "COMPLETED" or result.out_of_date:
        steps.append(f"{program} run {result.pipeline}")
    if result.state == "FAILED":
        steps.append(f"{program} events {result.pipeline} --level ERROR")
    written = [each for each in result.datasets if each.path and each.version is not None]
    fresh = [each for each in written if each.rows_written] or written
    if fresh:
        steps.append(f"{program} show {fresh[-1].name}")
    if result.state == "COMPLETED":
        steps.append(f"{program} events {result.pipeline}")
    return tuple(steps)


def _title(result: UpdateResult, state: str, *, color: bool) -> str:
    told = styled(state, _STYLES.get(state, ""), color=color)
    length = ""
    if result.started and result.ended:
        length = f" in {duration(seconds_of(result.ended) - seconds_of(result.started))}"
    title = f"{one_line(result.pipeline)}: {told}{length}: {_figures(result.datasets)}"
    return title + (f" (update {one_line(result.update_id)})" if result.update_id else "")


def _figures(datasets: Sequence[DatasetResult]) -> str:
    tables = [each for each in datasets if each.action != "none"]
    done = [each for each in tables if each.state == "COMPLETED"]
    idle = [each for each in done if each.action in _IDLE]
    others = Counter(each.state.lower() for each in tables if each.state != "COMPLETED")
    parts = [
        f"{counted(len(done) - len(idle), 'dataset')} updated" if len(done) > len(idle) else "",
        f"{amount(len(idle))} up to date" if idle else "",
        *(f"{amount(number)} {state}" for state, number in sorted(others.items())),
    ]
    return ", ".join(part for part in parts if part) or "nothing to do"


def _table(datasets: Sequence[DatasetResult], streams: Streams) -> str:
    shown = [each for each in datasets if each.action != "none"]
    kept = shown
    if len(shown) > _MOST_ROWS:
        kept = [each for each in shown if not _is_idle(each)][:_MOST_ROWS]
    left_out = len(shown) - len(kept)
    columns, rows = _COLUMNS, [_row(each) for each in kept]
    if not any(each.rows_quarantined for each in kept):
        columns, *rows = (
            (*each[:_QUARANTINED], *each[_QUARANTINED + 1 :]) for each in (columns, *rows)
        )
    parts = [aligned(columns, rows, streams, spare=_SPARE)] if rows else []
    if left_out:
        parts.append(f"and {counted(left_out, 'dataset')} more; -o json tells of all")
    return "\n".join(parts)


def _is_idle(dataset: DatasetResult) -> bool:
    return dataset.action in _IDLE and dataset.state in {"COMPLETED", "EXCLUDED"}


def _row(dataset: DatasetResult) -> tuple[str, ...]:
    worked = dataset.action not in _IDLE and dataset.state not in _NEVER_BEGUN
    return (
        dataset.name,
        dataset.action.replace("_", " "),
        dataset.state,
        amount(dataset.rows_written) if worked else "",
        amount(dataset.rows_dropped) if worked else "",
        amount(dataset.rows_quarantined) if worked else "",
        duration(dataset.seconds) if worked else "",
        dataset.reason,
    )


def _out_of_date(result: UpdateResult) -> str:
    names = result.out_of_date
    if not names:
        return ""
    more = len(names) - _MOST_NAMES
    listed = ", ".join(names[:_MOST_NAMES]) + (f" and {amount(more)} more" if more > 0 else "")
    return one_line(f"out of date until the next run: {listed}")


def _failures(result: UpdateResult, *, color: bool) -> str:
    failed = [each for each in result.datasets if each.error is not None]
    told = [
        f"{one_line(each.name)}:\n{indent(painted(each.error or '', color=color), _MARGIN)}"
        for each in failed
    ]
    known = {each.error for each in failed}
    if result.error is not None and result.error not in known:
        told.insert(0, painted(result.error, color=color))
    return "what failed:\n" + indent("\n".join(told), _MARGIN) if told else ""


def _expectations(datasets: Iterable[DatasetResult]) -> str:
    violated = [(each, rule) for each in datasets for rule in each.expectations if rule.is_violated]
    if not violated:
        return ""
    worst = sorted(violated, key=lambda pair: _share(pair[1]), reverse=True)
    told = [_violation(each, rule) for each, rule in worst[:_WORST]]
    if len(violated) > _WORST:
        told.append(f"and {counted(len(violated) - _WORST, 'expectation')} more")
    return "violated expectations:\n" + indent("\n".join(told), _MARGIN)


def _violation(dataset: DatasetResult, rule: ExpectationResult) -> str:
    name = f"{rule.dataset or dataset.name}.{rule.name}"
    if rule.kind not in BY_ROW:
        return one_line(f"{name} ({rule.action}): {rule.observed or 'does not hold'}")
    total = rule.passed + rule.failed
    about = "" if rule.exact else "about "
    return one_line(
        f"{name} ({rule.action}): {about}{amount(rule.failed)} of {counted(total, 'row')}"
        f" ({_share(rule):.1%})"
    )


def _share(rule: ExpectationResult) -> float:
    return rule.failed / max(rule.passed + rule.failed, 1)
