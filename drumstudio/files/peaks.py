"""Waveforms to draw: lowest, highest and root mean square of every stretch, at many zooms.

A peaks file holds a pyramid: level 0 sums up every 64 samples, each further level four
buckets of the one below. However long a song is, drawing it reads at most some thousand
buckets, with plain positioned reads; closer than 64 samples a column the samples themselves
are read. The files are a cache: named by the content they show, written whole, and built
again whenever one is missing or damaged.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drumstudio import atomic, paths
from drumstudio.core.audio import Samples
from drumstudio.core.closing import Closing
from drumstudio.core.errors import AudioOpenError, DrumStudioError
from drumstudio.core.stems import MIXTURE, Split
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.oldest_first import remove_oldest
from drumstudio.files.plain_file import open_plain
from drumstudio.jobs.job import Checkpoint

BUCKET_SAMPLES = 64
FACTOR = 4
LEVELS = 6
CACHE_LIMIT_BYTES = 2 * 10**9
"""Beyond this the peaks files that were not looked at for longest are removed."""

_VERSION = 1
_TOP_SAMPLES = BUCKET_SAMPLES * FACTOR ** (LEVELS - 1)
_HEADER = struct.Struct("<4sHHIQ")
_CHECK = struct.Struct("<I")
_START = _HEADER.size + _CHECK.size
_FIELDS = 3  # lowest, highest, root mean square
_MOST_CHANNELS = 16_383
_MOST_SAMPLES = 2**48


class _Source(Protocol):
    def read(self, start: int, count: int) -> Samples: ...


class _Buckets(Protocol):
    channels: int
    samples: int

    def read(self, level: int, first: int, count: int) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class Columns:
    """What to draw, a column a pixel; all float32 of shape (channels, columns).

    Parameters
    ----------
    low, high : ndarray
        Lowest and highest sample of the column.
    rms : ndarray
        Root of the mean square, for the darker core of a waveform.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    rms: NDArray[np.float32]


# --- the file --------------------------------------------------------------------------


def peaks_folder() -> Path:
    """Return the folder of the cache."""
    return paths.user_cache_folder() / "peaks"


def peaks_name(stem: str, *, mixture: str, split: Split | None) -> str:
    """Return the name of a stem's peaks file, the same whenever the content is.

    Parameters
    ----------
    stem : str
        What is shown: "mixture", or a stem.
    mixture : str
        Hash of the mixture's content.
    split : Split or None
        The stems. Only those that the stem is made of count.
    """
    stored = dict(split.stored) if split is not None else {}
    made_of = (stored[stem],) if stem in stored else (mixture, *stored.values())
    if stem == MIXTURE:
        made_of = (mixture,)
    text = "\n".join([str(_VERSION), stem, *made_of])
    return hashlib.sha256(text.encode()).hexdigest()[:40] + ".peaks"


