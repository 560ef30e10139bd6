"""The spectrogram of a whole song, small enough to be looked at at once.

An overview file holds the levels of a song's stems (`core.levels`), the largest of every 8
frames, and two coarser tables of the largest of 4 columns each: however short a hit is, it
is seen at any zoom. The files are a cache: named by the content they show, written whole, and
built again whenever one is missing or damaged.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import zlib
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from drumstudio import atomic, paths
from drumstudio.core.closing import Closing
from drumstudio.core.errors import AudioOpenError, DrumStudioError
from drumstudio.core.levels import STEMS, Levels, stem_levels
from drumstudio.core.stems import Split
from drumstudio.core.stft import edit_sizes
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.oldest_first import remove_oldest
from drumstudio.files.plain_file import open_plain
from drumstudio.jobs.job import Checkpoint

SUFFIX = ".overview"
FRAMES = 8
"""Frames that make a column of the finest table."""

FACTOR = 4
TABLES = 3
CACHE_LIMIT_BYTES = 2 * 10**9
"""Beyond this the overviews that were not looked at for longest are removed."""

_VERSION = 1
_HEADER = struct.Struct("<4sHHIQ")
_CHECK = struct.Struct("<I")
_START = _HEADER.size + _CHECK.size
_BUILD_COLUMNS = FACTOR ** (TABLES - 1) * 2
_MOST_SAMPLES = 2**48


def overview_steps(sample_rate: int) -> tuple[int, ...]:
    """Return how many samples a column of each table covers, the finest first."""
    finest = FRAMES * edit_sizes(sample_rate)[1]
    return tuple(finest * FACTOR**table for table in range(TABLES))


def column_count(samples: int, n_fft: int, step: int) -> int:
    """Return how many columns of so many samples a song has in an STFT.

    Parameters
    ----------
    samples : int
        Of the song.
    n_fft : int
        Of the view.
    step : int
        Samples of a column: a hop, or several hops of a quarter window.
    """
    hop_length = min(step, n_fft // 4)
    return -(-(1 + samples // hop_length) // (step // hop_length))


def levels_of(
    reader: SongReader, focus: str, n_fft: int, step: int, first: int, count: int
) -> Levels:
    """Return columns of a song's spectrogram, computed from its sound.

    Parameters
    ----------
    reader : SongReader
        The song; without stems there is only the mixture.
    focus : str
        The stem that stands against all others; any if there are none.
    n_fft, step : int
        As of `column_count`.
    first, count : int
        The first column, and how many; all of them in the song.

    Returns
    -------
    ndarray, uint8, shape (stems, count, bins)
        In the order of `core.levels.STEMS`.

    Raises
    ------
    AudioOpenError
        If the sound can not be read.
    """
    hop_length = min(step, n_fft // 4)
    pooled = step // hop_length
    frames = min(count * pooled, 1 + reader.samples // hop_length - first * pooled)
    start = first * step - n_fft // 2
    length = (frames - 1) * hop_length + n_fft
    mixture = reader.read("mixture", start, length)
    part = reader.read(focus, start, length) if reader.has_stems else None
    return stem_levels(mixture, part, n_fft, hop_length, pooled)


# --- the file --------------------------------------------------------------------------


def overview_path(mixture: str, split: Split | None, focus: str) -> Path:
    """Return where the overview of a song is kept, by the hashes of its media's content.

    Parameters
    ----------
    mixture : str
        Hash of the mixture's content.
    split : Split or None
        Its stems.
    focus : str
        The one that stands against all others.
    """
    made_of = () if split is None else (focus, *(dict(split.stored).values()))
    if split is not None and focus != split.computed:
        made_of = (focus, dict(split.stored)[focus])
    text = "\n".join([str(_VERSION), mixture, *made_of])
    name = hashlib.sha256(text.encode()).hexdigest()[:40] + SUFFIX
    return paths.user_cache_folder() / "overviews" / name


def _header_bytes(stems: int, sample_rate: int, samples: int) -> bytes:
    header = _HEADER.pack(b"DSOV", _VERSION, stems, sample_rate, samples)
    return header + _CHECK.pack(zlib.crc32(header))


def _table_columns(sample_rate: int, samples: int) -> list[int]:
    columns = column_count(samples, edit_sizes(sample_rate)[0], overview_steps(sample_rate)[0])
    counts = [columns]
    for _ in range(TABLES - 1):
        counts.append(-(-counts[-1] // FACTOR))
    return counts


def _table_starts(stems: int, sample_rate: int, samples: int) -> list[int]:
    """Return where each table begins, in bytes, and at last where the file ends."""
    size = stems * (edit_sizes(sample_rate)[0] // 2 + 1)
    starts = [_START]
    for count in _table_columns(sample_rate, samples):
        starts.append(starts[-1] + count * size)
    return starts


def build_overview(
    checkpoint: Checkpoint,
    *,
    mixture: str,
    stems: dict[str, Any] | None,
    focus: str,
    output: str,
) -> dict[str, Any]:
    """Write the overview of a song, in blocks; the worker's job "overview".

    Parameters
    ----------
    checkpoint : Checkpoint
        Called for every block.
    mixture : str
        Media file.
    stems : dict or None
        Plain `files.block_reader.SplitFiles`.
    focus : str
        The stem that stands against all others.
    output : str
        Where to; an overview that is there and whole is left as it is.

    Returns
    -------
    dict
        "built": whether it was written.

    Raises
    ------
    DrumStudioError
        If the media can not be read or the file not be written.
    Cancelled
        If the person asked to stop; then nothing is left.
    """
    target = Path(output)
    with contextlib.suppress(AudioOpenError), OverviewReader(target):
        return {"built": False}
    what = "Cannot keep the spectrogram"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise atomic.explain_os_error(error, what, target.parent) from error
    with SongReader(Path(mixture), SplitFiles.from_plain(stems)) as reader:
        kept = len(STEMS) if reader.has_stems else 1
        rate, samples = reader.sample_rate, reader.samples
        n_fft, step = edit_sizes(rate)[0], overview_steps(rate)[0]
        starts = _table_starts(kept, rate, samples)
        columns = _table_columns(rate, samples)[0]
        atomic.require_free(target.parent, starts[-1], what)
        with atomic.writing(target) as temporary, temporary.open("wb") as file:
            file.write(_header_bytes(kept, rate, samples))
            for first in range(0, columns, _BUILD_COLUMNS):
                checkpoint(first / columns, "Drawing the spectrogram")
                count = min(_BUILD_COLUMNS, columns - first)
                levels = levels_of(reader, focus, n_fft, step, first, count)
                for table in range(TABLES):
                    if table:
                        groups = np.arange(0, levels.shape[1], FACTOR)
                        levels = np.maximum.reduceat(levels, groups, axis=1)
                    place = first // FACTOR**table * kept * levels.shape[2]
                    file.seek(starts[table] + place)
                    file.write(np.ascontiguousarray(levels.swapaxes(0, 1)).data)
    remove_oldest(target.parent.glob(f"*{SUFFIX}"), CACHE_LIMIT_BYTES)
    return {"built": True}


class OverviewReader(Closing):
    """Read columns of an overview; belongs to one thread at a time.

    Parameters
    ----------
    path : Path
        What `build_overview` wrote.

    Attributes
    ----------
    stems : int
        How many of `core.levels.STEMS` it holds.
    steps : tuple of int
        Samples of a column of each table.

    Raises
    ------
    AudioOpenError
        If it is not there, damaged, or not as long as its header says; from `read` if it
        has become shorter since. It can always be built again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = FileIO(open_plain(path), "rb")
        except OSError as error:
            raise self._error("it is not there or may not be read") from error
        try:
            header = self._file.read(_START)
            size = self._file.seek(0, os.SEEK_END)
        except OSError as error:
            self._file.close()
            raise self._error("its disk can not be read") from error
        if len(header) == _START:
            _, _, self.stems, rate, samples = _HEADER.unpack(header[: _HEADER.size])
            # Made again from its own values: damage in any field shows in the comparison.
            whole = (
                header == _header_bytes(self.stems, rate, samples)
                and self.stems in (1, len(STEMS))
                and 1 <= rate <= 10**7
                and samples <= _MOST_SAMPLES
            )
            if whole and _table_starts(self.stems, rate, samples)[-1] == size:
                self.n_fft = edit_sizes(rate)[0]
                self.steps = overview_steps(rate)
                self._columns = _table_columns(rate, samples)
                self._starts = _table_starts(self.stems, rate, samples)
                with contextlib.suppress(OSError):  # for `remove_oldest`
                    os.utime(path)
                return
        self._file.close()
        raise self._error("it is damaged or unfinished")

    def _error(self, why: str) -> DrumStudioError:
        return AudioOpenError(
            f"Cannot read the spectrogram {self._path.name}",
            why=f"{why}.",
            fix="Open the song again: the spectrogram is then drawn anew.",
        )

    def read(self, table: int, first: int, count: int) -> Levels:
        """Return columns of a table, uint8 of shape (stems, count, bins).

        Raises
        ------
        ValueError
            If the table does not have these columns.
        """
        if not 0 <= first <= first + count <= self._columns[table]:
            raise ValueError(f"table {table} has no columns {first} to {first + count}")
        bins = self.n_fft // 2 + 1
        out = np.empty((count, self.stems, bins), dtype=np.uint8)
        try:
            self._file.seek(self._starts[table] + first * self.stems * bins)
            got = self._file.readinto(out.data.cast("B")) if count else 0
        except OSError as error:
            raise self._error("its disk went away") from error
        if got != out.nbytes:
            raise self._error("it became shorter")
        return np.ascontiguousarray(out.swapaxes(0, 1))

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()
