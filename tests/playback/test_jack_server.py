"""Playing through a real JACK server: songs of any rate, and a server that ends."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from drumstudio.files.wav_file import WavWriter
from tests.playback.sound_servers import JackServer, require_servers, tones, unlike_tones_db
from tests.playback.sounds import until

pytestmark = pytest.mark.robust

RATE = 48_000
RATES = (44_100, 48_000, 96_000)


@pytest.fixture
def server():
    require_servers()
    with pytest.MonkeyPatch.context() as patch:
        server = JackServer(patch, RATE)
        yield server
        server.close()


class Session:
    """A process that plays; `said` are its lines so far."""

    def __init__(self, path, samples, rate):
        with WavWriter(path, rate, 2) as writer:
            writer.write(samples)
        self.said = []
        words = ("-m", "tests.playback.jack_session", path, rate, samples.shape[1])
        self.process = subprocess.Popen(
            [sys.executable, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self.said.append(line.strip())

    def ask(self, word):
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def wait(self, beginning, times=1, seconds=60):
        """Return the last line that begins so, once there are as many."""
        return until(lambda: self._lines(beginning)[times - 1 :], seconds)[-1]

    def seconds(self):
        """Return where the playhead is."""
        asked = len(self._lines("at"))
        self.ask("where")
        return float(self.wait("at", asked + 1).split()[1])

    def _lines(self, beginning):
        return [line for line in self.said if line.startswith(beginning)]


@pytest.fixture
def session():
    """Return what starts a session; it is ended with the test."""
    started = []

    def start(*what):
        started.append(Session(*what))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.mark.parametrize("rate", RATES)
def test_songs_of_any_rate_are_right_on_a_server_at_48_khz(server, session, tmp_path, rate):
    samples = tones(rate)
    player = session(tmp_path / "song.wav", samples, rate)
    # Once in vain: the server knows what to record when there is something that plays.
    player.ask("play")
    assert player.wait("output") == f"output {RATE} system (JACK Audio Connection Kit) None"
    player.wait("stopped")
    server.record()
    player.ask("play")
    player.wait("stopped", times=2)
    player.ask("end")
    player.wait("closed")
    heard = server.heard()
    assert player.process.wait(20) == 0
    assert heard.shape[1] == pytest.approx(RATE, abs=200)  # a resampler rings at both ends
    if rate == RATE:
        np.testing.assert_allclose(heard, samples, atol=1e-7)  # recorded in 32 bit integers
    assert unlike_tones_db(heard, RATE) < -60
    assert unlike_tones_db(heard, 44_100) > -20


def test_a_server_that_ends_is_told_and_holds_nobody_up(server, session, tmp_path):
    player = session(tmp_path / "song.wav", tones(RATE, 60.0), RATE)
    player.ask("play")
    until(lambda: player.seconds() > 0.5, 60)
    server.end()
    assert player.wait("failed") == "failed system (JACK Audio Connection Kit) no longer plays"
    assert player.wait("paused")
    assert 0.5 < player.seconds() < 50.0
    player.ask("end")
    player.wait("closed", seconds=30)
    assert player.process.wait(30) == 0
