"""What crosses the pipe is checked on arrival: bounded JSON of known shape, or refused."""

from __future__ import annotations

import json
import pickle
import random

import pytest

from drumstudio.workers import protocol

GOOD = {
    "run": {"job": 1, "function": "a:b", "arguments": {"x": "\udcff ü"}, "urgent": False},
    "cancel": {"job": 1},
    "ready": {},
    "started": {"job": 1},
    "progress": {"job": 1, "fraction": 0.5, "message": "Half"},
    "temporary": {"event": "started", "path": "/x"},
    "done": {"job": 1, "result": {"a": [1, None, "b"]}},
    "failed": {"job": 1, "error": {"kind": "K", "what": "w", "why": "y", "fix": "f"}},
    "cancelled": {"job": 1},
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_message_arrives_as_it_was_sent(kind):
    message = protocol.decode(protocol.encode(kind, GOOD[kind]))
    assert message == {"type": kind, **GOOD[kind]}


@pytest.mark.parametrize("kind", [kind for kind in GOOD if GOOD[kind]])
def test_a_message_without_a_field_or_with_one_of_another_type_is_refused(kind):
    for name in GOOD[kind]:
        missing = {key: value for key, value in GOOD[kind].items() if key != name}
        for fields in (missing, {**missing, name: None}, {**missing, name: [1]}):
            with pytest.raises(ValueError, match="message"):
                protocol.decode(protocol.encode(kind, fields))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"1", b"{}", b'{"type": 3}', b'{"type": "obey"}', b"\xff", b"[" * 100_000]
    + [pickle.dumps(print)],
)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(ValueError, match="message"):
        protocol.decode(data)


def test_damaged_messages_are_messages_or_refused_and_nothing_else():
    chance = random.Random(4)
    refused = 0
    for _ in range(3000):
        kind = chance.choice(list(GOOD))
        data = bytearray(protocol.encode(kind, GOOD[kind]))
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            protocol.decode(bytes(data))
        except ValueError:
            refused += 1
    assert refused > 1500


def test_an_error_needs_its_lines():
    with pytest.raises(ValueError, match="must hold"):
        protocol.decode(json.dumps({"type": "failed", "job": 1, "error": {"kind": "x"}}).encode())


def test_too_large_a_message_is_not_sent():
    with pytest.raises(ValueError, match="may hold"):
        protocol.encode("done", {"job": 1, "result": {"x": "y" * protocol.MAX_MESSAGE_BYTES}})
