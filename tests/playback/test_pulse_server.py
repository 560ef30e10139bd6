"""Playing through a real PulseAudio server: nothing lost, the cursor right, no click, no gap.

Every test of a cure has its control beside it: with the cure taken out, the same measurement fails.
"""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from drumstudio.application.document import Document
from drumstudio.application.edit_session import EditSession
from drumstudio.application.material import song_material
from drumstudio.application.song_export import ExportOrder, export_song
from drumstudio.application.transport import Transport
from drumstudio.application.transport_view import Listen, State
from drumstudio.core.errors import DeviceError
from drumstudio.core.mix import Mixer, TrackMix
from drumstudio.files.encode import encode
from drumstudio.files.mixdown import mix_down
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from drumstudio.playback import device_output
from drumstudio.playback.deck import Deck
from drumstudio.playback.device_output import DeviceOutput
from drumstudio.playback.output import OutputChoice
from drumstudio.playback.player import SoundSystem
from drumstudio.playback.ring import Taken
from tests.edited_songs import a_song
from tests.playback.paced import (
    BYSTANDER,
    SEPARATION,
    drawing,
    parsing,
    running,
    waited_seconds,
)
from tests.playback.sound_servers import (
    PulseServer,
    require_servers,
    tones,
    trimmed,
    unlike_tones_db,
)
from tests.playback.sounds import noise, until
from tests.promises import counts

pytestmark = pytest.mark.robust

RATE = 44_100
CURSOR_SECONDS = 0.050
BUFFER_SECONDS = 3 * 4_096 / RATE  # what the device holds
PERIOD = 210  # samples of a tone; loops hold whole periods, so that they have no step
TONE = 0.3 * np.sin(2 * np.pi * np.arange(2 * RATE) / PERIOD).astype(np.float32)
STEP = 0.3 * 2 * np.pi / PERIOD  # from sample to sample, where nothing clicks


class GatedSound(SoundSystem):
    """Finds no device again before a test lets it, so that a recording is there first."""

    open_again = True

    def open(self, choice, sample_rate, *, look_again=False):
        if look_again and not self.open_again:
            raise DeviceError("Not yet", why="a test says so.", fix="Wait.")
        return super().open(choice, sample_rate, look_again=look_again)


@pytest.fixture(scope="module")
def server():
    require_servers()
    with pytest.MonkeyPatch.context() as patch:
        server = PulseServer(patch)
        yield server
        server.close()


@pytest.fixture
def speaker(server):
    """Return a recording of a device at 44.1 kHz."""
    server.add_sink("speaker", RATE)
    yield server.record("speaker")
    server.remove_sink("speaker")


@pytest.fixture
def sound(server):
    sound = GatedSound()
    sound.devices()
    return sound


@pytest.fixture
def transport(sound):
    transport = Transport(lambda listener: Deck(listener, sound))
    transport.choose_output(OutputChoice(None, 4_096))  # long enough for a machine that is busy
    yield transport
    transport.close()


@pytest.fixture
def news(transport):
    """Return what a transport has told."""
    news = SimpleNamespace(failed=[], recovered=[], outputs=[])
    transport.failed.connect(news.failed.append)
    transport.recovered.connect(lambda: news.recovered.append(True))
    transport.output_changed.connect(news.outputs.append)
    return news


class DirectPool:
    def run(self, job, checkpoint, **arguments):
        return {"encode": encode, "mix_down": mix_down}[job](checkpoint, **arguments)


@pytest.fixture
def project(tmp_path):
    document = Document.create(tmp_path / "Project")
    yield document
    document.close()


def opened(document, transport, mixture, drums):
    """Play a song of a project; return it."""
    song_id = a_song(document, mixture, drums, RATE)
    song = document.project.song(song_id)
    transport.open(song_material(*document.media.sound(song), RATE, song.mixture.samples))
    return song


def opened_file(transport, path, samples, rate=RATE):
    """Play a file."""
    with WavWriter(path, rate, 2) as writer:
        writer.write(samples)
    transport.open(song_material(path, None, rate, samples.shape[1]))


def exported(document, song, folder, seconds=None):
    order = ExportOrder(("mix",), folder, "wav-float", seconds=seconds)
    report = export_song(song, document.media, order, DirectPool(), no_checkpoint)
    return soundfile.read(report["files"][0]["path"], dtype="float32")[0].T


def played(transport, recording):
    """Return what was recorded of a song that is played to its end."""
    transport.play()
    until(lambda: transport.view.state is State.STOPPED, 60)
    return recording.heard()


# --- what is played ------------------------------------------------------------------------


