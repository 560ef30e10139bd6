"""The mix: tracks with gain, pan, mute and solo, summed to stereo block by block.

Playback and export call the same functions with the same arguments, so that what is written
is what was heard, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples
from drumstudio.core.speakers import names_of

SILENT_DB = -96.0
"""A gain of this or less is silence: the lower end of a fader."""

LOUDEST_DB = 24.0
"""The upper end of a fader."""

BLOCK_SAMPLES = 4_096
"""How much an offline render mixes at a time; without influence on the result."""

_CENTRE = math.sqrt(0.5)
# What a speaker's channel gives to left and right. The low frequencies are left out: they repeat
# what the others have.
_DOWNMIX = {
    **{"FL": (1.0, 0.0), "FR": (0.0, 1.0), "FC": (_CENTRE, _CENTRE), "LFE": (0.0, 0.0)},
    **{name: (_CENTRE, 0.0) for name in ("BL", "SL", "FLC", "TFL", "TBL")},
    **{name: (0.0, _CENTRE) for name in ("BR", "SR", "FRC", "TFR", "TBR")},
    **{name: (0.5, 0.5) for name in ("BC", "TC", "TFC", "TBC")},
}


class Source(Protocol):
    """Where a track's samples come from."""

    def read(self, start: int, count: int) -> Samples:
        """Return a stretch, float32 of shape (channels, count), zero beyond the ends."""


@dataclass(frozen=True, slots=True)
class TrackMix:
    """How a track goes into the mix.

    Parameters
    ----------
    gain_db : float
        In decibels, at most `LOUDEST_DB`; `SILENT_DB` or less is silence.
    pan : float
        From -1 (left) over 0 (as recorded) to 1 (right).
    mute : bool
        Whether the track is silent.
    solo : bool
        Whether only this track and others with solo are heard. Mute wins over solo.
    solo_safe : bool
        Whether the solo of other tracks leaves this one alone.

    Raises
    ------
    ValueError
        If gain or pan is out of range.
    """

    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    solo_safe: bool = False

    def __post_init__(self) -> None:
        if not self.gain_db <= LOUDEST_DB:
            raise ValueError(f"gain_db must be at most {LOUDEST_DB}, got {self.gain_db}")
        if not -1.0 <= self.pan <= 1.0:
            raise ValueError(f"pan must be in [-1, 1], got {self.pan}")


def amplitude(gain_db: float) -> float:
    """Return the factor that a gain in decibels stands for; 0 from `SILENT_DB` down."""
    return 0.0 if gain_db <= SILENT_DB else 10.0 ** (gain_db / 20.0)


def pan_gains(pan: float) -> tuple[float, float]:
    """Return the factors for left and right, of one power wherever the pan stands.

    Parameters
    ----------
    pan : float
        In [-1, 1].

    Returns
    -------
    tuple of float
        Exactly 1 and 1 in the centre, so that an untouched track keeps its bits; the square
        root of 2 (+3 dB) and 0 at an end.

    Notes
    -----
    The sine and cosine law, scaled to 0 dB in the centre.
    """
    if pan == 0.0:
        return 1.0, 1.0
    angle = (pan + 1.0) * math.pi / 4.0
    left, right = math.sqrt(2.0) * math.cos(angle), math.sqrt(2.0) * math.sin(angle)
    return (0.0, right) if pan == 1.0 else (left, right)


def track_gains(tracks: Sequence[TrackMix]) -> NDArray[np.float32]:
    """Return every track's factors for left and right, float32 of shape (tracks, 2)."""
    soloing = any(track.solo for track in tracks)
    gains = np.zeros((len(tracks), 2), dtype=np.float32)
    for row, track in zip(gains, tracks, strict=True):
        if not track.mute and (track.solo or track.solo_safe or not soloing):
            left, right = pan_gains(track.pan)
            row[:] = (amplitude(track.gain_db) * left, amplitude(track.gain_db) * right)
    return gains


def is_audible(tracks: Sequence[TrackMix]) -> bool:
    """Return whether any track would be heard: an export of nothing is refused."""
    return bool(track_gains(tracks).any())


def to_stereo(samples: Samples, speakers: int = 0) -> Samples:
    """Return samples as left and right.

    Parameters
    ----------
    samples : ndarray, float32, shape (channels, samples)
        One channel goes to both sides, two stay as they are (not copied). Of three and more
        without speakers (microphones, tracks) odd ones go left and even ones right.
    speakers : int
        What the channels are for, as a mask (`core.speakers`).

    Returns
    -------
    ndarray, float32, shape (2, samples)
        Perhaps a view; not to be written to.

    Notes
    -----
    Speakers after ITU-R BS.775-3, table 2: centre and surrounds at -3 dB, the low-frequency
    channel left out.
    """
    channels = samples.shape[0]
    if channels == 2 and not speakers:
        return samples
    if channels == 1 and not speakers:
        return np.broadcast_to(samples, (2, samples.shape[1]))
    shares = [_DOWNMIX[name] for name in names_of(speakers)]
    if not shares:
        pairs = (channels + 1) // 2
        shares = [(1 / pairs, 0.0) if n % 2 == 0 else (0.0, 1 / pairs) for n in range(channels)]
    out = np.zeros((2, samples.shape[1]), dtype=np.float32)
    for channel, (left, right) in zip(samples, shares, strict=True):
        # Added one after the other: a matrix product may sum in another order, and so give
        # other last bits, for another length.
        for side, share in enumerate((left, right)):
            if share:
                out[side] += np.float32(share) * channel
    return out


