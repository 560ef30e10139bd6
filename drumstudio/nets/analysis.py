"""What both networks see of a stretch of a mixture, a few frames at a time, each STFT taken once.

Two channels' spectra give their mean's for nothing, and the frames of a fast STFT are among those
of a faster one: four transforms a frame do for the seven spectra that a `DualPath` names.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from drumstudio.nets import dual_path, tfc_tdf
from drumstudio.nets.dual_path import LowPath
from drumstudio.nets.tfc_tdf import TfcTdf


class Analysis:
    """The STFTs of a stretch, with zeros beyond its ends, and the features of frames so far.

    Parameters
    ----------
    net : TfcTdf
        Tells what it wants to see; on the mixture's device.
    mixture : Tensor, float32, shape (2, samples)
    path : LowPath, optional
        The low path that wants to see something too.

    Attributes
    ----------
    frames : int
        Number of frames of the mask.
    fine, fast, bands : Tensor, float32
        Features of the frames heard so far: (frames, bins), (2 frames, bins), (frames, bands).
    low : tuple of Tensor, float32
        The same for the low path: `LowPath.spectra`, (frames or more, bins or bands) each.
    """

    def __init__(self, net: TfcTdf, mixture: Tensor, path: LowPath | None = None) -> None:
        self._net, self._path = net, path
        self._hop = net.hop_length
        self.samples = mixture.shape[1]
        self.frames = self.samples // self._hop + 1
        self._before = net.n_fft
        self._padded = functional.pad(mixture, (net.n_fft, net.n_fft + self._hop))

        def zeros(steps: int, features: int) -> Tensor:
            return mixture.new_zeros(steps * self.frames, features)

        self.fine = zeros(1, net.fine_bins)
        self.fast = zeros(2, net.fast_bins)
        self.bands = zeros(1, net.band_weights.shape[0])
        self.low: tuple[Tensor, ...] = ()
        if path is not None:
            sizes = (path.bins, 2 * path.bins, path.bins // 2 + 1, path.bins // 4 + 1, path.bands)
            steps = dual_path.STEPS
            self.low = tuple(zeros(n, size) for n, size in zip(steps, sizes, strict=True))

    def hear(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Take in frames [start, stop); return what the mask is laid on and what the U-Net sees.

        Returns
        -------
        spectrum : Tensor, complex64, shape (2, frames, bins)
        magnitude : Tensor, float32, shape (2, frames, bins)
            Compressed.
        """
        net, path = self._net, self._path
        spectrum = self._spectrum(start, stop, window=net.window)
        power = _power(spectrum)
        magnitude = _compressed(power, tfc_tdf.QUIET)
        self.bands[start:stop] = magnitude.mean(0) @ net.band_weights.T
        fine = self._spectrum(start, stop, window=net.fine_window)
        fine = fine[..., : max(net.fine_bins, 2 * path.bins if path else 0)]
        self.fine[start:stop] = _compressed(
            _power(fine[..., : net.fine_bins]).mean(0), tfc_tdf.QUIET
        )
        fast = self._spectrum(start, stop, window=net.fast_window, steps=2)
        wanted = fast if path else fast[..., : net.fast_bins]
        power = _power(wanted).mean(0)
        few = _compressed(power[:, : net.fast_bins], tfc_tdf.QUIET)
        self._keep(self.fast, start, stop, 2, few)
        if path:
            self._hear_low(path, start, stop, spectrum, fine, fast, power)
        return spectrum, magnitude

    def _hear_low(
        self,
        path: LowPath,
        start: int,
        stop: int,
        spectrum: Tensor,
        fine: Tensor,
        fast: Tensor,
        power: Tensor,
    ) -> None:
        bins, half, quarter = path.bins, path.bins // 2 + 1, path.bins // 4 + 1
        window = self._net.fast_window
        middle = self._spectrum(start, stop, window=path.middle_window, steps=2, centre=True)
        between = self._spectrum(start, stop, window=window, steps=2, centre=True, late=True)
        faster = torch.stack([fast[..., :quarter].mean(0), between[0, :, :quarter]], 1)
        seen = (
            spectrum[..., :bins].mean(0),
            fine[..., : 2 * bins].mean(0),
            middle[0, :, :half],
            faster.flatten(0, 1),
        )
        for kept, steps, part in zip(self.low, dual_path.STEPS, seen, strict=False):
            self._keep(kept, start, stop, steps, _compressed(_power(part), dual_path.QUIET))
        self._keep(self.low[4], start, stop, 2, power @ path.band_weights.T)

    def _keep(self, kept: Tensor, start: int, stop: int, steps: int, frames: Tensor) -> None:
        """Keep the features of frames, as far as an STFT of the stretch has such frames."""
        there = min(steps * stop, self.samples * steps // self._hop + 1)
        kept[steps * start : there] = frames[: max(0, there - steps * start)]

    def _spectrum(
        self,
        start: int,
        stop: int,
        *,
        window: Tensor,
        steps: int = 1,
        centre: bool = False,
        late: bool = False,
    ) -> Tensor:
        """Return an STFT's frames, complex64 (channels, frames, bins).

        Parameters
        ----------
        start, stop : int
            Frames of the mask.
        window : Tensor
        steps : int
            Frames to one of the mask.
        centre : bool
            Whether of the mean of both channels.
        late : bool
            Whether all frames are late by half a step.
        """
        hop, n_fft = self._hop // steps, window.shape[0]
        first = self._before - n_fft // 2 + start * self._hop + late * hop // 2
        heard = self._padded[:, first : first + ((stop - start) * steps - 1) * hop + n_fft]
        if centre:
            heard = heard.mean(0, keepdim=True)
        return torch.fft.rfft(heard.unfold(1, n_fft, hop) * window)


def _power(spectrum: Tensor) -> Tensor:
    return spectrum.abs().square_()


def _compressed(power: Tensor, quiet: float) -> Tensor:
    return power.add(quiet).pow_(tfc_tdf.COMPRESSION / 2)
