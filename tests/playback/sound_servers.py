"""Sound servers of a test's own, without hardware: PulseAudio, JACK, and what they played."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.playback.sounds import until

PROGRAMS = ("pulseaudio", "pactl", "parec", "jackd", "jack_rec", "jack_lsp")
PLUGIN = "alsa-lib/libasound_module_pcm_pulse.so"
START_SECONDS = 30.0

_ALSA = """
pcm.!default {{ type pulse server "unix:{socket}" }}
ctl.!default {{ type pulse server "unix:{socket}" }}
"""
_CLIENT = """
autospawn = no
default-server = unix:{socket}
cookie-file = {folder}/cookie
"""


def require_servers():
    """Skip the test where there are no sound servers; fail it in CI, where there must be."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if not list(Path("/usr/lib").glob(f"*/{PLUGIN}")):
        missing.append(PLUGIN)
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"no {', '.join(missing)}: ./studio test installs them, run as root")
    assert not missing, f"CI lacks {missing}: see has_sound_servers in ./studio"


def _ended(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class PulseServer:
    """A PulseAudio server with null sinks, which ALSA's `default` of this process leads to.

    Parameters
    ----------
    monkeypatch : pytest.MonkeyPatch
        Sets what clients are told by.
    """

    def __init__(self, monkeypatch):
        # Not in pytest's folder: the path of a socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="sound"))
        self.socket = self.folder / "socket"
        names = {"socket": self.socket, "folder": self.folder}
        for name, text in (("alsa.conf", _ALSA), ("client.conf", _CLIENT)):
            (self.folder / name).write_text(text.format(**names))
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(self.folder / "alsa.conf"))
        monkeypatch.setenv("PULSE_CLIENTCONFIG", str(self.folder / "client.conf"))
        monkeypatch.setenv("PULSE_SERVER", f"unix:{self.socket}")
        monkeypatch.setenv("JACK_NO_START_SERVER", "1")
        monkeypatch.setenv("JACK_DEFAULT_SERVER", "none")
        self._sinks = {}
        self._recordings = []
        self.start()

    def start(self):
        """Start it, without a device."""
        environment = {
            **os.environ,
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "PULSE_RUNTIME_PATH": str(self.folder),
        }
        # Without shared memory every block takes the same way, and is what a recording gets.
        options = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes")
        options += ("--use-pid-file=no", "--realtime=no", "--high-priority=no")
        module = f"module-native-protocol-unix socket={self.socket} auth-anonymous=1"
        log = (self.folder / "log").open("a")
        self._process = subprocess.Popen(
            ["pulseaudio", *options, f"--load={module}"],
            env=environment,
            stdout=log,
            stderr=log,
        )
        until(self.socket.exists, START_SECONDS)

    def _pactl(self, *words):
        return subprocess.run(
            ["pactl", *words], check=True, capture_output=True, text=True, timeout=60
        ).stdout.strip()

    def add_sink(self, name, sample_rate=44_100):
        """Connect a device of this name that runs at this rate, in float32."""
        self._sinks[name] = (
            self._pactl(
                *("load-module", "module-null-sink", f"sink_name={name}", "channels=2"),
                *(f"rate={sample_rate}", "format=float32le"),
            ),
            sample_rate,
        )

    def remove_sink(self, name):
        """Disconnect a device."""
        self._pactl("unload-module", self._sinks.pop(name)[0])

    def record(self, name):
        """Return a recording of what a device plays from now on."""
        made = Recording(name, self._sinks[name][1], self.folder)
        self._recordings.append(made)
        return made

    def crash(self):
        """End it without a word to its clients."""
        self._process.kill()
        self._process.wait()
        self.socket.unlink(missing_ok=True)
        self._sinks.clear()

    def close(self):
        """End the server."""
        for recording in self._recordings:
            recording.close()
        _ended(self._process)
        shutil.rmtree(self.folder, ignore_errors=True)


