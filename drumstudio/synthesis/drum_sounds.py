"""Drum one-shots from nothing: electronic and acoustic-like, in unlimited variation.

Every recipe draws its design (pitch, length, material) from one generator and its chance
(noise, small differences between strokes) from another, so that several takes of one drum
sound like the same drum struck again. `synthesise(family, seed)` is the way in; `FAMILIES`
lists what there is. Cymbals, hats and small metal are in `metal_sounds`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drumstudio.synthesis import metal_sounds
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
    normalise,
    oscillate,
    saturate,
    seconds_to_samples,
)

Recipe = Callable[[np.random.Generator, np.random.Generator], Wave]

# Frequencies of a circular membrane's modes over that of the lowest: zeros of the Bessel
# functions, (0,1) (1,1) (2,1) (0,2) (3,1) (1,2) (4,1) (2,2) (0,3) (5,1); see Fletcher and
# Rossing, The Physics of Musical Instruments, chapter 18.
_MEMBRANE = np.array([1.0, 1.594, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501, 3.600, 3.652])


def _click(design: np.random.Generator, take: np.random.Generator, count: int) -> Wave:
    """Return a beater's or stick's contact: a few milliseconds of band noise."""
    low = log_uniform(design, 700, 3500)
    noise = band_noise(take, count, low, low * log_uniform(design, 1.5, 5), 9)
    return noise * decay(count, design.uniform(0.008, 0.05)) * attack(count, 0.0003)


def _swept_kick(
    design: np.random.Generator,
    take: np.random.Generator,
    *,
    seconds: float,
    end_hz: float,
    start_ratio: float,
    drop_seconds: float,
) -> Wave:
    """Return a sine whose pitch falls on two exponentials, driven, with a click."""
    count = seconds_to_samples(seconds)
    time = np.arange(count) / 44_100
    slow = design.uniform(0.0, 0.35)
    hertz = end_hz * (
        1
        + (start_ratio - 1) * np.exp(-time / drop_seconds)
        + slow * np.exp(-time / (drop_seconds * 6))
    )
    body = oscillate(hertz, design.choice([0.0, np.pi / 2]))
    shape = design.random()
    if shape < 0.4:
        envelope = decay(count, seconds * design.uniform(0.8, 1.6))
    elif shape < 0.75:
        # Held, then falling: the long kicks of house and trap.
        hold = design.uniform(0.2, 0.7)
        late = np.maximum(time / seconds - hold, 0) / (1 - hold)
        envelope = np.exp(-design.uniform(2, 5) * late**1.3) * (1 - 0.3 * time / seconds)
    else:
        envelope = (1 - time / seconds) ** design.uniform(1.2, 3)
    body = body * envelope
    if design.random() < 0.6:
        body = saturate(body, log_uniform(design, 1, 8))
        body /= np.max(np.abs(body))
    click = design.uniform(0, 0.8) * _click(design, take, count) * attack(count, 0.0005)
    level = 1 + 0.03 * take.standard_normal()
    return fade_out(level * body + 0.35 * click, min(0.03, seconds / 4))


def electronic_kick(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a short drum-machine kick, 0.12-0.45 s."""
    return _swept_kick(
        design,
        take,
        seconds=log_uniform(design, 0.12, 0.45),
        end_hz=log_uniform(design, 36, 75),
        start_ratio=log_uniform(design, 1.8, 9),
        drop_seconds=log_uniform(design, 0.008, 0.05),
    )


