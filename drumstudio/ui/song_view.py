"""The centre: the Listen switch, the ruler, the lanes with their headers, the scroll bar."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QScrollBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from drumstudio.core.song import Strip
from drumstudio.ui import tokens
from drumstudio.ui.lane_header import LaneHeader
from drumstudio.ui.lanes_canvas import LanesCanvas, lane_height
from drumstudio.ui.parts import icon_button
from drumstudio.ui.ruler import HEIGHT_PX, Ruler
from drumstudio.ui.song_state import SongState
from drumstudio.ui.theme import Theme

_SCROLL_STEPS = 100_000
_ANY_HEIGHT = 16_777_215  # Qt's own "no limit"


class SongView(QWidget):
    """Shows the song at hand.

    Parameters
    ----------
    state : SongState
        What is shown.
    theme : Theme
        The colours.
    """

    listen_asked = Signal(str)
    mute_asked = Signal(str)
    solo_asked = Signal(str)
    gain_asked = Signal(str, float, bool)
    pan_asked = Signal(str, float, bool)
    menu_asked = Signal(str, QPoint)
    rename_asked = Signal()

    def __init__(self, state: SongState, theme: Theme) -> None:
        super().__init__()
        self._state = state
        self._theme = theme
        self.headers: dict[str, LaneHeader] = {}
        self.ruler = Ruler(state, theme)
        self.canvas = LanesCanvas(state, theme)
        self.canvas.menu_asked.connect(self.menu_asked.emit)
        self._header_box = QVBoxLayout()
        self._header_box.setContentsMargins(0, 0, 0, 0)
        self._header_box.setSpacing(0)
        self._header_box.addStretch(1)
        headers = QWidget()
        headers.setProperty("role", "panel")
        headers.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        headers.setFixedWidth(tokens.HEADER_WIDTH_PX)
        headers.setLayout(self._header_box)
        self._body = QWidget()
        row = QHBoxLayout(self._body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(headers)
        row.addWidget(self.canvas, 1)
        self._scroll_area = QScrollArea()
        self._scroll_area.setWidget(self._body)
        self._scroll_area.setWidgetResizable(True)
        self._scroll_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll_area.setMinimumHeight(tokens.LANE_MIN_PX)
        self._scroll_area.viewport().installEventFilter(self)
        self._bar = QScrollBar(Qt.Orientation.Horizontal)
        self._bar.setAccessibleName("Scroll in time")
        self._bar.valueChanged.connect(self._on_bar)
        self._following_view = False
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        grid.addWidget(self._corner(), 0, 0)
        grid.addWidget(self.ruler, 0, 1)
        grid.addWidget(self._scroll_area, 1, 0, 1, 2)
        self._zoom = self._zoom_buttons()
        grid.addWidget(self._zoom, 2, 0)
        grid.addWidget(self._bar, 2, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(1, 1)
        state.timeline.changed.connect(self._show_bar)
        state.lane_chosen.connect(self._show_chosen)
        state.heights_changed.connect(self._fit_heights)

    def _corner(self) -> QWidget:
        corner = QWidget()
        corner.setProperty("role", "bar")
        corner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        corner.setFixedSize(tokens.HEADER_WIDTH_PX, HEIGHT_PX)
        row = QHBoxLayout(corner)
        row.setContentsMargins(8, 6, 8, 6)
        row.setSpacing(0)
        group = QButtonGroup(corner)
        self._listen: dict[str, QToolButton] = {}
        for value, text in (("original", "Original"), ("stems", "Stems")):
            button = QToolButton()
            button.setText(text)
            button.setCheckable(True)
            button.setProperty("role", "listen")
            button.setFixedHeight(26)
            button.setMinimumWidth(90)
            button.setAccessibleName(f"Listen to {text.lower()}")
            button.setToolTip(f"Listen to the {text.lower()} (O)")
            button.clicked.connect(lambda _=False, v=value: self.listen_asked.emit(v))
            group.addButton(button)
            row.addWidget(button, 1)
            self._listen[value] = button
        return corner

    def _zoom_buttons(self) -> QWidget:
        holder = QWidget()
        holder.setProperty("role", "panel")
        holder.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(holder)
        row.setContentsMargins(8, 2, 8, 2)
        row.setSpacing(2)
        row.addStretch()
        middle = lambda: self.canvas.width() / 2  # noqa: E731 (two buttons, one place)
        timeline = self._state.timeline
        for icon, tip, act in (
            ("zoom-out", "Zoom out", lambda: timeline.zoom(1 / 1.6, middle())),
            ("zoom-in", "Zoom in", lambda: timeline.zoom(1.6, middle())),
            ("zoom-fit", "Show whole song", timeline.fit),
        ):
            button = icon_button(self._theme, icon, tip, act, token="muted")
            button.setFixedSize(24, 22)
            row.addWidget(button)
        return holder

    # --- lanes ---------------------------------------------------------------------------

    def show_lanes(self, strips: dict[str, Strip]) -> None:
        """Show the state's lanes; stems that have a strip get its controls."""
        lanes = self._state.lanes
        if list(self.headers) != [lane.stem for lane in lanes]:
            for header in self.headers.values():
                self._header_box.removeWidget(header)
                header.deleteLater()
            self.headers = {}
            for place, lane in enumerate(lanes):
                header = LaneHeader(lane, self._theme, with_strip=lane.stem in strips)
                header.chosen.connect(self._state.choose_lane)
                header.mute_asked.connect(self.mute_asked.emit)
                header.solo_asked.connect(self.solo_asked.emit)
                header.gain_asked.connect(self.gain_asked.emit)
                header.pan_asked.connect(self.pan_asked.emit)
                header.menu_asked.connect(self.menu_asked.emit)
                header.rename_asked.connect(self.rename_asked.emit)
                self._header_box.insertWidget(place, header)
                self.headers[lane.stem] = header
        for stem, strip in strips.items():
            self.headers[stem].show_strip(strip)
        self._fit_heights()
        self._show_chosen(self._state.chosen_lane)
        self._state.lanes_changed.emit()

    def fold_lanes(self, folded: bool) -> int:
        """Show only the ruler and the scroll bar, or the lanes, too; return the most it needs."""
        self._scroll_area.setVisible(not folded)
        return HEIGHT_PX + self._zoom.sizeHint().height() if folded else _ANY_HEIGHT

    def show_listen(self, listen: str, *, possible: bool) -> None:
        """Show what is heard."""
        self._listen[listen].setChecked(True)
        for button in self._listen.values():
            button.setEnabled(possible)

    def _show_chosen(self, stem: str) -> None:
        for name, header in self.headers.items():
            header.show_chosen(name == stem)

    def _fit_heights(self) -> None:
        lanes = max(len(self._state.lanes), 1)
        room = round(self._scroll_area.viewport().height() * self._state.lane_height)
        height = lane_height(room, lanes)
        for header in self.headers.values():
            header.setFixedHeight(height)
            header.fit_height(height)
        self._body.setMinimumHeight(height * len(self.headers))
        self.canvas.set_lane_height(height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Share the height among the lanes when it changes."""
        if event.type() == QEvent.Type.Resize and isinstance(event, QResizeEvent):
            self._fit_heights()
        return super().eventFilter(watched, event)

    # --- the scroll bar ------------------------------------------------------------------

    def _show_bar(self) -> None:
        view = self._state.timeline.view
        length = max(view.length_seconds, view.span_seconds)
        page = round(_SCROLL_STEPS * view.span_seconds / length)
        self._following_view = True
        self._bar.setRange(0, _SCROLL_STEPS - page)
        self._bar.setPageStep(page)
        self._bar.setSingleStep(max(page // 20, 1))
        self._bar.setValue(round(_SCROLL_STEPS * view.start_seconds / length))
        self._following_view = False

    def _on_bar(self, value: int) -> None:
        if not self._following_view:
            view = self._state.timeline.view
            length = max(view.length_seconds, view.span_seconds)
            self._state.timeline.scroll_to(value / _SCROLL_STEPS * length)
