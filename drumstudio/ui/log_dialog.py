"""What the program has said since it started, and where its reports lie."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from drumstudio.core.errors import DrumStudioError
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.parts import label, push_button

_KEPT = 500


class Log:
    """The last sentences, with the time."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT)

    def add(self, text: str) -> None:
        """Append a sentence."""
        self._lines.append(f"{time.strftime('%H:%M:%S')}  {text}")

    def add_error(self, error: DrumStudioError) -> None:
        """Append an error, all of it."""
        self.add(" | ".join(str(error).splitlines()))

    def text(self) -> str:
        """Return all of it."""
        return "\n".join(self._lines)


class LogDialog(Dialog):
    """Shows the log.

    Parameters
    ----------
    parent : QWidget
        The window.
    log : Log
        What is shown.
    reports : str
        Where crash reports lie.
    open_reports : callable
        Shows that folder.
    """

    def __init__(
        self, parent: QWidget, log: Log, reports: str, open_reports: Callable[[], object]
    ) -> None:
        super().__init__(parent, "Log", 640)
        self.resize(640, 420)
        text = QPlainTextEdit(log.text() or "Nothing has happened yet.")
        text.setReadOnly(True)
        text.setAccessibleName("Log")
        self.content.addWidget(text, 1)
        hint = f"Reports of crashes stay on this computer, in {reports}"
        self.content.addWidget(label(hint, "small", wrap=True))
        self.add_button(push_button("Open reports folder", open_reports))
        self.add_button(
            push_button("Copy", lambda: QGuiApplication.clipboard().setText(log.text()))
        )
        self.add_button(push_button("Close", self.accept, "primary"), default=True)
