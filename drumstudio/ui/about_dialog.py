"""What this program is, and what it runs on."""

from __future__ import annotations

import platform

import PySide6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from drumstudio import __version__
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.parts import label, push_button
from drumstudio.ui.theme import Theme


class AboutDialog(Dialog):
    """Version, libraries, models and folders, to be copied into a report.

    Parameters
    ----------
    parent : QWidget
        The window.
    theme : Theme
        The icons.
    facts : list of (str, str)
        What the application knows: sound output, models, folders.
    """

    def __init__(self, parent: QWidget, theme: Theme, facts: list[tuple[str, str]]) -> None:
        super().__init__(parent, "About DrumStudio", 480)
        top = QHBoxLayout()
        picture = QLabel()
        picture.setPixmap(theme.pixmap("drum", "accent", 40))
        top.addWidget(picture)
        top.addSpacing(8)
        top.addWidget(label(f"DrumStudio {__version__}", "title"), 1)
        self.content.addLayout(top)
        self.content.addWidget(
            label("Separate, touch up and remix the drums of any song. MIT licence.", "muted")
        )
        rows = [
            ("Python", platform.python_version()),
            ("Qt", f"PySide6 {PySide6.__version__} (LGPL-3)"),
            ("System", platform.platform()),
            *facts,
        ]
        text = "\n".join(f"{name}: {value}" for name, value in rows)
        words = label(text, "", wrap=True)
        words.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        words.setAccessibleName("Facts about this installation")
        self.content.addWidget(words)
        self.add_button(push_button("Close", self.accept, "primary"), default=True)
