"""After a crash: which work was not saved, and what to do with it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from drumstudio.application.recovery import Recoverable
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.parts import label, line, push_button


class RecoveryDialog(Dialog):
    """One row a project, each to be opened with its edits, or set aside.

    Parameters
    ----------
    parent : QWidget
        The window.
    projects : list of Recoverable
        What was found.

    Attributes
    ----------
    recovered : Recoverable or None
        The one to open.
    discarded : list of Recoverable
        Those to move aside.
    """

    def __init__(self, parent: QWidget, projects: list[Recoverable]) -> None:
        super().__init__(parent, "Work that was not saved", 540)
        self.recovered: Recoverable | None = None
        self.discarded: list[Recoverable] = []
        self.content.addWidget(label("There is work that was not saved", "strong"))
        self.content.addWidget(
            label(
                "This work was kept. “Discard” goes back to the last save; what is discarded "
                "is moved aside, not deleted.",
                "muted",
                wrap=True,
            )
        )
        self._likely: QPushButton | None = None  # the first that can be recovered
        for project in projects:
            self.content.addWidget(line())
            self.content.addWidget(self._row(project))
        self.content.addStretch()
        self.add_button(push_button("Later", self.reject), default=self._likely is None)
        if self._likely is not None:
            # Safe, and what most people want: nothing is lost by looking at it.
            self._likely.setDefault(True)
            self._likely.setFocus()

    def _row(self, project: Recoverable) -> QWidget:
        row = QWidget()
        box = QHBoxLayout(row)
        box.setContentsMargins(0, 0, 0, 0)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(project.name, "strong"))
        words.addWidget(label(_facts(project), "small", wrap=True))
        box.addLayout(words, 1)
        discard = push_button("Discard", lambda: None, name=f"Discard {project.name}")
        recover = push_button(
            "Recover", lambda: self._recover(project), "primary", f"Recover {project.name}"
        )
        recover.setEnabled(not project.problem)
        for button in (discard, recover):
            button.setAutoDefault(False)
        if self._likely is None and recover.isEnabled():
            self._likely = recover
        discard.clicked.connect(lambda: self._discard(project, row))
        box.addWidget(discard)
        box.addWidget(recover)
        return row

    def _recover(self, project: Recoverable) -> None:
        self.recovered = project
        self.accept()

    def _discard(self, project: Recoverable, row: QWidget) -> None:
        self.discarded.append(project)
        row.setEnabled(False)


def _facts(project: Recoverable) -> str:
    if project.problem:
        return f"Can not be opened: {project.problem}"
    saved = "never saved" if project.never_saved else "saved before"
    edits = f"{project.edits} edit{'s' if project.edits != 1 else ''}"
    parts = [saved, edits + (f", the last: {project.last_edit}" if project.last_edit else "")]
    if project.songs:
        parts.append(", ".join(project.songs[:3]) + ("…" if len(project.songs) > 3 else ""))
    return " · ".join(parts)
