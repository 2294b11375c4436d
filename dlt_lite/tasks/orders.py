"""What the runner and a task's own process say to each other: one JSON object a line, both ways.

The runner sends an order first, and answers requests for a session. The process sends each task
value as it is set, and how it ended. Secrets travel here, and neither in the command line nor in
the environment.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from dlt_lite.model.task_values import Json


class Kind(StrEnum):
    """What a process does."""

    FILE = "file"
    CALLABLE = "callable"
    WHEEL = "wheel"
    SHELL = "shell"


@dataclass(frozen=True, slots=True)
class Order:
    """What a process is to do.

    Attributes:
        kind: what it does.
        subject: the file, module, package or command.
        name: the function or entry point; empty for others.
        arguments: what it takes by place.
        parameters: what it takes by name; environment variables of a command.
        optional: the names that are left out where a function does not take them.
        folder: the job's folder.
        root: the project's folder.
        values: what tasks before it have set.
        empty_loops: the for_each tasks before it that had nothing to iterate over.
        too_long: of for_each tasks before it, the keys whose values cannot be read, and why.
        engine: how a session of its own is started; None to share the runner's.
        storage_root: where tables lie, for a session of its own.
    """

    kind: Kind
    subject: str
    name: str
    arguments: tuple[str, ...]
    parameters: Mapping[str, str]
    optional: tuple[str, ...]
    folder: str
    root: str
    values: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    empty_loops: tuple[str, ...] = ()
    too_long: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    engine: Mapping[str, Any] | None = None
    storage_root: str = ""


def order_line(order: Order) -> bytes:
    """Return an order as it is sent."""
    return line_of(asdict(order))


def order_of(line: bytes) -> Order:
    """Return the order that was sent."""
    plain = json.loads(line)
    return Order(
        **{
            **plain,
            "kind": Kind(plain["kind"]),
            "arguments": tuple(plain["arguments"]),
            "optional": tuple(plain["optional"]),
            "empty_loops": tuple(plain["empty_loops"]),
        }
    )


def line_of(message: Mapping[str, object]) -> bytes:
    """Return a message as it is sent."""
    return json.dumps(message).encode() + b"\n"


def send(channel: socket.socket, message: Mapping[str, object]) -> None:
    """Send a message."""
    channel.sendall(line_of(message))
