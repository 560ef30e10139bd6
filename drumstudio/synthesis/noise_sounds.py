"""Sounds without pitch that a network may take for drums: the hard negatives (numpy only).

Each takes a frequency like the notes of `melodic_sounds`, which lists them, and ignores it.
"""

from __future__ import annotations

import numpy as np

from drumstudio.synthesis.tones import (
    SAMPLE_RATE,
    Wave,
    attack,
    band_noise,
    decay,
    fade_out,
    log_uniform,
    seconds_to_samples,
)


def consonant(rng: np.random.Generator, hertz: float) -> Wave:
    """Return an s, sh, t, k or p: what a network takes for a hat or a snare."""
    if rng.random() < 0.5:
        seconds = rng.uniform(0.05, 0.22)
        low = log_uniform(rng, 2000, 6500)
        wave = band_noise(rng, seconds_to_samples(seconds), low, low * rng.uniform(1.3, 2.5), 14)
        return fade_out(wave * attack(len(wave), seconds * 0.3), seconds * 0.5)
    low = log_uniform(rng, 300, 3500)
    wave = band_noise(rng, seconds_to_samples(0.09), low, low * rng.uniform(1.5, 4), 9)
    return fade_out(wave * decay(len(wave), rng.uniform(0.015, 0.08)), 0.02)


def breath(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a breath taken or blown: slow band noise."""
    seconds = rng.uniform(0.2, 0.8)
    low = log_uniform(rng, 500, 2000)
    wave = band_noise(rng, seconds_to_samples(seconds), low, low * rng.uniform(2, 6), 8)
    return fade_out(wave * attack(len(wave), seconds * rng.uniform(0.3, 0.8)), seconds * 0.15)


def sweep(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a noise riser or faller: a moving band, swelling or dying over seconds."""
    seconds = rng.uniform(0.8, 4)
    count = seconds_to_samples(seconds)
    bands = 10
    centres = np.geomspace(200, 12_000, bands)
    move = np.linspace(0, 1, count)
    if rng.random() < 0.5:
        move = move[::-1]
    wave = np.zeros(count)
    for band, centre in enumerate(centres):
        weight = np.exp(-0.5 * ((band / (bands - 1) - move) / 0.18) ** 2)
        wave += weight * band_noise(rng, count, centre / 1.3, centre * 1.3, 12)
    return fade_out(wave * move ** rng.uniform(0.5, 2) * attack(count, 0.05), 0.05)


def crackle(rng: np.random.Generator, hertz: float) -> Wave:
    """Return seconds of vinyl crackle: sparse clicks of many sizes, and hiss."""
    count = seconds_to_samples(3.0)
    wave = np.zeros(count)
    number = int(rng.integers(10, 150))
    places = rng.integers(0, count - 200, number)
    for place in places:
        size = rng.pareto(2.5) + 0.1
        wave[place : place + 100] += size * rng.standard_normal(100) * decay(100, 0.001)
    return wave + rng.uniform(0, 0.02) * rng.standard_normal(count)


def applause(rng: np.random.Generator, hertz: float) -> Wave:
    """Return seconds of many hands clapping without a beat: a crowd is no drum."""
    count = seconds_to_samples(3.0)
    wave = np.zeros(count)
    for _ in range(int(rng.integers(80, 300))):
        place = int(rng.integers(0, count - 1500))
        low = log_uniform(rng, 600, 2000)
        grain = np.sin(2 * np.pi * low / SAMPLE_RATE * np.arange(600) + rng.uniform(0, 6))
        noise = rng.standard_normal(600) * 0.7 + grain
        wave[place : place + 600] += log_uniform(rng, 0.1, 1) * noise * decay(600, 0.03)
    return fade_out(wave, 0.3)
