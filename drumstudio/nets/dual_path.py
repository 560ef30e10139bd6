"""A TFC-TDF network whose lowest bins are also judged by a small dual-path recurrent network."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from drumstudio.core import check
from drumstudio.nets.tfc_tdf import COMPRESSION, TfcTdf

QUIET = 1e-9
"""Added to squared magnitudes, as `tfc_tdf.QUIET`."""

_WINDOW_SECONDS = 2.0
STEPS = (1, 1, 2, 4, 2)
"""Frames of each of the low path's spectra to one of the mask."""

_LIMITS = {
    "path_bins": (4, 128),
    "path_bands": (1, 256),
    "path_channels": (1, 256),
    "path_hidden": (1, 256),
    "song_channels": (2, 1024),
    "path_blocks": (1, 16),
}


class DualPath(TfcTdf):
    """A mask estimator: (batch, 2, samples) of a mixture in, the drums of the same shape out.

    A `TfcTdf` gives the mask. In its lowest bins, where kick and bass have to be told apart, it is
    the geometric mean of that and the mask of a `LowPath`, a small dual-path network: what one of
    them doubts stays in the rest.

    Parameters
    ----------
    path_bins : int
        Number of mask bins, from 0 Hz up, that the low path judges; the upper third of them are
        a cross-fade.
    path_bands : int
        Number of bands in which the low path sees the whole spectrum.
    path_channels, path_hidden : int
        Features of a bin, and of the recurrent layer over time in each direction.
    song_channels : int
        Features of the moment as a whole.
    path_blocks : int
    wide
        Arguments of `TfcTdf`.

    Raises
    ------
    ValueError
        If an argument is beyond what such a network can be: what it takes of memory is bounded.

    Notes
    -----
    Dual path: Luo et al., "Dual-path RNN" (ICASSP 2020), and Tong et al., "SCNet" (ICASSP 2024).
    Ours differ: only the lowest bins, without compression, beside a stream for the moment.
    """

    def __init__(
        self,
        *,
        path_bins: int = 24,
        path_bands: int = 24,
        path_channels: int = 48,
        path_hidden: int = 32,
        song_channels: int = 96,
        path_blocks: int = 4,
        **wide: Any,
    ) -> None:
        super().__init__(**wide)
        given = (path_bins, path_bands, path_channels, path_hidden, song_channels, path_blocks)
        for (name, limits), value in zip(_LIMITS.items(), given, strict=True):
            check.whole(name, value, *limits)
        self.path = LowPath(
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            bins=path_bins,
            bands=path_bands,
            channels=path_channels,
            hidden=path_hidden,
            song_channels=song_channels,
            blocks=path_blocks,
            sample_rate=self.sample_rate,
        )
        self.register_buffer("path_share", 0.5 * self.path.fade[:, None], persistent=False)

    @property
    def context_samples(self) -> int:
        """Samples on either side of an output sample that can touch it.

        Two windows of the low path: the one before the output's own has no context of its own.
        """
        return max(super().context_samples, 2 * self.chunk_grid)

    @property
    def chunk_grid(self) -> int:
        """Samples to a multiple of which a chunk must start: the windows of the low path."""
        grid = super().chunk_grid
        return -(-int(_WINDOW_SECONDS * self.sample_rate) // grid) * grid

    def profile(self, mixture: Tensor) -> Tensor:
        """Return the mean spectra by which the net normalises, float32 (batch, features).

        Parameters
        ----------
        mixture : Tensor, float32, shape (batch, 2, samples)
        """
        low = LowPath.profile(self.path.spectra(mixture))
        return torch.cat([super().profile(mixture), low], 1)

    def mask(self, mixture: Tensor, spectrum: Tensor, profile: Tensor | None = None) -> Tensor:
        """Return the drums' share of every cell, float32 in [0, 1], (batch, 2, bins, frames)."""
        features = self.path.profile_features
        wide_profile = None if profile is None else profile[:, :-features]
        low_profile = None if profile is None else profile[:, -features:]
        wide = functional.logsigmoid(self.logits(mixture, spectrum, wide_profile))
        frames = self.chunk_grid // self.hop_length
        spectra = self.path.spectra(mixture)
        low = functional.logsigmoid(self.path.in_windows(spectra, frames, low_profile))
        bins = low.shape[1]
        both = torch.lerp(wide[:, :, :bins], low[:, None], self.path_share)
        return torch.cat([both, wide[:, :, bins:]], 2).exp()


class LowPath(nn.Module):
    """Tells kick from bass in the lowest bins of a mono mixture, over seconds.

    Two streams run side by side through blocks: one feature vector a moment, of the whole
    spectrum in bands, with a recurrent layer over time; and one a bin and moment, with a recurrent
    layer over time that all bins share, then a convolution across bins. Each block tells each
    stream of the other.

    Parameters
    ----------
    n_fft, hop_length : int
        STFT of the mask, in samples.
    bins, bands, channels, hidden, song_channels, blocks : int
        See `DualPath`.
    sample_rate : int
        Of the mixture in hertz.
    """

    def __init__(
        self,
        *,
        n_fft: int,
        hop_length: int,
        bins: int,
        bands: int,
        channels: int,
        hidden: int,
        song_channels: int,
        blocks: int,
        sample_rate: int,
    ) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.bins = bins
        self.bands = bands
        self.profile_features = 3 * bins + bands
        self.register_buffer(
            "band_weights", _octave_bands(bands, n_fft // 4, sample_rate), persistent=False
        )
        self.register_buffer("middle_window", torch.hann_window(n_fft // 2), persistent=False)
        steady = bins - bins // 3
        fade = torch.linspace(1.0, 0.0, bins - steady + 2)[1:-1]
        self.register_buffer("fade", torch.cat([torch.ones(steady), fade]), persistent=False)
        self.bin_entry = nn.Linear(14, channels)
        self.position = nn.Parameter(0.1 * torch.randn(bins, channels))
        self.song_entry = nn.Linear(4 * bands, song_channels)
        self.blocks = nn.ModuleList(
            _Block(bins, channels, hidden, song_channels) for _ in range(blocks)
        )
        self.exit = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, 1))

    def spectra(self, mixture: Tensor) -> tuple[Tensor, ...]:
        """Return what is seen of a mixture, float32 (batch, bins or bands, frames) each.

        Compressed magnitudes of the lowest bins of the channels' mean: at the mask's resolution,
        at twice it, and at a half and a quarter with two and four frames to one of the mask. Last,
        the power in bands of the whole, with two frames to one.

        Parameters
        ----------
        mixture : Tensor, float32, shape (batch, 2, samples)
        """
        frames = mixture.shape[-1] // self.hop_length + 1
        low = mixture.mean(1)
        wanted = ((1, 1, 1), (2, 1, 2), (0.5, 2, 0.5), (0.25, 4, 0.25))
        magnitudes = []
        for size, steps, share in wanted:
            bins = int(self.bins * share) + (share < 1)
            spectrum = self.low_spectrum(low, size=size, steps=steps)[:, :bins]
            power = spectrum.real.square() + spectrum.imag.square()
            magnitudes.append(_to_length(_compressed(power), steps * frames))
        return (*magnitudes, _to_length(self._band_powers(mixture), 2 * frames))

    def low_spectrum(self, low: Tensor, *, size: float = 1.0, steps: int = 1) -> Tensor:
        """Return the STFT of mono samples in twice the low bins, complex (batch, bins, frames).

        Parameters
        ----------
        low : Tensor, float32, shape (batch, samples)
        size : float
            Length of the window, as a multiple of the mask's.
        steps : int
            Frames to one of the mask.
        """
        n_fft = int(self.n_fft * size)
        return _stft(low, n_fft, self.hop_length // steps)[:, : 2 * self.bins]

    def _band_powers(self, mixture: Tensor) -> Tensor:
        """Return the power in bands, mean of the channels, float32 (batch, bands, frames)."""
        batch, channels, samples = mixture.shape
        spectrum = _stft(mixture.reshape(-1, samples), self.n_fft // 4, self.hop_length // 2)
        power = spectrum.real.square() + spectrum.imag.square()
        return self.band_weights @ power.view(batch, channels, *power.shape[1:]).mean(1)

    @staticmethod
    def profile(spectra: tuple[Tensor, ...]) -> Tensor:
        """Return the mean over time by which levels are told, float32 (batch, features)."""
        mask_size, fine, _, _, powers = spectra
        means = (mask_size.mean(2), fine.mean(2), _compressed(powers).mean(2))
        return torch.cat(means, 1)

    def context_frames(self, frames: int) -> int:
        """Return a window's context on either side: less by what the edge of a chunk spoils."""
        return max(frames - 2 * self.n_fft // self.hop_length, 0)

    def in_windows(
        self, spectra: tuple[Tensor, ...], frames: int, profile: Tensor | None = None
    ) -> Tensor:
        """Return the logits as `forward`, window by window, each with its own context.

        What is farther away than two windows can not touch a frame, whatever the recurrent
        layers remember: chunks that start at multiples of a window give the same as the whole.

        Parameters
        ----------
        spectra : tuple of Tensor
        frames : int
            Length of a window.
        profile : Tensor, float32, shape (batch, features), optional
            The song's; that of these spectra without it.

        Returns
        -------
        Tensor, float32, shape (batch, bins, frames)
        """
        profile = LowPath.profile(spectra) if profile is None else profile
        total = spectra[0].shape[2]
        context = self.context_frames(frames)
        logits = []
        for start in range(0, total, frames):
            first, last = max(0, start - context), min(total, start + frames + context)
            heard = tuple(
                part[:, :, first * steps : last * steps]
                for part, steps in zip(spectra, STEPS, strict=True)
            )
            logits.append(self(heard, profile, slice(start - first, start - first + frames)))
        return torch.cat(logits, 2)

    def forward(
        self,
        spectra: tuple[Tensor, ...],
        profile: Tensor | None = None,
        kept: slice = slice(None),
    ) -> Tensor:
        """Return the logits of the drums' share of every low cell, float32 (batch, bins, frames).

        Parameters
        ----------
        spectra : tuple of Tensor
            As `spectra` returns them.
        profile : Tensor, float32, shape (batch, features), optional
            The song's; that of these spectra without it.
        kept : slice
            The frames that are wanted, of those that are heard.
        """
        mask_size, fine, fast, faster, powers = spectra
        profile = LowPath.profile(spectra) if profile is None else profile
        means, fine_means, band_means = profile.split([self.bins, 2 * self.bins, self.bands], dim=1)
        level = (0.5 * (band_means.mean(1) + fine_means[:, 4:].mean(1))).clamp_min(1e-4)
        scale = level[:, None, None]
        mask_size, fine, fast, faster = (part / scale for part in (mask_size, fine, fast, faster))
        x = self._bin_features(mask_size, fine, fast, faster, means[:, :, None] / scale)
        x = self.bin_entry(x.float()) + self.position[:, None]
        song = self.song_entry(
            self._song_features(_compressed(powers) / scale, band_means[:, :, None] / scale)
        )
        *blocks, last = self.blocks
        for block in blocks:
            x, song = block(x, song)
        x, _ = last(x, song, kept)
        return self.exit(x)[..., 0].float()

    def _bin_features(
        self, mask_size: Tensor, fine: Tensor, fast: Tensor, faster: Tensor, means: Tensor
    ) -> Tensor:
        """Return what a bin shows of itself and beside it, (batch, bins, frames, features)."""
        batch, bins, frames = mask_size.shape
        beside = functional.pad(mask_size, (0, 0, 1, 1)).unfold(1, 3, 1)
        finer = functional.pad(fine, (0, 0, 1, 0)).unfold(1, 3, 2)[:, :bins]
        place = torch.arange(bins, device=fast.device)
        halves = fast.view(batch, -1, frames, 2)[:, place // 2]
        quarters = faster.view(batch, -1, frames, 4)[:, place // 4]
        mean = means[..., None].expand(-1, -1, frames, 1)
        flux = functional.pad(mask_size[..., 1:] - mask_size[..., :-1], (1, 0))[..., None]
        return torch.cat([beside, finer, halves, quarters, mean, flux], 3)

    def _song_features(self, bands: Tensor, means: Tensor) -> Tensor:
        """Return the bands at both halves of a frame, their rise and mean, (batch, frames, n)."""
        batch, count, double = bands.shape
        halves = bands.view(batch, count, double // 2, 2)
        rise = functional.pad(bands[..., 1:] - bands[..., :-1], (1, 0))[..., 0::2]
        mean = means.expand(-1, -1, double // 2)
        return torch.cat([halves[..., 0], halves[..., 1], rise, mean], 1).transpose(1, 2)


class _Block(nn.Module):
    """One exchange between the streams, then time and bins."""

    def __init__(self, bins: int, channels: int, hidden: int, song_channels: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(channels, 8)
        self.to_song = nn.Linear(8 * bins, song_channels)
        self.song_over_time = _OverTime(song_channels, song_channels // 2)
        self.to_bins = nn.Linear(song_channels, channels)
        self.over_time = _OverTime(channels, hidden)
        self.over_bins = _OverBins(bins, channels)

    def forward(self, x: Tensor, song: Tensor, kept: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """Return both streams, (batch, bins, kept frames, channels) and (batch, frames, channels).

        Bins come before frames, so that a bin's frames lie side by side: the recurrent layer
        takes them as they are, and bins are joined by one product of matrices.
        """
        batch, bins, frames, channels = x.shape
        narrow = self.narrow(x).transpose(1, 2).flatten(2)
        song = self.song_over_time(song + self.to_song(narrow))
        x = x + self.to_bins(song)[:, None]
        rows = self.over_time(x.reshape(batch * bins, frames, channels))
        return self.over_bins(rows.view(batch, bins, frames, channels)[:, :, kept]), song


class _OverTime(nn.Module):
    """A recurrent layer in both directions with a residual way around it."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.memory = nn.LSTM(channels, hidden, batch_first=True, bidirectional=True)
        self.exit = nn.Linear(2 * hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.exit(self.memory(self.norm(x))[0])


class _OverBins(nn.Module):
    """A gated convolution across bins, after a linear layer that joins all of them."""

    def __init__(self, bins: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.join = nn.Linear(bins, bins)
        self.gate = nn.Conv1d(channels, 2 * channels, 5, padding=2)
        self.exit = nn.Linear(channels, channels)
        nn.init.zeros_(self.join.weight)
        nn.init.zeros_(self.join.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return as many (batch, bins, frames, channels) as are given."""
        y = self.norm(x)
        joined = torch.matmul(self.join.weight, y.flatten(2)) + self.join.bias[:, None]
        y = (y + joined.view_as(y)).permute(0, 3, 1, 2)  # a picture, its channels last in memory
        content, gate = (
            functional.conv2d(y, weight[..., None], bias, padding=(2, 0))
            for weight, bias in zip(self.gate.weight.chunk(2), self.gate.bias.chunk(2), strict=True)
        )
        return x + self.exit((torch.tanh(content) * torch.sigmoid(gate)).permute(0, 2, 3, 1))


def _octave_bands(bands: int, n_fft: int, sample_rate: int) -> Tensor:
    """Return triangles evenly spaced in octaves from 220 Hz to 14 kHz, float32 (bands, bins)."""
    hertz = torch.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    edges = torch.logspace(math.log2(220.0), math.log2(14000.0), bands + 2, base=2.0)
    centre = edges[1:-1, None]
    # A triangle narrower than a bin would be empty.
    left = torch.minimum(edges[:-2, None], centre - hertz[1])
    right = torch.maximum(edges[2:, None], centre + hertz[1])
    rise, fall = (hertz - left) / (centre - left), (right - hertz) / (right - centre)
    return torch.minimum(rise, fall).clamp_min(0.0)


def _stft(samples: Tensor, n_fft: int, hop_length: int) -> Tensor:
    return torch.stft(
        samples.float(),
        n_fft,
        hop_length,
        window=torch.hann_window(n_fft, device=samples.device),
        pad_mode="constant",
        return_complex=True,
    )


def _compressed(power: Tensor) -> Tensor:
    return (power + QUIET).pow(COMPRESSION / 2)


def _to_length(frames: Tensor, count: int) -> Tensor:
    """Return frames cut, or filled with silence, to a count."""
    return functional.pad(frames[..., :count], (0, max(0, count - frames.shape[-1])))
