"""What an edit changes in the sound: istft(D' - D), one block of samples at a time.

A block is as long as a column of tiles. Its delta sums the frames that were touched and whose
windows reach into it, always in the same order and normalised by all frames of the song, so
that blocks join without a seam, and a sample that no touched window reaches is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.audio import Samples
from drumstudio.core.song_edit import SongEdit
from drumstudio.core.stft import Spectrum, hann
from drumstudio.core.tiles import Grid

Read = Callable[[str, int, int], Samples]
"""Reads (hash of a stem or "" for the mixture, first sample, how many), zero beyond."""

Mask = Callable[[int, int, int], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class DeltaRun:
    """A stretch of samples to be added to a stem as the model made it.

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


def deltas_of_block(edit: SongEdit, block: int, read: Read) -> dict[str, Delta]:
    """Return what an edit adds to the model's stems in a block, by the name of the stem.

    Parameters
    ----------
    edit : SongEdit
        Everything that was painted.
    block : int
        Which block.
    read : callable
        Reads mixture and stems.

    Returns
    -------
    dict of str to Delta
        Of each of `SongEdit.changed_stems`, empty for one that stays as it is here.
    """
    grid = edit.tiles.grid
    names = edit.changed_stems()
    span = _touched_span(edit, block)
    if span is None:
        return {name: () for name in names}
    first, touched = span
    stretch = _stretch(grid, first, first + len(touched))
    mixture = _spectra(grid, read("", *stretch))
    spectra = _Spectra(lambda sha256: _spectra(grid, read(sha256, *stretch)))
    hashes = dict(edit.edited.split.stored)
    changes: dict[str, Spectrum] = {}
    for channel in range(grid.channels):
        estimates = spectra.of_channel(channel)
        edited = edit.stems(channel, mixture[channel], estimates, first)
        for name in names:
            if name in edited:
                change = changes.setdefault(name, np.zeros_like(mixture))
                change[channel] = edited[name] - estimates[hashes[name]]
    return {
        name: _block_runs(grid, block, first, touched, changes[name]) if name in changes else ()
        for name in names
    }


class _Spectra:
    """Spectra of stems, each read and transformed when the first channel asks for it."""

    def __init__(self, read: Callable[[str], Spectrum]) -> None:
        self._read = read
        self._found: dict[str, Spectrum] = {}

    def of_channel(self, channel: int) -> Mapping[str, Spectrum]:
        """Return the stems of a channel by the hash of their content."""
        return _Channel(self, channel)

    def get(self, sha256: str) -> Spectrum:
        if sha256 not in self._found:
            self._found[sha256] = self._read(sha256)
        return self._found[sha256]


class _Channel(dict[str, Spectrum]):
    def __init__(self, spectra: _Spectra, channel: int) -> None:
        super().__init__()
        self._spectra = spectra
        self._channel = channel

    def __missing__(self, sha256: str) -> Spectrum:
        found: Spectrum = self._spectra.get(sha256)[self._channel]
        return found


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
