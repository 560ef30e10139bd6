from __future__ import annotations

import numpy as np
import pytest

from drumstudio.training.augment import MixRules, limiter_gain, mix, repitched, shape_spectrum
from tests.training.conftest import drums, tone


def test_a_mixture_is_its_drums_and_layers_at_the_level_asked_for(rules):
    rules = MixRules(
        drums_to_rest_db=-3, drums_to_rest_spread_db=0, silent_drums=0, only_drums=0,
        equalise=0, low_pass=0, limit=0, mono=0,
    )  # fmt: skip
    mixture, true = mix(np.random.default_rng(0), drums(2.0), [(tone(2.0, 200), 0.0)], rules)
    assert mixture.dtype == np.float32
    assert np.abs(mixture).max() <= 1.0
    rest = mixture - true
    spectrum = np.abs(np.fft.rfft(rest[0]))
    assert int(spectrum.argmax()) == 400


def test_drums_and_rest_can_be_silent():
    quiet = MixRules(silent_drums=1.0)
    mixture, true = mix(np.random.default_rng(0), drums(1.0), [(tone(1.0, 200), 0.0)], quiet)
    assert not true.any()
    assert mixture.any()
    alone = MixRules(silent_drums=0.0, only_drums=1.0)
    mixture, true = mix(np.random.default_rng(0), drums(1.0), [(tone(1.0, 200), 0.0)], alone)
    np.testing.assert_array_equal(mixture, true)


def test_a_limited_mixture_and_its_drums_get_one_gain():
    loud = MixRules(silent_drums=0, only_drums=0, equalise=0, low_pass=0, limit=1.0, mono=0)
    plain = MixRules(silent_drums=0, only_drums=0, equalise=0, low_pass=0, limit=0.0, mono=0)
    sums = []
    for rules in (loud, plain):
        mixture, true = mix(np.random.default_rng(5), drums(1.0), [], rules)
        np.testing.assert_array_equal(mixture, true)
        sums.append(mixture)
    crest = [np.abs(m).max() / np.sqrt(np.mean(m**2)) for m in sums]
    assert crest[0] < crest[1]


def test_the_limiter_leaves_quiet_music_alone():
    quiet = 0.1 * np.ones((2, 10_000), np.float32)
    np.testing.assert_allclose(limiter_gain(quiet, 0.5), 1.0, atol=1e-6)
    loud = np.ones((2, 10_000), np.float32)
    assert limiter_gain(loud, 0.5)[5_000] == pytest.approx(0.5 ** (7 / 8), rel=1e-3)


def test_a_flat_spectrum_curve_changes_nothing_and_a_cut_cuts():
    samples = drums(0.5)
    flat = shape_spectrum(samples, knots_db=np.zeros(8))
    np.testing.assert_allclose(flat, samples, atol=1e-6)
    cut = np.abs(np.fft.rfft(shape_spectrum(samples, cut_hz=5000.0)[0]))
    hertz = np.fft.rfftfreq(samples.shape[1], 1 / 44_100)
    assert cut[hertz > 5050].max() < 1e-3 * cut.max()


def test_the_same_seed_draws_the_same_mixture():
    args = (drums(1.0), [(tone(1.0, 200), 0.0)], MixRules())
    one, _ = mix(np.random.default_rng(3), *args)
    same, _ = mix(np.random.default_rng(3), *args)
    other, _ = mix(np.random.default_rng(4), *args)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_played_in_half_the_time_it_is_an_octave_higher():
    slow = tone(2.0, 100)
    fast = repitched(slow, 44_100)
    assert fast.shape == (2, 44_100)
    assert int(np.abs(np.fft.rfft(fast[0])).argmax()) == 200
    np.testing.assert_allclose(np.abs(fast).max(), np.abs(slow).max(), rtol=1e-3)
