"""A hit is found near a click, placed within 12 ms, and told from what goes on sounding."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.bands import Bands, powers
from drumstudio.core.hit_shape import (
    REACH_SECONDS,
    HitLimits,
    find_onset,
    frames_around,
    hit_weights,
    samples_around,
)
from drumstudio.core.tiles import Grid
from tests import drum_sounds

RATE = 44_100


def kick(rate=RATE):
    return drum_sounds.kick(rate)


def snare(rate=RATE):
    return drum_sounds.snare(rate)


def hat(rate=RATE):
    return drum_sounds.hat(rate)


def backing(seconds, rate=RATE):
    return drum_sounds.chord(seconds, rate)


def with_hit(sound, samples, seconds, rate=RATE, gain=0.5):
    return drum_sounds.with_hit(sound, samples, seconds, rate, gain)


PIECES = {"kick": (kick, 60.0), "snare": (snare, 2_000.0), "hat": (hat, 9_000.0)}


def onset_near(samples, click, hertz, rate=RATE):
    around = samples_around(rate)
    middle = round(click * rate)
    padded = np.pad(samples, ((0, 0), (around, around)))
    away = find_onset(padded[:, middle : middle + 2 * around], rate, hertz)
    return None if away is None else click + away


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("away", [-0.04, -0.01, 0.0, 0.025, 0.04])
def test_a_click_up_to_40_ms_away_finds_where_a_hit_begins(piece, away):
    sound, hertz = PIECES[piece]
    samples = with_hit(sound(), backing(2.0), 1.0)
    assert onset_near(samples, 1.0 + away, hertz) == pytest.approx(1.0, abs=0.012)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000, 96_000])
def test_hits_are_found_at_any_rate(rate):
    samples = with_hit(snare(rate), backing(2.0, rate), 1.0, rate)
    assert onset_near(samples, 1.02, 2_000.0, rate) == pytest.approx(1.0, abs=0.012)


def test_of_two_hits_the_one_at_the_frequency_of_the_click_is_meant():
    samples = with_hit(kick(), backing(2.0), 1.0)
    samples = with_hit(hat(), samples, 1.035)
    assert onset_near(samples, 1.02, 60.0) == pytest.approx(1.0, abs=0.012)
    assert onset_near(samples, 1.02, 11_000.0) == pytest.approx(1.035, abs=0.012)


def test_tones_and_silence_hold_no_hit():
    assert onset_near(backing(2.0), 1.0, 220.0) is None
    assert onset_near(np.zeros((1, RATE), np.float32), 0.5, 220.0) is None


def test_a_hit_out_of_reach_is_not_taken():
    samples = with_hit(snare(), backing(2.0), 1.0)
    assert onset_near(samples, 1.0 - 2.5 * REACH_SECONDS, 2_000.0) is None


def weights_of(samples, seconds, hertz=1_000.0, limits=HitLimits(), rate=RATE):  # noqa: B008
    grid = Grid(rate, len(samples), samples.shape[1])
    half = grid.n_fft // 2
    power = powers(np.pad(samples, ((0, 0), (half, half))), grid.n_fft, grid.hop_length)
    first = round(seconds / grid.frame_seconds)
    return hit_weights(power, grid, first, hertz, limits), grid, first


def test_the_cells_begin_with_the_hit_and_end_when_it_has_died_away():
    weights, grid, first = weights_of(with_hit(snare(), backing(2.0), 1.0), 1.0)
    strongest = weights.max(axis=1)
    assert np.argmax(strongest >= 0.5) == first
    assert not strongest[: first - 1].any()
    last = np.flatnonzero(strongest)[-1]
    assert 0.05 < (last - first) * grid.frame_seconds < 0.45


def test_what_goes_on_sounding_is_left_where_it_is():
    samples = backing(2.0)
    weights, grid, first = weights_of(with_hit(snare(), samples, 1.0), 1.0)
    tone = round(880.0 / grid.bin_hz)
    noise = slice(round(3_000 / grid.bin_hz), round(8_000 / grid.bin_hz))
    assert weights[first : first + 4, noise].mean() > 0.9
    assert weights[first : first + 4, tone].max() < 0.5


def test_a_note_that_begins_with_the_hit_and_goes_on_is_not_taken():
    time = np.arange(RATE) / RATE
    note = 0.5 * np.sin(2 * np.pi * 523 * time)
    samples = with_hit(note, with_hit(snare(), backing(2.5), 1.0), 1.0)
    weights, grid, first = weights_of(samples, 1.0)
    noise = slice(round(3_000 / grid.bin_hz), round(8_000 / grid.bin_hz))
    assert weights[first + 1 : first + 4, noise].mean() > 0.8
    assert weights[first + 2 : first + 30, round(523 / grid.bin_hz)].max() < 0.3


def test_a_band_decays_for_itself():
    time = np.arange(round(0.5 * RATE)) / RATE
    tom = np.sin(2 * np.pi * 150 * time) * np.exp(-time / 0.15)
    samples = with_hit(hat(), with_hit(tom, backing(2.0), 1.0), 1.0)
    weights, grid, first = weights_of(samples, 1.0)
    low = weights[:, round(150 / grid.bin_hz)]
    high = weights[:, round(10_000 / grid.bin_hz)]
    assert np.flatnonzero(low)[-1] > np.flatnonzero(high)[-1] + 4


def test_the_next_hit_is_not_taken_along():
    samples = with_hit(snare(), with_hit(snare(), backing(2.0), 1.0), 1.15)
    weights, grid, first = weights_of(samples, 1.0)
    noise = weights[:, round(5_000 / grid.bin_hz)]
    assert np.flatnonzero(noise)[-1] * grid.frame_seconds < 1.17


def test_limits_hold():
    samples = with_hit(snare(), backing(2.0), 1.0)
    limits = HitLimits(seconds=0.05, hertz=2_000.0)
    weights, grid, first = weights_of(samples, 1.0, 3_000.0, limits)
    frames, bins = np.nonzero(weights)
    assert (frames.max() - first) * grid.frame_seconds <= 0.05 + 2 * grid.frame_seconds
    assert bins.min() * grid.bin_hz >= 2_000 - grid.bin_hz
    assert bins.max() * grid.bin_hz <= 4_000 + grid.bin_hz


def test_a_hit_at_the_very_beginning_and_end_is_taken():
    samples = with_hit(snare(), np.zeros((1, RATE), np.float32), 0.0)
    weights, grid, first = weights_of(samples, 0.0)
    assert first == 0
    assert weights[0].max() > 0.5
    late = 0.97
    samples = np.zeros((1, RATE), np.float32)
    samples[:, round(late * RATE) :] = snare()[: RATE - round(late * RATE)]
    weights, grid, first = weights_of(samples, late)
    assert weights[first:].max() > 0.5


def test_frames_that_are_asked_for_are_enough():
    samples = with_hit(snare(), backing(3.0), 1.0)
    whole, grid, first = weights_of(samples, 1.0)
    before, after = frames_around(grid, HitLimits())
    half = grid.n_fft // 2
    power = powers(np.pad(samples, ((0, 0), (half, half))), grid.n_fft, grid.hop_length)
    part = hit_weights(power[first - before : first + after], grid, before, 1_000.0, HitLimits())
    np.testing.assert_array_equal(part > 0, whole[first - before : first + after] > 0)
    assert not whole[first + after :].any()


def test_bands_take_all_power_between_their_ends():
    bands = Bands.spread(RATE, 2_048, 32)
    bins_hz = np.arange(1_025) * RATE / 2_048
    inside = (bins_hz > 1_000) & (bins_hz < 15_000)
    np.testing.assert_allclose(bands.weights[inside].sum(axis=1), 1.0, atol=1e-5)
    assert bands.of_bins(RATE / 2_048, 1_025).max() == 31


def test_a_full_scale_sine_has_a_power_of_about_1():
    time = np.arange(8_192) / RATE
    sine = np.sin(2 * np.pi * 100 * RATE / 2_048 * time).astype(np.float32)[np.newaxis]
    assert powers(sine, 2_048, 512).max() == pytest.approx(1.0, rel=0.01)
