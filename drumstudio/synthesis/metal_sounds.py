"""Hats, cymbals and small metal as inharmonic modes and noise; shakers (numpy only).

Each recipe draws its design from one generator and its chance from another, like those of
`drum_sounds`, which lists them.
"""

from __future__ import annotations

import numpy as np

from drumstudio.synthesis.tones import (
    Wave,
    attack,
    band_noise,
    decay,
    equalise,
    fade_out,
    falling_noise,
    log_uniform,
    modes,
    oscillate,
    saturate,
    seconds_to_samples,
    shape_spectrum,
)

_CENTRES = np.array([300.0, 800, 2000, 4000, 7000, 11_000, 16_000])


def _plate(
    design: np.random.Generator,
    take: np.random.Generator,
    count: int,
    *,
    lowest_hz: float,
    number: int,
    ring_seconds: float,
    tilt: float,
) -> Wave:
    """Return a struck plate: many modes whose density grows with frequency.

    Parameters
    ----------
    lowest_hz : float
        The lowest mode.
    number : int
        How many modes, spread evenly up to about 15 kHz as in a thin plate.
    ring_seconds : float
        Time to fall by 60 dB of the lower modes; the higher ones fall faster.
    tilt : float
        Exponent of the level over frequency; negative is dark.
    """
    hertz = lowest_hz + (15_000 - lowest_hz) * np.sort(design.random(number)) ** 1.15
    hertz[0] = lowest_hz
    ring = ring_seconds * (0.4 + design.random(number)) / (1 + (hertz / 6000) ** 1.2)
    gains = (hertz / 1000) ** tilt * np.exp(0.8 * design.standard_normal(number))
    gains *= np.exp(0.25 * take.standard_normal(number)) / np.sqrt(number)
    return modes(hertz, ring, gains, take.uniform(0, 6.28, number), count)


def _square_cluster(design: np.random.Generator, count: int) -> Wave:
    """Return six square waves at unrelated pitches, high-passed: the 808's metal."""
    base = log_uniform(design, 150, 420)
    cluster = np.zeros(count)
    for ratio in (1, 1.342, 1.234, 1.659, 2.042, 2.627):
        hertz = base * ratio * (1 + 0.02 * design.standard_normal())
        cluster += np.sign(oscillate(np.full(count, hertz), design.uniform(0, 6.28)))
    corner = log_uniform(design, 4000, 8500)
    return shape_spectrum(cluster, [corner / 4, corner, 16_000, 20_000], [-48, 0, 0, -12])


def _metal(
    design: np.random.Generator, take: np.random.Generator, seconds: float, ring: float
) -> Wave:
    """Return hat-like metal of any kind, falling by 60 dB after `ring` seconds."""
    count = seconds_to_samples(seconds)
    kind = design.random()
    if kind < 0.3:
        whole = _square_cluster(design, count) * decay(count, ring)
        whole += design.uniform(0, 2) * band_noise(take, count, 6000, 15_000) * decay(count, ring)
        return whole
    levels = design.uniform(
        [-44, -30, -18, -8, -4, -12, -28], [-16, -10, -4, 0, 2, 2, -6]
    ) - design.choice([0, 0, 10]) * np.array([0, 0, 0, 0, 0, 1, 2])
    hiss = falling_noise(take, count, _CENTRES, levels, ring * design.uniform(0.5, 1.1, 7))
    if kind < 0.5:
        return hiss
    plate = _plate(
        design,
        take,
        count,
        lowest_hz=log_uniform(design, 300, 900),
        number=int(design.integers(40, 110)),
        ring_seconds=ring * 1.2,
        tilt=design.uniform(0, 1.2),
    )
    plate = equalise(plate, [250, log_uniform(design, 600, 4000)], [-18, 0])
    plate *= decay(count, ring * 1.5)
    thump = modes(
        log_uniform(design, 150, 700) * np.array([1.0, 1.7]), 0.08, [1.0, 0.6], 0.0, count
    )
    plate += design.uniform(0, 0.25) * np.max(np.abs(plate)) * thump
    strength = np.sqrt(np.mean(hiss**2) / (np.mean(plate**2) + 1e-12))
    return hiss + plate * strength * log_uniform(design, 0.2, 2)


