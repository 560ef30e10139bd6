"""Drums and a chord, made from nothing: songs whose hits are known."""

from __future__ import annotations

import numpy as np

RATE = 22_050
BEAT_SECONDS = 0.5


def kick(rate=RATE):
    time = np.arange(round(0.4 * rate)) / rate
    sweep = 2 * np.pi * (50.0 * time + 6.0 * (1 - np.exp(-time / 0.03)))
    beater = np.random.default_rng(2).standard_normal(len(time)) * np.exp(-time / 0.003)
    return np.sin(sweep) * np.exp(-time / 0.08) + 0.05 * beater


def snare(rate=RATE):
    time = np.arange(round(0.2 * rate)) / rate
    noise = np.convolve(np.random.default_rng(3).standard_normal(len(time) + 3), [0.4] * 4, "valid")
    tone = 0.4 * np.sin(2 * np.pi * 190 * time) * np.exp(-time / 0.04)
    return 0.4 * noise * np.exp(-time / 0.05) + tone


def hat(rate=RATE):
    time = np.arange(round(0.08 * rate)) / rate
    noise = np.diff(np.random.default_rng(4).standard_normal(len(time) + 1))
    return 0.2 * noise * np.exp(-time / 0.02)


def chord(seconds, rate=RATE, channels=2):
    """A chord that goes on, and a little hiss."""
    time = np.arange(round(seconds * rate)) / rate
    tones = sum(0.06 * np.sin(2 * np.pi * f * time + f) for f in (220.0, 277.0, 330.0, 880.0))
    hiss = 0.001 * np.random.default_rng(5).standard_normal((channels, len(time)))
    return (tones + hiss).astype(np.float32)


def with_hit(sound, samples, seconds, rate=RATE, gain=0.5):
    """Return samples with a sound that begins at a time."""
    start = round(seconds * rate)
    out = samples.copy()
    part = sound[: max(samples.shape[1] - start, 0)]
    out[:, start : start + len(part)] += (gain * part).astype(np.float32)
    return out


def pattern(beats=16, rate=RATE):
    """Return a song, its drums and the hits of each piece: kick, hat, snare, hat, over again.

    Levels change from hit to hit, and a bass moves below.
    """
    seconds = beats * BEAT_SECONDS + 1.0
    music = chord(seconds, rate)
    time = np.arange(music.shape[1]) / rate
    notes = np.array([41.0, 55.0, 49.0, 62.0])[(time / 1.0).astype(int) % 4]
    music += (0.15 * np.sin(2 * np.pi * np.cumsum(notes) / rate)).astype(np.float32)
    drums = np.zeros_like(music)
    hits = {"kick": [], "snare": [], "hat": []}
    generator = np.random.default_rng(8)
    for beat in range(beats):
        when = 0.3 + beat * BEAT_SECONDS
        gain = 0.4 * 10 ** (generator.uniform(-6, 3) / 20)
        name, sound = (("kick", kick(rate)), ("snare", snare(rate)))[beat % 2]
        drums = with_hit(sound, drums, when, rate, gain)
        hits[name].append(when)
        drums = with_hit(hat(rate), drums, when + BEAT_SECONDS / 2, rate, gain)
        hits["hat"].append(when + BEAT_SECONDS / 2)
    return music + drums, drums, hits
