"""Where the beats are: seconds to bar|beat|tick and back, for one tempo or several."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from drumstudio.core import check

TICKS_PER_BEAT = 960
SLOWEST_BPM, FASTEST_BPM = 10.0, 1_000.0

GridKind = Literal["bar", "beat", "sixteenth"]

_SIXTEENTHS_PER_BEAT = 4
_LONGEST_TAP_GAP_SECONDS = 3.0  # a longer one begins a new series
_FEWEST_TAPS = 3
_MOST_TEMPOS = 1_000
_MOST_SECONDS = 1e7


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo, until the next one.

    Parameters
    ----------
    start_seconds : float
        Where it begins; the first one holds for what is before it, too.
    bpm : float
        Beats a minute, in [`SLOWEST_BPM`, `FASTEST_BPM`].

    Raises
    ------
    ValueError
        If a value is not finite or out of range.
    """

    start_seconds: float
    bpm: float

    def __post_init__(self) -> None:
        check.within("start_seconds", self.start_seconds, -_MOST_SECONDS, _MOST_SECONDS)
        check.within("bpm", self.bpm, SLOWEST_BPM, FASTEST_BPM)


@dataclass(frozen=True, slots=True)
class BarPosition:
    """A place in music.

    Parameters
    ----------
    bar, beat : int
        Counted from 1; before bar 1 are bars 0, -1, ...
    tick : int
        In [0, `TICKS_PER_BEAT`).
    """

    bar: int
    beat: int
    tick: int = 0

    def __str__(self) -> str:
        return f"{self.bar}|{self.beat}|{self.tick:03d}"


@dataclass(frozen=True, slots=True)
class GridLine:
    """A line of the grid: where it is and what it stands for."""

    seconds: float
    kind: GridKind
    position: BarPosition


