"""The cells that strokes act on, cut into tiles, and the memory that tiles may take.

A cell is one bin of one frame of the edit STFT. Inside a tile frames come first: the frames
of the STFT lie behind each other in memory (`core.stft`), and so do the cells of a field.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drumstudio.core import check
from drumstudio.core.stft import edit_sizes

TILE_FRAMES = 64
TILE_BINS = 256
LIMIT_BYTES = 128 * 2**20
"""What the tiles of all layers may take, with those that undo goes back to."""

LANDMARK_STEPS = 16
"""Every so many strokes a tile is kept longer, so that any other is not far from one."""

TileIndex = tuple[int, int]
"""Column (time) and row (frequency) of a tile."""

Cells = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Grid:
    """The edit STFT of one song.

    Parameters
    ----------
    sample_rate : int
        Hertz, positive.
    channels : int
        Of the song, at least 1.
    samples : int
        Samples per channel, not negative.

    Attributes
    ----------
    n_fft, hop_length : int
        As `core.stft.edit_sizes` gives them.
    """

    sample_rate: int
    channels: int
    samples: int
    n_fft: int = field(init=False)
    hop_length: int = field(init=False)

    def __post_init__(self) -> None:
        check.within("channels", self.channels, 1, 16_383)
        check.within("samples", self.samples, 0, 2**48)
        n_fft, hop_length = edit_sizes(self.sample_rate)
        object.__setattr__(self, "n_fft", n_fft)
        object.__setattr__(self, "hop_length", hop_length)

    @property
    def bins(self) -> int:
        """Number of bins."""
        return self.n_fft // 2 + 1

    @property
    def frames(self) -> int:
        """Number of frames; frame t is centred on sample t * hop_length."""
        return 1 + self.samples // self.hop_length

    @property
    def columns(self) -> int:
        """Number of tiles along time."""
        return -(-self.frames // TILE_FRAMES)

    @property
    def rows(self) -> int:
        """Number of tiles along frequency."""
        return -(-self.bins // TILE_BINS)

    @property
    def block_samples(self) -> int:
        """Samples of a block: as many as a column of tiles is long."""
        return TILE_FRAMES * self.hop_length

    @property
    def blocks(self) -> int:
        """Number of blocks of samples."""
        return -(-self.samples // self.block_samples)

    @property
    def frame_seconds(self) -> float:
        """Distance of frames."""
        return self.hop_length / self.sample_rate

    @property
    def bin_hz(self) -> float:
        """Distance of bins."""
        return self.sample_rate / self.n_fft

    def frame_range(self, column: int) -> tuple[int, int]:
        """Return the first frame of a column of tiles and the one after its last."""
        return column * TILE_FRAMES, min((column + 1) * TILE_FRAMES, self.frames)

    def bin_range(self, row: int) -> tuple[int, int]:
        """Return the first bin of a row of tiles and the one after its last."""
        return row * TILE_BINS, min((row + 1) * TILE_BINS, self.bins)

    def shape(self, index: TileIndex) -> tuple[int, int]:
        """Return a tile's number of frames and of bins."""
        first_frame, last_frame = self.frame_range(index[0])
        first_bin, last_bin = self.bin_range(index[1])
        return last_frame - first_frame, last_bin - first_bin

    def frame_times(self, first: int, last: int) -> NDArray[np.float64]:
        """Return the seconds on which frames first to last - 1 are centred."""
        return np.arange(first, last) * self.hop_length / self.sample_rate

    def bin_frequencies(self, first: int, last: int) -> NDArray[np.float64]:
        """Return the hertz of bins first to last - 1."""
        return np.arange(first, last) * self.sample_rate / self.n_fft


def uniform(value: float, shape: tuple[int, int]) -> Cells:
    """Return a tile that is the same everywhere and takes the memory of one cell."""
    return np.broadcast_to(np.float16(value), shape)


def uniform_value(cells: NDArray[np.floating]) -> float | None:
    """Return the value of a tile or weight that was made by broadcasting one; else None."""
    return float(cells[0, 0]) if cells.strides == (0, 0) else None


class TileCache:
    """Tiles by key, as many as fit; those used longest ago go first.

    Landmarks go only when nothing else is left. May be used from any thread.

    Parameters
    ----------
    limit_bytes : int
        What the tiles may take together.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._guard = threading.Lock()
        self._steps: OrderedDict[Hashable, Cells] = OrderedDict()
        self._landmarks: OrderedDict[Hashable, Cells] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """What the tiles take now."""
        return self._bytes

    def get(self, key: Hashable) -> Cells | None:
        """Return a tile, if it is still there."""
        with self._guard:
            for tiles in (self._steps, self._landmarks):
                cells = tiles.get(key)
                if cells is not None:
                    tiles.move_to_end(key)
                    return cells
        return None

    def put(self, key: Hashable, cells: Cells, *, landmark: bool = False) -> None:
        """Keep a tile, which nobody may write to from now on."""
        cells.setflags(write=False)
        with self._guard:
            for tiles in (self._steps, self._landmarks):
                old = tiles.pop(key, None)
                if old is not None:
                    self._bytes -= _size(old)
            (self._landmarks if landmark else self._steps)[key] = cells
            self._bytes += _size(cells)
            while self._bytes > self._limit:
                tiles = self._steps or self._landmarks
                self._bytes -= _size(tiles.popitem(last=False)[1])

    def clear(self) -> None:
        """Forget every tile."""
        with self._guard:
            self._steps.clear()
            self._landmarks.clear()
            self._bytes = 0


_ENTRY_BYTES = 200  # of a key with its place in the table


def _size(cells: Cells) -> int:
    """Return what a tile takes, in bytes, with its place in the cache."""
    return _ENTRY_BYTES + (cells.itemsize if uniform_value(cells) is not None else cells.nbytes)
