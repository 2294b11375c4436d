"""Where events go: every sink receives the same event, in order, one at a time."""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from dlt_lite.events.codec import decode, encode
from dlt_lite.events.records import Envelope, Event, FlowProgress, Record

Sink = Callable[[Event], None]
Clock = Callable[[], datetime]
Emit = Callable[[Record], None]


class Emitter:
    """Puts records into envelopes and hands them to the sinks.

    A batch of a flow always gets the same id, so that one which is reported again after a crash
    can be told from another. `first` counts the events that there already are.
    """

    def __init__(
        self,
        update_id: str,
        pipeline: str,
        clock: Clock,
        sinks: Sequence[Sink],
        *,
        first: int = 0,
    ) -> None:
        self._update_id = update_id
        self._pipeline = pipeline
        self._clock = clock
        self._sinks = tuple(sinks)
        self._sequence = first
        self._turn = threading.Lock()

    def __call__(self, record: Record) -> None:
        """Emit a record."""
        with self._turn:
            self._sequence += 1
            stamp = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
            envelope = Envelope(
                _id_of(record),
                self._sequence,
                self._update_id,
                self._pipeline,
                stamp.replace("+00:00", "Z"),
            )
            event = Event(envelope, record)
            for sink in self._sinks:
                sink(event)


def _id_of(record: Record) -> str:
    if isinstance(record, FlowProgress) and record.batch_id is not None:
        return batch_event_id(record.flow_id or "", record.batch_id)
    return str(uuid.uuid4())


def batch_event_id(flow_id: str, batch_id: int) -> str:
    """Return the id of the event that reports a batch."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{flow_id}/{batch_id}"))


class NdjsonFile:
    """A sink that appends each event as one line, on the disk before it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, event: Event) -> None:
        """Append an event."""
        line = (line_of(event) + "\n").encode()
        with self._path.open("a+b") as file:
            file.write(line if _ends_whole(file) else b"\n" + line)
            file.flush()
            os.fsync(file.fileno())


def _ends_whole(file: BinaryIO) -> bool:
    """Tell whether a file's last line is whole; a full disk or a crash may have torn it."""
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def line_of(event: Event) -> str:
    """Return an event as one line of JSON."""
    return json.dumps(encode(event), ensure_ascii=False)


def read_ndjson(path: Path) -> list[Event]:
    """Return the events of a file; a torn line, left by a crash, is passed over."""
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().split(b"\n"):
        try:
            found.append(decode(json.loads(line)))
        except ValueError:
            continue
    return found
