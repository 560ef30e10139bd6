"""Trained networks as they run: one pass over a stretch, in pieces that fit into a cache.

The same drums as the modules give that are trained, to rounding, with the norms folded into the
layers, every spectrum taken once, and no memory that grows with the stretch but for its sound.
"""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor, nn

from drumstudio.nets.analysis import Analysis
from drumstudio.nets.dual_path import STEPS, DualPath, LowPath
from drumstudio.nets.stream_layers import Memory, TimePath, UNet
from drumstudio.nets.tfc_tdf import TfcTdf

_PIECE_FRAMES = 176
"""On a processor: more fall out of its caches, fewer leave each layer too little to do."""
_LONG_PIECE_FRAMES = 1408
"""On a graphics card, which wants much to do at once."""


class Streamed(nn.Module):
    """A trained `TfcTdf` or `DualPath`, to be run.

    Parameters
    ----------
    net : TfcTdf
        With its weights. Kept as a part, for what it knows of its spectra.

    Attributes
    ----------
    window_frames : int
        Length of the low path's windows.
    """

    def __init__(self, net: TfcTdf) -> None:
        super().__init__()
        self.net = net.eval().requires_grad_(False)
        self.unet = UNet(net)
        self.time_path = TimePath(net)
        self.path = net.path if isinstance(net, DualPath) else None
        self.window_frames = net.chunk_grid // net.hop_length

    def profile(self, mixture: Tensor) -> Tensor:
        """Return the mean spectra as `TfcTdf.profile`, float32 (batch, features).

        Parameters
        ----------
        mixture : Tensor, float32, shape (batch, 2, samples)
        """
        return torch.stack([self._profile_of_one(one) for one in mixture])

    def _profile_of_one(self, mixture: Tensor) -> Tensor:
        analysis = Analysis(self.net, mixture, self.path)
        for start in range(0, analysis.frames, self.piece):
            analysis.hear(start, min(start + self.piece, analysis.frames))
        means = [analysis.fine.mean(0), analysis.bands.mean(0)]
        if self.path is not None:
            means.append(LowPath.profile(_as_spectra(analysis.low))[0])
        return torch.cat(means)

    def forward(self, mixture: Tensor, profile: Tensor, exponent: float = 1.0) -> Tensor:
        """Return the drums in `mixture`, float32 (batch, 2, samples); arguments as `TfcTdf`'s."""
        drums = [
            _Pass(self, one, its[None], exponent).drums()[None]
            for one, its in zip(mixture, profile, strict=True)
        ]
        return drums[0] if len(drums) == 1 else torch.cat(drums)

    @property
    def piece(self) -> int:
        """How many frames go through the layers at once."""
        return _PIECE_FRAMES if self.net.window.device.type == "cpu" else _LONG_PIECE_FRAMES


