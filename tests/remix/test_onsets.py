"""Hits are found where they are struck, at any rate, and nowhere else."""

import numpy as np
import pytest

from drumstudio.jobs.job import no_checkpoint
from drumstudio.remix.onsets import FRAMES_PER_SECOND, onset_curve, pick_hits, place_hits
from tests.remix.clicks import Sound, click_song

TIMES = [0.2, 0.7, 0.95, 1.5, 1.62, 2.3, 3.1, 3.6]


def hits_of(samples, sample_rate):
    source = Sound(samples)
    curve = onset_curve(source, sample_rate, samples.shape[1], no_checkpoint)
    return place_hits(source, sample_rate, pick_hits(curve), no_checkpoint)


@pytest.mark.parametrize("sample_rate", [16_000, 22_050, 44_100, 48_000, 96_000])
def test_hits_are_found_within_two_milliseconds(sample_rate):
    hits = hits_of(click_song(TIMES, 4.0, sample_rate), sample_rate)
    assert len(hits) == len(TIMES)
    np.testing.assert_allclose(hits, TIMES, atol=0.002)


def test_a_tone_that_only_goes_on_has_no_hits_but_its_beginning():
    time = np.arange(3 * 44_100) / 44_100
    tone = np.where(time > 1.0, 0.3 * np.sin(2 * np.pi * 220 * time), 0.0).astype(np.float32)
    hits = hits_of(tone[None], 44_100)
    assert len(hits) == 1
    assert hits[0] == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize("samples", [0, 1, 500, 1_023, 5_000])
def test_silence_and_very_short_songs_have_no_hits(samples):
    silence = np.zeros((2, samples), dtype=np.float32)
    assert len(hits_of(silence, 44_100)) == 0


def test_a_song_longer_than_a_block_is_the_same_as_in_one_piece(monkeypatch):
    samples = click_song(np.arange(0.3, 9.0, 0.37), 9.0)
    whole = onset_curve(Sound(samples), 44_100, samples.shape[1], no_checkpoint)
    monkeypatch.setattr("drumstudio.remix.onsets._BLOCK_SECONDS", 2)
    blocks = onset_curve(Sound(samples), 44_100, samples.shape[1], no_checkpoint)
    np.testing.assert_allclose(blocks.strength, whole.strength, atol=1e-3)
    np.testing.assert_allclose(blocks.low, whole.low, atol=1e-3)
    assert len(whole.strength) == pytest.approx(9.0 * FRAMES_PER_SECOND, abs=2)


def test_bass_shows_in_the_low_curve_and_clicks_less():
    samples = click_song([1.0], 3.0, low=[2.0])
    low = onset_curve(Sound(samples), 44_100, samples.shape[1], no_checkpoint).low
    frame = round(2.0 * FRAMES_PER_SECOND)
    assert low[frame - 2 : frame + 3].max() == low.max()


def test_listening_can_be_stopped():
    class Stop(Exception):
        pass

    def stop(fraction, message):
        raise Stop

    with pytest.raises(Stop):
        onset_curve(Sound(click_song([1.0], 3.0)), 44_100, 3 * 44_100, stop)
