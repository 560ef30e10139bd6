"""The queue's work on songs: open, separate, analyse, draw, import."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drumstudio.application import projects, song_work
from drumstudio.application.document import Document
from drumstudio.application.queue import OVER, State
from drumstudio.catalog.model_card import Value
from drumstudio.core.errors import Cancelled
from drumstudio.core.plain import from_plain
from drumstudio.core.song import Song
from drumstudio.core.tempo_map import TempoMap
from drumstudio.files.project_folder import is_project
from drumstudio.jobs.job import Checkpoint, no_checkpoint, phase, portion
from drumstudio.workflows import project as project_work
from drumstudio.workflows.demo_song import demo_song
from drumstudio.workflows.find_songs import FoundSongs, find_songs
from drumstudio.workflows.import_stems import (
    are_stems,
    import_stems,
    named_stems,
    require_stems,
)
from drumstudio.workflows.separate_song import ExportSettings, separate_song
from drumstudio.workflows.separation_settings import SeparationSettings, split_of
from drumstudio.workflows.stem_presence import NotInSongError

if TYPE_CHECKING:
    from drumstudio.application.studio import Studio


@dataclass(frozen=True, slots=True)
class Doubted:
    """Stems that were not taken yet, for they do not sound in their song.

    Parameters
    ----------
    song_id : str
        The song.
    sources : dict of str to Path
        A file for each stem.
    error : NotInSongError
        What is wrong.
    """

    song_id: str
    sources: dict[str, Path]
    error: NotInSongError


class SongJobs:
    """Puts work on songs into the studio's queue.

    Parameters
    ----------
    studio : Studio
        Whose project, queue and models.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._separations: dict[str, int] = {}  # song to the row of the queue that separates it

    def add_paths(
        self,
        paths: Sequence[Path],
        model_id: str,
        parameters: dict[str, Value],
    ) -> None:
        """Take what was dropped or named: songs, folders of songs, or one project.

        Each song becomes a row of the queue that opens it. Then it is there to be seen and
        played, and another row separates it.
        """
        projects = [path for path in paths if is_project(path)]
        if projects:
            self._studio.open_project(projects[0])
            return

        def add() -> None:
            found = find_songs(paths)
            for song, _ in found.songs:
                work = self._opening(song, model_id, parameters)
                self._studio.queue.add(f"Open {song.name}", work, "open")
            self._tell_passed_over(found)
            for folder in found.empty:
                self._studio.noticed(f"No songs in {folder.name}")

        self._studio.background.run(add)

    def _tell_passed_over(self, found: FoundSongs) -> None:
        count = len(found.passed_over)
        if count:
            first = found.passed_over[0]
            more = "" if count == 1 else f", and {count - 1} more"
            self._studio.noticed(f"Passed over: {first.path.name} (it is {first.why}){more}")

    def add_demo(self, model_id: str, parameters: dict[str, Value]) -> None:
        """Render the demo song and take it like any other."""

        def work(checkpoint: Checkpoint) -> None:
            rendering = phase(checkpoint, 0.0, 0.7, "Rendering")
            demo = demo_song(self._studio.workshop.pool, rendering)
            opening = self._opening(demo.mixture, model_id, parameters, name="Demo song")
            opening(portion(checkpoint, 0.7, 1.0))

        self._studio.queue.add("Demo song", work, "open")

    def separate(
        self,
        song_id: str,
        model_id: str,
        parameters: dict[str, Value],
        device: str | None = None,
    ) -> None:
        """Put the separation of a song at the end of the queue."""
        song = self._studio.song(song_id)
        if song is not None:
            work = self._separating(song_id, model_id, parameters, device)
            self._separations[song_id] = self._studio.queue.add(song.name, work)

    def is_separating(self, song_id: str) -> bool:
        """Return whether a song is being separated, or waits for it."""
        number = self._separations.get(song_id)
        states = {row.number: row.state for row in self._studio.queue.rows()}
        return states.get(number or 0) in (State.RUNNING, State.WAITING)

    def preview(self, song_id: str, model_id: str, parameters: dict[str, Value]) -> None:
        """Have a song separated now, from where it is listened to; all else waits.

        If that is being done already, it goes on from there: what is finished is kept.
        """
        queue = self._studio.queue
        rows = {row.number: row for row in queue.rows()}
        row = rows.get(self._separations.get(song_id, 0))
        if row is None or row.state in OVER:
            self.separate(song_id, model_id, parameters)
        elif row.state is State.PAUSED:
            queue.retry(row.number)
        queue.move(self._separations[song_id], -len(rows))
        running = queue.running("separate")
        if running is not None and running in self._separations.values():
            queue.restart(running)

    def retry_on_cpu(self, number: int) -> None:
        """Have a failed job run again without the graphics processor."""
        self._studio.change_setting("device", "cpu")
        self._studio.queue.retry(number)

    def import_stems(
        self,
        song_id: str,
        sources: Mapping[str, Path],
        *,
        anyway: bool = False,
        later_seconds: float = 0.0,
    ) -> None:
        """Take stems that were made elsewhere, by name, as a separation of a song.

        Those that do not sound in it are taken `anyway`, or after `studio.import_doubted` was told.
        """
        document = self._studio.document

        def work(checkpoint: Checkpoint) -> None:
            song = document.project.song(song_id)
            try:
                separation = import_stems(
                    *(sources, song, document.media, self._studio.workshop.pool),
                    phase(checkpoint, 0.0, 0.95, "Reading"),
                    anyway=anyway,
                    later_seconds=later_seconds,
                )
            except NotInSongError as error:
                self._studio.import_doubted(Doubted(song_id, dict(sources), error))
                raise Cancelled from error  # until somebody has said what is meant
            projects.add_separation(document, song_id, separation)
            song = document.project.song(song_id)
            self.draw(document, song, no_checkpoint)
            self.draw_overview(document, song, phase(checkpoint, 0.95, 1.0, "Finishing"))

        self._studio.queue.add(f"Import {', '.join(sources)}", work, "open")

    def refine(self, song_id: str, refinement: str) -> None:
        """Refine the drums of a song's active separation, which makes another one."""
        document, catalog = self._studio.document, self._studio.catalog

        def work(checkpoint: Checkpoint) -> None:
            song = document.project.song(song_id)
            projects.refined_separation(
                *(document, song, catalog, {refinement: {}}, self._studio.workshop.pool),
                phase(checkpoint, 0.0, 0.9, "Refining"),
            )
            song = document.project.song(song_id)
            self.draw(document, song, no_checkpoint)
            self.draw_overview(document, song, phase(checkpoint, 0.9, 1.0, "Finishing"))

        song = self._studio.song(song_id)
        if song is not None:
            self._studio.queue.add(f"Refine {song.name}", work, "open")

    def import_named(self, song_id: str, files: Sequence[Path]) -> None:
        """Take files that are stems of a song, which their names tell; the song itself is not one.

        Parameters
        ----------
        song_id : str
            The song.
        files : sequence of Path
            Files, and folders of them.
        """

        def take() -> None:
            song = self._studio.song(song_id)
            if song is not None:
                self._import_found(song, [path for path, _ in find_songs(files).songs])

        self._studio.background.run(take)

    def _import_found(self, song: Song, files: Sequence[Path]) -> None:
        stems, whole = named_stems(files, song)
        require_stems(stems, song)
        for path in whole:
            self._studio.noticed(f"{path.name} is the whole song and was left out")
        self.import_stems(song.id, stems)

    def drop_on_song(
        self,
        song_id: str,
        paths: Sequence[Path],
        model_id: str,
        parameters: dict[str, Value],
    ) -> None:
        """Take what was dropped on a song: its stems, if the names say so, else more songs."""

        def take() -> None:
            song = self._studio.song(song_id)
            files = [path for path, _ in find_songs(paths).songs]
            if song is not None and are_stems(files, song):
                self._import_found(song, files)
            else:
                self.add_paths(paths, model_id, parameters)

        self._studio.background.run(take)

    def separate_to_folder(
        self,
        paths: Sequence[Path],
        export: ExportSettings,
        model_id: str,
        parameters: dict[str, Value],
    ) -> None:
        """Put songs and folders of songs into the queue, to be separated into files.

        The project is not touched; folders keep their shape below the folder of the export.
        """
        studio = self._studio
        settings = studio.settings
        card = studio.catalog.find(model_id)
        wanted = SeparationSettings(
            card, card.check_settings(parameters), settings.device, settings.processor_threads
        )

        def add() -> None:
            found = find_songs(paths, outside=export.folder)
            self._tell_passed_over(found)
            for song, relative in found.songs:
                studio.queue.add(song.name, self._to_folder(song, relative, wanted, export))

        studio.background.run(add)

    def _to_folder(
        self, song: Path, relative: Path, settings: SeparationSettings, export: ExportSettings
    ) -> Callable[[Checkpoint], None]:
        def work(checkpoint: Checkpoint) -> None:
            workshop = self._studio.workshop
            report = separate_song(
                song, relative, settings, export, workshop.pool, workshop.cache, checkpoint
            )
            if report.skipped:
                self._studio.noticed(f"{song.name} was skipped: its files are there already")

        return work

    def relink(self, folder: Path) -> None:
        """Put looking for the project's missing files in a folder into the queue."""
        document = self._studio.document

        def work(checkpoint: Checkpoint) -> None:
            found = project_work.relink(
                document.project, folder, document.media, self._studio.workshop.pool, checkpoint
            )
            words = f"{len(found.found)} files found again, {len(found.missing)} still missing"
            self._studio.noticed(words)
            self._studio.document_changed()

        self._studio.queue.add(f"Look for missing files in {folder.name}", work, "open")

    def find_hits(self, song_id: str) -> None:
        """Put looking for a song's hits and beats at the end of the queue."""
        document = self._studio.document

        def work(checkpoint: Checkpoint) -> None:
            self._analyse(document, document.project.song(song_id), checkpoint)

        song = self._studio.song(song_id)
        if song is not None:
            self._studio.queue.add(f"Find the beats of {song.name}", work)

    # --- the work itself ------------------------------------------------------------------

    def _opening(
        self,
        source: Path,
        model_id: str,
        parameters: dict[str, Value],
        name: str = "",
    ) -> Callable[[Checkpoint], None]:
        """Return work that opens a song, and has it separated once it is there."""
        studio, document = self._studio, self._studio.document
        opened: list[Song] = []

        def work(checkpoint: Checkpoint) -> None:
            if not opened:  # tried again, it goes on where it was
                reading = phase(checkpoint, 0.0, 0.8, "Reading")
                song = project_work.open_song(source, document.media, studio.workshop.pool, reading)
                song = replace(song, name=name or song.name)
                projects.add_song(document, song)
                opened.append(song)
                wanted = studio.settings.opening == "separate" and model_id
                if wanted and document is studio.document:
                    self.separate(song.id, model_id, parameters)
            self.draw(document, opened[0], phase(checkpoint, 0.8, 1.0, "Drawing"))

        return work

    def _separating(
        self,
        song_id: str,
        model_id: str,
        parameters: dict[str, Value],
        device: str | None,
    ) -> Callable[[Checkpoint], None]:
        document = self._studio.document
        card = self._studio.catalog.find(model_id)
        checked = card.check_settings(parameters)

        studio = self._studio

        def work(checkpoint: Checkpoint) -> None:
            song = document.project.song(song_id)
            mixture = document.media.mixture_file(song)
            settings = SeparationSettings(
                card,
                checked,
                device or studio.settings.device,
                studio.settings.processor_threads,
            )
            separating = portion(checkpoint, 0.0, 0.92)
            with studio.previews.following(
                *(song, mixture, separating, partial(split_of, card))
            ) as following:
                separation = project_work.separate_into(
                    song,
                    settings,
                    document.media,
                    studio.workshop.pool,
                    studio.workshop.cache,
                    following.checkpoint,
                    start_seconds=studio.playhead(song_id),
                    preview=following.path,
                )
                studio.last_device = separation.device or studio.last_device
                studio.speeds.add(card.id, song.mixture.seconds, separation.seconds)
                # Drawn first: the lanes change from what was finished to the whole at once.
                made = replace(song, separations=(separation,), active=separation.id)
                self.draw(document, made, phase(checkpoint, 0.92, 0.94, "Finishing"))
                projects.add_separation(document, song_id, separation)
            song = document.project.song(song_id)
            self.draw_overview(document, song, phase(checkpoint, 0.94, 0.97, "Finishing"))
            self._analyse(document, song, phase(checkpoint, 0.97, 1.0, "Finishing"))

        return work

    def _analyse(self, document: Document, song: Song, checkpoint: Checkpoint) -> None:
        mixture, stems = document.media.sound(song)
        found = self._studio.workshop.pool.run(
            "analyse_song",
            checkpoint,
            mixture=str(mixture),
            drums=str(stems.stored[stems.drums]) if stems is not None and stems.drums else None,
        )
        self._studio.hits.keep(song, found["hits"])
        if found["tempo_map"] is not None:
            grid = from_plain(TempoMap, found["tempo_map"])
            with document.command("Find the beats") as edit:
                # What a person has set meanwhile stays.
                if edit.project.song(song.id).tempo_map is None:
                    edit.set(("songs", song.id, "tempo_map"), grid)
        self._studio.analysed(song.id)

    def draw(self, document: Document, song: Song, checkpoint: Checkpoint) -> None:
        """See that a song's waveforms can be drawn, and announce it; waits for the worker."""
        song_work.draw(song, *document.media.sound(song), self._studio.workshop.pool, checkpoint)
        self._studio.waveforms_ready(song.id)

    def draw_overview(self, document: Document, song: Song, checkpoint: Checkpoint) -> None:
        """See that a song's spectrogram can be shown at once; waits for the worker."""
        sound = document.media.sound(song)
        song_work.draw_overview(song, *sound, self._studio.workshop.pool, checkpoint)
