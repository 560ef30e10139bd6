"""What the magic wand takes: reads the sound around a click and grows a region in it."""

from __future__ import annotations

from drumstudio.core.levels import drums_share, stem_levels
from drumstudio.core.strokes import Cells
from drumstudio.core.tiles import Grid
from drumstudio.core.wand import found_cells, region
from drumstudio.files.block_reader import SongReader

REACH_SECONDS = 4.0
"""How far from the click a region may reach."""


def wand_cells(
    reader: SongReader, grid: Grid, seconds: float, hertz: float, tolerance_db: float
) -> Cells | None:
    """Return the cells that belong to a place in the spectrogram; None outside of the song.

    Parameters
    ----------
    reader : SongReader
        Of mixture and drums, with the deltas of what is painted already.
    grid : Grid
        The song's.
    seconds, hertz : float
        The place.
    tolerance_db : float
        As in `core.wand.region`.

    Raises
    ------
    AudioOpenError
        If the sound can not be read.
    """
    around = stretch_around(grid, seconds, hertz)
    if around is None:
        return None
    frame, cell, first, start, count = around
    mixture, painted = reader.read("mixture", start, count), reader.read(reader.focus, start, count)
    level, drums, rest = stem_levels(mixture, painted, grid.n_fft, grid.hop_length, 1)
    weights = region(level, drums_share(drums, rest), frame - first, cell, tolerance_db)
    return found_cells(weights, first)


def stretch_around(
    grid: Grid, seconds: float, hertz: float
) -> tuple[int, int, int, int, int] | None:
    """Return what to read around a place: its frame and bin, the first frame, start, count.

    Parameters
    ----------
    grid : Grid
        The song's.
    seconds, hertz : float
        The place; None is returned outside of the song.

    Returns
    -------
    tuple of int, or None
        The place's frame and bin; the first frame that is read; the first sample of its window
        and how many samples there are.
    """
    frame, cell = round(seconds / grid.frame_seconds), round(hertz / grid.bin_hz)
    if not (0 <= frame < grid.frames and 0 <= cell < grid.bins):
        return None
    reach = round(REACH_SECONDS / grid.frame_seconds)
    first, last = max(frame - reach, 0), min(frame + reach + 1, grid.frames)
    start = first * grid.hop_length - grid.n_fft // 2
    count = (last - first - 1) * grid.hop_length + grid.n_fft
    return frame, cell, first, start, count
