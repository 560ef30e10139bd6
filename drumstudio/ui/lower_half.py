"""The centre's lower half: places of work that share it, as tabs where more than one is open."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QTabBar, QVBoxLayout, QWidget


class LowerHalf(QWidget):
    """Holds the spectrogram and the training page; one of them is seen at a time.

    The spectrogram is shown and hidden by its own keys and buttons, which know nothing of the
    page. The page stays open behind it, as a tab, until it is closed.

    Parameters
    ----------
    spectrogram, training : QWidget
        The places.
    """

    spectrogram_asked = Signal()
    hide_spectrogram_asked = Signal()

    def __init__(self, spectrogram: QWidget, training: QWidget) -> None:
        super().__init__()
        self._spectrogram = spectrogram
        self._training = training
        self._has_song = False
        self._is_training_open = False
        self._comes_back = False  # the spectrogram, when the page is closed
        self._switching = False
        self._tabs = QTabBar()
        self._tabs.setAccessibleName("Places of work")
        self._tabs.setDrawBase(False)
        self._tabs.setExpanding(False)
        self._tabs.addTab("Spectrogram")
        self._tabs.addTab("Training")
        self._tabs.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        box.addWidget(self._tabs)
        box.addWidget(spectrogram, 1)
        box.addWidget(training, 1)
        training.hide()
        spectrogram.installEventFilter(self)
        self._tabs.currentChanged.connect(self._on_tab)
        self._update()

    @property
    def is_training_open(self) -> bool:
        """Whether the training page is open, be it behind the spectrogram."""
        return self._is_training_open

    @property
    def is_training_shown(self) -> bool:
        """Whether the training page is what is seen."""
        return self._is_training_open and not self._training.isHidden()

    def show_song(self, *, there: bool) -> None:
        """Show the spectrogram only where there is a song to show it of."""
        self._has_song = there
        self._update()

    def open_training(self) -> None:
        """Show the training page."""
        self._comes_back = not self._spectrogram.isHidden()
        self._is_training_open = True
        self._switch(self._training.show)

    def close_training(self) -> None:
        """Close the training page; the spectrogram comes back if it was there."""
        self._is_training_open = False
        self._training.hide()
        if self._comes_back and self._spectrogram.isHidden():
            self.spectrogram_asked.emit()
        self._update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802, ARG002
        """Make room when the spectrogram is shown or hidden."""
        if event.type() == QEvent.Type.ShowToParent:
            self._training.hide()
            self._comes_back = True
            self._update()
        elif event.type() == QEvent.Type.HideToParent:
            if self._is_training_open and not self._switching:
                self._comes_back = False
                self._training.show()
            self._update()
        return False

    def _switch(self, then: Callable[[], object]) -> None:
        self._switching = True
        if not self._spectrogram.isHidden():
            self.hide_spectrogram_asked.emit()
        then()
        self._switching = False
        self._update()

    def _on_tab(self, place: int) -> None:
        if place == 1 and not self.is_training_shown:
            self.open_training()
        elif place == 0 and self._spectrogram.isHidden():
            self.spectrogram_asked.emit()

    def _update(self) -> None:
        page = self.is_training_shown
        self._tabs.blockSignals(True)
        self._tabs.setCurrentIndex(1 if page else 0)
        self._tabs.setTabEnabled(0, self._has_song)
        self._tabs.blockSignals(False)
        self._tabs.setVisible(self._is_training_open)
        spectrogram = self._has_song and not self._spectrogram.isHidden()
        self.setVisible(page or spectrogram)