def long_kick(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return an 808 or house kick of 0.3-0.9 s whose pitch drops."""
    return _swept_kick(
        design,
        take,
        seconds=design.uniform(0.3, 0.9),
        end_hz=log_uniform(design, 28, 62),
        start_ratio=log_uniform(design, 1.2, 6),
        drop_seconds=log_uniform(design, 0.01, 0.09),
    )


def distorted_kick(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a hard, clipped kick with harmonics up to some kilohertz."""
    soft = _swept_kick(
        design,
        take,
        seconds=log_uniform(design, 0.18, 0.5),
        end_hz=log_uniform(design, 40, 65),
        start_ratio=log_uniform(design, 3, 10),
        drop_seconds=log_uniform(design, 0.02, 0.07),
    )
    hard = saturate(soft, log_uniform(design, 4, 25))
    hard /= np.max(np.abs(hard))
    corner = log_uniform(design, 1500, 9000)
    return fade_out(equalise(hard, [corner, corner * 4], [0, -24]), 0.02)


def acoustic_kick(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a bass drum: membrane modes that sink a little, beater, shell, damping."""
    seconds = log_uniform(design, 0.25, 0.8)
    count = seconds_to_samples(seconds)
    time = np.arange(count) / 44_100
    lowest = log_uniform(design, 42, 78)
    bend = 1 + design.uniform(0.05, 0.6) * np.exp(-time / design.uniform(0.012, 0.05))
    ring = seconds * design.uniform(0.5, 1.1)
    body = oscillate(lowest * bend) * decay(count, ring)
    body += (
        design.uniform(0.1, 0.7)
        * oscillate(lowest * design.uniform(1.5, 2.1) * bend, design.uniform(0, 6))
        * decay(count, ring * design.uniform(0.25, 0.7))
    )
    number = int(design.integers(4, 10))
    stretch = lowest * design.uniform(1.9, 3)
    shell = modes(
        stretch * _MEMBRANE[:number] * (1 + 0.03 * design.standard_normal(number)),
        design.uniform(0.04, 0.22, number),
        design.uniform(0.02, 0.25, number) * (1 + 0.2 * take.standard_normal(number)),
        design.uniform(0, 6.28, number),
        count,
    ) * attack(count, 0.002)
    air = falling_noise(
        take,
        count,
        [60, 200, 800, 3000, 9000],
        design.uniform([-20, -14, -14, -14, -30], [-6, 0, 0, 4, -10]),
        design.uniform([0.1, 0.05, 0.03, 0.015, 0.01], [0.3, 0.2, 0.12, 0.07, 0.04]),
    )
    beater = design.uniform(0.05, 0.6) * _click(design, take, count)
    whole = body + shell + 0.15 * design.uniform(0.2, 1) * air + 0.5 * beater
    if design.random() < 0.5:
        whole = equalise(
            whole,
            [50, 100, 350, 900, 3500, 9000],
            design.uniform([-3, -2, -10, -6, -4, -6], [6, 6, 2, 2, 9, 3]),
        )
    return fade_out(whole * attack(count, 0.0008), seconds * 0.3)


def electronic_snare(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a drum-machine snare: two or three tones and filtered noise."""
    seconds = log_uniform(design, 0.1, 0.5)
    count = seconds_to_samples(seconds)
    time = np.arange(count) / 44_100
    lowest = log_uniform(design, 120, 260)
    bend = 1 + design.uniform(0, 1.2) * np.exp(-time / design.uniform(0.005, 0.03))
    tone = np.zeros(count)
    for ratio in (1.0, design.uniform(1.5, 2.0), design.uniform(2.1, 3.2)):
        ring = seconds * design.uniform(0.15, 0.8)
        tone += (
            design.uniform(0.2, 1) / ratio * oscillate(lowest * ratio * bend) * decay(count, ring)
        )
    low = log_uniform(design, 300, 3000)
    noise = band_noise(take, count, low, log_uniform(design, 3500, 12_000), design.uniform(6, 18))
    noise *= decay(count, seconds * design.uniform(0.5, 1.2))
    whole = tone * design.uniform(0.3, 1.5) + noise * design.uniform(0.1, 0.5)
    if design.random() < 0.5:
        whole = saturate(whole, log_uniform(design, 1, 6))
    if design.random() < 0.15:
        # Gated reverb: a plateau cut off.
        plateau = band_noise(take, count, 300, 9000) * (time < seconds * 0.8) * attack(count, 0.005)
        whole = whole + 0.25 * plateau
    return fade_out(whole * attack(count, 0.0004), seconds * 0.25)


def acoustic_snare(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a snare drum: two heads' modes, wires that answer, shell, room of the drum."""
    seconds = log_uniform(design, 0.3, 1.0)
    count = seconds_to_samples(seconds)
    lowest = log_uniform(design, 130, 280)
    number = len(_MEMBRANE)
    spread = _MEMBRANE * (1 + 0.04 * design.standard_normal(number))
    ring = log_uniform(design, 0.1, 0.6) / (0.6 + 0.4 * spread)
    place = 1 + 0.35 * take.standard_normal(number)
    body = modes(
        lowest * spread * (1 + 0.004 * take.standard_normal()),
        ring,
        design.uniform(0.1, 1, number) / spread * place,
        design.uniform(0, 6.28, number),
        count,
    )
    if design.random() < 0.3:
        # An undamped overtone rings on.
        body += design.uniform(0.05, 0.3) * modes(
            [lowest * design.uniform(1.6, 4)], [seconds], [1.0], [0.0], count
        )
    low, high = log_uniform(design, 0.08, 0.6), log_uniform(design, 0.1, 0.6)
    wires = falling_noise(
        take,
        count,
        [200, 600, 1500, 3500, 7000, 14_000],
        design.uniform([-20, -14, -6, -4, -10, -32], [-4, -2, 3, 3, 1, -14]),
        np.linspace(low, high, 6) * design.uniform(0.6, 1.6),
    ) * attack(count, design.uniform(0.0003, 0.004))
    stick = design.uniform(0.1, 0.7) * _click(design, take, count)
    whole = body * design.uniform(0.5, 1.5) + wires * design.uniform(0.1, 0.45) + 0.2 * stick
    return fade_out(whole * attack(count, 0.0003), seconds * 0.3)


def brush(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a brushed snare: a soft burst or a short swirl, hardly any body."""
    seconds = log_uniform(design, 0.08, 0.4)
    count = seconds_to_samples(seconds)
    noise = falling_noise(
        take,
        count,
        [300, 1000, 3000, 7000, 14_000],
        design.uniform([-20, -10, -4, -4, -12], [-8, -2, 2, 2, -2]),
        np.full(5, seconds * design.uniform(0.5, 1.5)),
    )
    body = modes([log_uniform(design, 160, 280)], [0.12], [design.uniform(0, 0.2)], [0.0], count)
    return fade_out(
        (noise + body) * attack(count, design.uniform(0.002, seconds / 3)), seconds * 0.4
    )


def rim(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a side stick, rim click or clave: one to four short bright modes."""
    count = seconds_to_samples(log_uniform(design, 0.06, 0.4))
    number = int(design.integers(2, 6))
    hertz = log_uniform(design, 350, 1900) * np.cumprod(design.uniform(1.15, 1.9, number))
    wood = modes(
        hertz,
        design.uniform(0.02, 0.2, number),
        design.uniform(0.2, 1, number) * (1 + 0.2 * take.standard_normal(number)),
        design.uniform(0, 6.28, number),
        count,
    )
    whole = wood + design.uniform(0.05, 0.4) * _click(design, take, count)
    if design.random() < 0.6:
        # The shell answers; in a rimshot the head does too.
        low = log_uniform(design, 150, 420) * np.array([1.0, 1.6, 2.2])
        shell = modes(low, design.uniform(0.08, 0.35, 3), design.uniform(0.2, 1, 3), 0.3, count)
        hiss = band_noise(take, count, 1500, 7000) * decay(count, design.uniform(0.08, 0.4))
        whole = whole + design.uniform(0.2, 1.2) * shell + design.uniform(0, 0.1) * hiss
    return fade_out(whole * attack(count, 0.0002), 0.01)


def clap(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a hand clap or a crowd of them: a few bursts and a tail."""
    seconds = log_uniform(design, 0.12, 0.5)
    count = seconds_to_samples(seconds)
    centre = log_uniform(design, 800, 2200)
    noise = band_noise(
        take, count, centre / 1.5, centre * log_uniform(design, 1.5, 5), design.uniform(6, 14)
    )
    envelope = np.zeros(count)
    gap = design.uniform(0.006, 0.016)
    for burst in range(int(design.integers(1, 5))):
        start = seconds_to_samples(burst * gap * (1 + 0.15 * take.standard_normal()) + 0.0002)
        if start < count:
            envelope[start:] += decay(count - start, 0.025) * design.uniform(0.6, 1)
    start = seconds_to_samples(3 * gap)
    envelope[start:] += decay(count - start, seconds) * design.uniform(0.2, 0.8)
    return fade_out(noise * envelope, seconds * 0.3)


def electronic_tom(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a drum-machine tom: a falling sine and some noise."""
    seconds = log_uniform(design, 0.2, 0.8)
    count = seconds_to_samples(seconds)
    time = np.arange(count) / 44_100
    lowest = log_uniform(design, 65, 260)
    hertz = lowest * (1 + design.uniform(0.1, 1.2) * np.exp(-time / design.uniform(0.02, 0.15)))
    tone = oscillate(hertz) * decay(count, seconds * design.uniform(0.6, 1.2))
    noise = band_noise(take, count, lowest * 2, lowest * 20) * decay(count, 0.1)
    whole = saturate(tone + design.uniform(0, 0.2) * noise, design.uniform(0.5, 3))
    return fade_out(whole * attack(count, 0.0005), seconds * 0.25)


def acoustic_tom(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a tom: membrane modes that sink as the head relaxes, stick and shell."""
    seconds = log_uniform(design, 0.5, 2.0)
    count = seconds_to_samples(seconds)
    time = np.arange(count) / 44_100
    lowest = log_uniform(design, 60, 210)
    bend = 1 + design.uniform(0.01, 0.25) * np.exp(-time / design.uniform(0.03, 0.12))
    body = np.zeros(count)
    for ratio in _MEMBRANE[:5] * (1 + 0.04 * design.standard_normal(5)):
        ring = seconds * design.uniform(0.5, 1.2) / ratio
        level = design.uniform(0.2, 1) / ratio**1.3 * (1 + 0.25 * take.standard_normal())
        body += level * oscillate(lowest * ratio * bend, design.uniform(0, 6)) * decay(count, ring)
    number = len(_MEMBRANE) - 5
    body += modes(
        lowest * 1.1 * _MEMBRANE[5:],
        design.uniform(0.05, 0.25, number),
        design.uniform(0.03, 0.4, number),
        design.uniform(0, 6.28, number),
        count,
    )
    stick = design.uniform(0.1, 1.0) * _click(design, take, count)
    air = band_noise(take, count, 150, 3500, 6) * decay(count, design.uniform(0.05, 0.4))
    whole = body + 0.35 * stick + design.uniform(0.01, 0.1) * air
    return fade_out(whole * attack(count, 0.0006), seconds * 0.3)


def hand_drum(design: np.random.Generator, take: np.random.Generator) -> Wave:
    """Return a conga, bongo, djembe or cajon stroke: open, muted or slapped."""
    open_stroke = design.random() < 0.5
    seconds = design.uniform(0.3, 1.2) if open_stroke else design.uniform(0.1, 0.4)
    count = seconds_to_samples(seconds)
    lowest = log_uniform(design, 75, 420)
    number = 6
    spread = _MEMBRANE[:number] * (1 + 0.05 * design.standard_normal(number))
    body = modes(
        lowest * spread,
        seconds * design.uniform(0.5, 1.3, number) / spread**0.6,
        design.uniform(0.2, 1, number) / spread * (1 + 0.25 * take.standard_normal(number)),
        design.uniform(0, 6.28, number),
        count,
    )
    slap = falling_noise(
        take,
        count,
        [400, 1200, 3500, 9000],
        design.uniform([-12, -10, -14, -24], [0, 2, 0, -8]),
        design.uniform(0.02, 0.12, 4),
    )
    whole = body + design.uniform(0.03, 0.45) * slap
    return fade_out(whole * attack(count, 0.0005), seconds * 0.3)


# Each family and the recipes that stand for it; a recipe is drawn evenly.
FAMILIES: dict[str, tuple[Recipe, ...]] = {
    "kick": (electronic_kick, acoustic_kick, acoustic_kick, distorted_kick),
    "long_kick": (long_kick,),
    "snare": (electronic_snare, acoustic_snare, acoustic_snare),
    "brush": (brush,),
    "rim": (rim,),
    "clap": (clap,),
    "tom": (electronic_tom, acoustic_tom, acoustic_tom),
    "hand_drum": (hand_drum,),
    "hat_closed": (metal_sounds.closed_hat,),
    "hat_open": (metal_sounds.open_hat,),
    "hat_pedal": (metal_sounds.pedal_hat,),
    "crash": (metal_sounds.crash,),
    "ride": (metal_sounds.ride,),
    "shaker": (metal_sounds.shaker,),
    "cowbell": (metal_sounds.cowbell,),
    "tambourine": (metal_sounds.tambourine,),
    "triangle": (metal_sounds.triangle,),
}


def synthesise(family: str, seed: int, *, takes: int = 1) -> list[NDArray[np.float32]]:
    """Return some strokes of one new drum.

    Parameters
    ----------
    family : str
        A key of `FAMILIES`.
    seed : int
        Which drum of all possible ones; not negative. The same seed gives the same bits.
    takes : int
        How many strokes; they share the design and differ as strokes do.

    Returns
    -------
    list of ndarray, float32, shape (samples,)
        At 44.1 kHz, the largest magnitude of each at 0.9.

    Raises
    ------
    ValueError
        If there is no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {sorted(FAMILIES)}, got {family!r}")
    strokes = []
    for take in range(takes):
        design = np.random.default_rng(seed)
        recipes = FAMILIES[family]
        recipe = recipes[int(design.integers(len(recipes)))]
        strokes.append(normalise(recipe(design, np.random.default_rng([seed, take]))))
    return strokes
