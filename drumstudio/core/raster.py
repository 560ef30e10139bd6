"""Strokes as weights on cells, the same bits whichever way a cell is reached.

Only sums, products, quotients, roots, minima and maxima of float64 are used, cell by cell:
IEEE 754 leaves those no freedom, so that a weight depends neither on the tile it is computed
in, nor on the order of the prints, nor on the machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.strokes import Cells, Path, Polygon, Stroke
from drumstudio.core.tiles import TILE_BINS, TILE_FRAMES, Grid, TileIndex

Weights = NDArray[np.float32]
Numbers = NDArray[np.float64]
_Box = tuple[int, int, int, int]


class Raster:
    """A stroke laid on the grid of a song.

    Parameters
    ----------
    stroke : Stroke
        What was painted.
    grid : Grid
        The song's.
    name : str
        By which fields know the stroke again: the hash of its file.

    Attributes
    ----------
    tiles : frozenset of TileIndex
        The tiles it may change; outside them its weight is 0.
    blocks : frozenset of int
        The blocks of samples that it may change.
    """

    def __init__(self, stroke: Stroke, grid: Grid, name: str = "") -> None:
        self.stroke = stroke
        self.grid = grid
        self.name = name
        shape = stroke.shape
        self._shape: PathRaster | _PolygonRaster | _CellsRaster
        if isinstance(shape, Path):
            self._shape = PathRaster(shape, grid)
        elif isinstance(shape, Polygon):
            self._shape = _PolygonRaster(shape, grid)
        else:
            self._shape = _CellsRaster(shape, grid)
        self.tiles = self._shape.tiles
        self.blocks = self._shape.blocks

    def weights(self, index: TileIndex) -> Weights:
        """Return the weight s of every cell of a tile, not to be written to.

        Returns
        -------
        ndarray, float32, shape (frames, bins)
            In [0, strength].
        """
        shape = self._shape.weights(index)
        strength = self.stroke.strength
        if shape.strides == (0, 0):
            value = np.float32(strength * float(shape[0, 0]))
            return np.broadcast_to(value, shape.shape)
        return (strength * shape).astype(np.float32)


# --- the brush -------------------------------------------------------------------------


class PathRaster:
    """The brush, drawn from point to point; grows with the gesture.

    A print is the brush drawn along one line between two points: a cell gets the weight of
    the place on the line that is nearest to it, with pressure between the points' own. Prints
    are combined by maximum. A brush is at least as large as a cell, so that it never misses.

    Parameters
    ----------
    path : Path
        Its points may be the first ones of a gesture that goes on.
    grid : Grid
        The song's.
    """

    def __init__(self, path: Path, grid: Grid) -> None:
        self._grid = grid
        self._radii = (
            max(path.radius_seconds, grid.frame_seconds),
            max(path.radius_hz, grid.bin_hz),
        )
        self._hardness = path.hardness
        self._ratio = path.radius_ratio
        begin = np.concatenate([path.points[:1], path.points[:-1]])
        self._prints = np.stack([begin, path.points], axis=1)
        self._boxes = self._boxes_of(self._prints)
        self.tiles = _tiles_of(self._boxes)

    @property
    def blocks(self) -> frozenset[int]:
        """The blocks of samples that it may change."""
        return _blocks_of(self._boxes, self._grid)

    def add(self, begin: Numbers, end: Numbers) -> frozenset[TileIndex]:
        """Draw on from one point to another; return the tiles that this may change."""
        added = np.stack([begin, end])[np.newaxis]
        boxes = self._boxes_of(added)
        self._prints = np.concatenate([self._prints, added])
        self._boxes = np.concatenate([self._boxes, boxes])
        tiles = _tiles_of(boxes)
        self.tiles |= tiles
        return tiles

    def _boxes_of(self, prints: Numbers) -> NDArray[np.int64]:
        if not self._ratio:
            return _boxes(prints[:, :, :2], self._radii, self._grid)
        low, high = prints[:, :, 1].min(axis=1), prints[:, :, 1].max(axis=1)
        reached = np.stack([low / self._ratio, high * self._ratio], axis=1)
        lines = np.stack([prints[:, :, 0], reached], axis=2)
        return _boxes(lines, (self._radii[0], self._grid.bin_hz), self._grid)

    def weights(self, index: TileIndex, first_print: int = 0) -> Numbers:
        """Return the weights on a tile, float64 (frames, bins), of the prints from one on."""
        grid = self._grid
        out = np.zeros(grid.shape(index))
        frames, bins = grid.frame_range(index[0]), grid.bin_range(index[1])
        boxes = self._boxes[first_print:]
        meets = (boxes[:, 0] < frames[1]) & (boxes[:, 1] > frames[0])
        meets &= (boxes[:, 2] < bins[1]) & (boxes[:, 3] > bins[0])
        for number in np.flatnonzero(meets):
            box = boxes[number]
            first, last = max(int(box[0]), frames[0]), min(int(box[1]), frames[1])
            low, high = max(int(box[2]), bins[0]), min(int(box[3]), bins[1])
            drawn = self._print(self._prints[first_print + number], first, last, low, high)
            part = out[first - frames[0] : last - frames[0], low - bins[0] : high - bins[0]]
            np.maximum(part, drawn, out=part)
        return out

    def _print(self, ends: Numbers, first: int, last: int, low: int, high: int) -> Numbers:
        grid, (radius_seconds, radius_hz) = self._grid, self._radii
        if self._ratio:  # on the way from end to end, the height is that of their middle
            middle = 0.5 * (ends[0, 1] + ends[1, 1])
            radius_hz = max(0.5 * middle * (self._ratio - 1.0 / self._ratio), grid.bin_hz)
        x = (grid.frame_times(first, last)[:, np.newaxis] - ends[0, 0]) / radius_seconds
        y = (grid.bin_frequencies(low, high)[np.newaxis] - ends[0, 1]) / radius_hz
        dx = (ends[1, 0] - ends[0, 0]) / radius_seconds
        dy = (ends[1, 1] - ends[0, 1]) / radius_hz
        length = dx * dx + dy * dy
        pressure, centre = ends[1, 2], ends[1, 1]
        if length > 0:
            along = np.clip((x * dx + y * dy) / length, 0.0, 1.0)
            x = x - along * dx
            y = y - along * dy
            pressure = ends[0, 2] + along * (ends[1, 2] - ends[0, 2])
            centre = ends[0, 1] + along * (ends[1, 1] - ends[0, 1])
        if self._ratio:
            y = self._ratios_away(grid.bin_frequencies(low, high)[np.newaxis], centre)
        away = np.sqrt(x * x + y * y)
        weights: Numbers = _falloff(away, self._hardness) * pressure
        return weights

    def _ratios_away(self, hertz: Numbers, centre: Numbers) -> Numbers:
        """Return how far frequencies are from the brush's middle, 1 at its ratio, without logs.

        (r - 1/r) over the same of the brush's own ratio: odd in log r, and exact in IEEE 754.
        """
        centre = np.maximum(centre, self._grid.bin_hz)
        with np.errstate(divide="ignore"):
            apart = hertz / centre - centre / hertz
        away = apart / (self._ratio - 1.0 / self._ratio)
        cells = (hertz - centre) / self._grid.bin_hz
        nearer: Numbers = np.where(np.abs(cells) < np.abs(away), cells, away)
        return nearer


def _falloff(away: Numbers, hardness: float) -> Numbers:
    """Return the brush's weight at a distance in radii: 1 up to the hardness, 0 from 1 on."""
    if hardness >= 1.0:
        return (away <= 1.0).astype(np.float64)
    return 1.0 - _smooth((away - hardness) / (1.0 - hardness))


