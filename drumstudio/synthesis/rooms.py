"""Mixing a batch of clips: equalisers, one room a clip, panning, bus compression, width (torch).

One FFT round trip serves a whole batch: equalisers, panning, room and delays are products on
the spectrum; only what is not linear is done on samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from drumstudio.synthesis.tones import SAMPLE_RATE, fast_length

EQ_KNOTS = 8
# Log-spaced knots of the random equalisers, in hertz.
_KNOT_HZ = np.geomspace(45, 16_000, EQ_KNOTS)
_HOP = 64
# Clips rendered and mixed together. On a CPU one is fastest: its arrays stay below the 32 MiB
# at which the allocator maps fresh pages for every temporary (measured: 1.6 times).
CLIPS_AT_ONCE = {"cpu": 1, "cuda": 16}


@dataclass(slots=True)
class Desk:
    """How the rows of some clips are mixed to stereo.

    Parameters
    ----------
    pan : ndarray, float32, shape (clips, rows, 2)
        Gains of each row to left and right.
    send : ndarray, float32, shape (clips, rows)
        Gains of each row to the clip's room.
    eq_db : ndarray, float32, shape (clips, rows, EQ_KNOTS)
        Gains at the knots, smooth in between.
    low_pass_hz, high_pass_hz : ndarray, float32, shape (clips, rows)
        Corners of 24 and 12 dB an octave; 0 for none.
    """

    pan: NDArray[np.float32]
    send: NDArray[np.float32]
    eq_db: NDArray[np.float32]
    low_pass_hz: NDArray[np.float32]
    high_pass_hz: NDArray[np.float32]

    @classmethod
    def flat(cls, clips: int, rows: int) -> Desk:
        """Return a desk that plays every row in the middle, dry and unfiltered."""
        return cls(
            pan=np.full((clips, rows, 2), math.sqrt(0.5), np.float32),
            send=np.zeros((clips, rows), np.float32),
            eq_db=np.zeros((clips, rows, EQ_KNOTS), np.float32),
            low_pass_hz=np.zeros((clips, rows), np.float32),
            high_pass_hz=np.zeros((clips, rows), np.float32),
        )

    def select(self, rows: NDArray[np.int64]) -> Desk:
        """Return the desk of some of the rows, by number."""
        return Desk(
            *(
                column[:, rows]
                for column in (
                    self.pan,
                    self.send,
                    self.eq_db,
                    self.low_pass_hz,
                    self.high_pass_hz,
                )
            )
        )


@dataclass(frozen=True, slots=True)
class Room:
    """One room: what its two ears hear of the kit or the band.

    Parameters
    ----------
    seconds : float
        Time to fall by 60 dB, in [0.05, 3].
    overhead_seconds : float
        Delay of the first, strong arrival (an overhead pair), 0.002-0.02.
    overhead : float
        Its gain; 0 for none.
    early : float
        Gain of half a dozen early reflections within 40 ms.
    tail : float
        Gain of the diffuse tail; 1 has the energy of the direct sound.
    dull_hz : float
        Above this the tail falls by 6 dB an octave.
    spread : float
        Difference between the ears, in [0, 1].
    """

    seconds: float
    overhead_seconds: float = 0.005
    overhead: float = 0.0
    early: float = 0.3
    tail: float = 0.3
    dull_hz: float = 6000.0
    spread: float = 1.0


def pan_gains(position: float) -> tuple[float, float]:
    """Return constant-power gains of left and right for a position in [-1, 1]."""
    angle = (position + 1) * math.pi / 4
    return math.cos(angle), math.sin(angle)


def impulse_responses(
    rooms: list[Room], rng: np.random.Generator, device: torch.device
) -> torch.Tensor:
    """Return what each room answers to a click.

    Parameters
    ----------
    rooms : list of Room
        One a clip.
    rng : numpy.random.Generator
        Source of chance: the same on every device.
    device : torch.device
        Where to put it.

    Returns
    -------
    Tensor, float32, shape (clips, 2, samples)
        As long as the longest room, in steps of 0.5 s, at most 1.5 s.
    """
    # Steps of half a second: few sizes of FFT, whose equaliser bases are kept.
    halves = min(3, max(math.ceil(room.seconds * 2) for room in rooms))
    count = halves * SAMPLE_RATE // 2
    noise = rng.standard_normal((len(rooms), 2, count), dtype=np.float32)
    time = np.arange(count, dtype=np.float32) / SAMPLE_RATE
    answers = np.zeros_like(noise)
    for answer, hiss, room in zip(answers, noise, rooms, strict=True):
        common = hiss[0] * (1 - room.spread)
        hiss *= room.spread
        hiss += common
        envelope = np.exp(-6.908 / room.seconds * time)
        envelope[: int(0.004 * SAMPLE_RATE)] = 0
        diffuse = hiss * envelope
        # A one-pole low-pass would be a loop; a short average has the same darkening here.
        width = max(1, round(SAMPLE_RATE / (4 * room.dull_hz)))
        if width > 1:
            total = np.cumsum(diffuse, axis=1)
            diffuse[:, width:] = (total[:, width:] - total[:, :-width]) / math.sqrt(width)
        diffuse *= room.tail / (math.sqrt(float(np.mean(np.sum(diffuse**2, axis=1)))) + 1e-9)
        answer += diffuse
        for ear in range(2):
            for _ in range(6):
                place = int(rng.uniform(0.004, 0.04) * SAMPLE_RATE)
                answer[ear, min(place, count - 1)] += room.early * rng.uniform(-0.5, 0.6)
            place = int(room.overhead_seconds * rng.uniform(0.8, 1.2) * SAMPLE_RATE)
            # Two neighbouring samples: the overheads hear a little less of the very top.
            answer[ear, place : place + 2] += room.overhead * np.array([0.7, 0.3], np.float32)
    return torch.from_numpy(answers).to(device)


@lru_cache(maxsize=6)
def _eq_basis(size: int, device: torch.device) -> torch.Tensor:
    """Return what 1 dB at each knot does to the logarithm of a spectrum of `size` samples.

    Float32, shape (2, EQ_KNOTS, size // 2 + 1): log magnitude, cosine steps between the knots,
    and the phase that makes it causal. The phase of a minimum-phase filter is the Hilbert
    transform of its log magnitude (Oppenheim and Schafer, Discrete-Time Signal Processing,
    section 12.3), which is linear: one basis serves every equaliser. Without it a kick would
    ring before its onset.
    """
    hertz = np.linspace(0, SAMPLE_RATE / 2, size // 2 + 1)
    place = np.interp(np.log(np.maximum(hertz, 1)), np.log(_KNOT_HZ), np.arange(EQ_KNOTS))
    low = np.minimum(place.astype(np.int64), EQ_KNOTS - 2)
    share = 0.5 - 0.5 * np.cos(np.pi * (place - low))
    magnitude = np.zeros((EQ_KNOTS, len(hertz)))
    magnitude[low, np.arange(len(hertz))] = 1 - share
    magnitude[low + 1, np.arange(len(hertz))] = share
    cepstrum = np.fft.irfft(magnitude * (math.log(10) / 20), size)
    cepstrum[:, 1 : size // 2] *= 2
    cepstrum[:, size // 2 + 1 :] = 0
    logarithm = np.fft.rfft(cepstrum)
    both = np.stack([logarithm.real, logarithm.imag]).astype(np.float32)
    return torch.from_numpy(both).to(device)


def _equalise(spectra: torch.Tensor, desk: Desk, size: int) -> torch.Tensor:
    """Return the rows' spectra, complex, shape (clips, rows, bins), through their filters."""
    device = spectra.device
    filtered = np.argwhere(np.any(desk.eq_db != 0, axis=2))
    basis = _eq_basis(size, device) if len(filtered) else None
    for clip, row in filtered:
        magnitude, phase = torch.from_numpy(desk.eq_db[clip, row]).to(device) @ basis
        # polar is three times as fast as the exponential of a complex tensor.
        spectra[clip, row] *= torch.polar(torch.exp(magnitude), phase)
    hertz = torch.linspace(0, SAMPLE_RATE / 2, spectra.shape[-1], device=device)
    # Butterworth filters, of order 4 and 2, as analogue ones: poles on the unit circle.
    for clip, row in np.argwhere(desk.low_pass_hz > 0):
        s = 1j * (hertz / float(desk.low_pass_hz[clip, row]))
        spectra[clip, row] /= (s * (s + 0.76537) + 1) * (s * (s + 1.84776) + 1)
    for clip, row in np.argwhere(desk.high_pass_hz > 0):
        s = 1j * (hertz / float(desk.high_pass_hz[clip, row]))
        spectra[clip, row] *= s * s / (s * (s + math.sqrt(2)) + 1)
    return spectra


def mix_down(rows: torch.Tensor, desk: Desk, answers: torch.Tensor) -> torch.Tensor:
    """Return the stereo mix of every clip.

    Parameters
    ----------
    rows : Tensor, float32, shape (clips, rows, samples)
        Close sounds.
    desk : Desk
        Equalisers, panning, sends.
    answers : Tensor, float32, shape (clips, 2, length)
        Impulse responses of the clips' rooms.

    Returns
    -------
    Tensor, float32, shape (clips, 2, samples)
    """
    samples = rows.shape[-1]
    size = 2 * fast_length(-(-(samples + answers.shape[-1]) // 2))
    # Half of the rows are silent in most clips; a transform costs more than a look.
    sounding = rows.any(dim=2).any(dim=0).nonzero()[:, 0]
    if len(sounding) == 0:
        return torch.zeros(len(rows), 2, samples, device=rows.device)
    rows, desk = rows[:, sounding], desk.select(sounding.cpu().numpy())
    spectra = _equalise(torch.fft.rfft(rows, size), desk, size)
    gains = np.concatenate([desk.pan.transpose(0, 2, 1), desk.send[:, np.newaxis]], axis=1)
    buses = torch.bmm(
        torch.from_numpy(gains).to(rows.device), torch.view_as_real(spectra).flatten(2)
    )
    buses = torch.view_as_complex(buses.unflatten(2, (-1, 2)))
    stereo = torch.addcmul(buses[:, :2], buses[:, 2:], torch.fft.rfft(answers, size))
    return torch.fft.irfft(stereo, size)[..., :samples]


def along(levels: torch.Tensor, samples: int) -> torch.Tensor:
    """Return values a block, shape (clips, blocks), as straight lines over the samples."""
    lines = torch.nn.functional.interpolate(
        levels[:, None], scale_factor=_HOP, mode="linear", align_corners=False
    )
    return lines[:, 0, :samples]


def compress(
    mixes: torch.Tensor,
    threshold_db: torch.Tensor,
    ratio: torch.Tensor,
    release_seconds: float,
    *,
    parallel_db: float = 0.0,
) -> torch.Tensor:
    """Return the mixes through a bus compressor, linked over left and right.

    Parameters
    ----------
    mixes : Tensor, float32, shape (clips, 2, samples)
        What to compress.
    threshold_db : Tensor, float32, shape (clips,)
        Decibels below the clip's own peak at which it sets in (negative).
    ratio : Tensor, float32, shape (clips,)
        1 is none.
    release_seconds : float
        Time constant.
    parallel_db : float
        Parallel compression: what is compressed is raised by as much and added to what is not;
        0 for none.

    Notes
    -----
    Peak of blocks of 64 samples, smoothed by a one-sided exponential, then interpolated.
    """
    clips, _, samples = mixes.shape
    padded = torch.nn.functional.pad(mixes, (0, -samples % _HOP))
    peaks = padded.abs().amax(1).view(clips, -1, _HOP).amax(2)
    taps = min(peaks.shape[1], max(2, int(3 * release_seconds * SAMPLE_RATE / _HOP)))
    decay = torch.exp(
        -torch.arange(taps, device=mixes.device) * (_HOP / SAMPLE_RATE / release_seconds)
    )
    smooth = torch.nn.functional.conv1d(
        torch.nn.functional.pad(peaks[:, None], (taps - 1, 0)),
        (decay / decay.sum()).flip(0)[None, None],
    )[:, 0]
    # The average lags behind an attack; half of the peak itself keeps it fast.
    level = torch.maximum(smooth, 0.5 * peaks)
    reference = level.amax(1, keepdim=True).clamp(min=1e-6)
    over = torch.log10(level / reference + 1e-6) * 20 - threshold_db[:, None]
    gain_db = -over.clamp(min=0) * (1 - 1 / ratio[:, None])
    gain = 10 ** (gain_db / 20)
    if parallel_db > 0:
        gain = 1 + gain * 10 ** (parallel_db / 20)
    return mixes * along(gain, samples)[:, None]


def saturate(mixes: torch.Tensor, drive: torch.Tensor) -> torch.Tensor:
    """Return tanh of the mixes at a gain relative to each clip's peak; drive (clips,), 0: none."""
    peak = mixes.abs().amax(dim=(1, 2)).clamp(min=1e-6)
    gain = (drive.clamp(min=1e-3) / peak)[:, None, None]
    return torch.where(drive[:, None, None] > 0, torch.tanh(mixes * gain) / gain, mixes)


def widen(mixes: torch.Tensor, width: torch.Tensor) -> torch.Tensor:
    """Return the mixes with their side signal times `width` (clips,): 0 mono, 1 as is."""
    middle = mixes.mean(1, keepdim=True)
    return middle + (mixes - middle) * width[:, None, None]


def set_level(mixes: torch.Tensor, rms_db: torch.Tensor, peak: float = 0.98) -> torch.Tensor:
    """Return each clip at a root mean square level (dBFS, shape (clips,)) or below, under `peak`.

    A silent clip stays silent.
    """
    level = mixes.square().mean(dim=(1, 2)).sqrt()
    gain = torch.where(level > 1e-7, 10 ** (rms_db / 20) / level.clamp(min=1e-7), 0.0)
    largest = mixes.abs().amax(dim=(1, 2)).clamp(min=1e-7)
    return mixes * torch.minimum(gain, peak / largest)[:, None, None]
