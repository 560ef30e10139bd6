"""The short-time Fourier transform and its inverse, in float32, for one stretch of sound.

Frames lie behind each other in memory, so what comes back is a view with bins before frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples

Spectrum = NDArray[np.complex64]

_EDIT_SECONDS = 0.046


def edit_sizes(sample_rate: int) -> tuple[int, int]:
    """Return n_fft and hop_length of the edit STFT at a rate, in samples.

    Parameters
    ----------
    sample_rate : int
        Hertz, positive.

    Returns
    -------
    tuple of int
        The power of two nearest to 46 ms (2048 at 44.1 and 48 kHz), at least 64, and a
        quarter of it.
    """
    if sample_rate <= 0:
        raise ValueError(f"sample_rate must be positive, got {sample_rate}")
    n_fft = max(64, 2 ** round(np.log2(_EDIT_SECONDS * sample_rate)))
    return n_fft, n_fft // 4


def hann(n_fft: int) -> NDArray[np.float32]:
    """Return the periodic Hann window of `n_fft` samples, float32."""
    phase = 2 * np.pi * np.arange(n_fft) / n_fft
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)


def stft(samples: Samples, n_fft: int, hop_length: int) -> Spectrum:
    """Return the centred STFT with a Hann window, zeros beyond the ends.

    Parameters
    ----------
    samples : ndarray, float32, shape (channels, samples)
        At least one sample.
    n_fft : int
        Length of the window, in samples; even.
    hop_length : int
        Distance of frames, in samples; it divides `n_fft`.

    Returns
    -------
    ndarray, complex64, shape (channels, bins, frames)
        n_fft // 2 + 1 bins, 1 + samples // hop_length frames; frame t is centred on sample
        t * hop_length.

    Notes
    -----
    The same as `librosa.stft(samples, n_fft=n_fft, hop_length=hop_length)`, to rounding.
    """
    # scipy.fft costs 0.1 s at start-up, and the command line's help imports this module's
    # package; numpy's own transform is slower in float32 (ours, benchmarks/hpss.py).
    import scipy.fft

    _check_sizes(n_fft, hop_length)
    padded = np.pad(samples, ((0, 0), (n_fft // 2, n_fft // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)[:, ::hop_length]
    spectrum = scipy.fft.rfft(frames * hann(n_fft), axis=-1, overwrite_x=True)
    return np.swapaxes(spectrum, 1, 2)


def istft(spectrum: Spectrum, hop_length: int, length: int) -> Samples:
    """Return the samples whose `stft` comes nearest to a spectrum.

    Parameters
    ----------
    spectrum : ndarray, complex64, shape (channels, bins, frames)
        As from `stft`.
    hop_length : int
        Distance of frames, in samples; it divides n_fft = 2 * (bins - 1).
    length : int
        How many samples to return; not negative.

    Returns
    -------
    ndarray, float32, shape (channels, length)
        Zero beyond what the frames reach.

    Notes
    -----
    Weighted overlap-add, normalised by the sum of squared windows: Griffin and Lim, "Signal
    estimation from modified short-time Fourier transform" (1984). Every sample sums its
    frames in one order, wherever the stretch begins, so that chunks give the bits of the whole.
    """
    import scipy.fft  # see stft

    channels, bins, frame_count = spectrum.shape
    n_fft = 2 * (bins - 1)
    _check_sizes(n_fft, hop_length)
    window = hann(n_fft)
    frames = scipy.fft.irfft(np.swapaxes(spectrum, 1, 2), n=n_fft, axis=-1)
    frames *= window
    total = _overlap_added(frames, hop_length)
    squares = np.broadcast_to(np.square(window), (1, frame_count, n_fft))
    weight = _overlap_added(squares, hop_length)
    total /= np.where(weight > np.finfo(np.float32).tiny, weight, np.float32(1))
    out = np.zeros((channels, length), dtype=np.float32)
    inside = total[:, n_fft // 2 : n_fft // 2 + length]
    out[:, : inside.shape[1]] = inside
    return out


def _overlap_added(frames: NDArray[np.float32], hop_length: int) -> NDArray[np.float32]:
    """Return (channels, samples) where frames (channels, frames, n_fft) overlap by the hop."""
    channels, count, n_fft = frames.shape
    steps = n_fft // hop_length
    out = np.zeros((channels, count + steps - 1, hop_length), dtype=np.float32)
    for step in range(steps):
        out[:, step : step + count] += frames[..., step * hop_length : (step + 1) * hop_length]
    return out.reshape(channels, -1)


def _check_sizes(n_fft: int, hop_length: int) -> None:
    if n_fft < 2 or n_fft % 2 or hop_length < 1 or n_fft % hop_length:
        raise ValueError(
            f"n_fft must be even and a multiple of hop_length, got {n_fft} and {hop_length}"
        )
