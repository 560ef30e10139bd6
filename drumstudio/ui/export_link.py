"""Exports, stems as files, and dragging them out of the window."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop, QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QWidget

from drumstudio.application.studio import Studio
from drumstudio.core.mix import is_audible
from drumstudio.core.song import Song
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.drop_area import drag_files
from drumstudio.ui.export_choices import load_choices, store_choices
from drumstudio.ui.export_dialog import ExportDialog, ExportReport, Range

_LONGEST_SECONDS = 120.0  # that who takes a stem waits for it


class ExportLink(QObject):
    """Asks what to export and shows what came of it.

    Parameters
    ----------
    studio : Studio
        What exports.
    bridge : Bridge
        How its news comes to this thread.
    window : QWidget
        Over which dialogs stand.
    """

    def __init__(
        self,
        studio: Studio,
        bridge: Bridge,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._studio = studio
        self._window = window
        self._folder = Path.home()
        bridge.listen(studio.exported, self._show_report)

    def ask(self, song: Song | None, selection: tuple[float, float] | None = None) -> None:
        """Ask what to export of a song, and put it into the queue."""
        if song is None:
            return
        stems = song.separation.stem_names if song.separation is not None else ()
        tracks = [song.track_mix(stem) for stem in stems]
        dialog = ExportDialog(
            self._window,
            song,
            self._folder,
            export_ranges(song, selection),
            silent_mix=not is_audible(tracks),
        )
        dialog.show_choices(load_choices())
        if dialog.exec():
            order = dialog.order()
            self._folder = order.folder
            choices = dialog.choices()
            self._studio.background.run(lambda: store_choices(choices))
            self._studio.stems.export(song, order)
        dialog.deleteLater()

    def _show_report(self, report: dict[str, Any]) -> None:
        dialog = ExportReport(self._window, report, open_folder)
        dialog.setModal(False)
        dialog.finished.connect(dialog.deleteLater)
        dialog.show()

    def drag(self, song_id: str, stem: str) -> None:
        """Let the person carry a stem out of the window as a file."""
        song = self._studio.song(song_id)
        if song is not None:
            path, over = self._studio.stems.stem_file(song, stem)
            # It is written while it is carried; who takes it waits for what is left of that.
            drag_files(self._window, [path], lambda: _wait(over) and path.exists())

    def show_file(self, song_id: str, stem: str) -> None:
        """Show the file of a stem in its folder."""
        song = self._studio.song(song_id)
        if song is not None:
            path, over = self._studio.stems.stem_file(song, stem)
            if not over.is_set():
                self._studio.noticed(f"Writing {path.name}; ask again in a moment")
            else:
                open_folder(path)


def _wait(over: threading.Event) -> bool:
    """Wait until something is over while the window goes on; return whether it is."""
    until = time.monotonic() + _LONGEST_SECONDS
    while not over.wait(0.01) and time.monotonic() < until:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    return over.is_set()


def export_ranges(song: Song, selection: tuple[float, float] | None) -> list[Range]:
    """Return what can be exported of a song: the selection, and what lies between markers."""
    ranges = [Range("Selection", selection)] if selection is not None else []
    markers = sorted(song.markers, key=lambda marker: marker.seconds)
    ends = [marker.seconds for marker in markers[1:]] + [song.mixture.seconds]
    for marker, end in zip(markers, ends, strict=False):
        if end > marker.seconds:
            ranges.append(Range(marker.name, (marker.seconds, end)))
    return ranges


def open_folder(path: Path) -> None:
    """Show the folder of a file, or a folder, with the desktop's own program."""
    folder = path if path.is_dir() else path.parent
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
