"""Foreign sound files as blocks of samples: what all decoders keep to, and libsndfile, the first.

The second is FFmpeg (`files.av_decoder`), for what libsndfile can not read.

All decoders believe nothing that a header says about a length: they hand out what they
decode, in blocks of bounded size, until there is no more. All read through Python's file
object, which keeps them off paths, links and the network, and lets a disk's fault come out
as the `OSError` that it was. Any can crash on a hostile file: they run in a worker only.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import soundfile

from drumstudio.core.audio import Samples
from drumstudio.files.conform import WiderError
from drumstudio.files.file_view import Readable
from drumstudio.files.foreign_file import DecoderError, NamelessFile
from drumstudio.files.promised_length import promised_ratio
from drumstudio.files.sound_chunks import speakers_and_order

HIGHEST_RATE = 768_000
"""Highest sample rate taken in, in hertz: the highest that converters offer."""

BLOCK_FRAMES = 65_536
_BLOCK_VALUES = 2**20  # a block of many channels is shorter, so that it stays below 4 MiB
_FRAMES_PER_CALL = 4_096  # what a damaged place can cost: the call in which it is met


class ImpossibleRateError(DecoderError):
    """The header's sample rate is 0, negative or beyond `HIGHEST_RATE`."""


class Decoder(Protocol):
    """An open foreign sound file."""

    sample_rate: int
    """Hertz, in [1, `HIGHEST_RATE`]."""
    channels: int
    """At least 1."""
    speakers: int
    """What they are for, as a mask (`core.speakers`), in whose order they are handed out."""
    claimed_samples: int | None
    """How many samples per channel the header claims; None if it says nothing possible."""
    format: str
    """Name of the container: "WAV", "FLAC", "MOV"."""
    subtype: str
    """Name of the coding inside it: "PCM_16", "AAC"."""
    promised_ratio: float
    """How many times as long as it is the file claims to be, as `files.promised_length`."""

    def blocks(self) -> Iterator[Samples]:
        """Yield float32 blocks of shape (channels, samples), at most `BLOCK_FRAMES` long.

        A block is valid until the next one is asked for. To be used once.

        Raises
        ------
        DecoderError
            If the file is damaged; what was yielded before is good.
        SourceFaultError
            If the disk fails.
        """

    def notes(self) -> list[str]:
        """Return what was chosen and done, in sentences; whole after `blocks`."""

    @property
    def changes(self) -> list[tuple[int, int, int]]:
        """Where parts of another rate or number of channels began, as `Conformer.changes`."""

    def unread_bytes(self) -> int:
        """Return how many bytes lie behind the last sample that was decoded; roughly."""

    def close(self) -> None:
        """Close the decoder, not the file."""


class SequentialSoundFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that soundfile does not seek in.

    Left alone, it seeks to where it is after every read or write and trusts the header's
    length there, which fails on files that hold more than they claim.
    """

    def seekable(self) -> bool:
        """Return False, whatever the file could do."""
        return False


class SoundfileDecoder:
    """Decode by libsndfile: WAV, AIFF, FLAC, Ogg, Opus, MP3, CAF, AU and older formats.

    Parameters
    ----------
    file : Readable
        Open for reading; stays open.
    wider : WiderError, optional
        As for the other decoders; a file that libsndfile reads does not change on the way.

    Raises
    ------
    DecoderError
        If libsndfile does not take it, or its rate is beyond `HIGHEST_RATE`.
    SourceFaultError
        If the disk fails.
    """

    def __init__(self, file: Readable, *, wider: WiderError | None = None) -> None:
        self._file = NamelessFile(file)
        try:
            self._sound = SequentialSoundFile(self._file)
        except (soundfile.SoundFileError, MemoryError) as error:
            self._file.raise_fault()
            raise DecoderError(str(error)) from error
        self.sample_rate = int(self._sound.samplerate)
        self.channels = int(self._sound.channels)
        self.format = str(self._sound.format)
        self.subtype = str(self._sound.subtype)
        if self.channels > 2 and self.subtype.startswith("ALAC"):
            raise DecoderError("only FFmpeg knows the order of its channels")
        self.speakers, self._order = speakers_and_order(
            self._file, self.format, self.subtype, self.channels
        )
        self.claimed_samples = possible_length(int(self._sound.frames))
        # libsndfile cuts the claims of most headers to what the file holds, and says nothing.
        self.promised_ratio = promised_ratio(self._file)
        if self.format == "MP3" and not _has_length_tag(self._file):
            self.claimed_samples = None  # an estimate from the first frame's bit rate
        self._file.raise_fault()
        require_possible_rate(self.sample_rate)

    def blocks(self) -> Iterator[Samples]:
        """As `Decoder.blocks`."""
        buffer = np.empty((block_frames(self.channels), self.channels), dtype=np.float32)
        call = min(_FRAMES_PER_CALL, len(buffer))
        filled, ended, stopped = 0, False, ""
        in_order = list(self._order) == list(range(self.channels))
        while not ended:
            part = buffer[filled : filled + call]
            try:
                # Not `read`, which would cut the count to what the header says is left.
                got = int(self._sound.buffer_read_into(part, "float32"))
            except soundfile.SoundFileError as error:
                got, stopped = 0, str(error) or "unknown error"
            self._file.raise_fault()
            filled += got
            ended = got == 0
            if filled and (ended or filled + call > len(buffer)):
                samples = buffer[:filled].T
                yield samples if in_order else samples[self._order]
                filled = 0
        if stopped:
            raise DecoderError(stopped)

    def notes(self) -> list[str]:
        """As `Decoder.notes`."""
        return []

    @property
    def changes(self) -> list[tuple[int, int, int]]:
        """As `Decoder.changes`."""
        return []

    def unread_bytes(self) -> int:
        """As `Decoder.unread_bytes`; always 0 for formats whose tail is no sound."""
        if self.format not in ("MP3", "OGG"):
            return 0
        position = self._file.tell()
        return self._file.seek(0, io.SEEK_END) - position

    def close(self) -> None:
        """As `Decoder.close`."""
        self._sound.close()


def block_frames(channels: int) -> int:
    """Return how long a block of so many channels may be, in samples per channel."""
    return max(1, min(BLOCK_FRAMES, _BLOCK_VALUES // channels))


def possible_length(samples: int) -> int | None:
    """Return a length that a header claims, in samples, or None if it can not be."""
    # libsndfile says 2**63 - 1 where a FLAC file leaves its length out.
    return samples if 0 <= samples < 2**48 else None


def _has_length_tag(file: NamelessFile) -> bool:
    """Return whether an MP3 file's first frame holds its length; the position is kept.

    Notes
    -----
    ID3v2.4, section 3.1 (four times seven bits of length), and the tag of Xing and LAME.
    """
    position = file.tell()
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum((byte & 0x7F) << (7 * (3 - n)) for n, byte in enumerate(head[6:]))
    file.seek(start)
    first_frame = file.read(2_048)
    file.seek(position)
    return any(tag in first_frame for tag in (b"Xing", b"Info", b"VBRI"))


def require_possible_rate(sample_rate: int) -> None:
    """Raise `ImpossibleRateError` if a rate is none."""
    if not 1 <= sample_rate <= HIGHEST_RATE:
        raise ImpossibleRateError(f"its sample rate is {sample_rate} Hz")
