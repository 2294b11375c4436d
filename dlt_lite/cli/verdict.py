"""What the rules of an update decided, and the gate → what a person reads, and what JSON holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlt_lite.cli.escaping import one_line
from dlt_lite.cli.streams import Streams, styled
from dlt_lite.model.gates import GateResult
from dlt_lite.model.results import UpdateQuality
from dlt_lite.report.reasons import reasons_of
from dlt_lite.report.verdicts import sentence

if TYPE_CHECKING:
    from dlt_lite.workspace import Report

_GREEN, _RED = "1;32", "1;31"
_MOST_REASONS = 10


def verdict_text(update: UpdateQuality, gate: GateResult, streams: Streams) -> str:
    """Return the verdict in one sentence, and why the gate was missed."""
    color = streams.out_color
    word = styled("met", _GREEN, color=color) if gate.met else styled("missed", _RED, color=color)
    found = reasons_of(gate, update)
    reasons = [f"           {one_line(each.text)}" for each in found[:_MOST_REASONS]]
    if len(found) > _MOST_REASONS:
        reasons.append(f"           and {len(found) - _MOST_REASONS:,} more")
    notes = [f"           note: {one_line(each)}" for each in gate.notes]
    return "\n".join(
        (f"quality:   {one_line(sentence(update))}", f"gate:      {word}", *reasons, *notes)
    )


def files_text(report: Report, here: Path, *, keeps_history: bool) -> str:
    """Return where the reports lie, and that trends need a past where there is none."""
    lines = [f"{f'{form}:':<11}{from_here(path, here)}" for form, path in report.files.items()]
    if len(report.updates) == 1:
        hint = "" if keeps_history else "; --history DIR keeps updates for machines like this one"
        lines.append(f"no earlier update is known here, so nothing is compared{hint}")
    return "\n".join(one_line(line) for line in lines)


def verdict_json(report: Report) -> dict[str, object]:
    """Return what `-o json` prints of reports."""
    update, gate = report.update, report.gate
    return {
        "verdict": update.verdict,
        "sentence": sentence(update),
        "gate": {"met": gate.met, "reasons": list(gate.reasons), "notes": list(gate.notes)},
        "reports": {str(form): str(path) for form, path in report.files.items()},
    }


def from_here(path: Path, here: Path) -> Path:
    """Return a path as a person who stands here may write it."""
    return path.relative_to(here) if path.is_relative_to(here) else path
