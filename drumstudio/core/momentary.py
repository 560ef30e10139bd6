"""Momentary loudness for a meter, from a spectrum: no filter, and nothing but numpy."""

from __future__ import annotations

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.core.loudness import LOWEST_RATE, k_weighting

_OFFSET_LUFS = -0.691
_LOWEST_LUFS = -70.0
_STEPS = 4  # windows of 400 ms in steps of 100 ms


class MomentaryLoudness:
    """Measure the loudness of the last 400 ms of a stereo sound, every 100 ms.

    Parameters
    ----------
    sample_rate : int
        Hertz.

    Notes
    -----
    Momentary loudness as in EBU Tech 3341: K-weighted energy of 400 ms. By Parseval's
    theorem the energy behind the filter is the sum over the spectrum of its power times that
    of the signal: two short transforms in place of a recursive filter, for which scipy would
    have to be loaded (0.5 s) beside a running window.
    """

    def __init__(self, sample_rate: int) -> None:
        self._step = max(round(sample_rate / 10), 1)
        self._window = np.zeros((2, _STEPS * self._step), dtype=np.float32)
        self._filled = 0
        self._weights = None
        if sample_rate >= LOWEST_RATE:
            turns = np.arange(self._window.shape[1] // 2 + 1) / self._window.shape[1]
            delay = np.exp(-2j * np.pi * turns)
            powers = np.ones_like(turns)
            for b0, b1, b2, a0, a1, a2 in k_weighting(sample_rate):
                above = b0 + delay * (b1 + delay * b2)
                below = a0 + delay * (a1 + delay * a2)
                powers *= np.abs(above / below) ** 2
            # Every bin but the first and the last of an even length stands for two.
            powers[1:-1] *= 2.0
            self._weights = powers / self._window.shape[1] ** 2

    def add(self, block: Samples) -> float | None:
        """Take in a block; return the loudness, in LUFS, whenever another 100 ms are full.

        Parameters
        ----------
        block : ndarray, float32, shape (2, samples)
            At most 100 ms.

        Returns
        -------
        float or None
            At least -70; None between the steps, and always below `LOWEST_RATE`.
        """
        if self._weights is None:
            return None
        width = self._window.shape[1]
        fits = min(block.shape[1], self._step - self._filled)
        start = width - self._step + self._filled
        self._window[:, start : start + fits] = block[:, :fits]
        self._filled += fits
        if self._filled < self._step:
            return None
        spectrum = np.fft.rfft(self._window, axis=1)
        power = float((np.square(np.abs(spectrum)) @ self._weights).sum())
        self._window[:, : -self._step] = self._window[:, self._step :].copy()
        self._filled = block.shape[1] - fits
        self._window[:, width - self._step : width - self._step + self._filled] = block[:, fits:]
        if power <= 0.0:
            return _LOWEST_LUFS
        return max(_OFFSET_LUFS + 10.0 * float(np.log10(power)), _LOWEST_LUFS)
