"""A lane's waveform as a picture wider than the lane, which scrolling mostly just moves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPixmap

from drumstudio.files.peaks import Columns, Waveform
from drumstudio.ui.wave_picture import Shades, wave_image

_MARGIN_PX = 256  # drawn ahead at once: a few long draws are cheaper than many short ones


class WaveKey(NamedTuple):
    """What a strip looks like; columns drawn for one key are of no use for another."""

    per_column: float  # samples
    width: int  # of the view, in device pixels
    height: int
    generation: int
    scale: float = 1.0  # how high the waveform is drawn, as a factor of full scale


class WaveStrip:
    """Keeps the columns that were drawn last, for one lane.

    Columns are counted from the beginning of the song; each is one device pixel wide and
    keeps its samples while the view scrolls.
    """

    def __init__(self) -> None:
        self._key: WaveKey | None = None
        self._pixmap = QPixmap()
        self._origin = 0  # the column at the pixmap's left edge
        self._begin = self._end = 0  # the columns drawn
        self.times_drawn = 0

    def picture(
        self, waveform: Waveform, shades: Shades, key: WaveKey, start: int
    ) -> tuple[QPixmap, int]:
        """Return a picture in which a view is drawn, and where in it the view begins.

        Parameters
        ----------
        waveform : Waveform
            What is shown.
        shades : Shades
            How.
        key : WaveKey
            Another one than the last means that all is drawn anew.
        start : int
            The view's first column.

        Raises
        ------
        AudioOpenError
            If a file of the waveform went away.
        """
        stop = start + key.width
        if key != self._key:
            size = QSize(key.width + 2 * _MARGIN_PX, key.height)
            if self._pixmap.size() != size:
                self._pixmap = QPixmap(size)
            self._key = key
            self._begin = self._end = start
            self._origin = start - _MARGIN_PX
        elif stop <= self._begin or start >= self._end:
            self._begin = self._end = start
            self._origin = start - _MARGIN_PX
        if self._begin == self._end:
            self._draw(waveform, shades, start, stop)
        elif start < self._begin:
            self._make_room(start, start - _MARGIN_PX, self._end)
            self._draw(waveform, shades, start - _MARGIN_PX, self._begin)
        elif stop > self._end:
            self._make_room(start, self._begin, stop + _MARGIN_PX)
            self._draw(waveform, shades, self._end, stop + _MARGIN_PX)
        return self._pixmap, start - self._origin

    def _make_room(self, start: int, begin: int, end: int) -> None:
        """Move what is drawn, unless the columns asked for fit in where it is."""
        width = self._pixmap.width()
        if self._origin <= begin and end <= self._origin + width:
            return
        origin = start - _MARGIN_PX
        self._pixmap.scroll(self._origin - origin, 0, self._pixmap.rect())
        self._origin = origin
        self._begin = max(self._begin, origin)
        self._end = min(self._end, origin + width)

    def _draw(self, waveform: Waveform, shades: Shades, begin: int, end: int) -> None:
        assert self._key is not None
        per_column = self._key.per_column
        columns = waveform.columns(begin * per_column, per_column, end - begin)
        scale = np.float32(self._key.scale)
        columns = Columns(columns.low * scale, columns.high * scale, columns.rms * scale)
        painter = QPainter(self._pixmap)
        painter.drawImage(begin - self._origin, 0, wave_image(columns, self._key.height, shades))
        painter.end()
        if self._begin == self._end:
            self._begin, self._end = begin, end
        self._begin, self._end = min(self._begin, begin), max(self._end, end)
        self.times_drawn += 1