@dataclass(frozen=True, slots=True)
class TempoMap:
    """The beat grid of a song.

    Parameters
    ----------
    tempos : tuple of Tempo
        At least one, in order of time.
    origin_seconds : float
        Where bar 1 begins. It need not lie inside the song.
    beats_per_bar : int
        In [1, 64].
    confidence : float
        How sure the estimate of the beats is, in [0, 1]; 1 for what a person set.
    confirmed : bool
        Whether the person has said where bars begin. Until then only beats are drawn.

    Raises
    ------
    ValueError
        If the tempos are not in order or a value is out of range.
    """

    tempos: tuple[Tempo, ...]
    origin_seconds: float = 0.0
    beats_per_bar: int = 4
    confidence: float = 0.0
    confirmed: bool = False

    def __post_init__(self) -> None:
        check.within("number of tempos", len(self.tempos), 1, _MOST_TEMPOS)
        starts = [tempo.start_seconds for tempo in self.tempos]
        if any(later <= earlier for earlier, later in zip(starts, starts[1:], strict=False)):
            raise ValueError("tempos must be in order of time")
        check.within("origin_seconds", self.origin_seconds, -_MOST_SECONDS, _MOST_SECONDS)
        check.within("beats_per_bar", self.beats_per_bar, 1, 64)
        check.within("confidence", self.confidence, 0.0, 1.0)

    @classmethod
    def constant(cls, bpm: float, origin_seconds: float = 0.0, beats_per_bar: int = 4) -> TempoMap:
        """Return a map of one tempo."""
        return cls((Tempo(0.0, bpm),), origin_seconds, beats_per_bar)

    # --- seconds and beats -------------------------------------------------------------

    def beat_at(self, seconds: float) -> float:
        """Return how many beats lie between bar 1 and a time; negative before it."""
        return self._travelled(seconds) - self._travelled(self.origin_seconds)

    def seconds_at(self, beat: float) -> float:
        """Return the time of a beat, counted from 0 at bar 1; the inverse of `beat_at`."""
        target = beat + self._travelled(self.origin_seconds)
        begins = 0.0  # beats travelled where this tempo begins
        for tempo, following in zip(self.tempos, self.tempos[1:], strict=False):
            ends = begins + (following.start_seconds - tempo.start_seconds) * tempo.bpm / 60.0
            if target < ends:
                return tempo.start_seconds + (target - begins) * 60.0 / tempo.bpm
            begins = ends
        last = self.tempos[-1]
        return last.start_seconds + (target - begins) * 60.0 / last.bpm

    def _travelled(self, seconds: float) -> float:
        """Return the beats between the first tempo's begin and a time."""
        beats = 0.0
        for tempo, following in zip(self.tempos, self.tempos[1:], strict=False):
            if seconds < following.start_seconds:
                return beats + (seconds - tempo.start_seconds) * tempo.bpm / 60.0
            beats += (following.start_seconds - tempo.start_seconds) * tempo.bpm / 60.0
        last = self.tempos[-1]
        return beats + (seconds - last.start_seconds) * last.bpm / 60.0

    def bpm_at(self, seconds: float) -> float:
        """Return the tempo at a time, in beats a minute."""
        return self.tempos[self._tempo_index(seconds)].bpm

    def _tempo_index(self, seconds: float) -> int:
        starts = [tempo.start_seconds for tempo in self.tempos]
        return max(bisect_right(starts, seconds) - 1, 0)

    # --- bars --------------------------------------------------------------------------

    def position_at(self, seconds: float) -> BarPosition:
        """Return the place in music that is nearest to a time."""
        return self._position(round(self.beat_at(seconds) * TICKS_PER_BEAT))

    def seconds_of(self, position: BarPosition) -> float:
        """Return the time of a place in music."""
        beats = (position.bar - 1) * self.beats_per_bar + position.beat - 1
        return self.seconds_at(beats + position.tick / TICKS_PER_BEAT)

    def _position(self, ticks: int) -> BarPosition:
        beats, tick = divmod(ticks, TICKS_PER_BEAT)
        bars, beat = divmod(beats, self.beats_per_bar)
        return BarPosition(bars + 1, beat + 1, tick)

    def lines(
        self, start_seconds: float, stop_seconds: float, min_spacing_seconds: float
    ) -> list[GridLine]:
        """Return what a ruler draws between two times.

        Parameters
        ----------
        start_seconds, stop_seconds : float
            The visible range; both ends belong to it.
        min_spacing_seconds : float
            Lines nearer to each other than this would run together; positive.

        Returns
        -------
        list of GridLine
            Sixteenths, beats, bars, or every second, fourth, ... bar, as fine as the
            spacing allows, in order of time. Of an unconfirmed map beats only, none at all
            where they would run together: its bars would be guessed.
        """
        fastest = max(tempo.bpm for tempo in self._visible(start_seconds, stop_seconds))
        beat_seconds = 60.0 / fastest
        if not self.confirmed:
            if beat_seconds < min_spacing_seconds:
                return []
            step = TICKS_PER_BEAT
        elif beat_seconds / _SIXTEENTHS_PER_BEAT >= min_spacing_seconds:
            step = TICKS_PER_BEAT // _SIXTEENTHS_PER_BEAT
        elif beat_seconds >= min_spacing_seconds:
            step = TICKS_PER_BEAT
        else:
            step = TICKS_PER_BEAT * self.beats_per_bar
            while step / TICKS_PER_BEAT * beat_seconds < min_spacing_seconds:
                step *= 2
        return list(self._every(step, start_seconds, stop_seconds))

    def _every(self, step: int, start_seconds: float, stop_seconds: float) -> Iterator[GridLine]:
        ticks = math.ceil(self.beat_at(start_seconds) * TICKS_PER_BEAT / step - 1e-9) * step
        while (seconds := self.seconds_at(ticks / TICKS_PER_BEAT)) <= stop_seconds:
            position = self._position(ticks)
            kind: GridKind = "beat" if position.tick == 0 else "sixteenth"
            if kind == "beat" and position.beat == 1 and self.confirmed:
                kind = "bar"
            yield GridLine(seconds, kind, position)
            ticks += step

    def _visible(self, start_seconds: float, stop_seconds: float) -> tuple[Tempo, ...]:
        first, last = self._tempo_index(start_seconds), self._tempo_index(stop_seconds)
        return self.tempos[first : last + 1]

    def nearest(self, seconds: float, kind: GridKind) -> float:
        """Return the time of the nearest bar, beat or sixteenth.

        The bars of a map that is not confirmed are guessed and not drawn: beats instead.
        """
        if kind == "sixteenth":
            step = 1.0 / _SIXTEENTHS_PER_BEAT
        else:
            step = float(self.beats_per_bar) if kind == "bar" and self.confirmed else 1.0
        return self.seconds_at(round(self.beat_at(seconds) / step) * step)

    # --- repairs -----------------------------------------------------------------------

    def scaled(self, factor: float) -> TempoMap:
        """Return the map with every tempo times a factor: 2 and 1/2 mend octave errors.

        Bar 1 stays where it is.

        Raises
        ------
        ValueError
            If a tempo leaves [`SLOWEST_BPM`, `FASTEST_BPM`].
        """
        scaled = tuple(replace(tempo, bpm=tempo.bpm * factor) for tempo in self.tempos)
        return replace(self, tempos=scaled)

    def shifted(self, beats: float) -> TempoMap:
        """Return the map with bar 1 later by some beats: half a beat, one, or a bar."""
        return replace(self, origin_seconds=self.seconds_at(beats))

    def one_at(self, seconds: float) -> TempoMap:
        """Return the map with bar 1 at a time; as the person said so, it is confirmed."""
        return replace(self, origin_seconds=seconds, confirmed=True)

    def with_bpm(self, bpm: float, seconds: float) -> TempoMap:
        """Return the map with another tempo where a time lies.

        Raises
        ------
        ValueError
            If the tempo is out of range.
        """
        index = self._tempo_index(seconds)
        tempo = replace(self.tempos[index], bpm=bpm)
        return replace(self, tempos=(*self.tempos[:index], tempo, *self.tempos[index + 1 :]))

    def split(self, seconds: float, bpm: float) -> TempoMap:
        """Return the map with another tempo from a time on, until the next tempo.

        Raises
        ------
        ValueError
            If the tempo is out of range.
        """
        kept = tuple(s for s in self.tempos if s.start_seconds != seconds)
        tempos = (*kept, Tempo(seconds, bpm))
        return replace(self, tempos=tuple(sorted(tempos, key=lambda s: s.start_seconds)))


def tapped_bpm(taps: Sequence[float]) -> float | None:
    """Return the tempo that somebody taps.

    Parameters
    ----------
    taps : sequence of float
        When, in seconds, in order. Only those since the last long pause count.

    Returns
    -------
    float or None
        Beats a minute, within [`SLOWEST_BPM`, `FASTEST_BPM`]; None for fewer than three taps.

    Notes
    -----
    The slope of a straight line through the taps, by least squares: every tap counts, not
    only the first and the last.
    """
    series: list[float] = []
    for tap in taps:
        if series and tap - series[-1] > _LONGEST_TAP_GAP_SECONDS:
            series.clear()
        series.append(tap)
    if len(series) < _FEWEST_TAPS:
        return None
    middle = (len(series) - 1) / 2
    mean = sum(series) / len(series)
    above = sum((n - middle) * (tap - mean) for n, tap in enumerate(series))
    below = sum((n - middle) ** 2 for n in range(len(series)))
    if above <= 0.0:
        return None
    return min(max(60.0 * below / above, SLOWEST_BPM), FASTEST_BPM)