def test_what_is_played_is_what_is_exported_to_the_last_bit(project, transport, speaker, tmp_path):
    song = opened(project, transport, noise(RATE), 0.5 * noise(RATE, seed=2))
    transport.listen_to(Listen.STEMS)
    heard = played(transport, speaker)
    np.testing.assert_array_equal(heard, exported(project, song, tmp_path / "whole"))
    assert transport.missed_samples() == 0


def test_a_range_is_played_as_exported_between_its_two_fades(project, transport, speaker, tmp_path):
    song = opened(project, transport, noise(RATE), 0.5 * noise(RATE, seed=2))
    part = exported(project, song, tmp_path / "part", (0.25, 0.75))
    transport.select(0.25, 0.75)
    transport.play_range()
    until(lambda: transport.view.state is State.STOPPED, 30)
    heard = speaker.heard()
    block = RATE // 86
    assert heard.shape[1] == part.shape[1] - 1  # a fade's last sample is silent
    np.testing.assert_array_equal(heard[:, block : 1 - block], part[:, block:-block])


@pytest.mark.parametrize("cure", ["zeros after the end", "zeros before the beginning"])
def test_without_its_zeros_a_stream_loses_what_it_should_play(
    transport, speaker, tmp_path, monkeypatch, cure
):
    samples = noise(RATE)
    opened_file(transport, tmp_path / "song.wav", samples)
    if cure == "zeros after the end":

        def stop(output):
            output._ring, output._running = None, False
            output._stream.stop()

        monkeypatch.setattr(DeviceOutput, "stop", stop)
        monkeypatch.setattr(Taken, "heard", lambda taken, *_: float(taken.start + taken.samples))
        heard = played(transport, speaker)
        assert heard.shape[1] < RATE - 2_048
        np.testing.assert_array_equal(heard[:, :1_000], samples[:, :1_000])
    else:
        # What a server has prepared, to be silent, is what a recording of it has first.
        begin = DeviceOutput.start

        def start(output, ring):
            output._first_samples = 0
            begin(output, ring)

        monkeypatch.setattr(DeviceOutput, "start", start)
        heard = played(transport, speaker)
        assert heard.shape[1] < RATE
        np.testing.assert_array_equal(heard[:, -1_000:], samples[:, -1_000:])


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_songs_of_any_rate_are_right_on_a_device_at_48_khz(server, transport, tmp_path, rate):
    server.add_sink("speaker", 48_000)
    recording = server.record("speaker")
    samples = tones(rate)
    opened_file(transport, tmp_path / "song.wav", samples, rate)
    heard = played(transport, recording)
    server.remove_sink("speaker")
    assert heard.shape[1] == pytest.approx(48_000, abs=200)  # a resampler rings at both ends
    if rate == 48_000:
        np.testing.assert_array_equal(heard, samples)
    assert np.abs(heard).max() == pytest.approx(np.abs(samples).max(), rel=0.02)
    assert unlike_tones_db(heard, 48_000) < -60
    assert unlike_tones_db(heard, 44_100) > -20  # as it would be if the rate were taken amiss


# --- where it is ---------------------------------------------------------------------------


def cursor_errors(transport, recording):
    """Return by how many seconds the cursor is ahead of the sound, while a song plays."""
    transport.play()
    seen = []
    while transport.view.state is not State.STOPPED:
        before = time.perf_counter()
        seconds = transport.heard_seconds()
        after = time.perf_counter()
        if after - before < 0.002:
            seen.append(((before + after) / 2, seconds))
        time.sleep(0.005)
    recording.heard()
    at, cursor = np.array(seen).T
    begins = np.flatnonzero(recording.samples()[0])[0] / recording.sample_rate
    sound = at - recording.began - begins
    while_it_plays = (sound > 0.1) & (sound < transport.view.seconds - 0.1)
    assert while_it_plays.sum() > 20
    return (cursor - sound)[while_it_plays]


@pytest.fixture
def far_device(monkeypatch):
    """Have devices hold half a second, as wireless ones do."""
    monkeypatch.setattr(device_output, "_DEVICE_SECONDS", 0.5)


@pytest.mark.usefixtures("far_device")
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_cursor_stands_where_the_sound_is(server, transport, tmp_path, rate):
    server.add_sink("speaker", rate)
    recording = server.record("speaker")
    opened_file(transport, tmp_path / "song.wav", noise(2 * RATE))
    errors = cursor_errors(transport, recording)
    server.remove_sink("speaker")
    assert np.abs(errors).max() < CURSOR_SECONDS, (errors.min(), errors.max())


