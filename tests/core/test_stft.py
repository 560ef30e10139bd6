"""The STFT and its way back."""

from __future__ import annotations

import warnings

import librosa
import numpy as np
import pytest

from drumstudio.core.stft import edit_sizes, hann, istft, stft


def noise(samples: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((channels, samples)).astype(np.float32)


@pytest.mark.parametrize(("n_fft", "hop_length"), [(4096, 1024), (2048, 512), (64, 64), (6, 2)])
@pytest.mark.parametrize("samples", [1, 63, 5_000, 20_001])
def test_it_is_librosa_s(n_fft, hop_length, samples):
    sound = noise(samples)
    spectrum = stft(sound, n_fft, hop_length)
    assert spectrum.dtype == np.complex64
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa's, that n_fft is longer than the sound
        expected = librosa.stft(sound, n_fft=n_fft, hop_length=hop_length)
    assert spectrum.shape == expected.shape
    np.testing.assert_allclose(spectrum, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("n_fft", "hop_length"), [(4096, 1024), (2048, 512), (256, 32)])
@pytest.mark.parametrize("samples", [1, 255, 5_000, 20_001])
def test_there_and_back_changes_nothing(n_fft, hop_length, samples):
    sound = noise(samples, 1)
    back = istft(stft(sound, n_fft, hop_length), hop_length, samples)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, sound, atol=3e-6)


def test_a_stretch_from_the_middle_has_the_bits_of_the_whole():
    sound = noise(40_000)
    whole = istft(stft(sound, 1024, 256), 256, 40_000)
    part = sound[:, 256 * 20 : 256 * 80]
    inner = istft(stft(part, 1024, 256), 256, part.shape[1])
    np.testing.assert_array_equal(inner[:, 2_048:-2_048], whole[:, 7_168 : 256 * 80 - 2_048])


def test_a_longer_way_back_ends_in_zeros():
    back = istft(stft(noise(1_000), 256, 64), 64, 3_000)
    assert back.shape == (2, 3_000)
    assert not back[:, 1_200:].any()


def test_the_window_is_periodic():
    window = hann(8)
    assert window.dtype == np.float32
    np.testing.assert_allclose(window + np.roll(window, 4), 1.0, atol=1e-7)


@pytest.mark.parametrize(
    ("rate", "n_fft"),
    [(1, 64), (8_000, 512), (44_100, 2_048), (48_000, 2_048), (96_000, 4_096), (192_000, 8_192)],
)
def test_the_edit_stft_is_about_46_ms_long(rate, n_fft):
    assert edit_sizes(rate) == (n_fft, n_fft // 4)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="1000 and 300"):
        stft(noise(10), 1_000, 300)
    with pytest.raises(ValueError, match="sample_rate"):
        edit_sizes(0)
