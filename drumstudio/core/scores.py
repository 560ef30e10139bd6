"""How close an estimate is to the true stem: numbers in decibels, and strokes found.

All take float32 or float64 (channels, samples); everything is computed in float64.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples

Floats = NDArray[np.float64]

FLOOR_DB = -200.0
CEILING_DB = 200.0
"""Ratios are clipped to these, so that silence and equality have a number."""

_ONSET_N_FFT = 1024
_ONSET_HOP_SECONDS = 0.01


def sdr(reference: Samples, estimate: Samples) -> float:
    """Return the plain signal-to-distortion ratio in decibels, over all channels and samples.

    Notes
    -----
    ``10 log10(|s|^2 / |s - e|^2)``, as in the Music Demixing Challenges (Mitsufuji et al., "Music
    Demixing Challenge 2021", equation 1). A silent estimate scores 0 dB.
    """
    true, guess = _pair(reference, estimate)
    return _ratio_db(_energy(true), _energy(true - guess))


def si_sdr(reference: Samples, estimate: Samples) -> float:
    """Return the scale-invariant SDR in decibels, the channels taken as one long signal.

    Notes
    -----
    Le Roux et al., "SDR - half-baked or well done?" (2019), without removing the mean. A silent
    estimate scores `FLOOR_DB`.
    """
    true, guess = _pair(reference, estimate)
    power = _energy(true)
    if power == 0.0 or _energy(guess) == 0.0:
        return FLOOR_DB
    target = true * (float(np.sum(true * guess)) / power)
    return _ratio_db(_energy(target), _energy(guess - target))


def framewise_sdr(reference: Samples, estimate: Samples, sample_rate: int) -> float | None:
    """Return the median SDR of frames of one second, in decibels; None if no frame counts.

    Frames in which the reference or the estimate is silent do not count, as in BSSEval.

    Notes
    -----
    For stereo images the SDR of BSSEval version 4 (museval, SiSEC 2018) is the plain ratio of
    each frame: its spatial, interference and artefact errors sum to the whole error.
    """
    true, guess = _pair(reference, estimate)
    ratios = []
    for start in range(0, max(1, true.shape[1] - sample_rate + 1), sample_rate):
        here, there = true[:, start : start + sample_rate], guess[:, start : start + sample_rate]
        if _energy(here) > 0.0 and _energy(there) > 0.0:
            ratios.append(_ratio_db(_energy(here), _energy(here - there)))
    return float(np.median(ratios)) if ratios else None


def leakage_db(without_drums: Samples, estimate: Samples) -> float:
    """Return the level of what a model took from music without drums, in decibels over it."""
    mixture, guess = _pair(without_drums, estimate)
    return _ratio_db(_energy(guess), _energy(mixture))


def onset_f(
    reference: Samples, estimate: Samples, sample_rate: int, *, tolerance_seconds: float = 0.05
) -> float | None:
    """Return the F-measure of the estimate's onsets against the reference's, in [0, 1].

    Both are found by `onsets`. None if the reference has none.
    """
    true, found = onsets(reference, sample_rate), onsets(estimate, sample_rate)
    if len(true) == 0:
        return None
    hits = _matches(true, found, tolerance_seconds)
    return 2.0 * hits / (len(true) + len(found))


def onsets(samples: Samples, sample_rate: int) -> Floats:
    """Return the times of strokes, float64 seconds, shape (onsets,), rising.

    Notes
    -----
    Peaks of the half-wave rectified rise of log-compressed magnitudes, as in Böck et al.,
    "Evaluating the online capabilities of onset detection methods" (2012); thresholds are ours.
    """
    mono = np.asarray(samples, dtype=np.float64).mean(axis=0)
    hop = max(1, round(_ONSET_HOP_SECONDS * sample_rate))
    if mono.size < 2 * _ONSET_N_FFT or not np.any(mono):
        return np.zeros(0)
    padded = np.pad(mono, (_ONSET_N_FFT // 2, _ONSET_N_FFT // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _ONSET_N_FFT)[::hop]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(_ONSET_N_FFT), axis=1))
    loudness = np.log1p(1000.0 * magnitude / magnitude.max())
    flux = np.maximum(loudness[2:] - loudness[:-2], 0.0).mean(axis=1)
    flux = np.concatenate([np.zeros(2), flux])
    around = np.lib.stride_tricks.sliding_window_view(np.pad(flux, 3, mode="edge"), 7)
    before = np.lib.stride_tricks.sliding_window_view(np.pad(flux, (10, 7), mode="edge"), 18)
    threshold = before.mean(axis=1) + 0.1 * float(np.percentile(flux, 99))
    peaks = np.flatnonzero((flux >= around.max(axis=1)) & (flux > threshold))
    kept: list[int] = []
    for peak in peaks:
        if not kept or peak - kept[-1] >= 3:
            kept.append(int(peak))
    return np.array(kept, dtype=np.float64) * hop / sample_rate


def t_interval(values: list[float], *, share: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of Student's t for the mean of a few values; None for one value.

    Parameters
    ----------
    values : list of float
        At least one.
    share : float
        How often the interval holds the mean of all there could be, in (0, 1).
    """
    import scipy.stats  # a second to import, and only evaluation comes here

    if len(values) < 2:
        return None
    spread = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    reach = float(scipy.stats.t.ppf(0.5 + share / 2, len(values) - 1)) * spread
    mean = float(np.mean(values))
    return mean - reach, mean + reach


def _pair(reference: Samples, estimate: Samples) -> tuple[Floats, Floats]:
    if reference.shape != estimate.shape or reference.ndim != 2:
        raise ValueError(
            "reference and estimate must both be (channels, samples), "
            f"got {reference.shape} and {estimate.shape}"
        )
    return reference.astype(np.float64), estimate.astype(np.float64)


def _energy(samples: Floats) -> float:
    return float(np.sum(np.square(samples)))


def _ratio_db(above: float, below: float) -> float:
    if above <= 0.0:
        return FLOOR_DB
    if below <= 0.0:
        return CEILING_DB
    return float(np.clip(10.0 * np.log10(above / below), FLOOR_DB, CEILING_DB))


def _matches(true: Floats, found: Floats, tolerance: float) -> int:
    """Return the largest number of pairs, each within the tolerance, each onset used once."""
    hits = index = 0
    for time in true:
        while index < len(found) and found[index] < time - tolerance:
            index += 1
        if index < len(found) and found[index] <= time + tolerance:
            hits += 1
            index += 1
    return hits
