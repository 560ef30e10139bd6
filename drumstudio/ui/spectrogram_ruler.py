"""The frequencies beside the spectrogram: hertz, and the notes C."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from drumstudio.ui import tokens
from drumstudio.ui.spectrogram_canvas import SpectrogramCanvas
from drumstudio.ui.theme import Theme, tabular

WIDTH_PX = 68
_NOTES_PX = 24
_LEAST_PX = 16.0
_NOTCH = 120.0
_ROUND = (1, 2, 5)
_C_MINUS_1 = 440.0 * 2 ** (-69 / 12)


class FrequencyRuler(QWidget):
    """Shows which frequency is where; a drag or the wheel moves them.

    Parameters
    ----------
    canvas : SpectrogramCanvas
        Whose frequencies.
    theme : Theme
        The colours.
    """

    def __init__(self, canvas: SpectrogramCanvas, theme: Theme) -> None:
        super().__init__()
        self._canvas = canvas
        self._theme = theme
        self._dragged_from: float | None = None
        self.setFixedWidth(WIDTH_PX)
        self.setAccessibleName("Frequencies")
        self.setToolTip("Drag: move · Wheel: zoom · Double click: all frequencies")
        canvas.axis_changed.connect(self.update)
        theme.changed.connect(self.update)

    def marks(self) -> list[tuple[float, str]]:
        """Return height in pixels and words of every mark in hertz, from low to high."""
        axis, ratio = self._canvas.axis, self.devicePixelRatioF()
        found: list[tuple[float, str]] = []
        last = float("inf")
        for hertz in _candidates(axis.scale, axis.low_hz, axis.high_hz):
            height = axis.row_at(hertz) / ratio
            if 5.0 <= height <= self.height() - 4.0 and last - height >= _LEAST_PX:
                found.append((height, _words(hertz)))
                last = height
        return found

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw the marks."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), self._theme.colour("panel"))
        painter.setFont(tabular(self.font(), tokens.SMALL_PX - 1))
        width, line = self.width(), self._theme.colour("line")
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for height, words in self.marks():
            painter.setPen(self._theme.colour("muted"))
            painter.drawLine(QPointF(width - 5, height), QPointF(width - 1, height))
            area = QRectF(_NOTES_PX, height - 7, width - _NOTES_PX - 8, 14)
            painter.drawText(area, right, words)
        self._paint_notes(painter)
        painter.setPen(line)
        painter.drawLine(width - 1, 0, width - 1, self.height())
        painter.end()

    def _paint_notes(self, painter: QPainter) -> None:
        axis, ratio = self._canvas.axis, self.devicePixelRatioF()
        last = float("inf")
        for octave in range(11):
            hertz = _C_MINUS_1 * 2 ** (octave + 1)
            height = axis.row_at(hertz) / ratio
            if not axis.low_hz <= hertz <= axis.high_hz or last - height < _LEAST_PX:
                continue
            if 5.0 <= height <= self.height() - 4.0:
                painter.setPen(self._theme.colour("original", 200))
                left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(QRectF(4, height - 7, _NOTES_PX, 14), left, f"C{octave}")
                last = height

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin to move the frequencies."""
        self._dragged_from = event.position().y()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Move them."""
        if self._dragged_from is not None:
            moved = event.position().y() - self._dragged_from
            self._dragged_from = event.position().y()
            self._canvas.pan_frequencies(moved * self.devicePixelRatioF())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Stop moving them."""
        self._dragged_from = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show all of them."""
        self._canvas.whole_height()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the pointer."""
        notches = event.angleDelta().y() / _NOTCH
        row = event.position().y() * self.devicePixelRatioF()
        self._canvas.zoom_frequencies(1.6**notches, row)
        event.accept()


def _candidates(scale: str, low: float, high: float) -> list[float]:
    """Return round frequencies in view, rising; on a linear scale with even distances."""
    if scale == "linear":
        step = next(
            value * 10**power
            for power in range(6)
            for value in _ROUND
            if (high - low) / (value * 10**power) <= 24
        )
        first = -(-low // step)
        return [(first + n) * step for n in range(26) if (first + n) * step <= high]
    decades = [digit * 10**power for power in range(1, 5) for digit in (1, 2, 3, 5, 7)]
    inside = [float(hertz) for hertz in decades if low <= hertz <= high]
    if len(inside) >= 4:
        return inside
    return _candidates("linear", low, high)


def _words(hertz: float) -> str:
    if hertz >= 1_000:
        return f"{hertz / 1000:g} k"
    return f"{hertz:g}"
