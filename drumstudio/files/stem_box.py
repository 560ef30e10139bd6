"""The box of a `.stem.mp4` that says what its streams are: `moov/udta/stem`, JSON in UTF-8.

Notes
-----
Layout after Native Instruments' stem file format: the first sound stream is the mix, four more
are its stems; the box names and colours those four. Boxes after ISO/IEC 14496-12.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from drumstudio.files.strict_json import parse

STEMS = 4
"""How many stems a `.stem.mp4` has beside its mix."""

_LONGEST_BOX_BYTES = 1 << 20
_MASTERING = {
    "compressor": {
        "enabled": False,
        **{"ratio": 3, "output_gain": 0.5, "release": 0.3, "attack": 0.003},
        **{"input_gain": 0.5, "threshold": 0, "hp_cutoff": 300, "dry_wet": 50},
    },
    "limiter": {"enabled": False, "release": 0.05, "threshold": 0, "ceiling": -0.35},
}


@dataclass(frozen=True, slots=True)
class NamedStem:
    """One stem as the box describes it.

    Parameters
    ----------
    name : str
        As a person reads it: "Drums".
    colour : str
        "#RRGGBB".
    """

    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    size: int
    header: int

    @property
    def body(self) -> int:
        return self.start + self.header

    @property
    def stop(self) -> int:
        return self.start + self.size


def _boxes(file: BinaryIO, start: int, stop: int) -> Iterator[_Box]:
    """Yield the boxes of a stretch of a file; ends at the first that is none."""
    while start + 8 <= stop:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        elif size == 0:
            size = stop - start
        if size < header or start + size > stop:
            return
        yield _Box(kind, start, size, header)
        start += size


def _path(file: BinaryIO, length: int) -> dict[bytes, _Box]:
    """Return `moov`, its `udta`, and that one's `stem`, as far as they are there."""
    found: dict[bytes, _Box] = {}
    start, stop = 0, length
    for kind in (b"moov", b"udta", b"stem"):
        box = next((box for box in _boxes(file, start, stop) if box.kind == kind), None)
        if box is None:
            break
        found[kind] = box
        start, stop = box.body, box.stop
    return found


def read_stem_box(file: BinaryIO) -> tuple[NamedStem, ...] | None:
    """Return the stems that an open file names; None if it is no `.stem.mp4`.

    Raises
    ------
    OSError
        If the file can not be read.
    """
    box = _path(file, file.seek(0, os.SEEK_END)).get(b"stem")
    if box is None or box.size > _LONGEST_BOX_BYTES:
        return None
    file.seek(box.body)
    body = file.read(box.size - box.header)
    try:
        plain = parse(body)
        stems = plain["stems"]
        named = tuple(NamedStem(str(stem["name"]), str(stem.get("color", ""))) for stem in stems)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return named if len(named) == STEMS else None


def stem_box_text(stems: Sequence[NamedStem]) -> bytes:
    """Return the content of the box for four stems, mastering switched off."""
    if len(stems) != STEMS:
        raise ValueError(f"a stem file has {STEMS} stems, got {len(stems)}")
    plain: dict[str, Any] = {
        "mastering_dsp": _MASTERING,
        "version": 1,
        "stems": [{"color": stem.colour, "name": stem.name} for stem in stems],
    }
    return json.dumps(plain, ensure_ascii=False).encode()


def add_stem_box(file: BinaryIO, stems: Sequence[NamedStem]) -> None:
    """Put the box into a finished MP4 whose `moov` stands last.

    Parameters
    ----------
    file : BinaryIO
        Open for reading and writing.
    stems : sequence of NamedStem
        Four.

    Raises
    ------
    ValueError
        If `moov` is not the last box: what stands behind it would move, and with it what the
        file says about where its sound is.
    """
    length = file.seek(0, os.SEEK_END)
    found = _path(file, length)
    moov, udta = found.get(b"moov"), found.get(b"udta")
    if moov is None or moov.stop != length:
        raise ValueError("moov must be the last box of the file")
    text = stem_box_text(stems)
    box = struct.pack(">I4s", 8 + len(text), b"stem") + text
    if udta is None:
        box = struct.pack(">I4s", 8 + len(box), b"udta") + box
    place = udta.stop if udta is not None else moov.stop
    file.seek(place)
    behind = file.read(length - place)
    file.seek(place)
    file.write(box + behind)
    for parent in (moov, udta):
        if parent is not None:
            _grow(file, parent, len(box))


def _grow(file: BinaryIO, box: _Box, by: int) -> None:
    file.seek(box.start if box.header == 8 else box.start + 8)
    file.write(struct.pack(">I" if box.header == 8 else ">Q", box.size + by))
