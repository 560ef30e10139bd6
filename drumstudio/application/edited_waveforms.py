"""Waveforms of stems as they were edited: only blocks that changed are looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples
from drumstudio.core.stems import Split
from drumstudio.files.block_reader import SongReader
from drumstudio.files.delta_store import SongDeltas
from drumstudio.files.peaks import BUCKET_SAMPLES, FACTOR
from drumstudio.jobs.job import Checkpoint

Buckets = NDArray[np.float32]
"""Lowest, highest and root mean square: float32 of shape (buckets, channels, 3)."""


class _Peaks(Protocol):
    channels: int
    samples: int

    def read(self, level: int, first: int, count: int) -> Buckets: ...


@dataclass(frozen=True, slots=True, eq=False)
class EditedBlocks:
    """What the edited blocks of a song look like.

    Parameters
    ----------
    split : Split
        The stems that were edited.
    block_samples : int
        Length of a block, a multiple of the smallest bucket.
    deltas : SongDeltas
        What is added to the stored ones.
    buckets : mapping of (str, int) to ndarray
        Smallest buckets by stem and block.
    """

    split: Split
    block_samples: int
    deltas: SongDeltas
    buckets: Mapping[tuple[str, int], Buckets] = field(default_factory=dict)


def edited_blocks(
    reader: SongReader,
    split: Split,
    block_samples: int,
    deltas: SongDeltas,
    before: EditedBlocks | None,
    checkpoint: Checkpoint,
) -> EditedBlocks:
    """Return what every block that has a delta looks like; those known already are not read.

    Parameters
    ----------
    reader : SongReader
        Of the song, with the deltas.
    split : Split
        Its stems.
    block_samples : int
        Length of a block.
    deltas : SongDeltas
        What was painted.
    before : EditedBlocks or None
        Of an edit before.
    checkpoint : Checkpoint
        Called for every block.

    Raises
    ------
    AudioOpenError
        If the sound can not be read.
    Cancelled
        If there is a newer edit.
    """
    known = before if before is not None and before.split == split else None
    found: dict[tuple[str, int], Buckets] = {}
    for number, (block, key) in enumerate(deltas.keys.items()):
        checkpoint(number / len(deltas.keys), "Drawing what was painted")
        for stem in (*deltas.stems, split.computed):
            old = known.buckets.get((stem, block)) if known is not None else None
            if known is None or old is None or known.deltas.keys.get(block) != key:
                start = block * block_samples
                count = min(block_samples, reader.samples - start)
                old = _buckets(reader.read(stem, start, count))
            found[stem, block] = old
    return EditedBlocks(split, block_samples, deltas, found)


class EditedPeaks:
    """A stem's pyramid of peaks, with the blocks in it that were edited.

    Parameters
    ----------
    peaks : object with `channels`, `samples` and `read`
        The stem as the model made it.
    stem : str
        Which.

    Attributes
    ----------
    edits : EditedBlocks or None
        What was edited; may be replaced.
    """

    def __init__(self, peaks: _Peaks, stem: str) -> None:
        self._peaks = peaks
        self._stem = stem
        self.channels = peaks.channels
        self.samples = peaks.samples
        self.edits: EditedBlocks | None = None

    def read(self, level: int, first: int, count: int) -> Buckets:
        """Return buckets as `files.peaks.PeaksReader` does."""
        buckets = self._peaks.read(level, first, count)
        edits = self.edits
        if edits is None or not edits.buckets:
            return buckets
        size = BUCKET_SAMPLES * FACTOR**level
        length = edits.block_samples
        changed = [
            block
            for block in range(first * size // length, -(-(first + count) * size // length))
            if (self._stem, block) in edits.buckets
        ]
        if not changed:
            return buckets
        buckets = buckets.copy()
        if size > length:
            for place in {block * length // size for block in changed}:
                last = min((place + 1) * FACTOR, -(-self.samples * FACTOR // size))
                parts = self.read(level - 1, place * FACTOR, last - place * FACTOR)
                samples = min(size, self.samples - place * size)
                buckets[place - first] = _reduced(parts, FACTOR, size // FACTOR, samples)[0]
            return buckets
        for block in changed:
            samples = min(length, self.samples - block * length)
            smallest = edits.buckets[self._stem, block]
            new = _reduced(smallest, size // BUCKET_SAMPLES, BUCKET_SAMPLES, samples)
            begin = block * length // size - first
            low, high = max(begin, 0), min(begin + len(new), count)
            buckets[low:high] = new[low - begin : high - begin]
        return buckets


def _buckets(samples: Samples) -> Buckets:
    starts = np.arange(0, samples.shape[1], BUCKET_SAMPLES)
    lengths = np.diff(starts, append=samples.shape[1]).astype(np.float32)
    low = np.minimum.reduceat(samples, starts, axis=1)
    high = np.maximum.reduceat(samples, starts, axis=1)
    energy = np.add.reduceat(np.square(samples), starts, axis=1) / lengths
    found: Buckets = np.stack([low.T, high.T, np.sqrt(energy).T], axis=-1).astype(np.float32)
    return found


def _reduced(buckets: Buckets, factor: int, size: int, samples: int) -> Buckets:
    """Return larger buckets of so many each, of a number of samples; the last may be shorter."""
    if factor == 1:
        return buckets
    starts = np.arange(0, len(buckets), factor)
    weights = np.full((len(buckets), 1), size, dtype=np.float32)
    weights[-1] = samples - (len(buckets) - 1) * size
    energy = np.add.reduceat(weights * np.square(buckets[:, :, 2]), starts, axis=0)
    energy /= np.add.reduceat(weights, starts, axis=0)
    parts = (
        np.minimum.reduceat(buckets[:, :, 0], starts, axis=0),
        np.maximum.reduceat(buckets[:, :, 1], starts, axis=0),
        np.sqrt(energy),
    )
    return np.stack(parts, axis=-1).astype(np.float32)
