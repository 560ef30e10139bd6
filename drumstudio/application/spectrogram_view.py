"""The spectrogram that a window shows of a song, as arrays of pixels: levels and drums' share.

Nothing here changes sound. The transform is computed on a thread of its own, for what is in
view only; until it is there, the coarse overview stands in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from drumstudio.application.backlog import Backlog, Work
from drumstudio.application.document import Document
from drumstudio.application.editor import Editor
from drumstudio.application.field_pixels import FULL, Bytes, FieldPixels, area_of
from drumstudio.application.listeners import Listeners
from drumstudio.application.paint_pixels import PaintPixels
from drumstudio.application.selection import Selection
from drumstudio.application.spectrogram_picture import (
    Picture,
    Pixels,
    ReadOut,
    ViewLook,
    brightness,
    kept_share,
    painted_share,
    stem_level,
)
from drumstudio.application.spectrogram_strips import STRIP_COLUMNS, SpectrogramStrips, Strip
from drumstudio.application.spectrogram_tiles import TILE_COLUMNS, SpectrogramTiles, TileKey
from drumstudio.core import check
from drumstudio.core.closing import Closing
from drumstudio.core.errors import Cancelled, DrumStudioError
from drumstudio.core.levels import STEMS, Levels, drums_share, level_db
from drumstudio.core.song import Song
from drumstudio.core.stems import Split
from drumstudio.core.tiles import TILE_BINS, TILE_FRAMES, Grid, TileIndex
from drumstudio.core.view_axis import Area, Viewport, note_name
from drumstudio.files.overview import overview_path

_MARKS = ("selected", "previewed")
_MODELS_KEPT = 3  # whose tiles stay, for comparing them
_TELL_SECONDS = 0.04  # the window draws no more often than that while tiles come in


_Seen = tuple[Split | None, str]
"""The stems, and which of them stands against all others."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sound:
    """What is looked at: the song as one model split it, one stem against all others, or whole."""

    seen: _Seen
    tiles: SpectrogramTiles
    strips: SpectrogramStrips


@dataclass(frozen=True, slots=True)
class _Part:
    """Some pixels of a viewport: columns first to last - 1, rows top to bottom - 1."""

    viewport: Viewport
    first: int
    last: int
    top: int
    bottom: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """First column, counted from the song's beginning, first row, columns, rows."""
        column = self.viewport.first_column + self.first
        return column, self.top, self.last - self.first, self.bottom - self.top

    def of(self, sound: _Sound, n_fft: int) -> Strip:
        """Return what is seen of a sound before painting."""
        strip = sound.strips.seen(self.viewport, n_fft, self.first, self.last)
        rows = slice(self.top, self.bottom)
        share = None if strip.share is None else strip.share[rows]
        return Strip(strip.levels[:, rows], share, strip.exact)


