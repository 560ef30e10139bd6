"""What an edit changes in the sound: istft(D' - D), one block of samples at a time.

A block is as long as a column of tiles. Its delta sums the frames that were touched and whose
windows reach into it, always in the same order and normalised by all frames of the song, so
that blocks join without a seam, and a sample that no touched window reaches is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples
from drumstudio.core.edit_field import SongEdit
from drumstudio.core.stft import Spectrum, hann
from drumstudio.core.tiles import Grid

Read = Callable[[str, int, int], Samples]
"""Reads (hash of the drums or "" for the mixture, first sample, how many), zero beyond."""

Mask = Callable[[int, int, int], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class DeltaRun:
    """A stretch of samples to be added to the model's drums.

    Parameters
    ----------
    start : int
        Its first sample, in the song.
    samples : ndarray, float32, shape (channels, samples)
        At least one, all inside the song.
    """

    start: int
    samples: Samples


Delta = tuple[DeltaRun, ...]
"""Of one block: what no run covers stays as it is. In order, without overlap."""


def delta_of_block(edit: SongEdit, block: int, read: Read) -> Delta:
    """Return what an edit adds to the model's drums in a block.

    Parameters
    ----------
    edit : SongEdit
        Everything that was painted.
    block : int
        Which block.
    read : callable
        Reads mixture and drums.
    """
    grid = edit.tiles.grid
    span = _touched_span(edit, block)
    if span is None:
        return ()
    first, touched = span
    last = first + len(touched)
    mixture = _spectra(grid, read("", *_stretch(grid, first, last)))
    estimates = {
        name: _spectra(grid, read(name, *_stretch(grid, first, last)))
        for name in edit.drums_needed(first, last)
    }
    change = np.empty_like(mixture)
    for channel in range(grid.channels):
        drums = {name: spectra[channel] for name, spectra in estimates.items()}
        change[channel] = edit.drums(channel, mixture[channel], drums, first)
        change[channel] -= drums[edit.edited.drums]
    return _block_runs(grid, block, first, touched, change)


def masked_block(grid: Grid, block: int, mask: Mask, read: Read) -> Delta:
    """Return the mixture seen through a mask, in a block: what is painted, to listen to it.

    Parameters
    ----------
    grid : Grid
        The song's.
    block : int
        Which block.
    mask : callable
        Takes a channel, a first frame and the one after the last; returns float32 (frames,
        bins).
    read : callable
        Reads the mixture.
    """
    first, last = frames_of_block(grid, block)
    masks = np.stack([mask(channel, first, last) for channel in range(grid.channels)])
    touched = np.asarray(masks.any(axis=(0, 2)))
    if not touched.any():
        return ()
    spectra = _spectra(grid, read("", *_stretch(grid, first, last)))
    return _block_runs(grid, block, first, touched, spectra * masks)


def frames_of_block(grid: Grid, block: int) -> tuple[int, int]:
    """Return the first frame whose window reaches into a block and the one after the last."""
    reach = grid.n_fft // 2 // grid.hop_length
    frames_per_block = grid.block_samples // grid.hop_length
    first = max(block * frames_per_block - reach + 1, 0)
    return first, min((block + 1) * frames_per_block + reach, grid.frames)


def _touched_span(edit: SongEdit, block: int) -> tuple[int, NDArray[np.bool_]] | None:
    """Return the first touched frame of a block, and which are touched from it to the last."""
    first, last = frames_of_block(edit.tiles.grid, block)
    touched = edit.touched_frames(first, last)
    places = np.flatnonzero(touched)
    if not len(places):
        return None
    begin, end = int(places[0]), int(places[-1]) + 1
    return first + begin, touched[begin:end]


def _stretch(grid: Grid, first: int, last: int) -> tuple[int, int]:
    """Return the first sample of some frames' windows, and how many they cover."""
    start = first * grid.hop_length - grid.n_fft // 2
    return start, (last - 1 - first) * grid.hop_length + grid.n_fft


def _spectra(grid: Grid, samples: Samples) -> Spectrum:
    """Return complex64 (channels, frames, bins) of the windows in a stretch."""
    import scipy.fft  # see core.stft

    windows = np.lib.stride_tricks.sliding_window_view(samples, grid.n_fft, axis=-1)
    frames = windows[:, :: grid.hop_length] * hann(grid.n_fft)
    spectra: Spectrum = scipy.fft.rfft(frames, axis=-1, overwrite_x=True)
    return spectra


def _block_runs(
    grid: Grid, block: int, first: int, touched: NDArray[np.bool_], change: Spectrum
) -> Delta:
    """Return the samples of some frames' change, where a touched window reaches into a block."""
    import scipy.fft

    change[:, ~touched] = 0
    frames = scipy.fft.irfft(change, n=grid.n_fft, axis=-1, overwrite_x=True)
    frames *= hann(grid.n_fft)
    total = _overlapped(frames, grid.hop_length)
    start = first * grid.hop_length - grid.n_fft // 2
    total /= _weights(grid, start, total.shape[1])
    low = max(block * grid.block_samples, start)
    high = min((block + 1) * grid.block_samples, start + total.shape[1], grid.samples)
    reached = _overlapped(
        np.repeat(touched[np.newaxis, :, np.newaxis], grid.n_fft, axis=2).astype(np.float32),
        grid.hop_length,
    )[0]
    inside = np.zeros(high - low + 2, dtype=np.int8)
    inside[1:-1] = reached[low - start : high - start] > 0
    edges = np.flatnonzero(np.diff(inside)).reshape(-1, 2) + low
    return tuple(
        DeltaRun(int(begin), np.ascontiguousarray(total[:, begin - start : end - start]))
        for begin, end in edges
    )


def _overlapped(frames: NDArray[np.float32], hop_length: int) -> NDArray[np.float32]:
    """Return (channels, samples) where frames (channels, frames, n_fft) overlap by the hop."""
    channels, count, n_fft = frames.shape
    steps = n_fft // hop_length
    out = np.zeros((channels, count + steps - 1, hop_length), dtype=np.float32)
    for step in range(steps):
        out[:, step : step + count] += frames[..., step * hop_length : (step + 1) * hop_length]
    return out.reshape(channels, -1)


def _weights(grid: Grid, start: int, count: int) -> NDArray[np.float32]:
    """Return the sum of all frames' squared windows on a stretch, whether touched or not."""
    steps = grid.n_fft // grid.hop_length
    before = (start + grid.n_fft // 2) // grid.hop_length  # the frame that begins at `start`
    frames = np.arange(before - steps + 1, before + count // grid.hop_length)
    there = ((frames >= 0) & (frames < grid.frames)).astype(np.float32)
    squares = there[np.newaxis, :, np.newaxis] * np.square(hann(grid.n_fft))
    offset = (steps - 1) * grid.hop_length
    weight = _overlapped(squares, grid.hop_length)[0, offset : offset + count]
    return np.where(weight > np.finfo(np.float32).tiny, weight, np.float32(1))
