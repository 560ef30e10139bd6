"""A stroke as a small binary file: fixed fields, then arrays of the length that they state.

Little-endian throughout. First target, channels, shape and strength; then, by shape:

* path: radius in seconds, in hertz, hardness, number of points; seconds, hertz and pressure
  of each as float64
* path in octaves: the same with the ratio of its radius before the number of points
* polygon: feather in seconds, in hertz, number of corners; seconds and hertz of each as float64
* cells: number of runs, number of cells; frame, first bin and count of each run as int32, and
  the weight of each cell as float16

A file's length has to be the one that its fields give; nothing is allocated before that.
"""

from __future__ import annotations

import struct
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.errors import ProjectError
from drumstudio.core.separation import Blob
from drumstudio.core.strokes import CHANNELS, Cells, Path, Polygon, Shape, Stroke
from drumstudio.files.blob_file import read_blob, write_blob

KIND = 1
"""What a blob that is a stroke says it is."""

_TARGETS = ("drums", "rest", "erase", "protect")
_PATH, _POLYGON, _CELLS, _OCTAVES = range(4)
_HEAD = struct.Struct("<BBBxd")
_PATH_HEAD = struct.Struct("<dddI")
_OCTAVES_HEAD = struct.Struct("<ddddI")
_POLYGON_HEAD = struct.Struct("<ddI")
_CELLS_HEAD = struct.Struct("<II")


def write_stroke(folder: FilePath, stroke: Stroke) -> Blob:
    """Keep a stroke in a folder; return its name. Writing it again does nothing.

    Raises
    ------
    ProjectError, DiskFullError
        If it can not be written.
    """
    return write_blob(folder, KIND, to_bytes(stroke))


def read_stroke(folder: FilePath, blob: Blob) -> Stroke:
    """Return a stroke that `write_stroke` kept, the same to the last bit.

    Raises
    ------
    ProjectError
        If it is missing or damaged.
    """
    content = read_blob(folder, blob, KIND)
    try:
        return from_bytes(content)
    except ValueError as error:
        raise ProjectError(
            "Cannot read a stroke",
            why=f"{folder.name}/{blob.sha256[:12]}... is damaged: {error}.",
            fix="Copy the file back from another copy of the project, or undo the stroke.",
        ) from error


def to_bytes(stroke: Stroke) -> bytes:
    """Return a stroke as the content of a file."""
    shape = stroke.shape
    kind = _kind(shape)
    codes = _TARGETS.index(stroke.target), CHANNELS.index(stroke.channels), kind
    head = _HEAD.pack(*codes, stroke.strength)
    if isinstance(shape, Path):
        sizes = shape.radius_seconds, shape.radius_hz, shape.hardness
        count, points = len(shape.points), _packed(shape.points, "<f8")
        if kind == _OCTAVES:
            return head + _OCTAVES_HEAD.pack(*sizes, shape.radius_ratio, count) + points
        return head + _PATH_HEAD.pack(*sizes, count) + points
    if isinstance(shape, Polygon):
        fields = _POLYGON_HEAD.pack(shape.feather_seconds, shape.feather_hz, len(shape.corners))
        return head + fields + _packed(shape.corners, "<f8")
    fields = _CELLS_HEAD.pack(len(shape.runs), len(shape.weights))
    return head + fields + _packed(shape.runs, "<i4") + _packed(shape.weights, "<f2")


def _kind(shape: Shape) -> int:
    if isinstance(shape, Path):
        return _OCTAVES if shape.radius_ratio else _PATH
    return _POLYGON if isinstance(shape, Polygon) else _CELLS


def from_bytes(content: bytes) -> Stroke:
    """Return the stroke that a file's content is.

    Raises
    ------
    ValueError
        If it is none: another length than stated, an unknown code, a number out of range.
    """
    reader = _Reader(content)
    target, channels, kind, strength = reader.fields(_HEAD)
    if target >= len(_TARGETS) or channels >= len(CHANNELS):
        raise ValueError(f"there is no target {target} or no channel {channels}")
    return Stroke(_TARGETS[target], _shape(reader, kind), strength, CHANNELS[channels])


def _shape(reader: _Reader, kind: int) -> Shape:
    if kind == _PATH:
        radius_seconds, radius_hz, hardness, count = reader.fields(_PATH_HEAD)
        (points,) = reader.arrays(("<f8", (count, 3)))
        return Path(points, radius_seconds, radius_hz, hardness)
    if kind == _OCTAVES:
        radius_seconds, radius_hz, hardness, ratio, count = reader.fields(_OCTAVES_HEAD)
        (points,) = reader.arrays(("<f8", (count, 3)))
        if not ratio:
            raise ValueError("a path in octaves has a ratio")
        return Path(points, radius_seconds, radius_hz, hardness, ratio)
    if kind == _POLYGON:
        feather_seconds, feather_hz, count = reader.fields(_POLYGON_HEAD)
        (corners,) = reader.arrays(("<f8", (count, 2)))
        return Polygon(corners, feather_seconds, feather_hz)
    if kind == _CELLS:
        runs, cells = reader.fields(_CELLS_HEAD)
        return Cells(*reader.arrays(("<i4", (runs, 3)), ("<f2", (cells,))))
    raise ValueError(f"there is no shape {kind}")


class _Reader:
    """Takes fields, then all that is left as arrays."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def fields(self, layout: struct.Struct) -> tuple[Any, ...]:
        if len(self._content) - self._place < layout.size:
            raise ValueError("it ends too early")
        fields = layout.unpack_from(self._content, self._place)
        self._place += layout.size
        return fields

    def arrays(self, *wanted: tuple[str, tuple[int, ...]]) -> list[NDArray[Any]]:
        sizes = [np.dtype(kind).itemsize * int(np.prod(shape)) for kind, shape in wanted]
        left = len(self._content) - self._place
        if sum(sizes) != left:
            raise ValueError(f"it holds {left} bytes of numbers where {sum(sizes)} are stated")
        found = []
        for (kind, shape), size in zip(wanted, sizes, strict=True):
            part = np.frombuffer(self._content[self._place : self._place + size], dtype=kind)
            found.append(part.reshape(shape).astype(kind[1:]))
            self._place += size
        return found


def _packed(values: NDArray[Any], kind: str) -> bytes:
    return np.ascontiguousarray(values, dtype=kind).tobytes()
