"""Levels for the eye: one byte a cell, in half decibels, and the drums' share between two.

A sine at full scale reads 0 dB. Of several channels the loudest counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples
from drumstudio.core.stft import Spectrum, hann

Levels = NDArray[np.uint8]

LOWEST_DB = -120.0
STEPS_PER_DB = 2
HIGHEST_DB = LOWEST_DB + 255 / STEPS_PER_DB

STEMS = ("mixture", "drums", "rest")
"""In the order in which they stand in an array of levels."""


def level_db(level: int) -> float:
    """Return the decibels of a level, in [-120, 7.5]; the lowest stands for silence too."""
    return LOWEST_DB + level / STEPS_PER_DB


def stem_levels(
    mixture: Samples, drums: Samples | None, n_fft: int, hop_length: int, pooled: int
) -> Levels:
    """Return the levels of a stretch's stems, the largest of every so many frames.

    Parameters
    ----------
    mixture : ndarray, float32, shape (channels, samples)
        Begins where the first frame's window does, ends where the last one's does.
    drums : ndarray, float32, of the same shape, or None
        Without it there is only the mixture; with it the rest is mixture - drums.
    n_fft, hop_length : int
        Of the view.
    pooled : int
        How many frames make a column; the last one may have fewer.

    Returns
    -------
    ndarray, uint8, shape (stems, columns, bins)
        Stems in the order of `STEMS`; n_fft // 2 + 1 bins.
    """
    whole = _spectra(mixture, n_fft, hop_length)
    found = [_column_levels(whole, n_fft, pooled)]
    if drums is not None:
        part = _spectra(drums, n_fft, hop_length)
        found.append(_column_levels(part, n_fft, pooled))
        whole -= part
        found.append(_column_levels(whole, n_fft, pooled))
    return np.stack(found)


def _spectra(samples: Samples, n_fft: int, hop_length: int) -> Spectrum:
    """Return complex64 (channels, frames, bins)."""
    import scipy.fft  # see core.stft

    windows = np.lib.stride_tricks.sliding_window_view(samples, n_fft, axis=-1)
    frames = windows[:, ::hop_length] * hann(n_fft)
    spectra: Spectrum = scipy.fft.rfft(frames, axis=-1, overwrite_x=True)
    return spectra


def _column_levels(spectra: Spectrum, n_fft: int, pooled: int) -> Levels:
    power = np.square(spectra.real)
    power += np.square(spectra.imag)
    loudest = power.max(axis=0)
    if pooled > 1:
        starts = np.arange(0, len(loudest), pooled)
        loudest = np.maximum.reduceat(loudest, starts, axis=0)
    loudest *= np.float32((2.0 / hann(n_fft).sum()) ** 2)
    lowest = np.float32(10 ** (LOWEST_DB / 10))
    steps = np.log10(np.maximum(loudest, lowest, out=loudest), out=loudest)
    steps *= np.float32(10 * STEPS_PER_DB)
    steps -= np.float32(LOWEST_DB * STEPS_PER_DB)
    levels: Levels = np.clip(np.rint(steps, out=steps), 0, 255, out=steps).astype(np.uint8)
    return levels


def drums_share(drums: Levels, rest: Levels) -> Levels:
    """Return |D| / (|D| + |R|) as a byte, 255 for drums only; 0 where both are silent."""
    share: Levels = _SHARES[drums.astype(np.int16) - rest + 255]
    share[(drums == 0) & (rest == 0)] = 0
    return share


def edited_share(share: Levels, field: NDArray[np.float32], amount: float) -> Levels:
    """Return what becomes of a share by an edit, as if drums and rest were in phase.

    Parameters
    ----------
    share : ndarray, uint8
        Of the model's drums.
    field : ndarray, float32, of the same shape
        e, in [-1, 1].
    amount : float
        In [-1, 1].
    """
    part = share.astype(np.float32) / 255
    if amount:
        part = part ** np.float32(2.0**amount)
    part = np.where(field > 0, part + field * (1 - part), part * (1 + field))
    return np.rint(255 * part).astype(np.uint8)


def level_of_share(drums: Levels, rest: Levels, share: Levels) -> Levels:
    """Return the level of a share of drums and rest together, as if they were in phase.

    Parameters
    ----------
    drums, rest : ndarray, uint8
        Levels of the model's.
    share : ndarray, uint8, of the same shape
        Of the stem that is shown.
    """
    loudest = np.maximum(drums, rest).astype(np.int16)
    both = loudest + _SUMS[np.abs(drums.astype(np.int16) - rest)] + _FACTORS[share]
    both[loudest == 0] = 0
    levels: Levels = np.clip(both, 0, 255).astype(np.uint8)
    return levels


_DIFFERENCES_DB = np.arange(-255, 256) / STEPS_PER_DB
_SHARES = np.rint(255 / (1 + 10 ** (-_DIFFERENCES_DB / 20))).astype(np.uint8)
_SUMS = np.rint(20 * STEPS_PER_DB * np.log10(1 + 10 ** (-_DIFFERENCES_DB[255:] / 20))).astype(
    np.int16
)  # by how much two amplitudes exceed the larger one, by their difference
_FACTORS = np.concatenate(
    [[-255], np.rint(20 * STEPS_PER_DB * np.log10(np.arange(1, 256) / 255))]
).astype(np.int16)  # by a share
