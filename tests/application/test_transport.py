"""The transport: what play, stop, seek, loop and the Listen switch mean."""

import threading

import numpy as np
import pytest

from drumstudio.application.material import Material, song_material
from drumstudio.application.transport import Transport
from drumstudio.application.transport_view import Listen, State
from drumstudio.core.errors import AudioOpenError, DeviceError
from drumstudio.core.mix import TrackMix
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.wav_file import WavWriter
from drumstudio.playback.deck import Deck
from drumstudio.playback.output import OutputChoice
from tests.playback.sounds import HandOutput, Opens, Sound, constant, noise, until

RATE = 1_000


class FakeDeck:
    """Remembers what it is asked for."""

    def __init__(self, listener):
        self.listener = listener
        self.programs = []
        self.asked = []
        self.retired = []
        self.at = None

    def load(self, program, retired=()):
        self.programs.append(program)
        self.retired.extend(retired)

    def play(self, take, position, stop=None):
        self.asked.append(("play", take, position, stop))
        self.at = float(position)

    def pause(self):
        self.asked.append(("pause",))

    def choose(self, choice):
        self.asked.append(choice)

    def list_devices(self):
        self.listener.deck_devices((), None)

    def position(self):
        return self.at

    def take_heard(self):
        return None

    def missed_samples(self):
        return 0

    def close(self):
        self.asked.append(("close",))


class Files:
    def close(self):
        pass


def material(tracks=2, seconds=100):
    sounds = tuple(Sound(np.zeros((2, 1))) for _ in range(tracks + 1))
    return Material(sounds[0], sounds[1:], RATE, seconds * RATE, Files())


@pytest.fixture
def decks():
    return []


@pytest.fixture
def transport(decks):
    transport = Transport(lambda listener: decks.append(FakeDeck(listener)) or decks[0])
    transport.open(material())
    return transport


@pytest.fixture
def deck(transport, decks):
    return decks[0]


def test_play_begins_at_the_cursor_and_stop_returns_to_it(transport, deck):
    transport.seek(10.0)
    transport.play()
    assert deck.asked == [("play", 1, 10_000, None)]
    assert transport.view.state is State.PLAYING
    deck.at = 12_500.0
    assert transport.heard_seconds() == 12.5
    transport.stop()
    assert transport.view.state is State.STOPPED
    assert transport.heard_seconds() == 10.0
    assert deck.asked[-1] == ("pause",)


def test_a_pause_goes_on_where_it_was_heard(transport, deck):
    transport.play()
    deck.at = 5_000.0
    transport.pause()
    assert transport.heard_seconds() == 5.0
    deck.at = 5_040.0  # what was in the ring is still heard
    assert transport.heard_seconds() == 5.04
    deck.at = None
    deck.listener.deck_stopped(1, 5_060, None)
    assert transport.heard_seconds() == 5.06
    transport.play()
    assert deck.asked[-1] == ("play", 2, 5_060, None)
    transport.pause()
    transport.seek(1.0)
    assert transport.view.state is State.STOPPED
    assert transport.heard_seconds() == 1.0


def test_space_starts_and_stops(transport, deck):
    transport.toggle()
    assert transport.view.state is State.PLAYING
    transport.toggle()
    assert transport.view.state is State.STOPPED


def test_the_end_of_the_song_stops(transport, deck):
    transport.play()
    deck.listener.deck_stopped(1, 100_000, None)
    assert transport.view.state is State.STOPPED


def test_the_end_of_an_earlier_playing_changes_nothing(transport, deck):
    transport.play()
    transport.stop()
    transport.play()
    deck.listener.deck_stopped(1, 50, None)
    assert transport.view.state is State.PLAYING


def test_playing_from_the_end_begins_at_the_beginning(transport, deck):
    transport.seek(100.0)
    transport.play()
    assert deck.asked[-1] == ("play", 1, 0, None)