class SpectrogramView(Closing):
    """The spectrogram of one song.

    `picture`, `read_out` and the setters belong to the window's thread.

    Parameters
    ----------
    document : Document
        The project.
    song_id : str
        A song of it.
    editor : Editor, optional
        What is painted on it; without one the model's stems are shown.

    Attributes
    ----------
    changed : Listeners
        Called, from any thread, with the `Area` that looks different now; None for all of it.
    failed : Listeners
        Called, from any thread, with an error if the sound can not be read.

    Raises
    ------
    DrumStudioError
        If the song's sound is missing.
    """

    def __init__(self, document: Document, song_id: str, editor: Editor | None = None) -> None:
        self.changed: Listeners[[Area | None]] = Listeners()
        self._document = document
        self._song_id = song_id
        self._look = ViewLook()
        self._guard = threading.Lock()
        self._news: list[Area] = []
        self._told = 0.0
        self._backlog = Backlog("spectrogram")
        self.failed: Listeners[[DrumStudioError]] = self._backlog.failed
        self._painting: PaintPixels | None = None
        self._marks: dict[str, tuple[Selection, FieldPixels]] = {}
        self._disconnect_editor: Callable[[], object] = _nothing
        song = document.project.song(song_id)
        shape = song.mixture
        self._grid = Grid(shape.sample_rate, shape.channels, shape.samples)
        self._retired: list[SpectrogramTiles] = []
        self._refused: set[_Seen] = set()  # models whose overview could not be made
        self._sounds: dict[_Seen, _Sound] = {}  # the one used last comes last
        self._sound = self._sound_of(song, self._seen_of(song))
        self._amount = _amount(song, self._sound.seen)
        self._samples_per_pixel = float(self._grid.hop_length)
        self.set_editor(editor)
        self._disconnect = document.changed.connect(self._follow)

    # --- what is shown ------------------------------------------------------------------

    @property
    def grid(self) -> Grid:
        """The song's edit STFT."""
        return self._grid

    @property
    def look(self) -> ViewLook:
        """How it is shown; may be set."""
        return self._look

    @look.setter
    def look(self, look: ViewLook) -> None:
        if look != self._look:
            self._look = look
            self.changed(None)

    @property
    def has_overview(self) -> bool:
        """Whether the whole song can be seen at once; if not, it comes in tile by tile."""
        return self._sound.tiles.look_for_overview()

    def set_editor(self, editor: Editor | None) -> None:
        """Show what is painted in another editor of the song, or nothing."""
        self._disconnect_editor()
        self._painting = None if editor is None else PaintPixels(editor)
        self._disconnect_editor = _nothing
        if editor is not None:
            both = editor.looks_changed.connect(self._painted), editor.aimed.connect(self._follow)
            self._disconnect_editor = lambda: [disconnect() for disconnect in both]
        self.changed(None)

    @property
    def editor(self) -> Editor | None:
        """Whose paint is shown."""
        return None if self._painting is None else self._painting.editor

    def mark(self, name: str, selection: Selection | None) -> None:
        """Show what is "selected", or what a click would take ("previewed"); None for nothing."""
        check.one_of("mark", name, _MARKS)
        before = self._marks.pop(name, None)
        tiles: frozenset[TileIndex] = frozenset() if before is None else before[0].tiles
        if selection is not None:
            pixels = FieldPixels(self._grid, lambda _, index: selection.tile(index))
            self._marks[name] = selection, pixels
            tiles |= selection.tiles
        area = self.area_of(tiles)
        if area is not None:
            self.changed(area)

    def area_of(self, tiles: frozenset[TileIndex]) -> Area | None:
        """Return the area of some tiles of the edit field; None without any."""
        return area_of(self._grid, tiles)

    # --- the picture --------------------------------------------------------------------

    def picture(
        self,
        viewport: Viewport,
        columns: tuple[int, int] | None = None,
        rows: tuple[int, int] | None = None,
    ) -> Picture:
        """Return what a window shows now; what it lacks is computed from now on.

        What was asked for with an earlier picture is given up for a new one, not for a part.

        Parameters
        ----------
        viewport : Viewport
            What the window shows.
        columns, rows : tuple of int, optional
            The part of it that is wanted: the first pixel and the one after the last.
        """
        part = _Part(
            viewport, *(columns or (0, viewport.columns)), *(rows or (0, viewport.axis.rows))
        )
        look, sounds = self._look, [self._sound]
        works: list[Work] = []
        self._samples_per_pixel = viewport.seconds_per_pixel * self._grid.sample_rate
        strip = part.of(self._sound, look.n_fft)
        level, share, exact = strip.levels[0], strip.share, strip.exact
        kept: Bytes | None = None
        field: Bytes | None = None
        if strip.share is not None:
            share, kept, field, exact = self._as_painted(strip, part, sounds, works)
            level = stem_level(strip.levels, strip.share, share, look.stem)
        selected, previewed = (self._marked(name, part, works) for name in _MARKS)
        complete = exact and not works
        if columns is None and rows is None:
            for sound in sounds:
                sound.tiles.look_for_overview()  # it may have been made meanwhile
                missing = sound.strips.missing(viewport, look.n_fft)
                works += [partial(self._compute, sound, key) for key in missing]
            works += [
                partial(self._build_overview, sound)
                for sound in sounds
                if not (sound.tiles.has_overview or sound.seen in self._refused)
            ]
            self._backlog.replace(works)
        elif works:
            self._backlog.put_first(works)
        return Picture(
            brightness(level, look.low_db, look.high_db),
            share if look.show_share else None,
            None if kept is None else 2 * kept.astype(np.uint8),
            field,
            selected,
            previewed,
            complete,
        )

    def _as_painted(
        self, strip: Strip, part: _Part, sounds: list[_Sound], works: list[Work]
    ) -> tuple[Pixels, Bytes | None, Bytes | None, bool]:
        """Return the share as painted, how much is kept, the field, and whether all is exact.

        What takes long is added to `works` and left out; other models that are seen are added
        to `sounds`.
        """
        assert strip.share is not None
        if self._painting is None:
            return painted_share(strip.share, None, self._amount), None, None, strip.exact
        paste = partial(self._pasted, part=part, works=works)
        editor, exact = self._painting.editor, strip.exact
        field = paste(self._painting.field, editor.painted_tiles())
        share = painted_share(strip.share, field, self._amount)
        kept = paste(self._painting.protection, editor.protected_tiles())
        for one in self._painting.kept() if kept is not None else ():
            other, keep = self._other(one.split), paste(one.keep, one.tiles)
            if other is None or keep is None:
                continue
            sounds.append(other)
            whole = part.of(other, self._look.n_fft)
            if whole.share is not None:
                then = painted_share(whole.share, paste(one.field, one.tiles), one.amount)
                share = kept_share(share, keep, then)
            exact = exact and whole.exact
        return share, kept, field, exact

    def _marked(self, name: str, part: _Part, works: list[Work]) -> Bytes | None:
        """Return what is selected, or what a click would take."""
        mark = self._marks.get(name)
        if mark is None:
            return None
        selection, pixels = mark
        return self._pasted(pixels, selection.tiles, part=part, works=works)

    def _pasted(
        self,
        pixels: FieldPixels,
        tiles: frozenset[TileIndex],
        *,
        part: _Part,
        works: list[Work],
    ) -> Bytes | None:
        later: list[TileIndex] = []
        out = pixels.pasted(tiles, part.viewport, part.box, later)
        works += [partial(self._bring, pixels, index, part.viewport) for index in later]
        return out

    # --- a point ------------------------------------------------------------------------

    def read_out(self, seconds: float, hertz: float) -> ReadOut:
        """Return what is known of a place, from what was computed for the picture."""
        nothing = ReadOut(seconds, hertz, note_name(hertz), None, None)
        grid, tiles = self._grid, self._sound.tiles
        if not (0 <= seconds <= grid.samples / grid.sample_rate and hertz >= 0):
            return nothing
        for detail in (tiles.detail(self._look.n_fft, self._samples_per_pixel), tiles.coarse()):
            column = round((seconds * grid.sample_rate - detail.offset) / detail.step)
            column = min(max(column, 0), tiles.columns(detail) - 1)
            levels = tiles.get(TileKey(detail, column // TILE_COLUMNS))
            bin_number = round(hertz * detail.n_fft / grid.sample_rate)
            if levels is not None and bin_number < levels.shape[2]:
                cell = levels[:, column % TILE_COLUMNS, bin_number]
                return self._read(nothing, cell.reshape(-1, 1, 1))
        return nothing

    def _read(self, where: ReadOut, cell: Levels) -> ReadOut:
        """Return a place with what a cell, uint8 (stems, 1, 1), says."""
        if len(cell) < len(STEMS):
            return replace(where, db=level_db(int(cell[0, 0, 0])))
        model = drums_share(cell[1], cell[2])
        field = np.array([[self._field_at(where.seconds, where.hertz)]], dtype=np.int8)
        share = painted_share(model, field, self._amount)
        level = stem_level(cell, model, share, self._look.stem)
        return replace(where, db=level_db(int(level[0, 0])), share=float(share[0, 0]) / 255)

    def _field_at(self, seconds: float, hertz: float) -> int:
        grid = self._grid
        if self._painting is None:
            return 0
        editor = self._painting.editor
        frame = min(max(round(seconds / grid.frame_seconds), 0), grid.frames - 1)
        bin_number = min(round(hertz / grid.bin_hz), grid.bins - 1)
        index = frame // TILE_FRAMES, bin_number // TILE_BINS
        place = frame % TILE_FRAMES, bin_number % TILE_BINS
        values = [editor.seen_tile(channel, index)[place] for channel in range(grid.channels)]
        return round(FULL * float(np.mean(values)))

    # --- on the backlog's thread --------------------------------------------------------

    def _compute(self, sound: _Sound, key: TileKey) -> None:
        while self._retired:
            self._retired.pop().close()
        sound.tiles.compute(key)
        # A strip is drawn anew as a whole, also for a tile that only its hidden end needs.
        strip = STRIP_COLUMNS * self._samples_per_pixel
        first = key.number * TILE_COLUMNS * key.detail.step
        last = first + TILE_COLUMNS * key.detail.step
        rate = self._grid.sample_rate
        self._tell(Area((first - strip) / rate, (last + strip) / rate, 0.0, rate / 2))

    def _bring(self, pixels: FieldPixels, index: TileIndex, viewport: Viewport) -> None:
        pixels.make(index, viewport)
        area = self.area_of(frozenset([index]))
        if area is not None:
            self._tell(area)

    def _build_overview(self, sound: _Sound) -> None:
        """Make an overview that the cache has lost, unless there is something else to do."""

        def checkpoint(fraction: float, message: str) -> None:
            if not self._backlog.is_empty:
                raise Cancelled

        try:
            sound.tiles.build_overview(checkpoint)
        except Cancelled:
            return
        except DrumStudioError:
            # The picture comes in without it, only slower: nothing that a person has to know.
            self._refused.add(sound.seen)
            return
        self.changed(None)

    def _tell(self, area: Area) -> None:
        """Tell of an area, together with others that have come since the last time."""
        with self._guard:
            self._news.append(area)
            now = time.perf_counter()
            if now - self._told < _TELL_SECONDS and not self._backlog.is_empty:
                return
            self._told = now
            news, self._news = self._news, []
        self.changed(
            Area(
                min(one.start_seconds for one in news),
                max(one.stop_seconds for one in news),
                min(one.low_hz for one in news),
                max(one.high_hz for one in news),
            )
        )

    # --- following ----------------------------------------------------------------------

    def _painted(self, tiles: frozenset[TileIndex]) -> None:
        if self._painting is not None:
            self._painting.forget(tiles)
        area = self.area_of(tiles)
        if area is not None:
            self.changed(area)

    def _seen_of(self, song: Song) -> _Seen:
        if song.separation is None:
            return None, ""
        split = song.separation.split
        focus = self._painting.editor.focus if self._painting is not None else split.focus
        return split, focus if focus in split.names else split.focus

    def _sound_of(self, song: Song, seen: _Seen) -> _Sound:
        """Return a song's sound with some stems, or without any.

        Raises
        ------
        DrumStudioError
            If a file is missing.
        """
        with self._guard:
            found = self._sounds.pop(seen, None) or self._opened(song, seen)
            self._sounds[seen] = found
            if len(self._sounds) > _MODELS_KEPT:
                shown = (found, self._sound)
                oldest = next(key for key, one in self._sounds.items() if one not in shown)
                # What is being computed may still read from the files.
                self._retired.append(self._sounds.pop(oldest).tiles)
        return found

    def _opened(self, song: Song, seen: _Seen) -> _Sound:
        media, (split, focus) = self._document.media, seen
        made = next((one for one in song.separations if one.split == split), None)
        stems = None if made is None else media.split_files(song, made)
        overview = overview_path(song.mixture.sha256, None if stems is None else split, focus)
        tiles = SpectrogramTiles(self._grid, media.mixture_file(song), stems, focus, overview)
        levels = 1 if stems is None else len(STEMS)
        return _Sound(seen, tiles, SpectrogramStrips(self._grid, tiles, levels))

    def _other(self, split: Split) -> _Sound | None:
        focus = self._sound.seen[1]
        seen = split, focus if focus in split.names else split.focus
        try:
            return self._sound_of(self._document.project.song(self._song_id), seen)
        except DrumStudioError:
            return None  # it can not be heard either, and that is told

    def _follow(self) -> None:
        song = next((s for s in self._document.project.songs if s.id == self._song_id), None)
        if song is None:
            return
        amount, before, seen = self._amount, self._sound, self._seen_of(song)
        self._amount = _amount(song, seen)
        if seen != before.seen:
            try:
                self._sound = self._sound_of(song, seen)
            except DrumStudioError as error:
                self.failed(error)
                return
            self._backlog.replace([])
            if self._painting is not None:  # what is kept of which model is another matter now
                self._painting = PaintPixels(self._painting.editor)
        if before is not self._sound or amount != self._amount:
            self.changed(None)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until everything that the last picture lacked is there; return whether it is."""
        return self._backlog.wait(timeout_seconds)

    def close(self) -> None:
        """Let go of the song."""
        self._disconnect()
        self._disconnect_editor()
        self._backlog.close()
        for tiles in (*self._retired, *(sound.tiles for sound in self._sounds.values())):
            tiles.close()


def _amount(song: Song, seen: _Seen) -> float:
    split, focus = seen
    return song.amount if split is not None and focus == split.drums else 0.0


def _nothing() -> None:
    """Stand for the disconnection of an editor that is not there."""
