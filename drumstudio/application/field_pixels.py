"""What was painted, pixel by pixel: tiles of the edit field brought to the size of a screen."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.edit_field import Field
from drumstudio.core.tiles import TILE_FRAMES, Grid, TileIndex
from drumstudio.core.view_axis import Area, FrequencyAxis, Spans, Viewport, spans

Bytes = NDArray[np.int8]

FULL = 127
"""A cell that is painted altogether."""

_QUICK_PATCHES = 12  # painted tiles that a picture waits for: more than a brush reaches
_QUICK_SECONDS = 0.008  # and so long it may wait for more of them
_LIMIT_BYTES = 16 * 2**20
_ENTRY_BYTES = 500  # of an array with its key


@dataclass(frozen=True, slots=True)
class Patch:
    """A tile as it is seen: where it begins in columns and rows, and its pixels.

    Parameters
    ----------
    column, row : int
        The first; columns are counted from the song's beginning.
    values : ndarray, int8, shape (rows, columns)
        The strongest of a pixel's cells, +-127 for +-1.
    """

    column: int
    row: int
    values: Bytes


class FieldPixels:
    """Patches of one field at one zoom after the other; may be used from any thread.

    Parameters
    ----------
    grid : Grid
        The song's.
    tile : callable
        Returns a tile of a channel, float32 (frames, bins) in [-1, 1].
    """

    def __init__(self, grid: Grid, tile: Callable[[int, TileIndex], Field]) -> None:
        self._grid = grid
        self._tile = tile
        self._guard = threading.Lock()
        # With how often the tile had been painted on.
        self._patches: OrderedDict[tuple[TileIndex, float, FrequencyAxis], tuple[int, Patch]]
        self._patches = OrderedDict()
        self._changes: dict[TileIndex, int] = {}
        self._bytes = 0

    def forget(self, tiles: Iterable[TileIndex]) -> None:
        """Have tiles looked at anew: they were painted on."""
        with self._guard:
            for index in tiles:
                self._changes[index] = self._changes.get(index, 0) + 1

    def get(self, index: TileIndex, viewport: Viewport) -> Patch | None:
        """Return a tile at a viewport's zoom, if it is there."""
        key = index, viewport.seconds_per_pixel, viewport.axis
        with self._guard:
            change, patch = self._patches.get(key, (-1, None))
            if patch is None or change != self._changes.get(index, 0):
                return None
            self._patches.move_to_end(key)
            return patch

    def make(self, index: TileIndex, viewport: Viewport) -> Patch:
        """Return a tile at a viewport's zoom, and keep it."""
        grid = self._grid
        key = index, viewport.seconds_per_pixel, viewport.axis
        with self._guard:
            change = self._changes.get(index, 0)
        # Of two channels, painting one is half of painting both.
        field = self._tile(0, index)
        for channel in range(1, grid.channels):
            field = field + self._tile(channel, index)
        values = np.rint(field * np.float32(FULL / grid.channels)).astype(np.int8)
        first, columns = _pixel_columns(grid, index[0], viewport.seconds_per_pixel)
        row, rows = _pixel_rows(grid, index[1], viewport.axis)
        by_column = _strongest(values, columns)
        seen = _strongest(np.ascontiguousarray(by_column.T), rows)
        patch = Patch(first, row, seen)
        with self._guard:
            before = self._patches.pop(key, None)
            self._bytes += _size(patch) - (0 if before is None else _size(before[1]))
            self._patches[key] = change, patch
            while self._bytes > _LIMIT_BYTES and len(self._patches) > 1:
                self._bytes -= _size(self._patches.popitem(last=False)[1][1])
        return patch

    def pasted(
        self,
        tiles: Iterable[TileIndex],
        viewport: Viewport,
        box: tuple[int, int, int, int],
        later: list[TileIndex],
    ) -> Bytes | None:
        """Return what is seen of some tiles together, int8 (rows, columns); None if it is 0.

        Parameters
        ----------
        tiles : iterable of TileIndex
            Those that may be painted.
        viewport : Viewport
            The zoom.
        box : tuple of int
            First column, counted from the song's beginning, first row, columns, rows.
        later : list of TileIndex
            Tiles that would hold a picture up are left out and added here.
        """
        column, row, columns, rows = box
        frame = viewport.seconds_per_pixel / self._grid.frame_seconds
        low = (column * frame - 1) // TILE_FRAMES
        high = ((column + columns) * frame + 1) // TILE_FRAMES
        out: Bytes | None = None
        made, until = 0, time.perf_counter() + _QUICK_SECONDS
        for index in tiles:
            if not low <= index[0] <= high:
                continue
            patch = self.get(index, viewport)
            if patch is None:
                made += 1
                if made > _QUICK_PATCHES and time.perf_counter() > until:
                    later.append(index)
                    continue
                patch = self.make(index, viewport)
            left, over = max(patch.column, column), max(patch.row, row)
            right = min(patch.column + patch.values.shape[1], column + columns)
            under = min(patch.row + patch.values.shape[0], row + rows)
            if left >= right or over >= under:
                continue
            if out is None:
                out = np.zeros((rows, columns), dtype=np.int8)
            here = out[over - row : under - row, left - column : right - column]
            new = patch.values[
                over - patch.row : under - patch.row, left - patch.column : right - patch.column
            ]
            np.copyto(here, new, where=np.abs(new) > np.abs(here))
        return out