class Recording:
    """What a sink of a PulseAudio server plays, to a file, and when."""

    def __init__(self, sink, sample_rate, folder):
        self.sample_rate = sample_rate
        descriptor, name = tempfile.mkstemp(".raw", f"{sink}-", folder)
        self._path, self._file = Path(name), os.fdopen(descriptor, "wb", buffering=0)
        self._process = subprocess.Popen(
            [
                *("parec", f"--device={sink}.monitor", "--raw", "--format=float32le"),
                *("--channels=2", f"--rate={sample_rate}", "--latency-msec=20"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        # The earliest moment at which the recording can have begun, told by its promptest block.
        self.began = float("inf")
        self._count = 0
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()
        # Once it is steady: what the sink had prepared before is not what is played.
        until(lambda: self._count > sample_rate // 4, START_SECONDS)

    def _pump(self):
        while data := os.read(self._process.stdout.fileno(), 1 << 16):
            self._file.write(data)
            self._count += len(data) // 8
            self.began = min(self.began, time.perf_counter() - self._count / self.sample_rate)

    def samples(self):
        """Return everything until now, float32 of shape (2, samples)."""
        bytes_there = self._path.stat().st_size // 8 * 8
        if not bytes_there:
            return np.zeros((2, 0), dtype=np.float32)
        return np.memmap(self._path, "<f4", "r", shape=(bytes_there // 8, 2)).T

    def heard(self, silence_seconds=0.5, wait_seconds=20.0):
        """Return what was played up to now, once it has been silent for a while.

        Returns
        -------
        ndarray, float32, shape (2, samples)
            From the first sample that is not zero to the last one.
        """
        silence = round(silence_seconds * self.sample_rate)
        until(lambda: self.samples().shape[1] > silence and self._is_silent(silence), wait_seconds)
        return trimmed(self.samples())

    def _is_silent(self, count):
        return not self.samples()[:, -count:].any()

    def close(self):
        """End it."""
        _ended(self._process)
        self._thread.join()
        self._file.close()


class JackServer:
    """A JACK server with a dummy driver; one at a time, for all of a user share their memory.

    Parameters
    ----------
    monkeypatch : pytest.MonkeyPatch
        Sets what clients are told by.
    sample_rate : int
        What it runs at, in hertz.
    """

    def __init__(self, monkeypatch, sample_rate):
        self._turn = (Path(tempfile.gettempdir()) / f"jack-of-tests-{os.getuid()}").open("w")
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        self.folder = Path(tempfile.mkdtemp(prefix="sound"))
        (self.folder / "alsa.conf").write_text("pcm.!default { type hw card 99 }\n")
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(self.folder / "alsa.conf"))
        monkeypatch.setenv("JACK_DEFAULT_SERVER", self.folder.name)
        monkeypatch.setenv("JACK_NO_START_SERVER", "1")
        monkeypatch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
        log = (self.folder / "log").open("a")
        self._process = subprocess.Popen(
            [
                # Synchronous: the server waits for its clients, however busy the machine is.
                *("jackd", "--no-realtime", "--sync", "--timeout", "20000"),
                *("--name", self.folder.name, "-d", "dummy"),
                *("--rate", str(sample_rate), "--period", "1024"),
            ],
            stdout=log,
            stderr=log,
        )
        self._recorder = None
        try:
            until(lambda: self._ports(), START_SECONDS)
        except AssertionError:
            self.close()
            raise

    def _ports(self):
        try:
            done = subprocess.run(["jack_lsp"], capture_output=True, text=True, timeout=10)
        except subprocess.TimeoutExpired:
            return []
        return done.stdout.split() if done.returncode == 0 else []

    def record(self):
        """Record what clients play; call it once they are there."""
        ports = until(lambda: [p for p in self._ports() if p.startswith("PortAudio:out")])
        self._path = self.folder / "recording.wav"
        self._recorder = subprocess.Popen(
            ["jack_rec", "-f", str(self._path), "-d", "600", "-b", "32", *sorted(ports)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: [p for p in self._ports() if p.startswith("jackrec:")], START_SECONDS)
        until(lambda: self._path.exists() and self._path.stat().st_size > 100_000, START_SECONDS)

    def heard(self):
        """End the recording and return what was played, float32 of shape (2, samples)."""
        self._recorder.send_signal(signal.SIGINT)
        self._recorder.wait(20)
        return trimmed(soundfile.read(self._path, dtype="float32", always_2d=True)[0].T)

    def end(self):
        """End the server while it is in use."""
        _ended(self._process)

    def close(self):
        """End everything."""
        for process in (self._recorder, self._process):
            if process is not None:
                _ended(process)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._turn.close()


def trimmed(samples):
    """Return samples without the silence around them."""
    loud = np.flatnonzero(samples.any(axis=0))
    return samples[:, loud[0] : loud[-1] + 1] if loud.size else samples[:, :0]


_TONES_HZ = (440.0, 1_000.0, 5_000.0)


def tones(sample_rate, seconds=1.0):
    """Return three tones, float32 of shape (2, samples)."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    left = sum(0.2 * np.cos(2 * np.pi * hertz * time) for hertz in _TONES_HZ)
    return np.stack([left, 0.5 * left]).astype(np.float32)


def unlike_tones_db(samples, sample_rate):
    """Return how much of the middle of a sound is none of the `tones`, in decibels of them."""
    margin = samples.shape[1] // 10
    time = np.arange(samples.shape[1] - 2 * margin) / sample_rate
    waves = [f(2 * np.pi * hertz * time) for hertz in _TONES_HZ for f in (np.cos, np.sin)]
    middle = samples[:, margin:-margin].T.astype(np.float64)
    basis = np.stack(waves, axis=1)
    parts = np.linalg.lstsq(basis, middle, rcond=None)[0]
    return 10 * np.log10(((middle - basis @ parts) ** 2).mean() / (middle**2).mean())
