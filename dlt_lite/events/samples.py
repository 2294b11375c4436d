"""How much of the data an update's events may show: bounded in the run's folder, none in tables."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

from dlt_lite.events.records import Event, FlowProgress, Record
from dlt_lite.events.sinks import Emit
from dlt_lite.model.rules import Counts
from dlt_lite.model.samples import MOST_SAMPLE_BYTES, Sample, SampleSettings, fitting, size_of

# Of what is left, so that those who come later find something, too.
_SHARE = 4


class BoundedSamples:
    """Hands records on, with no more rows than an update may show: so many a rule, 64 KB in all.

    Args:
        emit: takes the records.
        settings: how many rows of a rule an update may show.
        most_bytes: how much all rows may take.
    """

    def __init__(
        self, emit: Emit, settings: SampleSettings, most_bytes: int = MOST_SAMPLE_BYTES
    ) -> None:
        self._emit = emit
        self._most = settings.most
        self._left = most_bytes
        self._shown: Counter[tuple[str, str]] = Counter()
        self._turn = threading.Lock()

    def __call__(self, record: Record) -> None:
        """Hand a record on."""
        if isinstance(record, FlowProgress) and record.counts is not None:
            with self._turn:
                record = replace(record, counts=self._bounded(record.counts, record.dataset))
        self._emit(record)

    def _bounded(self, counts: Counts, dataset: str) -> Counts:
        keys = [(rule.dataset or dataset, rule.name) for rule in counts.rules]
        wanted = [
            rule.samples[: max(0, self._most - self._shown[key])]
            for key, rule in zip(keys, counts.rules, strict=True)
        ]
        kept = fitting(wanted, self._left // _SHARE)
        for key, samples in zip(keys, kept, strict=True):
            self._shown[key] += len(samples)
            self._left -= sum(map(size_of, samples))
        return _with_samples(counts, kept)


def without_samples(event: Event) -> Event:
    """Return an event without any row of the data, as a table keeps it."""
    record = event.record
    if not isinstance(record, FlowProgress) or record.counts is None:
        return event
    bare = _with_samples(record.counts, [()] * len(record.counts.rules))
    return replace(event, record=replace(record, counts=bare))


def _with_samples(counts: Counts, samples: list[tuple[Sample, ...]]) -> Counts:
    rules = (
        replace(rule, samples=own) if rule.samples else rule
        for rule, own in zip(counts.rules, samples, strict=True)
    )
    return replace(counts, rules=tuple(rules))
