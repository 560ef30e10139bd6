"""A tool that the program does not have: a click stamps a square of fixed size."""

from __future__ import annotations

from drumstudio.core.strokes import rectangle
from drumstudio.tools.tool import Tool


class Stamp:
    """Keeps the place of the last point."""

    tiles = frozenset()
    outline = ()
    shape = None

    def weights(self, index):
        return None

    def draw(self, seconds, hertz, pressure, *, straight=False):
        self.shape = rectangle(seconds, seconds + 0.25, hertz, hertz + 500.0)
        return frozenset()


TOOL = Tool(
    name="square stamp",
    label="Square stamp",
    icon="rectangle",
    keys="0",
    hint="Click: a square",
    options=frozenset({"target"}),
    cursor="cross",
    begin=lambda settings, grid: Stamp(),
)
