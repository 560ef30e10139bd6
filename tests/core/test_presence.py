"""A stem is told from one of another song, however quiet it is and whatever the songs share."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.presence import presence

RATE = 22_050


def drums(seed: int, seconds: float = 12.0, bpm: float = 120.0):
    """Return hits on every beat: two songs of one tempo have them at the same places."""
    generator = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    length, pitch = RATE // 5, generator.uniform(45, 70)
    for start in range(0, len(out) - length, round(60 / bpm * RATE)):
        decay = np.exp(-np.arange(length) / generator.uniform(800, 2_000))
        kick = np.sin(2 * np.pi * pitch * np.arange(length) / RATE)
        out[start : start + length] += decay * (0.4 * generator.standard_normal(length) + kick)
    return out.astype(np.float32)


def band(seed: int, seconds: float = 12.0):
    generator = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    tones = sum(
        np.sin(2 * np.pi * hertz * times + generator.uniform(0, 6))
        for hertz in (110, 220, 331, 440)
    )
    return (0.3 * tones + 0.1 * generator.standard_normal(len(times))).astype(np.float32)


@pytest.mark.parametrize("gain_db", [0.0, -20.0, -30.0])
@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_a_stem_of_the_song_is_found_however_quiet(gain_db, polarity):
    stem = drums(1) * np.float32(10 ** (gain_db / 20))
    found = presence(stem + band(2), stem * np.float32(polarity * 3.0), RATE)
    assert found.sounds


def test_a_stem_of_another_song_of_the_same_tempo_and_key_is_noticed():
    for seed in range(3, 9):
        found = presence(drums(1) + band(2), drums(seed), RATE)
        assert not found.sounds
        assert found.later_seconds is None


def test_two_songs_do_not_share_that_they_begin_and_end_abruptly():
    def cut(seed):
        return np.random.default_rng(seed).standard_normal(RATE * 5).cumsum().astype(np.float32)

    mixture, stem = cut(1), cut(2)  # far from 0 at both ends, and nothing at high frequencies
    assert not presence(mixture, stem, RATE).sounds
    assert presence(mixture + stem, stem, RATE).sounds


@pytest.mark.parametrize("later", [0.75, -2.25])
def test_a_stem_of_another_cut_is_found_where_it_fits(later):
    stem = drums(1)
    mixture = np.roll(stem, round(later * RATE)) + band(2)
    found = presence(mixture, stem, RATE)
    assert not found.sounds
    assert found.later_seconds == pytest.approx(later, abs=1 / RATE)


def test_a_model_s_own_drums_and_filtered_ones_are_of_the_song():
    stem = drums(1)
    spectrum = np.fft.rfft(stem + 0.2 * band(2))
    spectrum[: len(spectrum) // 50] *= 0.1  # no bass, and some of the band has stayed
    found = presence(stem + band(2), np.fft.irfft(spectrum).astype(np.float32), RATE)
    assert found.sounds


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_of_silence_and_of_moments_nothing_is_said(seconds):
    short = drums(1)[: round(seconds * RATE)]
    assert presence(short, drums(2)[: len(short)], RATE).sounds
    assert presence(drums(1), np.zeros_like(drums(1)), RATE).sounds
    assert presence(np.zeros_like(drums(1)), drums(1), RATE).sounds
