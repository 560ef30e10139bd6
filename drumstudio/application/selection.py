"""What is selected in the spectrogram: regions put together, before anything is done to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drumstudio.core import check
from drumstudio.core.raster import Raster
from drumstudio.core.strokes import Cells, Path, Polygon, Shape, Stroke
from drumstudio.core.tiles import TILE_BINS, TILE_FRAMES, Grid, TileIndex
from drumstudio.core.wand import found_cells

Weights = NDArray[np.float32]

WAYS = ("replace", "add", "subtract")
"""What becomes of what was selected before."""

_COLUMNS = 16  # of tiles that become one stroke: below what a stroke may hold


@dataclass(frozen=True, slots=True)
class _Step:
    """One step: a region that is added or taken away, or everything turned round."""

    way: str
    raster: Raster | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """A region of a song's spectrogram; never changed, each step gives a new one.

    Parameters
    ----------
    grid : Grid
        The song's.
    """

    grid: Grid
    _steps: tuple[_Step, ...] = ()

    def with_shape(self, shape: Shape, way: str = "add") -> Selection:
        """Return it with a region added or taken away, or that region alone.

        Parameters
        ----------
        shape : Path, Polygon or Cells
            The region.
        way : str
            One of `WAYS`.
        """
        check.one_of("way", way, WAYS)
        step = _Step("add" if way == "replace" else way, Raster(Stroke("drums", shape), self.grid))
        before = () if way == "replace" else self._steps
        return replace(self, _steps=(*before, step))

    def inverted(self) -> Selection:
        """Return everything else."""
        return replace(self, _steps=(*self._steps, _Step("invert")))

    def moved(self, seconds: float, hertz: float) -> Selection:
        """Return it elsewhere; what leaves the song is gone."""
        steps = []
        for step in self._steps:
            if step.raster is None:
                steps.append(step)
                continue
            shape = _moved(step.raster.stroke.shape, seconds, hertz, self.grid)
            if shape is not None:
                raster = Raster(Stroke("drums", shape), self.grid)
                steps.append(replace(step, raster=raster))
        return replace(self, _steps=tuple(steps))

    @property
    def tiles(self) -> frozenset[TileIndex]:
        """The tiles of which something may be selected."""
        if any(step.way == "invert" for step in self._steps):
            grid = self.grid
            return frozenset((c, r) for c in range(grid.columns) for r in range(grid.rows))
        added = [step.raster for step in self._steps if step.way == "add" and step.raster]
        return frozenset(index for raster in added for index in raster.tiles)

    def tile(self, index: TileIndex) -> Weights:
        """Return how much of each cell of a tile is selected, float32 (frames, bins) in [0, 1]."""
        out = np.zeros(self.grid.shape(index), dtype=np.float32)
        for step in self._steps:
            if step.raster is None:
                np.subtract(1.0, out, out=out)
            elif index in step.raster.tiles:
                weights = step.raster.weights(index)
                if step.way == "add":
                    np.maximum(out, weights, out=out)
                else:
                    np.minimum(out, 1.0 - weights, out=out)
        return out

    def holds(self, seconds: float, hertz: float) -> bool:
        """Return whether a place is selected."""
        grid = self.grid
        frame, number = round(seconds / grid.frame_seconds), round(hertz / grid.bin_hz)
        if not (0 <= frame < grid.frames and 0 <= number < grid.bins):
            return False
        index = frame // TILE_FRAMES, number // TILE_BINS
        return bool(self.tile(index)[frame % TILE_FRAMES, number % TILE_BINS] > 0.5)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is selected."""
        return not any(self.tile(index).any() for index in self.tiles)

    def shapes(self) -> list[Shape]:
        """Return what a stroke each would paint of it; together they are the selection."""
        if len(self._steps) == 1 and self._steps[0].raster is not None:
            return [self._steps[0].raster.stroke.shape]  # as it was drawn, for any zoom
        tiles = self.tiles
        columns = sorted({column for column, _ in tiles})
        found = []
        for start in range(0, len(columns), _COLUMNS):
            first, last = columns[start], columns[min(start + _COLUMNS, len(columns)) - 1]
            found += self._cells(first, last + 1, tiles)
        return found

    def _cells(self, first: int, last: int, tiles: frozenset[TileIndex]) -> list[Shape]:
        """Return what is selected between two columns of tiles."""
        grid = self.grid
        begin, end = grid.frame_range(first)[0], grid.frame_range(last - 1)[1]
        weights = np.zeros((end - begin, grid.bins), dtype=np.float32)
        for column in range(first, last):
            for row in range(grid.rows):
                if (column, row) in tiles:
                    frames, bins = grid.frame_range(column), grid.bin_range(row)
                    place = slice(frames[0] - begin, frames[1] - begin), slice(*bins)
                    weights[place] = self.tile((column, row))
        cells = found_cells(weights, begin)
        if cells is not None or not weights.any() or last - first == 1:
            return [cells] if cells is not None else []
        middle = (first + last) // 2  # too many for one stroke
        return self._cells(first, middle, tiles) + self._cells(middle, last, tiles)


def _moved(shape: Shape, seconds: float, hertz: float, grid: Grid) -> Shape | None:
    if isinstance(shape, Polygon):
        return replace(shape, corners=shape.corners + (seconds, hertz))
    if isinstance(shape, Path):
        return replace(shape, points=shape.points + (seconds, hertz, 0.0))
    frames, bins = round(seconds / grid.frame_seconds), round(hertz / grid.bin_hz)
    first, last = int(shape.runs[0, 0]), int(shape.runs[-1, 0])
    weights = np.zeros((last - first + 1, grid.bins), dtype=np.float32)
    start = 0
    for frame, low, count in shape.runs.tolist():
        begin, end = max(low + bins, 0), min(low + count + bins, grid.bins)
        if begin < end:
            kept = shape.weights[start + begin - low - bins : start + end - low - bins]
            weights[frame - first, begin:end] = kept
        start += count
    place = first + frames
    low, high = max(-place, 0), max(min(len(weights), grid.frames - place), 0)
    found: Cells | None = found_cells(weights[low:high], place + low)
    return found
