"""Harmonics: a click on a tone takes it with its overtones."""

from __future__ import annotations

from drumstudio.core.tiles import Grid
from drumstudio.files.block_reader import SongReader
from drumstudio.tools.tool import Found, Tool, ToolSettings
from drumstudio.workflows.find_harmonics import harmonic_cells


def _find(
    reader: SongReader, grid: Grid, seconds: float, hertz: float, settings: ToolSettings
) -> Found | None:
    cells = harmonic_cells(reader, grid, seconds, hertz, settings.tolerance_db)
    return None if cells is None else Found(cells)


TOOL = Tool(
    name="harmonics",
    label="Harmonics",
    icon="harmonics",
    keys="9",
    hint="Click the lowest line of a tone: takes its overtones, too · X: give to the other",
    options=frozenset({"target", "tolerance"}),
    cursor="hand",
    find=_find,
    does="Takes a tone with its overtones: what a voice or a guitar left in the drums.",
)
