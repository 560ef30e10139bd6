"""What returns at every hit is drums: the average of low hits, where they are alike."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.scores import sdr
from drumstudio.separators.hit_average import with_hit_average

RATE = 44_100
SECONDS = 20


def kick(rng=None):
    """Return a kick that falls in pitch; another one each time if there is a generator."""
    low, fall, decay = (50, 120, 12) if rng is None else rng.uniform([42, 20, 6], [95, 200, 30])
    time = np.arange(int(0.3 * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(low + fall * np.exp(-time * 40)) / RATE
    sign = 1 if rng is None else rng.choice([-1, 1])
    return sign * np.sin(phase + (0 if rng is None else rng.uniform(0, 6))) * np.exp(-time * decay)


def line(sounds, times):
    """Return sounds laid at times, float32 (2, samples)."""
    out = np.zeros(SECONDS * RATE + RATE)
    for sound, time in zip(sounds, times, strict=True):
        start = int(time * RATE)
        out[start : start + len(sound)] += sound
    return np.stack([out, 0.9 * out])[:, : SECONDS * RATE].astype(np.float32)


@pytest.fixture(scope="module")
def song():
    """Return mixture, drums and a masked estimate, whose kicks are all the same sample."""
    rng = np.random.default_rng(5)
    times = np.arange(0.1, SECONDS - 0.5, 0.5) + rng.uniform(-0.02, 0.02, 39)
    drums = 0.5 * line([kick()] * len(times), times)
    return _with_bass(drums)


@pytest.fixture(scope="module")
def song_of_other_hits():
    rng = np.random.default_rng(6)
    times = np.arange(0.1, SECONDS - 0.5, 0.5)
    drums = 0.5 * line([kick(rng) for _ in times], times)
    return _with_bass(drums)


def _with_bass(drums):
    rng = np.random.default_rng(7)
    notes = np.repeat(rng.uniform(40, 110, 2 * SECONDS + 2), RATE // 2)[: SECONDS * RATE]
    bass = 0.2 * np.sin(2 * np.pi * np.cumsum(notes) / RATE)
    bass = np.stack([bass, bass]).astype(np.float32)
    return drums + bass, drums, (0.6 * drums + 0.15 * bass).astype(np.float32)


def test_hits_that_are_alike_come_back_whole(song):
    mixture, drums, estimate = song
    before, after = sdr(drums, estimate), sdr(drums, with_hit_average(mixture, estimate, RATE, 0.7))
    assert after > before + 3.5
    half = with_hit_average(mixture, estimate, RATE, 0.35)
    assert before + 1 < sdr(drums, half) < after


def test_hits_that_differ_are_left_alone(song_of_other_hits):
    mixture, drums, estimate = song_of_other_hits
    after = with_hit_average(mixture, estimate, RATE, 0.7)
    assert sdr(drums, after) > sdr(drums, estimate) - 0.4


def test_another_songs_hits_are_no_help(song):
    """The negative control: an estimate whose hits lie elsewhere gains nothing."""
    mixture, drums, estimate = song
    moved = np.roll(estimate, RATE // 4, axis=1)
    after = with_hit_average(mixture, moved, RATE, 0.7)
    assert sdr(drums, after) < sdr(drums, moved) + 1


def test_only_lows_change(song):
    mixture, _, estimate = song
    change = with_hit_average(mixture, estimate, RATE, 0.7) - estimate
    power = np.square(np.abs(np.fft.rfft(change[0])))
    hertz = np.fft.rfftfreq(change.shape[1], 1 / RATE)
    assert power[hertz > 700].sum() < 1e-5 * power.sum()


def test_drums_alone_stay_as_they_are(song):
    _, drums, _ = song
    assert sdr(drums, with_hit_average(drums, 0.98 * drums, RATE, 0.7)) > 30


def test_what_leaks_from_a_bass_does_not_grow(song):
    mixture, drums, _ = song
    bass = mixture - drums
    leak = 0.05 * bass * (1 + np.sign(drums[:1]))  # that comes and goes as hits do
    after = with_hit_average(bass, leak, RATE, 0.7)
    assert np.square(after).sum() < 1.3 * np.square(leak).sum()


def test_loudness_and_number_of_channels_make_no_difference(song):
    mixture, _, estimate = song
    usual = with_hit_average(mixture, estimate, RATE, 0.7)
    quiet = with_hit_average(0.01 * mixture, 0.01 * estimate, RATE, 0.7)
    assert sdr(usual, 100 * quiet) > 60
    mono = with_hit_average(mixture[:1], estimate[:1], RATE, 0.7)
    assert mono.shape == (1, SECONDS * RATE)
    assert sdr(usual[:1], mono) > 15
    three = with_hit_average(*(np.concatenate([s, s[:1]]) for s in (mixture, estimate)), RATE, 0.7)
    assert np.isfinite(three).all()


def test_another_rate_gives_the_same_sound(song):
    mixture, drums, estimate = (part[:, ::2] for part in song)  # nothing above 350 Hz to fold
    before, after = sdr(drums, estimate), with_hit_average(mixture, estimate, RATE // 2, 0.7)
    assert sdr(drums, after) > before + 3.5


def test_nothing_to_average_gives_what_came(song):
    mixture, drums, estimate = song
    assert with_hit_average(mixture, estimate, RATE, 0.0) is estimate
    short = (mixture[:, :RATE], estimate[:, :RATE])
    assert with_hit_average(*short, RATE, 0.7) is short[1]
    six_hits = 0.6 * drums[:, : 3 * RATE]
    assert with_hit_average(mixture[:, : 3 * RATE], six_hits, RATE, 0.7) is six_hits
    nothing = np.zeros_like(estimate)
    assert with_hit_average(mixture, nothing, RATE, 0.7) is nothing


def test_what_is_given_is_not_written(song):
    given = [part.copy() for part in song]
    first = with_hit_average(given[0], given[2], RATE, 0.7)
    assert all((a == b).all() for a, b in zip(given, song, strict=True))
    assert (first == with_hit_average(given[0], given[2], RATE, 0.7)).all()
