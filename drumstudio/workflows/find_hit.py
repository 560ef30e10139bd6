"""What the onset brush takes: reads the sound around a click and finds the hit that is meant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.bands import powers
from drumstudio.core.hit_shape import (
    HitLimits,
    find_onset,
    frames_around,
    hit_weights,
    samples_around,
)
from drumstudio.core.strokes import Cells
from drumstudio.core.tiles import Grid
from drumstudio.core.wand import found_cells
from drumstudio.files.block_reader import SongReader


@dataclass(frozen=True, slots=True, eq=False)
class FoundHit:
    """One hit of a drum in a song.

    Parameters
    ----------
    onset_seconds : float
        Where it begins.
    cells : Cells
        Where it sounds. The first frame in which more than half of a cell may be its own is the
        one nearest to its beginning.
    """

    onset_seconds: float
    cells: Cells


def find_hit(
    reader: SongReader, grid: Grid, seconds: float, hertz: float, limits: HitLimits
) -> FoundHit | None:
    """Return the hit nearby that a click means; None if nothing is struck there.

    Parameters
    ----------
    reader : SongReader
        Of mixture and drums.
    grid : Grid
        The song's.
    seconds, hertz : float
        The click.
    limits : HitLimits
        What the hit may take.

    Raises
    ------
    AudioOpenError
        If the sound can not be read.
    """
    if not 0.0 <= seconds <= grid.samples / grid.sample_rate:
        return None
    around = samples_around(grid.sample_rate)
    middle = round(seconds * grid.sample_rate)
    mixture = reader.read("mixture", middle - around, 2 * around)
    drums = reader.read(reader.focus, middle - around, 2 * around)
    away = find_onset(mixture, grid.sample_rate, hertz, drums)
    if away is None:
        return None
    onset = min(max(seconds + away, 0.0), grid.samples / grid.sample_rate)
    frame = min(round(onset / grid.frame_seconds), grid.frames - 1)
    weights, first = _weights(reader, grid, frame, hertz, limits)
    cells = found_cells(weights, first)
    return None if cells is None else FoundHit(onset, cells)


def held_back(reader: SongReader, grid: Grid, cells: Cells) -> Cells | None:
    """Return cells of a hit, copied from another one, with no more weight than fits where they are.

    Parameters
    ----------
    reader : SongReader
        Of the mixture.
    grid : Grid
        The song's.
    cells : Cells
        At the place of a like hit; each gets at most the weight that a click on that hit would
        give it.

    Returns
    -------
    Cells or None
        None if nothing is left.

    Raises
    ------
    AudioOpenError
        If the sound can not be read.
    """
    starts = np.concatenate([[0], np.cumsum(cells.runs[:-1, 2])])
    full = np.maximum.reduceat(cells.weights, starts) >= 0.5
    frame = int(cells.runs[int(np.argmax(full)), 0])
    weights, first = _weights(reader, grid, frame, grid.sample_rate / 4, HitLimits())
    wanted = np.zeros_like(weights)
    for (at, low, count), start in zip(cells.runs.tolist(), starts.tolist(), strict=True):
        if first <= at < first + len(wanted):
            wanted[at - first, low : low + count] = cells.weights[start : start + count]
    return found_cells(np.minimum(wanted, weights), first)


def _weights(
    reader: SongReader, grid: Grid, frame: int, hertz: float, limits: HitLimits
) -> tuple[NDArray[np.float32], int]:
    """Return the weights of a hit that begins at a frame, and the frame of the first of them."""
    before, after = frames_around(grid, limits)
    first, last = max(frame - before, 0), min(frame + after, grid.frames)
    start = first * grid.hop_length - grid.n_fft // 2
    count = (last - first - 1) * grid.hop_length + grid.n_fft
    power = powers(reader.read("mixture", start, count), grid.n_fft, grid.hop_length)
    return hit_weights(power, grid, frame - first, hertz, limits), first
