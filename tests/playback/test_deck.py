"""The deck plays, pauses, changes songs and devices, and survives the loss of either."""

import sys

import numpy as np
import pytest

from drumstudio.core.errors import AudioOpenError, DeviceError
from drumstudio.core.mix import TrackMix, track_gains
from drumstudio.playback import deck as deck_module
from drumstudio.playback.deck import Deck
from drumstudio.playback.feeder import Program
from drumstudio.playback.player import OutputChoice
from drumstudio.playback.silent_clock import SilentClock
from tests.playback.sounds import RATE, HandOutput, Sound, constant, noise, until


class Told:
    """Remembers what the deck tells."""

    def __init__(self):
        self.stops = []
        self.outputs = []
        self.devices = []

    def deck_stopped(self, take, position, error):
        self.stops.append((take, position, error))

    def deck_output(self, output):
        self.outputs.append(output)

    def deck_devices(self, devices, error):
        self.devices.append((devices, error))


class Files:
    """Something to close."""

    closed = 0

    def close(self):
        self.closed += 1


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def outputs():
    return []


@pytest.fixture
def deck(told, outputs):
    """Return a deck whose outputs are driven by hand; they are appended to `outputs`."""

    def open_output(choice, sample_rate):
        outputs.append(HandOutput(sample_rate, choice.block_samples))
        return outputs[-1], None

    deck = Deck(told, open_output)
    yield deck
    deck.close()


def program(songs, rate=RATE, **other):
    return Program(
        tuple(Sound(song) for song in songs),
        track_gains([TrackMix()] * len(songs)),
        rate,
        songs[0].shape[1],
        **other,
    )


def started(deck, outputs, of, position=0, stop=None, take=1):
    deck.load(of)
    deck.play(take, position, stop)
    until(lambda: outputs and outputs[-1].ring)
    return outputs[-1]


def test_a_song_is_heard_to_its_end_and_that_is_told(deck, outputs, told):
    song = noise(5_000)
    output = started(deck, outputs, program([song]), take=7)
    np.testing.assert_array_equal(output.pull(5_120)[:, :5_000], song)
    until(lambda: told.stops)
    assert told.stops == [(7, 5_000, None)]
    assert output.calls == ["start", "stop"]
    assert deck.position() is None
    assert told.outputs[0].latency_seconds == pytest.approx(4 * 512 / RATE)


def test_a_pause_says_where_it_stopped_and_play_goes_on_there(deck, outputs, told):
    output = started(deck, outputs, program([constant()]))
    output.pull(2_048)
    deck.pause()
    while not told.stops:
        if output.ring:
            output.ring.read_into(np.empty((64, 2), dtype=np.float32))
    take, position, error = told.stops[0]
    assert (take, error) == (1, None)
    assert 2_048 < position <= 2_048 + 2_048 + 2 * 512
    deck.play(2, position)
    assert until(lambda: output.ring).written
    assert deck.missed_samples() == 0


def test_play_while_it_plays_is_a_seek(deck, outputs, told):
    song = np.concatenate([constant(0.5, 20_000), constant(-0.5, 20_000)], axis=1)
    output = started(deck, outputs, program([song]))
    output.pull(2_048)
    deck.play(2, 30_000)
    out = output.pull(8_192)
    assert out[0, -1] == -0.5
    assert np.abs(np.diff(out)).max() < 1.1 * 0.5 / 512
    assert output.calls == ["start"]
    assert told.stops == []


def test_another_song_of_the_same_rate_follows_without_a_new_device(deck, outputs):
    output = started(deck, outputs, program([constant(0.5)]))
    output.pull(2_048)
    files = Files()
    deck.load(program([constant(0.25), constant(0.125)]), (files,))
    assert output.pull(8_192)[0, -1] == 0.375
    until(lambda: files.closed)
    assert len(outputs) == 1


def test_files_are_closed_only_when_nothing_reads_them_any_more(deck, outputs):
    output = started(deck, outputs, program([constant()]))
    files = Files()
    until(lambda: output.ring.written == 2_048)
    deck.load(program([constant()]), (files,))
    deck.take_heard()
    assert files.closed == 0 or output.ring.read
    output.pull(4_096)
    until(lambda: files.closed == 1)


def test_a_song_of_another_rate_gets_the_device_at_its_rate(deck, outputs, told):
    output = started(deck, outputs, program([constant()]))
    output.pull(2_048)
    deck.load(program([constant()], rate=48_000))
    while not told.stops:
        if output.ring:
            output.ring.read_into(np.empty((64, 2), dtype=np.float32))
    deck.play(2, 0)
    until(lambda: len(outputs) == 2 and outputs[1].ring)
    assert outputs[1].sample_rate == 48_000
    assert output.calls[-1] == "close"