class _Pass:
    """One pass over one stretch: what is heard, what is told, and what waits in between."""

    def __init__(self, run: Streamed, mixture: Tensor, profile: Tensor, exponent: float) -> None:
        self._run, self._net, self._path = run, run.net, run.path
        self._exponent = exponent
        self._samples = mixture.shape[1]
        self._analysis = Analysis(run.net, mixture, run.path)
        self._frames = self._analysis.frames
        self._memory = Memory()
        features = 0 if run.path is None else run.path.profile_features
        self._profile = profile[:, : profile.shape[1] - features]
        self._low_profile = profile[:, profile.shape[1] - features :]
        # Bands are spaced evenly in octaves, so their mean weighs every octave alike.
        self._level = self._profile[:, run.net.fine_bins :].mean().clamp_min(1e-4)
        self._windows_done = 0
        self._waiting: deque[tuple[int, int, Tensor]] = deque()
        overlap = run.net.n_fft // run.net.hop_length
        self._out = mixture.new_zeros(2, self._frames + overlap - 1, run.net.hop_length)

    def drums(self) -> Tensor:
        """Return the drums, float32 (2, samples)."""
        for start in range(0, self._frames, self._run.piece):
            self._hear(start, min(start + self._run.piece, self._frames))
        return self._overlap_added()

    def _hear(self, start: int, stop: int) -> None:
        """Take in frames [start, stop) and lay the mask on those that all have judged."""
        net, last = self._net, stop == self._frames
        spectrum, magnitude = self._analysis.hear(start, stop)
        missing = -self._frames % net.time_factor if last else 0
        folded = self._folded(magnitude / self._level, missing)
        memory = self._memory
        wide = self._run.unet(folded, memory, last=last)
        low = self._run.time_path(self._time_features(start, stop), memory, last=last)
        judged = self._windows(stop) if self._path is not None else None
        self._waiting.append((start, stop, spectrum))
        parts = {"wide": wide, "low": low, "judged": judged}
        parts = {key: memory.join(key, part) for key, part in parts.items() if part is not None}
        there = min(part.shape[1] for part in parts.values())
        told = 0
        while self._waiting and self._waiting[0][1] - self._waiting[0][0] <= there - told:
            first, stop, spectrum = self._waiting.popleft()
            count = stop - first
            self._tell(
                first, spectrum, {key: part[:, told : told + count] for key, part in parts.items()}
            )
            told += count
        for key, part in parts.items():
            memory.hold(key, part[:, told:])

    def _folded(self, magnitude: Tensor, missing: int) -> Tensor:
        """Return bins folded into sub-bands side by side, (rows, frames, channels)."""
        _, frames, bins = magnitude.shape
        bands = self._net.sub_bands
        folded = magnitude.new_zeros((bins - 1) // bands, frames + missing, 2 * bands)
        split = magnitude[:, :, :-1].unflatten(2, (bands, -1))
        folded[:, :frames].view(-1, frames, 2, bands).copy_(split.permute(3, 1, 0, 2))
        return folded

    def _time_features(self, start: int, stop: int) -> Tensor:
        """Return what the time path sees of frames [start, stop), (1, frames, features)."""
        analysis, fine_bins = self._analysis, self._net.fine_bins
        fine, bands = analysis.fine[start:stop], analysis.bands[start:stop]
        first = max(start - 1, 0)
        halves = analysis.fast[2 * first : 2 * stop].view(stop - first, 2, -1)
        early, late = halves[start - first :, 0], halves[start - first :, 1]
        flux = torch.zeros_like(early)
        flux[1 if start == 0 else 0 :] = halves[1:, 0] - halves[:-1, 0]
        means = self._profile[:, :fine_bins].expand(stop - start, -1)
        spread = self._profile[:, fine_bins:].expand(stop - start, -1)
        features = [fine, means, early, late, bands, spread, flux, late - early]
        return (torch.cat(features, 1) / self._level)[None]

    def _windows(self, heard: int) -> Tensor:
        """Return the low path's logits of the windows that can be judged now, (1, frames, bins)."""
        frames = self._run.window_frames
        context = self._path.context_frames(frames)
        logits = [self._out.new_zeros(1, 0, self._path.bins)]
        while (start := self._windows_done * frames) < self._frames:
            first, last = max(0, start - context), min(self._frames, start + frames + context)
            if last > heard:
                break
            spectra = _as_spectra(self._analysis.low, first, last)
            kept = slice(start - first, start - first + frames)
            logits.append(self._path(spectra, self._low_profile, kept).transpose(1, 2))
            self._windows_done += 1
        return torch.cat(logits, 1)

    def _tell(self, start: int, spectrum: Tensor, parts: dict[str, Tensor]) -> None:
        """Lay the mask on frames from `start` on, and add their sound to the others'."""
        net, wide = self._net, parts["wide"]
        rows, count, _ = wide.shape
        logits = wide.new_empty(2, count, spectrum.shape[2])
        split = wide.unflatten(2, (2, net.sub_bands)).permute(2, 1, 3, 0)
        logits[:, :, :-1].unflatten(2, (net.sub_bands, rows)).copy_(split)
        logits[:, :, -1] = logits[:, :, -2]
        logits[:, :, : net.low_bins] += parts["low"]
        if self._path is not None:
            bins = self._path.bins
            unsure = nn.functional.logsigmoid(logits[:, :, :bins])
            other = nn.functional.logsigmoid(parts["judged"])
            unsure = torch.lerp(unsure, other, net.path_share[:, 0])
        mask = logits.sigmoid_()
        if self._path is not None:
            mask[:, :, :bins] = unsure.exp()
        if self._exponent != 1.0:
            mask.pow_(self._exponent)
        sound = torch.fft.irfft(spectrum * mask, net.n_fft) * net.window
        blocks = sound.view(2, count, -1, net.hop_length)
        for block in range(blocks.shape[2]):
            at = start + block
            self._out[:, at : at + count] += blocks[:, :, block]

    def _overlap_added(self) -> Tensor:
        """Return the sound, divided by how much of a window there is at each sample."""
        net, out = self._net, self._out
        shares = net.window.square().view(-1, net.hop_length)
        there = out.new_zeros(out.shape[1], shares.shape[0])
        for block in range(shares.shape[0]):
            there[block : block + self._frames, block] = 1
        out /= there @ shares
        return out.view(2, -1)[:, net.n_fft // 2 :][:, : self._samples]


def _as_spectra(low: tuple[Tensor, ...], first: int = 0, last: int | None = None) -> tuple:
    """Return features of frames as `LowPath.spectra` gives them, (1, bins or bands, frames)."""
    return tuple(
        part[first * steps : None if last is None else last * steps].T[None]
        for part, steps in zip(low, STEPS, strict=True)
    )
