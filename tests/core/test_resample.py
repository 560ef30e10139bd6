"""Resampling in blocks: exact length, no offset, the same bits whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from drumstudio.core.resample import StreamResampler, resample, resampled_length


def tone(rate: int, samples: int) -> np.ndarray:
    """Return a tone that fades in and out, (2, samples)."""
    time = np.arange(samples) / rate
    shape = np.sin(np.pi * np.arange(samples) / samples) ** 2
    return np.stack([np.sin(2 * np.pi * 440 * time), np.cos(2 * np.pi * 700 * time)]).astype(
        np.float32
    ) * shape.astype(np.float32)


RATES = [(44_100, 48_000), (48_000, 44_100), (96_000, 44_100), (44_100, 192_000), (22_050, 44_101)]


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_it_is_soxr_s_and_comes_back(from_rate, to_rate):
    sound = tone(from_rate, 30_011)
    there = resample(sound, from_rate, to_rate)
    assert there.dtype == np.float32
    assert there.shape == (2, resampled_length(30_011, from_rate, to_rate))
    expected = soxr.resample(sound.T, from_rate, to_rate, quality="VHQ").T
    length = min(there.shape[1], expected.shape[1])
    np.testing.assert_allclose(there[:, :length], expected[:, :length], atol=1e-6)
    back = resample(there, to_rate, from_rate)[:, :30_011]
    np.testing.assert_allclose(back, sound[:, : back.shape[1]], atol=2e-6)


def test_the_same_rate_is_the_same_array():
    sound = tone(44_100, 100)
    assert resample(sound, 44_100, 44_100) is sound


@given(
    blocks=st.lists(st.integers(0, 9_000), min_size=1, max_size=8),
    rates=st.sampled_from(RATES),
)
@settings(max_examples=25)
def test_the_blocks_do_not_matter(blocks, rates):
    sound = tone(rates[0], max(sum(blocks), 1))
    length = resampled_length(sound.shape[1], *rates)
    stream = StreamResampler(*rates, 2, length)
    ends = np.cumsum([0, *blocks])
    parts = [stream.push(sound[:, a:b]) for a, b in zip(ends, ends[1:], strict=False)]
    parts.append(stream.push(sound[:, ends[-1] :]))
    parts.append(stream.finish())
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), resample(sound, *rates))


@pytest.mark.parametrize("samples", [0, 1, 2, 100])
@pytest.mark.parametrize(("from_rate", "to_rate"), [(1, 8_000), (768_000, 8_000), (8_000, 1)])
def test_odd_rates_and_stumps_have_the_exact_length(samples, from_rate, to_rate):
    out = resample(np.ones((3, samples), dtype=np.float32), from_rate, to_rate)
    assert out.shape == (3, resampled_length(samples, from_rate, to_rate))
    assert np.isfinite(out).all()


def test_lengths_are_rounded_half_up():
    assert [resampled_length(n, 2, 1) for n in range(5)] == [0, 1, 1, 2, 2]


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match="rates must be positive"):
        resample(tone(44_100, 10), 44_100, 0)
