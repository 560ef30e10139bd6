"""Synthesised bass lines as control curves: glide, wobble, pulse, filter, side-chain (numpy)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.synthesis.grooves import Groove
from drumstudio.synthesis.oscillators import CONTROL_HOP, HARMONICS, draw_table
from drumstudio.synthesis.parts import Harmony, bass_notes, duck_curve
from drumstudio.synthesis.tones import SAMPLE_RATE, log_uniform

_HOP_SECONDS = CONTROL_HOP / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class BassLine:
    """Curves and timbre of one bass line; see `oscillators.render_voices` for shapes.

    Parameters
    ----------
    tables : ndarray, float32, shape (voices, brightnesses, 1025)
        One or two (detuned) voices.
    hertz, brightness, level : ndarray, float32, shape (voices, points)
        Control curves.
    drive : float
        Gain before tanh; 0 for none.
    """

    tables: NDArray[np.float32]
    hertz: NDArray[np.float32]
    brightness: NDArray[np.float32]
    level: NDArray[np.float32]
    drive: float


def draw_bass_line(
    rng: np.random.Generator, groove: Groove, harmony: Harmony, samples: int
) -> BassLine:
    """Draw a bass line between 24 and 110 Hz (fundamentals, up to an octave above now and then).

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    groove : Groove
        Whose kicks it follows, avoids or ducks under.
    harmony : Harmony
        Chords of the bars.
    samples : int
        Length at 44.1 kHz.
    """
    points = -(-samples // CONTROL_HOP) + 1
    seconds = samples / SAMPLE_RATE
    low_hz = log_uniform(rng, 24, 62)
    notes = bass_notes(rng, groove, harmony, seconds, low_hz)
    pitch = np.full(points, np.nan)
    level = np.zeros(points)
    since = np.full(points, 1e3)
    attack_points = max(1, int(rng.uniform(0.002, 0.02) / _HOP_SECONDS))
    fall = float(rng.choice([0, 0, rng.uniform(1, 9)]))
    # A bass that falls into its note from above and dies away is a long kick: never both.
    drop = float(rng.choice([0, 0, 0, rng.uniform(-5, 7)])) if fall == 0 else 0.0
    for note in notes:
        first = max(0, int(note.seconds / _HOP_SECONDS))
        last = min(points, int((note.seconds + note.length_seconds) / _HOP_SECONDS))
        if last <= first:
            continue
        time = np.arange(last - first) * _HOP_SECONDS
        pitch[first:last] = note.pitch + drop * np.exp(-time / 0.06)
        shape = np.minimum(1, np.arange(1, last - first + 1) / attack_points)
        shape = shape * np.exp(-fall * time) * note.velocity**0.5
        shape[-attack_points:] *= np.linspace(1, 0, min(attack_points, len(shape)))
        level[first:last] = shape
        since[first:last] = time
    if np.isnan(pitch).all():
        pitch[:] = 69 + 12 * np.log2(low_hz / 440)
    # Rests keep the last pitch, so that a glide starts from it.
    known = np.flatnonzero(~np.isnan(pitch))
    pitch = pitch[known[np.clip(np.searchsorted(known, np.arange(points), "right") - 1, 0, None)]]
    pitch = _glide(pitch, float(rng.choice([0, 0, rng.uniform(0.01, 0.25)])))
    pitch += rng.choice([0, 0, 0.15]) * np.sin(
        2 * np.pi * rng.uniform(3, 6) * np.arange(points) * _HOP_SECONDS
    )
    bright = _brightness(rng, groove, since)
    if rng.random() < 0.35:
        kicks = groove.times_of("kick")
        level *= duck_curve(
            kicks, points, _HOP_SECONDS, rng.uniform(0.4, 1), rng.uniform(0.08, 0.4)
        )
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    voices = 2 if rng.random() < 0.25 else 1
    detune = 2 ** (np.array([0, rng.uniform(0.05, 0.3)])[:voices, None] / 12)
    return BassLine(
        tables=np.repeat(draw_table(rng)[None], voices, axis=0),
        hertz=(hertz * detune).astype(np.float32),
        brightness=np.repeat(bright[None], voices, axis=0).astype(np.float32),
        level=np.repeat(level[None], voices, axis=0).astype(np.float32),
        drive=float(rng.choice([0, 0, log_uniform(rng, 0.5, 8)])),
    )


def _glide(pitch: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """Return the pitch curve with its steps smoothed over `seconds`."""
    taps = max(1, int(seconds / _HOP_SECONDS))
    if taps == 1:
        return pitch
    padded = np.concatenate([np.full(taps - 1, pitch[0]), pitch])
    total = np.cumsum(np.concatenate([[0.0], padded]))
    return (total[taps:] - total[:-taps]) / taps


def _brightness(
    rng: np.random.Generator, groove: Groove, since: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how many harmonics pass: steady, plucked, or wobbling with the beat."""
    top = float(HARMONICS[-1])
    base = log_uniform(rng, 1, 12)
    kind = rng.random()
    if kind < 0.3:
        # Nearly a sine: the sub-bass that only its length tells from a kick.
        return np.full(len(since), rng.uniform(1, 2.5))
    if kind < 0.5:
        return np.full(len(since), base)
    if kind < 0.8:
        return np.clip(
            base * (1 + rng.uniform(1, 10) * np.exp(-since / rng.uniform(0.03, 0.5))), 1, top
        )
    rate = groove.grid.bpm / 60 * float(rng.choice([0.5, 1, 1.5, 2, 3, 4]))
    time = np.arange(len(since)) * _HOP_SECONDS - groove.grid.start_seconds
    wobble = 0.5 - 0.5 * np.cos(2 * np.pi * rate * time)
    return np.clip(base * 2 ** (rng.uniform(1, 4) * wobble), 1, top)
