"""What the feeder puts into the ring is the mix, to the bit, and never has a step in it."""

import numpy as np
import pytest

from drumstudio.core.errors import AudioOpenError
from drumstudio.core.mix import TrackMix, render, track_gains
from drumstudio.playback.feeder import Feeder, Program
from drumstudio.playback.ring import Ring
from tests.playback.sounds import RATE, Sound, constant, noise

BLOCK = RATE // 86


def program(songs, tracks=None, **other):
    sources = tuple(Sound(song) for song in songs)
    gains = track_gains(tracks or [TrackMix()] * len(songs))
    return Program(sources, gains, other.pop("rate", RATE), songs[0].shape[1], **other)


def changed(before, **other):
    values = {
        name: other.get(name, getattr(before, name))
        for name in ("sources", "gains", "sample_rate", "samples", "loop", "volume", "version")
    }
    return Program(**values)


def heard(feeder, ring, samples):
    """Return the next samples from the ring, shape (channels, at most `samples`)."""
    parts = []
    left = samples
    while left:
        feeder.fill()
        out = np.empty((min(left, 256, ring.written - ring.read), ring.channels), np.float32)
        if not len(out):
            assert ring.ended
            break
        ring.read_into(out)
        parts.append(out)
        left -= len(out)
    return np.concatenate(parts).T if parts else np.zeros((ring.channels, 0), np.float32)


def playing(of, start=0, stop=None, rate=RATE, channels=2, capacity=2_048):
    ring = Ring(capacity, channels)
    return Feeder(ring, rate, of, start, stop), ring


def largest_step(samples):
    return np.abs(np.diff(samples, axis=1)).max()


def test_what_is_heard_is_what_an_export_writes_bit_for_bit():
    tracks = [TrackMix(gain_db=-2.5, pan=-0.4), TrackMix(gain_db=3.0), TrackMix(mute=True)]
    mix = program([noise(seed=1), noise(seed=2), noise(seed=3)], tracks)
    feeder, ring = playing(mix)
    export = np.concatenate(list(render(mix.sources, tracks, 0, mix.samples)), axis=1)
    np.testing.assert_array_equal(heard(feeder, ring, 10**6), export)
    assert ring.ended
    assert feeder.position == mix.samples


def test_after_the_fade_of_a_start_in_the_middle_too():
    mix = program([noise()])
    feeder, ring = playing(mix, start=10_000)
    out = heard(feeder, ring, 10**6)
    np.testing.assert_array_equal(out[:, BLOCK:], mix.sources[0].samples[:, 10_000 + BLOCK :])
    assert np.abs(out[:, 0]).max() < 0.01


def test_a_loop_comes_back_to_the_sample():
    song = noise(20_000)
    feeder, ring = playing(program([song], loop=(5_003, 7_777)))
    expected = np.concatenate([song[:, :7_777], *[song[:, 5_003:7_777]] * 3], axis=1)
    np.testing.assert_array_equal(heard(feeder, ring, expected.shape[1]), expected)


