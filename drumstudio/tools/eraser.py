"""The eraser: a brush that takes strokes away again."""

from __future__ import annotations

from drumstudio.tools.brush import begin
from drumstudio.tools.tool import Tool

TOOL = Tool(
    name="eraser",
    label="Eraser",
    icon="eraser",
    keys="2 | E",
    hint="Shift: straight line · [ ]: size · Esc: drop",
    options=frozenset({"size", "hardness"}),
    cursor="brush",
    begin=begin,
    target="erase",
    does="Take paint away again: there the model's drums come back.",
)