@dataclass(frozen=True, slots=True)
class Levels:
    """How loud a stretch is: every track as it goes into the sum, and the sum.

    Parameters
    ----------
    peak : ndarray, float32, shape (tracks + 1, 2)
        Largest magnitude a track and side; the last row is the sum. 1.0 is full scale.
    mean_square : ndarray, float32, shape (tracks + 1, 2)
        Mean of the squares, likewise.
    """

    peak: NDArray[np.float32]
    mean_square: NDArray[np.float32]

    @property
    def over(self) -> bool:
        """Whether the sum goes beyond full scale."""
        return bool(self.peak[-1].max() > 1.0)


class Mixer:
    """Sum tracks to stereo; a change of gains is spread over a block, so that none clicks.

    Parameters
    ----------
    tracks : int
        Number of tracks.

    Notes
    -----
    All tracks go through a few large array operations. A loop over tracks would give the
    interpreter's lock away at every step, and beside a busy window that is what makes
    playback late.
    """

    def __init__(self, tracks: int) -> None:
        self._gains = np.zeros((tracks, 2), dtype=np.float32)
        self._scratch = np.empty((tracks, 2, 0), dtype=np.float32)
        self._ramp = np.empty(0, dtype=np.float32)

    @property
    def gains(self) -> NDArray[np.float32]:
        """Gains at the end of the last block, float32 of shape (tracks, 2): a copy."""
        return self._gains.copy()

    def jump(self, gains: NDArray[np.float32]) -> None:
        """Take gains at once, as where a song begins; float32 of shape (tracks, 2)."""
        self._gains[:] = gains

    def needed(self, gains: NDArray[np.float32]) -> list[bool]:
        """Return for each track whether a block mixed with these gains needs its samples."""
        return [bool(row.any()) for row in np.concatenate([self._gains, gains], axis=1)]

    def mix_into(
        self, out: Samples, tracks: NDArray[np.float32], gains: NDArray[np.float32]
    ) -> Levels:
        """Write the sum of a block of every track.

        Parameters
        ----------
        out : ndarray, float32, shape (2, samples)
            Where the sum goes.
        tracks : ndarray, float32, shape (tracks, 2, samples)
            The tracks; whatever finite values where one is not needed.
        gains : ndarray, float32, shape (tracks, 2)
            Reached at the end of the block, in a straight line from those of the last one.

        Returns
        -------
        Levels
            What a meter shows.
        """
        count = out.shape[1]
        rows = len(tracks) + 1
        peak = np.zeros((rows, 2), dtype=np.float32)
        mean_square = np.zeros((rows, 2), dtype=np.float32)
        if count:
            terms = self._terms(count)
            np.multiply(tracks, self._factors(gains, count), out=terms)
            # Along the first axis numpy adds row after row, so that the last bits do not
            # depend on the length of a block.
            np.add.reduce(terms, axis=0, out=out)
            for block, where in ((terms, slice(rows - 1)), (out[None], slice(rows - 1, rows))):
                peak[where] = np.maximum(block.max(axis=2), -block.min(axis=2))
                mean_square[where] = np.einsum("tsn,tsn->ts", block, block) / np.float32(count)
        self._gains[:] = gains
        return Levels(peak, mean_square)

    def _terms(self, count: int) -> NDArray[np.float32]:
        if self._scratch.shape[2] < count:
            self._scratch = np.empty((len(self._gains), 2, count), dtype=np.float32)
        return self._scratch[:, :, :count]

    def _factors(self, gains: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        if np.array_equal(gains, self._gains):
            return gains[:, :, None]
        if self._ramp.size != count:
            self._ramp = np.arange(1, count + 1, dtype=np.float32) / np.float32(count)
        factors = self._gains[:, :, None] + (gains - self._gains)[:, :, None] * self._ramp
        # A track whose own gains stay keeps its bits, and every other ends exactly on its new.
        steady = np.broadcast_to(gains[:, :, None], factors.shape)
        np.copyto(factors, steady, where=(gains == self._gains)[:, :, None])
        factors[:, :, -1] = gains
        return factors


def render(
    sources: Sequence[Source], tracks: Sequence[TrackMix], start: int, stop: int
) -> Iterator[Samples]:
    """Mix a range for a file: what playback gives, without any fade.

    Parameters
    ----------
    sources : sequence of Source
        Where each track's samples come from.
    tracks : sequence of TrackMix
        How each goes into the mix; as many.
    start, stop : int
        First sample and the one after the last.

    Yields
    ------
    ndarray, float32, shape (2, samples)
        Blocks of at most `BLOCK_SAMPLES`, each a new array.

    Raises
    ------
    ValueError
        If there are not as many tracks as sources.
    """
    if len(sources) != len(tracks):
        raise ValueError(f"{len(sources)} sources need as many tracks, got {len(tracks)}")
    gains = track_gains(tracks)
    mixer = Mixer(len(tracks))
    mixer.jump(gains)
    blocks = np.zeros((len(tracks), 2, BLOCK_SAMPLES), dtype=np.float32)
    for position in range(start, stop, BLOCK_SAMPLES):
        count = min(BLOCK_SAMPLES, stop - position)
        read_tracks(sources, mixer.needed(gains), position, blocks[:, :, :count])
        out = np.empty((2, count), dtype=np.float32)
        mixer.mix_into(out, blocks[:, :, :count], gains)
        yield out


def read_tracks(
    sources: Sequence[Source], needed: Sequence[bool], start: int, out: NDArray[np.float32]
) -> None:
    """Fill a block with each source that is needed, as stereo; others stay as they are.

    Parameters
    ----------
    sources : sequence of Source
        Where the samples come from.
    needed : sequence of bool
        Which of them are read.
    start : int
        First sample.
    out : ndarray, float32, shape (sources, 2, samples)
        Where they go.
    """
    for source, wanted, block in zip(sources, needed, out, strict=True):
        if wanted:
            block[:] = to_stereo(source.read(start, block.shape[1]))
