"""Frequency bands of equal width in octaves, in which hits are looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples
from drumstudio.core.stft import hann

Levels = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """Triangular bands that overlap by half, for one transform.

    Parameters
    ----------
    sample_rate : int
        Hertz.
    n_fft : int
        Samples of a window.
    count : int
        How many bands, at least 2.
    low_hz, high_hz : float
        Centres of the first and the last; the last is not above 0.9 of half the rate.

    Attributes
    ----------
    centres_hz : ndarray, float64, shape (count,)
        Their centres.
    weights : ndarray, float32, shape (bins, count)
        How much of each bin's power goes into each band; where bands are narrower than a bin,
        they take the nearest one.
    """

    centres_hz: NDArray[np.float64]
    weights: NDArray[np.float32]

    @classmethod
    def spread(
        cls, sample_rate: int, n_fft: int, count: int, low_hz: float = 40.0, high_hz: float = 16e3
    ) -> Bands:
        """Return bands that are spread evenly over octaves. Parameters as of the class."""
        centres = np.geomspace(low_hz, max(min(high_hz, 0.45 * sample_rate), 2 * low_hz), count)
        bins_hz = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
        width = np.log(centres[1] / centres[0])
        away = np.abs(np.log(np.maximum(bins_hz, 1.0))[:, np.newaxis] - np.log(centres))
        weights = np.maximum(1.0 - away / width, 0.0)
        for band in np.flatnonzero(weights.sum(axis=0) < 1.0):
            weights[:, band] = 0.0
            weights[np.argmin(np.abs(bins_hz - centres[band])), band] = 1.0
        return cls(centres, weights.astype(np.float32))

    def of_bins(self, bin_hz: float, bins: int) -> NDArray[np.intp]:
        """Return to which band each bin of any transform is nearest, in octaves."""
        borders = np.sqrt(self.centres_hz[1:] * self.centres_hz[:-1])
        return np.searchsorted(borders, np.arange(bins) * bin_hz)

    def near(self, hertz: float, octaves: float) -> NDArray[np.float64]:
        """Return how near each band is to a frequency: 1 there, a bell so many octaves wide."""
        inside = np.clip(hertz, self.centres_hz[0], self.centres_hz[-1])
        away = np.log2(self.centres_hz / inside) / octaves
        bell: NDArray[np.float64] = np.exp(-0.5 * np.square(away))
        return bell


def powers(samples: Samples, n_fft: int, hop_length: int) -> NDArray[np.float32]:
    """Return the power of every cell, summed over channels; windows only where samples are.

    Parameters
    ----------
    samples : ndarray, float32, shape (channels, samples)
        At least `n_fft` samples.
    n_fft, hop_length : int
        Of the transform; a full-scale sine has a power of about 1.

    Returns
    -------
    ndarray, float32, shape (frames, bins)
        Frame t is centred on sample t * hop_length + n_fft // 2.
    """
    import scipy.fft  # see core.stft

    views = np.lib.stride_tricks.sliding_window_view(samples, n_fft, axis=-1)[:, ::hop_length]
    window = hann(n_fft)
    window *= np.float32(2.0 / window.sum())
    total = np.zeros((views.shape[1], n_fft // 2 + 1), dtype=np.float32)
    for channel in views:
        spectrum = scipy.fft.rfft(channel * window, axis=-1, overwrite_x=True)
        total += np.square(spectrum.real)
        total += np.square(spectrum.imag)
    return total


def decibels(power: NDArray[np.float32], floor: NDArray[np.float32] | float) -> Levels:
    """Return 10 log10(power + floor), float32."""
    levels: Levels = np.float32(10.0) * np.log10(power + floor).astype(np.float32)
    return levels
