"""The training page: which training at the top; below it how it goes, or what a new one needs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from drumstudio.application.trainings import Trainings
from drumstudio.files.training_folder import TrainingView
from drumstudio.ui.drop_area import DropArea
from drumstudio.ui.parts import icon_button, label, line
from drumstudio.ui.theme import Theme
from drumstudio.ui.training_setup import TrainingSetup
from drumstudio.ui.training_watch import STATES, TrainingWatch

_NEW = "New training"


class TrainingPage(QWidget):
    """A place of work: set a training up, or watch one.

    Parameters
    ----------
    theme : Theme
        The icons.
    """

    close_asked = Signal()
    training_chosen = Signal(object)  # a folder, or None for a new one

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName("Training page")
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme = theme
        self._rows: list[tuple[str, Path | None]] = []
        self.chosen: Path | None = None
        self.setup = TrainingSetup(theme)
        self.watch = TrainingWatch(theme)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.setup)
        self._stack.addWidget(self.watch)
        # As small as it must be, whatever the wider of its two faces would like.
        self._stack.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.trainings = QComboBox()
        self.trainings.setAccessibleName("Training")
        self.trainings.setMinimumWidth(220)
        self.trainings.activated.connect(self._on_chosen)
        self._icon = QLabel()
        self._state = label("")
        close = icon_button(theme, "close", "Close training", self.close_asked.emit, token="muted")
        close.setFixedSize(27, 26)
        head = QHBoxLayout()
        head.setContentsMargins(12, 4, 6, 4)
        head.setSpacing(8)
        head.addWidget(self.trainings)
        head.addWidget(self._icon)
        head.addWidget(self._state)
        head.addStretch(1)
        head.addWidget(close)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(head)
        box.addWidget(line())
        box.addWidget(self._stack, 1)
        drop = DropArea(self)
        drop.dropped.connect(lambda paths, _: self._on_dropped(paths))
        self.setMinimumHeight(150)

    def show_trainings(self, trainings: Trainings) -> None:
        """Show the trainings as they stand."""
        rows: list[tuple[str, Path | None]] = [(_NEW, None)]
        rows += [(f"{view.name} · {_word(view).lower()}", view.folder) for view in trainings.views]
        if rows != self._rows:
            self._rows = rows
            self.trainings.clear()
            for words, folder in rows:
                self.trainings.addItem(words, folder)
        view = trainings.view(self.chosen) if self.chosen is not None else None
        if view is None:
            self.chosen = None
        folders = [folder for _, folder in rows]
        self.trainings.setCurrentIndex(folders.index(self.chosen))
        self._stack.setCurrentWidget(self.setup if view is None else self.watch)
        self._icon.setVisible(view is not None)
        self._state.setVisible(view is not None)
        if view is not None:
            icon, token, word = STATES[view.state]
            self._icon.setPixmap(self._theme.pixmap(icon, token))
            self._state.setText(word)
            self.watch.show_view(view)

    def choose(self, folder: Path | None) -> None:
        """Show another training at the next `show_trainings`; None for a new one."""
        self.chosen = folder
        self.training_chosen.emit(folder)

    def _on_chosen(self, place: int) -> None:
        self.choose(self._rows[place][1])

    def _on_dropped(self, paths: list[Path]) -> None:
        # A drop is music for a new training, whatever is being watched.
        self.choose(None)
        self.setup.folders_added.emit(paths)


def _word(view: TrainingView) -> str:
    return STATES[view.state][2]
