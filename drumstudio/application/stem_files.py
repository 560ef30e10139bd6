"""Stems as files: exports that a person asks for, and files to carry out of the window."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from drumstudio import paths
from drumstudio.application.song_export import ExportOrder, export_song
from drumstudio.core.song import Song
from drumstudio.files.oldest_first import remove_oldest
from drumstudio.jobs.job import Checkpoint

if TYPE_CHECKING:
    from drumstudio.application.studio import Studio

_CACHE_LIMIT_BYTES = 4 * 10**9  # of stems that were carried out of the window


class StemFiles:
    """Writes stems of the studio's songs.

    Parameters
    ----------
    studio : Studio
        Whose project and queue.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def export(
        self, song: Song, order: ExportOrder, *, over: threading.Event | None = None
    ) -> None:
        """Put an export at the end of the queue; `exported` tells what was written.

        Parameters
        ----------
        song : Song
            As it stands.
        order : ExportOrder
            What to write.
        over : Event, optional
            Set when it is over, however it went; then nothing is told.
        """
        media = self._studio.document.media
        pool = self._studio.workshop.pool

        def work(checkpoint: Checkpoint) -> None:
            try:
                written = export_song(song, media, order, pool, checkpoint)
            finally:
                if over is not None:
                    over.set()
            if over is None:
                self._studio.exported(written)

        self._studio.queue.add(f"Export {song.name}", work, "export")

    def stem_file(self, song: Song, stem: str) -> tuple[Path, threading.Event]:
        """Return where a stem is as a WAV file with a good name, and what is set once it is.

        Made in the cache, once for each content, and never the project's own file: another
        program may write over what it is given.
        """
        stems_folder = paths.user_cache_folder() / "stems"
        order = ExportOrder(
            (stem,), stems_folder / _content(song), file_format="wav-float", overwrite=True
        )
        target = order.paths(song)[stem]
        over = threading.Event()
        if target.exists():
            over.set()
            return target, over
        remove_oldest(stems_folder.glob("*/*.wav"), _CACHE_LIMIT_BYTES)
        self.export(song, order, over=over)
        return target, over


def _is_edited(song: Song) -> bool:
    return bool(song.amount) or any(layer.strokes for layer in song.layers)


def _content(song: Song) -> str:
    """Return a name for everything that a song's stems depend on."""
    split = repr(song.separation.split) if song.separation else ""
    edits = repr((song.amount, song.layers)) if _is_edited(song) else ""
    made_of = "\n".join([song.mixture.sha256, split, edits])
    return hashlib.sha256(made_of.encode()).hexdigest()[:32]