@pytest.mark.usefixtures("far_device")
def test_without_what_the_driver_says_the_cursor_would_be_elsewhere(
    transport, speaker, tmp_path, monkeypatch
):
    monkeypatch.setattr(device_output, "_LONGEST_DELAY_SECONDS", 0.0)
    opened_file(transport, tmp_path / "song.wav", noise(2 * RATE))
    errors = cursor_errors(transport, speaker)
    assert np.abs(errors).max() > CURSOR_SECONDS


# --- a device that goes --------------------------------------------------------------------


def test_playback_pauses_when_the_only_device_goes_and_goes_on_when_another_comes(
    server, transport, sound, news, tmp_path
):
    samples = noise(4 * RATE)
    opened_file(transport, tmp_path / "song.wav", samples)
    server.add_sink("speaker")
    first = server.record("speaker")
    sound.open_again = False
    transport.play()
    until(lambda: transport.heard_seconds() > 1.0, 30)
    server.remove_sink("speaker")
    until(lambda: news.failed, 10)
    assert transport.view.state is State.PAUSED
    assert "no longer plays" in str(news.failed[0])
    before = trimmed(first.samples())
    np.testing.assert_array_equal(before, samples[:, : before.shape[1]])
    paused_at = transport.heard_seconds()
    assert paused_at == pytest.approx(before.shape[1] / RATE, abs=CURSOR_SECONDS)
    server.add_sink("headphones")
    second = server.record("headphones")
    sound.open_again = True
    until(lambda: news.recovered, 20)
    assert transport.view.state is State.PLAYING
    until(lambda: transport.view.state is State.STOPPED, 30)
    after = second.heard()
    server.remove_sink("headphones")
    begin = round(paused_at * RATE)
    fade = RATE // 86
    assert after.shape[1] == samples.shape[1] - begin
    np.testing.assert_array_equal(after[:, fade:], samples[:, begin + fade :])
    assert len(news.failed) == 1


def test_a_lost_device_would_look_like_a_song_that_goes_on(
    server, transport, news, tmp_path, monkeypatch
):
    monkeypatch.setattr(DeviceOutput, "failure", None)
    opened_file(transport, tmp_path / "song.wav", noise(4 * RATE))
    server.add_sink("speaker")
    transport.play()
    until(lambda: transport.heard_seconds() > 0.5, 30)
    server.remove_sink("speaker")
    time.sleep(2.0)
    assert not news.failed
    assert transport.view.state is State.PLAYING


def test_with_two_devices_playback_continues_on_the_other(server, transport, news, tmp_path):
    samples = noise(4 * RATE)
    opened_file(transport, tmp_path / "song.wav", samples)
    server.add_sink("speaker")
    server.add_sink("headphones")
    first, second = server.record("speaker"), server.record("headphones")
    transport.play()
    until(lambda: transport.heard_seconds() > 1.0, 30)
    server.remove_sink("speaker")
    until(lambda: transport.view.state is State.STOPPED, 30)
    after = second.heard()
    server.remove_sink("headphones")
    assert not news.failed
    # The server leads the recording of the first to the second as well, so it is heard twice.
    before = first.samples()
    before = before[:, np.flatnonzero(before.any(axis=0))[0] :][:, : samples.shape[1]]
    ended = np.flatnonzero((before != samples[:, : before.shape[1]]).any(axis=0))[0]
    assert ended > RATE
    went_on = samples.shape[1] - after.shape[1]
    assert went_on == pytest.approx(ended, abs=CURSOR_SECONDS * RATE)
    np.testing.assert_array_equal(after, samples[:, went_on:])


def test_a_server_that_crashes_and_comes_back_is_played_on(server, transport, news, tmp_path):
    samples = noise(3 * RATE)
    opened_file(transport, tmp_path / "song.wav", samples)
    server.add_sink("speaker")
    transport.play()
    until(lambda: transport.heard_seconds() > 0.5, 30)
    server.crash()
    until(lambda: news.failed, 10)
    assert transport.view.state is State.PAUSED
    paused_at = transport.heard_seconds()
    server.start()
    server.add_sink("speaker")
    until(lambda: news.recovered, 20)
    assert transport.heard_seconds() == pytest.approx(paused_at, abs=0.5)
    until(lambda: transport.view.state is State.STOPPED, 30)
    server.remove_sink("speaker")


# --- clicks and gaps -----------------------------------------------------------------------


