"""Loudness and true peak of a sound that passes by block after block."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples

LOWEST_RATE = 8_000
"""Below this rate, in hertz, there is no K-weighting: its treble shelf lies at 1.7 kHz."""

_STEPS_PER_BLOCK = 4  # gating blocks of 400 ms in steps of 100 ms
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OFFSET_LUFS = -0.691
_TAPS_PER_PHASE = 12

# Left, right, centre, (low effects), surrounds, in the order of WAV files.
_CHANNEL_WEIGHTS = {
    5: (1.0, 1.0, 1.0, 1.41, 1.41),
    6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41),
}


def k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """Return the K-weighting filter as second-order sections, float64, shape (2, 6).

    Parameters
    ----------
    sample_rate : int
        Hertz; at least `LOWEST_RATE`.

    Notes
    -----
    ITU-R BS.1770-4 tabulates the filter at 48 kHz only. It is a treble shelf and a high pass
    made by the bilinear transform; the analogue frequencies, gain and qualities that give
    the table back are those of libebur128 (ebur128.c), and give the filter at other rates.
    """
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    quality = 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    norm = 1 + k / quality + k * k
    shelf = [
        (high + middle * k / quality + k * k) / norm,
        2 * (k * k - high) / norm,
        (high - middle * k / quality + k * k) / norm,
        1.0,
        2 * (k * k - 1) / norm,
        (1 - k / quality + k * k) / norm,
    ]
    k = math.tan(math.pi * 38.13547087602444 / sample_rate)
    quality = 0.5003270373238773
    norm = 1 + k / quality + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / norm, (1 - k / quality + k * k) / norm]
    return np.array([shelf, high_pass])


class LoudnessMeter:
    """Measure integrated loudness; memory grows by 8 bytes for each 100 ms.

    Parameters
    ----------
    sample_rate : int
        Hertz.
    channels : int
        With 5, 6 or 8 channels they are weighted as surround sound in the order of WAV files;
        with any other number all count the same.

    Notes
    -----
    ITU-R BS.1770-4: K-weighting, blocks of 400 ms overlapping by 75 %, an absolute gate at
    -70 LUFS and a relative one 10 LU below the mean of what is above the first.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._sample_rate = sample_rate
        weights = _CHANNEL_WEIGHTS.get(channels, (1.0,) * channels)
        self._weights = np.array(weights)
        self._position = 0
        self._step_energy = 0.0
        self._energies = array("d")  # weighted sum of squares of each 100 ms
        if sample_rate >= LOWEST_RATE:
            self._sections = k_weighting(sample_rate)
            self._state = np.zeros((2, channels, 2))

    def add(self, block: Samples) -> None:
        """Take in the next block, float32, shape (channels, samples)."""
        count = block.shape[1]
        if self._sample_rate < LOWEST_RATE or count == 0:
            return
        from scipy.signal import sosfilt  # costs 0.5 s, not wanted where nothing is exported

        filtered, self._state = sosfilt(
            self._sections, block.astype(np.float64), axis=1, zi=self._state
        )
        energy = self._weights @ np.square(filtered)
        stop = self._position + count
        ends = self._step_ends(stop)
        edges = np.concatenate(([0], ends - self._position)).astype(np.intp)
        sums = np.add.reduceat(energy, edges[edges < count])
        if len(ends):
            sums[0] += self._step_energy
            self._energies.extend(sums[: len(ends)].tolist())
            self._step_energy = 0.0
        if len(sums) > len(ends):
            self._step_energy += float(sums[-1])
        self._position = stop

    def _step_ends(self, stop: int) -> NDArray[np.int64]:
        """Return where 100 ms steps end in (position, stop]; rounded, so that none drifts."""
        first = len(self._energies) + 1
        last = (10 * stop + 9) // self._sample_rate + 1
        numbers = np.arange(first, last + 1, dtype=np.int64)
        ends = (numbers * self._sample_rate + 5) // 10
        return ends[ends <= stop]

    def integrated_lufs(self) -> float | None:
        """Return the loudness of all blocks so far, in LUFS.

        Returns
        -------
        float or None
            None if there is nothing to measure: shorter than 400 ms, nothing above -70 LUFS,
            or a rate below `LOWEST_RATE`.
        """
        steps = np.array(self._energies)
        if len(steps) < _STEPS_PER_BLOCK:
            return None
        windows = np.lib.stride_tricks.sliding_window_view(steps, _STEPS_PER_BLOCK)
        powers = windows.sum(axis=1) / (_STEPS_PER_BLOCK * self._sample_rate / 10)
        loud = powers[powers > _power(_ABSOLUTE_GATE_LUFS)]
        if not len(loud):
            return None
        gate = loud.mean() * 10 ** (_RELATIVE_GATE_LU / 10)
        return float(_OFFSET_LUFS + 10 * np.log10(loud[loud > gate].mean()))


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LUFS) / 10))


class TruePeakMeter:
    """Measure the peak between the samples, oversampled to at least 192 kHz.

    Parameters
    ----------
    sample_rate : int
        Hertz. Oversampled 4 times below 96 kHz, twice below 192 kHz, not at all from there.
    channels : int
        Number of channels.

    Notes
    -----
    ITU-R BS.1770-4, annex 2, with an interpolator of ours: a Kaiser-windowed sinc of as
    many samples as the annex has (12). Steady tones up to 0.45 of the rate read within 0.05 dB.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._factor = 4 if sample_rate < 96_000 else 2 if sample_rate < 192_000 else 1
        self._filter: Any = None
        self._before = np.zeros((channels, _TAPS_PER_PHASE), dtype=np.float32)
        self._peak = 0.0

    def add(self, block: Samples) -> None:
        """Take in the next block, float32, shape (channels, samples)."""
        if block.shape[1] == 0:
            return
        self._peak = max(self._peak, float(np.abs(block).max()))
        if self._factor > 1:
            joined = np.concatenate([self._before, block], axis=1)
            self._peak = max(self._peak, self._between(joined))
            self._before = joined[:, -_TAPS_PER_PHASE:]

    def _between(self, samples: Samples) -> float:
        """Return the highest interpolated value that `samples` covers whole."""
        from scipy.signal import firwin, upfirdn  # costs 0.5 s, see LoudnessMeter.add

        factor = self._factor
        if self._filter is None:
            taps = factor * _TAPS_PER_PHASE + 1
            self._filter = np.float32(factor * firwin(taps, 1 / factor, window=("kaiser", 5.0)))
        fine = upfirdn(self._filter, samples, up=factor, axis=1)
        inside = fine[:, factor * _TAPS_PER_PHASE : factor * samples.shape[1]]
        return float(np.abs(inside).max(initial=0.0))

    def peak(self) -> float:
        """Return the true peak of all blocks so far, linear, full scale 1.0; never negative."""
        if self._factor == 1 or not self._before.any():
            return self._peak
        # The last samples still ring out into the silence after the end.
        ringing = np.concatenate([self._before, np.zeros_like(self._before)], axis=1)
        return max(self._peak, self._between(ringing))
