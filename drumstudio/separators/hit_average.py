"""Low hits drawn towards their average: what a song's bass does not repeat averages out.

The kicks of a song are much alike, in many songs sample by sample, and what sounds beside them is
not. So the mixture, lined up at the hits of a first estimate of the drums, holds a hit that no
mask could cut out of any single moment. Known as time-synchronous averaging; here one hit of
300 ms is fitted to all of them at once by least squares, each with a gain of its own, and moments
count the less the more of the rest there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from drumstudio.catalog.model_card import ModelCard
from drumstudio.core import check
from drumstudio.core.audio import Samples
from drumstudio.inference.base import Refinement

_Signal = NDArray[np.float64]
_Places = NDArray[np.intp]

STRETCH_SECONDS = 60.0
"""Of how much of a song the hits are averaged together."""

_TOP_HERTZ = 350.0
_LOW_RATE = 1378.0  # about: a whole fraction of the song's
_HIT_SECONDS, _LEAD_SECONDS = 0.3, 0.029
_SHIFT_SECONDS = 0.033
"""How far a hit may lie from where its onset was found."""
_GAP_SECONDS = 0.1
_RISE = 0.12
"""Smallest rise of the level that is an onset, as a share of the largest."""
_LEVEL_SECONDS, _HEARD_SECONDS = 0.02, 0.2
_FAINT = 0.01
"""Energy of a hit's beginning, as a share of what the loudest moment would have all along."""
_REST_SECONDS = 0.2
_FEWEST_HITS = 8
_SHORTEST_SECONDS = 2.0
_ROUNDS, _GAIN_ROUNDS = 4, 2
_RIDGE = 0.01
_LOUDEST_GAIN = 3.0
_TRUST = 0.2
"""Power of the rest, as a share of the drums', at which the average counts half."""
_UNLIKE, _ALIKE = (0.6, 0.8), (0.7, 1.05)
"""Up to where the averages count nothing, and from where on all: how well they correlate with the
estimate where the rest is quiet, and their power over its own. A mask takes power from a hit, the
average of hits gives it back; hits that differ lose it in the average.
"""
_BASS = 8.0
"""That power where the averages count half: far beyond, they hold what is no drum."""
_SILENCE = 1e-12


class HitAverage(Refinement):
    """Draw the low hits of any model's drums towards their average.

    Parameters
    ----------
    share : float
        See `with_hit_average`.
    """

    stretch_seconds = STRETCH_SECONDS

    def __init__(self, share: float) -> None:
        check.within("share", share, 0.0, 1.0)
        self.share = share

    @classmethod
    def from_card(
        cls, card: ModelCard, settings: Mapping[str, float], weights: Mapping[str, object] | None
    ) -> Self:
        """Return the refinement that a card's checked settings describe; no weights."""
        return cls(float(settings["share"]))

    def refine(self, mixture: Samples, drums: Samples, sample_rate: int) -> Samples:
        """Return the drums with their low hits drawn to what the mixture has at all of them."""
        return with_hit_average(mixture, drums, sample_rate, self.share)


@dataclass(frozen=True, slots=True)
class _Hits:
    """Where hits begin, in low samples, and how loud each is beside the average one."""

    places: _Places
    gains: _Signal
    length: int

    def windows(self, signal: _Signal) -> _Signal:
        """Return what a signal holds at each hit, (hits, length)."""
        return np.lib.stride_tricks.sliding_window_view(signal, self.length)[self.places]


def with_hit_average(mixture: Samples, drums: Samples, sample_rate: int, share: float) -> Samples:
    """Return an estimate of the drums whose lows are drawn to the average of the low hits.

    Parameters
    ----------
    mixture, drums : ndarray, float32, shape (channels, samples)
        Fewer than eight hits, or two seconds, are left as they are.
    sample_rate : int
        Hertz.
    share : float
        In [0, 1]: how far, where the rest is loud and the average believable. 0 changes nothing.

    Returns
    -------
    ndarray, float32, shape (channels, samples)
        The same above 350 Hz, and everywhere where the mixture is hardly more than the drums,
        where hits differ, or where their average would be far louder than the estimate.
    """
    if share == 0 or drums.shape[1] < _SHORTEST_SECONDS * sample_rate:
        return drums
    factor = max(1, round(sample_rate / _LOW_RATE))
    rate = sample_rate / factor
    low_mixture, low_drums = (_lows(part, factor, rate) for part in (mixture, drums))
    trust = _trust(low_mixture, low_drums, rate)
    average = _averaged(low_mixture, low_drums, trust, rate)
    if average is None:
        return drums
    weight = share * _belief(low_mixture, low_drums, average, trust)
    change = (weight * (average - low_drums)).astype(np.float32)
    whole: Samples = scipy.signal.resample_poly(change, factor, 1, axis=1)
    return drums + whole[:, : drums.shape[1]]


