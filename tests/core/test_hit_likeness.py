"""A hit is like itself, louder or softer, under other sounds; and not like another drum."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.bands import Bands, powers
from drumstudio.core.hit_likeness import (
    BANDS,
    LISTED,
    SUGGESTED,
    beginnings,
    example_at,
    likeness,
    rises,
)
from tests.drum_sounds import chord, hat, kick, snare, with_hit

RATE, N_FFT, HOP = 44_100, 1_024, 256


def banded(samples):
    half = N_FFT // 2
    spectra = powers(np.pad(samples, ((0, 0), (half, half))), N_FFT, HOP)
    return spectra @ bands().weights


def bands():
    return Bands.spread(RATE, N_FFT, BANDS)


def step(seconds):
    return round(seconds * RATE / HOP)


def likeness_at(samples, seconds, example):
    return float(likeness(banded(samples), np.array([step(seconds)]), example)[0])


def example(sound, *, hertz=None):
    samples = with_hit(sound, chord(2.0, RATE), 1.0, RATE)
    return example_at(banded(samples), step(1.0), bands(), hertz)


SOUNDS = {"kick": kick(RATE), "snare": snare(RATE), "hat": hat(RATE)}


@pytest.mark.parametrize("name", SOUNDS)
def test_a_hit_is_like_itself_at_another_level(name):
    found = example(SOUNDS[name])
    for gain in (0.2, 0.5, 1.0):
        other = with_hit(SOUNDS[name], chord(3.0, RATE), 2.0, RATE, gain)
        assert likeness_at(other, 2.0, found) > 0.6


@pytest.mark.parametrize("name", SOUNDS)
def test_where_nothing_begins_nothing_is_like_it(name):
    assert likeness_at(chord(3.0, RATE), 2.0, example(SOUNDS[name])) < LISTED


@pytest.mark.parametrize(("name", "other"), [("kick", "snare"), ("kick", "hat"), ("snare", "kick")])
def test_another_drum_is_not_alike(name, other):
    samples = with_hit(SOUNDS[other], chord(3.0, RATE), 2.0, RATE)
    assert likeness_at(samples, 2.0, example(SOUNDS[name])) < SUGGESTED


def test_a_bass_note_under_it_does_not_matter():
    time = np.arange(3 * RATE) / RATE
    bass = 0.3 * np.sin(2 * np.pi * 65 * time).astype(np.float32)
    samples = with_hit(SOUNDS["snare"], chord(3.0, RATE) + bass, 2.0, RATE)
    assert likeness_at(samples, 2.0, example(SOUNDS["snare"])) > 0.6


def test_another_drum_at_the_same_time_does_not_hide_it():
    samples = with_hit(SOUNDS["snare"], chord(3.0, RATE), 2.0, RATE)
    samples = with_hit(SOUNDS["kick"], samples, 2.0, RATE)
    assert likeness_at(samples, 2.0, example(SOUNDS["snare"])) > SUGGESTED
    assert likeness_at(samples, 2.0, example(SOUNDS["kick"], hertz=60.0)) > SUGGESTED


def test_silence_is_no_example():
    assert example_at(np.zeros((100, BANDS), np.float32), 50, bands()) is None


def test_what_was_not_painted_hardly_counts():
    both = with_hit(SOUNDS["hat"], with_hit(SOUNDS["kick"], chord(2.0, RATE), 1.0, RATE), 1.0, RATE)
    power = banded(both)
    painted = np.zeros_like(power)
    painted[:, bands().centres_hz > 2_000] = 1.0
    found = example_at(power, step(1.0), bands(), painted=painted)
    lone_hat = with_hit(SOUNDS["hat"], chord(3.0, RATE), 2.0, RATE)
    lone_kick = with_hit(SOUNDS["kick"], chord(3.0, RATE), 2.0, RATE)
    assert likeness_at(lone_hat, 2.0, found) > SUGGESTED
    assert likeness_at(lone_kick, 2.0, found) < SUGGESTED


def test_beginnings_are_where_hits_are():
    samples = chord(3.0, RATE)
    for seconds in (0.5, 1.2, 2.1):
        samples = with_hit(SOUNDS["snare"], samples, seconds, RATE)
    rise = rises(banded(samples), example(SOUNDS["snare"]))
    found = beginnings(rise)
    strong = found[rise[found] > 6.0] * HOP / RATE
    strong = strong[strong < 2.9]  # the chord breaks off at the end
    np.testing.assert_allclose(strong, [0.5, 1.2, 2.1], atol=0.015)


def test_a_stretch_too_short_for_a_rise_has_none():
    assert not rises(np.ones((3, BANDS), np.float32), example(SOUNDS["snare"])).any()
    assert len(beginnings(np.zeros(3, np.float32))) == 0
