"""Strokes written by hand or by another program: a JSON file, for the command line.

::

    {"song": "Song", "strokes": [
        {"target": "drums", "rectangle": [1.0, 1.2, 150, 4000]},
        {"target": "rest", "layer": "Vocals", "strength": 0.8, "channels": "left",
         "path": [[2.0, 300], [2.1, 350, 0.5]], "size": [0.06, 1200], "hardness": 0.5},
        {"target": "erase", "polygon": [[3, 100], [4, 100], [3.5, 900]], "feather": [0.01, 50]},
        {"target": "protect", "time_range": [10, 12]},
        {"target": "rest", "frequency_range": [0, 40]}]}

Times are in seconds, frequencies in hertz, always in this order. "song" may be left out where
a project holds one; "layer" where the one that fits is meant. A stroke gives to the stem
"focus" (the target "drums", or "focus") or takes from it what goes to the stem "destination"
(the target "rest", or "destination"). Left out they are what serves as drums, and what the
stored stems leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from drumstudio import atomic
from drumstudio.core import check
from drumstudio.core.errors import ProjectError
from drumstudio.core.separation import MAX_SECONDS
from drumstudio.core.song import MAX_STROKES
from drumstudio.core.stems import is_name
from drumstudio.core.strokes import MAX_HZ, OCTAVES, Path, Polygon, Shape, Stroke, rectangle
from drumstudio.files import strict_json
from drumstudio.files.plain_file import read_plain

LIMIT_BYTES = 5_000_000

_SHAPES = ("path", "polygon", "rectangle", "time_range", "frequency_range")
_COMMON = {"target", "layer", "focus", "destination", "strength", "channels", *_SHAPES}
_DEFAULT_SIZE = [0.06, 1_200.0]


@dataclass(frozen=True, slots=True)
class PlacedStroke:
    """A stroke with the layer that it is for.

    Parameters
    ----------
    stroke : Stroke
        The stroke.
    layer : str or None
        Name of the layer; None for the one that fits.
    ends : tuple of str
        Focus and destination: what is painted, and where what is taken from it goes; empty for
        the song's own.
    """

    stroke: Stroke
    layer: str | None = None
    ends: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class StrokeList:
    """What such a file holds.

    Parameters
    ----------
    song : str or None
        Name or id of the song.
    strokes : tuple of PlacedStroke
        In order.
    """

    song: str | None
    strokes: tuple[PlacedStroke, ...]


def read_stroke_list(path: FilePath) -> StrokeList:
    """Return the strokes in a file.

    Raises
    ------
    ProjectError
        If it can not be read, or says something that is no stroke; the message names it.
    """
    what = f"Cannot take the strokes in {path.name}"
    try:
        data = read_plain(path, LIMIT_BYTES)
    except OSError as error:
        raise atomic.explain_os_error(error, what, path, kind=ProjectError) from error
    try:
        return _parsed(strict_json.parse(data))
    except (ValueError, RecursionError) as error:
        raise ProjectError(
            what, why=f"{error}.", fix="Correct the file; the manual lists what a stroke may hold."
        ) from error


def _parsed(plain: Any) -> StrokeList:
    if not isinstance(plain, dict) or not isinstance(plain.get("strokes"), list):
        raise ValueError("it is no object with a list named 'strokes'")
    _known("the file", plain, {"song", "strokes"})
    song = plain.get("song")
    if song is not None and not isinstance(song, str):
        raise ValueError("'song' is no text")
    check.at_most("strokes", plain["strokes"], MAX_STROKES)
    strokes = []
    for number, item in enumerate(plain["strokes"], 1):
        try:
            strokes.append(_stroke(item))
        except ValueError as error:
            raise ValueError(f"stroke {number}: {error}") from error
    return StrokeList(song, tuple(strokes))


def _stroke(item: Any) -> PlacedStroke:
    if not isinstance(item, dict):
        raise ValueError("it is no object")
    kinds = [kind for kind in _SHAPES if kind in item]
    if len(kinds) != 1:
        raise ValueError(f"it needs one of {', '.join(_SHAPES)}, and no more")
    kind = kinds[0]
    _known(
        "a stroke",
        item,
        _COMMON | ({"size", "octaves", "hardness"} if kind == "path" else {"feather"}),
    )
    layer = item.get("layer")
    target, channels = item.get("target"), item.get("channels", "both")
    if not isinstance(target, str) or not isinstance(channels, str):
        raise ValueError("'target' and 'channels' are words")
    if layer is not None:
        if not isinstance(layer, str):
            raise ValueError("'layer' is no text")
        check.name_text(layer)
    target = {"focus": "drums", "destination": "rest"}.get(target, target)
    ends = item.get("focus", ""), item.get("destination", "")
    if not all(isinstance(stem, str) and (not stem or is_name(stem)) for stem in ends):
        raise ValueError("'focus' and 'destination' are names of stems")
    (strength,) = _numbers("strength", [item.get("strength", 1.0)], 1)
    return PlacedStroke(Stroke(target, _shape(kind, item), strength, channels), layer, ends)


def _shape(kind: str, item: dict[str, Any]) -> Shape:
    value = item[kind]
    if kind == "path":
        points = [[*point, 1.0][:3] if isinstance(point, list) else point for point in _list(value)]
        seconds, hertz = _numbers("size", item.get("size", _DEFAULT_SIZE), 2)
        (hardness,) = _numbers("hardness", [item.get("hardness", 0.5)], 1)
        ratio = 0.0
        if "octaves" in item:
            (octaves,) = _numbers("octaves", [item["octaves"]], 1)
            check.within("octaves", octaves, *OCTAVES)
            ratio = 2.0 ** (octaves / 2)
        return Path(_array("path", points, 3), seconds / 2, hertz / 2, hardness, ratio)
    feather = _numbers("feather", item.get("feather", [0.0, 0.0]), 2)
    if kind == "polygon":
        return Polygon(_array("polygon", _list(value), 2), *feather)
    low, high = -MAX_HZ, MAX_HZ
    start, stop = -MAX_SECONDS, MAX_SECONDS
    if kind == "rectangle":
        start, stop, low, high = _numbers(kind, value, 4)
    elif kind == "time_range":
        start, stop = _numbers(kind, value, 2)
    else:
        low, high = _numbers(kind, value, 2)
    if start >= stop or low >= high:
        raise ValueError(f"'{kind}' ends before it begins")
    return rectangle(start, stop, low, high, feather_seconds=feather[0], feather_hz=feather[1])


def _known(what: str, item: dict[str, Any], names: set[str]) -> None:
    unknown = sorted(set(item) - names)
    if unknown:
        raise ValueError(f"{what} has no {unknown[0][:40]!r}")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("points are a list")
    return value


def _numbers(name: str, value: Any, count: int) -> list[float]:
    good = isinstance(value, list) and len(value) == count
    if not good or any(type(number) not in (int, float) for number in value):
        raise ValueError(f"'{name}' is not made of {count} number(s)")
    return [float(number) for number in value]


def _array(name: str, points: list[Any], fields: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    rows = [_numbers(name, point, fields) for point in points]
    return np.array(rows, dtype=np.float64).reshape(-1, fields)
