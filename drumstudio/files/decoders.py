"""Foreign sound files as blocks of samples: libsndfile first, FFmpeg for what it can not.

Both decoders believe nothing that a header says about a length: they hand out what they
decode, in blocks of bounded size, until there is no more. Both read through Python's file
object, which keeps them off paths, links and the network, and lets a disk's fault come out
as the `OSError` that it was. Either can crash on a hostile file: they run in a worker only.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

import numpy as np
import soundfile

from drumstudio.core.audio import Samples
from drumstudio.files.av_container import av_failures, open_container
from drumstudio.files.foreign_file import DecoderError, NamelessFile
from drumstudio.files.promised_length import promised_ratio

HIGHEST_RATE = 768_000
"""Highest sample rate taken in, in hertz: the highest that converters offer."""

BLOCK_FRAMES = 65_536
_BLOCK_VALUES = 2**20  # a block of many channels is shorter, so that it stays below 4 MiB
_FRAMES_PER_CALL = 4_096  # what a damaged place can cost: the call in which it is met

_NUMBER_ZERO_AND_SCALE = {
    "u1": (128, 1 / 128),
    "i2": (0, 1 / 2**15),
    "i4": (0, 1 / 2**31),
    "i8": (0, 1 / 2**63),
    "f8": (0, 1.0),
}


class ImpossibleRateError(DecoderError):
    """The header's sample rate is 0, negative or beyond `HIGHEST_RATE`."""


