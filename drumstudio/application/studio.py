"""The program without its window: an open project, the queue, the models, the settings."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from drumstudio import paths
from drumstudio import settings as user_settings
from drumstudio.application import projects, recovery, song_work
from drumstudio.application.background import Background
from drumstudio.application.document import Document
from drumstudio.application.hits import HitStore
from drumstudio.application.listeners import Listeners
from drumstudio.application.queue import SongQueue
from drumstudio.catalog.catalog import Catalog
from drumstudio.catalog.model_card import Value
from drumstudio.core.errors import AudioOpenError, DrumStudioError
from drumstudio.core.names import fill_template
from drumstudio.core.plain import from_plain
from drumstudio.core.song import Song
from drumstudio.core.tempo_map import TempoMap
from drumstudio.files.block_reader import SongReader
from drumstudio.files.formats import FORMATS
from drumstudio.files.peaks import PeaksReader, Waveform
from drumstudio.files.project_folder import is_project
from drumstudio.jobs.job import Checkpoint, no_checkpoint, portion
from drumstudio.settings import Settings
from drumstudio.workflows import project as project_work
from drumstudio.workflows.demo_song import demo_song
from drumstudio.workflows.find_songs import find_songs
from drumstudio.workflows.separate_song import SeparationSettings
from drumstudio.workflows.workshop import Workshop

STEM_NAMES = {"mixture": "original", "drums": "drums", "rest": "rest"}


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
        self.failed: Listeners[[DrumStudioError]] = Listeners()
        self.noticed: Listeners[[str]] = Listeners()
        self.settings = settings
        self.catalog = catalog
        self.queue = SongQueue(self.queue_changed)
        self.background = Background(self.failed)
        self.last_device = ""
        self.hits = HitStore(paths.user_cache_folder() / "hits")
        self._workshop = workshop
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
            self._temporary = tempfile.TemporaryDirectory(prefix="drumstudio-")
            self.startup_note = (
                f"{error.why[:1].upper()}{error.why[1:]} Until you save this project elsewhere, "
                "it is gone when the program ends."
            )
            return Document.create(Path(self._temporary.name) / "Untitled")

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
        """Open a project that is there."""
        self.background.run(lambda: Document.open(path, recover=recover), self.use_document)

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

    def add_paths(
        self,
        paths: Sequence[Path],
        model_id: str,
        parameters: dict[str, Value],
    ) -> None:
        """Take what was dropped or named: songs, folders of songs, or one project.

        Each song becomes a row of the queue that opens and then separates it.
        """
        projects = [path for path in paths if is_project(path)]
        if projects:
            self.open_project(projects[0])
            return

        def add() -> None:
            found = find_songs(paths)
            for song, _ in found.songs:
                self.queue.add(song.name, self._opening(song, model_id, parameters))
            passed_over = len(found.ignored)
            if passed_over:
                files = "file is" if passed_over == 1 else "files are"
                self.noticed(f"{passed_over} {files} no sound and left out")
            for folder in found.empty:
                self.noticed(f"No songs in {folder.name}")

        self.background.run(add)

    def add_demo(self, model_id: str, parameters: dict[str, Value]) -> None:
        """Render the demo song and take it like any other."""
        opened: dict[str, Callable[[Checkpoint], None]] = {}

        def work(checkpoint: Checkpoint) -> None:
            if "work" not in opened:
                demo = demo_song(self._workshop.pool, portion(checkpoint, 0.0, 0.2))
                opened["work"] = self._opening(demo.mixture, model_id, parameters, name="Demo song")
            opened["work"](portion(checkpoint, 0.2, 1.0))

        self.queue.add("Demo song", work)

    def separate(
        self,
        song_id: str,
        model_id: str,
        parameters: dict[str, Value],
        device: str | None = None,
    ) -> None:
        """Put the separation of a song at the end of the queue."""
        song = self.song(song_id)
        if song is not None:
            work = self._separating(song_id, model_id, parameters, device)
            self.queue.add(song.name, work)

    def retry_on_cpu(self, number: int) -> None:
        """Have a failed job run again without the graphics processor."""
        self.change_setting("device", "cpu")
        self.queue.retry(number)

    def _opening(
        self,
        source: Path,
        model_id: str,
        parameters: dict[str, Value],
        name: str = "",
    ) -> Callable[[Checkpoint], None]:
        """Return work that opens and separates a song; tried again, it goes on where it was."""
        document = self.document
        opened: list[Song] = []

        def work(checkpoint: Checkpoint) -> None:
            if not opened:
                pool = self._workshop.pool
                song = project_work.open_song(
                    source, document.media, pool, portion(checkpoint, 0.0, 0.08)
                )
                song = replace(song, name=name or song.name)
                projects.add_song(document, song)
                opened.append(song)
            song = opened[0]
            self._draw(document, song, portion(checkpoint, 0.08, 0.1))
            separating = self._separating(song.id, model_id, parameters, None, document)
            separating(portion(checkpoint, 0.1, 1.0))

        return work

    def _separating(
        self,
        song_id: str,
        model_id: str,
        parameters: dict[str, Value],
        device: str | None,
        document: Document | None = None,
    ) -> Callable[[Checkpoint], None]:
        document = document or self.document
        card = self.catalog.find(model_id)
        checked = card.check_settings(parameters)

        def work(checkpoint: Checkpoint) -> None:
            song = document.project.song(song_id)
            separation = project_work.separate_into(
                song,
                SeparationSettings(
                    card, checked, device or self.settings.device, self.settings.processor_threads
                ),
                document.media,
                self._workshop.pool,
                self._workshop.cache,
                portion(checkpoint, 0.0, 0.92),
            )
            self.last_device = separation.device or self.last_device
            projects.add_separation(document, song_id, separation)
            song = document.project.song(song_id)
            self._draw(document, song, portion(checkpoint, 0.92, 0.94))
            self._analyse(document, song, portion(checkpoint, 0.94, 1.0))

        return work

    def find_hits(self, song_id: str) -> None:
        """Put looking for a song's hits and beats at the end of the queue."""
        document = self.document

        def work(checkpoint: Checkpoint) -> None:
            self._analyse(document, document.project.song(song_id), checkpoint)

        song = self.song(song_id)
        if song is not None:
            self.queue.add(f"Find the beats of {song.name}", work)

    def _analyse(self, document: Document, song: Song, checkpoint: Checkpoint) -> None:
        separation = song.separation
        found = self._workshop.pool.run(
            "analyse_song",
            checkpoint,
            mixture=str(document.media.mixture_file(song)),
            drums=str(document.media.drums_file(song, separation)) if separation else None,
        )
        self.hits.keep(song, found["hits"])
        if found["tempo_map"] is not None:
            grid = from_plain(TempoMap, found["tempo_map"])
            with document.command("Find the beats") as edit:
                # What a person has set meanwhile stays.
                if edit.project.song(song.id).tempo_map is None:
                    edit.set(("songs", song.id, "tempo_map"), grid)
        self.analysed(song.id)

    def import_drums(self, song_id: str, source: Path) -> None:
        """Take drums that were made elsewhere as a separation of a song."""
        document = self.document

        def work(checkpoint: Checkpoint) -> None:
            song = document.project.song(song_id)
            separation = project_work.import_drums(
                source, song, document.media, self._workshop.pool, checkpoint
            )
            projects.add_separation(document, song_id, separation)
            self._draw(document, document.project.song(song_id), no_checkpoint)

        self.queue.add(source.name, work)

    # --- edits --------------------------------------------------------------------------

    def edit_song(self, name: str, song_id: str, *changes: tuple[tuple[str, ...], object]) -> None:
        """Change fields of a song as one step of undo.

        Parameters
        ----------
        name : str
            What the person does: "Set gain of drums".
        song_id : str
            Which song.
        *changes : pairs of (address within the song, value)
            What to set.
        """
        try:
            with self.document.command(name) as edit:
                for at, value in changes:
                    edit.set(("songs", song_id, *at), value)
        except DrumStudioError as error:
            self.failed(error)

    def remove_song(self, song_id: str) -> None:
        """Take a song out of the project; undo brings it back."""
        song = self.song(song_id)
        if song is not None:
            with self.document.command(f"Remove {song.name}") as edit:
                edit.remove(("songs",), song_id)

    def undo(self) -> None:
        """Take the last edit back, if there is one."""
        if self.document.history.undo_name is not None:
            self.document.undo()

    def redo(self) -> None:
        """Do again what was taken back, if there is anything."""
        if self.document.history.redo_name is not None:
            self.document.redo()

    # --- sound of a song ----------------------------------------------------------------

    def files(self, song: Song) -> tuple[Path, Path | None]:
        """Return the media files of a song's mixture and of its active drums.

        Raises
        ------
        ProjectError
            If one is missing.
        """
        separation = song.separation
        mixture = self.document.media.mixture_file(song)
        drums = self.document.media.drums_file(song, separation) if separation else None
        return mixture, drums

    def waveforms(self, song: Song) -> dict[str, Waveform]:
        """Return what can be drawn of a song now; what is missing is made, then announced.

        Raises
        ------
        ProjectError
            If its sound is missing.
        """
        mixture, drums = self.files(song)
        reader = SongReader(mixture, drums)
        found: dict[str, Waveform] = {}
        for stem, path in song_work.peaks_paths(song).items():
            try:
                found[stem] = Waveform(PeaksReader(path), _StemSource(reader, stem))
            except AudioOpenError:
                self.background.run(lambda: self._draw(self.document, song, no_checkpoint))
                return found
        return found

    def _draw(self, document: Document, song: Song, checkpoint: Checkpoint) -> None:
        separation = song.separation
        song_work.draw(
            song,
            document.media.mixture_file(song),
            document.media.drums_file(song, separation) if separation else None,
            self._workshop.pool,
            checkpoint,
        )
        self.waveforms_ready(song.id)

    # --- export -------------------------------------------------------------------------

    def output_paths(
        self, song: Song, stems: Sequence[str], folder: Path, template: str, file_format: str
    ) -> list[tuple[str, Path]]:
        """Return each stem with the file it would be exported to.

        Raises
        ------
        SettingError
            If the template has an unknown field.
        """
        suffix = FORMATS[file_format].suffix
        model = song.separation.model_id if song.separation else ""
        return [
            (
                stem,
                folder
                / (
                    fill_template(template, song=song.name, stem=STEM_NAMES[stem], model=model)
                    + suffix
                ),
            )
            for stem in stems
        ]

    def export(
        self,
        song: Song,
        outputs: Sequence[tuple[str, Path]],
        *,
        file_format: str,
        sample_rate: int | None,
        overwrite: bool,
        report: bool = True,
    ) -> None:
        """Put an export at the end of the queue; `exported` tells what was written."""
        mixture, drums = self.files(song)

        def work(checkpoint: Checkpoint) -> None:
            written = song_work.export(
                mixture,
                drums,
                outputs,
                self._workshop.pool,
                checkpoint,
                file_format=file_format,
                sample_rate=sample_rate,
                overwrite=overwrite,
            )
            if report:
                self.exported(written)

        self.queue.add(f"Export {song.name}", work)

    def stem_file(self, song: Song, stem: str) -> Path | None:
        """Return a stem as a WAV file with a good name; None if it is being made now.

        Made in the cache, once for each content; drums and original are second names of what
        the project holds, the rest has to be written.

        Raises
        ------
        DrumStudioError
            If the song's sound is missing.
        """
        mixture, drums = self.files(song)
        content = f"{song.mixture.sha256[:16]}-{drums.stem[:16] if drums else ''}"
        folder = paths.user_cache_folder() / "stems" / content
        ((_, target),) = self.output_paths(song, [stem], folder, "{song}_{stem}", "wav-float")
        if target.exists():
            return target
        source = {"mixture": mixture, "drums": drums}.get(stem)
        if source is not None:
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                os.link(source, target)
                return target
        self.noticed(f"Writing {target.name}; it is ready in a moment")
        self.export(
            song,
            [(stem, target)],
            file_format="wav-float",
            sample_rate=None,
            overwrite=True,
            report=False,
        )
        return None

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
        self.background.run(lambda: self._workshop.cache.size()["bytes"], done)

    def free_cache(self, done: Callable[[int], object]) -> None:
        """Empty the cache of what no project and no job needs; tell what it holds then."""
        self.background.run(self._workshop.cache.free)
        self.cache_bytes(done)

    def close(self) -> None:
        """Stop every job, close the project and the workers. Unsaved edits stay recoverable."""
        self.queue.close()
        self.background.close()
        for disconnect in self._disconnects:
            disconnect()
        self.document.close()
        self._workshop.pool.close()
        if self._temporary is not None:
            self._temporary.cleanup()


class _StemSource:
    """One stem of a reader, for drawing single samples."""

    def __init__(self, reader: SongReader, stem: str) -> None:
        self._reader = reader
        self._stem = stem

    def read(self, start: int, count: int) -> Any:
        """Return a stretch, float32 of shape (channels, count)."""
        return self._reader.read(self._stem, start, count)
