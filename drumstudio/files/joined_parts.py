"""Where the parts of a file lie that were joined end to end: chained Ogg, FLAC and MP3 files.

A decoder believes the first part's header, and what follows is lost or read at a wrong rate.
Each part is a whole file by itself, and is decoded as one.

Notes
-----
Ogg: RFC 3533; a page with the flag 2 begins a stream, and one behind pages without it begins
another link. FLAC: RFC 9639, section 8, whose first block is a STREAMINFO of 34 bytes. MP3: a tag
of ID3v2.2 to 2.4 with a frame behind it. MP3 files joined without tags are no parts here: FFmpeg
reads on in them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from drumstudio.files.file_view import Readable

_BLOCK = 1 << 20
_PAGE_HEADER = 27
_FIRST_PAGE = 2
_FLAC_START = b"fLaC\x00\x00\x00\x22"
_MOST_PARTS = 10_000


def joined_parts(file: Readable) -> list[tuple[int, int]]:
    """Return where the parts of a file lie, (start, stop) in bytes; one that is all, mostly.

    Parameters
    ----------
    file : Readable
        Its position is kept.

    Raises
    ------
    OSError
        If the disk fails.
    """
    position = file.tell()
    try:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(12)
        if head[:4] == b"OggS":
            starts = list(_ogg_starts(file, size))
        elif head[:4] == b"fLaC":
            starts = list(_marks(file, _FLAC_START))
        elif head[:3] == b"ID3" or (head[:1] == b"\xff" and len(head) > 1 and head[1] >= 0xE0):
            starts = [place for place in _marks(file, b"ID3") if _is_tag(file, place)]
        else:
            starts = []
        inner = [start for start in starts if start > 0][:_MOST_PARTS]
        return list(zip([0, *inner], [*inner, size], strict=True))
    finally:
        file.seek(position)


def _ogg_starts(file: Readable, size: int) -> Iterator[int]:
    place, before = 0, _FIRST_PAGE
    while place + _PAGE_HEADER <= size:
        file.seek(place)
        header = file.read(_PAGE_HEADER + 255)
        if header[:4] != b"OggS" or len(header) < _PAGE_HEADER:
            return  # damaged: the decoders look for the next page themselves
        flags, segments = header[5], header[26]
        if flags & _FIRST_PAGE and not before & _FIRST_PAGE:
            yield place
        before = flags
        place += _PAGE_HEADER + segments + sum(header[_PAGE_HEADER : _PAGE_HEADER + segments])


def _marks(file: Readable, mark: bytes) -> Iterator[int]:
    """Yield the places of some bytes in a file."""
    start, kept = 0, b""
    while True:
        file.seek(start)
        block = file.read(_BLOCK)
        if not block:
            return
        text = kept + block
        found = text.find(mark)
        while found >= 0:
            yield start - len(kept) + found
            found = text.find(mark, found + 1)
        start += len(block)
        kept = text[-(len(mark) - 1) :]


def _is_tag(file: Readable, place: int) -> bool:
    file.seek(place)
    head = file.read(10)
    if len(head) < 10 or head[3] not in (2, 3, 4) or any(byte > 0x7F for byte in head[6:]):
        return False
    length = sum(byte << (7 * (3 - number)) for number, byte in enumerate(head[6:]))
    file.seek(place + 10 + length + 10 * bool(head[5] & 0x10))
    frame = file.read(2)
    return len(frame) == 2 and frame[0] == 0xFF and frame[1] & 0xE0 == 0xE0
