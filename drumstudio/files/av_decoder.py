"""The sound of whatever FFmpeg takes, as blocks: which track, from when on, and what changes in it.

As `files.decoders`, which says what all decoders keep to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.core.speakers import mask_of, wave_order
from drumstudio.files.av_container import av_failures, channel_names, open_container, plain_values
from drumstudio.files.av_tracks import Tracks, chosen_tracks
from drumstudio.files.conform import Conformer, WiderError
from drumstudio.files.decoders import (
    block_frames,
    possible_length,
    require_possible_rate,
)
from drumstudio.files.file_view import Readable
from drumstudio.files.foreign_file import DecoderError, NamelessFile
from drumstudio.files.promised_length import promised_ratio

_NUMBER_ZERO_AND_SCALE = {
    "u1": (128, 1 / 128),
    "i2": (0, 1 / 2**15),
    "i4": (0, 1 / 2**31),
    "f8": (0, 1.0),
}
_LATE_SECONDS = 0.05  # sound and picture never begin at the very same time
_GAP_SECONDS = 0.1  # less is how roughly a container counts


class AvDecoder:
    """Decode a sound stream of whatever FFmpeg takes: AAC and ALAC in MP4, and more.

    Parameters
    ----------
    file : Readable
        Open for reading; stays open.
    stream : int, optional
        Which of its sound streams, counted from 0; the one that is meant to be heard without it
        (`files.av_tracks`).
    wider : WiderError, optional
        What an earlier try has found: how many channels are handed out.

    Attributes
    ----------
    starts_before_zero : bool
        Whether the first sample's time is negative: the file was cut from a longer one.

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

    def __init__(
        self, file: Readable, stream: int | None = None, wider: WiderError | None = None
    ) -> None:
        self._file = NamelessFile(file)
        self._damage = ""
        self._gaps: list[float] = []
        self._due: float | None = None
        self._container: Any = None
        self.promised_ratio = promised_ratio(self._file)
        self._failures: tuple[type[Exception], ...] = (DecoderError,)
        try:
            self._container = open_container(self._file)
            # Decoding takes no arguments: a ValueError there is about the file.
            self._failures = (DecoderError, ValueError, *av_failures())
            self._open_streams(stream, wider)
        except self._failures as error:
            self.close()
            self._file.raise_fault()
            if isinstance(error, DecoderError):
                raise
            raise DecoderError(str(error) or type(error).__name__) from error

    def _open_streams(self, number: int | None, wider: WiderError | None) -> None:
        self._tracks = chosen_tracks(self._container, number)
        stream = self._tracks.streams[0]
        if stream.codec_context is None:
            raise DecoderError("nobody knows its coding")
        self._frames = self._decoded_frames(self._tracks)
        # The first frame, not the header, says what comes out (AAC with band replication
        # doubles the rate). A file without one is an empty song.
        self._first = next(self._frames, None)
        source = stream if self._first is None else self._first[1]
        names = channel_names(source.layout)
        self.sample_rate = int(source.rate or 0)
        self.channels = len(names) * len(self._tracks.streams)
        self.speakers = mask_of(names) if len(self._tracks.streams) == 1 else 0
        self._layout = names
        self._order = wave_order(names)
        require_possible_rate(self.sample_rate)
        if self.channels < 1:
            raise DecoderError("it has no channels")
        if wider is not None and wider.channels > self.channels:
            self.channels, self.speakers = wider.channels, wider.speakers
        self._conformer = Conformer(self.sample_rate, self.channels, self.speakers)
        self.format = str(self._container.format.name).split(",")[0].upper()
        self.subtype = str(stream.codec_context.name).upper()
        self.claimed_samples = None
        if stream.duration is not None and stream.time_base:  # unset: None, from PyAV 19 on 0/1
            self.claimed_samples = possible_length(
                round(stream.duration * stream.time_base * self.sample_rate)
            )
        # An MP4 stores its true length, and its last AAC packet decodes to more. Elsewhere
        # the duration is an estimate.
        self._limit = self.claimed_samples if self.format == "MOV" else None
        self._late, self.starts_before_zero = self._first_time(source)

    def _first_time(self, frame: Any) -> tuple[int, bool]:
        """Return how many samples after the picture the sound begins, and if before time 0."""
        if self._first is None or frame.pts is None or not frame.time_base:
            return 0, False
        begins = float(frame.pts * frame.time_base)
        times = [
            float(stream.start_time * stream.time_base)
            for stream in self._container.streams.video
            if stream.start_time is not None
            and stream.time_base
            # a still picture is a cover
            and not self._tracks.is_cover(stream)
        ]
        late = begins - min(times) if times else 0.0
        samples = round(late * self.sample_rate) if late > _LATE_SECONDS else 0
        longest = max(self.claimed_samples or 0, 60 * self.sample_rate)
        return (samples if samples <= longest else 0), begins < 0

    def _decoded_frames(self, tracks: Tracks) -> Iterator[tuple[int, Any]]:
        """Yield the tracks' frames, each with its track's number.

        A damaged packet is left out and goes into `_damage`.
        """
        packets = self._container.demux(*tracks.streams)
        numbers = {stream.index: number for number, stream in enumerate(tracks.streams)}
        while True:
            try:
                packet = next(packets, None)
            except self._failures as error:
                self._damage = str(error) or type(error).__name__
                return
            if packet is None:
                return
            try:
                for frame in packet.decode():
                    yield numbers[packet.stream_index], frame
            except self._failures as error:
                self._damage = str(error) or type(error).__name__

    def blocks(self) -> Iterator[Samples]:
        """As `Decoder.blocks`; `WiderError` if a later part has more channels."""
        longest = block_frames(self.channels)
        parts: list[Samples] = []
        held = 0
        for samples in self._silence_then_sound():
            for start in range(0, samples.shape[1], longest):
                part = samples[:, start : start + longest]
                if held + part.shape[1] > longest:
                    yield np.concatenate(parts, axis=1)
                    parts, held = [], 0
                parts.append(part)
                held += part.shape[1]
        if held:
            yield np.concatenate(parts, axis=1)
        self._file.raise_fault()
        if self._damage:
            raise DecoderError(self._damage)

    def _silence_then_sound(self) -> Iterator[Samples]:
        for start in range(0, self._late, block_frames(self.channels)):
            count = min(block_frames(self.channels), self._late - start)
            yield np.zeros((self.channels, count), dtype=np.float32)
        total = 0
        for samples in self._sound():
            kept = samples
            if self._limit is not None:
                kept = samples[:, : max(0, self._limit - total)]
            total += kept.shape[1]
            yield kept

    def _sound(self) -> Iterator[Samples]:
        if len(self._tracks.streams) > 1:
            yield from self._side_by_side()
            return
        for _, samples, rate, speakers in self._stretches():
            yield self._conformer.push(samples, rate, speakers)
        yield self._conformer.finish()

    def _side_by_side(self) -> Iterator[Samples]:
        """Yield mono tracks as the channels of one sound; a shorter one ends in silence."""
        held = [np.zeros(0, dtype=np.float32) for _ in self._tracks.streams]
        for number, samples, rate, _ in self._stretches():
            if rate != self.sample_rate or samples.shape[0] != 1:
                self._damage = "its rate or its channels change on the way"
                break
            held[number] = np.concatenate([held[number], samples[0]])
            ready = min(part.size for part in held)
            if ready:
                yield np.stack([part[:ready] for part in held])
                held = [part[ready:] for part in held]
        longest = max(part.size for part in held)
        yield np.stack([np.pad(part, (0, longest - part.size)) for part in held])

    def _stretches(self) -> Iterator[tuple[int, Samples, int, int]]:
        """Yield (track, samples in the order of `core.speakers`, rate, speakers) of each frame."""
        item = self._first
        while item is not None:
            number, frame = item
            try:
                names = channel_names(frame.layout)
                values = plain_values(frame, len(names))
                if number == 0:
                    self._watch_time(frame)
            except self._failures as error:
                self._damage = str(error) or type(error).__name__
                return
            order = self._order if names == self._layout else wave_order(names)
            if order != list(range(len(names))):
                values = values[order]
            if values.dtype != np.float32:
                zero, scale = _NUMBER_ZERO_AND_SCALE[values.dtype.str[1:]]
                values = ((values.astype(np.float64) - zero) * scale).astype(np.float32)
            yield number, values, int(frame.rate), mask_of(names)
            item = next(self._frames, None)

    def _watch_time(self, frame: Any) -> None:
        """Note where the container's times jump ahead: a recording that had drop-outs."""
        if frame.pts is None or not frame.time_base:
            return
        now = float(frame.pts * frame.time_base)
        if self._due is not None and now - self._due > _GAP_SECONDS:
            self._gaps.append(now - self._due)
        self._due = now + frame.samples / frame.rate

    @property
    def changes(self) -> list[tuple[int, int, int]]:
        """Where parts of another rate or number of channels began, as `Conformer.changes`."""
        return [(at + self._late, rate, count) for at, rate, count in self._conformer.changes]

    def notes(self) -> list[str]:
        """Return what was chosen and done, in sentences."""
        notes = list(self._tracks.notes)
        if self._late:
            seconds = self._late / self.sample_rate
            notes.append(
                f"The sound begins {seconds:.2f} s after the picture; as much silence stands "
                "before it."
            )
        if self._gaps:
            several = f"{len(self._gaps)} gaps" if len(self._gaps) > 1 else "a gap"
            notes.append(
                f"By its clock the file's sound has {several} of {sum(self._gaps):.2f} s "
                "in all; the sound was put together without, as most players do."
            )
        return notes

    def unread_bytes(self) -> int:
        """As `Decoder.unread_bytes`; 0, for FFmpeg reads on as long as there is anything."""
        return 0

    def close(self) -> None:
        """As `Decoder.close`."""
        if self._container is not None:
            self._container.close()
