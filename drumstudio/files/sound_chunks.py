"""Chunks of WAV, RF64, W64, AIFF and CAF files, and what the channels in them are for.

libsndfile reads the samples of these files and does not tell the speakers of all of them.

Notes
-----
RIFF WAVE with WAVEFORMATEXTENSIBLE, RF64 (EBU Tech 3306), Sony Wave64; FLAC: RFC 9639, section
8.6 and the tag WAVEFORMATEXTENSIBLE_CHANNEL_MASK; Opus: RFC 7845, section 5.1.1.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

from drumstudio.core.speakers import IMPLIED, checked_mask, mask_of, wave_order, xiph_names
from drumstudio.files.av_container import channel_names, open_container
from drumstudio.files.file_view import Readable
from drumstudio.files.foreign_file import DecoderError, NamelessFile

W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
"""How the names of chunks of a Sony Wave64 file end."""

_MOST_CHUNKS = 1_000
_EXTENSIBLE_TAG = 0xFFFE
_HEAD_BYTES = 2**16
_FLAC_MASK = re.compile(rb"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x([0-9a-f]{1,8})", re.IGNORECASE)
_SPEAKER_FAMILY = 1  # of Opus; 0 is mono and stereo, others are no speakers


def read_at(file: Readable, offset: int, count: int) -> bytes:
    """Return some bytes of a file; fewer, or none, where it ends."""
    return file.read(count) if file.seek(offset) == offset else b""


def find_chunk(
    file: Readable,
    offset: int,
    name: bytes,
    size_form: str,
    *,
    counts_header: bool = False,
    align: int = 2,
) -> tuple[int, int]:
    """Return where a chunk's content begins and its claimed size; (0, 0) if it is not there.

    Parameters
    ----------
    file : Readable
    offset : int
        Where the first chunk begins.
    name : bytes
        Its name.
    size_form : str
        How a size is written, as for `struct`.
    counts_header : bool
        Whether a size includes name and size.
    align : int
        Chunks begin at multiples of this many bytes from the one before.
    """
    header_bytes = len(name) + struct.calcsize(size_form)
    for _ in range(_MOST_CHUNKS):
        header = read_at(file, offset, header_bytes)
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


def speakers_and_order(
    file: NamelessFile, container: str, coding: str, channels: int
) -> tuple[int, Sequence[int]]:
    """Return what a file's channels are for, and in which order libsndfile gives them.

    Parameters
    ----------
    file : NamelessFile
        Its position is kept.
    container, coding : str
        libsndfile's names of its format.
    channels : int
        How many it has.

    Returns
    -------
    int
        The mask (`core.speakers`).
    sequence of int
        Which of libsndfile's channels comes first, second, ... under that mask.
    """
    as_is = range(channels)
    if channels < 3 and container != "WAVEX":
        return 0, as_is
    position = file.tell()
    try:
        head = read_at(file, 0, _HEAD_BYTES)
        if head[:4] in (b"RIFF", b"RF64", b"riff"):
            return checked_mask(_wave_mask(file, head), channels), as_is
        if coding in ("VORBIS", "OPUS"):
            place = head.find(b"OpusHead")
            if place >= 0 and head[place + 18 : place + 19] != bytes([_SPEAKER_FAMILY]):
                return 0, as_is
            names = xiph_names(channels)
            return mask_of(names), wave_order(names) if names else as_is
        if b"fLaC" in head:
            told = _FLAC_MASK.search(head)
            mask = IMPLIED.get(channels, 0) if told is None else int(told[1], 16)
            return checked_mask(mask, channels), as_is
        names = _told_by_ffmpeg(file)
        return (mask_of(names), wave_order(names)) if len(names) == channels else (0, as_is)
    finally:
        file.seek(position)


def _wave_mask(file: Readable, head: bytes) -> int:
    if head[:4] == b"riff":
        start, size = find_chunk(file, 40, b"fmt " + W64_TAIL, "<q", counts_header=True, align=8)
    else:
        start, size = find_chunk(file, 12, b"fmt ", "<I")
    form = read_at(file, start, 24) if size >= 24 else b""
    if len(form) < 24 or struct.unpack_from("<H", form)[0] != _EXTENSIBLE_TAG:
        return 0
    return int(struct.unpack_from("<I", form, 20)[0])


def _told_by_ffmpeg(file: NamelessFile) -> tuple[str, ...]:
    """Return the channels of an AIFF or CAF file, if FFmpeg is here to tell them."""
    file.seek(0)
    try:
        with open_container(file) as opened:
            return channel_names(opened.streams.audio[0].codec_context.layout)
    except (DecoderError, LookupError, AttributeError):
        return ()
