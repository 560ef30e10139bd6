"""The demo song's instruments beside the drums, and its echo and room (numpy only)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drumstudio.synthesis.tones import (
    SAMPLE_RATE,
    Wave,
    attack,
    decay,
    equalise,
    fade_out,
    fast_length,
    modes,
    seconds_to_samples,
)


def pitch_hertz(pitch: float) -> float:
    """Return the frequency of a MIDI pitch; 69 is 440 Hz."""
    return 440.0 * 2 ** ((pitch - 69) / 12)


def bass_note(pitch: float, seconds: float, velocity: float) -> Wave:
    """Return a fingered electric bass: a string damped after `seconds`, shape (samples,)."""
    hertz = pitch_hertz(pitch)
    number = np.arange(1, 15)
    count = seconds_to_samples(seconds + 0.06)
    corner = 280 + 700 * velocity
    gains = np.abs(np.sin(np.pi * number * 0.21)) / number / (1 + (number * hertz / corner) ** 2)
    string = modes(
        hertz * number * np.sqrt(1 + 4e-5 * number**2),
        5.0 / (1 + 0.35 * number),
        gains,
        0.1 * number,
        count,
    )
    # A little tanh, as a valve amplifier: the harmonics that small speakers can play.
    warm = np.tanh(1.8 * string / np.max(np.abs(string)))
    return fade_out(velocity * warm * attack(count, 0.006), 0.06)


def electric_piano_note(pitch: float, seconds: float, velocity: float) -> Wave:
    """Return a tine electric piano by frequency modulation, shape (samples,)."""
    hertz = pitch_hertz(pitch)
    count = seconds_to_samples(seconds + 0.12)
    time = np.arange(count) / SAMPLE_RATE
    body = np.sin(2 * np.pi * hertz * time) * (0.6 + 2.2 * velocity) * decay(count, 2.2)
    tine = np.sin(2 * np.pi * hertz * 7 * time) * 1.2 * velocity**2 * decay(count, 0.5)
    tone = np.sin(2 * np.pi * hertz * time + body) * decay(count, 4.5)
    tone += 0.4 * np.sin(2 * np.pi * 2 * hertz * time + tine) * decay(count, 2.0)
    return fade_out(velocity * tone * attack(count, 0.002), 0.12)


def pad_note(pitch: float, seconds: float) -> NDArray[np.float64]:
    """Return a soft string pad, float64, shape (2, samples)."""
    count = seconds_to_samples(seconds + 0.5)
    time = np.arange(count) * (2 * np.pi / SAMPLE_RATE)
    sides = np.zeros((2, count))
    for side in range(2):
        for voice in range(3):
            # Fixed detunes, other ones on each side: wide, and the same at every rendering.
            cents = (-7.0, 1.5, 6.0)[voice] + (2.2 if side else -1.3)
            hertz = pitch_hertz(pitch + cents / 100)
            phase = 2.1 * voice + 1.3 * side + 0.37 * pitch
            harmonic = np.arange(1, 15)
            gains = 1 / harmonic / (1 + (harmonic * hertz / 2000) ** 2)
            sides[side] += harmonic_sum(hertz * time + phase, gains)
    envelope = fade_out(attack(count, 0.45), 0.5)
    return sides * envelope


def harmonic_sum(phase: Wave, gains: NDArray[np.float64]) -> Wave:
    """Return a sum of harmonics of one phase (radians): gains[0] sin(x) + gains[1] sin(2x) ...

    Notes
    -----
    sin(n x) = 2 cos(x) sin((n-1) x) - sin((n-2) x): two sines for any number of harmonics.
    """
    twice_cosine, before, now = 2 * np.cos(phase), np.zeros(len(phase)), np.sin(phase)
    wave = gains[0] * now
    for gain in gains[1:]:
        before, now = now, twice_cosine * now - before
        wave += gain * now
    return wave


def lead_line(notes: list[tuple[float, float, float, float]], count: int) -> NDArray[np.float64]:
    """Return a gliding synthesiser melody.

    Parameters
    ----------
    notes : list of (float, float, float, float)
        Start and length in seconds, MIDI pitch, velocity; in order, not overlapping.
    count : int
        Samples of the result.

    Returns
    -------
    ndarray, float64, shape (count,)
    """
    pitch = np.full(count, notes[0][2])
    level = np.zeros(count)
    time = np.arange(count) / SAMPLE_RATE
    before = notes[0][2]
    for start, length, target, velocity in notes:
        first = int(start * SAMPLE_RATE)
        last = min(count, int((start + length) * SAMPLE_RATE))
        since = time[first:last] - time[first]
        glide = target + (before - target) * np.exp(-since / 0.018)
        vibrato = 0.22 * np.clip((since - 0.22) / 0.4, 0, 1) * np.sin(2 * np.pi * 5.3 * since)
        pitch[first:last] = glide + vibrato
        pitch[last:] = target
        shape = attack(last - first, 0.012) * (0.75 + 0.25 * np.exp(-since / 0.15))
        level[first:last] += velocity * fade_out(shape, min(0.07, length / 2))
        before = target
    # Every sample's own frequency, shared by the harmonics of a softened saw.
    phase = np.cumsum(440.0 * np.exp2((pitch - 69) / 12)) * (2 * np.pi / SAMPLE_RATE)
    harmonic = np.arange(1, 13)
    wave = harmonic_sum(phase, 1 / harmonic / (1 + (harmonic / 5) ** 2))
    return wave * level


def ping_pong(wave: Wave, delay_seconds: float, feedback: float) -> NDArray[np.float64]:
    """Return the echoes of a mono sound, left and right in turn, shape (2, samples)."""
    echoes = np.zeros((2, len(wave)))
    step = int(delay_seconds * SAMPLE_RATE)
    gain = feedback
    soft = wave
    for turn in range(1, 6):
        soft = equalise(soft, [200, 500, 3000, 9000], [-6, 0, 0, -9])
        if turn * step < len(wave):
            echoes[turn % 2, turn * step :] += gain * soft[: len(wave) - turn * step]
        gain *= feedback
    return echoes


def room(wave: Wave, seconds: float, seed: int, dull_hz: float) -> NDArray[np.float64]:
    """Return a room's answer to a mono sound, shape (2, samples), energy of the direct sound.

    Parameters
    ----------
    wave : ndarray, float64, shape (samples,)
        What sounds in it.
    seconds : float
        Time to fall by 60 dB.
    seed : int
        Which room.
    dull_hz : float
        Above this the answer falls by 6 dB an octave.
    """
    rng = np.random.default_rng(seed)
    count = seconds_to_samples(seconds)
    noise = rng.standard_normal((2, count)) * decay(count, seconds)
    noise[:, : seconds_to_samples(0.006)] = 0
    size = fast_length(len(wave) + count)
    spectrum = np.fft.rfft(noise, size)
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    spectrum *= 1 / (1 + 1j * hertz / dull_hz) * (hertz / (hertz + 120))
    spectrum /= np.sqrt(np.sum(np.abs(noise) ** 2, axis=1, keepdims=True))
    answer = np.fft.irfft(spectrum * np.fft.rfft(wave, size), size)
    return answer[:, : len(wave)]
