"""What the harmonics tool takes: reads the sound around a click and follows the tone in it."""

from __future__ import annotations

from drumstudio.core.harmonics import harmonics
from drumstudio.core.levels import stem_levels
from drumstudio.core.strokes import Cells
from drumstudio.core.tiles import Grid
from drumstudio.core.wand import found_cells
from drumstudio.files.block_reader import SongReader
from drumstudio.workflows.find_region import stretch_around


def harmonic_cells(
    reader: SongReader, grid: Grid, seconds: float, hertz: float, tolerance_db: float
) -> Cells | None:
    """Return the cells of a tone and its overtones; None where there is no tone.

    Parameters
    ----------
    reader : SongReader
        Of mixture and drums, with the deltas of what is painted already.
    grid : Grid
        The song's.
    seconds, hertz : float
        A place on its lowest partial.
    tolerance_db : float
        As in `core.harmonics.harmonics`.

    Raises
    ------
    AudioOpenError
        If the sound can not be read.
    """
    around = stretch_around(grid, seconds, hertz)
    if around is None:
        return None
    frame, cell, first, start, count = around
    mixture, drums = reader.read("mixture", start, count), reader.read("drums", start, count)
    level, _, _ = stem_levels(mixture, drums, grid.n_fft, grid.hop_length, 1)
    return found_cells(harmonics(level, frame - first, cell, tolerance_db), first)
