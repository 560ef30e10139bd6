"""Recordings whose header was never finished: the recorder lost its power, all sound is there.

libsndfile and FFmpeg read WAV, W64, AIFF and CAF files of that kind by themselves, and refuse
RF64.

Notes
-----
RF64: EBU Tech 3306; the sizes stand in the ds64 chunk, bytes 20 to 44.
"""

from __future__ import annotations

import os
import struct

from drumstudio.files.file_view import Readable
from drumstudio.files.sound_chunks import find_chunk, read_at

_UNKNOWN = 0xFFFFFFFF


def mended_header(file: Readable) -> dict[int, bytes]:
    """Return which bytes of a file to read as others, by their place; mostly none.

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
        head = read_at(file, 0, 36)
        if len(head) < 36 or head[:4] != b"RF64" or head[8:16] != b"WAVEds64":
            return {}
        claimed = struct.unpack_from("<Q", head, 28)[0]
        start, _ = find_chunk(file, 12, b"data", "<I")
        form, length = find_chunk(file, 12, b"fmt ", "<I")
        frame = read_at(file, form + 12, 2)
        if not start or length < 16 or 0 < claimed < 2**63 or len(frame) < 2:
            return {}
        frame_bytes = max(1, struct.unpack("<H", frame)[0])
        samples = (size - start) // frame_bytes
        sizes = struct.pack("<QQQ", size - 8, samples * frame_bytes, samples)
        return {20: sizes, start - 4: struct.pack("<I", _UNKNOWN)}
    finally:
        file.seek(position)