def _bucket_counts(samples: int) -> list[int]:
    return [-(-samples // (BUCKET_SAMPLES * FACTOR**level)) for level in range(LEVELS)]


def _header_bytes(sample_rate: int, channels: int, samples: int) -> bytes:
    header = _HEADER.pack(b"DSPK", _VERSION, channels, sample_rate, samples)
    return header + _CHECK.pack(zlib.crc32(header))


def _level_starts(channels: int, samples: int) -> list[int]:
    """Return where each level begins, in bytes, and at last where the file ends."""
    starts = [_START]
    for count in _bucket_counts(samples):
        starts.append(starts[-1] + count * channels * _FIELDS * 4)
    return starts


def summarise(samples: Samples) -> list[NDArray[np.float32]]:
    """Return the pyramid of a stretch that begins where a top bucket does.

    Parameters
    ----------
    samples : ndarray, float32, shape (channels, samples)
        Any length; the last bucket of a level may be shorter than the others.

    Returns
    -------
    list of ndarray, float32, shape (buckets, channels, 3)
        Level 0 first; the last axis is lowest, highest, root mean square.
    """
    count = samples.shape[1]
    levels = []
    buckets = -(-count // BUCKET_SAMPLES)
    edges = np.arange(buckets, dtype=np.intp) * BUCKET_SAMPLES
    weights = np.diff(edges, append=count).astype(np.float64)
    low, high, energy = (
        np.minimum.reduceat(samples, edges, axis=1) if buckets else samples,
        np.maximum.reduceat(samples, edges, axis=1) if buckets else samples,
        np.add.reduceat(np.square(samples), edges, axis=1) if buckets else samples,
    )
    while True:
        mean = np.sqrt(energy / np.maximum(weights, 1.0)).astype(np.float32)
        levels.append(np.stack([low.T, high.T, mean.T], axis=2))
        if len(levels) == LEVELS:
            return levels
        edges = np.arange(-(-low.shape[1] // FACTOR), dtype=np.intp) * FACTOR
        if len(edges):
            low = np.minimum.reduceat(low, edges, axis=1)
            high = np.maximum.reduceat(high, edges, axis=1)
            energy = np.add.reduceat(energy, edges, axis=1)
            weights = np.add.reduceat(weights, edges)


def build_peaks(
    checkpoint: Checkpoint,
    *,
    mixture: str,
    stems: dict[str, Any] | None,
    outputs: dict[str, str],
) -> dict[str, Any]:
    """Write the peaks files of a song's stems, in blocks; the worker's job "peaks".

    Parameters
    ----------
    checkpoint : Checkpoint
        Called for every block.
    mixture : str
        Media file.
    stems : dict or None
        Plain `files.block_reader.SplitFiles`; None if only the mixture is asked for.
    outputs : dict of str to str
        Stem, or "mixture", to the path of its peaks file. One that is there and whole is left
        as it is.

    Returns
    -------
    dict
        "built": the stems that were written.

    Raises
    ------
    DrumStudioError
        If the media can not be read or the files not be written.
    Cancelled
        If the person asked to stop; then nothing is left.
    """
    missing = {stem: Path(path) for stem, path in outputs.items() if not _is_whole(Path(path))}
    if not missing:
        return {"built": []}
    with ExitStack() as stack:
        reader = stack.enter_context(SongReader(Path(mixture), SplitFiles.from_plain(stems)))
        channels, samples = reader.channels, reader.samples
        starts = _level_starts(channels, samples)
        writers: list[tuple[str, BufferedWriter]] = []
        for folder in {path.parent for path in missing.values()}:
            _make_folder(folder)
            atomic.require_free(folder, len(missing) * starts[-1], "Cannot keep the waveforms")
        for stem, path in missing.items():
            temporary = stack.enter_context(atomic.writing(path))
            file = stack.enter_context(temporary.open("wb"))
            file.write(_header_bytes(reader.sample_rate, channels, samples))
            writers.append((stem, file))
        step = _TOP_SAMPLES * max(8 // channels, 1)  # 2 MB or, of many channels, one bucket
        for position in range(0, samples, step):
            checkpoint(position / samples, "Drawing waveforms")
            count = min(step, samples - position)
            for stem, file in writers:
                levels = summarise(reader.read(stem, position, count))
                for level, buckets in enumerate(levels):
                    before = position // (BUCKET_SAMPLES * FACTOR**level)
                    file.seek(starts[level] + before * channels * _FIELDS * 4)
                    file.write(np.ascontiguousarray(buckets, dtype="<f4").data)
    for folder in {path.parent for path in missing.values()}:
        remove_oldest(folder.glob("*.peaks"), CACHE_LIMIT_BYTES)
    return {"built": list(missing)}


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise atomic.explain_os_error(error, "Cannot keep the waveforms", folder) from error


def _is_whole(path: Path) -> bool:
    try:
        PeaksReader(path).close()
    except AudioOpenError:
        return False
    return True


# --- reading ---------------------------------------------------------------------------


class PeaksReader(Closing):
    """Read buckets of a peaks file; belongs to one thread.

    Parameters
    ----------
    path : Path
        What `build_peaks` wrote.

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
            _, _, self.channels, self.sample_rate, self.samples = _HEADER.unpack(
                header[: _HEADER.size]
            )
            # Made again from its own values: damage in any field shows in the comparison.
            whole = (
                header == _header_bytes(self.sample_rate, self.channels, self.samples)
                and 1 <= self.channels <= _MOST_CHANNELS
                and self.samples <= _MOST_SAMPLES
            )
            if whole:
                self._starts = _level_starts(self.channels, self.samples)
                if self._starts[-1] == size:
                    with contextlib.suppress(OSError):  # for `remove_oldest`
                        os.utime(path)
                    return
        self._file.close()
        raise self._error("it is damaged or unfinished")

    def _error(self, why: str) -> DrumStudioError:
        return AudioOpenError(
            f"Cannot read the waveform {self._path.name}",
            why=f"{why}.",
            fix="Open the song again: the waveform is then drawn anew.",
        )

    def read(self, level: int, first: int, count: int) -> NDArray[np.float32]:
        """Return buckets of a level, float32 of shape (count, channels, 3).

        Raises
        ------
        ValueError
            If the level does not have these buckets.
        """
        if not 0 <= first <= first + count <= _bucket_counts(self.samples)[level]:
            raise ValueError(f"level {level} has no buckets {first} to {first + count}")
        buckets = np.empty((count, self.channels, _FIELDS), dtype="<f4")
        view = buckets.data.cast("B") if count else memoryview(b"")
        try:
            self._file.seek(self._starts[level] + first * self.channels * _FIELDS * 4)
            filled = 0
            while filled < len(view):
                got = self._file.readinto(view[filled:])
                if not got:
                    raise OSError("the file ends before its buckets do")
                filled += got
        except OSError as error:
            raise self._error("it became shorter or its disk went away") from error
        return buckets

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()


class Waveform:
    """A stem's waveform at any zoom.

    Parameters
    ----------
    peaks : PeaksReader or alike
        Its pyramid.
    source : object with `read(start, count)`
        Its samples, float32 of shape (channels, count), for the closest zooms.
    """

    def __init__(self, peaks: _Buckets, source: _Source) -> None:
        self._peaks = peaks
        self._source = source
        self.channels: int = peaks.channels
        self.samples: int = peaks.samples

    def columns(self, start: float, samples_per_column: float, count: int) -> Columns:
        """Return what is seen in a row of equal columns.

        Parameters
        ----------
        start : float
            Where the first column begins, in samples; may be negative. A whole multiple of
            `samples_per_column` makes scrolling calm: every column then keeps its samples.
        samples_per_column : float
            The zoom; positive. Below 1, columns repeat the sample that they lie in.
        count : int
            Number of columns.

        Returns
        -------
        Columns
            Zero outside the song. From 64 samples a column on, a column is exact to one
            bucket, at most its own width, at its edges; nothing is ever left out.

        Raises
        ------
        ValueError
            If the zoom is not positive.
        AudioOpenError
            If a file went away.
        """
        if not samples_per_column > 0.0:
            raise ValueError(f"samples_per_column must be positive, got {samples_per_column}")
        level = -1
        bucket = 1
        while level + 1 < LEVELS and BUCKET_SAMPLES * FACTOR ** (level + 1) <= samples_per_column:
            level += 1
            bucket = BUCKET_SAMPLES * FACTOR**level
        units = -(-self.samples // bucket)
        edges = np.floor((start + samples_per_column * np.arange(count + 1)) / bucket)
        edges = np.clip(edges, -1, units).astype(np.intp)
        # A column is empty only where the song is not: before it or behind it.
        inside = np.flatnonzero((edges[:-1] < units) & (np.maximum(edges[1:] - 1, edges[:-1]) >= 0))
        columns = Columns(*(np.zeros((self.channels, count), dtype=np.float32) for _ in range(3)))
        if len(inside):
            first, last = int(inside[0]), int(inside[-1]) + 1
            begin = max(int(edges[first]), 0)
            end = min(max(int(edges[last]), int(edges[last - 1]) + 1), units)
            offsets = np.maximum(edges[first:last], 0) - begin
            self._reduce(level, begin, end, offsets, columns, slice(first, last))
        return columns

    def _reduce(
        self,
        level: int,
        begin: int,
        end: int,
        offsets: NDArray[np.intp],
        columns: Columns,
        where: slice,
    ) -> None:
        lengths = np.maximum(np.diff(offsets, append=end - begin), 1)
        if level < 0:
            samples = self._source.read(begin, end - begin)
            low = high = samples
            energy = np.square(samples)
        else:
            buckets = self._peaks.read(level, begin, end - begin)
            low, high = buckets[:, :, 0].T, buckets[:, :, 1].T
            energy = np.square(buckets[:, :, 2]).T
        np.minimum.reduceat(low, offsets, axis=1, out=columns.low[:, where])
        np.maximum.reduceat(high, offsets, axis=1, out=columns.high[:, where])
        np.add.reduceat(energy, offsets, axis=1, out=columns.rms[:, where])
        columns.rms[:, where] /= lengths
        np.sqrt(columns.rms[:, where], out=columns.rms[:, where])