def _smooth(x: Numbers) -> Numbers:
    """Return 0 below 0, 1 above 1, and the cubic 3x^2 - 2x^3 between, without a kink."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


# --- areas -----------------------------------------------------------------------------


class _PolygonRaster:
    def __init__(self, polygon: Polygon, grid: Grid) -> None:
        self._grid = grid
        self._begin = polygon.corners
        self._end = np.roll(polygon.corners, -1, axis=0)
        self._feather = (polygon.feather_seconds, polygon.feather_hz)
        whole = np.stack([polygon.corners.min(axis=0), polygon.corners.max(axis=0)])[np.newaxis]
        box = _boxes(whole, self._feather, grid)
        self._edge_boxes = _boxes(np.stack([self._begin, self._end], axis=1), self._feather, grid)
        self.tiles = _tiles_of(box)
        self.blocks = _blocks_of(box, grid)

    def weights(self, index: TileIndex) -> Numbers:
        grid = self._grid
        shape = grid.shape(index)
        frames, bins = grid.frame_range(index[0]), grid.bin_range(index[1])
        boxes = self._edge_boxes
        meets = (boxes[:, 0] < frames[1]) & (boxes[:, 1] > frames[0])
        meets &= (boxes[:, 2] < bins[1]) & (boxes[:, 3] > bins[0])
        near = np.flatnonzero(meets).tolist()
        if not near:  # no edge comes near: one cell stands for all
            time = grid.frame_times(frames[0], frames[0] + 1)
            inside = self._inside(time, grid.bin_frequencies(bins[0], bins[0] + 1))
            return np.broadcast_to(np.float64(inside[0, 0]), shape)
        times, frequencies = grid.frame_times(*frames), grid.bin_frequencies(*bins)
        inside = self._inside(times, frequencies)
        if not self._feather[0]:
            return inside.astype(np.float64)
        nearest = np.ones(shape)
        for number in near:
            box = boxes[number]
            here = (
                slice(max(int(box[0]) - frames[0], 0), max(int(box[1]) - frames[0], 0)),
                slice(max(int(box[2]) - bins[0], 0), max(int(box[3]) - bins[0], 0)),
            )
            away = self._away(number, times[here[0]], frequencies[here[1]])
            np.minimum(nearest[here], away, out=nearest[here])
        return _smooth(0.5 + np.where(inside, 0.5, -0.5) * np.sqrt(nearest))

    def _inside(self, times: Numbers, frequencies: Numbers) -> NDArray[np.bool_]:
        """Return whether cells lie inside, by how many edges a line to their right crosses."""
        inside = np.zeros((len(times), len(frequencies)), dtype=bool)
        column = times[:, np.newaxis]
        for (x1, y1), (x2, y2) in zip(self._begin, self._end, strict=True):
            rows = np.flatnonzero((y1 > frequencies) != (y2 > frequencies))
            if len(rows):
                crossing = x1 + (frequencies[rows] - y1) * (x2 - x1) / (y2 - y1)
                inside[:, rows] ^= column < crossing
        return inside

    def _away(self, edge: int, times: Numbers, frequencies: Numbers) -> Numbers:
        """Return the squared distance of cells from an edge, in feathers."""
        x = (times[:, np.newaxis] - self._begin[edge, 0]) / self._feather[0]
        y = (frequencies[np.newaxis] - self._begin[edge, 1]) / self._feather[1]
        dx = (self._end[edge, 0] - self._begin[edge, 0]) / self._feather[0]
        dy = (self._end[edge, 1] - self._begin[edge, 1]) / self._feather[1]
        length = dx * dx + dy * dy
        if length > 0:
            along = np.clip((x * dx + y * dy) / length, 0.0, 1.0)
            x = x - along * dx
            y = y - along * dy
        away: Numbers = x * x + y * y
        return away


# --- cells that were found -------------------------------------------------------------


class _CellsRaster:
    def __init__(self, cells: Cells, grid: Grid) -> None:
        self._grid = grid
        self._cells = cells
        self._starts = np.concatenate([[0], np.cumsum(cells.runs[:, 2], dtype=np.int64)])
        runs = cells.runs.astype(np.int64)
        boxes = np.stack([runs[:, 0], runs[:, 0] + 1, runs[:, 1], runs[:, 1] + runs[:, 2]], axis=1)
        boxes = np.minimum(boxes, [grid.frames, grid.frames, grid.bins, grid.bins])
        self.tiles = _tiles_of(boxes)
        self.blocks = _blocks_of(boxes, grid)

    def weights(self, index: TileIndex) -> Numbers:
        grid, runs = self._grid, self._cells.runs
        out = np.zeros(grid.shape(index))
        frames, bins = grid.frame_range(index[0]), grid.bin_range(index[1])
        first, last = np.searchsorted(runs[:, 0], frames)
        for number in range(int(first), int(last)):
            frame, begin, count = (int(value) for value in runs[number])
            low, high = max(begin, bins[0]), min(begin + count, bins[1])
            if low < high:
                start = int(self._starts[number]) - begin
                weights = self._cells.weights[start + low : start + high]
                out[frame - frames[0], low - bins[0] : high - bins[0]] = weights
        return out


# --- boxes -----------------------------------------------------------------------------


def _boxes(lines: Numbers, reach: tuple[float, float], grid: Grid) -> NDArray[np.int64]:
    """Return the cells around lines: (first frame, last + 1, first bin, last + 1) of each.

    `lines` is of shape (lines, 2, 2): end, then seconds and hertz. One cell more than the
    reach on every side, so that rounding never leaves a cell out.
    """
    steps = np.array([grid.frame_seconds, grid.bin_hz])
    low = np.floor((lines.min(axis=1) - reach) / steps) - 1
    high = np.ceil((lines.max(axis=1) + reach) / steps) + 2
    most = np.array([grid.frames, grid.bins])
    low, high = np.clip(low, 0, most), np.clip(high, 0, most)
    boxes = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1)
    return boxes.astype(np.int64)


def _tiles_of(boxes: NDArray[np.int64]) -> frozenset[TileIndex]:
    boxes = boxes[(boxes[:, 0] < boxes[:, 1]) & (boxes[:, 2] < boxes[:, 3])]
    first = boxes[:, [0, 2]] // (TILE_FRAMES, TILE_BINS)
    last = (boxes[:, [1, 3]] - 1) // (TILE_FRAMES, TILE_BINS)
    spans = np.unique(np.concatenate([first, last], axis=1), axis=0).tolist()
    return frozenset(
        (column, row)
        for first_column, first_row, last_column, last_row in spans
        for column in range(first_column, last_column + 1)
        for row in range(first_row, last_row + 1)
    )


def _blocks_of(boxes: NDArray[np.int64], grid: Grid) -> frozenset[int]:
    """Return the blocks of samples that the windows of the frames in some boxes reach into."""
    boxes = boxes[(boxes[:, 0] < boxes[:, 1]) & (boxes[:, 2] < boxes[:, 3])]
    half = grid.n_fft // 2
    first = np.maximum(boxes[:, 0] * grid.hop_length - half, 0) // grid.block_samples
    last = ((boxes[:, 1] - 1) * grid.hop_length + half - 1) // grid.block_samples
    last = np.minimum(last, grid.blocks - 1)
    spans = np.unique(np.stack([first, last], axis=1), axis=0).tolist()
    return frozenset(block for begin, end in spans for block in range(begin, end + 1))
