"""Fills the ring: reads the tracks, mixes them, follows loops and seeks, never clicks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples
from drumstudio.core.mix import Levels, Mixer, read_tracks
from drumstudio.core.momentary import MomentaryLoudness
from drumstudio.playback.ring import Ring

BLOCKS_PER_SECOND = 86
"""A block of the mix is this part of a second: 512 samples at 44.1 kHz."""

_PAGE_BLOCKS = 4
_SEGMENTS_KEPT = 128
_LEVELS_KEPT = 2_048


class Source(Protocol):
    """Where a track's samples come from; used on the deck's thread only."""

    def read(self, start: int, count: int) -> Samples:
        """Return a stretch, float32 of shape (channels, count), zero beyond the ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What is to be heard: an immutable whole, replaced in one step.

    Parameters
    ----------
    sources : tuple of Source
        The tracks. The same tuple, not only an equal one, in the next program means that
        nothing but the mix has changed.
    gains : ndarray, float32, shape (tracks, 2)
        Each track's factors for left and right, from `core.mix.track_gains`.
    sample_rate : int
        Hertz, of every source.
    samples : int
        Where the song ends.
    loop : tuple of int, or None
        First sample of a loop and the one after its last.
    volume : float
        Factor for what goes to the device; levels are measured before it.
    version : int
        Another one says that the same sources sound different now.
    """

    sources: tuple[Source, ...]
    gains: NDArray[np.float32]
    sample_rate: int
    samples: int
    loop: tuple[int, int] | None = None
    volume: float = 1.0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What meters show of a stretch that has been heard.

    Parameters
    ----------
    levels : Levels
        Peaks of the whole stretch, and its mean squares.
    momentary_lufs : float or None
        Loudness of the last 400 ms; None if no new value has come.
    """

    levels: Levels
    momentary_lufs: float | None


@dataclass(frozen=True, slots=True)
class _Measured:
    stop: int  # in rendered samples
    levels: Levels
    momentary_lufs: float | None


