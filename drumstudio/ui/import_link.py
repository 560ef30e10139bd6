"""Asks what is meant when stems are imported that are not in their song."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from drumstudio.application.song_jobs import Doubted
from drumstudio.application.studio import Studio
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.parts import label, push_button


class ImportQuestion(Dialog):
    """What was noticed, and what can be done about it.

    Parameters
    ----------
    parent : QWidget
        The window.
    doubted : Doubted
        What was noticed.

    Attributes
    ----------
    answer : str
        "move" to where they fit, "anyway", or "" for not at all.
    """

    def __init__(self, parent: QWidget, doubted: Doubted) -> None:
        super().__init__(parent, "Import stems", 480)
        self.answer = ""
        error = doubted.error
        self.content.addWidget(label(error.what, "strong", wrap=True))
        self.content.addWidget(label(f"{error.why[:1].upper()}{error.why[1:]}", "muted", wrap=True))
        files = ", ".join(path.name for path in doubted.sources.values())
        self.content.addWidget(label(files, "small", wrap=True))
        later = error.later_seconds
        self.add_button(push_button("Import as they are", lambda: self._say("anyway")))
        if later is not None:
            self.add_button(push_button("Do not import", self.reject))
            way = "later" if later > 0 else "earlier"
            words = f"Import {abs(later):.3f} s {way}"
            move = push_button(words, lambda: self._say("move"), "primary")
            self.add_button(move, default=True)
        else:
            self.add_button(push_button("Do not import", self.reject, "primary"), default=True)

    def _say(self, answer: str) -> None:
        self.answer = answer
        self.accept()


class ImportLink(QObject):
    """Shows the question and does what is answered.

    Parameters
    ----------
    studio : Studio
        What imports.
    bridge : Bridge
        How its news comes to this thread.
    window : QWidget
        Over which the question stands.
    """

    def __init__(self, studio: Studio, bridge: Bridge, window: QWidget) -> None:
        super().__init__(window)
        self._studio = studio
        self._window = window
        # Not the last alone: each folder of stems that was dropped has its own question.
        self._disconnect = studio.import_doubted.connect(
            lambda doubted: bridge.post(lambda: self._ask(doubted))
        )

    def close(self) -> None:
        """Ask nothing more."""
        self._disconnect()

    def _ask(self, doubted: Doubted) -> None:
        question = ImportQuestion(self._window, doubted)
        question.finished.connect(lambda _: self._answered(question, doubted))
        question.open()

    def _answered(self, question: ImportQuestion, doubted: Doubted) -> None:
        jobs, song_id, later = self._studio.jobs, doubted.song_id, doubted.error.later_seconds
        if question.answer == "move" and later is not None:
            jobs.import_stems(song_id, doubted.sources, later_seconds=later)
        elif question.answer == "anyway":
            jobs.import_stems(song_id, doubted.sources, anyway=True)
        question.deleteLater()