@pytest.mark.parametrize("length", [1, 2, 100, 511, 512, 513])
def test_a_very_short_loop_is_exact_too(length):
    song = noise(2_000)
    feeder, ring = playing(program([song], loop=(0, length)))
    expected = np.tile(song[:, :length], 3_000 // length + 1)[:, :3_000]
    np.testing.assert_array_equal(heard(feeder, ring, 3_000), expected)


@pytest.mark.parametrize("length", [900, 20_000])
def test_sources_that_sound_different_are_heard_within_the_ring_and_a_block(length):
    of = program([constant(0.1)], loop=(5_000, 5_000 + length))
    feeder, ring = playing(of, 5_000)
    heard(feeder, ring, 10_000)
    of.sources[0].samples *= 2
    feeder.program = changed(of, version=1)
    assert np.allclose(heard(feeder, ring, ring.capacity + BLOCK + 4_000)[:, -4_000:], 0.2)


def test_leaving_the_loop_goes_on_to_the_end():
    song = noise(20_000)
    mix = program([song], loop=(1_000, 6_000))
    feeder, ring = playing(mix)
    before = heard(feeder, ring, 5_500)
    feeder.program = changed(mix, loop=None)
    out = np.concatenate([before, heard(feeder, ring, 10**6)], axis=1)
    if out.shape[1] > 20_000:  # the ring had gone round already
        again = out.shape[1] - 20_000
        assert again == 5_000
        np.testing.assert_array_equal(out[:, 6_000:], song[:, 1_000:])
    else:
        np.testing.assert_array_equal(out, song)


def test_a_place_behind_the_loop_plays_to_the_end():
    song = noise(20_000)
    feeder, ring = playing(program([song], loop=(1_000, 2_000)), start=19_000)
    assert heard(feeder, ring, 10**6).shape[1] == 1_000


def test_original_and_stems_change_places_without_a_gap():
    mixture, drums = noise(seed=1), noise(seed=2)
    songs = [mixture, drums, mixture - drums]
    original = np.array([[1, 1], [0, 0], [0, 0]], dtype=np.float32)
    stems = 1 - original
    mix = changed(program(songs), gains=original)
    feeder, ring = playing(mix)
    parts = [heard(feeder, ring, 7_001)]
    feeder.program = changed(mix, gains=stems)
    parts.append(heard(feeder, ring, 9_001))
    feeder.program = mix
    parts.append(heard(feeder, ring, 9_001))
    out = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(out, mixture[:, : out.shape[1]], atol=3e-7)


def test_a_solo_is_heard_within_the_ring_and_a_block():
    mix = program([constant(0.25), constant(0.5)])
    feeder, ring = playing(mix)
    heard(feeder, ring, 5_000)
    feeder.program = changed(mix, gains=track_gains([TrackMix(solo=True), TrackMix()]))
    out = heard(feeder, ring, 6_000)
    arrived = int(np.flatnonzero(out[0] == 0.25)[0])
    assert arrived / RATE <= 0.06
    assert largest_step(out) < 1.1 * 0.5 / BLOCK


def test_a_seek_fades_out_and_in():
    song = np.concatenate([constant(1.0, 20_000), constant(-1.0, 20_000)], axis=1)
    feeder, ring = playing(program([song]))
    parts = [heard(feeder, ring, 5_000)]
    feeder.seek(30_000)
    parts.append(heard(feeder, ring, 10**6))
    out = np.concatenate(parts, axis=1)
    assert largest_step(out) < 1.1 / BLOCK
    assert out[0, -1] == -1.0
    turn = int(np.flatnonzero(out[0] < 0)[0])
    assert out.shape[1] - turn == pytest.approx(10_000, abs=1)
    # The control: a jump without a fade is a step of 2.
    assert largest_step(song) == 2.0


def test_the_song_s_own_beginning_has_no_fade():
    feeder, ring = playing(program([constant()]), start=20_000)
    heard(feeder, ring, 4_000)
    feeder.seek(0)
    out = heard(feeder, ring, 30_000)
    silence = int(np.flatnonzero(out[0] == 0.0)[0])
    np.testing.assert_array_equal(out[:, silence + 1 :], 1.0)


def test_a_pause_fades_out_and_says_where_to_go_on():
    feeder, ring = playing(program([constant()]))
    heard(feeder, ring, 5_000)
    feeder.fade_out()
    out = heard(feeder, ring, 10**6)
    assert ring.ended
    assert largest_step(out) < 1.1 / BLOCK
    assert out[0, -1] == 0.0
    assert feeder.position == 5_000 + out.shape[1]


def test_a_seek_takes_a_pause_back():
    feeder, ring = playing(program([constant()]))
    heard(feeder, ring, 5_000)
    feeder.fade_out()
    feeder.seek(30_000)
    out = heard(feeder, ring, 10**6)
    assert out[0, -1] == 1.0


def test_stopping_short_of_the_end_does_not_click():
    feeder, ring = playing(program([constant()]), stop=9_999)
    out = heard(feeder, ring, 10**6)
    assert out.shape[1] == 9_999
    assert out[0, -1] == 0.0
    assert largest_step(out) < 1.1 / (9_999 % BLOCK)


def test_other_sources_follow_where_the_old_ones_were():
    first, second = program([constant(0.5)]), program([constant(0.25), constant(0.25)])
    feeder, ring = playing(first)
    heard(feeder, ring, 5_000)
    assert feeder.current is first
    feeder.program = second
    out = heard(feeder, ring, 10**6)
    assert feeder.current is second
    assert 5_000 + out.shape[1] == RATE
    assert largest_step(out) < 1.1 / BLOCK
    assert out[0, -1] == 0.5


def test_a_song_without_samples_or_tracks_ends_at_once():
    for nothing in (program([noise(0)]), Program((), np.zeros((0, 2), np.float32), RATE, 0)):
        feeder, ring = playing(nothing)
        assert heard(feeder, ring, 100).shape[1] == 0
        assert ring.ended


def test_muted_tracks_give_silence_of_the_song_s_length():
    feeder, ring = playing(program([noise()], [TrackMix(mute=True)]))
    out = heard(feeder, ring, 10**6)
    assert out.shape[1] == RATE
    assert not out.any()


def test_the_monitor_volume_is_behind_the_meters():
    mix = program([constant(0.5)], volume=0.5)
    feeder, ring = playing(mix)
    assert (heard(feeder, ring, 5_000) == 0.25).all()
    assert feeder.take_heard(5_000).levels.peak[-1].tolist() == [0.5, 0.5]
    feeder.program = changed(mix, volume=1.0)
    out = heard(feeder, ring, 5_000)
    assert largest_step(out) < 1.1 * 0.25 / BLOCK
    assert out[0, -1] == 0.5


def test_a_mono_device_gets_the_middle():
    song = np.stack([constant(0.5)[0], constant(0.25)[0]])
    feeder, ring = playing(program([song]), channels=1)
    assert (heard(feeder, ring, 3_000) == 0.375).all()


def test_the_position_heard_follows_seeks_and_loops():
    song = noise(40_000)
    mix = program([song], loop=(1_000, 3_000))
    feeder, ring = playing(mix)
    heard(feeder, ring, 10_000)
    places = [feeder.position_of(n) for n in (0, 500, 2_999, 3_000, 4_999.5, 5_000, 7_100)]
    assert places == [0, 500, 2_999, 1_000, 2_999.5, 1_000, 1_100]
    feeder.seek(20_000)
    heard(feeder, ring, 20_000)
    assert feeder.position_of(30_000) >= 20_000


def test_levels_are_told_when_they_are_heard_and_not_before():
    song = np.concatenate([constant(0.25, 22_016), constant(0.75, 22_016)], axis=1)
    feeder, ring = playing(program([song]))
    heard(feeder, ring, 30_000)
    assert feeder.take_heard(100) is None
    first = feeder.take_heard(22_016)
    assert first.levels.peak.shape == (2, 2)
    assert first.levels.peak.max() == 0.25
    np.testing.assert_allclose(first.levels.mean_square, 0.0625, rtol=1e-5)
    assert first.momentary_lufs is not None
    assert feeder.take_heard(23_000).levels.peak.max() == 0.75
    assert feeder.take_heard(23_000) is None


@pytest.mark.parametrize(("rate", "device"), [(44_100, 48_000), (48_000, 44_100), (22_050, 96_000)])
def test_a_device_of_another_rate_hears_the_same_song_in_time(rate, device):
    song = np.zeros((2, rate), dtype=np.float32)
    clicks = [rate // 10, rate // 2, rate - rate // 10]
    song[:, clicks] = 0.5
    feeder, ring = playing(program([song], rate=rate), rate=device, capacity=4_096)
    out = heard(feeder, ring, 10**6)
    assert out.shape[1] == pytest.approx(device, abs=2)
    for click in clicks:
        around = slice(int((click / rate - 0.02) * device), int((click / rate + 0.02) * device))
        place = around.start + int(np.argmax(np.abs(out[0, around])))
        assert feeder.position_of(place) == pytest.approx(click, abs=1.0)


def test_resampling_in_blocks_is_resampling_the_whole():
    import soxr

    song = noise()
    feeder, ring = playing(program([song]), rate=48_000)
    out = heard(feeder, ring, 10**6)
    whole = soxr.resample(song.T, RATE, 48_000, quality="HQ").T
    np.testing.assert_allclose(out[:, :47_000], whole[:, :47_000], atol=1e-5)


def test_a_source_that_fails_is_told():
    mix = program([noise()])
    feeder, ring = playing(mix)
    heard(feeder, ring, 2_000)
    mix.sources[0].broken = AudioOpenError("Cannot read", why="gone.", fix="Plug it in.")
    with pytest.raises(AudioOpenError):
        heard(feeder, ring, 10_000)
