"""What a report says of a written file: peak, true peak and loudness."""

from __future__ import annotations

import math

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.core.loudness import LoudnessMeter, TruePeakMeter

FLOOR_DB = -200.0
"""What silence, and a residual of nothing, read as in the report."""


def decibels(ratio: float) -> float:
    """Return a ratio of amplitudes in decibels, rounded to 0.0001, at least `FLOOR_DB`."""
    return round(max(FLOOR_DB, 20 * math.log10(ratio)), 4) if ratio > 0 else FLOOR_DB


class Measure:
    """Peak and loudness of a signal as it is written.

    Parameters
    ----------
    sample_rate, channels : int
        Hertz; how many.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._peak = 0.0
        self._loudness = LoudnessMeter(sample_rate, channels)
        self._true_peak = TruePeakMeter(sample_rate, channels)

    def add(self, block: Samples) -> None:
        """Measure one more block, float32, shape (channels, samples)."""
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        self._loudness.add(block)
        self._true_peak.add(block)

    def report(self) -> dict[str, float | None]:
        """Return peak_db, true_peak_db, and lufs, None where there is none to measure."""
        lufs = self._loudness.integrated_lufs()
        return {
            "peak_db": decibels(self._peak),
            "true_peak_db": decibels(self._true_peak.peak()),
            "lufs": None if lufs is None else round(lufs, 2),
        }
