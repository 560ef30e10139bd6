"""Areas: rectangle, time range, frequency range and lasso."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.raster import Weights
from drumstudio.core.strokes import MAX_CORNERS, Polygon, rectangle
from drumstudio.core.tiles import Grid, TileIndex
from drumstudio.tools.tool import Point, Tool, ToolSettings

_SHAPE = "X: give to the other · Esc: drop · Alt+drag: move"


class AreaGesture:
    """An area that is being spanned: by two corners, or around a line.

    Parameters
    ----------
    kind : {"rectangle", "time range", "frequency range", "lasso"}
        What is spanned.
    song_seconds : float
        Length of the song.
    highest_hz : float
        Half its rate.
    feather : tuple of float
        In seconds and hertz; both positive, or both 0.
    """

    def __init__(
        self, kind: str, song_seconds: float, highest_hz: float, feather: tuple[float, float]
    ) -> None:
        self._kind = kind
        self._song_seconds = song_seconds
        self._highest_hz = highest_hz
        self._feather = feather
        self._points: list[Point] = []

    def draw(
        self, seconds: float, hertz: float, pressure: float, *, straight: bool = False
    ) -> frozenset[TileIndex]:
        """Go on to a point; pressure and straightness mean nothing to an area."""
        del pressure, straight
        if len(self._points) < MAX_CORNERS and (seconds, hertz) not in self._points[-1:]:
            self._points.append((seconds, hertz))
        return frozenset()

    @property
    def tiles(self) -> frozenset[TileIndex]:
        """None: its outline is shown."""
        return frozenset()

    def weights(self, index: TileIndex) -> Weights | None:
        """Return None: its outline is shown."""
        del index
        return None

    @property
    def outline(self) -> list[Point]:
        """The corners of what would be filled now."""
        return [(float(x), float(y)) for x, y in self._corners()]

    @property
    def shape(self) -> Polygon | None:
        """The area; None if it is none yet."""
        corners = self._corners()
        if len(corners) < 3 or np.ptp(corners[:, 0]) == 0 or np.ptp(corners[:, 1]) == 0:
            return None
        return Polygon(corners, *self._feather)

    def _corners(self) -> NDArray[np.float64]:
        if self._kind == "lasso" or len(self._points) < 2:
            return np.array(self._points, dtype=np.float64).reshape(-1, 2)
        (first, low), (last, high) = self._points[0], self._points[-1]
        # Where a range has no end of its own, its soft edge lies outside the song.
        beyond_seconds = self._feather[0] + 1.0
        beyond_hz = self._feather[1] + 1.0
        if self._kind == "time range":
            low, high = -beyond_hz, self._highest_hz + beyond_hz
        if self._kind == "frequency range":
            first, last = -beyond_seconds, self._song_seconds + beyond_seconds
        return rectangle(min(first, last), max(first, last), min(low, high), max(low, high)).corners


def _tool(kind: str, label: str, icon: str, keys: str, hint: str, does: str) -> Tool:
    def begin(settings: ToolSettings, grid: Grid) -> AreaGesture:
        length, highest = grid.samples / grid.sample_rate, grid.sample_rate / 2
        return AreaGesture(kind, length, highest, settings.feather)

    options = frozenset({"target", "size", "hardness"})  # the size is the soft edge's
    lasso = kind == "lasso"
    return Tool(kind, label, icon, keys, hint, options, "cross", begin, by_corners=lasso, does=does)


RECTANGLE = _tool(
    "rectangle",
    "Rectangle",
    "rectangle",
    "3",
    f"Drag: corner to corner · {_SHAPE}",
    "Takes a time and its frequencies, from corner to corner.",
)
TIME_RANGE = _tool(
    "time range",
    "Time range",
    "time-range",
    "4",
    f"Drag: from when to when · {_SHAPE}",
    "Takes all frequencies of a stretch of time.",
)
FREQUENCY_RANGE = _tool(
    "frequency range",
    "Frequency range",
    "frequency-range",
    "5",
    f"Drag: from low to high · {_SHAPE}",
    "Takes a band of frequencies in the whole song.",
)
LASSO = _tool(
    "lasso",
    "Lasso",
    "lasso",
    "6",
    "Drag around it, or click corners and press Enter · Esc: drop",
    "Takes what a line is drawn around.",
)
