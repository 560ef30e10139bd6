"""The deck plays, pauses, changes songs and devices, and survives the loss of either."""

import sys
import time

import numpy as np
import pytest

from drumstudio.core.errors import AudioOpenError, DeviceError
from drumstudio.core.mix import TrackMix, track_gains
from drumstudio.playback import deck as deck_module
from drumstudio.playback import device_search
from drumstudio.playback.deck import Deck
from drumstudio.playback.feeder import Program
from drumstudio.playback.output import Failure, OutputChoice
from drumstudio.playback.silent_clock import SilentClock
from tests.playback.sounds import RATE, HandOutput, Opens, Sound, constant, noise, until


class Told:
    """Remembers what the deck tells."""

    def __init__(self):
        self.stops = []
        self.resumed = []
        self.breaks = 0
        self.outputs = []
        self.devices = []

    def deck_stopped(self, take, position, error):
        self.stops.append((take, position, error))

    def deck_breaks_up(self):
        self.breaks += 1

    def deck_resumed(self, take):
        self.resumed.append(take)

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

    deck = Deck(told, Opens(open_output))
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


@pytest.fixture
def sockets(told, monkeypatch):
    """Return a deck, and a list of outputs: it opens the last one, and none if that is None."""
    monkeypatch.setattr(device_search, "LOOK_SECONDS", 0.02)
    plugged = [HandOutput()]

    def open_output(choice, sample_rate):
        if plugged[-1] is None:
            raise DeviceError("There is no sound", why="no device.", fix="Connect one.")
        return plugged[-1], None

    deck = Deck(told, Opens(open_output))
    yield deck, plugged
    deck.close()


def unplug(output):
    output.failure = Failure("it was unplugged", time.perf_counter())


def test_the_loss_of_a_device_is_told_and_playing_goes_on_when_there_is_one(sockets, told):
    deck, plugged = sockets
    song = noise(60_000)
    output = started(deck, plugged, program([song]), take=4)
    output.pull(3_072)
    plugged.append(None)
    unplug(output)
    until(lambda: told.stops)
    take, position, error = told.stops[0]
    assert take == 4
    assert 2_048 <= position <= 3_072
    assert isinstance(error, DeviceError)
    assert "by hand no longer plays" in str(error)
    assert "unplugged" in str(error)
    assert output.calls[-1] == "close"
    assert told.outputs[-1].silent
    assert told.outputs[-1].reason is error
    assert not told.resumed
    plugged.append(HandOutput())
    plugged[-1].name = "another"
    heard = plugged[-1].pull(2_048)
    np.testing.assert_array_equal(heard[:, 512:], song[:, position + 512 : position + 2_048])
    until(lambda: told.resumed)
    assert told.resumed == [4]
    assert told.outputs[-1].name == "another"
    assert told.outputs[-1].reason is error
    assert len(told.stops) == 1


def test_where_another_device_is_there_at_once_nothing_stops(sockets, told):
    deck, plugged = sockets
    output = started(deck, plugged, program([constant()]))
    output.pull(3_072)
    plugged.append(HandOutput())
    plugged[-1].name = "another"
    unplug(output)
    plugged[-1].pull(2_048)
    until(lambda: deck._loss is None)
    assert not told.stops
    assert not told.resumed
    assert "by hand no longer plays" in str(told.outputs[-1].reason)


@pytest.mark.parametrize("ask", ["pause", "play"])
def test_who_asks_for_something_else_after_a_loss_is_not_played_on(sockets, told, ask):
    deck, plugged = sockets
    output = started(deck, plugged, program([constant()]))
    output.pull(3_072)
    plugged.append(None)
    unplug(output)
    until(lambda: told.stops)
    if ask == "pause":
        deck.pause()
    else:
        deck.play(2, 30_000)
        until(lambda: told.outputs[-1].silent and deck.position())
    plugged.append(HandOutput())
    if ask == "pause":
        time.sleep(0.1)
        assert plugged[-1].calls == []
    else:  # without a device it plays silently, and is heard as soon as there is one
        until(lambda: plugged[-1].ring)
        assert deck.position() >= 30_000
        assert not told.outputs[-1].silent
    assert not told.resumed


