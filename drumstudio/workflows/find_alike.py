"""Where in a song a hit is struck that is like one that strokes were painted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.bands import Bands, powers
from drumstudio.core.errors import ProjectError
from drumstudio.core.hit_likeness import (
    AFTER_STEPS,
    BANDS,
    BEFORE_STEPS,
    LISTED,
    STEP_SECONDS,
    WINDOW_SECONDS,
    HitExample,
    beginnings,
    example_at,
    likeness,
    rises,
)
from drumstudio.core.raster import Raster
from drumstudio.core.strokes import Stroke, span_seconds
from drumstudio.core.tiles import Grid
from drumstudio.files.block_reader import SongReader
from drumstudio.jobs.job import Checkpoint

LONGEST_SECONDS = 4.0
"""Strokes that reach further are more than one hit."""

MOST_HITS = 5_000

_BLOCK_SECONDS = 15.0
_MARGIN_STEPS = 24
_APART_SECONDS = 0.05
_SAME_SECONDS = 0.04
_AROUND_SECONDS = 0.5
_EARLY_SECONDS = 0.03  # the beginning may lie so long before what was painted
_NEAR_STEPS = 3
_PLACING_LAG = 2


@dataclass(frozen=True, slots=True)
class AlikeHit:
    """A hit that is like the example.

    Parameters
    ----------
    seconds : float
        Where it begins.
    likeness : float
        At most 1.
    """

    seconds: float
    likeness: float


@dataclass(frozen=True, slots=True)
class AlikeHits:
    """The hits of a song that are like one that was corrected.

    Parameters
    ----------
    onset_seconds : float
        Where the example begins.
    hits : tuple of AlikeHit
        The others, in order of time.
    """

    onset_seconds: float
    hits: tuple[AlikeHit, ...]


def find_alike(
    reader: SongReader,
    grid: Grid,
    strokes: Sequence[Stroke],
    checkpoint: Checkpoint,
    hertz: float | None = None,
) -> AlikeHits:
    """Return the hits of a song that are like the one that strokes were painted on.

    Parameters
    ----------
    reader : SongReader
        Of the mixture.
    grid : Grid
        The song's.
    strokes : sequence of Stroke
        What was painted on one hit.
    checkpoint : Checkpoint
        Called for every block of the song.
    hertz : float, optional
        Where the hit was clicked.

    Raises
    ------
    ProjectError
        If the strokes are not on one hit.
    AudioOpenError
        If the sound can not be read.
    Cancelled
        If the person asked to stop.
    """
    spectra = _Spectra(reader, grid)
    onset, example = _example(spectra, grid, strokes, hertz)
    found: list[AlikeHit] = []
    block = round(_BLOCK_SECONDS / spectra.step_seconds)
    for first in range(0, spectra.steps, block):
        checkpoint(first / spectra.steps, "Looking for hits like this")
        begin = max(first - _MARGIN_STEPS, 0)
        last = min(first + block, spectra.steps)
        power = spectra.read(begin, last + _MARGIN_STEPS)
        steps = beginnings(rises(power, example))
        steps = steps[(steps >= first - begin) & (steps < last - begin)]
        for step, alike in zip(steps, likeness(power, steps, example), strict=True):
            if alike >= LISTED:
                found.append(AlikeHit((begin + int(step)) * spectra.step_seconds, float(alike)))
    others = [hit for hit in found if abs(hit.seconds - onset) > _SAME_SECONDS]
    return AlikeHits(onset, _apart(others))


class _Spectra:
    """A song as powers in bands, a stretch at a time."""

    def __init__(self, reader: SongReader, grid: Grid) -> None:
        rate = grid.sample_rate
        self._reader = reader
        self._n_fft = int(2 ** max(4, round(np.log2(WINDOW_SECONDS * rate))))
        self._hop = max(round(STEP_SECONDS * rate), 1)
        self.bands = Bands.spread(rate, self._n_fft, BANDS)
        self.step_seconds = self._hop / rate
        self.steps = 1 + grid.samples // self._hop

    def read(self, first: int, last: int) -> NDArray[np.float32]:
        """Return the power of some steps, float32 (steps, bands); step n is about n hops."""
        start = first * self._hop - self._n_fft // 2
        count = (last - first - 1) * self._hop + self._n_fft
        samples = self._reader.read("mixture", start, count)
        power: NDArray[np.float32] = powers(samples, self._n_fft, self._hop) @ self.bands.weights
        return power


def _example(
    spectra: _Spectra, grid: Grid, strokes: Sequence[Stroke], hertz: float | None
) -> tuple[float, HitExample]:
    """Return where the hit begins that was painted on, and the hit."""
    begin, end = _span(grid, strokes)
    step_seconds = spectra.step_seconds
    around = round(_AROUND_SECONDS / step_seconds)
    first = max(round(begin / step_seconds) - around, 0)
    last = min(round(end / step_seconds) + around, spectra.steps)
    power = spectra.read(first - BEFORE_STEPS, last + AFTER_STEPS)
    first -= BEFORE_STEPS
    painted = _painted(spectra, grid, strokes, first, len(power))
    # What begins most within what was painted.
    levels = 10.0 * np.log10(power + power.max() * 1e-6 + power.max(axis=0) * 1e-4 + 1e-20)
    rise = np.zeros(len(power))
    lag = _PLACING_LAG
    steeper = np.clip(levels[2 * lag :] - levels[: -2 * lag], 0.0, None)
    rise[lag:-lag] = (steeper * (painted.max(axis=0) + 1e-3)).sum(axis=1)
    times = (first + np.arange(len(power))) * step_seconds
    near = (times >= begin - _EARLY_SECONDS) & (times <= max(end, begin + _EARLY_SECONDS))
    step = int(np.argmax(np.where(near, rise, -1.0)))
    example = example_at(power, step, spectra.bands, hertz, painted)
    if example is not None:
        # Placed as the others will be.
        steps = beginnings(rises(power, example))
        close = steps[np.abs(steps - step) <= _NEAR_STEPS]
        if len(close):
            step = int(close[np.argmin(np.abs(close - step))])
            example = example_at(power, step, spectra.bands, hertz, painted)
    if example is None:
        raise ProjectError(
            "Cannot look for hits like this",
            why="nothing is struck where it was painted.",
            fix="Paint on a hit first, or select the time of one that was painted on.",
        )
    return float((first + step) * step_seconds), example


def _span(grid: Grid, strokes: Sequence[Stroke]) -> tuple[float, float]:
    spans = [span_seconds(stroke.shape, grid.frame_seconds) for stroke in strokes]
    begin = max(min((span[0] for span in spans), default=0.0), 0.0)
    end = min(max((span[1] for span in spans), default=0.0), grid.frames * grid.frame_seconds)
    if not 0.0 <= end - begin <= LONGEST_SECONDS:
        raise ProjectError(
            "Cannot look for hits like this",
            why=f"what was painted reaches over {end - begin:.1f} s, which is more than one hit."
            if end > begin
            else "nothing was painted there.",
            fix="Select the time of one hit that was painted on.",
        )
    return begin, end


def _painted(
    spectra: _Spectra, grid: Grid, strokes: Sequence[Stroke], first: int, steps: int
) -> NDArray[np.float32]:
    """Return how much of each step and band was painted, float32 (steps, bands)."""
    begin = max(int(first * spectra.step_seconds / grid.frame_seconds) - 1, 0)
    end = min(int((first + steps) * spectra.step_seconds / grid.frame_seconds) + 2, grid.frames)
    cells = np.zeros((end - begin, grid.bins), dtype=np.float32)
    for stroke in strokes:
        if stroke.target == "erase":
            continue
        raster = Raster(stroke, grid)
        for index in raster.tiles:
            top, bottom = grid.frame_range(index[0])
            low, high = grid.bin_range(index[1])
            inside = slice(max(begin, top), min(end, bottom))
            if inside.start < inside.stop:
                weights = raster.weights(index)[inside.start - top : inside.stop - top]
                part = cells[inside.start - begin : inside.stop - begin, low:high]
                np.maximum(part, weights, out=part)
    frame = np.rint((first + np.arange(steps)) * spectra.step_seconds / grid.frame_seconds)
    rows = cells[np.clip(frame.astype(np.intp) - begin, 0, len(cells) - 1)]
    centres = spectra.bands.centres_hz
    borders = np.concatenate([[0.0], np.sqrt(centres[1:] * centres[:-1]), [grid.sample_rate]])
    bins = np.minimum(np.rint(borders / grid.bin_hz).astype(np.intp), grid.bins - 1)
    bands = [
        rows[:, low : max(high, low + 1)].max(axis=1)
        for low, high in zip(bins[:-1], bins[1:], strict=True)
    ]
    return np.stack(bands, axis=1)


def _apart(hits: Sequence[AlikeHit]) -> tuple[AlikeHit, ...]:
    """Return the likest hits that are apart from each other, in order of time."""
    kept: dict[int, AlikeHit] = {}
    for hit in sorted(hits, key=lambda hit: -hit.likeness):
        place = int(hit.seconds / _APART_SECONDS)
        near = (kept.get(place + step) for step in (-1, 0, 1))
        if all(other is None or abs(other.seconds - hit.seconds) > _APART_SECONDS
               for other in near):  # fmt: skip
            kept[place] = hit
        if len(kept) >= MOST_HITS:
            break
    return tuple(sorted(kept.values(), key=lambda hit: hit.seconds))
