from __future__ import annotations

import fast_bss_eval
import mir_eval
import numpy as np
import pytest

from drumstudio.core import scores


@pytest.fixture
def pair(music) -> tuple[np.ndarray, np.ndarray]:
    noise = np.random.default_rng(3).standard_normal(music.shape).astype(np.float32)
    return music, 0.8 * music + 0.05 * noise


def test_the_sdr_of_known_noise_is_its_level():
    reference = np.ones((2, 100), np.float32)
    assert scores.sdr(reference, reference * 0.9) == pytest.approx(20.0, abs=1e-5)


def test_silence_scores_zero_and_the_truth_scores_the_ceiling(music):
    assert scores.sdr(music, np.zeros_like(music)) == 0.0
    assert scores.sdr(music, music) == scores.CEILING_DB
    assert scores.sdr(np.zeros_like(music), music) == scores.FLOOR_DB
    assert scores.si_sdr(music, np.zeros_like(music)) == scores.FLOOR_DB


def test_si_sdr_is_that_of_fast_bss_eval(pair):
    reference, estimate = (part.reshape(1, -1).astype(np.float64) for part in pair)
    peer = fast_bss_eval.si_sdr(reference, estimate, zero_mean=False)[0]
    assert scores.si_sdr(*pair) == pytest.approx(float(peer), abs=1e-3)


def test_si_sdr_does_not_hear_a_gain_but_sdr_does(pair):
    reference, estimate = pair
    assert scores.si_sdr(reference, 0.3 * estimate) == pytest.approx(scores.si_sdr(*pair), abs=1e-4)
    assert scores.sdr(reference, 0.3 * estimate) < scores.sdr(*pair) - 3


def test_framewise_sdr_is_that_of_bsseval_images(pair):
    """Each frame as `mir_eval.separation.bss_eval_images` of mir_eval 0.8.2, its last, gave it."""
    reference, estimate = pair
    rate = 8000
    ours = scores.framewise_sdr(reference[:, : 2 * rate], estimate[:, : 2 * rate], rate)
    assert ours == pytest.approx(np.median([7.063180418133105, 6.133439580416169]), abs=1e-6)


def test_silent_frames_do_not_count(music):
    rate = 44_100
    reference = music.copy()
    reference[:, rate : 2 * rate] = 0
    estimate = 0.9 * music
    assert scores.framewise_sdr(reference, estimate, rate) == pytest.approx(20, abs=1e-3)
    assert scores.framewise_sdr(np.zeros_like(music), music, rate) is None


def test_leakage_is_the_level_of_what_was_taken(music):
    assert scores.leakage_db(music, 0.1 * music) == pytest.approx(-20, abs=1e-4)
    assert scores.leakage_db(music, np.zeros_like(music)) == scores.FLOOR_DB


def test_onsets_are_found_where_the_strokes_are(music):
    found = scores.onsets(music, 44_100)
    for stroke in np.arange(0.5, 3.0, 0.5):
        assert np.min(np.abs(found - stroke)) < 0.03


def test_onset_f_of_the_truth_is_one_and_of_silence_is_zero(music):
    assert scores.onset_f(music, music, 44_100) == 1.0
    assert scores.onset_f(music, np.zeros_like(music), 44_100) == 0.0
    assert scores.onset_f(np.zeros_like(music), music, 44_100) is None


def test_matching_onsets_gives_the_f_of_mir_eval(monkeypatch):
    rng = np.random.default_rng(1)
    true = np.sort(rng.uniform(0, 20, 60))
    found = np.sort(np.append(true[::2] + rng.normal(0, 0.03, 30), rng.uniform(0, 20, 20)))
    times = iter([true, found])
    monkeypatch.setattr(scores, "onsets", lambda samples, rate: next(times))
    peer = mir_eval.onset.f_measure(true, found, window=0.05)[0]
    blank = np.zeros((1, 1), np.float32)
    assert scores.onset_f(blank, blank, 44_100) == pytest.approx(peer)


def test_a_t_interval_is_that_of_the_printed_table():
    low, high = scores.t_interval([1.0, 2.0, 3.0, 4.0])
    # 3.182 for three degrees of freedom; the deviation of 1 to 4 is 1.291.
    assert (high - low) / 2 == pytest.approx(3.182 * 1.291 / 2, rel=1e-3)
    assert (high + low) / 2 == pytest.approx(2.5)
    assert scores.t_interval([1.0]) is None


def test_other_shapes_are_refused(music):
    with pytest.raises(ValueError, match="must both be"):
        scores.sdr(music, music[:1])
