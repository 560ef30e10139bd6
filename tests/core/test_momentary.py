"""The meter's loudness is that of the standard, without its filter."""

import numpy as np
import pytest

from drumstudio.core.loudness import LoudnessMeter
from drumstudio.core.momentary import MomentaryLoudness


def readings(samples, sample_rate, block=512):
    meter = MomentaryLoudness(sample_rate)
    values = (
        meter.add(samples[:, start : start + block]) for start in range(0, samples.shape[1], block)
    )
    return [value for value in values if value is not None]


def sine(hertz, decibels, sample_rate, seconds=2.0):
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    wave = 10 ** (decibels / 20) * np.sin(2 * np.pi * hertz * time)
    return np.stack([wave, wave]).astype(np.float32)


def pink(sample_rate, seconds=4):
    generator = np.random.default_rng(9)
    count = int(seconds * sample_rate)
    spectrum = np.fft.rfft(generator.standard_normal((2, count)))
    spectrum[:, 1:] /= np.sqrt(np.arange(1, spectrum.shape[1]))
    spectrum[:, 0] = 0.0
    wave = np.fft.irfft(spectrum, count)
    return (0.1 * wave / wave.std()).astype(np.float32)


@pytest.mark.parametrize("sample_rate", [22_050, 44_100, 48_000, 96_000])
def test_the_reference_tone_reads_minus_23(sample_rate):
    values = readings(sine(1_000.0, -23.0, sample_rate), sample_rate)
    assert len(values) == 20
    np.testing.assert_allclose(values[3:], -23.0, atol=0.1)


@pytest.mark.parametrize("hertz", [40.0, 100.0, 500.0, 3_000.0, 10_000.0])
def test_other_tones_read_what_the_filter_reads(hertz):
    tone = sine(hertz, -20.0, 48_000, seconds=4.0)
    reference = LoudnessMeter(48_000, 2)
    reference.add(tone)
    assert np.mean(readings(tone, 48_000)[4:]) == pytest.approx(
        reference.integrated_lufs(), abs=0.1
    )


def test_pink_noise_reads_what_the_filter_reads():
    noise = pink(48_000)
    reference = LoudnessMeter(48_000, 2)
    reference.add(noise)
    assert np.mean(readings(noise, 48_000)[4:]) == pytest.approx(
        reference.integrated_lufs(), abs=0.1
    )


def test_silence_and_the_lowest_rates_have_a_reading_or_none():
    assert set(readings(np.zeros((2, 48_000), dtype=np.float32), 48_000)) == {-70.0}
    assert readings(sine(100.0, 0.0, 4_000), 4_000) == []


def test_the_size_of_the_blocks_does_not_matter():
    noise = pink(44_100, seconds=1)
    np.testing.assert_allclose(readings(noise, 44_100, 512), readings(noise, 44_100, 77), rtol=1e-6)
