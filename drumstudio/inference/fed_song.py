"""The song as a separator is fed it: what belongs together, at a level it was trained for.

What a network has never heard in training costs it decibels: a constant offset, a channel that is
silent beside one that plays, a song at -60 dBFS. So none of these reaches it, and what comes back
is put right again. An ordinary song is fed bit for bit as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.core.speakers import pairs
from drumstudio.inference.base import SampleReader
from drumstudio.jobs.job import Checkpoint

_BLOCK_SAMPLES = 1 << 18
# A mean is an offset from this share of the channel's level on. In a short song the mean of a low
# tone is as large: 20 Hz over a second have one of 1 %.
_OFFSET_SHARE, _OFFSET_SHARE_SECONDS = 0.02, 0.05
_SILENT_SHARE = 1e-4  # of its partner's level: -80 dB is the noise of a channel not in use
# Songs of -36 to 0 dBFS (RMS) are fed as they are; others in steps of 6 dB, which lose no bit.
_LOWEST_LEVEL, _HIGHEST_LEVEL, _FED_LEVEL = 2.0**-6, 1.0, 2.0**-3
_MOST_STEPS = 60


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at the whole song has found, for each channel."""

    means: Samples
    levels: Samples
    equal: frozenset[tuple[int, int]]


class FedSong:
    """A song as a separator is fed it; a `SampleReader`.

    Parameters
    ----------
    song : SampleReader
        The mixture at the separator's rate.
    speakers : int
        What its channels are for, as a mask (`core.speakers`).
    taken : int
        How many channels the separator takes at once; 0 takes any number, each on its own.
    checkpoint : Checkpoint
        Told while the song is looked at.

    Attributes
    ----------
    groups : list of list of int
        Which channels go together into the separator: left and right, and what stands alone,
        repeated. What is silent, and what is the copy of another, goes into none.
    notes : list of str
        What a person should know, in sentences.
    """

    def __init__(
        self, song: SampleReader, speakers: int, taken: int, checkpoint: Checkpoint
    ) -> None:
        self._song = song
        self.sample_rate = song.sample_rate
        self.channels = song.channels
        self.samples = song.samples
        wanted = channel_groups(song.channels, taken, speakers)
        look = _looked_at(song, {(g[0], c) for g in wanted for c in g if taken > 1}, checkpoint)
        self._offsets = _offsets(look, song.samples / song.sample_rate)
        self._gains = np.ones(song.channels, dtype=np.float32)
        self._silent: list[int] = []
        self._stand_ins: dict[int, int] = {}
        self._copies: dict[int, int] = {}
        self.notes: list[str] = []
        self.groups = [self._fitted(group, look) for group in wanted]
        self.groups = [group for group in self.groups if group]
        if np.abs(self._offsets).max(initial=0.0) > 1e-3:
            self.notes.append("A constant offset was kept from the model: it stays in the rest.")

    def _fitted(self, group: list[int], look: _Look) -> list[int]:
        """Return the group as it is fed; note what is left out of it."""
        members = sorted(set(group))
        loudest = float(look.levels[members].max(initial=0.0))
        floor = _SILENT_SHARE * loudest if len(group) > 1 else 0.0
        quiet = [channel for channel in members if look.levels[channel] <= floor]
        self._silent += quiet
        heard = [channel for channel in members if channel not in quiet]
        if not heard:
            return []
        self._stand_ins |= dict.fromkeys(quiet, heard[0])
        if not _LOWEST_LEVEL <= loudest <= _HIGHEST_LEVEL:
            steps = math.floor(math.log2(_FED_LEVEL / loudest))
            self._gains[members] = 2.0 ** max(-_MOST_STEPS, min(steps, _MOST_STEPS))
        first = heard[0]
        if len(heard) == len(members) > 1 and all((first, c) in look.equal for c in heard[1:]):
            self._copies |= dict.fromkeys(heard[1:], first)
            heard = [first]
        if len(group) == len(members) and heard == members:
            return group
        return (heard * len(group))[: len(group)]

    def read(self, start: int, count: int) -> Samples:
        """Return float32 (channels, count) from sample `start`; zero beyond the song's ends."""
        samples = self._song.read(start, count)
        if self._offsets.any():
            first, last = max(0, -start), min(count, self.samples - start)
            samples[:, first : max(first, last)] -= self._offsets[:, None]
        if (self._gains != 1).any():
            samples *= self._gains[:, None]
        for channel, partner in self._stand_ins.items():  # also for what looks at the whole song
            samples[channel] = samples[partner]
        return samples

    def filled(self, drums: Samples) -> Samples:
        """Return a stretch of what came back with all channels as they were fed.

        What refines the drums looks at all channels: beside an empty one it goes wrong.

        Parameters
        ----------
        drums : ndarray, float32, shape (channels, samples)
            Left as it is.
        """
        alike = self._copies | self._stand_ins
        if not alike:
            return drums
        drums = drums.copy()
        for channel, original in alike.items():
            drums[channel] = drums[original]
        return drums

    def restored(self, drums: Samples) -> Samples:
        """Return a stretch of what came back as it belongs to the song.

        Parameters
        ----------
        drums : ndarray, float32, shape (channels, samples)
            Left as it is.
        """
        if (self._gains != 1).any():
            drums = drums * (np.float32(1.0) / self._gains)[:, None]
        drums = self.filled(drums)
        if self._silent:
            drums = drums.copy()
            drums[self._silent] = 0.0
        return drums


