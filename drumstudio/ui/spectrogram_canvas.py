"""The spectrogram on screen: the picture, what lies over it, and the hand that paints."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from drumstudio.application.edit_session import EditSession
from drumstudio.application.spectrogram_picture import Picture, ReadOut
from drumstudio.application.spectrogram_view import SpectrogramView
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.view_axis import Area, FrequencyAxis, Viewport
from drumstudio.tools.table import TOOLS
from drumstudio.tools.tool import ToolSettings
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.song_state import SongState
from drumstudio.ui.spectrogram_colours import (
    PAINTED,
    SELECTED,
    Table,
    coloured,
    hatch,
    outline,
    table,
    tint,
)
from drumstudio.ui.spectrogram_hand import Hand
from drumstudio.ui.spectrogram_look import LOWEST_HZ, PaneLook, panned_axis, whole_axis, zoomed_axis
from drumstudio.ui.theme import Theme
from drumstudio.ui.timeline import ZOOM_STEP

_NOTCH = 120.0  # Qt's unit of a wheel's step
_SCROLL_PX = 90.0
_PAN_ROWS = 60.0
_CLICK_PX = 4.0  # a lasso that moved less than this between press and release sets a corner
_BEAT_SPACING_PX = 14.0
_BAR_SPACING_PX = 44.0
_OUTLINE_CORNERS = 48
_SETTLE_MS = 60
_HOVER_MS = 120  # so long the pointer rests before a tool looks what a click would take


@dataclass(frozen=True, slots=True)
class _Pointer:
    """Where the pointer is and what it does.

    Parameters
    ----------
    place : QPointF or None
        In pixels; None if it is elsewhere.
    pressed_at : QPointF or None
        Where a gesture began whose button is still down.
    panned_from : QPointF or None
        Where the view was last moved to.
    """

    place: QPointF | None = None
    pressed_at: QPointF | None = None
    panned_from: QPointF | None = None


class SpectrogramCanvas(QWidget):
    """Draws the spectrogram of the song at hand and lets a person paint on it.

    Parameters
    ----------
    state : SongState
        Time: view, cursor, selection, playhead.
    theme : Theme
        The colours.
    bridge : Bridge
        How news comes to this thread.

    Attributes
    ----------
    complete : bool
        Whether all that is seen is as it will stay.
    pixels_drawn : int
        How many pixels were coloured since the start, for tests.
    """

    axis_changed = Signal()
    hovered = Signal(object)  # the ReadOut under the pointer, or None
    menu_asked = Signal(float, float, QPoint)  # seconds, hertz, where on the screen
    failed = Signal(object)
    entered = Signal(bool)

    def __init__(self, state: SongState, theme: Theme, bridge: Bridge) -> None:
        super().__init__()
        self._state = state
        self._theme = theme
        self._bridge = bridge
        self._look = PaneLook()
        self._view: SpectrogramView | None = None
        self._disconnects: list[Callable[[], None]] = []
        self._highest_hz = 22_050.0
        self.axis = whole_axis(self._look.scale, 44_100, 1)
        self._colours: Table | None = None  # until they are needed: they take a while
        self._viewport: Viewport | None = None
        self._pixels: NDArray[np.uint32] = np.zeros((1, 1), dtype=np.uint32)
        self._image = QImage()
        self._lock = threading.Lock()
        self._news: list[Area | None] = []
        self._pointer = _Pointer()
        self._hand = Hand()
        self._hits: list[tuple[float, bool]] = []
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._settled)
        self._hover = QTimer(self)
        self._hover.setSingleShot(True)
        self._hover.setInterval(_HOVER_MS)
        self._hover.timeout.connect(self._rest_here)
        self.complete = False
        self.pixels_drawn = 0
        self.setAccessibleName("Spectrogram")
        self.setMinimumHeight(80)
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        state.timeline.changed.connect(self.update)
        state.changed.connect(self.update)
        state.playhead_moved.connect(self._on_playhead)
        state.left_mode.connect(self.abort)
        theme.changed.connect(self._on_theme)

    # --- what is shown -------------------------------------------------------------------

    def show_song(self, view: SpectrogramView | None, session: EditSession | None) -> None:
        """Show another song; what was painted before goes on being listened to elsewhere."""
        for disconnect in self._disconnects:
            disconnect()
        self._view, self._hand.session = view, session
        self._disconnects = []
        self._pointer = replace(self._pointer, pressed_at=None)
        if view is not None:
            self._disconnects = [view.changed.connect(self._on_news)]
            view.look = self._look.view
            self._highest_hz = view.grid.sample_rate / 2
        self.axis = whole_axis(self._look.scale, round(2 * self._highest_hz), self._rows())
        self.axis_changed.emit()
        self.refresh()

    def show_session(self, session: EditSession | None) -> None:
        """Paint with another session of the song that is shown."""
        self._hand.session = session
        self._show_cursor()

    def _colour_table(self) -> Table:
        if self._colours is None:
            self._colours = table(self._look.colours, self._theme)
        return self._colours

    def show_look(self, look: PaneLook) -> None:
        """Show it in another way."""
        before, self._look = self._look, look
        if look.scale != before.scale:
            self.axis = whole_axis(look.scale, round(2 * self._highest_hz), self._rows())
            self.axis_changed.emit()
        self._colours = None
        if self._view is not None:
            self._view.look = look.view
        self.refresh()

    def show_hits(self, hits: list[tuple[float, bool]]) -> None:
        """Mark hits, in seconds; those that are ticked stand out."""
        self._hits = hits
        self.update()

    def refresh(self) -> None:
        """Draw everything anew."""
        self._viewport = None
        self.update()

    def whole_height(self) -> None:
        """Show every frequency."""
        self._show_axis(whole_axis(self.axis.scale, round(2 * self._highest_hz), self.axis.rows))

    def zoom_frequencies(self, factor: float, about_row: float | None = None) -> None:
        """Zoom in (above 1) or out about a row of device pixels; the middle if none is given."""
        about = self.axis.rows / 2 if about_row is None else about_row
        self._show_axis(zoomed_axis(self.axis, factor, about, self._highest_hz))

    @property
    def rows_above(self) -> float:
        """How many rows of device pixels lie above those that are shown."""
        return -self.axis.row_at(self._highest_hz)

    @property
    def rows_in_all(self) -> float:
        """How many rows all frequencies have at this zoom."""
        return self.axis.row_at(LOWEST_HZ[self.axis.scale]) + self.rows_above

    def pan_frequencies(self, rows: float) -> None:
        """Show what is higher by some rows of device pixels."""
        self._show_axis(panned_axis(self.axis, rows, self._highest_hz))

    def _show_axis(self, axis: FrequencyAxis) -> None:
        if axis != self.axis:
            self.axis = axis
            self.axis_changed.emit()
            self.update()

    def _rows(self) -> int:
        return max(round(self.height() * self.devicePixelRatioF()), 1)

    def _wanted(self) -> Viewport:
        ratio = self.devicePixelRatioF()
        time = self._state.timeline.view
        columns = max(round(self.width() * ratio), 1)
        return Viewport.at(time.start_seconds, time.seconds_per_pixel / ratio, columns, self.axis)

    # --- from the view to the image ------------------------------------------------------

    def _on_news(self, area: Area | None) -> None:
        """Hear, on any thread, that something looks different."""
        if threading.current_thread() is threading.main_thread():
            self._draw_area(area)
            return
        with self._lock:
            self._news.append(area)
        self._bridge.post(self._take_news, key=id(self))

    def _take_news(self) -> None:
        with self._lock:
            news, self._news = self._news, []
        if any(area is None for area in news):
            self.refresh()
            return
        for area in news:
            self._draw_area(area)
        self._tell_read()
        if not self.complete:
            self._settle.start()

    def _settled(self) -> None:
        """Draw the whole once more when all of it has come."""
        if self._view is None or self.complete:
            return
        if self._view.wait(0.0):
            self.refresh()
        else:
            self._settle.start()

    def _draw_area(self, area: Area | None) -> None:
        viewport = self._viewport
        if area is None or viewport is None or viewport != self._wanted():
            self.refresh()
            return
        seen = viewport.pixels_of(area)
        if seen is not None:
            self._draw(viewport, *seen)
            ratio = self.devicePixelRatioF()
            left, top = int((seen[0] - 1) / ratio) - 1, int((seen[2] - 1) / ratio) - 1
            right, bottom = int((seen[1] + 1) / ratio) + 2, int((seen[3] + 1) / ratio) + 2
            self.update(left, top, right - left, bottom - top)

    def _draw(self, viewport: Viewport, first: int, last: int, top: int, bottom: int) -> None:
        """Colour some of the image's pixels, and those beside them: a line there may be new."""
        assert self._view is not None
        rows, columns = self._pixels.shape
        written = max(first - 1, 0), min(last + 1, columns), max(top - 1, 0), min(bottom + 1, rows)
        # One more is looked at, for what lies beside a pixel says whether a line runs through it.
        left, over = max(written[0] - 1, 0), max(written[2] - 1, 0)
        picture = self._view.picture(
            viewport, (left, min(written[1] + 1, columns)), (over, min(written[3] + 1, rows))
        )
        part = coloured(picture.level, picture.share, self._colour_table())
        self._mark(part, picture, (over, viewport.first_column + left))
        inner = part[written[2] - over : written[3] - over, written[0] - left : written[1] - left]
        self._pixels[written[2] : written[3], written[0] : written[1]] = inner
        self.complete = self.complete and picture.complete
        self.pixels_drawn += part.size

    def _mark(self, pixels: NDArray[np.uint32], picture: Picture, place: tuple[int, int]) -> None:
        """Draw over some pixels what is protected, and around what is painted."""
        if picture.protected is not None:
            hatch(pixels, picture.protected, place, self._theme.colour("good").rgba())
        if picture.previewed is not None:
            inside = picture.previewed >= PAINTED
            colour = self._target_colour().rgba()
            tint(pixels, inside, colour)
            outline(pixels, inside, colour)
        if picture.selected is not None:
            inside = picture.selected > SELECTED
            outline(pixels, inside, QColor(0, 0, 0).rgba())
            outline(pixels, inside, QColor(255, 255, 255).rgba(), place)
        if picture.painted is not None:
            for sign, token in ((1, "drums"), (-1, "rest")):
                line = self._theme.colour(token).lighter(140 if self._theme.dark else 80)
                outline(pixels, sign * picture.painted >= PAINTED, line.rgba())

    def _draw_all(self, viewport: Viewport) -> None:
        shape = (viewport.axis.rows, viewport.columns)
        if self._pixels.shape != shape or self._image.isNull():
            self._pixels = np.zeros(shape, dtype=np.uint32)
            stride = 4 * viewport.columns
            # The image shares the array's memory: writing to the one changes the other.
            self._image = QImage(
                self._pixels.data, shape[1], shape[0], stride, QImage.Format.Format_RGB32
            )
        if self._view is None:
            self._pixels[:] = self._theme.colour("ground").rgba()
        else:
            picture = self._view.picture(viewport)
            self._pixels[:] = coloured(picture.level, picture.share, self._colour_table())
            self._mark(self._pixels, picture, (0, viewport.first_column))
            self.complete = picture.complete
            self.pixels_drawn += self._pixels.size
        self._viewport = viewport

    def _on_theme(self) -> None:
        self._colours = None
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Follow the height."""
        self.axis = replace(self.axis, rows=self._rows())
        self.axis_changed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw what is damaged: the picture, then what lies over it."""
        viewport = self._wanted()
        if viewport != self._viewport:
            self._draw_all(viewport)
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        rect = event.rect()
        source = QRectF(
            rect.x() * ratio, rect.y() * ratio, rect.width() * ratio, rect.height() * ratio
        )
        painter.drawImage(QRectF(rect), self._image, source)
        self._paint_over(painter, rect)
        painter.end()

    def _paint_over(self, painter: QPainter, rect: QRect) -> None:
        time, height = self._state.timeline.view, self.height()
        strong, weak = self._theme.colour("text", 44), self._theme.colour("text", 18)
        for mark in self._state.marks(_BEAT_SPACING_PX, _BAR_SPACING_PX):
            if rect.left() - 1 <= mark.pixel <= rect.right() + 1:
                # On whole pixels: several times quicker than with soft edges.
                line = QRect(round(mark.pixel), 0, 1, height)
                painter.fillRect(line, strong if mark.strong else weak)
        selection = self._state.selection
        if selection is not None:
            left, right = (time.pixel_at(seconds) for seconds in selection)
            area = QRectF(left, 0, right - left, height).intersected(QRectF(rect))
            painter.fillRect(area, self._theme.colour("accent", 22))
            for edge in (left, right):
                painter.fillRect(QRectF(edge - 0.5, 0, 1, height), self._theme.colour("accent"))
        cursor = time.pixel_at(self._state.cursor)
        painter.fillRect(QRectF(cursor - 0.5, 0, 1, height), self._theme.colour("text", 170))
        if self._state.playing:
            pixel = time.pixel_at(self._state.playhead)
            painter.fillRect(QRectF(pixel - 0.75, 0, 1.5, height), self._theme.colour("accent"))
        for seconds, ticked in self._hits:
            pixel = round(time.pixel_at(seconds))
            if rect.left() - 4 <= pixel <= rect.right() + 4:
                colour = self._theme.colour("snare", 230 if ticked else 110)
                painter.fillRect(QRect(pixel, 0, 1, height), colour)
                if ticked:
                    painter.fillRect(QRect(pixel - 3, 0, 7, 5), colour)
        if self.hasFocus():
            painter.setPen(self._theme.colour("accent", 120))
            painter.drawRect(QRect(0, 0, self.width() - 1, height - 1))
        self._paint_outlines(painter)

    def _on_playhead(self, before: float) -> None:
        time = self._state.timeline.view
        for seconds in (before, self._state.playhead):
            self.update(QRect(int(time.pixel_at(seconds)) - 2, 0, 5, self.height()))

    # --- outlines ------------------------------------------------------------------------

    def _paint_outlines(self, painter: QPainter) -> None:
        shapes = []
        outline = self._hand.outline
        if outline:
            corners = [self._pixel(*point) for point in outline]
            place = self._pointer.place
            if self._pointer.pressed_at is None and place is not None:
                corners.append(place)  # where a click would set the next corner
            shapes.append(QPolygonF(corners))
        brush = self._brush_outline()
        if brush is not None:
            shapes.append(brush)
        if not shapes:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((QColor(0, 0, 0, 170), 3.0), (self._target_colour(), 1.4)):
            painter.setPen(QPen(colour, width))
            for shape in shapes:
                painter.drawPolygon(shape)

    def _target_colour(self) -> QColor:
        settings = self._hand.settings
        if settings is None or TOOLS[settings.tool].target or self._hand.selects:
            return QColor(255, 255, 255)
        token = {"drums": "drums", "rest": "rest", "protect": "good"}[settings.target]
        return self._theme.colour(token).lighter(125)

    def _brush_outline(self) -> QPolygonF | None:
        settings, place = self._hand.settings, self._pointer.place
        if settings is None or place is None or TOOLS[settings.tool].cursor != "brush":
            return None
        seconds, hertz = self.point_at(place)
        turns = np.linspace(0.0, 2 * np.pi, _OUTLINE_CORNERS, endpoint=False)
        across = seconds + settings.size_seconds / 2 * np.cos(turns)
        upright = hertz + settings.size_hz / 2 * np.sin(turns)
        ratio = settings.radius_ratio
        if ratio:  # where `core.raster` finds the brush's edge
            part = 0.5 * (ratio - 1.0 / ratio) * np.sin(turns)
            upright = hertz * (part + np.sqrt(part**2 + 1.0))
        pairs = zip(across.tolist(), upright.tolist(), strict=True)
        return QPolygonF([self._pixel(*pair) for pair in pairs])

    def brush_changed(self) -> None:
        """Draw the brush as it is set now."""
        self._show_cursor()
        self.update()

    def _show_cursor(self) -> None:
        settings = self._hand.settings
        if self._pointer.panned_from is not None:
            shape = Qt.CursorShape.ClosedHandCursor
        elif settings is None:
            shape = Qt.CursorShape.ArrowCursor
        elif TOOLS[settings.tool].cursor == "hand":
            shape = Qt.CursorShape.PointingHandCursor
        else:
            shape = Qt.CursorShape.CrossCursor
        self.setCursor(shape)

    # --- places --------------------------------------------------------------------------

    def point_at(self, place: QPointF) -> tuple[float, float]:
        """Return seconds and hertz of a place in the widget."""
        seconds = self._state.timeline.view.seconds_at(place.x())
        return seconds, self.axis.hz_at(place.y() * self.devicePixelRatioF())

    def _pixel(self, seconds: float, hertz: float) -> QPointF:
        across = self._state.timeline.view.pixel_at(seconds)
        upright = self.axis.row_at(hertz) / self.devicePixelRatioF()
        limit = 4.0 * max(self.width(), self.height(), 1)  # far outside, but a number Qt can draw
        return QPointF(min(max(across, -limit), limit), min(max(upright, -limit), limit))

    def _moved_to(self, place: QPointF | None) -> None:
        settings = self._hand.settings
        for where in (self._pointer.place, place):
            if where is not None and settings is not None:
                self.update(self._around(where, settings))
        self._pointer = replace(self._pointer, place=place)
        self._tell_read()

    def _tell_read(self) -> None:
        """Tell what is under the pointer: it moved, or what is there has changed."""
        place, read = self._pointer.place, None
        if place is not None and self._view is not None:
            read = self._view.read_out(*self.point_at(place))
        self.hovered.emit(read)

    def _around(self, place: QPointF, settings: ToolSettings) -> QRect:
        if TOOLS[settings.tool].cursor != "brush":
            return QRect()
        seconds, hertz = self.point_at(place)
        half_seconds, half_hz = settings.size_seconds / 2, settings.size_hz / 2
        low, high = hertz - half_hz, hertz + half_hz
        if settings.radius_ratio:
            low, high = hertz / settings.radius_ratio, hertz * settings.radius_ratio
        first = self._pixel(seconds - half_seconds, high)
        last = self._pixel(seconds + half_seconds, low)
        return QRectF(first, last).toAlignedRect().adjusted(-4, -4, 4, 4)

    # --- painting ------------------------------------------------------------------------

    @property
    def is_drawing(self) -> bool:
        """Whether a gesture is under way."""
        return self._hand.is_drawing

    def _press(self, place: QPointF, pressure: float, way: str = "replace") -> None:
        self._pointer = replace(self._pointer, pressed_at=place)
        self._hover.stop()
        self._try(lambda: self._hand.press(self.point_at(place), pressure, way))
        self._update_outline()

    def _draw_to(self, place: QPointF, pressure: float, *, straight: bool) -> None:
        self._hand.move(self.point_at(place), pressure, straight=straight)
        self._update_outline()

    def _release(self, place: QPointF) -> None:
        pressed, self._pointer = self._pointer.pressed_at, replace(self._pointer, pressed_at=None)
        if pressed is None:
            return
        clicked = (place - pressed).manhattanLength() <= _CLICK_PX
        self._try(lambda: self._hand.release(clicked=clicked))
        self._tell_read()
        self.update()

    def finish(self) -> None:
        """End a lasso of corners."""
        self._try(self._hand.finish)
        self.update()

    def abort(self) -> None:
        """Drop the gesture that is under way."""
        self._hand.abort()
        self._pointer = replace(self._pointer, pressed_at=None)
        self.update()

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except DrumStudioError as error:
            self._pointer = replace(self._pointer, pressed_at=None)
            self.failed.emit(error)

    def _update_outline(self) -> None:
        if self._hand.outline:
            self.update()

    def _rest_here(self) -> None:
        """Have the tool show what a click here would take."""
        place, session = self._pointer.place, self._hand.session
        if place is not None and session is not None and not self.is_drawing:
            session.look_at(*self.point_at(place))

    # --- events --------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin to paint; middle or Alt moves the view, right shows what is possible here."""
        place, button = event.position(), event.button()
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        left = button == Qt.MouseButton.LeftButton
        if button == Qt.MouseButton.MiddleButton or (left and alt):
            self._pointer = replace(self._pointer, panned_from=place)
            self._show_cursor()
        elif button == Qt.MouseButton.RightButton and not self.is_drawing:
            self.menu_asked.emit(*self.point_at(place), event.globalPosition().toPoint())
        elif left:
            self._press(place, 1.0, _way(event.modifiers()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go on painting or moving the view."""
        place = event.position()
        panned_from = self._pointer.panned_from
        if panned_from is not None:
            moved = place - panned_from
            self._pointer = replace(self._pointer, panned_from=place)
            self._state.timeline.scroll(-moved.x())
            self.pan_frequencies(moved.y() * self.devicePixelRatioF())
            return
        if self._pointer.pressed_at is not None and self.is_drawing:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._draw_to(place, 1.0, straight=shift)
        elif self.is_drawing:
            self.update()
        elif self._hand.tool is not None and self._hand.tool.find is not None:
            self._hover.start()
        self._moved_to(place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End a gesture."""
        if self._pointer.panned_from is not None:
            self._pointer = replace(self._pointer, panned_from=None)
            self._show_cursor()
        elif event.button() == Qt.MouseButton.LeftButton:
            self._release(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End a lasso of corners; else it is one more press."""
        if event.button() == Qt.MouseButton.LeftButton and self.is_drawing:
            self.finish()
        else:
            self.mousePressEvent(event)

    def tabletEvent(self, event: QTabletEvent) -> None:  # noqa: N802
        """Paint with a pen: its pressure is the strength."""
        place, pressure = event.position(), event.pressure()
        if event.type() == QEvent.Type.TabletPress and event.button() == Qt.MouseButton.LeftButton:
            self._press(place, pressure)
        elif event.type() == QEvent.Type.TabletRelease:
            self._release(place)
        elif event.type() == QEvent.Type.TabletMove:
            if self._pointer.pressed_at is not None and self.is_drawing:
                shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self._draw_to(place, pressure, straight=shift)
            self._moved_to(place)
        else:
            event.ignore()  # becomes an event of the mouse
            return
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Scroll in time; Ctrl zooms it; Shift moves frequencies, Ctrl and Shift zoom them."""
        modifiers = event.modifiers()
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        delta = event.angleDelta()
        notches = (delta.y() or delta.x()) / _NOTCH
        ratio = self.devicePixelRatioF()
        if control and shift:
            self.zoom_frequencies(ZOOM_STEP**notches, event.position().y() * ratio)
        elif shift:
            self.pan_frequencies(notches * _PAN_ROWS * ratio)
        elif control:
            self._state.timeline.zoom(ZOOM_STEP**notches, event.position().x())
        else:
            moved = event.pixelDelta()
            pixels = moved.x() or moved.y() if not moved.isNull() else notches * _SCROLL_PX
            self._state.timeline.scroll(-pixels)
        self._moved_to(event.position())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Finish or leave a gesture that is under way."""
        if self.is_drawing and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.finish()
        elif self.is_drawing and event.key() == Qt.Key.Key_Escape:
            self.abort()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Keep Esc and Return from the window's own keys while a gesture is under way."""
        ending = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self.is_drawing
            and event.key() in ending
        ):
            event.accept()
            return True
        return super().event(event)

    def enterEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that the pointer is here."""
        self._show_cursor()
        self.entered.emit(True)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that the pointer is elsewhere."""
        self._hover.stop()
        self._moved_to(None)
        self.entered.emit(False)

    def close_song(self) -> None:
        """Let go of the song."""
        self.show_song(None, None)


def _way(modifiers: Qt.KeyboardModifier) -> str:
    """Return what a press makes of what was selected before."""
    if modifiers & Qt.KeyboardModifier.ShiftModifier:
        return "add"
    return "subtract" if modifiers & Qt.KeyboardModifier.ControlModifier else "replace"


def read_words(read: ReadOut | None, clock: Callable[[float, int], str]) -> str:
    """Return what stands under the pointer, in words: "0:42.318 · 1,204 Hz · D6 +42 · −34 dB"."""
    if read is None:
        return ""
    parts = [clock(max(read.seconds, 0.0), 3), f"{max(read.hertz, 0.0):,.0f} Hz", read.note]
    if read.db is not None:
        parts.append(f"{read.db:.1f} dB".replace("-", "−"))
    if read.share is not None:
        parts.append(f"drums {read.share:.0%}".replace("%", " %"))
    return "  ·  ".join(part for part in parts if part)
