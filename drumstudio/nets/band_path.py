"""A dual-path network over all bands: across bands by recurrence, over time by dilated gates."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from drumstudio.nets.tfc_tdf import COMPRESSION, QUIET

_PATCH = 2
"""Frames that one step of the network holds: its blocks see every second."""
_FINE_HZ = 300.0
_FINE_BINS = 2  # of a band below that
_DILATIONS = (1, 2, 4, 8, 16, 32)


class BandPath(nn.Module):
    """A mask estimator: (batch, 2, samples) of a mixture in, the drums of the same shape out.

    The mixture's STFT is cut into bands, narrow ones below 300 Hz. What two frames of a band hold
    becomes one vector; blocks tell the vectors of each other, along time (dilated convolutions
    with gates, shared by all bands) and across bands (a recurrent layer, shared by all moments);
    from each vector comes a real mask in [0, 1] for the cells it stands for. Below 300 Hz a band
    is also shown at twice the resolution in frequency, and four times in time.

    Its field of view is finite, so that audio cut into chunks with enough context gives the same
    result as the whole song. What depends on the song is its `profile`, which may be passed in.

    Parameters
    ----------
    n_fft, hop_length : int
        STFT of the mask, Hann window; `n_fft` a multiple of 8, in samples.
    bands : int
        Number of bands; those above 300 Hz are evenly spaced in octaves.
    channels : int
        Length of a vector.
    hidden : int
        Features of the recurrent layer in each direction.
    blocks : int
        Number of blocks; the dilation doubles from one to the next, up to 32, and begins again.
    sample_rate : int
        Of the mixture in hertz.

    Notes
    -----
    Bands as vectors: Luo and Yu, "Music source separation with band-split RNN" (TASLP 2023). Both
    ways over time and bands: Luo et al., "Dual-path RNN" (ICASSP 2020). Ours differ over time,
    where recurrence would remember the whole chunk: gated dilated convolutions as in van den Oord
    et al., "WaveNet" (2016).
    """

    def __init__(
        self,
        *,
        n_fft: int = 4096,
        hop_length: int = 1024,
        bands: int = 56,
        channels: int = 96,
        hidden: int = 48,
        blocks: int = 8,
        sample_rate: int = 44100,
    ) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.sample_rate = sample_rate
        self.edges = band_edges(n_fft, bands, sample_rate)
        self.low_bands = round(_FINE_HZ * n_fft / sample_rate / _FINE_BINS)
        self.low_bins = self.edges[self.low_bands]
        self.fast_bins = -(-self.low_bins // 4)
        for name, size in (("window", 1.0), ("fine_window", 2.0), ("fast_window", 0.25)):
            self.register_buffer(name, torch.hann_window(int(n_fft * size)), persistent=False)
        widths = [last - first for first, last in zip(self.edges, self.edges[1:], strict=False)]
        cells = [2 * _PATCH * width for width in widths]
        low = 2 * _PATCH * _FINE_BINS + 2 * _PATCH * self.fast_bins + 2 * _FINE_BINS
        self.entries = nn.ModuleList(
            nn.Linear(count + 1 + (low if band < self.low_bands else 0), channels)
            for band, count in enumerate(cells)
        )
        self.blocks = nn.ModuleList(
            _Block(channels, hidden, _DILATIONS[number % len(_DILATIONS)])
            for number in range(blocks)
        )
        self.last = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, 2 * channels), nn.GLU()
        )
        self.exits = nn.ModuleList(nn.Linear(channels, count) for count in cells)

    @property
    def context_samples(self) -> int:
        """Samples on either side of an output sample that can touch it."""
        steps = sum(block.dilation for block in self.blocks) + 1
        return steps * self.chunk_grid + 2 * self.n_fft

    @property
    def chunk_grid(self) -> int:
        """Samples to a multiple of which a chunk must start, for the steps to line up."""
        return self.hop_length * _PATCH

    def profile(self, mixture: Tensor) -> Tensor:
        """Return the mean spectrum by which the net normalises, float32 (batch, features).

        The mean over time of each band's compressed magnitudes, and of the lowest bins at twice
        the resolution. The profile of a song is the mean of its parts' profiles, weighted by
        their length.

        Parameters
        ----------
        mixture : Tensor, float32, shape (batch, 2, samples)
        """
        magnitude = _compressed(self._stft(mixture, self.window))
        return self._profile(magnitude, self._low(mixture, self.fine_window, 2 * self.low_bins))

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
        spectrum = self.spectrum(mixture)
        mask = torch.sigmoid(self.logits(mixture, spectrum, profile))
        return self.samples(
            spectrum * (mask if exponent == 1.0 else mask**exponent), mixture.shape[-1]
        )

    def spectrum(self, samples: Tensor) -> Tensor:
        """Return the STFT of the mask's cells, complex64 (batch, 2, bins, frames)."""
        return self._stft(samples, self.window)

    def samples(self, spectrum: Tensor, count: int) -> Tensor:
        """Return the sound of a spectrum, float32 (batch, 2, count)."""
        batch, channels, bins, frames = spectrum.shape
        sound = torch.istft(
            spectrum.reshape(batch * channels, bins, frames),
            self.n_fft,
            self.hop_length,
            window=self.window,
            length=count,
        )
        return sound.reshape(batch, channels, count)

    def logits(self, mixture: Tensor, spectrum: Tensor, profile: Tensor | None = None) -> Tensor:
        """Return the mask before its sigmoid, float32 (batch, 2, bins, frames).

        Parameters
        ----------
        mixture : Tensor, float32, shape (batch, 2, samples)
        spectrum : Tensor, complex64
            Of the mixture, as `spectrum` returns it.
        profile : Tensor, float32, shape (batch, features), optional
        """
        magnitude = _compressed(spectrum)
        fine = self._low(mixture, self.fine_window, 2 * self.low_bins)
        if profile is None:
            profile = self._profile(magnitude, fine)
        frames = magnitude.shape[-1]
        band_means, fine_means = profile.split([len(self.exits), 2 * self.low_bins], dim=1)
        level = band_means.mean(1).clamp_min(1e-4)
        x = self._vectors(
            _in_steps(magnitude / level[:, None, None, None]),
            self._low_features(mixture, fine, fine_means, level, frames),
            band_means / level[:, None],
        )
        for block in self.blocks:
            x = block(x)
        x = self.last(x)
        cells = torch.cat([exit(x[:, :, band]) for band, exit in enumerate(self.exits)], 2)
        batch, steps = cells.shape[:2]
        # Per step: bins, then channels, then frames.
        cells = cells.view(batch, steps, -1, 2, _PATCH).permute(0, 3, 2, 1, 4)
        return cells.reshape(batch, 2, -1, steps * _PATCH)[..., :frames].float()

    def _vectors(self, cells: Tensor, low: Tensor, means: Tensor) -> Tensor:
        """Return a vector for each band and step, (batch, steps, bands, channels)."""
        batch, steps = cells.shape[:2]
        vectors = []
        for band, entry in enumerate(self.entries):
            own = cells[:, :, self.edges[band] : self.edges[band + 1]].flatten(2)
            parts = [own, means[:, None, band, None].expand(batch, steps, 1)]
            if band < self.low_bands:
                parts.append(low[:, :, band])
            vectors.append(entry(torch.cat(parts, 2)))
        return torch.stack(vectors, 2)

    def _low_features(
        self, mixture: Tensor, fine: Tensor, fine_means: Tensor, level: Tensor, frames: int
    ) -> Tensor:
        """Return what low bands are shown besides, (batch, steps, low bands, features)."""
        fast = self._low(mixture, self.fast_window, self.fast_bins, step=2)
        scale = level[:, None, None]
        wanted = -(-frames // _PATCH)
        fine = _to_length(fine / scale, wanted * _PATCH).unflatten(2, (wanted, _PATCH))
        batch, bins = fine.shape[:2]
        own = fine.view(batch, self.low_bands, -1, wanted, _PATCH).permute(0, 3, 1, 2, 4).flatten(3)
        fast = _to_length(fast / scale, 2 * wanted * _PATCH)
        fast = fast.unflatten(2, (wanted, 2 * _PATCH)).transpose(1, 2).flatten(2)
        fast = fast[:, :, None].expand(-1, -1, self.low_bands, -1)
        means = (fine_means / level[:, None]).view(batch, 1, self.low_bands, -1)
        return torch.cat([own, fast, means.expand(-1, wanted, -1, -1)], 3)

    def _profile(self, magnitude: Tensor, fine: Tensor) -> Tensor:
        bins = magnitude.mean((1, 3))
        means = [
            bins[:, first:last].mean(1)
            for first, last in zip(self.edges, self.edges[1:], strict=False)
        ]
        return torch.cat([torch.stack(means, 1), fine.mean(2)], 1)

    def _low(self, mixture: Tensor, window: Tensor, bins: int, step: int = 1) -> Tensor:
        """Return compressed magnitudes of the lowest bins, both channels' mean, batch first."""
        spectrum = self._stft(mixture, window, self.hop_length // step)[:, :, :bins]
        power = spectrum.real.square() + spectrum.imag.square()
        return (power.mean(1) + QUIET).pow(COMPRESSION / 2)

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


class _Block(nn.Module):
    """One exchange along time, then one across bands, each with a residual way around it."""

    def __init__(self, channels: int, hidden: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.time_norm = nn.LayerNorm(channels)
        self.around = nn.Linear(3 * channels, 2 * channels)
        self.time_exit = nn.Linear(channels, channels)
        self.band_norm = nn.LayerNorm(channels)
        self.across = nn.GRU(channels, hidden, batch_first=True, bidirectional=True)
        self.band_exit = nn.Linear(2 * hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the vectors, (batch, steps, bands, channels)."""
        batch, steps, bands, channels = x.shape
        padded = functional.pad(self.time_norm(x), (0, 0, 0, 0, self.dilation, self.dilation))
        shifts = [padded[:, self.dilation * n : self.dilation * n + steps] for n in range(3)]
        x = x + self.time_exit(functional.glu(self.around(torch.cat(shifts, 3)), 3))
        rows = self.band_norm(x).reshape(batch * steps, bands, channels)
        return x + self.band_exit(self.across(rows)[0]).view(x.shape)


def band_edges(n_fft: int, bands: int, sample_rate: int) -> list[int]:
    """Return the bins where bands begin, and the one behind the last; two bins below 300 Hz."""
    bins = n_fft // 2 + 1
    low = round(_FINE_HZ * n_fft / sample_rate / _FINE_BINS)
    edges = [_FINE_BINS * band for band in range(low + 1)]
    wide = bands - low
    if wide < 1 or edges[-1] + wide > bins:
        raise ValueError(f"{bands} bands do not fit {bins} bins with {low} of them below 300 Hz")
    for left in range(wide, 0, -1):
        ratio = (bins / edges[-1]) ** (1 / left)
        edges.append(min(bins - left + 1, max(edges[-1] + 1, round(edges[-1] * ratio))))
    return edges


def _in_steps(magnitude: Tensor) -> Tensor:
    """Return (batch, 2, bins, frames) as (batch, steps, bins, 2 * patch), silence at the end."""
    frames = magnitude.shape[-1]
    padded = functional.pad(magnitude, (0, -frames % _PATCH))
    batch, channels, bins, frames = padded.shape
    steps = padded.view(batch, channels, bins, frames // _PATCH, _PATCH)
    return steps.permute(0, 3, 2, 1, 4).flatten(3)


def _to_length(frames: Tensor, count: int) -> Tensor:
    """Return frames cut, or filled with silence, to a count."""
    return functional.pad(frames[..., :count], (0, max(0, count - frames.shape[-1])))


def _compressed(spectrum: Tensor) -> Tensor:
    power = spectrum.real.square() + spectrum.imag.square()
    return (power + QUIET).pow(COMPRESSION / 2)
