"""The lanes: waveforms as cached pictures, with grid, selection and playhead drawn over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from drumstudio.core.errors import AudioOpenError
from drumstudio.ui import tokens
from drumstudio.ui.song_state import LaneView, Mark, SongState
from drumstudio.ui.theme import Theme
from drumstudio.ui.time_mouse import TimeMouse
from drumstudio.ui.wave_picture import Shades, blend, strips
from drumstudio.ui.wave_strip import WaveKey, WaveStrip

_SAMPLES_APART_PX = 0.8  # closer than this, columns; wider, a line from sample to sample
_DOTS_APART_PX = 6.0
_BEAT_SPACING_PX = 14.0
_BAR_SPACING_PX = 44.0


@dataclass(frozen=True, slots=True)
class _Picture:
    """A lane's single samples, for one view."""

    key: tuple[object, ...]
    pixmap: QPixmap


class LanesCanvas(QWidget):
    """Draws the song's lanes one under the other.

    Parameters
    ----------
    state : SongState
        What is shown.
    theme : Theme
        The colours.

    Notes
    -----
    Waveforms are kept as pictures: scrolling moves them, the playhead repaints two narrow strips
    of them. What lies over them is drawn each time.
    """

    menu_asked = Signal(str, object)  # the lane's stem, where on the screen
    drag_asked = Signal(str)

    def __init__(self, state: SongState, theme: Theme) -> None:
        super().__init__()
        self._state = state
        self._theme = theme
        self._mouse = TimeMouse(self, state)
        self._pictures: dict[str, _Picture] = {}
        self._strips: dict[str, WaveStrip] = {}
        self._marks: tuple[object, list[Mark]] = (None, [])
        self._generation = 0
        self._lane_height = tokens.LANE_MIN_PX
        self._samples_drawn = 0
        self.setAccessibleName("Lanes")
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        state.timeline.changed.connect(self.update)
        state.changed.connect(self.update)
        state.heights_changed.connect(self.update)
        state.lanes_changed.connect(self._forget)
        state.playhead_moved.connect(self._on_playhead)
        theme.changed.connect(self._forget)

    @property
    def pictures_drawn(self) -> int:
        """How often a picture of a lane, or a part of one, was computed."""
        return self._samples_drawn + sum(strip.times_drawn for strip in self._strips.values())

    def lane_tops(self) -> list[tuple[int, int]]:
        """Return top and height of each lane, in pixels."""
        height = self._lane_height
        return [(n * height, height) for n in range(len(self._state.lanes))]

    def set_lane_height(self, height: int) -> None:
        """Give every lane a height, in pixels."""
        if height != self._lane_height:
            self._lane_height = height
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Tell the view its new width."""
        self._state.timeline.set_width(event.size().width())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw what is damaged: pictures, then what lies over them."""
        painter = QPainter(self)
        rect = event.rect()
        bottom = 0
        for lane, (top, height) in zip(self._state.lanes, self.lane_tops(), strict=True):
            bottom = top + height
            part = QRect(0, top, self.width(), height).intersected(rect)
            if not part.isEmpty():
                self._paint_wave(painter, lane, part, top, height)
        if bottom < rect.bottom() + 1:
            below = rect.intersected(QRect(0, bottom, self.width(), 1 << 16))
            painter.fillRect(below, self._theme.colour("ground"))
        self._paint_grid(painter, rect, bottom)
        self._paint_over(painter, rect, bottom)
        painter.end()

    def _paint_over(self, painter: QPainter, rect: QRect, bottom: int) -> None:
        view = self._state.timeline.view
        selection = self._state.selection
        if selection is not None:
            left, right = (view.pixel_at(seconds) for seconds in selection)
            area = QRectF(left, 0, right - left, bottom)
            painter.fillRect(area.intersected(QRectF(rect)), self._theme.colour("accent", 30))
            for edge in (left, right):
                painter.fillRect(
                    QRectF(edge - 0.5, 0, 1, bottom), self._theme.colour("accent", 150)
                )
        for marker in self._state.markers:
            pixel = view.pixel_at(marker.seconds)
            painter.fillRect(QRectF(pixel, 0, 1, bottom), self._theme.colour("snare", 150))
        cursor = view.pixel_at(self._state.cursor)
        painter.fillRect(QRectF(cursor - 0.5, 0, 1, bottom), self._theme.colour("text", 170))
        if self._state.playing:
            pixel = view.pixel_at(self._state.playhead)
            painter.fillRect(QRectF(pixel - 0.75, 0, 1.5, bottom), self._theme.colour("accent"))
        for lane, (top, height) in zip(self._state.lanes, self.lane_tops(), strict=True):
            if lane.stem == self._state.chosen_lane:
                painter.fillRect(QRect(0, top, 2, height), self._theme.colour("accent"))

    def _paint_wave(
        self, painter: QPainter, lane: LaneView, part: QRect, top: int, height: int
    ) -> None:
        """Draw a part of a lane's waveform and what belongs to this lane alone."""
        ratio = self.devicePixelRatioF()
        try:
            picture = self._picture(lane, height, ratio) if lane.waveform is not None else None
        except AudioOpenError:
            lane.waveform = picture = None  # its file went away: an empty lane, not a crash
        if picture is None:
            painter.fillRect(part, self._theme.colour("ground"))
        else:
            pixmap, left = picture
            size = QSizeF(part.width() * ratio, part.height() * ratio)
            place = QPointF(left + part.x() * ratio, (part.y() - top) * ratio)
            painter.drawPixmap(QRectF(part), pixmap, QRectF(place, size))
        if lane.hatched:
            hatch = QBrush(self._theme.colour("muted", 90), Qt.BrushStyle.BDiagPattern)
            painter.fillRect(part, hatch)
        view = self._state.timeline.view
        for start, stop in lane.undone:
            first, last = (int(min(max(view.pixel_at(s), -1), 1 << 20)) for s in (start, stop))
            undone = part.intersected(QRect(first, top, last - first, height))
            painter.fillRect(undone, self._theme.colour("ground", 235))
            painter.fillRect(undone, QBrush(self._theme.colour("line"), Qt.BrushStyle.BDiagPattern))

    def _picture(self, lane: LaneView, height: int, ratio: float) -> tuple[QPixmap, int]:
        """Return a picture of a lane and at which of its pixels the view begins."""
        assert lane.waveform is not None
        width_px, height_px = round(self.width() * ratio), round(height * ratio)
        view = self._state.timeline.view
        per_column = view.seconds_per_pixel * view.sample_rate / ratio
        if per_column * _SAMPLES_APART_PX > 1.0:
            # Columns that begin on multiples of their width keep their samples while scrolling.
            start = round(view.start_seconds * view.sample_rate / per_column)
            scale = self._state.wave_height
            key = WaveKey(per_column, width_px, height_px, self._generation, scale)
            strip = self._strips.setdefault(lane.stem, WaveStrip())
            return strip.picture(lane.waveform, self._shades(lane), key, start)
        whole = (view, width_px, height_px, self._generation, self._state.wave_height)
        kept = self._pictures.get(lane.stem)
        if kept is None or kept.key != whole:
            shades = self._shades(lane)
            pixmap = QPixmap(width_px, height_px)
            pixmap.fill(shades.ground)
            self._draw_samples(pixmap, lane, per_column, shades)
            kept = self._pictures[lane.stem] = _Picture(whole, pixmap)
            self._samples_drawn += 1
        return kept.pixmap, 0

    def _draw_samples(
        self, pixmap: QPixmap, lane: LaneView, per_column: float, shades: Shades
    ) -> None:
        """Draw single samples: a line through them, dots where there is room for dots."""
        assert lane.waveform is not None
        view = self._state.timeline.view
        first = max(int(view.start_seconds * view.sample_rate) - 1, 0)
        last = min(int(view.stop_seconds * view.sample_rate) + 3, lane.waveform.samples)
        if last <= first:
            return
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        exact = lane.waveform.columns(float(first), 1.0, last - first).high
        exact = exact * np.float32(self._state.wave_height)
        x = (np.arange(first, last) - view.start_seconds * view.sample_rate) / per_column
        ratio = self.devicePixelRatioF()
        places = strips(exact.shape[0], pixmap.height())
        for channel, (top, height) in enumerate(places):
            y = top + height / 2 - np.clip(exact[channel], -1, 1) * (height / 2) * 0.94
            path = QPainterPath(QPointF(x[0], y[0]))
            for n in range(1, len(x)):
                path.lineTo(x[n], y[n])
            painter.setPen(QPen(shades.core, 1.2 * ratio))
            painter.drawPath(path)
            if 1.0 / per_column >= _DOTS_APART_PX * ratio:
                painter.setBrush(shades.core)
                painter.setPen(Qt.PenStyle.NoPen)
                for n in range(len(x)):
                    painter.drawEllipse(QPointF(x[n], y[n]), 2.2 * ratio, 2.2 * ratio)
                painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.end()

    def _paint_grid(self, painter: QPainter, rect: QRect, bottom: int) -> None:
        key = (self._state.timeline.view, self._generation)
        if self._marks[0] != key:
            self._marks = (key, self._state.marks(_BEAT_SPACING_PX, _BAR_SPACING_PX))
        strong, faint = (self._theme.colour("text", strength) for strength in (46, 20))
        for mark in self._marks[1]:
            if rect.left() - 1 <= mark.pixel <= rect.right() + 1:
                line = QRectF(mark.pixel, 0, 1, bottom)
                painter.fillRect(line, strong if mark.strong else faint)
        for top, height in self.lane_tops():
            line = QRectF(rect.left(), top + height - 1, rect.width(), 1)
            painter.fillRect(line, self._theme.colour("line"))

    def _shades(self, lane: LaneView) -> Shades:
        ground = self._theme.colour("ground")
        colour = QColor(lane.colour) if lane.colour else self._theme.colour(lane.token)
        if lane.hatched:
            colour = self._theme.colour("muted")
        strength = 0.38 if lane.dimmed or lane.hatched else 1.0
        return Shades(
            ground, blend(ground, colour, 0.52 * strength), blend(ground, colour, strength)
        )

    def _forget(self) -> None:
        self._generation += 1
        self._pictures.clear()
        stems = [lane.stem for lane in self._state.lanes]
        self._strips = {stem: strip for stem, strip in self._strips.items() if stem in stems}
        self.update()

    def _on_playhead(self, before: float) -> None:
        view = self._state.timeline.view
        for seconds in (before, self._state.playhead):
            self.update(QRect(int(view.pixel_at(seconds)) - 2, 0, 5, self.height()))

    # --- mouse -----------------------------------------------------------------------

    def lane_at(self, y: float) -> str | None:
        """Return the stem of the lane at a height, None below them all."""
        for lane, (top, height) in zip(self._state.lanes, self.lane_tops(), strict=True):
            if top <= y < top + height:
                return lane.stem
        return None

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the lane; left: cursor or selection, right: what is possible here."""
        stem = self.lane_at(event.position().y())
        if stem is not None:
            self._state.choose_lane(stem)
            if event.button() == Qt.MouseButton.RightButton:
                self.menu_asked.emit(stem, event.globalPosition().toPoint())
                return
        self._mouse.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go on selecting or moving the view."""
        self._mouse.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End a click or a drag."""
        self._mouse.release(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Scroll, or zoom about the pointer with Ctrl."""
        self._mouse.wheel(event)


def lane_height(available: int, lanes: int) -> int:
    """Return the height of a lane when so many share a height, within the table's bounds."""
    return min(max(available // max(lanes, 1), tokens.LANE_MIN_PX), tokens.LANE_MAX_PX)
