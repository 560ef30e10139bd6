"""The mixing desk: crops of drums and of everything else become one training mixture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.training.data import SAMPLE_RATE

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MixRules:
    """How mixtures are drawn; the numbers of a recipe's `[mix]` table.

    Parameters
    ----------
    drums_to_rest_db, drums_to_rest_spread_db : float
        Mean and standard deviation of the level of the drums over the rest.
    silent_drums, only_drums : float
        Share of the mixtures without drums, and of those without anything else.
    equalise : float
        Share of the layers that pass a random equaliser of up to `equalise_db`.
    low_pass : float
        Share of the mixtures (with their drums alike) cut steeply at 10 to 19 kHz.
    limit : float
        Share of the mixtures that pass a limiter, with the same gain on the drums.
    mono : float
        Share of the mixtures whose two channels become one.
    repitch : float
        Share of the mixtures played at another rate, drums and rest alike, so that no pitch
        (a kick's 50 Hz) comes to mean drums.
    repitch_semitones : float
        Largest change, up or down.
    together : float
        Share of the mixtures that are a song as it is, its own drums with its own rest; of these
        only `silent_drums`, `only_drums` and `equalise` (by a third of `equalise_db`) count.
    together_spread_db : float
        Standard deviation of the level of such a song's drums.
    written : float
        Share of the other mixtures whose drums and bass were written for each other.
    """

    drums_to_rest_db: float = -5.5
    drums_to_rest_spread_db: float = 7.5
    silent_drums: float = 0.07
    only_drums: float = 0.1
    equalise: float = 0.5
    equalise_db: float = 8.0
    low_pass: float = 0.3
    limit: float = 0.35
    mono: float = 0.06
    repitch: float = 0.65
    repitch_semitones: float = 7.0
    together: float = 0.0
    together_spread_db: float = 2.0
    written: float = 0.0


def mix(
    rng: np.random.Generator, drums: Samples, layers: list[tuple[Samples, float]], rules: MixRules
) -> tuple[Samples, Samples]:
    """Return one training mixture and the drums in it.

    Parameters
    ----------
    rng : numpy.random.Generator
    drums : ndarray, float32, shape (2, samples)
    layers : list of (ndarray, float)
        What plays beside the drums, each float32 of the same shape with its gain in decibels
        after all have been brought to one level.
    rules : MixRules

    Returns
    -------
    mixture, drums : ndarray, float32, shape (2, samples)
        Peak of the mixture at most 1.
    """
    drums = _treat(rng, drums, rules)
    rest = np.zeros_like(drums)
    for layer, gain_db in layers:
        treated = _treat(rng, layer, rules)
        level = _level(treated)
        if level > 1e-4:
            rest += treated * np.float32(0.1 / level * 10 ** (gain_db / 20))
    drums, rest = _one_alone(rng, drums, rest, rules)
    balance = rng.normal(rules.drums_to_rest_db, rules.drums_to_rest_spread_db)
    drums_level, rest_level = _level(drums), _level(rest)
    if drums_level > 1e-5 and rest_level > 1e-5:
        drums = drums * np.float32(rest_level / drums_level * 10 ** (balance / 20))
    elif drums_level > 1e-5:
        drums = drums * np.float32(0.1 / drums_level)
    both = np.stack([drums, rest])
    if rng.random() < rules.mono:
        both = np.repeat(both.mean(1, keepdims=True), 2, 1)
    if rng.random() < rules.low_pass:
        both = shape_spectrum(both, cut_hz=rng.uniform(10000, 19000))
    mixture = both.sum(0)
    peak = np.abs(mixture).max() + 1e-9
    if rng.random() < rules.limit:
        gain = limiter_gain(mixture / peak, 10 ** (-rng.uniform(2, 10) / 20))
        both = both * gain
        peak = np.abs(both.sum(0)).max() + 1e-9
    both *= np.float32(10 ** (-abs(rng.normal(0, 6)) / 20) / peak)
    return both.sum(0), both[0]


def mix_together(
    rng: np.random.Generator, drums: Samples, rest: Samples, rules: MixRules
) -> tuple[Samples, Samples]:
    """Return a song as it is, but for mild changes of level and colour, and the drums in it.

    Parameters
    ----------
    rng : numpy.random.Generator
    drums, rest : ndarray, float32, shape (2, samples)
        In time, and with the gain they have in the song.
    rules : MixRules

    Returns
    -------
    mixture, drums : ndarray, float32, shape (2, samples)
        Peak of the mixture at most 1.
    """
    both = np.stack(_one_alone(rng, drums, rest, rules))
    both[0] *= np.float32(10 ** (rng.normal(0, 1) * rules.together_spread_db / 20))
    if rng.random() < 0.5:
        both = both[:, ::-1]
    if rng.random() < rules.equalise:
        both = shape_spectrum(both, knots_db=rng.uniform(-1, 1, 8) * rules.equalise_db / 3)
    peak = np.abs(both.sum(0)).max() + 1e-9
    both = both * np.float32(10 ** (-abs(rng.normal(0, 6)) / 20) / peak)
    return both.sum(0), both[0]


def _one_alone(
    rng: np.random.Generator, drums: Samples, rest: Samples, rules: MixRules
) -> tuple[Samples, Samples]:
    """Return drums and rest, one of them silenced in as many draws as the rules say."""
    kind = rng.random()
    if kind < rules.silent_drums:
        drums = np.zeros_like(drums)
    elif kind < rules.silent_drums + rules.only_drums:
        rest = np.zeros_like(rest)
    return drums, rest


def _level(samples: Samples) -> float:
    """Return the root mean square of the louder seconds, so that pauses do not count."""
    count = samples.shape[1] // 8
    blocks = np.square(samples[:, : count * 8]).reshape(samples.shape[0], 8, count).mean((0, 2))
    return float(np.sqrt(np.sort(blocks)[4:].mean()))


def _treat(rng: np.random.Generator, samples: Samples, rules: MixRules) -> Samples:
    """Return a layer with its polarity, sides, width and colour drawn anew."""
    if rng.random() < 0.5:
        samples = samples[::-1]
    if rng.random() < 0.3:
        width = np.float32(rng.uniform(0.0, 1.5))
        middle = samples.mean(0, keepdims=True)
        samples = middle + width * (samples - middle)
    if rng.random() < 0.3:
        angle = rng.uniform(0.15, 0.85) * np.pi / 2
        pan = np.array([[np.cos(angle)], [np.sin(angle)]], np.float32) * np.float32(np.sqrt(2))
        samples = samples * pan
    if rng.random() < rules.equalise:
        samples = shape_spectrum(samples, knots_db=rng.uniform(-1, 1, 8) * rules.equalise_db)
    return samples * np.float32(rng.choice([-1.0, 1.0]))


def shape_spectrum(
    samples: Samples, *, knots_db: NDArray[np.float64] | None = None, cut_hz: float | None = None
) -> Samples:
    """Return samples with a smooth gain over frequency, or steeply cut above a frequency.

    Parameters
    ----------
    samples : ndarray, float32, shape (..., samples)
    knots_db : ndarray, float64, shape (knots,), optional
        Gains at frequencies evenly spaced in octaves from 40 Hz to 16 kHz.
    cut_hz : float, optional
        Above it nothing is left; a raised cosine of 500 Hz leads down to it.
    """
    import scipy.fft  # slow to import, and only training comes here

    spectrum = scipy.fft.rfft(samples, axis=-1)
    hertz = np.fft.rfftfreq(samples.shape[-1], 1 / SAMPLE_RATE)
    gain = np.ones(len(hertz))
    if knots_db is not None:
        places = np.log2(np.geomspace(40, 16000, len(knots_db)))
        gain = 10 ** (np.interp(np.log2(hertz + 1), places, knots_db) / 20)
    if cut_hz is not None:
        gain = gain * (0.5 + 0.5 * np.cos(np.pi * np.clip((hertz - cut_hz) / 500 + 1, 0, 1)))
    shaped = scipy.fft.irfft(spectrum * gain.astype(np.float32), samples.shape[-1], axis=-1)
    return shaped.astype(np.float32)


def repitched(samples: Samples, count: int) -> Samples:
    """Return samples played faster or slower so that they last `count` samples.

    Parameters
    ----------
    samples : ndarray, float32, shape (..., samples)
    count : int
        Length of the result.

    Notes
    -----
    One transform of the whole stretch, cut or filled up: exact for a periodic signal; the ends
    run into each other within some milliseconds.
    """
    import scipy.fft  # slow to import, and only training comes here

    length = samples.shape[-1]
    spectrum = scipy.fft.rfft(samples, axis=-1)[..., : count // 2 + 1]
    return (scipy.fft.irfft(spectrum, count, axis=-1) * np.float32(count / length)).astype(
        np.float32
    )


def limiter_gain(mixture: Samples, threshold: float) -> Samples:
    """Return the gain, shape (samples,), that keeps a mixture's peaks near a threshold.

    Peaks of blocks of 64 samples, smoothed over some 10 ms to both sides, bent by a ratio of 8.

    Parameters
    ----------
    mixture : ndarray, float32, shape (2, samples)
    threshold : float
        Amplitude above which the gain falls.
    """
    hop = 64
    samples = mixture.shape[1]
    blocks = -(-samples // hop)
    padded = np.pad(np.abs(mixture).max(0), (0, blocks * hop - samples))
    peaks = padded.reshape(blocks, hop).max(1)
    spread = np.lib.stride_tricks.sliding_window_view(np.pad(peaks, 5, mode="edge"), 11).max(1)
    gain = np.minimum(1.0, (np.maximum(spread, 1e-6) / threshold) ** (1 / 8 - 1))
    kernel = np.hanning(13)[1:-1]
    smooth = np.convolve(np.pad(gain, 5, mode="edge"), kernel / kernel.sum(), "valid")
    centres = np.arange(blocks) * hop + hop / 2
    return np.interp(np.arange(samples), centres, smooth).astype(np.float32)