def _trust(mixture: _Signal, drums: _Signal, rate: float) -> _Signal:
    """Return how much each moment counts, the more the quieter the rest is; 1 in the mean."""
    centre = drums.mean(axis=0)
    window = np.hanning(int(_REST_SECONDS * rate))
    rest = np.square(mixture.mean(axis=0) - centre)
    noise = np.convolve(rest, window / window.sum(), "same")
    trust: _Signal = 1 / (noise + 0.02 * np.square(centre).mean() + _SILENCE)
    return trust / trust.mean()


def _belief(mixture: _Signal, drums: _Signal, average: _Signal, trust: _Signal) -> float:
    """Return how far the averages are to be believed more than the estimate, in [0, 1]."""
    power, rest = _power(drums), _power(mixture - drums)
    hits = average.any(axis=0)
    kept = _power(average[:, hits]) / (_power(drums[:, hits]) + _SILENCE)
    weighted = np.sqrt(trust[hits]) * np.stack([average[:, hits], drums[:, hits]])
    norms = np.sqrt(_power(weighted[0]) * _power(weighted[1]))
    correlation = (weighted[0] * weighted[1]).sum() / (norms + _SILENCE)
    alike = np.clip(
        (np.array([correlation, kept]) - _UNLIKE) / (np.array(_ALIKE) - _UNLIKE), 0, 1
    ).prod()
    return float(alike * rest / (rest + _TRUST * power + _SILENCE) / (1 + (kept / _BASS) ** 4))


def _lows(samples: Samples, factor: int, rate: float) -> _Signal:
    few = scipy.signal.resample_poly(samples, 1, factor, axis=1).astype(np.float64)
    sections = scipy.signal.butter(6, _TOP_HERTZ, fs=rate, output="sos")
    filtered: _Signal = scipy.signal.sosfiltfilt(sections, few, axis=1)
    return filtered


def _averaged(mixture: _Signal, drums: _Signal, trust: _Signal, rate: float) -> _Signal | None:
    """Return the average hit at every hit, silence between, (channels, samples); None if few."""
    length, shift = int(_HIT_SECONDS * rate), int(_SHIFT_SECONDS * rate)
    samples = mixture.shape[1]
    margin = length + 2 * shift
    mixture, drums = (np.pad(part, ((0, 0), (margin, margin))) for part in (mixture, drums))
    estimate = drums.mean(axis=0)
    onsets = _onsets(estimate, rate)
    if len(onsets) < _FEWEST_HITS:
        return None
    hits = _lined_up(estimate, onsets - int(_LEAD_SECONDS * rate), length, shift)
    average, gains = _fitted(mixture, hits, np.pad(trust, margin))
    average = average * _ends(length, rate)
    placed = np.zeros_like(mixture)
    for place, gain in zip(hits.places, gains, strict=True):
        placed[:, place : place + length] += gain * average
    return placed[:, margin : margin + samples]


def _onsets(drums: _Signal, rate: float) -> _Places:
    """Return where the level rises into a hit that is not faint, in samples."""
    span = int(_LEVEL_SECONDS * rate)
    level = np.sqrt(np.convolve(np.square(drums), np.ones(span) / span, "same"))
    loudest = level.max(initial=0.0)
    if loudest < np.sqrt(_SILENCE):
        return np.zeros(0, np.intp)
    rise = np.maximum(np.diff(np.log(level + 0.02 * loudest), prepend=np.log(0.02 * loudest)), 0)
    rise = np.convolve(rise, np.hanning(span), "same")
    found, _ = scipy.signal.find_peaks(
        rise, height=_RISE * rise.max(), distance=max(1, int(_GAP_SECONDS * rate))
    )
    heard = int(_HEARD_SECONDS * rate)
    sums = np.concatenate([[0.0], np.cumsum(np.square(drums))])
    energy = sums[np.minimum(found + heard, len(drums))] - sums[found]
    kept: _Places = found[energy > _FAINT * loudest**2 * heard]
    return kept


