"""The lanes: waveforms as cached pictures, with grid, selection and playhead drawn over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
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
from drumstudio.ui.song_state import LaneView, SongState
from drumstudio.ui.theme import Theme
from drumstudio.ui.time_mouse import TimeMouse
from drumstudio.ui.wave_picture import Shades, blend, strips, wave_image

_SAMPLES_APART_PX = 0.8  # closer than this, columns; wider, a line from sample to sample
_DOTS_APART_PX = 6.0
_BEAT_SPACING_PX = 14.0
_BAR_SPACING_PX = 44.0


class _WaveKey(NamedTuple):
    per_column: float  # samples
    width: int  # device pixels
    height: int
    generation: int


@dataclass(frozen=True, slots=True)
class _Wave:
    """A waveform alone, in whole columns: what scrolling can use again."""

    key: _WaveKey
    start: int
    pixmap: QPixmap


@dataclass(frozen=True, slots=True)
class _Picture:
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
    A lane's picture is made anew only when view, height, content or colours change; the
    playhead repaints two narrow strips over what is kept.
    """

    menu_asked = Signal(str, object)  # the lane's stem, where on the screen
    drag_asked = Signal(str)

    def __init__(self, state: SongState, theme: Theme) -> None:
        super().__init__()
        self._state = state
        self._theme = theme
        self._mouse = TimeMouse(self, state)
        self._pictures: dict[str, _Picture] = {}
        self._waves: dict[str, _Wave] = {}
        self._generation = 0
        self._lane_height = tokens.LANE_MIN_PX
        self.pictures_drawn = 0
        self.setAccessibleName("Lanes")
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        state.timeline.changed.connect(self.update)
        state.changed.connect(self.update)
        state.lanes_changed.connect(self._forget)
        state.playhead_moved.connect(self._on_playhead)
        theme.changed.connect(self._forget)

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
        ground = self._theme.colour("ground")
        bottom = 0
        for lane, (top, height) in zip(self._state.lanes, self.lane_tops(), strict=True):
            bottom = top + height
            area = QRect(0, top, self.width(), height)
            if not area.intersects(rect):
                continue
            pixmap = self._picture(lane, height)
            ratio = pixmap.devicePixelRatio()
            part = area.intersected(rect)
            source = QRectF(
                part.x() * ratio,
                (part.y() - top) * ratio,
                part.width() * ratio,
                part.height() * ratio,
            )
            painter.drawPixmap(QRectF(part), pixmap, source)
        if bottom < rect.bottom() + 1:
            painter.fillRect(rect.intersected(QRect(0, bottom, self.width(), 1 << 16)), ground)
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

    def _picture(self, lane: LaneView, height: int) -> QPixmap:
        ratio = self.devicePixelRatioF()
        view = self._state.timeline.view
        key = (view, height, ratio, self._generation)
        kept = self._pictures.get(lane.stem)
        if kept is None or kept.key != key:
            kept = _Picture(key, self._draw(lane, height, ratio))
            self._pictures[lane.stem] = kept
            self.pictures_drawn += 1
        return kept.pixmap

    def _draw(self, lane: LaneView, height: int, ratio: float) -> QPixmap:
        width_px, height_px = round(self.width() * ratio), round(height * ratio)
        shades = self._shades(lane)
        view = self._state.timeline.view
        per_column = view.seconds_per_pixel * view.sample_rate / ratio
        pixmap = QPixmap(width_px, height_px)
        pixmap.fill(shades.ground)
        if lane.waveform is not None:
            try:
                if per_column * _SAMPLES_APART_PX > 1.0:
                    # Columns that begin on multiples of their width keep their samples while
                    # scrolling.
                    start = round(view.start_seconds * view.sample_rate / per_column)
                    key = _WaveKey(per_column, width_px, height_px, self._generation)
                    pixmap = self._wave(lane, shades, start, key).pixmap.copy()
                else:
                    self._draw_samples(pixmap, lane, per_column, shades)
            except AudioOpenError:
                lane.waveform = None  # its file went away: an empty lane, not a crash
        pixmap.setDevicePixelRatio(ratio)
        painter = QPainter(pixmap)
        self._draw_grid(painter, height)
        if lane.hatched:
            hatch = QBrush(self._theme.colour("muted", 90), Qt.BrushStyle.BDiagPattern)
            painter.fillRect(QRectF(0, 0, self.width(), height), hatch)
        if lane.done_share < 1.0:
            self._draw_undone(painter, lane, height)
        painter.fillRect(QRectF(0, height - 1, self.width(), 1), self._theme.colour("line"))
        painter.end()
        return pixmap

    def _wave(self, lane: LaneView, shades: Shades, start: int, key: _WaveKey) -> _Wave:
        """Return a lane's waveform; what was drawn for a view nearby is moved, not drawn anew."""
        kept = self._waves.get(lane.stem)
        width = key.width
        shift = start - kept.start if kept is not None and kept.key == key else width
        if kept is not None and shift == 0:
            return kept
        if kept is None or abs(shift) >= width:
            pixmap = QPixmap.fromImage(self._columns(lane, shades, key, start, width))
        else:
            new = start + width - shift if shift > 0 else start
            image = self._columns(lane, shades, key, new, abs(shift))
            pixmap = QPixmap(width, key.height)
            painter = QPainter(pixmap)
            painter.drawPixmap(-shift, 0, kept.pixmap)
            painter.drawImage(new - start, 0, image)
            painter.end()
        self._waves[lane.stem] = wave = _Wave(key, start, pixmap)
        return wave

    @staticmethod
    def _columns(lane: LaneView, shades: Shades, key: _WaveKey, start: int, count: int) -> QImage:
        assert lane.waveform is not None
        columns = lane.waveform.columns(start * key.per_column, key.per_column, count)
        return wave_image(columns, key.height, shades)

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

    def _draw_grid(self, painter: QPainter, height: int) -> None:
        for mark in self._state.marks(_BEAT_SPACING_PX, _BAR_SPACING_PX):
            strength = 46 if mark.strong else 20
            painter.fillRect(QRectF(mark.pixel, 0, 1, height), self._theme.colour("text", strength))

    def _draw_undone(self, painter: QPainter, lane: LaneView, height: int) -> None:
        view = self._state.timeline.view
        left = view.pixel_at(lane.done_share * view.length_seconds)
        ground = self._theme.colour("ground", 215)
        painter.fillRect(QRectF(left, 0, self.width() - left, height), ground)

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