def closed_hat(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a closed hi-hat, 0.05-0.5 s."""
    ring = log_uniform(design, 0.05, 0.5)
    whole = _metal(design, take, ring * 1.1 + 0.02, ring * (1 + 0.1 * take.standard_normal()))
    return fade_out(whole * attack(len(whole), design.uniform(0.0002, 0.0015)), ring * 0.3)


def open_hat(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return an open or half open hi-hat, 0.4-1.8 s."""
    ring = log_uniform(design, 0.4, 3.0)
    whole = _metal(design, take, min(ring, 1.8), ring * (1 + 0.1 * take.standard_normal()))
    return fade_out(whole * attack(len(whole), design.uniform(0.0002, 0.003)), ring * 0.25)


def pedal_hat(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a hi-hat closed by the foot: duller, with a soft start."""
    ring = log_uniform(design, 0.05, 0.25)
    whole = _metal(design, take, ring * 1.2 + 0.02, ring)
    whole = equalise(whole, [2000, 5000, 10_000], [4, 0, -8])
    return fade_out(whole * attack(len(whole), design.uniform(0.002, 0.008)), ring * 0.3)


def _cymbal(
    design: np.random.Generator,
    take: np.random.Generator,
    *,
    ring: float,
    tilt: float,
    stick: float,
    bloom: float,
) -> Wave:
    """Return a big cymbal: plate modes, wash that blooms, stick."""
    count = seconds_to_samples(min(ring, 3.2))
    plate = _plate(
        design,
        take,
        count,
        lowest_hz=log_uniform(design, 180, 500),
        number=int(design.integers(120, 260)),
        ring_seconds=ring,
        tilt=tilt,
    )
    levels = design.uniform([-22, -12, -6, -6, -8, -16, -32], [-6, 0, 2, 2, 2, 0, -8])
    ratios = np.array([1.2, 1.1, 1.0, 0.9, 0.7, 0.5, 0.3]) * design.uniform(0.7, 1.1)
    wash = falling_noise(take, count, _CENTRES, levels, ring * ratios) * attack(count, bloom)
    contact = band_noise(take, count, 2500, 9000, 6) * decay(count, 0.03)
    plate /= np.sqrt(np.mean(plate**2)) + 1e-12
    wash /= np.sqrt(np.mean(wash**2)) + 1e-12
    whole = plate * design.uniform(0.3, 1) + wash * design.uniform(0.2, 1) + stick * contact
    return fade_out(whole * attack(count, 0.0004), 0.15 * count / 44_100)


def crash(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a crash, splash or china, 1-3.2 s."""
    ring = log_uniform(design, 1.0, 7.0)
    whole = _cymbal(
        design,
        take,
        ring=ring,
        tilt=design.uniform(-0.9, 0.3),
        stick=design.uniform(0.2, 1),
        bloom=design.uniform(0.001, 0.03),
    )
    return saturate(whole / 4, design.uniform(0.2, 1.5)) if design.random() < 0.3 else whole


def ride(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a ride stroke or its bell: a clear ping over a long, thin wash."""
    ring = log_uniform(design, 1.5, 8)
    whole = _cymbal(
        design,
        take,
        ring=ring,
        tilt=design.uniform(-1.1, 0.0),
        stick=design.uniform(1, 4),
        bloom=design.uniform(0.01, 0.06),
    )
    count = len(whole)
    number = int(design.integers(3, 8))
    ping = modes(
        log_uniform(design, 350, 900) * np.cumprod(design.uniform(1.1, 1.7, number)),
        design.uniform(0.5, 3, number),
        design.uniform(0.2, 1, number),
        take.uniform(0, 6.28, number),
        count,
    )
    return fade_out(whole + design.uniform(0.3, 3) * ping, 0.2)


def shaker(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return one stroke of a shaker, maraca or cabasa: noise that swells and stops."""
    seconds = log_uniform(design, 0.04, 0.2)
    count = seconds_to_samples(seconds)
    low = log_uniform(design, 2500, 7000)
    noise = band_noise(take, count, low, low * design.uniform(1.3, 3), design.uniform(10, 24))
    grains = 1 + design.uniform(0, 0.8) * np.abs(take.standard_normal(count))
    time = np.linspace(0, 1, count)
    swell = time ** design.uniform(0.3, 2) * (1 - time) ** design.uniform(0.6, 2.5)
    return noise * grains * swell


def cowbell(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a cowbell, agogo or block: two detuned pitches, electronic or struck."""
    count = seconds_to_samples(log_uniform(design, 0.1, 0.5))
    base = log_uniform(design, 380, 1100)
    ring = design.uniform(0.08, 0.5)
    if design.random() < 0.4:
        pair = sum(
            np.sign(oscillate(np.full(count, base * ratio)))
            for ratio in (1, design.uniform(1.4, 1.6))
        )
        whole = equalise(np.asarray(pair), [300, 900, 4000], [-12, 0, -14])
        return fade_out(whole * decay(count, ring), 0.02)
    number = 6
    hertz = base * np.concatenate([[1.0], np.cumprod(design.uniform(1.25, 1.8, number - 1))])
    whole = modes(
        hertz,
        ring * design.uniform(0.3, 1, number),
        design.uniform(0.2, 1, number) * (1 + 0.2 * take.standard_normal(number)),
        design.uniform(0, 6.28, number),
        count,
    )
    return fade_out(whole * attack(count, 0.0003), 0.02)


def tambourine(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a tambourine or a bunch of jingles: many small plates, not quite together."""
    seconds = log_uniform(design, 0.1, 0.4)
    count = seconds_to_samples(seconds)
    whole = np.zeros(count)
    for _ in range(int(design.integers(3, 7))):
        start = int(take.integers(0, seconds_to_samples(0.025)))
        number = 12
        whole[start:] += modes(
            design.uniform(3000, 14_000, number),
            design.uniform(0.05, 0.3, number),
            design.uniform(0.2, 1, number),
            take.uniform(0, 6.28, number),
            count - start,
        )
    hiss = band_noise(take, count, 5000, 14_000) * decay(count, seconds)
    return fade_out(whole + design.uniform(0.3, 2) * hiss, seconds * 0.2)


def triangle(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a triangle or a finger cymbal, open or muted."""
    seconds = design.choice([design.uniform(0.08, 0.2), design.uniform(0.5, 1.5)])
    count = seconds_to_samples(seconds)
    number = int(design.integers(5, 14))
    hertz = log_uniform(design, 1200, 4500) * np.cumprod(design.uniform(1.02, 1.5, number))
    whole = modes(
        hertz,
        seconds * design.uniform(0.5, 1.3, number),
        design.uniform(0.1, 1, number) * (1 + 0.2 * take.standard_normal(number)),
        take.uniform(0, 6.28, number),
        count,
    )
    return fade_out(whole * attack(count, 0.0003), seconds * 0.3)
