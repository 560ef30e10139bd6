"""From tiles of levels to strips of pixels, kept while a window scrolls."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.application.spectrogram_tiles import (
    TILE_COLUMNS,
    Detail,
    SpectrogramTiles,
    TileKey,
)
from drumstudio.core.levels import STEMS, Levels, drums_share
from drumstudio.core.tiles import Grid
from drumstudio.core.view_axis import FrequencyAxis, Spans, Viewport, spans

STRIP_COLUMNS = 128
LIMIT_BYTES = 32 * 2**20
"""What the strips may take."""

_SPARE_STRIPS = 1  # computed ahead, to either side
_AXES_KEPT = 16


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Some columns of pixels, before painting.

    Parameters
    ----------
    levels : ndarray, uint8, shape (stems, rows, columns)
        The model's.
    share : ndarray, uint8, shape (rows, columns), or None
        Of the model's drums.
    exact : bool
        Whether it shows all that was asked for; if not, it is coarser, or empty in part.
    """

    levels: Levels
    share: NDArray[np.uint8] | None
    exact: bool


class SpectrogramStrips:
    """Strips of one song's tiles; belongs to the window's thread.

    Parameters
    ----------
    grid : Grid
        The song's.
    tiles : SpectrogramTiles
        Its levels.
    stems : int
        How many there are: 1 without drums, else 3.
    """

    def __init__(self, grid: Grid, tiles: SpectrogramTiles, stems: int) -> None:
        self._grid = grid
        self._tiles = tiles
        self._stems = stems
        self._strips: OrderedDict[tuple[float, FrequencyAxis, int, int], Strip] = OrderedDict()
        self._rows: OrderedDict[tuple[FrequencyAxis, int], Spans] = OrderedDict()
        self._bytes = 0

    def seen(self, viewport: Viewport, n_fft: int, first: int, last: int) -> Strip:
        """Return columns first to last - 1 of a viewport as one strip.

        Parameters
        ----------
        viewport : Viewport
            What the window shows.
        n_fft : int
            What is asked for.
        first, last : int
            In pixels from the left edge; at least one column.
        """
        begin, end = viewport.first_column + first, viewport.first_column + last
        numbers = range(begin // STRIP_COLUMNS, (end - 1) // STRIP_COLUMNS + 1)
        strips = [self._strip(viewport, n_fft, number) for number in numbers]
        start = begin - numbers[0] * STRIP_COLUMNS
        part = slice(start, start + last - first)
        shares = [strip.share for strip in strips if strip.share is not None]
        return Strip(
            np.concatenate([strip.levels for strip in strips], axis=2)[:, :, part],
            np.concatenate(shares, axis=1)[:, part] if shares else None,
            all(strip.exact for strip in strips),
        )

    def missing(self, viewport: Viewport, n_fft: int) -> list[TileKey]:
        """Return the tiles that a viewport lacks, the middle's first, with some to spare."""
        detail = self._tiles.detail(n_fft, viewport.seconds_per_pixel * self._grid.sample_rate)
        margin = _SPARE_STRIPS * STRIP_COLUMNS
        numbers = self._numbers(
            detail, viewport, viewport.first_column - margin, viewport.columns + 2 * margin
        )
        seen = self._numbers(detail, viewport, viewport.first_column, viewport.columns)
        middle = (seen.start + seen.stop - 1) / 2
        keys = [
            TileKey(detail, number) for number in sorted(numbers, key=lambda n: abs(n - middle))
        ]
        return [key for key in keys if self._tiles.get(key) is None]

    def _strip(self, viewport: Viewport, n_fft: int, number: int) -> Strip:
        key = viewport.seconds_per_pixel, viewport.axis, n_fft, number
        strip = self._strips.get(key)
        if strip is not None and strip.exact:
            self._strips.move_to_end(key)
            return strip
        if strip is not None:
            self._bytes -= _size(self._strips.pop(key))
        strip = self._made(viewport, n_fft, number * STRIP_COLUMNS)
        self._strips[key] = strip
        self._bytes += _size(strip)
        while self._bytes > LIMIT_BYTES and len(self._strips) > 1:
            self._bytes -= _size(self._strips.popitem(last=False)[1])
        return strip

    def _made(self, viewport: Viewport, n_fft: int, first: int) -> Strip:
        wanted = self._tiles.detail(n_fft, viewport.seconds_per_pixel * self._grid.sample_rate)
        found = self._pixels(viewport, wanted, first)
        exact = found is not None
        if found is None:
            found = self._pixels(viewport, self._tiles.coarse(), first)
        if found is None:
            found = self._pixels(viewport, wanted, first, in_part=True)
        assert found is not None
        share = drums_share(found[1], found[2]) if self._stems == len(STEMS) else None
        return Strip(found, share, exact)

    def _pixels(
        self, viewport: Viewport, detail: Detail, first: int, *, in_part: bool = False
    ) -> Levels | None:
        """Return a strip from a detail's tiles; None if one is missing and all are needed."""
        edges = (first + np.arange(STRIP_COLUMNS + 1)) * viewport.seconds_per_pixel
        inside = (edges[1:] > 0) & (edges[:-1] < self._grid.samples / self._grid.sample_rate)
        rows = viewport.axis.rows
        out = np.zeros((self._stems, rows, STRIP_COLUMNS), dtype=np.uint8)
        if not inside.any():
            return out
        part = slice(int(np.argmax(inside)), STRIP_COLUMNS - int(np.argmax(inside[::-1])))
        columns = self._columns(detail, edges[part.start : part.stop + 1])
        begin, end = int(columns.first[0]), int(columns.last.max())
        cells = self._cells(detail, begin, end, in_part=in_part)
        if cells is None:
            return None
        by_column = Spans(columns.first - begin, columns.last - begin).pooled(cells, 1)
        by_bin = np.ascontiguousarray(by_column.swapaxes(1, 2))
        out[:, :, part] = self._row_spans(viewport.axis, detail.n_fft).pooled(by_bin, 1)
        return out

    def _columns(self, detail: Detail, edges: NDArray[np.floating]) -> Spans:
        rate = self._grid.sample_rate
        count = self._tiles.columns(detail)
        return spans(edges, detail.step / rate, count, detail.offset / rate)

    def _row_spans(self, axis: FrequencyAxis, n_fft: int) -> Spans:
        found = self._rows.get((axis, n_fft))
        if found is None:
            found = spans(axis.edges_hz(), self._grid.sample_rate / n_fft, n_fft // 2 + 1)
            self._rows[axis, n_fft] = found
            if len(self._rows) > _AXES_KEPT:
                self._rows.popitem(last=False)
        return found

    def _cells(self, detail: Detail, begin: int, end: int, *, in_part: bool) -> Levels | None:
        """Return columns begin to end - 1 of a detail, uint8 (stems, columns, bins)."""
        parts = []
        for number in range(begin // TILE_COLUMNS, (end - 1) // TILE_COLUMNS + 1):
            first = number * TILE_COLUMNS
            low, high = max(begin - first, 0), min(end - first, TILE_COLUMNS)
            levels = self._tiles.get(TileKey(detail, number))
            if levels is None:
                if not in_part:
                    return None
                shape = (self._stems, high - low, detail.n_fft // 2 + 1)
                parts.append(np.zeros(shape, dtype=np.uint8))
            else:
                parts.append(levels[:, low:high])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _numbers(self, detail: Detail, viewport: Viewport, first: int, count: int) -> range:
        """Return which tiles of a detail some columns of pixels need."""
        edges = (first + np.array([0.0, count])) * viewport.seconds_per_pixel
        cells = edges * self._grid.sample_rate / detail.step
        last = self._tiles.columns(detail) - 1
        # Rounding to the nearest cell may need the one next to it.
        low = min(max(int(np.floor(cells[0])) - 1, 0), last)
        high = min(max(int(np.ceil(cells[1])) + 1, 0), last)
        return range(low // TILE_COLUMNS, high // TILE_COLUMNS + 1)


def _size(strip: Strip) -> int:
    return strip.levels.nbytes + (0 if strip.share is None else strip.share.nbytes)
