"""Small pieces that every pane is made of: labels with a role, buttons, lines, menus."""

from __future__ import annotations

import html
from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QFrame,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from drumstudio.ui import tokens
from drumstudio.ui.theme import Theme


def label(text: str, role: str = "", *, wrap: bool = False) -> QLabel:
    """Return a label; roles are those of the style sheet ("muted", "heading", ...)."""
    made = QLabel(text)
    # Names come from files: "<b>" in one is four letters.
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    made.setWordWrap(wrap)
    return made


class ElidedLabel(QLabel):
    """A line of text that is cut short where it has no room; the tooltip has all of it.

    Parameters
    ----------
    role : str
        Its look, as for `label`.
    """

    def __init__(self, role: str = "") -> None:
        super().__init__()
        self._whole = ""
        if role:
            self.setProperty("role", role)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def setText(self, text: str) -> None:  # noqa: N802 (Qt's name)
        """Show as much of a text as there is room for."""
        self._whole = text
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Cut the text for the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = self.contentsRect().width()
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, room)
        super().setText(shown)
        self.setToolTip(self._whole if shown != self._whole else "")


def plain_tip(text: str) -> str:
    """Return a tool tip that shows a text as it is: what looks like markup in it is none."""
    return f"<p style='white-space:pre-wrap'>{html.escape(text)}</p>"


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget another role, and its look with it."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def push_button(
    text: str, on_click: Callable[[], object], role: str = "", name: str = ""
) -> QPushButton:
    """Return a button with words on it."""
    made = QPushButton(text)
    if role:
        made.setProperty("role", role)
    made.setAccessibleName(name or text)
    made.clicked.connect(lambda: on_click())
    return made


def icon_button(
    theme: Theme,
    icon: str,
    tip: str,
    on_click: Callable[[], object] | None = None,
    *,
    token: str = "text",
    checkable: bool = False,
) -> QToolButton:
    """Return a button with a line icon; `tip` says what it does and is its accessible name."""
    made = QToolButton()
    made.setIcon(theme.icon(icon, token))
    made.setIconSize(QSize(tokens.ICON_PX, tokens.ICON_PX))
    made.setToolTip(tip)
    made.setAccessibleName(tip.split(" (")[0])
    made.setCheckable(checkable)
    if on_click is not None:
        made.clicked.connect(lambda: on_click())
    return made


def roomy(spin: QAbstractSpinBox) -> None:
    """Give the number in a box room at its left, which style sheets can not."""
    spin.lineEdit().setTextMargins(6, 0, 0, 0)


def line() -> QFrame:
    """Return a thin line across."""
    made = QFrame()
    made.setProperty("role", "line")
    return made


def upright_line() -> QFrame:
    """Return a thin line from top to bottom."""
    made = QFrame()
    made.setProperty("role", "upright")
    return made
