"""Selecting without a window: what is selected, and the gesture that selects or moves it."""

from __future__ import annotations

from drumstudio.application.listeners import Listeners
from drumstudio.application.selection import Selection
from drumstudio.core import check
from drumstudio.core.strokes import Shape
from drumstudio.core.tiles import Grid
from drumstudio.tools.table import TOOLS
from drumstudio.tools.tool import Gesture, Point, ToolSettings


class Selector:
    """What is selected of one song. Belongs to one thread, but for `select`.

    Parameters
    ----------
    grid : Grid
        The song's.

    Attributes
    ----------
    selection : Selection or None
        What is selected; None for nothing.
    changed : Listeners
        Called without arguments, on the thread that selects, when something else is selected.
    """

    def __init__(self, grid: Grid) -> None:
        self.selection: Selection | None = None
        self.changed: Listeners[[]] = Listeners()
        self._grid = grid
        self._way = "replace"
        self._gesture: Gesture | None = None
        self._moved: tuple[Selection, Point] | None = None  # what is moved, and from where

    @property
    def is_drawing(self) -> bool:
        """Whether a gesture is under way."""
        return self._gesture is not None or self._moved is not None

    @property
    def outline(self) -> list[Point]:
        """The corners of the area that is being spanned, in seconds and hertz."""
        return [] if self._gesture is None else self._gesture.outline

    def press(self, seconds: float, hertz: float, settings: ToolSettings, way: str) -> None:
        """Begin to span an area, or to move what is selected where that was pressed.

        Parameters
        ----------
        seconds, hertz : float
            Where.
        settings : ToolSettings
            With a tool that draws.
        way : str
            One of `selection.WAYS`; only "replace" moves.
        """
        before = self.selection
        if way == "replace" and before is not None and before.holds(seconds, hertz):
            self._moved = before, (seconds, hertz)
            return
        begin = TOOLS[settings.tool].begin
        assert begin is not None
        self._way = way
        self._gesture = begin(settings.at(hertz), self._grid)
        self._gesture.draw(seconds, hertz, 1.0)

    def move(self, seconds: float, hertz: float) -> None:
        """Go on; without a gesture nothing happens."""
        if self._moved is not None:
            before, (from_seconds, from_hertz) = self._moved
            self._show(before.moved(seconds - from_seconds, hertz - from_hertz))
        elif self._gesture is not None:
            self._gesture.draw(seconds, hertz, 1.0)

    def release(self, *, clicked: bool = False) -> None:
        """End a gesture; a mere click selects nothing instead.

        Parameters
        ----------
        clicked : bool
            Whether the pointer stayed where it was pressed.
        """
        gesture, moved = self._gesture, self._moved
        self._gesture = self._moved = None
        if moved is not None:
            if clicked:
                self._show(None)
            return
        shape = gesture.shape if gesture is not None and not clicked else None
        if shape is not None:
            self.select(shape, self._way)
        elif gesture is not None and self._way == "replace":
            self._show(None)

    def abort(self) -> None:
        """Drop the gesture that is under way: nothing has happened."""
        moved = self._moved
        self._gesture = self._moved = None
        if moved is not None:
            self._show(moved[0])

    def select(self, shape: Shape, way: str) -> None:
        """Add a region, take it away, or select it alone; may be called from any thread."""
        check.one_of("way", way, ("replace", "add", "subtract"))
        if self.selection is None and way == "subtract":
            return
        self._show((self.selection or Selection(self._grid)).with_shape(shape, way))

    def invert(self) -> None:
        """Select everything else; without a selection, everything."""
        self._show((self.selection or Selection(self._grid)).inverted())

    def clear(self) -> None:
        """Select nothing."""
        if self.selection is not None:
            self._show(None)

    def _show(self, selection: Selection | None) -> None:
        self.selection = selection
        self.changed()