def area_of(grid: Grid, tiles: Iterable[TileIndex]) -> Area | None:
    """Return the smallest area that holds tiles; None without any."""
    indices = np.array(sorted(tiles)).reshape(-1, 2)
    if not len(indices):
        return None
    (column, row), (last_column, last_row) = indices.min(axis=0), indices.max(axis=0)
    return Area(
        (grid.frame_range(int(column))[0] - 0.5) * grid.frame_seconds,
        (grid.frame_range(int(last_column))[1] - 0.5) * grid.frame_seconds,
        (grid.bin_range(int(row))[0] - 0.5) * grid.bin_hz,
        (grid.bin_range(int(last_row))[1] - 0.5) * grid.bin_hz,
    )


def _pixel_columns(grid: Grid, column: int, seconds_per_pixel: float) -> tuple[int, Spans]:
    """Return the first pixel that shows a tile, and which of the tile's frames are in each."""
    first, last = grid.frame_range(column)
    step = grid.frame_seconds
    begin = int(np.floor((first - 0.5) * step / seconds_per_pixel))
    end = int(np.ceil((last - 0.5) * step / seconds_per_pixel)) + 1
    edges = np.arange(begin, end + 1) * seconds_per_pixel
    return _inside(begin, spans(edges, step, grid.frames), first, last)


def _pixel_rows(grid: Grid, row: int, axis: FrequencyAxis) -> tuple[int, Spans]:
    first, last = grid.bin_range(row)
    return _inside(0, spans(axis.edges_hz(), grid.bin_hz, grid.bins), first, last)


def _inside(begin: int, found: Spans, first: int, last: int) -> tuple[int, Spans]:
    """Return those pixels that show any of cells first to last - 1, counted from the first."""
    low, high = np.maximum(found.first, first), np.minimum(found.last, last)
    seen = np.flatnonzero(low < high)
    if not len(seen):
        return begin, Spans(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp))
    part = slice(int(seen[0]), int(seen[-1]) + 1)
    return begin + part.start, Spans(low[part] - first, high[part] - first)


def _strongest(values: Bytes, cells: Spans) -> Bytes:
    """Return the value farthest from 0 of every pixel, along the first axis."""
    most = cells.pooled(values, 0)
    least = -cells.pooled(-values, 0)
    strongest: Bytes = np.where(most >= -least, most, least)
    return strongest


def _size(patch: Patch) -> int:
    return patch.values.nbytes + _ENTRY_BYTES
