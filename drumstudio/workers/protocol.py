"""The messages between the program and its workers: JSON, bounded, checked on arrival.

Never pickled objects: a child that reads hostile files may no longer be ours, and what it
sends must not be able to run code in the parent.

To a child:   run {job, function, arguments, urgent}, cancel {job}
From a child: ready {}, started {job}, progress {job, fraction, message},
              temporary {event, path}, done {job, result}, failed {job, error},
              cancelled {job}
"""

from __future__ import annotations

import json
from multiprocessing.connection import Connection
from typing import Any

Message = dict[str, Any]

MAX_ARGUMENT_BYTES = 256 * 1024
MAX_RESULT_BYTES = 4 * 1024 * 1024
MAX_MESSAGE_BYTES = MAX_RESULT_BYTES + 1024

_FIELDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "run": {"job": int, "function": str, "arguments": dict, "urgent": bool},
    "cancel": {"job": int},
    "ready": {},
    "started": {"job": int},
    "progress": {"job": int, "fraction": (int, float), "message": str},
    "temporary": {"event": str, "path": str},
    "done": {"job": int, "result": dict},
    "failed": {"job": int, "error": dict},
    "cancelled": {"job": int},
}


def send(connection: Connection, kind: str, **fields: Any) -> None:
    """Send one message.

    Raises
    ------
    TypeError, ValueError
        If the fields do not fit in JSON, or are too large for a message.
    OSError
        If nobody listens any more.
    """
    connection.send_bytes(encode(kind, fields))


def encode(kind: str, fields: Message) -> bytes:
    """Return one message as bytes; errors as in `send`."""
    data = json.dumps({"type": kind, **fields}).encode()
    if len(data) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message may hold {MAX_MESSAGE_BYTES} bytes, got {len(data)}")
    return data


def receive(connection: Connection) -> Message:
    """Wait for one message and return its fields, with its kind as "type".

    Raises
    ------
    ValueError
        If it is no message of ours: too long, not JSON, an unknown kind, a field missing
        or of another type.
    EOFError, OSError
        If the other side is gone.
    """
    return decode(connection.recv_bytes(MAX_MESSAGE_BYTES))


def decode(data: bytes) -> Message:
    """Return the message that `encode` made bytes.

    Raises
    ------
    ValueError
        If the bytes are no message of ours.
    """
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a message must be JSON, got {data[:80]!r}") from error
    kind = message.get("type") if isinstance(message, dict) else None
    fields = _FIELDS.get(kind) if isinstance(kind, str) else None
    if fields is None:
        raise ValueError(f"unknown message {data[:80]!r}")
    for name, expected in fields.items():
        if not isinstance(message.get(name), expected):
            raise ValueError(f"{name} of a {kind} message is missing or of another type")
    if kind == "failed" and not all(
        isinstance(message["error"].get(key), str) for key in ("kind", "what", "why", "fix")
    ):
        raise ValueError("the error of a failed message must hold kind, what, why, fix")
    return dict(message)