def test_a_device_that_is_found_and_plays_nothing_is_lost_as_well(sockets, told):
    deck, plugged = sockets
    output = started(deck, plugged, program([constant()]))
    output.pull(3_072)
    plugged.append(HandOutput())
    unplug(output)
    dead = plugged[-1]
    until(lambda: dead.ring)
    plugged.append(HandOutput())
    unplug(dead)
    until(lambda: dead.calls[-1] == "close")
    until(lambda: told.stops)
    plugged[-1].pull(2_048)
    until(lambda: told.resumed)
    assert len(told.stops) == 1


def test_a_device_lost_while_a_pause_fades_out_is_no_matter(sockets, told):
    deck, plugged = sockets
    output = started(deck, plugged, program([constant()]))
    output.pull(1_024)
    deck.pause()
    until(lambda: deck._run.feeder.fading_out)
    unplug(output)
    until(lambda: told.stops)
    assert told.stops[0][2] is None


def test_a_song_goes_on_when_the_first_device_is_connected(sockets, told):
    deck, plugged = sockets
    plugged.append(None)
    deck.load(program([constant()]))
    deck.play(1, 0)
    until(lambda: told.outputs and told.outputs[0].silent and deck.position())
    plugged.append(HandOutput())
    until(lambda: plugged[-1].ring)
    assert deck.position() > 0
    assert [output.silent for output in told.outputs] == [True, False]
    assert not told.stops


def test_who_hears_gaps_is_told_once(deck, outputs, told):
    output = started(deck, outputs, program([constant(samples=4 * RATE)]))
    output.pull(1_024)
    for gaps in range(1, 7):
        output.underflows += 1
        until(lambda n=gaps: deck._gaps._counts[1] == n)
        assert told.breaks == (gaps >= 3)
    deck.choose(OutputChoice(None, 1_024))
    until(lambda: len(outputs) == 2 and outputs[1].ring)
    for gaps in range(1, 4):
        outputs[1].underflows += 1
        until(lambda n=gaps: deck._gaps._counts[1] == n)
    until(lambda: told.breaks == 2)


def test_play_right_after_a_pause_waits_for_its_fade(deck, outputs, told):
    song = np.concatenate([constant(0.5, 20_000), constant(-0.5, 20_000)], axis=1)
    output = started(deck, outputs, program([song]))
    output.pull(1_024)
    deck.pause()
    until(lambda: deck._run.feeder.over or output.ring is None or output.pull(64).size)
    until(lambda: deck._run.feeder.over)
    deck.play(2, 30_000)
    parts = [output.pull(512)]
    while parts[-1][0, -1] != -0.5:
        parts.append(output.pull(512))
    heard = np.concatenate(parts, axis=1)
    assert np.abs(np.diff(heard)).max() < 1.1 * 0.5 / 512
    assert told.stops == []
    assert output.calls.count("close") == 0


def test_a_device_that_refuses_to_start_is_told(told):
    output = HandOutput()
    output.refuses = DeviceError("Cannot play", why="busy.", fix="Close it.")
    deck = Deck(told, Opens(lambda choice, rate: (output, None)))
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

    monkeypatch.setattr(deck._sound, "devices", lambda: ("one",))
    deck.list_devices()
    until(lambda: told.devices)
    monkeypatch.setattr(deck._sound, "devices", fail)
    deck.list_devices()
    until(lambda: len(told.devices) == 2)
    assert told.devices == [(("one",), None), ((), error)]


def test_without_a_device_the_silent_clock_plays_in_real_time(told):
    deck = Deck(told, Opens(lambda choice, rate: (SilentClock(rate, choice.block_samples), None)))
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
    deck = Deck(
        told, Opens(lambda choice, rate: (outputs.append(HandOutput()) or outputs[-1], None))
    )
    started(deck, outputs, program([constant()]))
    deck.close()
    assert outputs[0].calls[-1] == "close"
    assert not deck._thread.is_alive()
