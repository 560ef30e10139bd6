"""The magic wand: a click takes the region around it that is like it."""

from __future__ import annotations

from drumstudio.core.tiles import Grid
from drumstudio.files.block_reader import SongReader
from drumstudio.tools.tool import Found, Tool, ToolSettings
from drumstudio.workflows.find_region import wand_cells


def _find(
    reader: SongReader, grid: Grid, seconds: float, hertz: float, settings: ToolSettings
) -> Found | None:
    cells = wand_cells(reader, grid, seconds, hertz, settings.tolerance_db)
    return None if cells is None else Found(cells)


TOOL = Tool(
    name="wand",
    label="Magic wand",
    icon="wand",
    keys="7",
    hint="Click: takes what is like it · X: give to the other",
    options=frozenset({"target", "tolerance"}),
    cursor="hand",
    find=_find,
    does="Takes the region around a click that is about as loud and as drum-like.",
)
