"""A small TFC-TDF U-Net that masks the drums out of a mixture, with a long low-frequency path."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from drumstudio.core import check

COMPRESSION = 0.4
"""Exponent on magnitudes before the net: loud and soft parts both count."""

QUIET = 1e-7
"""Added to squared magnitudes so that the power's slope stays finite at silence."""

_LIMITS = {
    "n_fft": (256, 16384),
    "hop_length": (16, 16384),
    "sub_bands": (1, 64),
    "channels": (1, 256),
    "growth": (0, 256),
    "levels": (1, 5),
    "bottleneck": (1, 64),
    "low_bins": (2, 512),
    "low_channels": (1, 1024),
    "bands": (1, 256),
    "sample_rate": (8000, 192000),
}
_MOST_CELLS = 32
"""Numbers that the largest level keeps a sample of the mixture; ours keep six."""


class TfcTdf(nn.Module):
    """A mask estimator: (batch, 2, samples) of a mixture in, the drums of the same shape out.

    A real mask in [0, 1] a stereo channel multiplies the mixture's STFT. The mask is the sigmoid of
    the sum of two paths:

    * a U-Net of time-frequency convolutions with time-distributed linear layers along frequency,
      on magnitudes whose bins are folded into sub-bands side by side as channels; its lowest level
      widens its view of time by dilation;
    * a chain of dilated convolutions over time for the lowest bins alone, which sees some seconds
      of a finer STFT, of a faster STFT and of the whole spectrum in bands: below 200 Hz, kick and
      bass can only be told apart by what happens around them.

    Both have a finite field of view, so that audio cut into chunks with enough context gives the
    same result as the whole song. What depends on the song (level, mean spectrum) is its
    `profile`, which may be passed in.

    Parameters
    ----------
    n_fft, hop_length : int
        STFT of the mask, Hann window; `n_fft` a multiple of 8 and of `hop_length`, which is a
        multiple of 4; in samples.
    sub_bands : int
        Into how many channels the bins are folded.
    channels, growth : int
        Channels of the first level and what every level below adds.
    levels : int
        Number of halvings of time and frequency.
    bottleneck : int
        Factor by which a linear layer along frequency narrows.
    low_bins : int
        Number of mask bins, from 0 Hz up, that the low path adds to.
    low_channels : int
        Width of the low path.
    bands : int
        Number of bands in which the low path sees the whole spectrum.
    sample_rate : int
        Rate of the mixture in hertz; fixes the bands only.

    Raises
    ------
    ValueError
        If an argument is beyond what such a network can be: what it takes of memory is bounded.

    Notes
    -----
    TFC-TDF: Choi et al., "Investigating U-Nets with various intermediate blocks for
    spectrogram-based singing voice separation" (ISMIR 2020). Folding, dilation, low path and
    profile are ours.
    """

    def __init__(
        self,
        *,
        n_fft: int = 4096,
        hop_length: int = 1024,
        sub_bands: int = 4,
        channels: int = 16,
        growth: int = 16,
        levels: int = 3,
        bottleneck: int = 8,
        low_bins: int = 40,
        low_channels: int = 128,
        bands: int = 32,
        sample_rate: int = 44100,
    ) -> None:
        super().__init__()
        given = (n_fft, hop_length, sub_bands, channels, growth, levels, bottleneck)
        given = (*given, low_bins, low_channels, bands, sample_rate)
        for (name, limits), value in zip(_LIMITS.items(), given, strict=True):
            check.whole(name, value, *limits)
        # Every level below has a quarter of the cells, and more channels.
        widest = max((channels + growth * level) / 4**level for level in range(levels + 1))
        cells = widest * n_fft / 2 / sub_bands / hop_length
        if cells > _MOST_CELLS:
            raise ValueError(f"it would keep {cells:.0f} numbers a sample, {_MOST_CELLS} at most")
        if n_fft % hop_length or hop_length % 4:
            raise ValueError(f"hop_length must be a fourfold and divide {n_fft}, is {hop_length}")
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.sample_rate = sample_rate
        self.sub_bands = sub_bands
        self.low_bins = low_bins
        self.time_factor = 2**levels
        self.fine_bins = 2 * low_bins
        self.fast_bins = low_bins // 2
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.register_buffer("fine_window", torch.hann_window(2 * n_fft), persistent=False)
        self.register_buffer("fast_window", torch.hann_window(n_fft // 4), persistent=False)
        self.register_buffer(
            "band_weights", _band_weights(n_fft, bands, sample_rate), persistent=False
        )

        bins = n_fft // 2 // sub_bands
        widths = [channels + growth * level for level in range(levels + 1)]
        self.entry = _convolution(2 * sub_bands, channels, 1)
        self.down = nn.ModuleList()
        self.shrink = nn.ModuleList()
        self.up = nn.ModuleList()
        self.grow = nn.ModuleList()
        for level in range(levels):
            narrow, wide = widths[level], widths[level + 1]
            self.down.append(_Block(narrow, bins >> level, bottleneck))
            self.shrink.append(_convolution(narrow, wide, 2, stride=2))
            self.grow.append(nn.ConvTranspose2d(wide, narrow, 2, stride=2))
            self.up.append(_Block(narrow, bins >> level, bottleneck))
        self.middle = nn.Sequential(
            *(
                _Block(widths[-1], bins >> levels, bottleneck, dilation=dilation)
                for dilation in (1, 2, 4)
            )
        )
        self.exit = nn.Conv2d(channels + 2 * sub_bands, 2 * sub_bands, 1)

        low_inputs = 2 * self.fine_bins + 4 * self.fast_bins + 2 * bands
        self.low_entry = nn.Sequential(
            nn.Conv1d(low_inputs, low_channels, 1), nn.BatchNorm1d(low_channels), nn.ReLU()
        )
        self.low_dilations = (1, 2, 4, 8, 16, 32, 64, 1, 2, 4)
        self.low_path = nn.Sequential(
            *(_TimeBlock(low_channels, dilation) for dilation in self.low_dilations)
        )
        self.low_exit = nn.Conv1d(low_channels, low_bins, 1)
        nn.init.zeros_(self.low_exit.weight)
        nn.init.zeros_(self.low_exit.bias)

    @property
    def context_samples(self) -> int:
        """Samples on either side of an output sample that can touch it."""
        low = sum(self.low_dilations) + 2
        frames, scale = 1, 1
        for _ in self.down:
            frames += (2 + 1 + 2 + 1) * scale
            scale *= 2
        frames += (1 + 2 + 4) * 2 * scale
        return max(low, frames) * self.hop_length + 2 * self.n_fft

    @property
    def chunk_grid(self) -> int:
        """Samples to a multiple of which a chunk must start, for the time levels to line up."""
        return self.hop_length * self.time_factor

    def profile(self, mixture: Tensor) -> Tensor:
        """Return the mean spectrum by which the net normalises, float32 (batch, features).

        The mean over time of the compressed fine low bins and of the bands. The profile of a song
        is the mean of its parts' profiles, weighted by their length.

        Parameters
        ----------
        mixture : Tensor, float32, shape (batch, 2, samples)
        """
        magnitude = self._compressed(self._stft(mixture, self.window))
        fine = self._low(mixture, self.fine_window, self.fine_bins)
        return self._profile(fine, self._bands(magnitude))

    def forward(
        self, mixture: Tensor, profile: Tensor | None = None, exponent: float = 1.0
    ) -> Tensor:
        """Return the drums in `mixture`.

        Parameters
        ----------
        mixture : Tensor, float32, shape (batch, 2, samples)
        profile : Tensor, float32, shape (batch, features), optional
            The song's `profile`; that of `mixture` itself without it.
        exponent : float
            The mask is raised to it: above 1, doubtful cells go to the rest.

        Returns
        -------
        Tensor, float32, shape (batch, 2, samples)
        """
        spectrum = self._stft(mixture, self.window)
        mask = self.mask(mixture, spectrum, profile)
        drums = spectrum * (mask if exponent == 1.0 else mask**exponent)
        return self._istft(drums, mixture.shape[-1])

    def mask(self, mixture: Tensor, spectrum: Tensor, profile: Tensor | None = None) -> Tensor:
        """Return the drums' share of every cell, float32 in [0, 1], (batch, 2, bins, frames)."""
        return torch.sigmoid(self.logits(mixture, spectrum, profile))

    def logits(self, mixture: Tensor, spectrum: Tensor, profile: Tensor | None = None) -> Tensor:
        """Return the mask before its sigmoid, float32 (batch, 2, bins, frames)."""
        magnitude = self._compressed(spectrum)
        bands = self._bands(magnitude)
        fine = self._low(mixture, self.fine_window, self.fine_bins)
        if profile is None:
            profile = self._profile(fine, bands)
        # Bands are spaced evenly in octaves, so their mean weighs every octave alike.
        level = profile[:, self.fine_bins :].mean(1).clamp_min(1e-4)
        logits = self._unet_logits(magnitude / level[:, None, None, None])
        low = self._low_logits(mixture, fine, bands, profile, level)
        rows = logits.shape[2] - self.low_bins
        return (logits + functional.pad(low, (0, 0, 0, rows))[:, None]).float()

    def _unet_logits(self, magnitude: Tensor) -> Tensor:
        batch, channels, bins, frames = magnitude.shape
        folded = magnitude[:, :, :-1].reshape(batch, channels * self.sub_bands, -1, frames)
        padded = functional.pad(folded, (0, -frames % self.time_factor))
        x = self.entry(padded)
        skips = []
        for block, shrink in zip(self.down, self.shrink, strict=True):
            x = block(x)
            skips.append(x)
            x = shrink(x)
        x = self.middle(x)
        for block, grow in zip(reversed(self.up), reversed(self.grow), strict=True):
            x = block(grow(x) + skips.pop())
        x = self.exit(torch.cat([x, padded.to(x.dtype)], 1))[..., :frames]
        logits = x.reshape(batch, channels, bins - 1, frames)
        return torch.cat([logits, logits[:, :, -1:]], 2)

    def _low_logits(
        self, mixture: Tensor, fine: Tensor, bands: Tensor, profile: Tensor, level: Tensor
    ) -> Tensor:
        fast = self._low(mixture, self.fast_window, self.fast_bins, step=2)
        frames = fine.shape[-1]
        early = fast[:, :, 0::2][..., :frames]
        late = functional.pad(fast[:, :, 1::2], (0, 1))[..., :frames]
        scale = level[:, None, None]
        means = (profile[:, : self.fine_bins, None] / scale).expand(-1, -1, frames)
        spread = (profile[:, self.fine_bins :, None] / scale).expand(-1, -1, frames)
        flux = functional.pad(early[..., 1:] - early[..., :-1], (1, 0))
        features = [fine / scale, means, early / scale, late / scale, bands / scale, spread]
        features += [flux / scale, (late - early) / scale]
        return self.low_exit(self.low_path(self.low_entry(torch.cat(features, 1))))

    def _profile(self, fine: Tensor, bands: Tensor) -> Tensor:
        return torch.cat([fine.mean(-1), bands.mean(-1)], 1)

    def _bands(self, magnitude: Tensor) -> Tensor:
        return torch.einsum("bcft,kf->bkt", magnitude, self.band_weights) / magnitude.shape[1]

    def _low(self, mixture: Tensor, window: Tensor, bins: int, step: int = 1) -> Tensor:
        """Return compressed magnitudes of the lowest bins, both channels as one."""
        spectrum = self._stft(mixture, window, self.hop_length // step)[:, :, :bins]
        power = spectrum.real.square() + spectrum.imag.square()
        return (power.mean(1) + QUIET).pow(COMPRESSION / 2)

    def _compressed(self, spectrum: Tensor) -> Tensor:
        power = spectrum.real.square() + spectrum.imag.square()
        return (power + QUIET).pow(COMPRESSION / 2)

    def _stft(self, samples: Tensor, window: Tensor, hop_length: int | None = None) -> Tensor:
        batch, channels, length = samples.shape
        spectrum = torch.stft(
            samples.reshape(batch * channels, length).float(),
            window.shape[0],
            hop_length or self.hop_length,
            window=window,
            pad_mode="constant",
            return_complex=True,
        )
        return spectrum.reshape(batch, channels, *spectrum.shape[1:])

    def _istft(self, spectrum: Tensor, length: int) -> Tensor:
        batch, channels, bins, frames = spectrum.shape
        samples = torch.istft(
            spectrum.reshape(batch * channels, bins, frames),
            self.n_fft,
            self.hop_length,
            window=self.window,
            length=length,
        )
        return samples.reshape(batch, channels, length)


class _Block(nn.Module):
    """Two time-frequency convolutions around a narrow linear layer along frequency."""

    def __init__(self, channels: int, bins: int, bottleneck: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = _convolution(channels, channels, 3)
        self.along_frequency = nn.Sequential(
            nn.Linear(bins, bins // bottleneck, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Linear(bins // bottleneck, bins, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.second = _convolution(channels, channels, 3, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        y = y + self.along_frequency(y.transpose(2, 3)).transpose(2, 3)
        return x + self.second(y)


class _TimeBlock(nn.Module):
    """A dilated convolution over time with a residual way around it."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1, bias=False),
            nn.BatchNorm1d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.net(x))


def _convolution(
    inputs: int, outputs: int, size: int, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    padding = (size // 2, size // 2 * dilation) if stride == 1 else 0
    return nn.Sequential(
        nn.Conv2d(
            inputs, outputs, size, stride, padding=padding, dilation=(1, dilation), bias=False
        ),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _band_weights(n_fft: int, bands: int, sample_rate: int) -> Tensor:
    """Return triangles evenly spaced in octaves from 40 Hz to 12 kHz, rows that sum to 1."""
    bin_hz = sample_rate / n_fft
    low, high = 40.0, min(12000.0, 0.45 * sample_rate)
    edges = torch.logspace(
        torch.log2(torch.tensor(low)), torch.log2(torch.tensor(high)), bands + 2, base=2.0
    )
    # A triangle narrower than a bin would be empty.
    bins = torch.arange(n_fft // 2 + 1)[None] * bin_hz
    left = torch.minimum(edges[:-2], edges[1:-1] - bin_hz)[:, None]
    right = torch.maximum(edges[2:], edges[1:-1] + bin_hz)[:, None]
    centre = edges[1:-1, None]
    rise = (bins - left) / (centre - left)
    fall = (right - bins) / (right - centre)
    weights = torch.minimum(rise, fall).clamp_min(0.0)
    return weights / weights.sum(1, keepdim=True)
