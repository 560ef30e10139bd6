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
from drumstudio.application.spectrogram_picture import (
    Picture,
    ReadOut,
    ViewLook,
    brightness,
    painted,
)
from drumstudio.application.spectrogram_strips import STRIP_COLUMNS, SpectrogramStrips
from drumstudio.application.spectrogram_tiles import TILE_COLUMNS, SpectrogramTiles, TileKey
from drumstudio.core.closing import Closing
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.levels import STEMS, Levels, drums_share, level_db
from drumstudio.core.song import Song
from drumstudio.core.tiles import TILE_BINS, TILE_FRAMES, Grid, TileIndex
from drumstudio.core.view_axis import Area, Viewport, note_name
from drumstudio.files.overview import overview_path

_TELL_SECONDS = 0.04  # the window draws no more often than that while tiles come in


@dataclass(frozen=True, slots=True)
class _Sound:
    """What is looked at: files, tiles, strips; replaced when the model is another."""

    hashes: tuple[str, str | None]
    tiles: SpectrogramTiles
    strips: SpectrogramStrips


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
        What is painted on it; without one the model's drums are shown.

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
        self._editor: Editor | None = None
        self._field: FieldPixels | None = None
        self._kept: FieldPixels | None = None
        self._disconnect_editor: Callable[[], None] = _nothing
        song = document.project.song(song_id)
        shape = song.mixture
        self._grid = Grid(shape.sample_rate, shape.channels, shape.samples)
        self._sound = self._opened(song)
        self._amount = song.amount
        self._retired: list[SpectrogramTiles] = []
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
        self._editor, self._field, self._kept = editor, None, None
        self._disconnect_editor = _nothing
        if editor is not None:
            self._field = FieldPixels(editor.grid, editor.seen_tile)
            self._kept = FieldPixels(editor.grid, editor.protection_tile)
            self._disconnect_editor = editor.looks_changed.connect(self._painted)
        self.changed(None)

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
        first, last = columns or (0, viewport.columns)
        top, bottom = rows or (0, viewport.axis.rows)
        sound, look = self._sound, self._look
        self._samples_per_pixel = viewport.seconds_per_pixel * self._grid.sample_rate
        strip = sound.strips.seen(viewport, look.n_fft, first, last)
        box = (viewport.first_column + first, top, last - first, bottom - top)
        works: list[Work] = []
        field = kept = None
        if self._editor is not None and self._field is not None and self._kept is not None:
            drawn, protected = self._editor.painted_tiles(), self._editor.protected_tiles()
            field = self._pasted(self._field, drawn, viewport, box, works)
            kept = self._pasted(self._kept, protected, viewport, box, works)
        share = None if strip.share is None else strip.share[top:bottom]
        levels, share = painted(strip.levels[:, top:bottom], share, field, look.stem, self._amount)
        complete = strip.exact and not works
        if columns is None and rows is None:
            # The overview may have been made meanwhile.
            sound.tiles.look_for_overview()
            missing = sound.strips.missing(viewport, look.n_fft)
            works += [partial(self._compute, sound, key) for key in missing]
            self._backlog.replace(works)
        elif works:
            self._backlog.put_first(works)
        return Picture(
            brightness(levels, look.low_db, look.high_db),
            share if look.show_share else None,
            None if kept is None else (2 * kept.astype(np.uint8)),
            complete,
        )

    def _pasted(
        self,
        pixels: FieldPixels,
        tiles: frozenset[TileIndex],
        viewport: Viewport,
        box: tuple[int, int, int, int],
        works: list[Work],
    ) -> Bytes | None:
        """Return a field in a box of pixels; what takes long is added to `works`."""
        later: list[TileIndex] = []
        out = pixels.pasted(tiles, viewport, box, later)
        works += [partial(self._bring, pixels, index, viewport) for index in later]
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
        model = drums_share(cell[1], cell[2]) if len(cell) == len(STEMS) else None
        field = np.array([[self._field_at(where.seconds, where.hertz)]], dtype=np.int8)
        level, share = painted(cell, model, field, self._look.stem, self._amount)
        return replace(
            where,
            db=level_db(int(level[0, 0])),
            share=None if share is None else float(share[0, 0]) / 255,
        )

    def _field_at(self, seconds: float, hertz: float) -> int:
        grid, editor = self._grid, self._editor
        if editor is None:
            return 0
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
        for pixels in (self._field, self._kept):
            if pixels is not None:
                pixels.forget(tiles)
        area = self.area_of(tiles)
        if area is not None:
            self.changed(area)

    def _opened(self, song: Song) -> _Sound:
        separation = song.separation
        media = self._document.media
        drums = None if separation is None else media.drums_file(song, separation)
        hashes = _hashes(song)
        overview = overview_path(*hashes)
        tiles = SpectrogramTiles(self._grid, media.mixture_file(song), drums, overview)
        stems = 1 if drums is None else len(STEMS)
        return _Sound(hashes, tiles, SpectrogramStrips(self._grid, tiles, stems))

    def _follow(self) -> None:
        song = next((s for s in self._document.project.songs if s.id == self._song_id), None)
        if song is None:
            return
        amount, self._amount = self._amount, song.amount
        before = self._sound
        if _hashes(song) != before.hashes:
            try:
                self._sound = self._opened(song)
            except DrumStudioError as error:
                self.failed(error)
                return
            # What is being computed may still read from the files.
            self._retired.append(before.tiles)
            self._backlog.replace([])
        if before is not self._sound or amount != song.amount:
            self.changed(None)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until everything that the last picture lacked is there; return whether it is."""
        return self._backlog.wait(timeout_seconds)

    def close(self) -> None:
        """Let go of the song."""
        self._disconnect()
        self._disconnect_editor()
        self._backlog.close()
        for tiles in (*self._retired, self._sound.tiles):
            tiles.close()


def _hashes(song: Song) -> tuple[str, str | None]:
    separation = song.separation
    return song.mixture.sha256, None if separation is None else separation.drums.sha256


def _nothing() -> None:
    """Stand for the disconnection of an editor that is not there."""
