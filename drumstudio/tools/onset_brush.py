"""The onset brush: a click near a hit takes its attack and decay."""

from __future__ import annotations

from drumstudio.core.tiles import Grid
from drumstudio.files.block_reader import SongReader
from drumstudio.tools.tool import Found, Tool, ToolSettings
from drumstudio.workflows.find_hit import find_hit


def _find(
    reader: SongReader, grid: Grid, seconds: float, hertz: float, settings: ToolSettings
) -> Found | None:
    hit = find_hit(reader, grid, seconds, hertz, settings.hit_limits)
    return None if hit is None else Found(hit.cells, hit.onset_seconds)


TOOL = Tool(
    name="onset brush",
    label="Onset brush",
    icon="onset",
    keys="8",
    hint="Click near a hit: takes its attack and decay · X: give to the other",
    options=frozenset({"target", "hit limits"}),
    cursor="hand",
    find=_find,
    does="Takes one hit with its attack and decay, from a click near it.",
)
