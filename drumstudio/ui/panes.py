"""Panes around the centre: docks with a quiet title, whose places are remembered."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QWidget

from drumstudio import atomic, paths
from drumstudio.core.errors import DrumStudioError
from drumstudio.ui.parts import icon_button, label
from drumstudio.ui.theme import Theme

_VERSION = 1


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
    """

    def __init__(
        self,
        title: str,
        content: QWidget,
        theme: Theme,
        parent: QMainWindow,
        more: Sequence[QWidget] = (),
    ) -> None:
        super().__init__(title, parent)
        self.setObjectName(title)
        self.setAccessibleName(f"{title} pane")
        content.setProperty("role", "panel")
        content.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWidget(content)
        head = QWidget()
        head.setProperty("role", "panel")
        head.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(head)
        row.setContentsMargins(12, 6, 6, 2)
        row.setSpacing(8)
        row.addWidget(label(title.upper(), "heading"))
        for widget in more:
            row.addWidget(widget)
        row.addStretch()
        close = icon_button(theme, "close", f"Close {title.lower()}", self.close, token="muted")
        close.setFixedSize(20, 20)
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row.addWidget(close)
        self.setTitleBarWidget(head)


def _file() -> Path:
    return paths.user_config_folder() / "window.json"


def store_layout(window: QMainWindow) -> None:
    """Remember size and panes; that it can not be remembered is no error."""
    plain = {
        "geometry": _encoded(window.saveGeometry()),
        "state": _encoded(window.saveState(_VERSION)),
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
    return window.restoreGeometry(geometry) and window.restoreState(state, _VERSION)


def _encoded(data: QByteArray) -> str:
    return base64.b64encode(data.data()).decode()
