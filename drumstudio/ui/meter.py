"""A level meter: bars with a scale, the highest peak held, and a light for what clipped."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QLinearGradient, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from drumstudio.ui.theme import Theme, tabular

FLOOR_DB = -60.0
FALL_DB_PER_SECOND = 20.0
_HOLD_SECONDS = 1.5
_OVER_PX = 4
_BARS_PX = 9
_SCALE_PX = 17
_MARKS_DB = (0, -6, -12, -24, -48)
_MARK_PX = 7  # of the numbers' height


class Meter(QWidget):
    """One bar a channel, in a stem's colour; upright with numbers beside them, in decibels.

    The light at the end is lit once full scale was passed, until a click.

    Parameters
    ----------
    theme : Theme
        The colours.
    token : str
        The stem's colour.
    horizontal : bool
        Whether it lies.
    """

    def __init__(self, theme: Theme, token: str, *, horizontal: bool = False) -> None:
        super().__init__()
        self._theme = theme
        self._token = token
        self._horizontal = horizontal
        self._level = [FLOOR_DB, FLOOR_DB]
        self._hold = [FLOOR_DB, FLOOR_DB]
        self._held_since = [0.0, 0.0]
        self._over = False
        self._last = time.monotonic()
        if horizontal:
            self.setFixedSize(110, 12)
        else:
            self.setFixedWidth(_BARS_PX + _SCALE_PX)
        self.setToolTip(
            "Peak level; full scale is 0 dB.\nThe red light stays on once something was louder: "
            "click to put it out."
        )
        theme.changed.connect(self.update)

    def show_peaks(self, left: float, right: float) -> None:
        """Take new peaks, as magnitudes with 1.0 at full scale, and let the bars fall.

        Parameters
        ----------
        left, right : float
            Largest magnitude since the last call.
        """
        now = time.monotonic()
        fallen = FALL_DB_PER_SECOND * (now - self._last)
        self._last = now
        before = (tuple(self._level), tuple(self._hold), self._over)
        for side, peak in enumerate((left, right)):
            heard = max(20 * math.log10(peak), FLOOR_DB) if peak > 0 else FLOOR_DB
            self._level[side] = max(heard, self._level[side] - fallen, FLOOR_DB)
            if heard >= self._hold[side] or now - self._held_since[side] > _HOLD_SECONDS:
                self._hold[side] = self._level[side]
                self._held_since[side] = now
        self._over = self._over or max(left, right) > 1.0
        if (tuple(self._level), tuple(self._hold), self._over) != before:
            self.update()

    @property
    def over(self) -> bool:
        """Whether full scale was passed since the last click."""
        return self._over

    def clear_over(self) -> None:
        """Forget the over."""
        self._over = False
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 (Qt's name)
        """Forget the over: a click."""
        self.clear_over()
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the bars."""
        painter = QPainter(self)
        if not self._horizontal:
            self._paint_scale(painter)
        if self._horizontal:
            # Drawn upright, then laid: one drawing for both.
            painter.translate(self.width(), 0)
            painter.rotate(90)
            width, height = self.height(), self.width()
        else:
            width, height = _BARS_PX, self.height()
        bar = (width - 1) / 2
        colour = self._theme.colour(self._token)
        ground = self._theme.colour("line")
        gradient = QLinearGradient(0, _OVER_PX + 1, 0, height)
        hot = self._theme.colour("error")
        gradient.setColorAt(0.0, hot)
        gradient.setColorAt(0.06, self._theme.colour("warning"))
        gradient.setColorAt(0.16, colour)
        gradient.setColorAt(1.0, colour)
        for side in range(2):
            left = side * (bar + 1)
            painter.fillRect(QRectF(left, 0, bar, height), ground)
            top = self._pixel(self._level[side], height)
            if self._level[side] > FLOOR_DB:
                painter.fillRect(QRectF(left, top, bar, height - top), gradient)
            if self._hold[side] > FLOOR_DB:
                hold = self._pixel(self._hold[side], height)
                painter.fillRect(QRectF(left, hold, bar, 1), self._theme.colour("text"))
        # The light, lit or not: dark glass when all is well.
        painter.fillRect(QRectF(0, 0, width, _OVER_PX), hot if self._over else ground.darker(130))
        if self._horizontal:
            for level in _MARKS_DB[1:]:
                mark = self._pixel(level, height)
                painter.fillRect(QRectF(0, mark, width, 1), self._theme.colour("ground", 150))
        painter.end()

    def _paint_scale(self, painter: QPainter) -> None:
        """Draw the numbers beside upright bars, as many as there is room for."""
        painter.setFont(tabular(self.font(), _MARK_PX + 1))
        painter.setPen(self._theme.colour("muted"))
        last = -_MARK_PX
        for level in _MARKS_DB:
            height = self._pixel(level, self.height())
            if height - last < _MARK_PX + 2 or height > self.height() - 2:
                continue
            last = height
            top = min(max(height - _MARK_PX / 2 - 1, 0), self.height() - _MARK_PX - 2)
            area = QRectF(_BARS_PX + 2, top, _SCALE_PX - 2, _MARK_PX + 2)
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft, str(abs(level)))

    @staticmethod
    def _pixel(level_db: float, height: int) -> float:
        share = min(max((level_db - FLOOR_DB) / -FLOOR_DB, 0.0), 1.0)
        return height - share * (height - _OVER_PX - 1)