def _lined_up(drums: _Signal, places: _Places, length: int, shift: int) -> _Hits:
    """Return the hits moved to where they are most like their average, which moves with them."""
    around = np.lib.stride_tricks.sliding_window_view(drums, length + 2 * shift)[places - shift]
    sums = np.cumsum(np.pad(np.square(around), ((0, 0), (1, 0))), axis=1)
    norms = np.sqrt(np.maximum(sums[:, length:] - sums[:, :-length], 0)) + 1e-9
    found = around[:, shift : shift + length]
    average = found[np.argmax(np.square(found).sum(axis=1))]
    moves = np.full(len(places), shift)
    for _ in range(_ROUNDS):
        alike = np.stack([np.correlate(one, average, "valid") for one in around])
        moves = np.argmax(alike / norms, axis=1)
        own = np.lib.stride_tricks.sliding_window_view(around, length, axis=1)[
            np.arange(len(places)), moves
        ]
        gains = np.maximum(own @ average / (average @ average + _SILENCE), 0)
        average = gains @ own / (gains @ gains + _SILENCE)
    gains = np.clip(own @ average / (average @ average + _SILENCE), 0.02, _LOUDEST_GAIN)
    return _Hits(places + moves - shift, gains, length)


def _fitted(mixture: _Signal, hits: _Hits, trust: _Signal) -> tuple[_Signal, _Signal]:
    """Return the hit that explains the mixture best, (channels, length), and each one's gain.

    The gains are half those of the estimate, half those that fit the mixture.
    """
    trusts, centre = hits.windows(trust), hits.windows(mixture.mean(axis=0))
    gains = hits.gains
    average = _solved(mixture, hits, gains, trusts)
    for _ in range(_GAIN_ROUNDS):
        weighted = trusts * average.mean(axis=0)
        energy = weighted @ average.mean(axis=0)
        fitting = (weighted * centre).sum(axis=1) / (energy + _SILENCE)
        gains = np.clip(0.5 * (fitting + hits.gains), 0, _LOUDEST_GAIN)
        average = _solved(mixture, hits, gains, trusts)
    return average, gains


def _solved(mixture: _Signal, hits: _Hits, gains: _Signal, trusts: _Signal) -> _Signal:
    """Solve for the hit, overlapping ones taken into account, (channels, length)."""
    length, places = hits.length, hits.places
    matrix = np.zeros((length, length))
    targets = np.zeros((length, mixture.shape[0]))
    order = np.argsort(places, kind="stable")
    for number, one in enumerate(order):
        weighted = gains[one] * trusts[one]
        targets += (weighted * mixture[:, places[one] : places[one] + length]).T
        np.fill_diagonal(matrix, matrix.diagonal() + gains[one] * weighted)
        for other in order[number + 1 :]:
            later = places[other] - places[one]
            if later >= length:
                break
            # What of both lies in the same moments: this one's end, the other's beginning.
            both = gains[other] * weighted[later:]
            own = np.arange(later, length)
            matrix[own, own - later] += both
            matrix[own - later, own] += both
    ridge = _RIDGE * np.trace(matrix) / length + _SILENCE
    solved: _Signal = np.linalg.solve(matrix + ridge * np.eye(length), targets).T
    return solved


def _ends(length: int, rate: float) -> _Signal:
    """Return fades at both ends of a hit, (length,)."""
    fades = np.ones(length)
    rise, fall = int(0.0145 * rate), int(0.0435 * rate)
    fades[:rise] = np.arange(rise) / rise
    fades[length - fall :] *= np.linspace(1, 0, fall)
    return fades


def _power(samples: _Signal) -> float:
    return float(np.square(samples).sum())
