"""The ruler: bars and beats over minutes and seconds, the selection or loop, the markers."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

from drumstudio.ui import tokens
from drumstudio.ui.song_state import SongState
from drumstudio.ui.theme import Theme, tabular
from drumstudio.ui.time_mouse import TimeMouse
from drumstudio.ui.wave_picture import blend

HEIGHT_PX = 40
_CLOCK_SPACING_PX = 84.0
_BAR_SPACING_PX = 44.0
_BEAT_SPACING_PX = 9.0


class Ruler(QWidget):
    """Shows time; a click moves the cursor, a drag selects.

    Parameters
    ----------
    state : SongState
        What is shown: view, cursor, selection, grid, markers.
    theme : Theme
        The colours.
    """

    marker_menu_asked = Signal(str, object)  # the marker's id, where on the screen
    marker_rename_asked = Signal(str)

    def __init__(self, state: SongState, theme: Theme) -> None:
        super().__init__()
        self._state = state
        self._theme = theme
        self._mouse = TimeMouse(self, state)
        self.setFixedHeight(HEIGHT_PX)
        self.setAccessibleName("Ruler")
        self.setMouseTracking(True)
        self.setToolTip("Click: cursor · Drag: select · Double click a marker: rename it")
        state.timeline.changed.connect(self.update)
        state.changed.connect(self.update)
        state.playhead_moved.connect(self._on_playhead)
        theme.changed.connect(self.update)

    def _on_playhead(self, before: float) -> None:
        view = self._state.timeline.view
        for seconds in (before, self._state.playhead):
            self.update(int(view.pixel_at(seconds)) - 7, 0, 14, HEIGHT_PX)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw the ruler."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), self._theme.colour("panel"))
        painter.setFont(tabular(self.font(), tokens.SMALL_PX))
        self._paint_range(painter)
        self._paint_grid(painter)
        self._paint_clock(painter)
        self._paint_markers(painter)
        self._paint_cursor(painter)
        painter.setPen(self._theme.colour("line"))
        painter.drawLine(0, HEIGHT_PX - 1, self.width(), HEIGHT_PX - 1)
        painter.end()

    def _paint_range(self, painter: QPainter) -> None:
        selection = self._state.selection
        if selection is None:
            return
        view = self._state.timeline.view
        left, right = (view.pixel_at(seconds) for seconds in selection)
        looping = self._state.loop
        painter.fillRect(
            QRectF(left, 0, right - left, HEIGHT_PX),
            self._theme.colour("accent", 70 if looping else 34),
        )
        if looping:
            painter.fillRect(QRectF(left, 0, right - left, 3), self._theme.colour("accent"))

    def _paint_grid(self, painter: QPainter) -> None:
        middle = HEIGHT_PX / 2
        muted, line = self._theme.colour("muted"), self._theme.colour("line")
        for mark in self._state.marks(_BEAT_SPACING_PX, _BAR_SPACING_PX):
            painter.setPen(muted if mark.strong else line)
            painter.drawLine(
                QPointF(mark.pixel, middle - (9 if mark.strong else 4)),
                QPointF(mark.pixel, middle - 1),
            )
            if mark.label:
                painter.setPen(self._theme.colour("text"))
                painter.drawText(QPointF(mark.pixel + 4, middle - 7), mark.label)

    def _paint_clock(self, painter: QPainter) -> None:
        view = self._state.timeline.view
        middle = HEIGHT_PX / 2
        for seconds, label in view.clock_ticks(_CLOCK_SPACING_PX):
            pixel = view.pixel_at(seconds)
            painter.setPen(self._theme.colour("line"))
            painter.drawLine(QPointF(pixel, middle + 2), QPointF(pixel, HEIGHT_PX))
            painter.setPen(self._theme.colour("muted"))
            painter.drawText(QPointF(pixel + 4, HEIGHT_PX - 7), label)

    def _paint_markers(self, painter: QPainter) -> None:
        view = self._state.timeline.view
        for marker in self._state.markers:
            pixel = view.pixel_at(marker.seconds)
            width = painter.fontMetrics().horizontalAdvance(marker.name) + 8
            flag = blend(self._theme.colour("panel"), self._theme.colour("snare"), 0.3)
            painter.fillRect(QRectF(pixel, 0, width, 14), flag)
            painter.fillRect(QRectF(pixel, 0, 1.5, HEIGHT_PX), self._theme.colour("snare"))
            painter.setPen(self._theme.colour("text"))
            painter.drawText(QPointF(pixel + 4, 11), marker.name)

    def _paint_cursor(self, painter: QPainter) -> None:
        view = self._state.timeline.view
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_head(painter, view.pixel_at(self._state.cursor), self._theme.colour("text"))
        if self._state.playing:
            pixel = view.pixel_at(self._state.playhead)
            self._paint_head(painter, pixel, self._theme.colour("accent"))

    @staticmethod
    def _paint_head(painter: QPainter, pixel: float, colour: QColor) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        tip = HEIGHT_PX - 1.0
        painter.drawPolygon(
            QPolygonF(
                [QPointF(pixel - 5, tip - 8), QPointF(pixel + 5, tip - 8), QPointF(pixel, tip)]
            )
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a click or a selection; on a marker with the right button: its menu."""
        if event.button() == Qt.MouseButton.RightButton:
            marker = self._marker_at(event.position().x())
            if marker is not None:
                self.marker_menu_asked.emit(marker, event.globalPosition().toPoint())
            return
        self._mouse.press(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Ask for another name of a marker; elsewhere it is one more press."""
        marker = self._marker_at(event.position().x())
        if marker is not None and event.button() == Qt.MouseButton.LeftButton:
            self.marker_rename_asked.emit(marker)
        else:
            self.mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go on selecting."""
        self._mouse.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End a click or a selection."""
        self._mouse.release(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Scroll, or zoom about the pointer with Ctrl."""
        self._mouse.wheel(event)

    def _marker_at(self, pixel: float) -> str | None:
        view = self._state.timeline.view
        near = [m for m in self._state.markers if -4 <= pixel - view.pixel_at(m.seconds) <= 60]
        return near[-1].id if near else None
