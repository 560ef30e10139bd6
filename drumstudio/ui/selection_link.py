"""Joins what is selected in the spectrogram to its bar, its outline and its commands."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from drumstudio.application.edit_session import EditSession
from drumstudio.application.selection import Selection
from drumstudio.application.spectrogram_view import SpectrogramView
from drumstudio.core.strokes import Cells
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.selection_bar import SelectionBar
from drumstudio.ui.song_state import SongState

NAMES = {
    "drums": "Give selection to drums",
    "rest": "Give selection to rest",
    "protect": "Protect selection",
}
_OTHER = {"drums": "rest", "rest": "drums"}


class SelectionLink(QObject):
    """Shows what is selected and does what is asked with it.

    Parameters
    ----------
    bridge : Bridge
        How news comes to this thread.
    bar : SelectionBar
        What asks.
    state : SongState
        Whose modes are left by Esc.
    parent : QObject
        Who owns it.
    """

    def __init__(
        self, bridge: Bridge, bar: SelectionBar, state: SongState, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._bar = bar
        self._session: EditSession | None = None
        self._view: SpectrogramView | None = None
        self._disconnects: list[Callable[[], None]] = []
        bar.give_asked.connect(self.give)
        bar.quieter_asked.connect(self._make_quieter)
        bar.invert_asked.connect(self.invert)
        bar.none_asked.connect(self.clear)
        state.left_mode.connect(self.clear)
        self._show()

    def show(self, session: EditSession | None, view: SpectrogramView | None) -> None:
        """Follow another session, shown in another view."""
        if session is not self._session:
            for disconnect in self._disconnects:
                disconnect()
            self._disconnects = []
            if session is not None:
                post = self._bridge.post
                self._disconnects = [
                    session.selector.changed.connect(lambda: post(self._show, key="selected")),
                    session.previewed.connect(
                        lambda cells: post(lambda: self.show_preview(cells), key="previewed")
                    ),
                ]
        self._session, self._view = session, view
        self._show()

    @property
    def selection(self) -> Selection | None:
        """What is selected."""
        return self._session.selector.selection if self._session is not None else None

    def show_preview(self, cells: Cells | None) -> None:
        """Show what a click would take; None for nothing."""
        if self._view is not None:
            grid = self._view.grid
            self._view.mark(
                "previewed", None if cells is None else Selection(grid).with_shape(cells)
            )

    def give(self, target: str) -> None:
        """Give what is selected to drums or rest, or protect it."""
        if self._session is not None:
            self._session.give_selection(target, NAMES[target])

    def invert(self) -> None:
        """Select everything else."""
        if self._session is not None:
            self._session.selector.invert()

    def clear(self) -> None:
        """Select nothing."""
        if self._session is not None:
            self._session.selector.clear()

    def _make_quieter(self, stem: str, decibels: float) -> None:
        if self._session is not None:
            name = f"Make {stem} {decibels:.1f} dB quieter"
            self._session.give_selection(_OTHER[stem], name, decibels)

    def _show(self) -> None:
        selection = self.selection
        self._bar.show_selected(selection is not None)
        if self._view is not None:
            self._view.mark("selected", selection)
