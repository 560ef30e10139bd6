"""How the spectrogram is shown: scale, resolution, range, colours."""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QFrame, QSpinBox, QVBoxLayout, QWidget

from drumstudio.application.spectrogram_picture import N_FFTS
from drumstudio.core.levels import HIGHEST_DB, LOWEST_DB
from drumstudio.core.view_axis import SCALES
from drumstudio.ui.parts import label, push_button, roomy
from drumstudio.ui.spectrogram_colours import MAPS
from drumstudio.ui.spectrogram_look import PaneLook

_SCALE_WORDS = {"linear": "Linear", "log": "Logarithmic", "mel": "Mel (as the ear hears)"}


class SpectrogramPopup(QFrame):
    """Shows and changes how the spectrogram looks; nothing here changes sound.

    Parameters
    ----------
    parent : QWidget
        Over which it stands.
    """

    look_changed = Signal(object)  # the PaneLook
    whole_asked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "card")
        self.setAccessibleName("Look of the spectrogram")
        self._look = PaneLook()
        self._showing = False
        self._scale = _combo("Frequency scale", [(name, _SCALE_WORDS[name]) for name in SCALES])
        self._n_fft = _combo("Resolution", [(size, _resolution(size)) for size in N_FFTS])
        self._colours = _combo("Colours of the spectrogram", list(MAPS.items()))
        self._low = _decibels("Quietest level that is shown", round(LOWEST_DB), -10)
        self._high = _decibels("Loudest level that is shown", -60, math.floor(HIGHEST_DB))
        self._scale.activated.connect(lambda _: self._change(scale=self._scale.currentData()))
        self._n_fft.activated.connect(lambda _: self._change(n_fft=self._n_fft.currentData()))
        self._colours.activated.connect(lambda _: self._change(colours=self._colours.currentData()))
        self._low.valueChanged.connect(lambda value: self._change(low_db=float(value)))
        self._high.valueChanged.connect(lambda value: self._change(high_db=float(value)))
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 10, 12, 12)
        box.setSpacing(8)
        box.addWidget(label("LOOK", "heading"))
        form = QFormLayout()
        form.setSpacing(6)
        for words, widget in (
            ("Scale", self._scale),
            ("Resolution", self._n_fft),
            ("Colours", self._colours),
            ("From", self._low),
            ("To", self._high),
        ):
            form.addRow(label(words, "muted"), widget)
        box.addLayout(form)
        box.addWidget(push_button("Show all frequencies", self.whole_asked.emit))
        box.addWidget(label("For the eye only: none of this changes sound.", "small"))

    def show_look(self, look: PaneLook) -> None:
        """Show how it is shown now."""
        self._look = look
        self._showing = True
        for combo, value in (
            (self._scale, look.scale),
            (self._n_fft, look.n_fft),
            (self._colours, look.colours),
        ):
            combo.setCurrentIndex(combo.findData(value))
        self._low.setMaximum(round(look.high_db) - 10)
        self._high.setMinimum(round(look.low_db) + 10)
        self._low.setValue(round(look.low_db))
        self._high.setValue(round(look.high_db))
        self._showing = False

    def _change(self, **fields: object) -> None:
        if not self._showing:
            self.show_look(replace(self._look, **fields))
            self.look_changed.emit(self._look)


def _combo(name: str, rows: list[tuple[object, str]]) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    for value, words in rows:
        combo.addItem(words, value)
    return combo


def _decibels(name: str, low: int, high: int) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(low, high)
    spin.setSingleStep(3)
    spin.setSuffix(" dB")
    spin.setKeyboardTracking(False)
    spin.setAccessibleName(name)
    roomy(spin)
    return spin


def _resolution(n_fft: int) -> str:
    words = {min(N_FFTS): "sharp in time", max(N_FFTS): "sharp in pitch"}.get(n_fft, "")
    return f"{n_fft} samples{f', {words}' if words else ''}"
