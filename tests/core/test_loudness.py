"""Loudness agrees with pyloudnorm, and neither meter depends on how the sound is cut."""

import numpy as np
import pyloudnorm
import pytest

from drumstudio.core.loudness import LoudnessMeter, TruePeakMeter, k_weighting


def noise(channels, seconds, rate, seed=3):
    generator = np.random.default_rng(seed)
    samples = generator.standard_normal((channels, int(seconds * rate)))
    envelope = 0.05 + 0.3 * np.abs(np.sin(np.arange(samples.shape[1]) * 3 / rate))
    return (samples * envelope * 0.3).astype(np.float32)


def measure(meter, samples, block=4_096):
    for start in range(0, samples.shape[1], block):
        meter.add(samples[:, start : start + block])
    return meter


def lufs(samples, rate, block=4_096):
    return measure(LoudnessMeter(rate, len(samples)), samples, block).integrated_lufs()


def test_at_48_khz_the_filter_is_the_one_of_the_standard():
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285]
    shelf += [1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(k_weighting(48_000), [shelf, high_pass], atol=1e-12)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_loudness_agrees_with_pyloudnorm(rate, channels):
    song = noise(channels, 6.3, rate)
    song[:, rate : 2 * rate] *= 0.001  # a pause that the relative gate leaves out
    expected = pyloudnorm.Meter(rate).integrated_loudness(song.T.astype(np.float64))
    assert lufs(song, rate) == pytest.approx(expected, abs=0.1)


def test_a_reference_tone_reads_as_the_standard_says():
    # BS.1770-4: 997 Hz at full scale in one channel reads -3.01 LUFS.
    time = np.arange(48_000 * 3) / 48_000
    tone = np.sin(2 * np.pi * 997 * time).astype(np.float32)
    stereo = np.stack([tone, np.zeros_like(tone)])
    assert lufs(stereo, 48_000) == pytest.approx(-3.01, abs=0.02)


@pytest.mark.parametrize("block", [1, 7, 4_409, 4_410, 4_411, 100_000])
def test_loudness_does_not_depend_on_the_blocks(block):
    rate = 8_000 if block == 1 else 44_100
    song = noise(2, 1.7, rate)
    assert lufs(song, rate, block) == pytest.approx(lufs(song, rate, 5_000), abs=1e-9)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 32_000])
def test_a_rate_that_tenths_of_seconds_do_not_divide_does_not_drift(rate):
    # Below 20 kHz pyloudnorm's usual filter is another one near half the rate, by 0.17 LU for
    # white noise; its "DeMan" filter has the constants that ours has.
    song = noise(1, 20, rate)
    meter = pyloudnorm.Meter(rate, filter_class="DeMan")
    expected = meter.integrated_loudness(song.T.astype(np.float64))
    assert lufs(song, rate) == pytest.approx(expected, abs=0.05)


def test_the_low_effects_channel_of_surround_sound_does_not_count():
    song = noise(6, 2, 48_000)
    louder = song.copy()
    louder[3] *= 100
    assert lufs(song, 48_000) == lufs(louder, 48_000)


def test_there_is_no_loudness_of_what_is_short_silent_or_of_a_tiny_rate():
    assert lufs(noise(2, 0.39, 44_100), 44_100) is None
    assert lufs(np.zeros((2, 100_000), dtype=np.float32), 44_100) is None
    assert lufs(noise(2, 500, 100), 100) is None
    assert LoudnessMeter(44_100, 2).integrated_lufs() is None


@pytest.mark.parametrize("rate", [44_100, 96_000])
@pytest.mark.parametrize("block", [5, 1_000, 100_000])
def test_the_true_peak_between_two_samples_is_found(rate, block):
    # A quarter of the rate at 45 degrees: the samples miss the crest by 3.01 dB.
    tone = np.sin(np.pi / 2 * np.arange(2_000) + np.pi / 4)
    tone = (tone * np.hanning(2_000))[None].astype(np.float32)
    assert np.abs(tone).max() < 0.708
    peak = measure(TruePeakMeter(rate, 1), tone, block).peak()
    assert 20 * np.log10(peak) == pytest.approx(0.0, abs=0.05)


def test_the_true_peak_reads_high_tones_within_a_tenth_of_a_decibel():
    time = np.arange(44_100)
    tone = (np.sin(2 * np.pi * 0.45 * time + 0.3) * np.hanning(44_100))[None].astype(np.float32)
    peak = measure(TruePeakMeter(44_100, 1), tone).peak()
    assert 20 * np.log10(peak) == pytest.approx(0.0, abs=0.1)


def test_the_true_peak_of_the_last_sample_is_not_lost():
    samples = np.zeros((1, 500), dtype=np.float32)
    samples[0, -2:] = [1.0, 1.0]  # the crest lies between the two
    peak = measure(TruePeakMeter(44_100, 1), samples).peak()
    assert peak == pytest.approx(4 / np.pi, rel=0.02)


def test_the_true_peak_is_never_below_the_highest_sample():
    for rate in (8_000, 96_000, 192_000):
        song = noise(2, 0.2, rate)
        assert measure(TruePeakMeter(rate, 2), song).peak() >= np.abs(song).max()
    assert TruePeakMeter(44_100, 2).peak() == 0.0
