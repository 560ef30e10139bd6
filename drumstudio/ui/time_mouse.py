"""What the mouse does over ruler and lanes alike: cursor, selection, scrolling, zooming."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from drumstudio.ui.song_state import SongState
from drumstudio.ui.timeline import ZOOM_STEP

_DRAG_PX = 4
_EDGE_PX = 5
_NOTCH = 120.0  # Qt's unit of a wheel's step
_SCROLL_PX = 90.0


class TimeMouse:
    """Turns mouse events of a widget that shows time into cursor, selection and view.

    Parameters
    ----------
    widget : QWidget
        Whose left edge is the view's.
    state : SongState
        What is changed.
    """

    def __init__(self, widget: QWidget, state: SongState) -> None:
        self._widget = widget
        self._state = state
        self._anchor: float | None = None  # seconds; where a selection stays fixed
        self._pressed: QPointF | None = None
        self._dragging = False
        self._panned_from: float | None = None
        self._scrubbing = False
        state.left_mode.connect(self.abort)

    def press(self, event: QMouseEvent) -> None:
        """Begin: left selects or moves the cursor, middle (or Alt) moves the view.

        With Ctrl the cursor follows the pointer, and what is there is heard.
        """
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and alt):
            self._panned_from = event.position().x()
            self._widget.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif left and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._scrubbing = True
            self._scrub(event)
        elif left:
            self._pressed = event.position()
            self._dragging = False
            edge = self._edge_at(event.position().x())
            if edge is not None and self._state.selection is not None:
                self._anchor = self._state.selection[1 - edge]
                self._dragging = True
            elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._anchor = self._state.cursor
                self._dragging = True
                self._select(event)
            else:
                self._anchor = self._time(event)

    def move(self, event: QMouseEvent) -> None:
        """Go on, or show what a press here would do."""
        if self._panned_from is not None:
            self._state.timeline.scroll(self._panned_from - event.position().x())
            self._panned_from = event.position().x()
        elif self._scrubbing:
            self._scrub(event)
        elif self._pressed is None:
            over_edge = self._edge_at(event.position().x()) is not None
            self._widget.setCursor(
                Qt.CursorShape.SizeHorCursor if over_edge else Qt.CursorShape.ArrowCursor
            )
        elif self._anchor is not None:
            moved = abs(event.position().x() - self._pressed.x()) >= _DRAG_PX
            self._dragging = self._dragging or moved
            if self._dragging:
                self._state.timeline.reveal(
                    self._state.timeline.view.seconds_at(event.position().x())
                )
                self._select(event)

    def release(self, event: QMouseEvent) -> None:
        """End: without a drag it was a click, which moves the cursor."""
        if self._panned_from is not None:
            self._panned_from = None
            self._widget.unsetCursor()
        elif self._scrubbing:
            self.abort()
        elif self._pressed is not None:
            if not self._dragging and self._anchor is not None:
                self._state.select(None)
                self._state.seek(self._anchor)
            self.abort()

    def abort(self) -> None:
        """Leave a drag as it is."""
        self._pressed = None
        self._anchor = None
        self._dragging = False
        self._scrubbing = False

    def wheel(self, event: QWheelEvent) -> None:
        """Scroll in time; with Ctrl zoom about the pointer."""
        delta = event.angleDelta()
        notches = (delta.y() or delta.x()) / _NOTCH
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._state.timeline.zoom(ZOOM_STEP**notches, event.position().x())
        elif not event.pixelDelta().isNull():
            moved = event.pixelDelta()
            self._state.timeline.scroll(-(moved.x() or moved.y()))
        else:
            self._state.timeline.scroll(-notches * _SCROLL_PX)
        event.accept()

    def _scrub(self, event: QMouseEvent) -> None:
        seconds = self._state.timeline.view.seconds_at(event.position().x())
        self._state.scrub_asked.emit(min(max(seconds, 0.0), self._state.seconds))

    def _time(self, event: QMouseEvent) -> float:
        seconds = self._state.timeline.view.seconds_at(event.position().x())
        # Shift, held while dragging, lets go of the grid.
        free = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        return self._state.snapped(seconds, free=free)

    def _select(self, event: QMouseEvent) -> None:
        if self._anchor is not None:
            first, last = sorted((self._anchor, self._time(event)))
            self._state.select((first, last) if last > first else None)

    def _edge_at(self, pixel: float) -> int | None:
        if self._state.selection is None:
            return None
        view = self._state.timeline.view
        for number, seconds in enumerate(self._state.selection):
            if abs(view.pixel_at(seconds) - pixel) <= _EDGE_PX:
                return number
        return None