def test_a_seek_while_it_plays_goes_on_there(transport, deck):
    transport.play()
    transport.seek(30.0)
    assert deck.asked[-1] == ("play", 2, 30_000, None)
    transport.seek(1e9)
    assert transport.view.cursor_seconds == 100.0
    transport.nudge(-1.0)


def test_small_steps_count_from_the_playhead(transport, deck):
    transport.play()
    deck.at = 42_000.0
    transport.nudge(-5.0)
    assert deck.asked[-1][2] == 37_000


def test_a_selection_plays_once(transport, deck):
    transport.select(20.0, 15.0)
    assert transport.view.selection == (15.0, 20.0)
    assert transport.view.cursor_seconds == 15.0
    transport.play_range()
    assert deck.asked[-1] == ("play", 1, 15_000, 20_000)
    transport.clear_selection()
    transport.play_range()
    assert deck.asked[-1] == ("play", 2, 15_000, None)
    transport.select(7.0, 7.0)
    assert transport.view.selection is None


def test_a_loop_is_the_selection_or_the_song(transport, deck):
    transport.set_looping(True)
    assert deck.programs[-1].loop == (0, 100_000)
    transport.select(10.0, 12.0)
    transport.set_looping(True)
    assert deck.programs[-1].loop == (10_000, 12_000)
    transport.seek(50.0)
    transport.play()
    assert deck.asked[-1][2] == 10_000
    transport.set_looping(False)
    assert deck.programs[-1].loop is None
    assert transport.view.loop == (10.0, 12.0)


def test_a_loop_is_never_too_short_nor_outside_the_song(transport, deck):
    transport.set_loop(5.0, 5.0)
    assert transport.view.loop == (5.0, 5.02)
    transport.set_loop(1_000.0, 1_000.0)
    assert transport.view.loop == (pytest.approx(99.98), 100.0)


def test_the_listen_switch_changes_gains_and_nothing_else(transport, deck):
    transport.set_tracks([TrackMix(gain_db=-6.0), TrackMix(mute=True)])
    stems = deck.programs[-1]
    np.testing.assert_allclose(stems.gains[:, 0], [0.0, 0.501, 0.0], atol=1e-3)
    transport.toggle_listen()
    original = deck.programs[-1]
    assert original.sources is stems.sources
    assert original.gains[:, 0].tolist() == [1.0, 0.0, 0.0]
    transport.toggle_listen()
    assert transport.view.listen is Listen.STEMS
    assert deck.asked == []


def test_a_song_without_stems_is_heard_as_it_is(transport, deck):
    transport.open(material(tracks=0))
    assert transport.view.listen is Listen.STEMS
    assert deck.programs[-1].gains.tolist() == [[1.0, 1.0]]


def test_the_monitor_volume_is_no_part_of_the_mix(transport, deck):
    before = deck.programs[-1].gains
    transport.set_monitor(-20.0)
    np.testing.assert_array_equal(deck.programs[-1].gains, before)
    assert deck.programs[-1].volume == pytest.approx(0.1)


def test_another_separation_keeps_place_mix_and_playing(transport, deck):
    transport.set_tracks([TrackMix(solo=True), TrackMix()])
    transport.play()
    other = material()
    first = transport._material
    transport.exchange(other)
    assert deck.retired == [first.files]
    assert transport.view.state is State.PLAYING
    assert deck.programs[-1].gains[1:, 0].tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match="not the same song"):
        transport.exchange(material(seconds=99))


def test_another_song_begins_anew(transport, deck):
    transport.set_looping(True)
    transport.select(10.0, 20.0)
    transport.play()
    transport.open(material(seconds=50))
    view = transport.view
    assert (view.state, view.cursor_seconds, view.seconds) == (State.STOPPED, 0.0, 50.0)
    assert (view.selection, view.loop) == (None, None)
    transport.open(None)
    transport.play()
    assert transport.view.state is State.STOPPED
    assert deck.programs[-1].sources == ()


