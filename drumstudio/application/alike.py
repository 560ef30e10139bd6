"""Fix this everywhere: from a corrected hit to the hits like it, reviewed, corrected alike."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from drumstudio.application.background import Background
from drumstudio.application.document import Document
from drumstudio.application.edit_session import EditSession
from drumstudio.application.listeners import Listeners
from drumstudio.application.stroke_layers import again_if_changed
from drumstudio.core.errors import Cancelled, DrumStudioError, ProjectError
from drumstudio.core.hit_likeness import SUGGESTED
from drumstudio.core.separation import Blob
from drumstudio.core.song import MAX_STROKES, Song
from drumstudio.core.strokes import Cells, Stroke, moved, span_seconds
from drumstudio.core.tiles import Grid
from drumstudio.files.block_reader import SongReader
from drumstudio.files.project_media import ProjectMedia
from drumstudio.jobs.job import Checkpoint
from drumstudio.workflows.find_alike import AlikeHit, find_alike
from drumstudio.workflows.find_hit import held_back

_NEAR_SECONDS = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """The strokes that were painted on one hit.

    Parameters
    ----------
    strokes : tuple of str and Stroke
        In order, each with the id of its layer.
    """

    strokes: tuple[tuple[str, Stroke], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """Hits that are like a corrected one, for a person to say which of them to correct.

    Parameters
    ----------
    correction : Correction
        What would be copied.
    onset_seconds : float
        Where the corrected hit begins.
    hits : tuple of AlikeHit
        In order of time.
    clicked : bool
        Whether the onset brush found the hit: then each copy takes no more than stands out
        where it is.
    """

    correction: Correction
    onset_seconds: float
    hits: tuple[AlikeHit, ...]
    clicked: bool = False

    @property
    def suggested(self) -> tuple[bool, ...]:
        """Which hits are like enough that they are ticked from the start."""
        return tuple(hit.likeness >= SUGGESTED for hit in self.hits)


def correction_at(song: Song, media: ProjectMedia, grid: Grid, start: float, stop: float
) -> Correction:  # fmt: skip
    """Return the strokes whose middle lies in a stretch of time, of the layers that are on.

    Raises
    ------
    ProjectError
        If there are none, or a stroke can not be read.
    """
    found = []
    for layer in song.layers:
        if not layer.on:
            continue
        for blob in layer.strokes:
            stroke = media.stroke(blob)
            if start <= sum(span_seconds(stroke.shape, grid.frame_seconds)) / 2 <= stop:
                found.append((layer.id, stroke))
    return _correction(found, "nothing was painted in the selected time.")


def last_correction(song: Song, media: ProjectMedia, preferred: str | None) -> Correction:
    """Return the last stroke of a layer; of the topmost that is on, if that holds none.

    Raises
    ------
    ProjectError
        If there is none, or it can not be read.
    """
    layers = [layer for layer in reversed(song.layers) if layer.on and layer.strokes]
    layers.sort(key=lambda layer: layer.id != preferred)
    found = [(layer.id, media.stroke(layer.strokes[-1])) for layer in layers[:1]]
    return _correction(found, "nothing was painted yet.")


def _correction(strokes: Iterable[tuple[str, Stroke]], otherwise: str) -> Correction:
    correction = Correction(tuple(strokes))
    if not correction.strokes:
        raise ProjectError(
            "Cannot fix this everywhere",
            why=otherwise,
            fix="Correct one hit first, with the onset brush for example.",
        )
    return correction


def fix_everywhere(
    document: Document,
    song_id: str,
    reader: SongReader,
    grid: Grid,
    review: Review,
    chosen: Collection[int],
) -> int:
    """Copy a correction to hits like it: one step of undo; return how many were corrected.

    Parameters
    ----------
    document : Document
        The project.
    song_id : str
        The song.
    reader : SongReader
        Its sound.
    grid : Grid
        Its cells.
    review : Review
        What was found.
    chosen : collection of int
        Which of its hits.

    Raises
    ------
    ProjectError, DiskFullError
        If the project is read-only, the disk refuses, or a layer would hold too many strokes;
        then nothing has happened.
    """
    document.require_writable("Cannot paint")
    layers = {layer.id: layer for layer in document.project.song(song_id).layers}
    copies: list[tuple[str, Blob]] = []
    corrected = 0
    for number in sorted(chosen):
        later = review.hits[number].seconds - review.onset_seconds
        before = len(copies)
        for layer_id, stroke in review.correction.strokes:
            copy = moved(stroke, later, grid.frame_seconds, grid.frames)
            if copy is not None and review.clicked and isinstance(copy.shape, Cells):
                cells = held_back(reader, grid, copy.shape)
                copy = None if cells is None else replace(copy, shape=cells)
            if copy is not None and layer_id in layers:
                copies.append((layer_id, document.media.keep_stroke(copy)))
        corrected += len(copies) > before
    for layer_id, layer in layers.items():
        if len(layer.strokes) + sum(copy[0] == layer_id for copy in copies) > MAX_STROKES:
            raise ProjectError(
                "Cannot fix this everywhere",
                why=f"the layer {layer.name} would hold more than {MAX_STROKES} strokes.",
                fix="Tick fewer hits, or paint on another layer.",
            )
    if copies:
        hits = "1 hit" if corrected == 1 else f"{corrected} hits"
        with document.command(f"Fix everywhere ({hits})") as edit:
            for layer_id, blob in copies:
                edit.insert(("songs", song_id, "layers", layer_id, "strokes"), blob)
    return corrected


class AlikeFinder:
    """Looks for hits that are like a corrected one while the window goes on.

    Its methods return at once; listeners are called on a thread of its own.

    Parameters
    ----------
    session : EditSession
        Of the song.

    Attributes
    ----------
    found : Listeners
        Called with the `Review`.
    fixed : Listeners
        Called with the number of hits that were corrected.
    progressed : Listeners
        Called with the share done, in [0, 1].
    failed : Listeners
        Called with an error that a person should see.
    """

    def __init__(self, session: EditSession) -> None:
        self.found: Listeners[[Review]] = Listeners()
        self.fixed: Listeners[[int]] = Listeners()
        self.progressed: Listeners[[float]] = Listeners()
        self.failed: Listeners[[DrumStudioError]] = Listeners()
        self._session = session
        self._stop = threading.Event()
        self._work = Background(self.failed)

    def look(self, selection: tuple[float, float] | None = None) -> None:
        """Look for hits like the one in a stretch of time; without one, the last that was painted.

        What was being looked for before is given up.
        """
        self._stop.set()
        stop = self._stop = threading.Event()

        def checkpoint(fraction: float, message: str) -> None:
            if stop.is_set():
                raise Cancelled
            self.progressed(fraction)

        def look() -> Review:
            return self._look(selection, checkpoint)

        self._work.run(look, self.found)

    def _look(self, selection: tuple[float, float] | None, checkpoint: Checkpoint) -> Review:
        session = self._session
        editor, media = session.editor, session.document.media
        if selection is None:
            correction = last_correction(editor.song, media, editor.layer_id)
        else:
            correction = correction_at(editor.song, media, editor.grid, *selection)
        strokes = [stroke for _, stroke in correction.strokes]
        hertz = self._clicked(strokes)
        with session.reader() as reader:
            alike = find_alike(reader, editor.grid, strokes, checkpoint, hertz)
        return Review(correction, alike.onset_seconds, alike.hits, hertz is not None)

    def _clicked(self, strokes: list[Stroke]) -> float | None:
        """Return the frequency of the click that found the hit, if one did."""
        if self._session.clicked_hit is None:
            return None
        onset, hertz = self._session.clicked_hit
        frame_seconds = self._session.editor.grid.frame_seconds
        begin = min(span_seconds(stroke.shape, frame_seconds)[0] for stroke in strokes)
        return hertz if abs(begin - onset) < _NEAR_SECONDS else None

    def fix(self, review: Review, chosen: Collection[int]) -> None:
        """Correct the chosen hits of a review: one step of undo."""
        session = self._session

        def fix() -> int:
            grid = session.editor.grid
            with session.reader() as reader:
                return again_if_changed(
                    lambda: fix_everywhere(
                        session.document, session.song_id, reader, grid, review, chosen
                    )
                )

        self._work.run(fix, self.fixed)

    def cancel(self) -> None:
        """Give up what is being looked for."""
        self._stop.set()

    def close(self) -> None:
        """Give up and end the thread."""
        self.cancel()
        self._work.close()
