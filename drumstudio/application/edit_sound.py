"""From a finished stroke to the sound of it: a thread that renders the newest edit."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from drumstudio.application.listeners import Listeners
from drumstudio.core.errors import Cancelled, DrumStudioError
from drumstudio.core.song import Song
from drumstudio.core.song_edit import SongEdit
from drumstudio.files.delta_store import DeltaStore, SongDeltas
from drumstudio.files.project_media import ProjectMedia
from drumstudio.workflows.render_edits import EditRenderer


@dataclass(frozen=True, slots=True)
class RenderedEdit:
    """What can be heard of an edit.

    Parameters
    ----------
    edit : SongEdit
        The edit.
    deltas : SongDeltas
        What it adds to the model's drums.
    painted : SongDeltas or None
        The mixture's part that is painted, if it was asked for.
    """

    edit: SongEdit
    deltas: SongDeltas
    painted: SongDeltas | None


@dataclass(frozen=True, slots=True)
class _Wish:
    song: Song
    edit: SongEdit
    first: int
    with_painted: bool


class EditSound:
    """Renders the edits of one song, one after the other; only the newest counts.

    Parameters
    ----------
    song : Song
        Any state of it.
    media : ProjectMedia
        Where its sound is.
    store : DeltaStore
        Where deltas are kept.

    Attributes
    ----------
    ready : Listeners
        Called with a `RenderedEdit`, on the thread that renders.
    failed : Listeners
        Called with the error if an edit could not be rendered.
    """

    def __init__(self, song: Song, media: ProjectMedia, store: DeltaStore) -> None:
        self.ready: Listeners[[RenderedEdit]] = Listeners()
        self.failed: Listeners[[DrumStudioError]] = Listeners()
        self._renderer = EditRenderer(song, media, store)
        self._changed = threading.Condition()
        self._wish: _Wish | None = None
        self._busy = False
        self._closing = False
        self._last: RenderedEdit | None = None
        self._thread = threading.Thread(target=self._run, name="edit sound", daemon=True)
        self._thread.start()

    def render(
        self, song: Song, edit: SongEdit, first: int = 0, *, with_painted: bool = False
    ) -> None:
        """Have an edit rendered, instead of the one before if that is not ready; returns at once.

        Parameters
        ----------
        song : Song
            As it stands.
        edit : SongEdit
            What was painted.
        first : int
            The sample around which to begin.
        with_painted : bool
            Whether what is painted is listened to alone.
        """
        with self._changed:
            self._wish = _Wish(song, edit, first, with_painted)
            self._changed.notify_all()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until nothing is left to render; return whether that happened in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: (self._wish is None and not self._busy) or self._closing, timeout_seconds
            )

    def close(self) -> None:
        """Stop, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._renderer.close()

    def _run(self) -> None:
        # What rendering needs (scipy.fft) takes 0.1 s to load: not at the first stroke.
        import scipy.fft  # noqa: F401

        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wish is not None or self._closing)
                if self._closing:
                    return
                wish, self._wish = self._wish, None
                self._busy = True
            try:
                if wish is not None:
                    self._render(wish)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _render(self, wish: _Wish) -> None:
        before = self._last
        self._renderer.song = wish.song
        try:
            deltas = self._renderer.deltas(
                wish.edit, self._checkpoint, before.deltas if before else None, wish.first
            )
            painted = None
            if wish.with_painted:
                painted = self._renderer.painted(
                    wish.edit, self._checkpoint, before.painted if before else None
                )
        except Cancelled:
            return
        except DrumStudioError as error:
            self.failed(error)
            return
        self._last = RenderedEdit(wish.edit, deltas, painted)
        self.ready(self._last)

    def _checkpoint(self, fraction: float, message: str) -> None:
        if self._wish is not None or self._closing:
            raise Cancelled