def largest_step(document, transport, recording):
    """Return the largest step between two samples while a tone is looped, sought and edited."""
    song = opened(document, transport, np.stack([TONE, -TONE]), np.stack([TONE, -TONE]) / 2)
    session = EditSession(document, song.id, transport)
    transport.set_loop(0.5, 0.5 + 105 * PERIOD / RATE)
    transport.set_looping(True)
    transport.play()
    until(lambda: transport.heard_seconds() > 0.6, 30)
    for change in (
        lambda: transport.set_tracks([TrackMix(solo=True), TrackMix()]),
        lambda: transport.seek(0.7123),
        lambda: paint(session, 0.4, 1.5),
        lambda: transport.listen_to(Listen.ORIGINAL),
        lambda: transport.set_looping(False),
        lambda: transport.seek(1.2345),
        transport.pause,
        transport.play,
        transport.pause,
    ):
        change()
        time.sleep(0.15)
    heard = recording.heard()
    session.close()
    assert transport.missed_samples() == 0
    assert heard.shape[1] > RATE
    return np.abs(np.diff(heard, axis=1)).max()


def paint(session, first, last):
    editor = session.editor
    editor.settings = replace(editor.settings, tool="time range", target="drums")
    editor.press(first, 0.0)
    editor.move(last, 1_000.0)
    editor.release()
    assert session.wait(20)


def test_loops_seeks_solo_and_edits_leave_no_step(project, transport, speaker):
    assert largest_step(project, transport, speaker) < 1.2 * STEP


def test_without_fades_there_would_be_steps(project, transport, speaker, monkeypatch):
    mix_into = Mixer.mix_into

    def without_fade(mixer, out, tracks, gains):
        mixer.jump(gains)
        return mix_into(mixer, out, tracks, gains)

    monkeypatch.setattr(Mixer, "mix_into", without_fade)
    assert largest_step(project, transport, speaker) > 1.2 * STEP


def faultless_seconds(recording, expected, since):
    """Return how long a recording is that of a song which is repeated, and how long it is."""
    heard = recording.samples()[:, since:]
    begin = np.flatnonzero(heard[0, : 60 * RATE])[0]
    count = heard.shape[1] - begin
    for start in range(0, count, expected.shape[1]):
        part = heard[:, begin + start :][:, : expected.shape[1]]
        wrong = (part != expected[:, : part.shape[1]]).any(axis=0)
        if wrong.any():
            return (start + int(np.flatnonzero(wrong)[0])) / RATE, count / RATE
    return count / RATE, count / RATE


def played_beside_a_separation(transport, recording, path, seconds, window):
    """Return for how many seconds a repeated song was heard without a fault, and how many."""
    samples = noise(5 * RATE)
    opened_file(transport, path, samples)
    transport.set_looping(True)
    since = recording.samples().shape[1]
    with running(SEPARATION):
        transport.play()
        timer = threading.Timer(seconds, lambda: None)
        timer.start()
        window(timer, transport._deck)
    until(lambda: recording.samples()[:, -100:].any(), 5)
    faultless, heard = faultless_seconds(recording, samples, since)
    missed = transport.missed_samples()
    transport.stop()
    until(lambda: transport._deck.position() is None)
    return faultless, heard, missed


def was_kept_waiting(waits):
    """Return whether our threads were ready for long, within a device's buffer, and not run.

    `waits` are pairs of a moment and how long they had waited until then.
    """
    at, waited = np.array(waits).T
    before = np.searchsorted(at, at - BUFFER_SECONDS)
    return (waited - waited[before]).max() > BUFFER_SECONDS / 2


def tried_beside_a_separation(*where_and_how_long):
    """Return what `played_beside_a_separation` does, and whether the machine was too busy."""
    waits = []

    def window(stop, deck):
        drawing(stop, deck, lambda: waits.append((time.perf_counter(), waited_seconds())))

    with running(BYSTANDER, 0.05, BUFFER_SECONDS / 2) as said:
        found = played_beside_a_separation(*where_and_how_long, window)
    return *found, int(said[0]) > 0 or was_kept_waiting(waits)


@pytest.mark.serial
def test_half_an_hour_beside_a_separation_has_no_gap(transport, speaker, tmp_path):
    seconds = counts(20, 1_800)
    for _ in range(counts(3, 1)):
        faultless, heard, missed, too_busy = tried_beside_a_separation(
            transport, speaker, tmp_path / "song.wav", seconds
        )
        if faultless == heard or not too_busy:
            break
    else:
        pytest.skip("this machine is too busy: our threads were ready, and got no processor")
    assert faultless == heard
    assert heard > seconds - 5.0
    assert missed == 0


@pytest.mark.serial
def test_a_window_that_keeps_the_interpreter_makes_gaps(transport, speaker, tmp_path):
    transport.choose_output(OutputChoice(None, 128))
    path = tmp_path / "song.wav"
    faultless, heard, _ = played_beside_a_separation(transport, speaker, path, 6, parsing)
    assert faultless < heard
