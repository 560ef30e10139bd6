"""Where something is struck: an onset curve of a whole song, and the hits on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples
from drumstudio.core.resample import StreamResampler, resampled_length
from drumstudio.jobs.job import Checkpoint

ANALYSIS_RATE = 22_050
HOP_LENGTH = 256
FRAMES_PER_SECOND = ANALYSIS_RATE / HOP_LENGTH

_N_FFT = 1_024
_BANDS = 64
_LOW_HZ = 150.0
_FLOOR_POWER = 1e-8  # -80 dB of full scale: quieter changes are not heard as hits
_BLOCK_SECONDS = 20
_NEIGHBOURS = 3  # frames on each side that a hit must not be lower than
_AVERAGE_SECONDS = 0.12
_RISE_SHARE = 0.12  # of a strong hit, above the local average
_LOUD_QUANTILE = 0.98
_LEAST_RISE_DB = 0.5
_SEARCH_BEFORE_SECONDS, _SEARCH_AFTER_SECONDS = 0.030, 0.020
_EDGE_SECONDS = 0.003


class Source(Protocol):
    """The sound that is looked at."""

    def read(self, start: int, count: int) -> Samples:
        """Return a stretch, float32 of shape (channels, count), zero beyond the ends."""


@dataclass(frozen=True, slots=True)
class OnsetCurve:
    """How much begins at each moment of a song.

    Parameters
    ----------
    strength : ndarray, float32, shape (frames,)
        Mean rise over all bands, in decibels per frame; `FRAMES_PER_SECOND` of them.
    low : ndarray, float32, shape (frames,)
        The same below 150 Hz, where kick and bass begin.
    """

    strength: NDArray[np.float32]
    low: NDArray[np.float32]


def onset_curve(
    source: Source, sample_rate: int, samples: int, checkpoint: Checkpoint
) -> OnsetCurve:
    """Return the onset curve of a song, read once in blocks.

    Parameters
    ----------
    source : Source
        Its drums, or the mixture.
    sample_rate : int
        Hertz.
    samples : int
        Its length.
    checkpoint : Checkpoint
        Called for every block.

    Returns
    -------
    OnsetCurve
        Frame n is about the moment n / `FRAMES_PER_SECOND`.

    Notes
    -----
    Spectral flux: the half-wave rectified difference of mel powers in decibels, as in
    Boeck and Widmer, "Maximum Filter Vibrato Suppression for Onset Detection" (DAFx 2013),
    without the maximum filter.
    """
    # Here, not above: librosa is the worker's alone, and takes 0.2 s.
    from librosa.filters import mel

    window = np.hanning(_N_FFT + 1)[:-1].astype(np.float32)
    # Scaled so that a full-scale sine has a power of about 1.
    weights = mel(sr=ANALYSIS_RATE, n_fft=_N_FFT, n_mels=_BANDS, norm=None)
    scale = np.float32(4.0 / window.sum() ** 2)
    low_bands = max(int(np.searchsorted(_band_centres(weights), _LOW_HZ)), 1)
    before: NDArray[np.float32] | None = None
    waiting = np.zeros(_N_FFT // 2, dtype=np.float32)
    strength, low = [], []
    for mono in _mono_blocks(source, sample_rate, samples, checkpoint):
        waiting = np.concatenate([waiting, mono])
        frames = max((len(waiting) - _N_FFT) // HOP_LENGTH + 1, 0)
        if frames == 0:
            continue
        view = np.lib.stride_tricks.sliding_window_view(waiting, _N_FFT)[::HOP_LENGTH][:frames]
        power = np.square(np.abs(np.fft.rfft(view * window))).astype(np.float32) * scale
        levels = 10.0 * np.log10(power @ weights.T + _FLOOR_POWER)
        first = levels[:1] if before is None else before
        rise = np.maximum(np.diff(levels, axis=0, prepend=first), 0.0)
        strength.append(rise.mean(axis=1))
        low.append(rise[:, :low_bands].mean(axis=1))
        before = levels[-1:]
        waiting = waiting[frames * HOP_LENGTH :]
    nothing = np.zeros(0, dtype=np.float32)
    curve = OnsetCurve(
        np.concatenate([nothing, *strength]).astype(np.float32),
        np.concatenate([nothing, *low]).astype(np.float32),
    )
    # Windows that reach beyond the end see the song break off there.
    beyond = max(len(curve.strength) - _N_FFT // HOP_LENGTH, 0)
    curve.strength[beyond:] = curve.low[beyond:] = 0.0
    return curve


def _band_centres(weights: NDArray[np.float32]) -> NDArray[np.float64]:
    bins = np.arange(weights.shape[1]) * ANALYSIS_RATE / _N_FFT
    centres = (weights @ bins) / np.maximum(weights.sum(axis=1), 1e-9)
    return np.asarray(centres, dtype=np.float64)


def _mono_blocks(
    source: Source, sample_rate: int, samples: int, checkpoint: Checkpoint
) -> Iterator[NDArray[np.float32]]:
    """Yield the song in mono at the analysis rate, and a window of silence behind it."""
    length = resampled_length(samples, sample_rate, ANALYSIS_RATE)
    stream = StreamResampler(sample_rate, ANALYSIS_RATE, 1, length)
    step = _BLOCK_SECONDS * sample_rate
    for start in range(0, samples, step):
        checkpoint(start / samples, "Listening for beats")
        block = source.read(start, min(step, samples - start))
        mono = block.mean(axis=0, dtype=np.float32, keepdims=True)
        yield mono[0] if sample_rate == ANALYSIS_RATE else stream.push(mono)[0]
    if sample_rate != ANALYSIS_RATE:
        yield stream.finish()[0]
    yield np.zeros(_N_FFT // 2, dtype=np.float32)


def pick_hits(curve: OnsetCurve) -> NDArray[np.intp]:
    """Return the frames of an onset curve at which something is struck, in order.

    A hit is no lower than its neighbours and stands out from the average around it.
    """
    strength = curve.strength
    if not strength.any():
        return np.zeros(0, dtype=np.intp)
    padded = np.pad(strength, _NEIGHBOURS, constant_values=-1.0)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    width = 2 * round(_AVERAGE_SECONDS * FRAMES_PER_SECOND) + 1
    average = np.convolve(strength, np.full(width, 1.0 / width), mode="same")
    loud = float(np.quantile(strength[strength > 0.0], _LOUD_QUANTILE))
    stands_out = strength >= average + max(_RISE_SHARE * loud, _LEAST_RISE_DB)
    # Of equal neighbours only the first counts.
    highest = (strength >= around.max(axis=1)) & (around.argmax(axis=1) == _NEIGHBOURS)
    return np.flatnonzero(stands_out & highest)


def place_hits(
    source: Source, sample_rate: int, frames: NDArray[np.intp], checkpoint: Checkpoint
) -> NDArray[np.float64]:
    """Return to which moment each hit belongs: where its energy rises most.

    Parameters
    ----------
    source : Source
        The sound.
    sample_rate : int
        Hertz.
    frames : ndarray, int
        From `pick_hits`.
    checkpoint : Checkpoint
        Called now and then.

    Returns
    -------
    ndarray, float64, shape (hits,)
        Seconds, in order.
    """
    before = round(_SEARCH_BEFORE_SECONDS * sample_rate)
    after = round(_SEARCH_AFTER_SECONDS * sample_rate)
    edge = max(round(_EDGE_SECONDS * sample_rate), 1)
    places = np.empty(len(frames))
    for number, frame in enumerate(frames):
        if number % 200 == 0:
            checkpoint(number / len(frames), "Placing hits")
        middle = round(int(frame) / FRAMES_PER_SECOND * sample_rate)
        start = max(middle - before, 0)
        block = source.read(start - edge, middle + after - start + 2 * edge)
        energy = np.cumsum(np.square(block.astype(np.float64)).mean(axis=0))
        energy = np.concatenate([[0.0], energy])
        sums = energy[edge:] - energy[:-edge]
        rise = np.log(sums[edge:] + edge * 1e-9) - np.log(sums[:-edge] + edge * 1e-9)
        places[number] = (start + int(np.argmax(rise))) / sample_rate
    return np.unique(places)
