"""The program without its window: an open project, the queue, the models, the settings."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from drumstudio import paths
from drumstudio import settings as user_settings
from drumstudio.application import recovery
from drumstudio.application.background import Background
from drumstudio.application.document import Document
from drumstudio.application.hits import HitStore
from drumstudio.application.listeners import Listeners
from drumstudio.application.queue import SongQueue
from drumstudio.application.song_jobs import Doubted, SongJobs
from drumstudio.application.song_preview import Previews, SongPreview
from drumstudio.application.song_waveforms import SongWaveforms
from drumstudio.application.speeds import Speeds
from drumstudio.application.stem_files import StemFiles
from drumstudio.application.trainings import Trainings
from drumstudio.catalog.catalog import Catalog
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.song import Lane, Song, Strip
from drumstudio.jobs.job import Checkpoint, no_checkpoint
from drumstudio.settings import Settings
from drumstudio.workflows.workshop import Workshop


class Studio:
    """Everything a window asks for. Listeners are called from any thread.

    Parameters
    ----------
    settings : Settings
        The user's.
    catalog : Catalog
        The models.
    workshop : Workshop
        Workers and cache; closed by `close`.

    Attributes
    ----------
    jobs, stems : SongJobs, StemFiles
        What puts work into the queue.
    trainings : Trainings
        What is trained, by whichever process.
    speeds : Speeds
        How fast each model was here.
    previews : Previews
        What is finished of a song that is being separated.
    playhead : callable
        Takes a song's id and returns where it is listened to, in seconds: there its
        separation begins.
    document_changed : Listeners
        Called when anything of the project, or which project it is, has changed.
    queue_changed : Listeners
        Called when a row of the queue has changed.
    waveforms_ready : Listeners
        Called with a song's id when its waveforms can be drawn.
    analysed : Listeners
        Called with a song's id when its hits are known.
    exported : Listeners
        Called with the report when stems have been written.
    import_doubted : Listeners
        Called with a `Doubted` when stems do not sound in the song they were imported for.
    failed : Listeners
        Called with an error that a person should see now.
    noticed : Listeners
        Called with a sentence that a person should see in passing.
    """

    def __init__(self, settings: Settings, catalog: Catalog, workshop: Workshop) -> None:
        self.document_changed: Listeners[[]] = Listeners()
        self.queue_changed: Listeners[[]] = Listeners()
        self.waveforms_ready: Listeners[[str]] = Listeners()
        self.analysed: Listeners[[str]] = Listeners()
        self.exported: Listeners[[dict[str, Any]]] = Listeners()
        self.import_doubted: Listeners[[Doubted]] = Listeners()
        self.failed: Listeners[[DrumStudioError]] = Listeners()
        self.noticed: Listeners[[str]] = Listeners()
        self.settings = settings
        self.catalog = catalog
        self.queue = SongQueue(self.queue_changed)
        self.background = Background(self.failed)
        self.last_device = ""
        self.hits = HitStore(paths.user_cache_folder() / "hits")
        self.workshop = workshop
        self.trainings = Trainings(catalog, workshop.pool, self.background, self.failed)
        self.speeds = Speeds()
        self.previews = Previews(workshop.cache)
        self.playhead: Callable[[str], float] = lambda _: 0.0
        self.jobs = SongJobs(self)
        self.stems = StemFiles(self)
        self._disconnects: list[Callable[[], None]] = []
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.document = self._new_document()
        self._listen_to_document()

    # --- the project --------------------------------------------------------------------

    def _new_document(self) -> Document:
        try:
            return Document.new()
        except DrumStudioError as error:
            # A home that can not be written: work on, and say what that means.
            why = f"{error.why[:1].upper()}{error.why[1:]}"
        try:
            self._temporary = tempfile.TemporaryDirectory(prefix="drumstudio-")
            document = Document.create(Path(self._temporary.name) / "Untitled")
        except (OSError, DrumStudioError):
            self.startup_note = f"{why} Until there is room, nothing can be added."
            return Document.unwritable(why)
        self.startup_note = (
            f"{why} Until you save this project elsewhere, it is gone when the program ends."
        )
        return document

    startup_note = ""

    def _listen_to_document(self) -> None:
        for disconnect in self._disconnects:
            disconnect()
        self._disconnects = [
            self.document.changed.connect(self.document_changed),
            self.document.saved.connect(self.document_changed),
            self.document.autosave_failed.connect(self.failed),
        ]

    def use_document(self, document: Document) -> None:
        """Go on with another project; the one before is closed, with its jobs stopped."""
        before, self.document = self.document, document
        for row in self.queue.rows():
            self.queue.remove(row.number)
        self._listen_to_document()
        self.document_changed()
        self.background.run(before.close)
        for note in document.notes:
            self.noticed(note)

    def new_project(self) -> None:
        """Begin an empty project."""
        self.background.run(Document.new, self.use_document)

    def open_project(self, path: Path, *, recover: bool = True) -> None:
        """Open a project that is there, unless it is the one that is open."""
        folder = self.document.folder.path
        if not self.document.is_read_only and path.resolve() == folder.resolve():
            self.noticed(f"{self.document.name} is open already")
            return

        def opened() -> Document:
            document = Document.open(path, recover=recover)
            self._verify(document, document.project.songs[:1])
            return document

        def use(document: Document) -> None:
            self.use_document(document)
            self._verify_later(document, document.project.songs[1:])

        self.background.run(opened, use)

    def _verify(self, document: Document, songs: Sequence[Song]) -> None:
        """Read songs whole before a window asks for them; what is damaged is told when it does."""
        for song in songs:
            with contextlib.suppress(DrumStudioError):
                document.media.sound(song)

    def _verify_later(self, document: Document, songs: Sequence[Song]) -> None:
        """Verify one song after the other; whatever else waits for the thread goes in between."""
        if songs and document is self.document:
            self.background.run(
                lambda: self._verify(document, songs[:1]),
                lambda _: self._verify_later(document, songs[1:]),
            )

    def save(self, done: Callable[[], object] | None = None) -> None:
        """Save; `done` is called afterwards if it worked."""
        self.background.run(self.document.save, lambda _: done() if done else None)

    def save_as(
        self,
        path: Path,
        checkpoint: Checkpoint = no_checkpoint,
        done: Callable[[DrumStudioError | None], object] | None = None,
    ) -> None:
        """Save under another name, with a copy of everything; `done` hears of an error."""
        self.background.run(
            lambda: self.document.save_as(path, checkpoint),
            lambda _: done(None) if done else None,
            done or self.failed,
        )

    def restore_version(self, generation: int) -> None:
        """Make an earlier save the present one."""
        self.background.run(lambda: self.document.restore_version(generation))

    def discard_changes(self, done: Callable[[], object]) -> None:
        """Set what was not saved aside; nothing is deleted. `done` is called afterwards."""
        document = self.document
        for row in self.queue.rows():
            self.queue.cancel(row.number)

        def discard() -> None:
            if not document.is_never_saved:
                document.discard_edits()
                return
            with contextlib.suppress(DrumStudioError):
                document.flush()
            folder, project = document.folder, document.project
            document.close()
            if folder.exists():
                recovery.discard(
                    recovery.Recoverable(
                        folder.path,
                        folder.name,
                        True,
                        0,
                        "",
                        tuple(song.name for song in project.songs),
                    )
                )

        self.background.run(discard, lambda _: done())

    # --- songs --------------------------------------------------------------------------

    @property
    def songs(self) -> tuple[Song, ...]:
        """The project's songs."""
        return self.document.project.songs

    def song(self, song_id: str) -> Song | None:
        """Return a song; None if it has gone."""
        return next((song for song in self.songs if song.id == song_id), None)

    # --- edits --------------------------------------------------------------------------

    def edit_song(self, name: str, song_id: str, *changes: tuple[tuple[str, ...], object]) -> None:
        """Change fields of a song as one step of undo; of one that has gone, nothing.

        Parameters
        ----------
        name : str
            What the person does: "Set gain of drums".
        song_id : str
            Which song.
        *changes : pairs of (address within the song, value)
            What to set.
        """
        document = self.document  # another may take its place at any time
        try:
            with self._told(), document.command(name) as edit:
                for at, value in changes:
                    edit.set(("songs", song_id, *at), value)
        except ValueError:
            # Edits that are being discarded in the background may take the song with them.
            if any(song.id == song_id for song in document.project.songs):
                raise

    def edit_strip(self, name: str, song_id: str, stem: str, field: str, value: Any) -> None:
        """Set a control of a stem's lane, as one step of undo."""
        song = self.song(song_id)
        if song is None:
            return
        if all(lane.stem != stem for lane in song.lanes):
            lane = Lane(stem, replace(Strip(), **{field: value}))
            self.edit_song(name, song_id, (("lanes",), (*song.lanes, lane)))
        else:
            self.edit_song(name, song_id, (("lanes", stem, "strip", field), value))

    def remove_song(self, song_id: str) -> None:
        """Take a song out of the project, with the clips of it; undo brings all of it back."""
        song = self.song(song_id)
        if song is not None:
            with self._told(), self.document.command(f"Remove {song.name}") as edit:
                for track in edit.project.tracks:
                    for clip in track.clips:
                        if clip.song == song_id:
                            edit.remove(("tracks", track.id, "clips"), clip.id)
                edit.remove(("songs",), song_id)

    def undo(self) -> None:
        """Take the last edit back, if there is one."""
        document = self.document
        self._step(document.undo, lambda: document.history.undo_name)

    def redo(self) -> None:
        """Do again what was taken back, if there is anything."""
        document = self.document
        self._step(document.redo, lambda: document.history.redo_name)

    def _step(self, step: Callable[[], object], name: Callable[[], str | None]) -> None:
        if name() is None:
            return
        try:
            with self._told():
                step()
        except ValueError:
            # A job may have made an edit since, after which there is nothing to do again.
            if name() is not None:
                raise

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Have an error of an edit told: a project that is read only can not be changed."""
        try:
            yield
        except DrumStudioError as error:
            self.failed(error)

    # --- sound of a song ----------------------------------------------------------------

    def preview(self, song: Song) -> SongPreview | None:
        """Return what is finished of a song's first separation while it is being made."""
        return self.previews.get(song.id) if song.separation is None else None

    def waveforms(self, song: Song) -> SongWaveforms:
        """Return what can be drawn of a song now; what is missing is made, then announced.

        Raises
        ------
        DrumStudioError
            If its sound is missing.
        """
        found = SongWaveforms(song, *self.document.media.sound(song), self.preview(song))
        if not found.complete:
            self.background.run(lambda: self.jobs.draw(self.document, song, no_checkpoint))
        return found

    # --- settings and the end -----------------------------------------------------------

    def change_setting(self, name: str, value: object) -> None:
        """Change a setting and store it."""
        try:
            self.settings = self.settings.changed(name, value)
        except DrumStudioError as error:
            self.failed(error)
            return
        stored = self.settings
        self.background.run(lambda: user_settings.save(stored))

    def cache_bytes(self, done: Callable[[int], object]) -> None:
        """Find out how much the cache holds, and tell it from another thread."""
        self.background.run(lambda: self.workshop.cache.size()["bytes"], done)

    def free_cache(self, done: Callable[[int], object]) -> None:
        """Empty the cache of what no project and no job needs; tell what it holds then."""
        self.background.run(self.workshop.cache.free)
        self.cache_bytes(done)

    def close(self) -> None:
        """Stop every job, close the project and the workers. Unsaved edits stay recoverable."""
        self.queue.close()
        self.background.close()
        self.trainings.close()
        for disconnect in self._disconnects:
            disconnect()
        self.document.close()
        self.previews.close()
        self.workshop.close()
        if self._temporary is not None:
            self._temporary.cleanup()
