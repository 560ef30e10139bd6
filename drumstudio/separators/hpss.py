"""Harmonic-percussive separation by median filters: no weights, nothing learnt, always there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray

from drumstudio.catalog.model_card import ModelCard
from drumstudio.core import check
from drumstudio.core.stft import istft, stft
from drumstudio.inference.base import Separator

_CHUNK_SAMPLES = 1 << 20
_MOST_CONTEXT_SAMPLES = 1 << 19
_MOST_HOPS = 16  # in a window: the spectrum takes so many times the room of the samples

Magnitudes = NDArray[np.float32]


class HpssSeparator(Separator):
    """Take what is short in time and wide in frequency for the drums.

    The magnitudes are smoothed by a median along time (harmonic) and by one along frequency
    (percussive); the drums get the share p^power / (p^power + (margin h)^power) of every cell.

    Parameters
    ----------
    kernel : int
        Length of both medians, in frames and in bins; at least 1.
    power : float
        Sharpness of the mask, above 0; 2 is the Wiener filter's.
    margin : float
        How much stronger than the harmonic part the percussive one must be, at least 1.
    n_fft, hop_length : int
        The STFT, in samples.

    Raises
    ------
    ValueError
        If an argument is out of range, or they would take more than some seconds of context.

    Notes
    -----
    Fitzgerald, "Harmonic/percussive separation using median filtering" (DAFx 2010); margin by
    Driedger, Müller and Disch, "Extending harmonic-percussive separation of audio" (ISMIR
    2014). On a whole song it equals the percussive part of `librosa.decompose.hpss`, to
    rounding. It runs on the processor only, one channel after the other.
    """

    sample_rate = 0
    channels = 0
    overlap = 0.0
    field_is_finite = True
    processor_only = True

    def __init__(
        self, kernel: int, power: float, margin: float, n_fft: int = 4096, hop_length: int = 1024
    ) -> None:
        check.whole("n_fft", n_fft, 64, 1 << 16)
        check.whole("hop_length", hop_length, -(-n_fft // _MOST_HOPS), n_fft)
        check.whole("kernel", kernel, 1, _MOST_CONTEXT_SAMPLES)
        check.within("power", power, 1e-3, 100.0)
        check.within("margin", margin, 1.0, 1e4)
        check.within("the context", kernel // 2 * hop_length + n_fft, 0, _MOST_CONTEXT_SAMPLES)
        self.kernel = kernel
        self.power = power
        self.margin = margin
        self.n_fft = n_fft
        self.hop_length = hop_length
        # A sample hangs on the frames around it, those on the medians' frames, those on theirs.
        self.context_samples = kernel // 2 * hop_length + n_fft
        self.min_chunk_samples = 4 * self.context_samples
        self.chunk_samples = max(_CHUNK_SAMPLES, self.min_chunk_samples)

    @classmethod
    def from_card(
        cls,
        card: ModelCard,
        settings: Mapping[str, float | int],
        weights: Mapping[str, torch.Tensor] | None,
    ) -> Self:
        """Return the separator that a card and its checked settings describe; no weights."""
        return cls(
            int(settings["kernel"]),
            float(settings["power"]),
            float(settings["margin"]),
            card.n_fft,
            card.hop_length,
        )

    def to(self, device: str) -> None:
        """Stay on the processor."""

    def separate(self, mixture: torch.Tensor) -> torch.Tensor:
        """Return the percussive part; shapes as in `Separator.separate`."""
        batch, channels, length = mixture.shape
        drums = np.empty((batch * channels, length), dtype=np.float32)
        rows = mixture.reshape(batch * channels, 1, length).numpy()
        for samples, out in zip(rows, drums, strict=True):
            spectrum = stft(samples, self.n_fft, self.hop_length)
            spectrum[0] *= self._share(np.abs(spectrum[0]))
            out[:] = istft(spectrum, self.hop_length, length)[0]
        return torch.from_numpy(drums).reshape(batch, channels, length)

    def _share(self, magnitudes: Magnitudes) -> Magnitudes:
        """Return the drums' share of every cell, float32 in [0, 1], (bins, frames)."""
        harmonic = median_along_rows(magnitudes, self.kernel)
        percussive = median_along_rows(magnitudes.T, self.kernel).T
        harmonic *= np.float32(self.margin)
        # Powers of numbers in [0, 1] neither overflow nor vanish both at once.
        largest = np.maximum(harmonic, percussive)
        silent = largest < np.finfo(np.float32).tiny
        largest[silent] = 1.0
        for part in (harmonic, percussive):
            part /= largest
            np.power(part, np.float32(self.power), out=part)
        harmonic += percussive
        harmonic[silent] = 1.0
        percussive /= harmonic
        percussive[silent] = 0.5 if self.margin == 1.0 else 0.0
        return percussive


def median_along_rows(rows: Magnitudes, kernel: int) -> Magnitudes:
    """Return the running median of every row, mirrored at its ends.

    Parameters
    ----------
    rows : ndarray, float32, shape (rows, columns)
    kernel : int
        Length of the median, at least 1.

    Returns
    -------
    ndarray, float32, shape (rows, columns)
        The same as `scipy.ndimage.median_filter(rows, (1, kernel), mode="reflect")` for rows
        of at least `kernel` columns.

    Notes
    -----
    SciPy has a sliding median, in O(log kernel) a step, for one-dimensional arrays only; with
    two dimensions it selects anew at every place. So the rows go in as one long array, each
    between its own mirror images: eleven times as fast (ours, benchmarks/hpss.py).
    """
    margin = kernel // 2
    mirrored = np.pad(rows, ((0, 0), (margin, margin)), mode="symmetric")
    # In rows whatever the order of the input: the flat view below must not be a copy.
    medians = np.empty(mirrored.shape, dtype=mirrored.dtype)
    scipy.ndimage.median_filter(
        mirrored.reshape(-1), size=kernel, mode="nearest", output=medians.reshape(-1)
    )
    return medians[:, margin : margin + rows.shape[1]]
