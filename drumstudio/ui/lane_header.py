"""The left end of a lane: name, mute, solo, gain, pan and meter."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QWidget

from drumstudio.core.song import Strip
from drumstudio.ui import tokens
from drumstudio.ui.gesture_slider import GestureSlider
from drumstudio.ui.meter import Meter
from drumstudio.ui.parts import label
from drumstudio.ui.song_state import LaneView
from drumstudio.ui.theme import Theme, tabular

_GAIN_LOWEST_DB, _GAIN_HIGHEST_DB = -48, 12
_STRIPE_PX = 4


class LaneHeader(QWidget):
    """Shows a lane's controls and tells what a person does to them.

    Parameters
    ----------
    lane : LaneView
        Its name and colour.
    theme : Theme
        The colours.
    with_strip : bool
        Whether it has gain, pan, mute and solo; the original has none, it is no track.
    """

    chosen = Signal(str)
    mute_asked = Signal(str)
    solo_asked = Signal(str)
    gain_asked = Signal(str, float, bool)  # stem, dB, whether the gesture is over
    pan_asked = Signal(str, float, bool)
    menu_asked = Signal(str, QPoint)
    rename_asked = Signal()

    def __init__(self, lane: LaneView, theme: Theme, *, with_strip: bool) -> None:
        super().__init__()
        self.stem = lane.stem
        self._theme = theme
        self._token = lane.token
        self._colour = lane.colour
        self._is_chosen = False
        self.setFixedWidth(tokens.HEADER_WIDTH_PX)
        self.setAccessibleName(f"{lane.name} track")
        self.meter = Meter(theme, lane.token)
        self.meter.setAccessibleName(f"{lane.name} level")
        self._name = label(lane.name, "strong")
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 6, 6, 6)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self._name, 1)
        grid.addLayout(top, 0, 0)
        grid.addWidget(self.meter, 0, 1, 4, 1)
        grid.setColumnStretch(0, 1)
        if with_strip:
            self._add_strip(top, grid, lane.name)
        else:
            self._hint = QLabel("")
            self._hint.setProperty("role", "small")
            grid.addWidget(self._hint, 1, 0)
        grid.setRowStretch(3, 1)
        theme.changed.connect(self.update)

    def _add_strip(self, top: QHBoxLayout, grid: QGridLayout, name: str) -> None:
        self._mute = self._letter("M", "mute", f"Mute {name.lower()} (M)")
        self._solo = self._letter("S", "solo", f"Solo {name.lower()} (S)")
        self._mute.clicked.connect(lambda: self.mute_asked.emit(self.stem))
        self._solo.clicked.connect(lambda: self.solo_asked.emit(self.stem))
        top.addWidget(self._mute)
        top.addWidget(self._solo)
        self._gain = GestureSlider(_GAIN_LOWEST_DB * 10, _GAIN_HIGHEST_DB * 10)
        self._gain.setAccessibleName(f"{name} gain")
        self._gain_text = QLabel()
        self._pan = GestureSlider(-100, 100)
        self._pan.setProperty("role", "centred")
        self._pan.setAccessibleName(f"{name} pan")
        self._pan_text = QLabel()
        for row, (slider, text) in enumerate(
            ((self._gain, self._gain_text), (self._pan, self._pan_text)), start=1
        ):
            text.setProperty("role", "small")
            text.setFont(tabular(self.font()))
            text.setFixedWidth(50)
            text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            line = QHBoxLayout()
            line.setSpacing(4)
            line.addWidget(slider, 1)
            line.addWidget(text)
            grid.addLayout(line, row, 0)
        self._gain.moved.connect(lambda v, over: self.gain_asked.emit(self.stem, v / 10, over))
        self._pan.moved.connect(lambda v, over: self.pan_asked.emit(self.stem, v / 100, over))
        self._gain.setToolTip("Gain; double click for 0 dB")
        self._pan.setToolTip("Pan; double click for the centre")

    def _letter(self, letter: str, kind: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(letter)
        button.setCheckable(True)
        button.setFixedSize(22, 20)
        button.setProperty("role", "letter")
        button.setProperty("kind", kind)
        button.setToolTip(tip)
        button.setAccessibleName(tip.split(" (")[0])
        return button

    def show_strip(self, strip: Strip) -> None:
        """Show the values of a strip."""
        self._mute.setChecked(strip.mute)
        self._solo.setChecked(strip.solo)
        self._gain.show_value(round(strip.gain_db * 10))
        self._pan.show_value(round(strip.pan * 100))
        self._gain_text.setText(f"{strip.gain_db:+.1f} dB" if strip.gain_db else "0.0 dB")
        self._pan_text.setText(_pan_name(strip.pan))
        self._colour = strip.colour
        self.update()

    def show_hint(self, text: str) -> None:
        """Show a line under the name (of a lane without a strip)."""
        self._hint.setText(text)

    def show_chosen(self, chosen: bool) -> None:
        """Show whether keys act on this lane."""
        self._is_chosen = chosen
        self.update()

    def fit_height(self, height: int) -> None:
        """Hide what a low lane has no room for: first the pan, then the gain."""
        if hasattr(self, "_hint"):
            self._hint.setVisible(height >= 52)
        if hasattr(self, "_pan"):
            for widgets, least in (
                ((self._gain, self._gain_text), 56),
                ((self._pan, self._pan_text), 84),
            ):
                for widget in widgets:
                    widget.setVisible(height >= least)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw the ground, the stripe in the stem's colour and the line below."""
        painter = QPainter(self)
        ground = "raised" if self._is_chosen else "panel"
        painter.fillRect(event.rect(), self._theme.colour(ground))
        colour = QColor(self._colour) if self._colour else self._theme.colour(self._token)
        painter.fillRect(0, 0, _STRIPE_PX, self.height() - 1, colour)
        painter.fillRect(0, self.height() - 1, self.width(), 1, self._theme.colour("line"))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the lane; with the right button its menu."""
        self.chosen.emit(self.stem)
        if event.button() == Qt.MouseButton.RightButton:
            self.menu_asked.emit(self.stem, event.globalPosition().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Ask for another name of the song."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.rename_asked.emit()


def _pan_name(pan: float) -> str:
    share = round(abs(pan) * 100)
    if share == 0:
        return "centre"
    return f"{share} % {'L' if pan < 0 else 'R'}"
