"""The scroll bar of the spectrogram's frequencies: what is shown of all there are."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollBar

from drumstudio.ui.spectrogram_canvas import SpectrogramCanvas

_MOST_STEPS = 1_000_000


class FrequencyScroll(QScrollBar):
    """Follows the canvas and moves its frequencies.

    Parameters
    ----------
    canvas : SpectrogramCanvas
        Whose frequencies.
    """

    def __init__(self, canvas: SpectrogramCanvas) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._canvas = canvas
        self._following = False
        self.setAccessibleName("Scroll in frequency")
        self.setToolTip("Zoom in with Ctrl+Shift+wheel, then scroll with Shift+wheel or here")
        canvas.axis_changed.connect(self._follow)
        self.valueChanged.connect(self._on_value)
        self._follow()

    def _follow(self) -> None:
        above, rows = self._canvas.rows_above, self._canvas.axis.rows
        whole = min(max(round(self._canvas.rows_in_all), rows), _MOST_STEPS)
        self._following = True
        self.setRange(0, whole - rows)
        self.setPageStep(rows)
        self.setSingleStep(max(rows // 10, 1))
        self.setValue(round(above))
        self.setEnabled(whole > rows)
        self._following = False

    def _on_value(self, value: int) -> None:
        if not self._following:
            self._canvas.pan_frequencies(self._canvas.rows_above - value)
