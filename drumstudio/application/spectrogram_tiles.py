"""Levels of a song's stems by tile: from the overview, or computed from the sound and kept."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from drumstudio.core.closing import Closing
from drumstudio.core.errors import AudioOpenError
from drumstudio.core.levels import Levels
from drumstudio.core.tiles import Grid
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.overview import (
    OverviewReader,
    build_overview,
    column_count,
    levels_of,
    overview_steps,
)
from drumstudio.jobs.job import Checkpoint

TILE_COLUMNS = 128
LIMIT_BYTES = 160 * 2**20
"""What the tiles of one song's view may take."""

_MOST_OVERLAP = 16  # windows that a sample may lie in, at the closest zoom


@dataclass(frozen=True, slots=True)
class Detail:
    """How finely the sound is looked at.

    Parameters
    ----------
    n_fft : int
        Length of the window, in samples.
    step : int
        Samples from column to column; what lies between two is not left out.
    """

    n_fft: int
    step: int

    @property
    def offset(self) -> float:
        """Where the first column is centred, in samples."""
        hop_length = min(self.step, self.n_fft // 4)
        return (self.step - hop_length) / 2


@dataclass(frozen=True, slots=True)
class TileKey:
    """A tile: 128 columns of a detail, counted from the song's beginning."""

    detail: Detail
    number: int


class SpectrogramTiles(Closing):
    """The tiles of one song with one separation, or none.

    `get` belongs to one thread, `compute` to another.

    Parameters
    ----------
    grid : Grid
        The song's edit STFT: its shape counts.
    mixture, stems : Path, SplitFiles or None
        Its media files.
    focus : str
        The stem that stands against all others.
    overview : Path
        Where its overview is, or will be.
    limit_bytes : int
        What the tiles may take together.
    """

    def __init__(
        self,
        grid: Grid,
        mixture: Path,
        stems: SplitFiles | None,
        focus: str,
        overview: Path,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._grid = grid
        self._files = mixture, stems
        self._focus = focus
        self._overview_path = overview
        self._limit = limit_bytes
        self._guard = threading.Lock()
        self._tiles: OrderedDict[TileKey, Levels] = OrderedDict()
        self._bytes = 0
        self._steps = overview_steps(grid.sample_rate)
        self._reader: SongReader | None = None
        self._overview: OverviewReader | None = None
        self.look_for_overview()

    @property
    def bytes(self) -> int:
        """What the tiles take now."""
        return self._bytes

    @property
    def has_overview(self) -> bool:
        """Whether the whole song can be shown at once."""
        return self._overview is not None

    def look_for_overview(self) -> bool:
        """Take the overview if it was made meanwhile; return whether it is there."""
        if self._overview is None:
            try:
                reader = OverviewReader(self._overview_path)
            except AudioOpenError:
                return False
            expected = 1 if self._files[1] is None else 3
            if reader.stems != expected or reader.steps != self._steps:
                reader.close()
                return False
            self._overview = reader
        return True

    def build_overview(self, checkpoint: Checkpoint) -> None:
        """Make the overview; as `files.overview.build_overview`, but here and now."""
        mixture, stems = self._files
        build_overview(
            checkpoint,
            mixture=str(mixture),
            stems=None if stems is None else stems.to_plain(),
            focus=self._focus,
            output=str(self._overview_path),
        )

    def detail(self, n_fft: int, samples_per_pixel: float) -> Detail:
        """Return the coarsest detail of which every pixel gets a column, if there is one.

        Parameters
        ----------
        n_fft : int
            What is asked for; from where a pixel is as wide as the overview's columns on,
            the overview's is taken.
        samples_per_pixel : float
            The zoom.
        """
        if samples_per_pixel >= self._steps[0]:
            steps = self._steps if self.has_overview else self._steps[:1]
            return Detail(
                self._grid.n_fft, max(step for step in steps if step <= samples_per_pixel)
            )
        finest = max(n_fft // _MOST_OVERLAP, 1)
        step = 2 ** math.floor(math.log2(max(samples_per_pixel, finest)))
        return Detail(n_fft, min(step, self._steps[0]))

    def coarse(self) -> Detail:
        """Return what stands in until a detail has been computed."""
        return Detail(self._grid.n_fft, self._steps[0])

    def columns(self, detail: Detail) -> int:
        """Return how many columns the song has."""
        if detail.step in self._steps[1:]:
            finest = column_count(self._grid.samples, detail.n_fft, self._steps[0])
            return -(-finest // (detail.step // self._steps[0]))
        return column_count(self._grid.samples, detail.n_fft, detail.step)

    def get(self, key: TileKey) -> Levels | None:
        """Return a tile if it is there or in the overview.

        Returns
        -------
        ndarray, uint8, shape (stems, columns, bins), or None
            Not to be written to.
        """
        with self._guard:
            levels = self._tiles.get(key)
            if levels is not None:
                self._tiles.move_to_end(key)
                return levels
        if key.detail.n_fft != self._grid.n_fft or key.detail.step not in self._steps:
            return None
        if self._overview is None:
            return None
        try:
            table = self._steps.index(key.detail.step)
            levels = self._overview.read(table, *self._range(key))
        except AudioOpenError:
            self._overview.close()
            self._overview = None
            return None
        self._keep(key, levels)
        return levels

    def compute(self, key: TileKey) -> None:
        """Have a tile there, computed from the sound.

        Raises
        ------
        AudioOpenError
            If the sound can not be read.
        """
        with self._guard:
            if key in self._tiles:
                return
        if self._reader is None:
            self._reader = SongReader(*self._files)
        detail = key.detail
        levels = levels_of(self._reader, self._focus, detail.n_fft, detail.step, *self._range(key))
        self._keep(key, levels)

    def _range(self, key: TileKey) -> tuple[int, int]:
        first = key.number * TILE_COLUMNS
        return first, min(TILE_COLUMNS, self.columns(key.detail) - first)

    def _keep(self, key: TileKey, levels: Levels) -> None:
        with self._guard:
            before = self._tiles.pop(key, None)
            self._bytes += levels.nbytes - (0 if before is None else before.nbytes)
            self._tiles[key] = levels
            while self._bytes > self._limit and len(self._tiles) > 1:
                self._bytes -= self._tiles.popitem(last=False)[1].nbytes

    def close(self) -> None:
        """Close the files and forget the tiles; nothing may be computed meanwhile."""
        if self._reader is not None:
            self._reader.close()
        if self._overview is not None:
            self._overview.close()
        with self._guard:
            self._tiles.clear()
            self._bytes = 0
