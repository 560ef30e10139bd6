"""What the onset brush takes: reads the sound around a click and finds the hit that is meant."""

from __future__ import annotations

from dataclasses import dataclass

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
    drums = reader.read("drums", middle - around, 2 * around)
    away = find_onset(mixture, grid.sample_rate, hertz, drums)
    if away is None:
        return None
    onset = min(max(seconds + away, 0.0), grid.samples / grid.sample_rate)
    frame = min(round(onset / grid.frame_seconds), grid.frames - 1)
    before, after = frames_around(grid, limits)
    first, last = max(frame - before, 0), min(frame + after, grid.frames)
    start = first * grid.hop_length - grid.n_fft // 2
    count = (last - first - 1) * grid.hop_length + grid.n_fft
    power = powers(reader.read("mixture", start, count), grid.n_fft, grid.hop_length)
    cells = found_cells(hit_weights(power, grid, frame - first, hertz, limits), first)
    return None if cells is None else FoundHit(onset, cells)
