"""The brush: paints a path whose weights are there while it moves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.raster import PathRaster, Weights
from drumstudio.core.strokes import MAX_POINTS, Path
from drumstudio.core.tiles import Grid, TileIndex
from drumstudio.tools.tool import Point, Tool, ToolSettings

_LEAST_STEP = 1 / 16  # of the brush: points closer to each other change nothing one can see


class BrushGesture:
    """A brush that is being drawn; its weights are there while it moves.

    Parameters
    ----------
    grid : Grid
        The song's.
    radius : tuple of float
        Half the brush, in seconds and hertz.
    hardness, strength : float
        In [0, 1].
    ratio : float
        As in `core.strokes.Path`.
    """

    def __init__(
        self,
        grid: Grid,
        radius: tuple[float, float],
        hardness: float,
        strength: float,
        ratio: float = 0.0,
    ) -> None:
        self._grid = grid
        self._radius = radius
        self._hardness = hardness
        self._strength = strength
        self._ratio = ratio
        self._points: list[tuple[float, float, float]] = []
        self._raster: PathRaster | None = None
        self._weights: dict[TileIndex, NDArray[np.float64]] = {}

    @property
    def shape(self) -> Path:
        """What was drawn so far."""
        points = np.array(self._points, dtype=np.float64)
        return Path(points, *self._radius, self._hardness, self._ratio)

    @property
    def outline(self) -> list[Point]:
        """Nothing: its paint is shown."""
        return []

    @property
    def tiles(self) -> frozenset[TileIndex]:
        """The tiles that it may change."""
        return frozenset(self._weights)

    def draw(
        self, seconds: float, hertz: float, pressure: float, *, straight: bool = False
    ) -> frozenset[TileIndex]:
        """Draw on to a point; return the tiles that look different now.

        Parameters
        ----------
        seconds, hertz : float
            Where to.
        pressure : float
            In [0, 1].
        straight : bool
            Whether to leave out everything between the first point and this one.
        """
        point = (seconds, hertz, pressure)
        if straight and len(self._points) > 1:
            before = frozenset(self._weights)
            self._points = [self._points[0], point]
            return before | self._begin()
        if not self._points:
            self._points.append(point)
            return self._begin()
        if not self._is_new(point) or len(self._points) >= MAX_POINTS or self._raster is None:
            return frozenset()
        number = len(self._points)
        tiles = self._raster.add(np.array(self._points[-1]), np.array(point))
        self._points.append(point)
        for index in tiles:
            new = self._raster.weights(index, number)
            old = self._weights.get(index)
            self._weights[index] = new if old is None else np.maximum(old, new, out=old)
        return tiles

    def weights(self, index: TileIndex) -> Weights | None:
        """Return the weights on a tile as `core.raster.Raster` gives them; None if untouched."""
        weights = self._weights.get(index)
        return None if weights is None else (self._strength * weights).astype(np.float32)

    def _begin(self) -> frozenset[TileIndex]:
        self._raster = PathRaster(self.shape, self._grid)
        self._weights = {index: self._raster.weights(index) for index in self._raster.tiles}
        return self._raster.tiles

    def _is_new(self, point: tuple[float, float, float]) -> bool:
        last = self._points[-1]
        height = self._radius[1]
        if self._ratio:
            height = max(0.5 * last[1] * (self._ratio - 1.0 / self._ratio), 1.0)
        away = math.hypot((point[0] - last[0]) / self._radius[0], (point[1] - last[1]) / height)
        return away >= _LEAST_STEP or abs(point[2] - last[2]) >= _LEAST_STEP


def begin(settings: ToolSettings, grid: Grid) -> BrushGesture:
    """Return the gesture that a press begins."""
    radius = settings.size_seconds / 2, settings.size_hz / 2
    return BrushGesture(grid, radius, settings.hardness, settings.strength, settings.radius_ratio)


TOOL = Tool(
    name="brush",
    label="Brush",
    icon="brush",
    keys="1 | B",
    hint="Shift: straight line · X: give to the other · [ ]: size",
    options=frozenset({"target", "size", "hardness"}),
    cursor="brush",
    begin=begin,
    does="Paint over what shall go to the drums or to the rest.",
)