def test_tracks_must_be_as_many_as_the_song_has(transport):
    with pytest.raises(ValueError, match="there are 2 tracks, got 1"):
        transport.set_tracks([TrackMix()])


def test_the_loss_of_a_device_pauses_with_a_message(transport, deck):
    told = []
    transport.failed.connect(told.append)
    transport.play()
    error = DeviceError("Speaker no longer plays", why="it was unplugged.", fix="Press play.")
    deck.at = None
    deck.listener.deck_stopped(1, 33_000, error)
    assert transport.view.state is State.PAUSED
    assert transport.heard_seconds() == 33.0
    assert told == [error]


def test_scrubbing_lets_a_little_be_heard_and_does_not_play(transport, deck):
    transport.scrub(10.0)
    assert deck.asked == [("play", 1, 10_000, 10_120)]
    assert transport.view.state is State.STOPPED
    assert transport.heard_seconds() == 10.0
    deck.listener.deck_stopped(1, 10_120, None)
    assert transport.heard_seconds() == 10.0
    transport.play()
    transport.scrub(20.0)
    assert deck.asked[-1] == ("play", 3, 20_000, None)


def test_listeners_are_told_once_a_change_and_without_a_lock(transport):
    told = []

    def look():
        # Another thread can read while the listener runs: no lock is held.
        reader = threading.Thread(target=lambda: told.append(transport.heard_seconds()))
        reader.start()
        reader.join(2.0)

    transport.changed.connect(look)
    transport.select(10.0, 20.0)
    transport.set_looping(True)
    transport.set_looping(True)
    transport.toggle_listen()
    assert len(told) == 3


def test_devices_and_outputs_are_passed_on(transport, deck):
    told = []
    transport.devices_listed.connect(lambda *both: told.append(both))
    transport.output_changed.connect(told.append)
    transport.list_devices()
    transport.choose_output(OutputChoice(None, 1_024))
    deck.listener.deck_output("output")
    assert told == [((), None), "output"]
    assert deck.asked == [OutputChoice(None, 1_024)]


def test_a_song_on_disk_is_heard_from_stems_to_original_without_a_gap(tmp_path):
    mixture, drums = noise(30_000, seed=1), noise(30_000, seed=2)
    for name, samples in (("mixture", mixture), ("drums", drums)):
        with WavWriter(tmp_path / f"{name}.wav", 44_100, 2) as writer:
            writer.write(samples)
    output = HandOutput()
    transport = Transport(
        lambda listener: Deck(listener, Opens(lambda choice, rate: (output, None)))
    )
    drums = SplitFiles.of_drums(tmp_path / "drums.wav")
    transport.open(song_material(tmp_path / "mixture.wav", drums, 44_100, 30_000))
    transport.play()
    parts = [output.pull(5_120)]
    transport.listen_to(Listen.ORIGINAL)
    parts.append(output.pull(10_240))
    assert transport.take_heard().levels.peak.shape == (6, 2)
    heard = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(heard, mixture[:, : heard.shape[1]], atol=3e-7)
    assert 0.0 < transport.heard_seconds() <= heard.shape[1] / 44_100
    transport.close()


def test_a_song_whose_file_is_gone_pauses_and_says_which(tmp_path):
    output, told = HandOutput(), []
    transport = Transport(
        lambda listener: Deck(listener, Opens(lambda choice, rate: (output, None)))
    )
    transport.failed.connect(told.append)
    transport.open(song_material(tmp_path / "mixture.wav", None, 44_100, 30_000))
    transport.play()
    until(lambda: told)
    assert isinstance(told[0], AudioOpenError)
    assert "mixture.wav" in str(told[0])
    assert transport.view.state is State.PAUSED
    with WavWriter(tmp_path / "mixture.wav", 44_100, 2) as writer:
        writer.write(constant(0.5, 30_000))
    transport.play()
    assert output.pull(512).any()
    transport.close()
