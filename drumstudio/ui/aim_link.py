"""Which stem is painted and where what is taken from it goes: lanes, layers and tools agree."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from drumstudio.application.edit_session import EditSession
from drumstudio.application.stroke_layers import resting
from drumstudio.core.song import Song
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.song_state import SongState
from drumstudio.ui.spectrogram_pane import SpectrogramPane


class AimLink(QObject):
    """Keeps the editor's focus and destination with what is chosen in the window.

    With more than two stems the chosen lane is the one that is painted. Of two stems it is
    always the first: painting the other is the same, the other way round.

    Parameters
    ----------
    pane : SpectrogramPane
        Its tools and layers.
    state : SongState
        The chosen lane.
    bridge : Bridge
        How news comes to this thread.
    parent : QObject
        Who owns it.
    """

    def __init__(
        self, pane: SpectrogramPane, state: SongState, bridge: Bridge, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._pane = pane
        self._bridge = bridge
        self._session: EditSession | None = None
        self._disconnect: Callable[[], None] | None = None
        pane.tools.ends_chosen.connect(self._aim)
        pane.layers.chosen.connect(self._aim_at_layer)
        state.lane_chosen.connect(self._aim_at_lane)

    def show(self, session: EditSession | None) -> None:
        """Follow the session of another song, or none."""
        if self._disconnect is not None:
            self._disconnect()
            self._disconnect = None
        self._session = session
        if session is not None:
            self._disconnect = session.editor.aimed.connect(
                lambda: self._bridge.post(self.refresh, key="aimed")
            )
        self.refresh()

    def refresh(self) -> None:
        """Show what is painted, and where what is taken goes."""
        session = self._session
        if session is None or self._song is None:
            return
        editor, names = session.editor, self._names
        self._pane.tools.show_ends(names, editor.focus, editor.destination)
        self._pane.show_stems(names, editor.focus)
        self._pane.layers.show_resting({layer.id for layer in resting(self._song)})

    @property
    def _song(self) -> Song | None:
        session = self._session
        songs = session.document.project.songs if session is not None else ()
        return next((song for song in songs if session and song.id == session.song_id), None)

    @property
    def _names(self) -> tuple[str, ...]:
        song = self._song
        return song.separation.stem_names if song is not None and song.separation else ()

    def _aim(self, focus: str, destination: str) -> None:
        if self._session is not None:
            self._session.editor.aim(focus, destination)
            self.refresh()

    def _aim_at_lane(self, stem: str) -> None:
        names = self._names
        if self._session is not None and stem in names and len(names) > 2:
            destination = self._session.editor.destination
            self._aim(stem, destination if destination != stem else "")

    def _aim_at_layer(self, layer_id: str) -> None:
        song = self._song
        layer = next((one for one in song.layers if one.id == layer_id), None) if song else None
        if layer is not None:
            self._aim(layer.focus, layer.destination)
