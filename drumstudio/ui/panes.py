"""Panes around the centre: docks with a quiet title, whose places are remembered."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QToolButton, QWidget

from drumstudio import atomic, paths
from drumstudio.core.errors import DrumStudioError
from drumstudio.ui.parts import icon_button, label
from drumstudio.ui.theme import Theme

_VERSION = 1
_STRIP_PX = 28
_ANY_WIDTH = 16_777_215  # Qt's own "no limit"
_TITLE_BAR_PX, _BORDER_PX = 32, 2  # of the desktop's frame, which is not known before it is there


class _Strip(QToolButton):
    """What is left of a folded pane: its title, upright; a click brings it back."""

    def __init__(self, title: str, theme: Theme, pane: QWidget) -> None:
        super().__init__(pane)
        self.hide()  # until the pane takes it for its title
        self._title = title.upper()
        self._theme = theme
        self.setAccessibleName(f"Show {title.lower()}")
        self.setToolTip(f"Show {title.lower()}")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Return the width of a strip, and the length of its title."""
        return QSize(_STRIP_PX, self.fontMetrics().horizontalAdvance(self._title) + 48)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the title from top to bottom."""
        lit = self.underMouse() or self.hasFocus()
        painter = QPainter(self)
        painter.fillRect(event.rect(), self._theme.colour("hover" if lit else "panel"))
        painter.setPen(self._theme.colour("text" if lit else "muted"))
        icon = self._theme.pixmap("fold", "accent" if lit else "muted", 12)
        painter.drawPixmap((self.width() - 12) // 2, 10, icon)
        painter.translate(self.width(), 0)
        painter.rotate(90)
        area = QRect(28, 0, self.height() - 28, self.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self._title)
        painter.end()


class Pane(QDockWidget):
    """A part of the window that can be closed, moved and brought back from View.

    Parameters
    ----------
    title : str
        Its name.
    content : QWidget
        What it shows.
    theme : Theme
        The icons.
    parent : QMainWindow
        The window.
    more : sequence of QWidget
        What stands beside the title.
    folds_below : int, optional
        It can be folded to a strip at the side, and does so by itself in windows narrower than
        that many pixels.
    """

    def __init__(
        self,
        title: str,
        content: QWidget,
        theme: Theme,
        parent: QMainWindow,
        more: Sequence[QWidget] = (),
        folds_below: int | None = None,
    ) -> None:
        super().__init__(title, parent)
        self.setObjectName(title)
        self.setAccessibleName(f"{title} pane")
        content.setProperty("role", "panel")
        content.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWidget(content)
        self._content = content
        self._folds_below = folds_below
        self._narrow = False
        self.is_folded = False
        self._width = 0
        self._strip = _Strip(title, theme, self)
        self._strip.clicked.connect(lambda: self.fold(False))
        head = self._head = QWidget()
        head.setProperty("role", "panel")
        head.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(head)
        row.setContentsMargins(12, 6, 6, 2)
        row.setSpacing(8)
        row.addWidget(label(title.upper(), "heading"))
        for widget in more:
            row.addWidget(widget)
        row.addStretch()
        if folds_below is not None:
            fold = icon_button(
                theme, "fold", f"Fold {title.lower()}", lambda: self.fold(True), token="muted"
            )
            fold.setFixedSize(20, 20)
            fold.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            row.addWidget(fold)
        close = icon_button(theme, "close", f"Close {title.lower()}", self.close, token="muted")
        close.setFixedSize(20, 20)
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row.addWidget(close)
        self.setTitleBarWidget(head)

    def fold(self, folded: bool) -> None:
        """Make it a narrow strip at the side, or whole again.

        In a narrow window another one gives way when one becomes whole.
        """
        if folded == self.is_folded:
            return
        self.is_folded = folded
        window = self.parentWidget()
        if folded:
            self._width = self.width()
            self._content.hide()
            self.setTitleBarWidget(self._strip)
            self.setFixedWidth(_STRIP_PX)
            return
        for other in window.findChildren(Pane):
            if other is not self and other.can_fold and (self.is_narrow or other.is_narrow):
                other.fold(True)
        self._content.show()
        self.setTitleBarWidget(self._head)
        self.setMinimumWidth(0)
        self.setMaximumWidth(_ANY_WIDTH)
        self.layout().activate()
        if self._width:
            window.resizeDocks([self], [self._width], Qt.Orientation.Horizontal)

    @property
    def can_fold(self) -> bool:
        """Whether it can be folded at all."""
        return self._folds_below is not None

    @property
    def is_narrow(self) -> bool:
        """Whether the window is too narrow for this pane beside all else."""
        return self._narrow

    def fit_width(self, width: int) -> None:
        """Fold when a window becomes narrow, and come back when it is wide again."""
        narrow = width < (self._folds_below or 0)
        if narrow != self._narrow:
            self._narrow = narrow
            self.fold(narrow)


def _file() -> Path:
    return paths.user_config_folder() / "window.json"


def store_layout(window: QMainWindow) -> None:
    """Remember size and panes; that it can not be remembered is no error."""
    plain = {
        "geometry": _encoded(window.saveGeometry()),
        "state": _encoded(window.saveState(_VERSION)),
        "folded": [pane.objectName() for pane in window.findChildren(Pane) if pane.is_folded],
    }
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(_file(), json.dumps(plain))
    except (OSError, DrumStudioError):
        return


def restore_layout(window: QMainWindow) -> bool:
    """Put size and panes as they were; return whether there was anything to go by."""
    try:
        plain = json.loads(_file().read_text(encoding="utf-8"))
        geometry, state = (
            QByteArray(base64.b64decode(plain[key], validate=True)) for key in ("geometry", "state")
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False
    restored = window.restoreGeometry(geometry) and window.restoreState(state, _VERSION)
    folded = plain.get("folded")
    for pane in window.findChildren(Pane):
        pane.fold(isinstance(folded, list) and pane.objectName() in folded)
    return restored


def fit_to_screen(window: QMainWindow) -> None:
    """See that a window that is not shown yet lies on its screen, with its frame.

    What was remembered may be of a larger screen, or of one that has gone.
    """
    room = window.screen().availableGeometry()
    room.adjust(_BORDER_PX, _TITLE_BAR_PX, -_BORDER_PX, -_BORDER_PX)
    size = window.size().boundedTo(room.size())
    window.resize(size)
    place = window.pos()
    x = min(max(place.x(), room.left()), room.right() + 1 - size.width())
    y = min(max(place.y(), room.top()), room.bottom() + 1 - size.height())
    window.move(x - _BORDER_PX, y - _TITLE_BAR_PX)


def _encoded(data: QByteArray) -> str:
    return base64.b64encode(data.data()).decode()
