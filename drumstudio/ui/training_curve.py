"""How a training goes, as a picture: the loss as a line, the score as points, over the steps."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from drumstudio.files.training_folder import Progress
from drumstudio.ui import tokens
from drumstudio.ui.theme import Theme, tabular

_LEFT_PX, _RIGHT_PX, _TOP_PX, _BOTTOM_PX = 46.0, 46.0, 26.0, 22.0
_LINES = 4
_DOT_PX = 3.5

Points = Sequence[tuple[int, float]]


class TrainingCurve(QWidget):
    """Draws what a training has come through so far.

    Parameters
    ----------
    theme : Theme
        The colours.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._progress = Progress()
        self.setAccessibleName("Loss and score over the steps")
        self.setMinimumSize(200, 110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def show_progress(self, progress: Progress) -> None:
        """Draw another state of a training."""
        if progress != self._progress:
            self._progress = progress
            self.setAccessibleDescription(_words(progress))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw axes, curves and legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(event.rect(), self._theme.colour("ground"))
        painter.setFont(tabular(self.font(), tokens.SMALL_PX))
        progress = self._progress
        area = QRectF(self.rect()).adjusted(_LEFT_PX, _TOP_PX, -_RIGHT_PX, -_BOTTOM_PX)
        if len(progress.losses) < 2:
            words = "The curve begins after two steps"
            self._write(painter, QRectF(self.rect()), words, _CENTRE)
            painter.end()
            return
        last = max(progress.losses[-1][0], progress.scores[-1][0] if progress.scores else 1, 2)
        self._paint_frame(painter, area, last)
        self._paint_losses(painter, area, last)
        if progress.scores or progress.start_score is not None:
            self._paint_scores(painter, area, last)
        self._paint_legend(painter, area)
        painter.end()

    def _paint_frame(self, painter: QPainter, area: QRectF, last: int) -> None:
        painter.setPen(QPen(self._theme.colour("line"), 1))
        for number in range(_LINES + 1):
            height = area.top() + area.height() * number / _LINES
            painter.drawLine(QPointF(area.left(), height), QPointF(area.right(), height))
        below = QRectF(area.left(), area.bottom() + 3, area.width(), 16)
        self._write(painter, below, "0", Qt.AlignmentFlag.AlignLeft)
        self._write(painter, below, f"step {last:,}", Qt.AlignmentFlag.AlignRight)

    def _paint_losses(self, painter: QPainter, area: QRectF, last: int) -> None:
        losses = self._progress.losses
        low, high = _range([loss for _, loss in losses])
        self._paint_scale(painter, area, low, high, right=False)
        # Each step has other music: what counts is the mean of many.
        for points, alpha, width in ((losses, 80, 1.0), (_smooth(losses), 255, 1.8)):
            line = QPolygonF([_place(area, step / last, loss, low, high) for step, loss in points])
            painter.setPen(QPen(self._theme.colour("rest", alpha), width))
            painter.drawPolyline(line)

    def _paint_scores(self, painter: QPainter, area: QRectF, last: int) -> None:
        progress, accent = self._progress, self._theme.colour("accent")
        values = [score for _, score in progress.scores]
        if progress.start_score is not None:
            values.append(progress.start_score)
        low, high = _range(values, least=1.0)
        self._paint_scale(painter, area, low, high, right=True)
        if progress.start_score is not None:
            height = _place(area, 0, progress.start_score, low, high).y()
            pen = QPen(self._theme.colour("accent", 150), 1.2)
            pen.setDashPattern([4, 4])
            painter.setPen(pen)
            painter.drawLine(QPointF(area.left(), height), QPointF(area.right(), height))
        places = [_place(area, step / last, score, low, high) for step, score in progress.scores]
        painter.setPen(QPen(accent, 1.2))
        painter.drawPolyline(QPolygonF(places))
        best = progress.best[0] if progress.best is not None else -1
        for (step, _), place in zip(progress.scores, places, strict=True):
            painter.setPen(QPen(self._theme.colour("text" if step == best else "ground"), 1.4))
            painter.setBrush(accent)
            radius = _DOT_PX + (1.5 if step == best else 0)
            painter.drawEllipse(place, radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_scale(
        self, painter: QPainter, area: QRectF, low: float, high: float, *, right: bool
    ) -> None:
        digits = 1 if high - low >= 2 else 2
        for number in range(0, _LINES + 1, 2):
            value = high - (high - low) * number / _LINES
            height = area.top() + area.height() * number / _LINES
            if right:
                box = QRectF(area.right() + 6, height - 8, _RIGHT_PX - 8, 16)
                side = Qt.AlignmentFlag.AlignLeft
            else:
                box = QRectF(2, height - 8, _LEFT_PX - 8, 16)
                side = Qt.AlignmentFlag.AlignRight
            self._write(painter, box, f"{value:.{digits}f}", side | Qt.AlignmentFlag.AlignVCenter)

    def _paint_legend(self, painter: QPainter, area: QRectF) -> None:
        entries = [("rest", "Loss", False)]
        if self._progress.scores:
            entries.append(("accent", "Score, dB", False))
        if self._progress.start_score is not None:
            entries.append(("accent", "Before", True))
        left = area.left()
        for token, words, dashed in entries:
            colour = self._theme.colour(token)
            self._paint_swatch(painter, left, colour, dashed=dashed)
            width = painter.fontMetrics().horizontalAdvance(words)
            box = QRectF(left + 22, 4, width + 4, 16)
            self._write(painter, box, words, Qt.AlignmentFlag.AlignLeft | _MIDDLE)
            left += width + 42

    def _paint_swatch(
        self, painter: QPainter, left: float, colour: QColor, *, dashed: bool
    ) -> None:
        pen = QPen(colour, 2)
        if dashed:
            pen.setDashPattern([2, 2])
        painter.setPen(pen)
        painter.drawLine(QPointF(left, 12), QPointF(left + 16, 12))

    def _write(self, painter: QPainter, box: QRectF, words: str, side: Qt.AlignmentFlag) -> None:
        painter.setPen(self._theme.colour("muted"))
        painter.drawText(box, side, words)


_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter


def _range(values: Sequence[float], least: float = 1e-3) -> tuple[float, float]:
    """Return the ends of a scale on which values have some room."""
    low, high = min(values), max(values)
    room = max((high - low) * 0.06, (least - (high - low)) / 2, 0.0)
    return low - room, high + room


def _smooth(points: Points) -> list[tuple[int, float]]:
    """Return points with the mean of each and those before it, a tenth of all."""
    count = max(3, len(points) // 10)
    means, total = [], 0.0
    for place, (step, value) in enumerate(points):
        total += value - (points[place - count][1] if place >= count else 0.0)
        means.append((step, total / min(place + 1, count)))
    return means


def _place(area: QRectF, share: float, value: float, low: float, high: float) -> QPointF:
    height = (high - value) / (high - low) if high > low else 0.5
    return QPointF(area.left() + share * area.width(), area.top() + height * area.height())


def _words(progress: Progress) -> str:
    parts = [f"Step {progress.step}"]
    if progress.losses:
        parts.append(f"loss {progress.losses[-1][1]:.3f}")
    if progress.scores:
        parts.append(f"score {progress.scores[-1][1]:.2f} dB")
    return ", ".join(parts)
