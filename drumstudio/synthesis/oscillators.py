"""Gliding wavetable voices for bass lines: pitch, brightness and level as curves (torch)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from drumstudio.synthesis.tones import SAMPLE_RATE

# Samples between two points of a control curve.
CONTROL_HOP = 64
# Brightness runs over tables with this many harmonics.
HARMONICS = np.array([1, 1.6, 2.5, 4, 6, 9, 14, 22, 34, 55], dtype=np.float64)
_PHASES = 1024


def draw_table(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a new timbre: one period at every brightness.

    Returns
    -------
    ndarray, float32, shape (len(HARMONICS), 1025)
        Peak 1; the last column repeats the first, for interpolation.
    """
    number = np.arange(1, 81)
    kind = int(rng.integers(6))
    if kind == 0:
        gains = 1 / number
    elif kind == 1:
        gains = (number % 2) / number
    elif kind == 2:
        gains = np.abs(np.sin(np.pi * number * rng.uniform(0.08, 0.45))) / number
    elif kind == 3:
        gains = (number % 2) / number**2
    elif kind == 4:
        # A metallic or vowel-like bump on a falling slope.
        gains = (1 + 4 * np.exp(-(((number - rng.uniform(2, 20)) / 2) ** 2))) / number**1.3
    else:
        gains = np.exp(rng.standard_normal(80)) / number ** rng.uniform(0.7, 1.6)
    gains[0] = max(gains[0], rng.uniform(0.3, 1))
    phases = rng.uniform(0, 2 * np.pi, 80) if rng.random() < 0.4 else np.full(80, -np.pi / 2)
    resonance = rng.choice([0.0, 0.0, rng.uniform(0.5, 4)])
    table = np.empty((len(HARMONICS), _PHASES + 1), np.float32)
    for row, corner in enumerate(HARMONICS):
        low_pass = 1 / np.sqrt(1 + (number / corner) ** 8)
        bump = 1 + resonance * np.exp(-(((number - corner) / (0.25 * corner + 0.3)) ** 2))
        spectrum = np.zeros(_PHASES // 2 + 1, complex)
        spectrum[1:81] = gains * low_pass * bump * np.exp(1j * phases)
        wave = np.fft.irfft(spectrum, _PHASES)
        table[row, :-1] = wave / np.max(np.abs(wave))
        table[row, -1] = table[row, 0]
    return table


def _curve(points: NDArray[np.float32], samples: int, device: torch.device) -> torch.Tensor:
    """Return control points, shape (voices, points), as lines over the samples."""
    lines = torch.nn.functional.interpolate(
        torch.from_numpy(points).to(device)[:, None],
        scale_factor=CONTROL_HOP,
        mode="linear",
        align_corners=False,
    )
    return lines[:, 0, :samples]


def render_voices(
    tables: NDArray[np.float32],
    hertz: NDArray[np.float32],
    brightness: NDArray[np.float32],
    level: NDArray[np.float32],
    samples: int,
    device: torch.device,
) -> torch.Tensor:
    """Return voices that follow their curves.

    Parameters
    ----------
    tables : ndarray, float32, shape (voices, len(HARMONICS), 1025)
        From `draw_table`.
    hertz, brightness, level : ndarray, float32, shape (voices, points)
        Control curves, a point every `CONTROL_HOP` samples, covering `samples`: pitch;
        number of harmonics let through, at least 1; gain.
    samples : int
        Length.
    device : torch.device
        Where to render.

    Returns
    -------
    Tensor, float32, shape (voices, samples)

    Notes
    -----
    The phase is summed in float64: in float32 a bass drifts out of tune within seconds.
    """
    steps = _curve(hertz, samples, device).double() / SAMPLE_RATE
    phase = torch.cumsum(steps, dim=1)
    phase = ((phase - torch.floor(phase)) * _PHASES).float()
    whole = phase.int().clamp_(max=_PHASES - 1)
    phase -= whole
    logarithms = np.interp(
        np.log(np.maximum(brightness, 1)), np.log(HARMONICS), np.arange(len(HARMONICS))
    ).astype(np.float32)
    bright = _curve(logarithms, samples, device)
    lower = bright.int().clamp_(max=len(HARMONICS) - 2)
    bright = bright - lower
    flat = torch.from_numpy(tables).to(device).reshape(-1)
    offsets = torch.arange(len(tables), dtype=torch.int32, device=device)[:, None]
    index = ((offsets * len(HARMONICS) + lower) * (_PHASES + 1) + whole).view(-1)

    def look_up(shift: int) -> torch.Tensor:
        return flat.index_select(0, index + shift).view(phase.shape)

    dark = torch.lerp(look_up(0), look_up(1), phase)
    light = torch.lerp(look_up(_PHASES + 1), look_up(_PHASES + 2), phase)
    return torch.lerp(dark, light, bright) * _curve(level, samples, device)
