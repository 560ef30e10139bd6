"""What reaches a separator, and that the drums come back as they belong to the song."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.fed_song import FedSong, channel_groups, grouping_notes
from drumstudio.jobs.job import no_checkpoint
from tests.inference import stub_separators as stubs
from tests.inference.conftest import noise
from tests.inference.stub_separators import RATE


class Song:
    sample_rate = RATE

    def __init__(self, samples):
        self._samples = samples.astype(np.float32)
        self.channels, self.samples = samples.shape

    def read(self, start, count):
        out = np.zeros((self.channels, count), np.float32)
        first, last = max(start, 0), min(start + count, self.samples)
        if first < last:
            out[:, first - start : last - start] = self._samples[:, first:last]
        return out


def music(channels=2, seconds=4, level=0.1, seed=1):
    samples = np.random.default_rng(seed).standard_normal((channels, seconds * RATE)) * level
    return (samples - samples.mean(axis=1, keepdims=True)).astype(np.float32)


def fed(samples, speakers=0, taken=2):
    return FedSong(Song(samples), speakers, taken, no_checkpoint)


def test_an_ordinary_song_is_fed_bit_for_bit():
    song = music()
    there = fed(song)
    np.testing.assert_array_equal(there.read(-10, 500)[:, 10:], song[:, :490])
    np.testing.assert_array_equal(there.restored(song), song)
    assert there.groups == [[0, 1]]
    assert there.notes == []


@pytest.mark.parametrize("offset", [0.02, -0.5])
def test_a_constant_reaches_no_separator_and_stays_in_the_rest(offset):
    song = music()
    song[1] += np.float32(offset)
    there = fed(song)
    heard = there.read(-5, song.shape[1] + 10)
    np.testing.assert_allclose(heard[1, 5:-5].mean(), 0, atol=1e-6)
    assert np.abs(heard[:, :5]).max() == np.abs(heard[:, -5:]).max() == 0  # nothing is outside
    np.testing.assert_array_equal(heard[0, 5:-5], song[0])
    assert "offset" in there.notes[0]


def test_the_mean_of_a_short_low_tone_is_no_constant():
    tone = np.sin(2 * np.pi * 20.3 * np.arange(RATE) / RATE)[None].repeat(2, 0)
    np.testing.assert_array_equal(fed(tone).read(0, RATE), tone.astype(np.float32))


def test_what_plays_beside_a_silent_channel_is_heard_on_both():
    for noise_level in (0.0, 1e-6):
        song = music()
        song[1] = music(1, level=noise_level, seed=2)[0] + np.float32(0.25)
        there = fed(song)
        assert there.groups == [[0, 0]]
        np.testing.assert_array_equal(there.read(0, 900), song[[0, 0], :900])
        back = there.restored(np.ones((2, 10), np.float32))
        assert (back[0] == 1).all()
        assert (back[1] == 0).all()


def test_a_quiet_channel_is_not_a_silent_one():
    song = music()
    song[1] *= 1e-3
    assert fed(song).groups == [[0, 1]]


def test_silence_is_fed_to_nothing():
    there = fed(np.zeros((2, RATE)))
    assert there.groups == []
    assert np.abs(there.restored(np.ones((2, 5), np.float32))).max() == 0


def test_equal_channels_stay_equal():
    song = music(1).repeat(2, 0)
    there = fed(song)
    assert there.groups == [[0, 0]]
    given = np.stack([np.ones(5), np.zeros(5)]).astype(np.float32)
    assert (there.restored(given) == 1).all()
    other = song.copy()
    other[1, 100] += 1e-3
    assert fed(other).groups == [[0, 1]]


@pytest.mark.parametrize("level_db", [-100, -60, -40, 20])
def test_a_level_that_was_not_trained_for_is_changed_by_steps_that_lose_no_bit(level_db):
    song = music(level=10 ** (level_db / 20))
    there = fed(song)
    heard = there.read(0, song.shape[1])
    assert 2.0**-4 < np.sqrt(np.mean(heard[0] ** 2)) * 1.01 < 2.0**-2.9
    np.testing.assert_array_equal(there.restored(heard), song)


def test_each_pair_has_a_level_of_its_own():
    song = music(4)
    song[2:] *= 1e-3
    there = fed(song, speakers=0x33)
    assert there.groups == [[0, 1], [2, 3]]
    heard = there.read(0, song.shape[1])
    np.testing.assert_array_equal(heard[:2], song[:2])
    assert np.abs(heard[2:]).max() > 100 * np.abs(song[2:]).max()
    np.testing.assert_array_equal(there.restored(heard), song)


def test_channels_go_together_by_what_they_are_for():
    assert channel_groups(6, 2, 0x3F) == [[0, 1], [2, 2], [3, 3], [4, 5]]
    assert channel_groups(4, 2, 0) == [[0, 0], [1, 1], [2, 2], [3, 3]]
    assert grouping_notes(6, 2, 0x3F, ("FL", "FR", "FC", "LFE", "BL", "BR")) == [
        "6 channels: separated as FL+FR, FC, LFE, BL+BR."
    ]
    assert grouping_notes(4, 2, 0, ()) == ["4 channels: each separated on its own."]
    assert grouping_notes(2, 2, 0, ()) == []


def summed(self, mixture):
    """Give each channel the mean of what it came with, so that pairs are seen."""
    return mixture.mean(dim=1, keepdim=True).repeat(1, mixture.shape[1], 1)


@pytest.mark.parametrize("speakers", [0x3F, 0])
def test_the_job_pairs_by_the_song_s_speakers(bench, monkeypatch, speakers):
    song = music(6)
    with WavWriter(bench.folder / "mixture.wav", RATE, 6, speakers) as writer:
        writer.write(song)
    monkeypatch.setattr(stubs.Stub, "separate", summed)
    bench.run(stubs.Stub)
    drums = bench.drums()
    for group in channel_groups(6, 2, speakers):
        for channel in set(group):
            np.testing.assert_allclose(drums[channel], song[group].mean(axis=0), atol=1e-6)


def test_the_job_puts_offset_level_and_silence_right(bench):
    song = music(level=1e-3)
    song[1] = 0.5
    bench.write_song(song)
    result = bench.run(stubs.Identity, preview=str(bench.folder / "preview.wav"))
    drums = bench.drums()
    np.testing.assert_array_equal(drums[0], song[0])
    assert np.abs(drums[1]).max() == 0
    assert any("offset" in note for note in result["notes"])
    with WavReader(bench.folder / "drums.wav") as reader:
        assert reader.samples == song.shape[1]


@pytest.mark.parametrize("kind", ["equal", "silent"])
def test_what_refines_sees_every_channel_as_it_was_fed(bench, monkeypatch, kind):
    song = music(1).repeat(2, 0)
    if kind == "silent":
        song[1] = 0
    seen = []

    def refine(self, mixture, drums):
        seen.append((mixture.copy(), drums.copy()))
        return drums

    monkeypatch.setattr(stubs.Identity, "refined_samples", 4 * RATE, raising=False)
    monkeypatch.setattr(stubs.Identity, "refine", refine, raising=False)
    bench.write_song(song)
    bench.run(stubs.Identity)
    for mixture, drums in seen:
        np.testing.assert_array_equal(mixture, drums)
        np.testing.assert_array_equal(mixture[0], mixture[1])
    np.testing.assert_array_equal(bench.drums(), song)


def test_without_that_a_constant_would_be_in_the_drums(bench, monkeypatch):
    """The control."""
    monkeypatch.setattr("drumstudio.inference.fed_song._OFFSET_SHARE", 1e9)
    song = noise(2 * RATE) + np.float32(0.5)
    bench.write_song(song)
    bench.run(stubs.Identity)
    assert bench.drums().mean() == pytest.approx(0.5, abs=0.02)
