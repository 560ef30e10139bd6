"""Single notes of instruments that are not drums, from nothing (numpy only).

They are sequenced by `parts` and repitched by the renderer: basses, guitars, keys, organs,
brass, pads, plucks, leads, voices. The sounds without pitch are in `noise_sounds`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drumstudio.synthesis.noise_sounds import applause, breath, consonant, crackle, sweep
from drumstudio.synthesis.tones import (
    SAMPLE_RATE,
    Wave,
    attack,
    band_noise,
    decay,
    equalise,
    fade_out,
    log_uniform,
    modes,
    normalise,
    saturate,
    seconds_to_samples,
)

NoteRecipe = Callable[[np.random.Generator, float], Wave]

# Formants of five vowels, hertz: Peterson and Barney 1952, means of men and women, rounded.
_VOWELS = np.array(
    [
        [300, 2500, 3150, 3700],
        [570, 2080, 2650, 3500],
        [790, 1150, 2630, 3400],
        [580, 880, 2560, 3300],
        [340, 910, 2450, 3300],
    ],
    dtype=np.float64,
)


def _string(
    rng: np.random.Generator,
    hertz: float,
    *,
    seconds: float,
    ring: float,
    brightness: float,
    stiffness: float,
) -> Wave:
    """Return a plucked or struck string: stiff harmonics, combed by where it is plucked.

    Parameters
    ----------
    hertz : float
        Fundamental.
    seconds, ring : float
        Length; time in which the fundamental falls by 60 dB.
    brightness : float
        Hertz at which the harmonics have lost 3 dB of their 1/n.
    stiffness : float
        Inharmonicity B: f_n = n f sqrt(1 + B n^2) (Fletcher and Rossing, chapter 2).
    """
    number = np.arange(1, max(2, min(90, int(15_000 / hertz))))
    place = rng.uniform(0.06, 0.4)
    gains = np.abs(np.sin(np.pi * number * place)) / number
    gains *= np.exp(0.3 * rng.standard_normal(len(number)))
    gains /= 1 + (number * hertz / brightness) ** 2
    rings = ring / (1 + 0.15 * number * rng.uniform(0.3, 2) + (number * hertz / 6000) ** 1.5)
    count = seconds_to_samples(seconds)
    return modes(
        hertz * number * np.sqrt(1 + stiffness * number**2),
        rings,
        gains,
        rng.uniform(0, 0.5, len(number)),
        count,
    )


def _sustained(
    rng: np.random.Generator, hertz: float, gains: Wave, seconds: float, vibrato: float = 0.0
) -> Wave:
    """Return a held tone of given harmonics, with vibrato (relative depth) and drift."""
    count = seconds_to_samples(seconds)
    time = np.arange(count) / SAMPLE_RATE
    depth = vibrato * np.minimum(1, time / 0.5)
    pitch = hertz * (1 + depth * np.sin(2 * np.pi * rng.uniform(4, 7) * time))
    phase = (2 * np.pi / SAMPLE_RATE) * np.cumsum(pitch) + rng.uniform(0, 6.28)
    keep = min(len(gains), max(1, int(16_000 / hertz)))
    # sin(n x) = 2 cos(x) sin((n-1) x) - sin((n-2) x) saves a sine for each harmonic.
    twice_cosine, before, now = 2 * np.cos(phase), np.zeros(count), np.sin(phase)
    wave = gains[0] * now
    for gain in gains[1:keep]:
        before, now = now, twice_cosine * now - before
        if abs(gain) > 1e-4:
            wave += gain * now
    return wave


def _spectrum(rng: np.random.Generator, hertz: float, corner_hz: float) -> Wave:
    """Return harmonic gains of a saw, square, pulse or triangle behind a low-pass."""
    number = np.arange(1, 61)
    kind = int(rng.integers(4))
    if kind == 0:
        gains = 1 / number
    elif kind == 1:
        gains = (number % 2) / number
    elif kind == 2:
        gains = np.sin(np.pi * number * rng.uniform(0.1, 0.4)) / number
    else:
        gains = (number % 2) / number**2
    return gains / np.sqrt(1 + (number * hertz / corner_hz) ** 4)


def bass_pluck(rng: np.random.Generator, hertz: float) -> Wave:
    """Return an electric or upright bass note: finger, pick, slap or muted."""
    seconds = rng.uniform(0.5, 2.2)
    wave = _string(
        rng,
        hertz,
        seconds=seconds,
        ring=log_uniform(rng, 0.35, 6),
        brightness=log_uniform(rng, 200, 3500),
        stiffness=log_uniform(rng, 1e-5, 3e-4),
    )
    wave /= np.max(np.abs(wave))
    if rng.random() < 0.5:
        snap = band_noise(rng, len(wave), log_uniform(rng, 500, 2500), 5000, 9)
        wave += rng.uniform(0.02, 0.2) * snap * decay(len(wave), rng.uniform(0.01, 0.06))
    if rng.random() < 0.4:
        wave = saturate(wave, rng.uniform(0.5, 4))
    return fade_out(wave * attack(len(wave), rng.uniform(0.001, 0.012)), 0.08)


def bass_synth(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a synthesiser bass note that closes its filter."""
    seconds = rng.uniform(0.3, 1.5)
    bright = _sustained(rng, hertz, _spectrum(rng, hertz, log_uniform(rng, 300, 4000)), seconds)
    dark = _sustained(rng, hertz, _spectrum(rng, hertz, log_uniform(rng, 60, 250)), seconds)
    count = len(bright)
    wave = bright * decay(count, log_uniform(rng, 0.08, 1)) + dark
    if rng.random() < 0.5:
        wave *= decay(count, seconds * rng.uniform(1, 3))
    return fade_out(wave * attack(count, rng.uniform(0.001, 0.02)), 0.06)


