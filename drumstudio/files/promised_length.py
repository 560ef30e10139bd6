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

from drumstudio.files.file_view import Readable
from drumstudio.files.sound_chunks import W64_TAIL, find_chunk, read_at

_TAIL_BYTES = 2**17  # two Ogg pages of the largest size
_LAST_PAGE = 4


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
        head = read_at(file, 0, 40)
        if head[:4] == b"OggS":
            return 1.0 if _has_last_page(file, size) else math.inf
        start, claimed = _data(file, head)
        there = size - start
        return claimed / there if 0 < there < claimed else 1.0
    finally:
        file.seek(position)


def _data(file: Readable, head: bytes) -> tuple[int, int]:
    """Return where the sound begins and how many bytes it claims; claims of 0 say nothing."""
    kind, form = head[:4], head[8:12]
    if kind == b"RF64" and form == b"WAVE" and head[12:16] == b"ds64" and len(head) >= 36:
        start, claimed = find_chunk(file, 12, b"data", "<I")
        large = int(struct.unpack_from("<Q", head, 28)[0])
        return start, large if claimed == 0xFFFFFFFF else _told(claimed)
    if kind == b"RIFF" and form == b"WAVE":
        start, claimed = find_chunk(file, 12, b"data", "<I")
        return start, _told(claimed)
    if kind == b"FORM" and form in (b"AIFF", b"AIFC"):
        start, claimed = find_chunk(file, 12, b"SSND", ">I")
        return start + 8, _told(claimed) - 8  # an offset and a block size stand before the sound
    if kind == b"caff":
        start, claimed = find_chunk(file, 8, b"data", ">q", align=1)
        return start + 4, max(claimed, 4) - 4  # a count of edits stands before the sound
    if kind == b"riff":
        start, claimed = find_chunk(file, 40, b"data" + W64_TAIL, "<q", counts_header=True, align=8)
        return start, max(claimed, 0)
    if kind == b".snd" and len(head) >= 12:
        start, claimed = struct.unpack_from(">II", head, 4)
        return int(start), _told(int(claimed))
    return 0, 0


def _told(claimed: int) -> int:
    """Return a claimed size, or 0 for those that programs write into a pipe: length unknown."""
    unknown = claimed >= 0xFFFFFF00 or 0x7FFFF000 <= claimed <= 0x7FFFFFFF
    return 0 if unknown else claimed


def _has_last_page(file: Readable, size: int) -> bool:
    tail = read_at(file, max(0, size - _TAIL_BYTES), _TAIL_BYTES)
    place = tail.rfind(b"OggS")
    # A file with something else behind its last page is for `unread_bytes` to tell.
    return not 0 <= place < len(tail) - 5 or bool(tail[place + 5] & _LAST_PAGE)
