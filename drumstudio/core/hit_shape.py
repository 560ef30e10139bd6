"""One hit of a drum: where it begins, and which cells of the edit STFT it sounds in.

A click marks a place that may be some way off. The beginning is where the level rises most near
the click, above all in the bands around its frequency; the cells are those in which the sound
stands above what was there just before, band by band, until it has died away or is struck again.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.core import check
from drumstudio.core.audio import Samples
from drumstudio.core.bands import Bands, decibels, powers
from drumstudio.core.tiles import Grid

REACH_SECONDS = 0.045
"""How far from a click a hit is looked for."""

LEAST_RISE_DB = 2.5
"""A weaker rise is no hit: of 252 hits that can be seen 99 % rise more, of noise a quarter."""

# Of looking for the beginning; all ours, measured by benchmarks/hits.py.
_SECONDS_BESIDE = 0.08  # looked at beyond the reach, for levels before and after
_HOP_SECONDS = 0.00145
# Windows in seconds, the hops to either side between which a rise is measured, and its share:
# the short one places, the long ones tell a hit from what tones do.
_WINDOWS = ((0.0116, 4, 0.2), (0.0232, 8, 0.5), (0.0464, 12, 0.3))
_MOST_RISE_DB = 18.0
_SILENCE, _DRUMS_SILENCE = 1e-4, 1e-3
_BANDS = 36
_OCTAVES = 0.6
_OTHER_BANDS = 0.1
_TRUST_SECONDS = 0.06  # how fast trust falls with distance from the click
_OUT_OF_COMMON = 2.0  # times the rise that is usual around it
_LATE_SECONDS = 0.001  # the rise is steepest so long before what is heard as the beginning

# Of the cells.
_SHAPE_BANDS = 32
_BEFORE = (5, 2)  # frames before the first one that tell what was there
_PEAK_FRAMES = 4
_CELL_RISE_DB = 3.0
_STAYS_DB = 2.0
_QUIET_DB = 60.0
_DROP_DB = 30.0
_AGAIN_DB = 6.0
_LEAD = 0.4  # of the frame before the first
_TAIL = (2 / 3, 1 / 3)
_SETTLE_SECONDS = 0.25  # what sounds as loud throughout does not die away as a drum does


@dataclass(frozen=True, slots=True)
class HitLimits:
    """How much of the sound one hit may take.

    Parameters
    ----------
    seconds : float
        How long it may sound.
    hertz : float
        How high the region around the click may be, from edge to edge.
    """

    seconds: float = 0.8
    hertz: float = 40_000.0

    def __post_init__(self) -> None:
        check.within("seconds", self.seconds, 0.02, 4.0)
        check.within("hertz", self.hertz, 20.0, 1e6)


def samples_around(sample_rate: int) -> int:
    """Return how many samples on each side of a click `find_onset` has to see."""
    longest = _power_of_two(_WINDOWS[-1][0] * sample_rate)
    return round((REACH_SECONDS + _SECONDS_BESIDE) * sample_rate) + longest


def find_onset(
    samples: Samples, sample_rate: int, hertz: float, drums: Samples | None = None
) -> float | None:
    """Return where the hit begins that a click in the middle of some samples means.

    Parameters
    ----------
    samples : ndarray, float32, shape (channels, samples)
        2 * `samples_around` of the mixture.
    sample_rate : int
        Hertz.
    hertz : float
        Frequency of the click.
    drums : ndarray, float32, shape (channels, samples), optional
        The same stretch of what a model takes for the drums: a hit may show better there, or
        may be missing.

    Returns
    -------
    float or None
        Seconds after the click, in [-REACH_SECONDS, REACH_SECONDS] or a few ms beyond; None
        if nothing begins there.

    Notes
    -----
    Half-wave rectified differences of log powers, as in spectral flux (Boeck and Widmer, DAFx
    2013), of three windows, weighted by how near a band is to the click; ours otherwise.
    """
    if not samples.any():
        return None
    rise = _rise(samples, samples, sample_rate, hertz, _SILENCE)
    if drums is not None:
        rise += _rise(drums, samples, sample_rate, hertz, _DRUMS_SILENCE)
    hops = len(rise) // 2
    times = np.arange(-hops, hops + 1) * _hop(sample_rate) / sample_rate
    trust = np.exp(-0.5 * np.square(times / _TRUST_SECONDS)) * (np.abs(times) <= REACH_SECONDS)
    best = int(np.argmax(rise * trust))
    if rise[best] < max(LEAST_RISE_DB, _OUT_OF_COMMON * float(np.median(rise))):
        return None
    return float(times[best] + _LATE_SECONDS)


def _rise(
    samples: Samples, mixture: Samples, sample_rate: int, hertz: float, silence: float
) -> NDArray[np.float64]:
    """Return how much levels rise at each hop around the middle, in decibels.

    What is `silence` below a band's loudest moment in the mixture counts as silent.
    """
    hop = _hop(sample_rate)
    middle = samples.shape[1] // 2
    hops = (middle - _power_of_two(_WINDOWS[-1][0] * sample_rate) // 2) // hop
    rise = np.zeros(2 * hops + 1)
    for seconds, lag, share in _WINDOWS:
        n_fft = _power_of_two(seconds * sample_rate)
        bands = _bands(sample_rate, n_fft, _BANDS)
        first = middle - hops * hop - n_fft // 2
        stretch = slice(first, first + 2 * hops * hop + n_fft)
        power = powers(samples[:, stretch], n_fft, hop) @ bands.weights
        if mixture is samples:
            loudest = power.max(axis=0)
        else:
            loudest = (powers(mixture[:, stretch], n_fft, hop) @ bands.weights).max(axis=0)
        most = max(float(loudest.max()), 1e-20)
        levels = decibels(power, most * 1e-6 + loudest * silence)
        rises = np.clip(levels[2 * lag :] - levels[: -2 * lag], 0.0, _MOST_RISE_DB)
        # Bands that are hardly heard hardly count.
        heard = np.clip((decibels(loudest / most, 1e-9) + 60.0) / 40.0, 0.0, 1.0)
        weights = (_OTHER_BANDS + bands.near(hertz, _OCTAVES)) * heard
        rise[lag:-lag] += share * (rises @ (weights / max(float(weights.sum()), 1e-9)))
    return rise


def _hop(sample_rate: int) -> int:
    return max(round(_HOP_SECONDS * sample_rate), 1)


def frames_around(grid: Grid, limits: HitLimits) -> tuple[int, int]:
    """Return how many frames before and after the first of a hit `hit_weights` has to see."""
    return _BEFORE[0] + 1, round(limits.seconds / grid.frame_seconds) + len(_TAIL) + 1


def hit_weights(
    power: NDArray[np.float32], grid: Grid, first: int, hertz: float, limits: HitLimits
) -> NDArray[np.float32]:
    """Return how much of every cell belongs to a hit.

    Parameters
    ----------
    power : ndarray, float32, shape (frames, bins)
        Of the edit STFT, summed over channels.
    grid : Grid
        The song's.
    first : int
        The frame at which the hit begins, counted from the first of `power`; at least
        `frames_around` gives should lie before it.
    hertz : float
        Where it was clicked.
    limits : HitLimits
        What it may take.

    Returns
    -------
    ndarray, float32, shape (frames, bins)
        In [0, 1]: the share of the amplitude that stands above what was there before the hit
        and what goes on sounding after it.
        The frame before the first has less than a half.
    """
    bands = _bands(grid.sample_rate, grid.n_fft, _SHAPE_BANDS)
    banded = power @ bands.weights
    levels = decibels(banded, max(float(banded.max()) * 1e-9, 1e-20))
    earlier = slice(max(first - _BEFORE[0], 0), max(first - _BEFORE[1], 0))
    if earlier.stop == 0:  # the song begins here: nothing was there before
        before = np.full(levels.shape[1], levels.min())
        ground = np.zeros(power.shape[1], dtype=np.float32)
    else:
        before = levels[earlier].mean(axis=0)
        ground = power[earlier].mean(axis=0)
    peaks = levels[first : first + _PEAK_FRAMES].max(axis=0, initial=-200.0)
    sounding = np.zeros(levels.shape, dtype=np.float32)
    longest = max(round(limits.seconds / grid.frame_seconds), 1)
    rises = (peaks >= before + _CELL_RISE_DB) & (peaks > peaks.max() - _QUIET_DB)
    for band in np.flatnonzero(rises):
        track = levels[first : first + longest, band]
        end = first + _length(track, float(before[band]), float(peaks[band]))
        sounding[first:end, band] = 1.0
        sounding[max(first - 1, 0) : first, band] = _LEAD
        tail = sounding[end : end + len(_TAIL), band]
        tail[:] = _TAIL[: len(tail)]
    settle = round(_SETTLE_SECONDS / grid.frame_seconds)
    bins_hz = np.arange(grid.bins) * grid.bin_hz
    within = np.abs(bins_hz - hertz) <= limits.hertz / 2
    ground = np.maximum(ground, _settled(power[first : first + settle + 2]))
    above = 1.0 - np.sqrt(ground / np.maximum(power, 1e-30))
    weights = sounding[:, bands.of_bins(grid.bin_hz, grid.bins)] * np.clip(above, 0.0, 1.0)
    weights[weights < 0.02] = 0.0
    found: NDArray[np.float32] = (weights * within).astype(np.float32)
    return found


def _settled(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the least that goes on sounding after a hit: a note that began with it is not its.

    `power` begins with the hit; what lasts is the lowest mean of three frames.
    """
    after = power[2:]
    if len(after) < 3:
        return np.zeros(power.shape[1], dtype=np.float32)
    means = (after[:-2] + after[1:-1] + after[2:]) / np.float32(3.0)
    lowest: NDArray[np.float32] = means.min(axis=0)
    return lowest


def _length(track: NDArray[np.float32], before: float, peak: float) -> int:
    """Return for how many frames a band goes on sounding of a hit."""
    top = int(np.argmax(track[:_PEAK_FRAMES]))
    lowest = float(track[top])
    for frame in range(top + 1, len(track)):
        level = float(track[frame])
        gone = level <= before + _STAYS_DB or level <= peak - _DROP_DB
        if gone or level > lowest + _AGAIN_DB:
            return frame
        lowest = min(lowest, level)
    return len(track)


def _power_of_two(samples: float) -> int:
    return int(2 ** max(4, round(math.log2(samples))))


@functools.lru_cache(maxsize=16)
def _bands(sample_rate: int, n_fft: int, count: int) -> Bands:
    return Bands.spread(sample_rate, n_fft, count)
