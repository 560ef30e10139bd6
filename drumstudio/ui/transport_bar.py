"""The bar at the top: transport, time, tempo, snap, listen, master level, device, export."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSlider, QToolButton, QVBoxLayout, QWidget

from drumstudio.ui.meter import Meter
from drumstudio.ui.parts import icon_button, label, push_button, upright_line
from drumstudio.ui.theme import Theme, tabular

SNAPS = (
    ("off", "Off"),
    ("bar", "Bar"),
    ("beat", "Beat"),
    ("sixteenth", "1/16"),
    ("hit", "Transient"),
)
_ROOMY_PX = 1100
_MONITOR_LOWEST_DB, _MONITOR_HIGHEST_DB = -48, 6


class TransportBar(QWidget):
    """Shows where playing stands and tells what a person asks for.

    Parameters
    ----------
    theme : Theme
        The colours and icons.
    """

    snap_chosen = Signal(str)
    monitor_changed = Signal(float)
    tempo_clicked = Signal()
    output_clicked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setProperty("role", "bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(48)
        self.to_start = icon_button(theme, "to-start", "To start (Home)")
        self.play = icon_button(theme, "play", "Play (Space)")
        self.loop = icon_button(theme, "loop", "Loop (L)", checkable=True)
        self._clock = QLabel("0:00.000")
        self._bars = QLabel("")
        for text, pixels, name in ((self._clock, 17, "Time"), (self._bars, 13, "Bar and beat")):
            text.setFont(tabular(self.font(), pixels))
            text.setStyleSheet(f"font-size: {pixels}px;")
            text.setAccessibleName(name)
        self._clock.setMinimumWidth(92)
        self._bars.setMinimumWidth(64)
        self._bars.setProperty("role", "muted")
        self._tempo = self._boxed("Tempo", "")
        self._tempo.clicked.connect(self.tempo_clicked.emit)
        self._snap = self._snap_button()
        self.meter = Meter(theme, "good", horizontal=True)
        self.meter.setAccessibleName("Output level")
        self._monitor = QSlider(Qt.Orientation.Horizontal)
        self._monitor.setRange(_MONITOR_LOWEST_DB, _MONITOR_HIGHEST_DB)
        self._monitor.setFixedWidth(110)
        self._monitor.setAccessibleName("Monitor volume")
        self._monitor.setToolTip("Monitor volume: what you hear, never what is exported")
        self._monitor.valueChanged.connect(lambda value: self.monitor_changed.emit(float(value)))
        self._level = label("", "small")
        self._level.setFont(tabular(self.font()))
        self._level.setFixedWidth(118)
        self._output = self._boxed("Sound output", "Sound")
        self._output.setIcon(theme.icon("listen"))
        self._output.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._output.clicked.connect(self.output_clicked.emit)
        self.export = push_button("Export", lambda: None, "primary", "Export")
        self.export.setIcon(theme.icon("export", "on_primary"))
        self._lay_out()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(6)
        for button in (self.to_start, self.play, self.loop):
            row.addWidget(button)
        for part in (self._clock, self._bars):
            row.addSpacing(4)
            row.addWidget(part)
        self._line = upright_line()
        row.addWidget(self._line)
        row.addWidget(self._tempo)
        row.addWidget(self._snap)
        row.addStretch(1)
        speaker = QLabel()
        speaker.setPixmap(self._theme.pixmap("speaker", "muted"))
        self._theme.changed.connect(
            lambda: speaker.setPixmap(self._theme.pixmap("speaker", "muted"))
        )
        row.addWidget(speaker)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addWidget(self.meter)
        column.addWidget(self._monitor)
        row.addLayout(column)
        row.addWidget(self._level)
        row.addWidget(self._output)
        row.addSpacing(4)
        row.addWidget(self.export)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Leave out words where there is no room for them; tooltips have them."""
        super().resizeEvent(event)
        roomy = event.size().width() >= _ROOMY_PX
        style = Qt.ToolButtonStyle
        self._output.setToolButtonStyle(
            style.ToolButtonTextBesideIcon if roomy else style.ToolButtonIconOnly
        )
        self._level.setVisible(roomy)

    def _boxed(self, name: str, text: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setProperty("role", "boxed")
        button.setAccessibleName(name)
        button.setToolTip(name)
        return button

    def _snap_button(self) -> QToolButton:
        button = self._boxed("Snap", "Off")
        button.setIcon(self._theme.icon("snap"))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setToolTip("Snap; hold Shift while dragging to let go")
        menu = QMenu(button)
        group = QActionGroup(menu)
        self._snap_actions: dict[str, QAction] = {}
        for value, text in SNAPS:
            action = menu.addAction(text)
            action.setCheckable(True)
            action.triggered.connect(lambda _=False, v=value: self.snap_chosen.emit(v))
            group.addAction(action)
            self._snap_actions[value] = action
        button.setMenu(menu)
        return button

    def show_time(self, clock: str, bars: str) -> None:
        """Show where the playhead is."""
        self._clock.setText(clock)
        self._bars.setText(bars)

    def show_playing(self, playing: bool) -> None:
        """Show whether it plays."""
        self.play.setIcon(self._theme.icon("stop" if playing else "play"))
        tip = "Stop (Space)" if playing else "Play (Space)"
        self.play.setToolTip(tip)

    def show_loop(self, on: bool) -> None:
        """Show whether the selection, or the whole song, is repeated."""
        self.loop.setChecked(on)

    def tempo_left(self) -> int:
        """Return where the tempo begins, in pixels from the left."""
        return self._tempo.x()

    def show_tempo(self, text: str, tip: str, *, shown: bool) -> None:
        """Show the tempo and how sure it is; without a song nothing."""
        self._line.setVisible(shown)
        self._tempo.setVisible(shown)
        self._snap.setVisible(shown)
        self._tempo.setText(text)
        self._tempo.setToolTip(tip)

    def show_snap(self, value: str) -> None:
        """Show what the cursor snaps to."""
        self._snap_actions[value].setChecked(True)
        self._snap.setText(dict(SNAPS)[value])

    def show_monitor(self, gain_db: float) -> None:
        """Show the monitor volume."""
        self._monitor.blockSignals(True)
        self._monitor.setValue(round(gain_db))
        self._monitor.blockSignals(False)

    def show_level(self, text: str) -> None:
        """Show the output's loudness and peak in words."""
        self._level.setText(text)

    def show_output(self, text: str, tip: str, *, warning: bool) -> None:
        """Show where the sound goes."""
        self._output.setText(text)
        self._output.setToolTip(tip)
        self._output.setIcon(
            self._theme.icon("warning", "warning") if warning else self._theme.icon("listen")
        )
