"""A song that is being painted: the editor, the sound of it, and what finds cells by itself."""

from __future__ import annotations

from dataclasses import replace

from drumstudio.application.background import Background
from drumstudio.application.backlog import Backlog
from drumstudio.application.document import Document
from drumstudio.application.edit_sound import EditSound, RenderedEdit
from drumstudio.application.edited_waveforms import EditedBlocks, edited_blocks
from drumstudio.application.editor import Editor
from drumstudio.application.listeners import Listeners
from drumstudio.application.material import AUDITIONS
from drumstudio.application.selector import Selector
from drumstudio.application.stroke_layers import again_if_changed
from drumstudio.application.transport import Transport
from drumstudio.core import check
from drumstudio.core.errors import Cancelled, DrumStudioError
from drumstudio.core.strokes import Cells
from drumstudio.files.block_reader import SongReader
from drumstudio.files.delta_store import DeltaStore, delta_folder
from drumstudio.tools.table import TOOLS

HEARINGS = ("edited", "model", *AUDITIONS)
"""What is heard while painting: with the strokes, without, what they touch, all else."""


class EditSession:
    """Joins a song's editor to what is heard of it.

    Its methods may be called from any thread; listeners are called from any.

    Parameters
    ----------
    document : Document
        The project.
    song_id : str
        A song of it that has been separated.
    transport : Transport
        What plays it.

    Attributes
    ----------
    editor : Editor
        What is painted.
    clicked_hit : tuple of float or None
        Where the hit begins that a tool took last, in seconds, and the frequency of
        the click.
    rendered : Listeners
        Called when the newest strokes can be heard.
    failed : Listeners
        Called with an error that a person should see.
    hearing_changed : Listeners
        Called when something else is to be heard.
    not_found : Listeners
        Called when a tool found nothing at the place of a click.
    selector : Selector
        What is selected.
    previewed : Listeners
        Called with the cells that a click would take where the pointer rests, or None.
    drawn : Listeners
        Called with what the edited blocks look like, for waveforms.

    Raises
    ------
    DrumStudioError
        If a stroke can not be read or the cache can not be written.
    """

    def __init__(self, document: Document, song_id: str, transport: Transport) -> None:
        self.rendered: Listeners[[]] = Listeners()
        self.failed: Listeners[[DrumStudioError]] = Listeners()
        self.hearing_changed: Listeners[[]] = Listeners()
        self.not_found: Listeners[[]] = Listeners()
        self.drawn: Listeners[[EditedBlocks]] = Listeners()
        self.previewed: Listeners[[Cells | None]] = Listeners()
        self.document = document
        self.song_id = song_id
        self.clicked_hit: tuple[float, float] | None = None
        self._transport = transport
        store = DeltaStore(delta_folder())
        self.editor = Editor(document, song_id)
        self._sound = EditSound(self.editor.song, document.media, store)
        self._store = store
        self._last: RenderedEdit | None = None
        self._hearing = "edited"
        self.selector = Selector(self.editor.grid)
        self._finding = Background(self.failed)
        self._looking = Backlog("preview of a tool")
        self._drawing = Background(self.failed)
        self._drawn: EditedBlocks | None = None
        self._closing = False
        self._disconnects = [
            self.editor.edited.connect(self._render),
            self._sound.ready.connect(self._on_ready),
            self._sound.failed.connect(self.failed),
            self._looking.failed.connect(self.failed),
        ]
        self._render()

    # --- sound --------------------------------------------------------------------------

    @property
    def hearing(self) -> str:
        """What is heard, one of `HEARINGS`."""
        return self._hearing

    def hear(self, what: str) -> None:
        """Hear something else of the song, or all of it again."""
        check.one_of("hearing", what, HEARINGS)
        if what == self._hearing:
            return
        self._hearing = what
        if what in AUDITIONS:
            self._render()
        self.apply()
        self.hearing_changed()

    def toggle(self, what: str) -> None:
        """Hear something instead of the edited song, or the song again."""
        self.hear("edited" if self._hearing == what else what)

    def apply(self) -> None:
        """Have what was rendered heard: also after the transport has taken the song anew."""
        last = self._last
        song = self.editor.song
        split = song.separation.split if song.separation is not None else None
        if last is None or last.edit.edited.split != split:
            self._transport.set_edits(None, None)
        else:
            deltas = None if self._hearing == "model" else last.deltas
            self._transport.set_edits(deltas, last.painted)
        self._transport.audition(self._hearing if self._hearing in AUDITIONS else "")

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until everything that was painted can be heard; return whether it can."""
        return self._sound.wait(timeout_seconds)

    def _render(self) -> None:
        song = self.editor.song
        first = round(self._transport.heard_seconds() * song.mixture.sample_rate)
        with_painted = self._hearing in AUDITIONS
        self._sound.render(song, self.editor.edit, first, with_painted=with_painted)

    def _on_ready(self, rendered: RenderedEdit) -> None:
        self._last = rendered
        self.apply()
        self.rendered()
        self._drawing.run(lambda: self._draw(rendered))

    def _draw(self, rendered: RenderedEdit) -> None:
        def checkpoint(fraction: float, message: str) -> None:
            if self._closing or self._last is not rendered:
                raise Cancelled

        checkpoint(0.0, "")
        split, active = rendered.edit.edited.split, self.editor.song.separation
        if active is None or active.split != split:
            return
        block_samples = self.editor.grid.block_samples
        with self.reader() as reader:
            reader.deltas = rendered.deltas
            self._drawn = edited_blocks(
                reader, split, block_samples, rendered.deltas, self._drawn, checkpoint
            )
        self.drawn(self._drawn)

    # --- tools that find cells ----------------------------------------------------------

    def click(self, seconds: float, hertz: float, way: str = "replace") -> None:
        """Have the tool look for what belongs to a place, and paint or select it; returns at once.

        Parameters
        ----------
        seconds, hertz : float
            Where.
        way : str
            One of `selection.WAYS`, where it is selected.
        """
        settings = self.editor.settings
        look = TOOLS[settings.tool].find
        if look is None:
            return

        def find() -> None:
            with self.reader() as reader:
                found = look(reader, self.editor.grid, seconds, hertz, settings)
            if found is None:
                self.not_found()
                return
            if found.onset_seconds is not None:
                self.clicked_hit = (found.onset_seconds, hertz)
            if settings.selecting:
                self.selector.select(found.cells, way)
            else:
                again_if_changed(lambda: self.editor.paint_found([found.cells]))

        self._finding.run(find)

    def look_at(self, seconds: float, hertz: float) -> None:
        """Have the tool look for what a click would take; `previewed` tells; returns at once."""
        settings = self.editor.settings
        look = TOOLS[settings.tool].find
        if look is None:
            return

        def find() -> None:
            with self.reader() as reader:
                found = look(reader, self.editor.grid, seconds, hertz, settings)
            self.previewed(None if found is None else found.cells)

        self._looking.replace([find])

    # --- the selection ------------------------------------------------------------------

    def give_selection(self, target: str, name: str, quieter_db: float | None = None) -> None:
        """Paint what is selected: one step of undo; returns at once.

        Parameters
        ----------
        target : {"drums", "rest", "protect"}
            Where it goes.
        name : str
            Of the step.
        quieter_db : float, optional
            What of it stays where it is, in decibels below what there was, positive; nothing
            stays if not given.
        """
        selection = self.selector.selection
        if selection is None:
            return
        strength = 1.0 if quieter_db is None else 1.0 - 10.0 ** (-quieter_db / 20.0)
        settings = replace(self.editor.settings, target=target, strength=strength)

        def paint() -> None:
            shapes = selection.shapes()
            again_if_changed(lambda: self.editor.paint_found(shapes, name, settings))

        self._finding.run(paint)

    def reader(self) -> SongReader:
        """Return the song's sound as it is heard with the strokes; to be closed.

        Raises
        ------
        DrumStudioError
            If it can not be read.
        """
        song, last = self.editor.song, self._last
        reader = SongReader(*self.document.media.sound(song))
        reader.focus = self.editor.focus
        if (
            last is not None
            and song.separation is not None
            and last.edit.edited.split == song.separation.split
        ):
            reader.deltas = last.deltas
        return reader

    # --- the end ------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the song: it is heard as the model made it."""
        self._closing = True
        for disconnect in self._disconnects:
            disconnect()
        self._finding.run(self._store.remove_oldest)
        self._finding.close()
        self._looking.close()
        self._sound.close()
        self._drawing.close()
        self.editor.close()
