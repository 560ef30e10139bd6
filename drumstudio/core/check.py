"""Checks of values that come from anywhere; each raises ValueError with what it got."""

from __future__ import annotations

import re
from collections.abc import Sized
from typing import Protocol

MAX_NAME = 300
MAX_TEXT = 2_000


class LimitError(ValueError):
    """There is more of something than there may be: nothing is wrong with any of it."""


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


def within(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless a number is in [low, high]; NaN never is."""
    if not low <= value <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], got {value}")


def whole(name: str, value: object, low: int, high: int) -> None:
    """Raise ValueError unless a value is a whole number in [low, high]."""
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number in [{low}, {high}], got {value!r:.80}")


def matches(pattern: re.Pattern[str], name: str, value: str) -> None:
    """Raise ValueError unless the whole of a text matches."""
    if not pattern.fullmatch(value):
        raise ValueError(f"{name} must look like {pattern.pattern}, got {value[:80]!r}")


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless a word is one of those allowed."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {allowed}, got {value[:80]!r}")


def text(name: str, value: str, longest: int = MAX_TEXT) -> None:
    """Raise ValueError unless a text is short enough and can be written as UTF-8."""
    if len(value) > longest:
        raise ValueError(f"{name} may have {longest} characters, got {len(value)}")
    if "\0" in value or (not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)):
        raise ValueError(f"{name} is no text: {value[:80]!r}")


def name_text(value: str) -> None:
    """Raise ValueError unless a text can be a name."""
    text("name", value, MAX_NAME)


def at_most(name: str, items: Sized, most: int) -> None:
    """Raise LimitError if there are too many."""
    if len(items) > most:
        raise LimitError(f"there may be {most} {name}, got {len(items)}")


def distinct(name: str, items: tuple[_Identified, ...], most: int) -> None:
    """Raise ValueError if there are too many or two have the same id."""
    at_most(name, items, most)
    if len({item.id for item in items}) != len(items):
        raise ValueError(f"two {name} have the same id")
