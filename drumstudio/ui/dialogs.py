"""What every dialog shares: its frame, its buttons, and the one that shows an error."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from drumstudio.core.errors import DrumStudioError
from drumstudio.ui.parts import label, push_button
from drumstudio.ui.theme import Theme


class Dialog(QDialog):
    """A window over the window: content above, buttons below at the right.

    Parameters
    ----------
    parent : QWidget
        The window.
    title : str
        What it is about.
    width : int
        In pixels.
    """

    def __init__(self, parent: QWidget, title: str, width: int = 460) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setMinimumWidth(width)
        self.content = QVBoxLayout()
        self.content.setSpacing(10)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(8)
        self.buttons.addStretch()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(20, 18, 20, 16)
        whole.setSpacing(16)
        whole.addLayout(self.content, 1)
        whole.addLayout(self.buttons)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """Take the keyboard: a question that is seen must be the one that hears Return."""
        super().showEvent(event)
        self.activateWindow()

    def add_button(self, button: QPushButton, *, default: bool = False) -> QPushButton:
        """Put a button at the end of the row."""
        button.setDefault(default)
        button.setAutoDefault(default)
        self.buttons.addWidget(button)
        if default:
            button.setFocus()
        return button


class ErrorDialog(Dialog):
    """What happened, why, and what to do; the text can be copied.

    Parameters
    ----------
    parent : QWidget
        The window.
    theme : Theme
        The icons.
    error : DrumStudioError
        What to show.
    """

    def __init__(self, parent: QWidget, theme: Theme, error: DrumStudioError) -> None:
        super().__init__(parent, "DrumStudio")
        row = QHBoxLayout()
        row.setSpacing(14)
        picture = QLabel()
        picture.setPixmap(theme.pixmap("error", "error", 28))
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(6)
        words.addWidget(_copyable(error.what, "strong"))
        words.addWidget(_copyable(_sentence(error.why), "muted"))
        words.addWidget(_copyable(error.fix))
        row.addLayout(words, 1)
        self.content.addLayout(row)
        copy = push_button("Copy", lambda: QGuiApplication.clipboard().setText(str(error)))
        self.add_button(copy)
        self.add_button(push_button("Close", self.accept, "primary"), default=True)


def _copyable(text: str, role: str = "") -> QLabel:
    made = label(text, role, wrap=True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
