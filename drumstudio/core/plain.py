"""Frozen dataclasses as plain JSON-able values, and back with every type checked.

A field that has its default value is left out, so that what is written stays small and a
field added later reads as its default from what was written before.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from drumstudio.core import check

T = TypeVar("T")

Scalar = str | int | float | bool
"""What a setting's value may be."""

_ABSENT = object()


def to_plain(value: Any) -> Any:
    """Return a value made of dict, list, str, int, float, bool and None only.

    Parameters
    ----------
    value : dataclass, tuple, mapping or scalar
        Anything that `from_plain` can make.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain = {}
        for name, _, default in _fields(type(value)):
            item = getattr(value, name)
            if default is _ABSENT or item != default:
                plain[name] = to_plain(item)
        return plain
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    return value


def from_plain(kind: type[T], plain: Any, where: str = "") -> T:
    """Return an object of a type, made from what `to_plain` returned.

    Parameters
    ----------
    kind : type
        A dataclass, str, int, float, bool, `X | None`, `tuple[X, ...]` or `Mapping[str, Scalar]`.
    plain : Any
        From JSON, so from anywhere: nothing is believed.
    where : str
        Where it stands, for the message: "songs[2].name".

    Raises
    ------
    ValueError
        If a type is wrong, a field is unknown or missing, or the dataclass refuses a value.
    """
    return typing.cast(T, _make(kind, plain, where))


def field_kind(owner: type, name: str) -> Any:
    """Return the type of a dataclass's field.

    Raises
    ------
    ValueError
        If there is no such field.
    """
    for field, kind, _ in _fields(owner):
        if field == name:
            return kind
    raise ValueError(f"{owner.__name__} has no field {name!r}")


@cache
def _fields(owner: type) -> tuple[tuple[str, Any, Any], ...]:
    """Return (name, type, default) of each field; the default is `_ABSENT` if there is none."""
    hints = typing.get_type_hints(owner)
    found = []
    for field in dataclasses.fields(owner):
        default = field.default
        if default is dataclasses.MISSING:
            factory = field.default_factory
            default = _ABSENT if factory is dataclasses.MISSING else factory()
        found.append((field.name, hints[field.name], default))
    return tuple(found)


def _make(kind: Any, plain: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _make_dataclass(typing.cast(type, kind), plain, where)
    origin = typing.get_origin(kind)
    if origin is tuple:
        if not isinstance(plain, list):
            raise ValueError(f"{where} must be a list, got {_shown(plain)}")
        item_kind = typing.get_args(kind)[0]
        return tuple(_make(item_kind, item, f"{where}[{n}]") for n, item in enumerate(plain))
    if origin in (types.UnionType, typing.Union):
        if plain is None:
            return None
        (inner,) = (option for option in typing.get_args(kind) if option is not types.NoneType)
        return _make(inner, plain, where)
    if origin is not None:
        return _make_mapping(plain, where)
    # bool is an int to Python, not to us; an int is a float where a float is meant.
    if kind is float and type(plain) is int:
        return float(plain)
    if type(plain) is not kind:
        raise ValueError(f"{where} must be {kind.__name__}, got {_shown(plain)}")
    return plain


def _make_dataclass(kind: type, plain: Any, where: str) -> Any:
    if not isinstance(plain, dict):
        raise ValueError(f"{where or kind.__name__} must be an object, got {_shown(plain)}")
    values = {}
    for name, field_type, default in _fields(kind):
        if name in plain:
            values[name] = _make(field_type, plain[name], f"{where}.{name}" if where else name)
        elif default is _ABSENT:
            raise ValueError(f"{where or kind.__name__} lacks {name!r}")
    unknown = [name for name in plain if name not in values]
    if unknown:
        raise ValueError(f"{where or kind.__name__} has an unknown field {unknown[0][:40]!r}")
    try:
        return kind(**values)
    except check.LimitError:
        raise
    except ValueError as error:
        raise ValueError(f"{where or kind.__name__}: {error}") from error


def _make_mapping(plain: Any, where: str) -> dict[str, Scalar]:
    if not isinstance(plain, dict):
        raise ValueError(f"{where} must be an object, got {_shown(plain)}")
    for name, value in plain.items():
        if not isinstance(name, str) or not isinstance(value, Scalar):
            raise ValueError(f"{where} may hold text, numbers and flags, got {_shown(value)}")
    return dict(plain)


def _shown(plain: Any) -> str:
    text = repr(plain)
    return text if len(text) <= 60 else text[:57] + "..."