def test_the_loss_of_a_device_stops_where_it_was_heard(deck, outputs, told):
    output = started(deck, outputs, program([constant()]))
    output.pull(3_072)
    output.failure = "it was unplugged"
    until(lambda: told.stops)
    take, position, error = told.stops[0]
    assert take == 1
    assert 2_048 <= position <= 3_072
    assert isinstance(error, DeviceError)
    assert "unplugged" in str(error)
    assert output.calls[-1] == "close"
    deck.play(2, position)
    until(lambda: len(outputs) == 2 and outputs[1].ring)


def test_a_device_that_takes_nothing_counts_as_lost(deck, outputs, told, monkeypatch):
    monkeypatch.setattr(deck_module, "_STALLED_SECONDS", 0.05)
    started(deck, outputs, program([constant()]))
    until(lambda: told.stops)
    assert "does not take any sound" in str(told.stops[0][2])


def test_a_device_that_refuses_to_start_is_told(told):
    output = HandOutput()
    output.refuses = DeviceError("Cannot play", why="busy.", fix="Close it.")
    deck = Deck(told, lambda choice, rate: (output, None))
    deck.load(program([constant()]))
    deck.play(1, 77)
    until(lambda: told.stops)
    assert told.stops == [(1, 77, output.refuses)]
    deck.close()


def test_a_file_that_goes_away_stops_and_is_told(deck, outputs, told):
    song = program([noise()])
    output = started(deck, outputs, song)
    output.pull(1_024)
    song.sources[0].broken = AudioOpenError("Cannot read", why="gone.", fix="Plug it in.")
    while not told.stops:
        if output.ring:
            output.ring.read_into(np.empty((64, 2), dtype=np.float32))
    assert told.stops[0][2] is song.sources[0].broken


def test_play_without_a_song_is_over_at_once(deck, told):
    deck.play(3, 0)
    until(lambda: told.stops)
    assert told.stops == [(3, 0, None)]


def test_another_buffer_opens_the_device_anew_and_goes_on(deck, outputs):
    output = started(deck, outputs, program([constant()]))
    output.pull(2_048)
    deck.choose(OutputChoice(None, 1_024))
    until(lambda: len(outputs) == 2 and outputs[1].ring)
    assert outputs[1].block_samples == 1_024
    assert outputs[1].ring.capacity == 4_096
    assert deck.position() >= 1_536


def test_the_device_is_given_back_after_a_while(deck, outputs, told, monkeypatch):
    monkeypatch.setattr(deck_module, "_IDLE_SECONDS", 0.02)
    output = started(deck, outputs, program([noise(100)]))
    output.pull(512)
    until(lambda: "close" in output.calls)


def test_devices_are_listed_or_the_reason_told(deck, told, monkeypatch):
    error = DeviceError("There is no sound", why="no PortAudio.", fix="Install it.")

    def fail():
        raise error

    monkeypatch.setattr(deck_module, "refresh_devices", lambda: None)
    monkeypatch.setattr(deck_module, "output_devices", lambda: ("one",))
    deck.list_devices()
    until(lambda: told.devices)
    monkeypatch.setattr(deck_module, "output_devices", fail)
    deck.list_devices()
    until(lambda: len(told.devices) == 2)
    assert told.devices == [(("one",), None), ((), error)]


def test_without_a_device_the_silent_clock_plays_in_real_time(told):
    deck = Deck(told, lambda choice, rate: (SilentClock(rate, choice.block_samples), None))
    deck.load(program([noise(RATE // 4)]))
    deck.play(1, 0)
    places = []
    while not told.stops:
        if (place := deck.position()) is not None:
            places.append(place)
    deck.close()
    assert told.stops == [(1, RATE // 4, None)]
    assert places == sorted(places)
    assert len(set(places)) > 10
    assert told.outputs[0].silent


def test_busy_threads_hand_over_sooner_only_while_it_plays(deck, outputs, told):
    usual = sys.getswitchinterval()
    output = started(deck, outputs, program([noise(600)]))
    until(lambda: sys.getswitchinterval() < usual)
    output.pull(1_024)
    until(lambda: told.stops)
    assert sys.getswitchinterval() == usual


def test_closing_while_it_plays_ends_the_thread(told, outputs):
    deck = Deck(told, lambda choice, rate: (outputs.append(HandOutput()) or outputs[-1], None))
    started(deck, outputs, program([constant()]))
    deck.close()
    assert outputs[0].calls[-1] == "close"
    assert not deck._thread.is_alive()
