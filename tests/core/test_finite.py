import numpy as np
import pytest

from drumstudio.core.finite import silence_non_finite


@pytest.mark.parametrize("damage", [np.nan, np.inf, -np.inf, 3e38, -1e30])
def test_what_is_no_sound_becomes_silence_and_is_counted(damage):
    samples = np.full((2, 5), 0.5, dtype=np.float32)
    samples[1, 3] = damage
    samples[0, 0] = damage
    assert silence_non_finite(samples) == 2
    assert samples[1, 3] == samples[0, 0] == 0
    assert np.count_nonzero(samples) == 8


def test_loud_samples_are_left_alone():
    samples = np.array([[0.0, -1.5, 1e20]], dtype=np.float32)
    kept = samples.copy()
    assert silence_non_finite(samples) == 0
    np.testing.assert_array_equal(samples, kept)