class Decoder(Protocol):
    """An open foreign sound file."""

    sample_rate: int
    """Hertz, in [1, `HIGHEST_RATE`]."""
    channels: int
    """At least 1."""
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
    file : BinaryIO
        Open for reading; stays open.

    Raises
    ------
    DecoderError
        If libsndfile does not take it, or its rate is beyond `HIGHEST_RATE`.
    SourceFaultError
        If the disk fails.
    """

    def __init__(self, file: BinaryIO) -> None:
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
        self.claimed_samples = _possible_length(int(self._sound.frames))
        # libsndfile cuts the claims of most headers to what the file holds, and says nothing.
        self.promised_ratio = promised_ratio(self._file)
        if self.format == "MP3" and not _has_length_tag(self._file):
            self.claimed_samples = None  # an estimate from the first frame's bit rate
        self._file.raise_fault()
        _require_possible_rate(self.sample_rate)

    def blocks(self) -> Iterator[Samples]:
        """As `Decoder.blocks`."""
        buffer = np.empty((block_frames(self.channels), self.channels), dtype=np.float32)
        call = min(_FRAMES_PER_CALL, len(buffer))
        filled, ended, stopped = 0, False, ""
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
                yield buffer[:filled].T
                filled = 0
        if stopped:
            raise DecoderError(stopped)

    def unread_bytes(self) -> int:
        """As `Decoder.unread_bytes`; always 0 for formats whose tail is no sound."""
        if self.format not in ("MP3", "OGG"):
            return 0
        position = self._file.tell()
        return self._file.seek(0, io.SEEK_END) - position

    def close(self) -> None:
        """As `Decoder.close`."""
        self._sound.close()


class AvDecoder:
    """Decode a sound stream of whatever FFmpeg takes: AAC and ALAC in MP4, and more.

    Parameters
    ----------
    file : BinaryIO
        Open for reading; stays open.
    stream : int
        Which of its sound streams, counted from 0.

    Raises
    ------
    DecoderMissingError
        If the optional package `av` is not installed.
    DecoderError
        If FFmpeg does not take the file, it holds no sound, or its rate is beyond
        `HIGHEST_RATE`.
    SourceFaultError
        If the disk fails.
    """

    def __init__(self, file: BinaryIO, stream: int = 0) -> None:
        self._file = NamelessFile(file)
        self._damage = ""
        self._container: Any = None
        self.promised_ratio = promised_ratio(self._file)
        self._failures: tuple[type[Exception], ...] = (DecoderError,)
        try:
            self._container = open_container(self._file)
            # Decoding takes no arguments: a ValueError there is about the file.
            self._failures = (DecoderError, ValueError, *av_failures())
            self._open_stream(stream)
        except self._failures as error:
            self.close()
            self._file.raise_fault()
            if isinstance(error, DecoderError):
                raise
            raise DecoderError(str(error) or type(error).__name__) from error

    def _open_stream(self, number: int) -> None:
        if number >= len(self._container.streams.audio):
            raise DecoderError("there is no sound in it")
        stream = self._container.streams.audio[number]
        if stream.codec_context is None:
            raise DecoderError("nobody knows its coding")
        self._frames = self._decoded_frames(stream)
        # The first frame, not the header, says what comes out (AAC with band replication
        # doubles the rate). A file without one is an empty song.
        self._first = next(self._frames, None)
        source = stream if self._first is None else self._first
        self.sample_rate = int(source.rate or 0)
        self.channels = int(source.layout.nb_channels)
        _require_possible_rate(self.sample_rate)
        if self.channels < 1:
            raise DecoderError("it has no channels")
        self.format = str(self._container.format.name).split(",")[0].upper()
        self.subtype = str(stream.codec_context.name).upper()
        self.claimed_samples = None
        if stream.duration is not None and stream.time_base:  # unset: None, from PyAV 19 on 0/1
            self.claimed_samples = _possible_length(
                round(stream.duration * stream.time_base * self.sample_rate)
            )
        # An MP4 stores its true length, and its last AAC packet decodes to more. Elsewhere
        # the duration is an estimate.
        self._limit = self.claimed_samples if self.format == "MOV" else None

    def _decoded_frames(self, stream: Any) -> Iterator[Any]:
        """Yield FFmpeg's frames; a damaged packet is left out and goes into `_damage`."""
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except self._failures as error:
                self._damage = str(error) or type(error).__name__
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except self._failures as error:
                self._damage = str(error) or type(error).__name__

    def blocks(self) -> Iterator[Samples]:
        """As `Decoder.blocks`."""
        longest = block_frames(self.channels)
        parts: list[Samples] = []
        held, total = 0, 0
        frame = self._first
        while frame is not None:
            try:
                samples = self._samples_of(frame)
            except self._failures as error:
                self._damage = str(error) or type(error).__name__
                break
            if self._limit is not None:
                samples = samples[:, : max(0, self._limit - total)]
            total += samples.shape[1]
            for start in range(0, samples.shape[1], longest):
                part = samples[:, start : start + longest]
                if held + part.shape[1] > longest:
                    yield np.concatenate(parts, axis=1)
                    parts, held = [], 0
                parts.append(part)
                held += part.shape[1]
            frame = next(self._frames, None)
        if held:
            yield np.concatenate(parts, axis=1)
        self._file.raise_fault()
        if self._damage:
            raise DecoderError(self._damage)

    def _samples_of(self, frame: Any) -> Samples:
        if frame.rate != self.sample_rate or frame.layout.nb_channels != self.channels:
            raise DecoderError("its rate or its channels change on the way")
        values = frame.to_ndarray()
        if not frame.format.is_planar:
            values = values.reshape(-1, self.channels).T
        if values.dtype != np.float32:
            zero, scale = _NUMBER_ZERO_AND_SCALE[values.dtype.str[1:]]
            values = ((values.astype(np.float64) - zero) * scale).astype(np.float32)
        return np.asarray(values)

    def unread_bytes(self) -> int:
        """As `Decoder.unread_bytes`; 0, for FFmpeg reads on as long as there is anything."""
        return 0

    def close(self) -> None:
        """As `Decoder.close`."""
        if self._container is not None:
            self._container.close()


def block_frames(channels: int) -> int:
    """Return how long a block of so many channels may be, in samples per channel."""
    return max(1, min(BLOCK_FRAMES, _BLOCK_VALUES // channels))


def _possible_length(samples: int) -> int | None:
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


def _require_possible_rate(sample_rate: int) -> None:
    if not 1 <= sample_rate <= HIGHEST_RATE:
        raise ImpossibleRateError(f"its sample rate is {sample_rate} Hz")
