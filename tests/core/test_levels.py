"""Levels for the eye: what a sine reads, which stem is how loud, what paint makes of a share."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.levels import (
    drums_share,
    edited_share,
    level_db,
    level_of_share,
    stem_levels,
)

RATE = 44_100


def sine(hertz, amplitude, seconds=0.5, channels=1):
    wave = amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return np.tile(wave.astype(np.float32), (channels, 1))


@pytest.mark.parametrize("n_fft", [1024, 2048, 8192])
@pytest.mark.parametrize("db", [0.0, -6.0, -40.0])
def test_a_sine_reads_its_level_in_its_bin(n_fft, db):
    bin_number = n_fft // 16
    wave = sine(bin_number * RATE / n_fft, 10 ** (db / 20))
    (levels,) = stem_levels(wave, None, n_fft, n_fft // 4, 1)
    assert levels.shape[1] == n_fft // 2 + 1
    middle = levels[len(levels) // 2]
    assert int(middle.argmax()) == bin_number
    assert level_db(int(middle[bin_number])) == pytest.approx(db, abs=0.5)


def test_the_loudest_channel_counts_and_silence_is_the_lowest_level():
    wave = np.concatenate([sine(3_000, 0.01), sine(3_000, 0.5), 0 * sine(3_000, 1.0)])
    together = stem_levels(wave, None, 2048, 512, 1)
    np.testing.assert_array_equal(together, stem_levels(wave[1:2], None, 2048, 512, 1))
    assert not stem_levels(wave[2:], None, 2048, 512, 1).any()


def test_a_column_of_several_frames_shows_the_loudest_of_them():
    click = np.zeros((1, 2048 * 8), dtype=np.float32)
    click[0, 5_000] = 1.0
    single = stem_levels(click, click, 2048, 128, 1)
    pooled = stem_levels(click, click, 2048, 128, 5)
    groups = np.arange(0, single.shape[1], 5)
    np.testing.assert_array_equal(pooled, np.maximum.reduceat(single, groups, axis=1))


def test_the_rest_is_what_the_drums_leave():
    tone, hit = sine(1_000, 0.3), sine(8_000, 0.2)
    mixture, drums, rest = stem_levels(tone + hit, hit, 2048, 512, 1)
    np.testing.assert_array_equal(drums, stem_levels(hit, None, 2048, 512, 1)[0])
    low = round(1_000 * 2048 / RATE)
    assert abs(int(rest[10, low]) - int(mixture[10, low])) <= 1
    share = drums_share(drums, rest)
    assert share[10, low] < 5
    assert share[10, round(8_000 * 2048 / RATE)] > 250


def test_the_share_of_amplitude_follows_from_two_levels():
    drums = np.array([[100, 100, 100, 0, 0, 200]], dtype=np.uint8)
    rest = np.array([[100, 112, 88, 0, 200, 0]], dtype=np.uint8)
    share = drums_share(drums, rest) / 255
    np.testing.assert_allclose(share, [[0.5, 0.334, 0.666, 0, 0, 1]], atol=0.004)


def test_paint_moves_a_share_as_it_moves_amplitude():
    share = np.array([0, 51, 128, 255], dtype=np.uint8)
    field = np.array([0.5, -1.0, 1.0, -0.5], dtype=np.float32)
    np.testing.assert_allclose(edited_share(share, field, 0.0), [128, 0, 255, 128], atol=1)
    still = np.zeros(4, dtype=np.float32)
    np.testing.assert_array_equal(edited_share(share, still, 0.0), share)
    less, more = edited_share(share, still, 1.0), edited_share(share, still, -1.0)
    assert less[2] == pytest.approx(64, abs=1)
    assert more[2] == pytest.approx(181, abs=1)


def test_a_painted_stem_reads_its_share_of_both():
    drums = np.array([160, 160, 0], dtype=np.uint8)
    rest = np.array([160, 60, 0], dtype=np.uint8)
    everything = level_of_share(drums, rest, np.full(3, 255, dtype=np.uint8))
    assert everything[0] == 160 + 12  # twice the amplitude is 6 dB
    assert everything[1] == 160
    assert everything[2] == 0
    half = level_of_share(drums, rest, np.full(3, 128, dtype=np.uint8))
    assert half[0] == 160
    assert not level_of_share(drums, rest, np.zeros(3, dtype=np.uint8)).any()
