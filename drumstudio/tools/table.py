"""The tools of the mask editor, in the order of their buttons: a new one is a line here."""

from __future__ import annotations

from drumstudio.tools import areas, brush, eraser, harmonics, onset_brush, wand
from drumstudio.tools.tool import Tool

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        brush.TOOL,
        eraser.TOOL,
        areas.RECTANGLE,
        areas.TIME_RANGE,
        areas.FREQUENCY_RANGE,
        areas.LASSO,
        wand.TOOL,
        onset_brush.TOOL,
        harmonics.TOOL,
    )
}
