"""How much sound a file's header promises beyond what the file holds: downloads that broke off.

libsndfile repairs such a header silently, so that a song comes out shorter without a word. The
promise is only ever told to a person; nothing is allocated or cut by it.

Notes
-----
RIFF WAVE, RF64 (EBU Tech 3306), Sony Wave64, AIFF (Apple, 1989), CAF (Apple), AU (Sun); Ogg
pages after RFC 3533, whose last page of a stream carries the flag 4.
"""

from __future__ import annotations

import math
import os
import struct
from typing import Protocol

_MOST_CHUNKS = 1_000
_TAIL_BYTES = 2**17  # two Ogg pages of the largest size
_LAST_PAGE = 4
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")


class Readable(Protocol):
    """What is needed of an open file; `seek` may return -1 for a place that can not be."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As of any file."""

    def tell(self) -> int:
        """As of any file."""

    def read(self, count: int, /) -> bytes:
        """As of any file."""


def promised_ratio(file: Readable) -> float:
    """Return how many times as long as it is a file claims to be.

    Parameters
    ----------
    file : BinaryIO
        Open for reading; its position is kept.

    Returns
    -------
    float
        1 if nothing is missing, or nobody can tell; infinity if the end is missing and the
        file does not say how much that is.

    Raises
    ------
    OSError
        If the disk fails.
    """
    position = file.tell()
    try:
        size = file.seek(0, os.SEEK_END)
        head = _at(file, 0, 40)
        if head[:4] == b"OggS":
            return 1.0 if _has_last_page(file, size) else math.inf
        start, claimed = _data(file, head)
        there = size - start
        return claimed / there if 0 < there < claimed else 1.0
    finally:
        file.seek(position)


def _at(file: Readable, offset: int, count: int) -> bytes:
    return file.read(count) if file.seek(offset) == offset else b""


def _data(file: Readable, head: bytes) -> tuple[int, int]:
    """Return where the sound begins and how many bytes it claims; claims of 0 say nothing."""
    kind, form = head[:4], head[8:12]
    if kind == b"RF64" and form == b"WAVE" and head[12:16] == b"ds64" and len(head) >= 36:
        start, claimed = _chunk(file, 12, b"data", "<I")
        large = int(struct.unpack_from("<Q", head, 28)[0])
        return start, large if claimed == 0xFFFFFFFF else _told(claimed)
    if kind == b"RIFF" and form == b"WAVE":
        start, claimed = _chunk(file, 12, b"data", "<I")
        return start, _told(claimed)
    if kind == b"FORM" and form in (b"AIFF", b"AIFC"):
        start, claimed = _chunk(file, 12, b"SSND", ">I")
        return start + 8, _told(claimed) - 8  # an offset and a block size stand before the sound
    if kind == b"caff":
        start, claimed = _chunk(file, 8, b"data", ">q", align=1)
        return start + 4, max(claimed, 4) - 4  # a count of edits stands before the sound
    if kind == b"riff":
        start, claimed = _chunk(file, 40, b"data" + _W64_TAIL, "<q", counts_header=True, align=8)
        return start, max(claimed, 0)
    if kind == b".snd" and len(head) >= 12:
        start, claimed = struct.unpack_from(">II", head, 4)
        return int(start), _told(int(claimed))
    return 0, 0


def _told(claimed: int) -> int:
    """Return a claimed size, or 0 for those that programs write into a pipe: length unknown."""
    unknown = claimed >= 0xFFFFFF00 or 0x7FFFF000 <= claimed <= 0x7FFFFFFF
    return 0 if unknown else claimed


def _chunk(
    file: Readable,
    offset: int,
    name: bytes,
    size_form: str,
    *,
    counts_header: bool = False,
    align: int = 2,
) -> tuple[int, int]:
    """Return where a chunk's content begins and its claimed size; (0, 0) if it is not there."""
    header_bytes = len(name) + struct.calcsize(size_form)
    for _ in range(_MOST_CHUNKS):
        header = _at(file, offset, header_bytes)
        if len(header) < header_bytes:
            break
        claimed = int(struct.unpack_from(size_form, header, len(name))[0])
        if counts_header:
            claimed -= header_bytes
        start = offset + header_bytes
        if header.startswith(name):
            return start, claimed
        if claimed < 0:
            break
        offset = start + -(-claimed // align) * align
    return 0, 0


def _has_last_page(file: Readable, size: int) -> bool:
    tail = _at(file, max(0, size - _TAIL_BYTES), _TAIL_BYTES)
    place = tail.rfind(b"OggS")
    # A file with something else behind its last page is for `unread_bytes` to tell.
    return not 0 <= place < len(tail) - 5 or bool(tail[place + 5] & _LAST_PAGE)
