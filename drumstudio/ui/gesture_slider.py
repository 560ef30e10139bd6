"""A slider whose gesture is one edit: it tells each move, and when it is let go."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QSlider


class GestureSlider(QSlider):
    """A slider for a gesture: tells each move and the end, and returns to 0 by double click."""

    moved = Signal(int, bool)

    def __init__(self, lowest: int, highest: int) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(lowest, highest)
        # By the mouse it takes no focus: arrow keys go on moving the cursor.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSingleStep(max((highest - lowest) // 100, 1))
        self.setPageStep((highest - lowest) // 10)
        self.setMinimumWidth(60)
        self.valueChanged.connect(self._on_value)
        self.sliderReleased.connect(lambda: self.moved.emit(self.value(), True))
        self._showing = False

    def show_value(self, value: int) -> None:
        """Show a value that comes from elsewhere."""
        if not self.isSliderDown():
            self._showing = True
            self.setValue(value)
            self._showing = False

    def _on_value(self, value: int) -> None:
        if not self._showing:
            self.moved.emit(value, not self.isSliderDown())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Return to 0."""
        self.setSliderDown(False)
        self.setValue(0)
        event.accept()

    def wheelEvent(self, event: QEvent) -> None:  # noqa: N802
        """Leave the wheel to the lanes: a scroll must not change a gain by the way."""
        event.ignore()