def channel_groups(channels: int, taken: int, speakers: int = 0) -> list[list[int]]:
    """Return which channels go together into a separator.

    Parameters
    ----------
    channels : int
        How many there are.
    taken : int
        How many it takes at once; 0 takes any number, each on its own.
    speakers : int
        What they are for, as a mask (`core.speakers`): two at once are left and right.

    Returns
    -------
    list of list of int
        Each of `taken` channels, if not 0; those of a group that is too small are repeated.
    """
    if taken == 0:
        return [list(range(channels))]
    if taken == 2:
        groups = pairs(speakers, channels)
    else:
        groups = [
            list(range(first, min(first + taken, channels))) for first in range(0, channels, taken)
        ]
    return [(group * taken)[:taken] for group in groups]


def _looked_at(song: SampleReader, partners: set[tuple[int, int]], checkpoint: Checkpoint) -> _Look:
    sums = np.zeros(song.channels)
    squares = np.zeros(song.channels)
    lowest = np.full(song.channels, np.inf)
    highest = np.full(song.channels, -np.inf)
    equal = {(a, b) for a, b in partners if a != b}
    for start in range(0, song.samples, _BLOCK_SAMPLES):
        checkpoint(start / song.samples, "Looking at the song's level")
        block = song.read(start, min(_BLOCK_SAMPLES, song.samples - start))
        for channel, row in enumerate(block):
            exact = row.astype(np.float64)
            sums[channel] += exact.sum()
            squares[channel] += exact @ exact
        lowest = np.minimum(lowest, block.min(axis=1))
        highest = np.maximum(highest, block.max(axis=1))
        equal = {(a, b) for a, b in equal if np.array_equal(block[a], block[b])}
    count = max(song.samples, 1)
    means = sums / count
    levels = np.sqrt(np.maximum(squares / count - means**2, 0.0))
    levels[lowest >= highest] = 0.0  # a constant, whatever the rounding of its square
    return _Look(means.astype(np.float32), levels.astype(np.float32), frozenset(equal))


def _offsets(look: _Look, seconds: float) -> Samples:
    share = max(_OFFSET_SHARE, _OFFSET_SHARE_SECONDS / max(seconds, 1e-3))
    constant = np.abs(look.means) > share * look.levels
    return np.where(constant, look.means, np.float32(0.0)).astype(np.float32)


def grouping_notes(channels: int, taken: int, speakers: int, names: Sequence[str]) -> list[str]:
    """Return how the channels of a song were separated, in sentences.

    Parameters
    ----------
    channels, taken, speakers : int
        As for `channel_groups`.
    names : sequence of str
        Of the speakers, in the order of the channels.
    """
    if taken > 1 and channels == 1:
        return [f"Mono: the model heard it on all of its {taken} channels."]
    if channels == 1 or taken == 0 or (taken > 1 and channels <= taken and not speakers):
        return []
    groups = [sorted(set(group)) for group in channel_groups(channels, taken, speakers)]
    if all(len(group) == 1 for group in groups):
        return [f"{channels} channels: each separated on its own."]
    if not names:
        return [f"{channels} channels: separated {taken} at a time."]
    told = ", ".join("+".join(names[channel] for channel in group) for group in groups)
    return [f"{channels} channels: separated as {told}."]
