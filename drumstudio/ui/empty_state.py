"""What the centre shows while there are no songs: one place to drop them."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from drumstudio.ui.parts import label, push_button
from drumstudio.ui.theme import Theme

_MARGIN_PX = 24


class EmptyState(QWidget):
    """The drop zone with its two buttons.

    Parameters
    ----------
    theme : Theme
        The colours.
    """

    open_asked = Signal()
    demo_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._hovering = False
        self.setMinimumSize(300, 100)  # it shares a place with the lanes, which can be low
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box = QVBoxLayout(self)
        box.setSpacing(8)
        box.addStretch(5)
        box.addWidget(self._picture)
        box.addSpacing(8)
        title = label("Drop a song to hear its drums", "title")
        hint = label("Files or folders: WAV, FLAC, MP3, M4A, Ogg, Opus, AIFF and more.", "muted")
        for line in (title, hint):
            line.setAlignment(Qt.AlignmentFlag.AlignCenter)
            box.addWidget(line)
        box.addSpacing(16)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch()
        self.open_button = push_button("Open songs", self.open_asked.emit, "primary")
        self.demo_button = push_button("Try the demo song", self.demo_asked.emit)
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.demo_button)
        buttons.addStretch()
        box.addLayout(buttons)
        box.addStretch(6)
        theme.changed.connect(self._retint)
        self._retint()

    def show_hovering(self, hovering: bool) -> None:
        """Light up while files hang over the window."""
        self._hovering = hovering
        self.update()

    def _retint(self) -> None:
        self._picture.setPixmap(self._theme.pixmap("drum", "accent", 56))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw the dashed frame."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(event.rect(), self._theme.colour("ground"))
        frame = QRectF(self.rect()).adjusted(_MARGIN_PX, _MARGIN_PX, -_MARGIN_PX, -_MARGIN_PX)
        pen = QPen(self._theme.colour("accent" if self._hovering else "line"), 1.5)
        pen.setDashPattern([5, 5])
        painter.setPen(pen)
        if self._hovering:
            painter.setBrush(self._theme.colour("accent", 18))
        painter.drawRoundedRect(frame, 12, 12)
        painter.end()