class Feeder:
    """Render a program into a ring, from a position on, until it ends or is stopped.

    Everything but `program`, `position_of` and `take_heard` belongs to one thread.

    Parameters
    ----------
    ring : Ring
        Of one or two channels.
    ring_rate : int
        Its rate in hertz; if it is not the program's, the mix is resampled.
    program : Program
        What to play.
    start : int
        First sample.
    stop : int or None
        Where to stop short of the song's end.
    """

    def __init__(
        self, ring: Ring, ring_rate: int, program: Program, start: int, stop: int | None = None
    ) -> None:
        self.program = program
        """What is to be heard from the next block on; may be set from any thread."""
        self._ring = ring
        self._current = program
        self._mixer = Mixer(len(program.sources))
        self._block_samples = max(program.sample_rate // BLOCKS_PER_SECOND, 1)
        self._pages = _Pages(self._block_samples)
        self._volume = program.volume
        self._ratio = program.sample_rate / ring_rate
        self._resampler = _resampler(program.sample_rate, ring_rate)
        self._loudness = MomentaryLoudness(program.sample_rate)
        self._pending = np.zeros((0, ring.channels), dtype=np.float32)
        self._seek_to: tuple[int, int | None] | None = None
        self._stopping = False
        self.position = start
        """The sample that is rendered next."""
        self.stop = stop
        """Where it stops short of the song's end."""
        self.over = False
        """Whether nothing more will be rendered: too late for a seek."""
        self._rendered = 0
        # Where in the song rendered samples come from: pairs (rendered, position).
        self._segments: tuple[tuple[int, int], ...] = ()
        self._measured: deque[_Measured] = deque(maxlen=_LEVELS_KEPT)
        self._begin_at(program, start, stop)

    # --- for any thread ----------------------------------------------------------------

    def position_of(self, ring_samples: float) -> float:
        """Return the song's sample that stands at a distance from the ring's beginning."""
        rendered = ring_samples * self._ratio
        segments = self._segments
        start, position = segments[0]
        for segment in segments:
            if segment[0] > rendered:
                break
            start, position = segment
        return position + max(rendered - start, 0.0)

    def take_heard(self, ring_samples: float) -> Heard | None:
        """Return what has been heard since the last call; None if that is nothing.

        For one reader.
        """
        rendered = ring_samples * self._ratio
        taken: list[_Measured] = []
        while self._measured and self._measured[0].stop <= rendered:
            taken.append(self._measured.popleft())
        if not taken:
            return None
        shape = taken[-1].levels.peak.shape
        levels = [one.levels for one in taken if one.levels.peak.shape == shape]
        loudness = [one.momentary_lufs for one in taken if one.momentary_lufs is not None]
        return Heard(
            Levels(
                np.max([one.peak for one in levels], axis=0),
                np.mean([one.mean_square for one in levels], axis=0),
            ),
            loudness[-1] if loudness else None,
        )

    # --- for the deck's thread ---------------------------------------------------------

    def seek(self, position: int, stop: int | None = None) -> None:
        """Go on elsewhere, after a short fade; takes back `fade_out`."""
        self._seek_to = (position, stop)
        self._stopping = False

    def fade_out(self) -> None:
        """End after a short fade; `position` is then where to go on another time."""
        self._stopping = True

    @property
    def fading_out(self) -> bool:
        """Whether `fade_out` was asked for and not taken back."""
        return self._stopping

    def fill(self) -> None:
        """Render until the ring is full or everything has been rendered.

        Raises
        ------
        DrumStudioError
            If a source can not be read.
        """
        while True:
            self._pending = self._pending[self._ring.write(self._pending) :]
            if len(self._pending):
                return
            if self.over:
                self._ring.ended = True
                return
            # Rendered no sooner than it fits: what waits outside the ring answers late.
            if self._ring.room() < min(self._block_samples / self._ratio, self._ring.capacity):
                return
            block = self._render()
            self.over = block is None
            nothing = np.zeros((2, 0), dtype=np.float32)
            self._pending = self._for_ring(nothing if block is None else block)

    def _for_ring(self, block: Samples) -> NDArray[np.float32]:
        samples = np.ascontiguousarray(block.T)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=self.over).reshape(-1, 2)
        if self._ring.channels == 1:
            samples = samples.mean(axis=1, dtype=np.float32, keepdims=True)
        return samples

    def _render(self) -> Samples | None:
        """Return the next block, float32 of shape (2, samples); None after the last one."""
        program = self.program
        same_sources = program.sources is self._current.sources
        leaving = self._stopping or self._seek_to is not None or not same_sources
        if leaving and self._mixer.gains.any():
            block = self._mix(fade=True)
            if block is not None:
                return block
        if self._stopping:
            return None
        if not same_sources:
            self._mixer = Mixer(len(program.sources))
            self._begin_at(program, self.position, self.stop)
        if program.version != self._current.version:
            self._pages.forget()
        self._current = program
        if self._seek_to is not None:
            self._begin_at(program, *self._seek_to)
            self._seek_to = None
        return self._mix(fade=False)

    @property
    def current(self) -> Program:
        """The program that the last block came from: earlier ones are no longer used."""
        return self._current

    def _begin_at(self, program: Program, position: int, stop: int | None) -> None:
        """Start anew somewhere; only the song's own beginning is heard without a fade."""
        self.position = position
        self.stop = stop
        self._note_segment()
        if position == 0:
            self._mixer.jump(program.gains)

    def _note_segment(self, ahead: int = 0) -> None:
        kept = self._segments[-(_SEGMENTS_KEPT - 1) :]
        self._segments = (*kept, (self._rendered + ahead, self.position))

    def _mix(self, *, fade: bool) -> Samples | None:
        """Return a block at the position and go on behind it; None at the end."""
        program = self._current
        end = program.samples if self.stop is None else min(self.stop, program.samples)
        pieces = list(self._pieces(end))
        count = sum(length for _, length in pieces)
        if count == 0:
            return None
        # Where it stops short of the song's end, it must not click.
        last = end < program.samples and self.position == end
        gains = np.zeros_like(program.gains) if fade or last else program.gains
        out = np.empty((2, count), dtype=np.float32)
        tracks = self._pages.read(program.sources, self._mixer.needed(gains), pieces, count)
        levels = self._mixer.mix_into(out, tracks, gains)
        self._rendered += count
        self._measured.append(_Measured(self._rendered, levels, self._loudness.add(out)))
        self._apply_volume(out, program.volume)
        return out

    def _pieces(self, end: int) -> Iterator[tuple[int, int]]:
        """Yield where the next block's samples lie: (start, count), several around a loop."""
        loop = self._current.loop
        left = self._block_samples
        while left:
            looping = loop is not None and loop[0] < loop[1] and self.position < loop[1]
            until = loop[1] if loop is not None and looping else end
            count = min(left, until - self.position)
            if count <= 0:
                return
            yield self.position, count
            left -= count
            self.position += count
            if loop is not None and looping and self.position == loop[1]:
                self.position = loop[0]
                self._note_segment(self._block_samples - left)

    def _apply_volume(self, out: Samples, volume: float) -> None:
        if volume != self._volume:
            steps = np.arange(1, out.shape[1] + 1, dtype=np.float32) / np.float32(out.shape[1])
            out *= np.float32(self._volume) + np.float32(volume - self._volume) * steps
            self._volume = volume
        elif volume != 1.0:
            out *= np.float32(volume)


