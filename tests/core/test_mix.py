"""The mixer: exact sums, gains that never click, and a render that is what is heard."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumstudio.core.mix import (
    SILENT_DB,
    Mixer,
    TrackMix,
    is_audible,
    pan_gains,
    render,
    to_stereo,
    track_gains,
)


class Sound:
    """A source in memory."""

    def __init__(self, samples):
        self.samples = samples

    def read(self, start, count):
        out = np.zeros((self.samples.shape[0], count), dtype=np.float32)
        first, last = max(start, 0), min(start + count, self.samples.shape[1])
        if first < last:
            out[:, first - start : last - start] = self.samples[:, first:last]
        return out


def noise(channels=2, samples=10_000, seed=3):
    generator = np.random.default_rng(seed)
    return (0.2 * generator.standard_normal((channels, samples))).astype(np.float32)


def rendered(sources, tracks, start=0, stop=10_000):
    return np.concatenate(list(render([Sound(s) for s in sources], tracks, start, stop)), axis=1)


def test_one_track_at_unity_keeps_every_bit():
    song = noise()
    np.testing.assert_array_equal(rendered([song], [TrackMix()]), song)


def test_drums_and_rest_at_unity_null_against_the_mixture():
    mixture, drums = noise(seed=1), noise(seed=2)
    rest = mixture - drums
    both = rendered([drums, rest], [TrackMix(), TrackMix()])
    assert np.abs(both - mixture).max() <= 2e-7


def test_a_solo_is_that_track_alone():
    drums, rest = noise(seed=1), noise(seed=2)
    np.testing.assert_array_equal(rendered([drums, rest], [TrackMix(solo=True), TrackMix()]), drums)


def test_a_solo_safe_track_is_heard_beside_a_solo():
    gains = track_gains([TrackMix(solo=True), TrackMix(), TrackMix(solo_safe=True)])
    assert gains[:, 0].tolist() == [1.0, 0.0, 1.0]


def test_mute_wins_over_solo():
    tracks = [TrackMix(mute=True, solo=True), TrackMix()]
    assert not track_gains(tracks).any()
    assert not is_audible(tracks)
    assert is_audible([TrackMix()])


def test_the_lower_end_of_a_fader_is_silence():
    assert not track_gains([TrackMix(gain_db=SILENT_DB)]).any()
    assert not is_audible([TrackMix(gain_db=-math.inf)])


@pytest.mark.parametrize("wrong", [{"gain_db": 25.0}, {"gain_db": math.nan}, {"pan": 1.1}])
def test_gains_and_pans_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        TrackMix(**wrong)


@given(st.floats(-1.0, 1.0))
def test_the_pan_never_changes_the_power(pan):
    left, right = pan_gains(pan)
    assert left**2 + right**2 == pytest.approx(2.0)
    assert (right, left) == pytest.approx(pan_gains(-pan))


def test_a_track_panned_to_one_end_is_exactly_silent_at_the_other():
    assert pan_gains(1.0)[0] == 0.0
    assert pan_gains(-1.0)[1] == 0.0


def test_a_change_of_gain_has_no_step_and_arrives_within_a_block():
    mixer, loud = Mixer(1), track_gains([TrackMix()])
    song = np.ones((2, 512), dtype=np.float32)
    blocks = [np.empty((2, 512), dtype=np.float32) for _ in range(3)]
    mixer.jump(loud)
    for block, gains in zip(blocks, (loud, 0 * loud, 0 * loud), strict=True):
        mixer.mix_into(block, song[None], gains)
    heard = np.concatenate(blocks, axis=1)
    assert np.abs(np.diff(heard)).max() < 1.01 / 512
    np.testing.assert_array_equal(blocks[0], 1.0)
    np.testing.assert_array_equal(blocks[2], 0.0)
    # The control: the same change without a ramp is a full step.
    mixer.jump(loud)
    mixer.mix_into(blocks[0], song[None], loud)
    mixer.jump(0 * loud)
    mixer.mix_into(blocks[1], song[None], 0 * loud)
    assert np.abs(np.diff(np.concatenate(blocks[:2], axis=1))).max() == 1.0


def test_a_track_that_fades_out_is_still_needed_and_then_no_more():
    mixer, loud = Mixer(2), track_gains([TrackMix(), TrackMix()])
    mixer.jump(loud)
    only_first = track_gains([TrackMix(), TrackMix(mute=True)])
    assert mixer.needed(only_first) == [True, True]
    out = np.empty((2, 16), dtype=np.float32)
    mixer.mix_into(out, np.stack([noise(samples=16)] * 2), only_first)
    assert mixer.needed(only_first) == [True, False]


@pytest.mark.parametrize("size", [3, 512, 4_096, 10_000])
def test_the_size_of_a_block_does_not_change_a_bit(size):
    tracks = [TrackMix(gain_db=-3.3, pan=0.3), TrackMix(pan=-1.0), TrackMix(gain_db=5.0)] * 7
    songs = [noise(seed=1), noise(1, seed=2), noise(6, seed=3)]
    songs += [noise(seed=4 + number) for number in range(18)]
    gains = track_gains(tracks)
    mixer = Mixer(21)
    mixer.jump(gains)
    parts = []
    for start in range(0, 10_000, size):
        out = np.empty((2, min(size, 10_000 - start)), dtype=np.float32)
        stop = start + out.shape[1]
        blocks = np.stack([to_stereo(song[:, start:stop]) for song in songs])
        mixer.mix_into(out, blocks, gains)
        parts.append(out)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), rendered(songs, tracks))


def test_a_render_may_begin_before_and_end_after_the_song():
    song = noise(samples=100)
    out = rendered([song], [TrackMix()], -10, 120)
    np.testing.assert_array_equal(out[:, 10:110], song)
    assert not out[:, :10].any()
    assert not out[:, 110:].any()
    assert list(render([Sound(song)], [TrackMix()], 5, 5)) == []


def test_a_render_needs_a_track_for_every_source():
    with pytest.raises(ValueError, match="2 sources need as many tracks, got 1"):
        next(render([Sound(noise()), Sound(noise())], [TrackMix()], 0, 1))


@pytest.mark.parametrize("channels", range(1, 13))
def test_any_number_of_channels_becomes_stereo_and_stays_linear(channels):
    drums, rest = noise(channels, 50, seed=4), noise(channels, 50, seed=5)
    assert to_stereo(drums).shape == (2, 50)
    np.testing.assert_allclose(
        to_stereo(drums) + to_stereo(rest), to_stereo(drums + rest), atol=1e-6
    )
    if channels > 2:
        assert np.abs(to_stereo(np.ones((channels, 1), dtype=np.float32))).max() < 3.5


def test_mono_goes_to_both_sides_and_the_low_frequency_channel_to_none():
    one = noise(1, 9)
    np.testing.assert_array_equal(to_stereo(one), np.concatenate([one, one]))
    low = np.zeros((6, 9), dtype=np.float32)
    low[3] = 1.0
    assert not to_stereo(low, 0x3F).any()


def test_speakers_go_where_they_stand_and_microphones_are_all_heard():
    one = np.eye(5, dtype=np.float32)[:, :, None]  # a song each in which one channel plays
    front = [to_stereo(song, 0x607)[:, 0] for song in one]  # front, centre, sides
    half = np.float32(np.sqrt(0.5))
    np.testing.assert_array_equal(front, [[1, 0], [0, 1], [half, half], [half, 0], [0, half]])
    for song in one:
        assert to_stereo(song).any()
    left_and_centre = np.ones((2, 1), dtype=np.float32)
    np.testing.assert_allclose(to_stereo(left_and_centre, 0x5)[:, 0], [1 + half, half])


def test_levels_of_a_known_sine_are_right_and_an_over_is_seen():
    time = np.arange(44_100) / 44_100
    sine = np.stack([0.5 * np.sin(2 * np.pi * 441 * time), 0 * time]).astype(np.float32)
    mixer, gains = Mixer(2), track_gains([TrackMix(), TrackMix(gain_db=6.0206)])
    mixer.jump(gains)
    out = np.empty_like(sine)
    levels = mixer.mix_into(out, np.stack([sine, sine]), gains)
    np.testing.assert_allclose(levels.peak[:, 0], [0.5, 1.0, 1.5], rtol=1e-4)
    np.testing.assert_allclose(levels.mean_square[:, 0], [0.125, 0.5, 1.125], rtol=1e-3)
    assert not levels.peak[:, 1].any()
    assert levels.over
    assert not mixer.mix_into(out, np.stack([sine, 0 * sine]), 0.5 * gains).over


def test_a_meter_shows_how_far_a_block_goes_below_zero_too():
    mixer, gains = Mixer(1), track_gains([TrackMix()])
    mixer.jump(gains)
    block = np.float32([[[-0.25, -0.75, 0.5]], [[-2.0, -1.0, -0.5]]]).reshape(1, 2, 3)
    levels = mixer.mix_into(np.empty((2, 3), dtype=np.float32), block, gains)
    np.testing.assert_array_equal(levels.peak, [[0.75, 2.0], [0.75, 2.0]])
    assert levels.over


def test_an_empty_block_is_mixed_too():
    mixer = Mixer(1)
    out = np.empty((2, 0), dtype=np.float32)
    assert not mixer.mix_into(out, out[None], np.ones((1, 2), dtype=np.float32)).peak.any()
    assert mixer.gains.all()
