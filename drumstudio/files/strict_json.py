"""JSON from anywhere, read with limits: what it may hold, how deep, how long.

`json.loads` alone takes NaN, 1e400 (as infinity), duplicate keys (the last one wins), and
nesting until the stack ends.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

import numpy as np

MAX_DEPTH = 64
MAX_VALUES = 600_000
"""How many values a document may hold: five million bytes of empty objects take 200 MB."""
_MAX_DIGITS = 19
_MAX_INTEGER = 2**63 - 1
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{},"'))


def parse(data: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """Return what a JSON document holds.

    Parameters
    ----------
    data : bytes
        UTF-8. Its length is the caller's limit to set.
    max_depth : int
        How many lists and objects may be nested in each other.

    Raises
    ------
    ValueError
        If it is not JSON, not UTF-8, nested too deep, has a key twice in one object, or holds
        NaN, an infinity, an integer beyond 64 bits, or more than `MAX_VALUES` values.
    """
    # Before the parser sees it: the parser recurses, and a thread's stack may be small.
    depth, commas = _structure(data)
    if depth > max_depth:
        raise ValueError(f"it is nested more than {max_depth} levels deep")
    if commas >= MAX_VALUES:
        raise ValueError(f"it holds more than {MAX_VALUES} values")
    return json.loads(
        data.decode("utf-8"),
        object_pairs_hook=_object,
        parse_constant=_refuse,
        parse_float=_finite,
        parse_int=_integer,
    )


def dump(value: Any) -> bytes:
    """Return a value as compact JSON in UTF-8: what `parse` reads back as an equal value.

    Raises
    ------
    ValueError
        If it holds NaN or an infinity.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def canonical(value: Any) -> bytes:
    """Return a value as JSON with sorted keys: equal values give equal bytes, for hashing.

    Raises
    ------
    ValueError
        If it holds NaN or an infinity.
    """
    return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":")).encode()


def _structure(data: bytes) -> tuple[int, int]:
    """Return how deep a document is nested, and its commas; right up to its first mistake."""
    # Backslashes stand in strings only: without the escaped ones and the escaped quotes,
    # every quote that is left begins or ends a string.
    bare = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE)
    marks = np.frombuffer(bare, np.uint8)
    if marks.size == 0:
        return 0, 0
    inside = np.cumsum(marks == ord('"'), dtype=np.int32) & 1
    marks = marks[inside == 0]
    opening = (marks == ord("[")) | (marks == ord("{"))
    closing = (marks == ord("]")) | (marks == ord("}"))
    steps = opening.astype(np.int8) - closing.astype(np.int8)
    deepest = int(np.cumsum(steps, dtype=np.int32).max(initial=0))
    return deepest, int(np.count_nonzero(marks == ord(",")))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has a key twice")
    return result


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"it holds {constant}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is out of range")
    return value


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS + 1:
        raise ValueError(f"the number {text[:20]}... is out of range")
    value = int(text)
    if abs(value) > _MAX_INTEGER:
        raise ValueError(f"the number {text} is out of range")
    return value