class _Pages:
    """Reads ahead, several blocks of all tracks at once.

    Every reading of a file gives the interpreter's lock away: few and large ones keep the
    deck's thread on time beside a busy window.
    """

    def __init__(self, block_samples: int) -> None:
        self._page_samples = _PAGE_BLOCKS * block_samples
        self._sources: tuple[Source, ...] = ()
        self._held: list[bool] = []
        self._start = 0
        self._page = np.zeros((0, 2, self._page_samples), dtype=np.float32)
        self._joined = np.zeros((0, 2, block_samples), dtype=np.float32)

    def read(
        self,
        sources: tuple[Source, ...],
        needed: list[bool],
        pieces: Sequence[tuple[int, int]],
        count: int,
    ) -> NDArray[np.float32]:
        """Return a block made of pieces (start, count), float32 of shape (tracks, 2, count)."""
        if self._sources is not sources:
            self._sources = sources
            self._held = [False] * len(sources)
            self._page = np.zeros((len(sources), 2, self._page_samples), dtype=np.float32)
            self._joined = np.zeros((len(sources), 2, self._joined.shape[2]), dtype=np.float32)
        if len(pieces) == 1:
            return self._piece(needed, *pieces[0])
        place = 0
        for start, length in pieces:
            self._joined[:, :, place : place + length] = self._piece(needed, start, length)
            place += length
        return self._joined[:, :, :count]

    def forget(self) -> None:
        """Read anew what was read ahead, or is heard again in a short loop."""
        self._held = [False] * len(self._held)

    def _piece(self, needed: list[bool], start: int, count: int) -> NDArray[np.float32]:
        offset = start - self._start
        there = 0 <= offset <= self._page_samples - count
        if not there or any(wants > has for wants, has in zip(needed, self._held, strict=True)):
            self._held = [False] * len(needed)  # should reading fail
            read_tracks(self._sources, needed, start, self._page)
            self._held, self._start, offset = needed, start, 0
        return self._page[:, :, offset : offset + count]


def _resampler(from_rate: int, to_rate: int) -> Any:
    if from_rate == to_rate:
        return None
    # Imported here: soxr takes 20 ms, and most devices run at the song's rate.
    import soxr

    return soxr.ResampleStream(from_rate, to_rate, 2, dtype="float32", quality="HQ")
