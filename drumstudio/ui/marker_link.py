"""Markers: set at the cursor, named, moved to, taken away."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QInputDialog, QLineEdit, QMenu, QWidget

from drumstudio.application.studio import Studio
from drumstudio.core.song import Marker, Song, cleaned_name, new_id
from drumstudio.ui.ruler import Ruler
from drumstudio.ui.song_state import MarkerView, SongState

_APART_SECONDS = 0.005


class MarkerLink(QObject):
    """Shows the markers of the song at hand and changes them.

    Parameters
    ----------
    studio : Studio
        What is asked.
    ruler, state : Ruler, SongState
        Where they are shown.
    parent : QWidget
        The window.
    """

    def __init__(self, studio: Studio, ruler: Ruler, state: SongState, parent: QWidget) -> None:
        super().__init__(parent)
        self._studio = studio
        self._state = state
        self._window = parent
        self._song: Song | None = None
        ruler.marker_menu_asked.connect(self._menu)
        ruler.marker_rename_asked.connect(self._ask_new_name)

    def show_song(self, song: Song | None) -> None:
        """Show the markers of a song."""
        self._song = song
        markers = song.markers if song is not None else ()
        self._state.markers = tuple(
            MarkerView(marker.id, marker.seconds, marker.name)
            for marker in sorted(markers, key=lambda marker: marker.seconds)
        )
        self._state.changed.emit()

    def add(self) -> None:
        """Set a marker where it plays, or at the cursor."""
        if self._song is None:
            return
        seconds = self._state.playhead if self._state.playing else self._state.cursor
        there = self._at(seconds)
        if there is not None:
            self._studio.noticed(f"{there.name} is here already")
            return
        name = f"Marker {len(self._song.markers) + 1}"
        self._change("Add marker", (*self._song.markers, Marker(new_id(), seconds, name)))

    def rename(self, marker_id: str, name: str) -> None:
        """Give a marker another name."""
        if self._song is not None and name.strip():
            named = tuple(
                replace(marker, name=cleaned_name(name.strip()))
                if marker.id == marker_id
                else marker
                for marker in self._song.markers
            )
            self._change("Rename marker", named)

    def move(self, marker_id: str, seconds: float) -> None:
        """Put a marker elsewhere."""
        there = self._at(seconds)
        if there is not None and there.id != marker_id:
            self._studio.noticed(f"{there.name} is here already")
        elif self._song is not None:
            moved = tuple(
                replace(marker, seconds=seconds) if marker.id == marker_id else marker
                for marker in self._song.markers
            )
            self._change("Move marker", moved)

    def remove(self, marker_id: str) -> None:
        """Take a marker away."""
        if self._song is not None:
            left = tuple(marker for marker in self._song.markers if marker.id != marker_id)
            self._change("Remove marker", left)

    def _at(self, seconds: float) -> Marker | None:
        """Return the marker at a place, if one is: two would hide each other."""
        markers = self._song.markers if self._song is not None else ()
        return next((one for one in markers if abs(one.seconds - seconds) < _APART_SECONDS), None)

    def _change(self, name: str, markers: tuple[Marker, ...]) -> None:
        if self._song is not None:
            self._studio.edit_song(name, self._song.id, (("markers",), markers))

    def _menu(self, marker_id: str, place: QPoint) -> None:
        marker = next((m for m in self._state.markers if m.id == marker_id), None)
        if marker is None:
            return
        menu = QMenu(self._window)
        menu.addAction("Go to marker", lambda: self._state.seek(marker.seconds))
        menu.addAction("Move to cursor", lambda: self.move(marker.id, self._state.cursor))
        menu.addAction("Rename…", lambda: self._ask_name(marker))
        menu.addAction("Remove", lambda: self.remove(marker.id))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def _ask_new_name(self, marker_id: str) -> None:
        marker = next((m for m in self._state.markers if m.id == marker_id), None)
        if marker is not None:
            self._ask_name(marker)

    def _ask_name(self, marker: MarkerView) -> None:
        name, agreed = QInputDialog.getText(
            self._window, "Rename marker", "Name", QLineEdit.EchoMode.Normal, marker.name
        )
        if agreed:
            self.rename(marker.id, name)
