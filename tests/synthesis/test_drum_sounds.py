"""Every recipe gives a sound that ends, is finite, loud enough, and the same again."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.synthesis.drum_sounds import FAMILIES, synthesise
from drumstudio.synthesis.melodic_sounds import MELODIC_FAMILIES, synthesise_note


def centroid_hz(wave: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(wave)) ** 2
    return float(np.sum(power * np.fft.rfftfreq(len(wave), 1 / 44_100)) / np.sum(power))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_drum_is_finite_at_its_level_and_fades_out(family):
    for seed in range(4):
        (wave,) = synthesise(family, seed)
        assert wave.dtype == np.float32
        assert np.all(np.isfinite(wave))
        assert np.max(np.abs(wave)) == pytest.approx(0.9, rel=1e-5)
        assert abs(wave[-1]) < 0.01
        assert 0.02 < len(wave) / 44_100 < 3.3


def test_the_same_seed_gives_the_same_bits_and_another_another_drum():
    first, again, other = (synthesise("snare", seed)[0] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert len(first) != len(other) or not np.array_equal(first, other)


def test_two_takes_are_the_same_drum_but_not_the_same_stroke():
    first, second = synthesise("snare", 11, takes=2)
    assert len(first) == len(second)
    assert not np.array_equal(first, second)
    assert centroid_hz(first) == pytest.approx(centroid_hz(second), rel=0.35)


def test_kicks_are_low_hats_are_high_and_long_kicks_are_long():
    def median(family, measure):
        return np.median([measure(synthesise(family, seed)[0]) for seed in range(9)])

    assert median("kick", centroid_hz) < 250
    assert median("hat_closed", centroid_hz) > 5000
    assert median("long_kick", len) > 0.3 * 44_100


@pytest.mark.parametrize("family", MELODIC_FAMILIES)
def test_a_note_is_finite_and_fades_out(family):
    wave, hertz = synthesise_note(family, 1)
    assert np.all(np.isfinite(wave))
    assert np.max(np.abs(wave)) == pytest.approx(0.9, rel=1e-5)
    assert abs(wave[-1]) < 0.02
    assert hertz > 20


@pytest.mark.parametrize("family", ["organ", "lead", "piano", "bass_synth"])
def test_a_note_has_the_pitch_it_claims(family):
    wave, hertz = synthesise_note(family, 2)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 1 << 18))
    axis = np.fft.rfftfreq(1 << 18, 1 / 44_100)
    near = (axis > hertz * 0.9) & (axis < hertz * 1.1)
    found = axis[near][np.argmax(spectrum[near])]
    assert abs(1200 * np.log2(found / hertz)) < 40
    assert np.max(spectrum[near]) > 0.02 * np.max(spectrum)


@pytest.mark.parametrize("make", [synthesise, synthesise_note])
def test_an_unknown_family_is_refused(make):
    with pytest.raises(ValueError, match="family must be one of"):
        make("bagpipe", 0)