def guitar(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a guitar note, steel, nylon or electric; palm-muted in a quarter."""
    muted = rng.random() < 0.25
    wave = _string(
        rng,
        hertz,
        seconds=rng.uniform(0.25, 0.5) if muted else rng.uniform(1.2, 2.8),
        ring=rng.uniform(0.15, 0.4) if muted else rng.uniform(1.5, 6),
        brightness=log_uniform(rng, 500, 1500) if muted else log_uniform(rng, 1200, 7000),
        stiffness=log_uniform(rng, 1e-5, 2e-4),
    )
    pick = band_noise(rng, len(wave), 1200, 7000, 9) * decay(len(wave), 0.02)
    wave += np.max(np.abs(wave)) * rng.uniform(0, 0.12) * pick
    if rng.random() < 0.4:
        wave = equalise(
            wave,
            [90, log_uniform(rng, 95, 140), 250, 500, 2500],
            rng.uniform([-9, -3, -3, -6, -3], [0, 9, 6, 3, 9]),
        )
    return fade_out(wave * attack(len(wave), 0.0015), 0.1)


def piano(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a piano or electric piano note, with hammer noise."""
    seconds = rng.uniform(0.6, 2.6)
    wave = _string(
        rng,
        hertz,
        seconds=seconds,
        ring=rng.uniform(2, 9) * min(1.0, 300 / hertz + 0.3),
        brightness=log_uniform(rng, 700, 5000),
        stiffness=log_uniform(rng, 5e-5, 8e-4),
    )
    wave /= np.max(np.abs(wave))
    knock = band_noise(rng, len(wave), 150, 1800, 6) * decay(len(wave), rng.uniform(0.03, 0.12))
    wave += rng.uniform(0, 0.06) * knock
    return fade_out(wave * attack(len(wave), 0.002), 0.15)


def organ(rng: np.random.Generator, hertz: float) -> Wave:
    """Return an organ note: drawbars, key click, rotating vibrato."""
    gains = np.zeros(16)
    for harmonic in (1, 2, 3, 4, 6, 8, 10, 12, 16):
        gains[harmonic - 1] = rng.choice([0, 0.3, 0.6, 1]) / harmonic**0.3
    gains[0] = max(gains[0], 0.5)
    wave = _sustained(rng, hertz, gains, 2.5, rng.choice([0, 0.002, 0.006]))
    click = band_noise(rng, len(wave), 800, 6000, 9) * decay(len(wave), 0.012)
    wave += rng.uniform(0, 0.3) * click
    return fade_out(wave * attack(len(wave), rng.uniform(0.002, 0.03)), 0.08)


def brass(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a brass or reed note whose brightness follows its swell."""
    seconds = float(rng.choice([rng.uniform(0.15, 0.4), rng.uniform(0.8, 2)]))
    number = np.arange(1, 41)
    corner = log_uniform(rng, 900, 3500)
    bright = np.exp(-number * hertz / corner)
    dark = np.exp(-number * hertz / (corner * 0.3))
    vibrato = rng.uniform(0, 0.008)
    loud = _sustained(rng, hertz, bright / bright[0], seconds, vibrato)
    soft = _sustained(rng, hertz, dark / dark[0], seconds, vibrato)
    count = len(loud)
    swell = attack(count, rng.uniform(0.02, 0.12)) * decay(count, seconds * rng.uniform(2, 8))
    wave = loud * swell**2 + 0.4 * soft * swell
    breath = band_noise(rng, count, 1000, 6000, 6)
    wave += rng.uniform(0, 0.03) * np.max(np.abs(wave)) * breath * swell
    return fade_out(wave, min(0.1, seconds / 3))


def pad(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a held note of detuned voices with a slow start."""
    seconds = 3.0
    gains = _spectrum(rng, hertz, log_uniform(rng, 400, 4000))
    wave = np.zeros(seconds_to_samples(seconds))
    for _ in range(int(rng.integers(2, 5))):
        wave += _sustained(rng, hertz * (1 + 0.006 * rng.standard_normal()), gains, seconds, 0.002)
    return fade_out(wave * attack(len(wave), rng.uniform(0.02, 0.8)), 0.4)


def pluck(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a synthesiser pluck or stab: bright at once, gone soon."""
    seconds = log_uniform(rng, 0.12, 0.9)
    bright = _spectrum(rng, hertz, log_uniform(rng, 1500, 9000))
    dark = _spectrum(rng, hertz, log_uniform(rng, 200, 1200))
    wave = np.zeros(seconds_to_samples(seconds))
    count = len(wave)
    for _ in range(int(rng.integers(1, 3))):
        tuned = hertz * (1 + 0.004 * rng.standard_normal())
        wave += _sustained(rng, tuned, bright, seconds) * decay(count, seconds * 0.35)
        wave += _sustained(rng, tuned, dark, seconds) * decay(count, seconds)
    return fade_out(wave * attack(count, rng.uniform(0.0005, 0.006)), seconds * 0.3)


def bell(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a frequency-modulated electric piano or glass tone."""
    seconds = rng.uniform(0.5, 2)
    count = seconds_to_samples(seconds)
    time = np.arange(count) / SAMPLE_RATE
    ratio = float(rng.choice([1, 2, 3, 4, 7, 3.5, 1.41]))
    depth = rng.uniform(0.3, 3.5) * decay(count, seconds * rng.uniform(0.2, 1))
    modulator = np.sin(2 * np.pi * hertz * ratio * time) * depth
    wave = np.sin(2 * np.pi * hertz * time + modulator) * decay(count, seconds * 1.2)
    return fade_out(wave * attack(count, rng.uniform(0.001, 0.01)), 0.1)


def lead(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a singing synthesiser note with vibrato."""
    gains = _spectrum(rng, hertz, log_uniform(rng, 1200, 8000))
    wave = _sustained(rng, hertz, gains, rng.uniform(0.8, 2), rng.uniform(0, 0.012))
    return fade_out(wave * attack(len(wave), rng.uniform(0.003, 0.06)), 0.08)


def flute(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a flute-like or bowed note: few harmonics, breath, slow start."""
    gains = np.exp(-np.arange(12) * rng.uniform(0.3, 2))
    wave = _sustained(rng, hertz, gains, rng.uniform(0.6, 2), rng.uniform(0, 0.012))
    breath = band_noise(rng, len(wave), hertz * 1.5, 8000, 6)
    wave = wave + rng.uniform(0.01, 0.12) * breath
    return fade_out(wave * attack(len(wave), rng.uniform(0.03, 0.15)), 0.12)


def voice(rng: np.random.Generator, hertz: float) -> Wave:
    """Return a sung vowel or two: glottal harmonics through moving formants."""
    seconds = log_uniform(rng, 0.25, 2)
    count = seconds_to_samples(seconds)
    hop = 256
    slow = np.arange(-(-count // hop) + 1) * hop / SAMPLE_RATE
    first, second = _VOWELS[rng.integers(5)], _VOWELS[rng.integers(5)]
    blend = np.clip((slow / seconds - 0.3) / 0.3, 0, 1)[:, None]
    formants = (first * (1 - blend) + second * blend) * rng.uniform(0.9, 1.2)
    widths = np.array([90.0, 110, 170, 250])
    drift = np.cumsum(rng.standard_normal(len(slow))) * 0.002 / np.sqrt(len(slow))
    vibrato = rng.uniform(0, 0.02) * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * slow)
    scoop = -rng.uniform(0, 0.12) * np.exp(-slow / 0.05)
    pitch = hertz * (1 + drift + vibrato * np.minimum(1, slow / 0.4) + scoop)
    fast = np.arange(count)
    phase = (2 * np.pi / SAMPLE_RATE) * np.cumsum(np.interp(fast, slow * SAMPLE_RATE, pitch))
    tilt = rng.uniform(0.8, 1.4)
    wave = np.zeros(count)
    for number in range(1, max(2, min(45, int(6000 / hertz)))):
        distance = (number * pitch[:, None] - formants) / widths
        level = np.sum(np.array([1, 0.6, 0.35, 0.2]) / (1 + distance**2), axis=1) + 0.01
        gain = np.interp(fast, slow * SAMPLE_RATE, level / number**tilt)
        wave += gain * np.sin(number * phase)
    wave /= np.max(np.abs(wave))
    wave += rng.uniform(0.002, 0.04) * band_noise(rng, count, 1500, 8000, 6)
    wave *= attack(count, rng.uniform(0.01, 0.08))
    if rng.random() < 0.5:
        # A consonant before the vowel: the syllable's own attack.
        burst = consonant(rng, hertz)[: count // 2]
        start = np.zeros(count)
        start[: len(burst)] = burst / (np.max(np.abs(burst)) + 1e-9)
        wave += rng.uniform(0.1, 0.6) * start
    return fade_out(wave, min(0.12, seconds / 3))


# Each family: its recipe and the range of pitches its notes are made at, in hertz.
MELODIC_FAMILIES: dict[str, tuple[NoteRecipe, float, float]] = {
    "bass_pluck": (bass_pluck, 38, 110),
    "bass_synth": (bass_synth, 32, 110),
    "guitar": (guitar, 82, 500),
    "piano": (piano, 60, 900),
    "organ": (organ, 80, 700),
    "brass": (brass, 100, 600),
    "pad": (pad, 80, 500),
    "pluck": (pluck, 90, 900),
    "bell": (bell, 150, 1000),
    "lead": (lead, 180, 1000),
    "flute": (flute, 200, 1200),
    "voice": (voice, 90, 500),
    "consonant": (consonant, 1000, 1001),
    "breath": (breath, 1000, 1001),
    "sweep": (sweep, 1000, 1001),
    "crackle": (crackle, 1000, 1001),
    "applause": (applause, 1000, 1001),
}


def synthesise_note(family: str, seed: int) -> tuple[NDArray[np.float32], float]:
    """Return one new note and its pitch.

    Parameters
    ----------
    family : str
        A key of `MELODIC_FAMILIES`.
    seed : int
        Which note of all possible ones; not negative.

    Returns
    -------
    wave : ndarray, float32, shape (samples,)
        At 44.1 kHz, largest magnitude 0.9.
    hertz : float
        Its pitch (of no meaning for noises).

    Raises
    ------
    ValueError
        If there is no such family.
    """
    if family not in MELODIC_FAMILIES:
        raise ValueError(f"family must be one of {sorted(MELODIC_FAMILIES)}, got {family!r}")
    rng = np.random.default_rng(seed)
    recipe, low, high = MELODIC_FAMILIES[family]
    hertz = log_uniform(rng, low, high)
    return normalise(recipe(rng, hertz)), hertz
