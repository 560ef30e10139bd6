"""The sound device, with PortAudio replaced by one that does what a test says."""

import atexit
import os
import subprocess
import sys
import threading
import types

import numpy as np
import pytest

from drumstudio.core.errors import DeviceError
from drumstudio.playback import device_output
from drumstudio.playback.output import OutputChoice
from drumstudio.playback.player import SoundSystem
from drumstudio.playback.ring import Ring


class PortAudioError(Exception):
    pass


class Stream:
    """A stream that is pulled by hand."""

    def __init__(self, fake, **settings):
        if settings["device"] in fake.busy:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        self.settings = settings
        self.latency = settings.get("latency", 0.0) + 0.001
        self.running = False
        self.fake = fake
        fake.streams.append(self)

    def start(self):
        if self.fake.refuses_start:
            raise PortAudioError("Unanticipated host error")
        self.running = True

    @property
    def active(self):
        return self.running

    def stop(self, ignore_errors=True):
        if self.running:
            self.running = False
            self.settings["finished_callback"]()

    def close(self, ignore_errors=True):
        self.fake.closing()
        self.stop()

    def pull(self, samples, delay=0.25, underflow=False):
        out = np.full((samples, self.settings["channels"]), 9.0, dtype=np.float32)
        time = types.SimpleNamespace(currentTime=7.0, outputBufferDacTime=7.0 + delay)
        flags = types.SimpleNamespace(output_underflow=underflow)
        self.settings["callback"](out, samples, time, flags)
        return out


def device(name, rate=48_000.0, channels=2, host=0):
    return {
        "name": name,
        "default_samplerate": rate,
        "max_output_channels": channels,
        "hostapi": host,
    }


class FakePortAudio(types.ModuleType):
    """In place of the module sounddevice."""

    PortAudioError = PortAudioError

    def __init__(self, devices, default=0, rates=(44_100, 48_000)):
        super().__init__("sounddevice")
        self._devices = devices
        self._rates = rates
        self.default = types.SimpleNamespace(device=(-1, default))
        self.busy = set()
        self.refuses_start = False
        self.streams = []
        self.restarts = 0
        self._initialized = 1
        self.exits = 0
        self.closing = lambda: None

    def query_hostapis(self):
        return [{"name": "ALSA", "default_output_device": 0}]

    def query_devices(self):
        return self._devices

    def check_output_settings(self, device, channels, dtype, samplerate):
        if samplerate not in self._rates:
            raise PortAudioError("Invalid sample rate")

    def OutputStream(self, **settings):  # noqa: N802
        return Stream(self, **settings)

    def _exit_handler(self):
        self.exits += 1

    def _terminate(self):
        self._initialized -= 1

    def _initialize(self):
        self._initialized += 1
        self.restarts += 1


@pytest.fixture
def portaudio(monkeypatch):
    """Return what installs a fake PortAudio with some devices."""

    def install(*args, **settings):
        fake = FakePortAudio(*args, **settings)
        monkeypatch.setitem(sys.modules, "sounddevice", fake)
        return fake

    return install


DEVICES = [device("Microphone", channels=0), device("Speaker"), device("Headphones", 44_100.0)]


def test_devices_are_listed_with_the_system_s_choice_first(portaudio):
    portaudio(DEVICES, default=2)
    found = SoundSystem().devices()
    assert [one.name for one in found] == ["Headphones (ALSA)", "Speaker (ALSA)"]
    assert [one.is_default for one in found] == [True, False]
    assert found[0].sample_rate == 44_100


def test_a_system_without_a_choice_takes_the_first_interface_s(portaudio):
    portaudio([device("Only")], default=-1)
    assert SoundSystem().devices()[0].is_default


def open_output(choice, sample_rate):
    return SoundSystem().open(choice, sample_rate)[0]


def test_the_chosen_device_plays_what_is_in_the_ring(portaudio):
    fake = portaudio(DEVICES, default=1)
    output = open_output(OutputChoice("ALSA: Headphones", 256), 44_100)
    assert (output.name, output.sample_rate, output.channels) == ("Headphones (ALSA)", 44_100, 2)
    stream = fake.streams[0]
    ring = Ring(100, 2)
    ring.write(np.ones((100, 2), dtype=np.float32))
    output.start(ring)
    assert not stream.pull(output._first_samples).any()
    assert ring.read == 0
    assert (stream.pull(60) == 1.0).all()
    assert ring.read == 60
    assert output.underflows == 0
    stream.pull(0, underflow=True)
    assert output.underflows == 1
    assert output.latency_seconds == pytest.approx(0.02 + 0.001)
    output.stop()
    assert not stream.pull(10).any()
    assert output.failure is None
    assert stream.running
    output.start(ring)
    assert (stream.pull(40) == 1.0).all()
    output.close()
    output.close()
    assert not stream.running


@pytest.mark.parametrize(("told", "delay"), [(0.25, 0.25), (0.0, None), (-7.0, None), (1e9, None)])
def test_what_is_heard_now_follows_the_driver_where_it_knows(portaudio, told, delay):
    fake = portaudio(DEVICES, default=1)
    output = open_output(OutputChoice(), 44_100)
    ring = Ring(1_000, 2)
    ring.write(np.ones((1_000, 2), dtype=np.float32))
    output.start(ring)
    fake.streams[0].pull(output._first_samples)
    fake.streams[0].pull(100, told)
    expected = output.latency_seconds if delay is None else delay
    assert ring.taken.delay_seconds == pytest.approx(expected)
    at = ring.taken.at_seconds + expected
    assert ring.taken.heard(at - 0.1, 44_100) == 0.0
    assert ring.taken.heard(at + 0.001, 44_100) == pytest.approx(44.1)
    assert ring.taken.heard(at + 1.0, 44_100) == 100.0


def test_a_device_that_refuses_the_song_s_rate_runs_at_its_own(portaudio):
    portaudio(DEVICES, default=1, rates=(48_000,))
    assert open_output(OutputChoice(), 44_100).sample_rate == 48_000


def test_a_mono_device_is_opened_with_one_channel(portaudio):
    portaudio([device("Bell", channels=1)])
    assert open_output(OutputChoice(), 48_000).channels == 1


def test_a_device_that_ends_by_itself_has_failed(portaudio):
    fake = portaudio(DEVICES, default=1)
    output = open_output(OutputChoice(), 48_000)
    assert output.failure is None
    output.start(Ring(8, 2))
    assert output.failure is None
    fake.streams[0].settings["finished_callback"]()
    assert "unplugged" in output.failure.why
    output.close()
    assert output.failure is None


def test_a_server_that_ends_without_a_word_is_a_failure(portaudio):
    fake = portaudio(DEVICES, default=1)
    output = open_output(OutputChoice(), 48_000)
    output.start(Ring(8, 2))
    fake.streams[0].running = False
    assert "server ended" in output.failure.why


def test_a_device_that_takes_nothing_has_failed_a_waking_one_not_so_soon(portaudio, monkeypatch):
    fake = portaudio(DEVICES, default=1)
    monkeypatch.setattr(device_output, "_SILENT_SECONDS", 0.0)
    output = open_output(OutputChoice(), 48_000)
    output.start(Ring(8, 2))
    fake.streams[0].pull(512)
    assert output.failure is None
    fake.streams[0].pull(output._first_samples)
    assert "does not take any sound" in output.failure.why
    assert output.failure.at_seconds == output._called_at


JACK_HOSTS = [
    {"name": "ALSA", "default_output_device": 0},
    {"name": "JACK Audio Connection Kit", "default_output_device": 0},
]


@pytest.fixture
def jack(portaudio, monkeypatch):
    """Return a fake PortAudio beside a JACK server; `at_end` is what is done at the end."""
    fake = portaudio([*DEVICES, device("system", host=1)], default=1)
    fake.query_hostapis = lambda: JACK_HOSTS
    fake.at_end = [(fake._exit_handler, ())]
    monkeypatch.setattr(atexit, "register", lambda call, *what: fake.at_end.append((call, what)))
    monkeypatch.setattr(
        atexit,
        "unregister",
        lambda call: fake.at_end.remove(next(one for one in fake.at_end if one[0] == call)),
    )
    return fake


def end(fake):
    for call, what in fake.at_end:
        call(*what)


def test_beside_a_jack_server_devices_are_found_and_portaudio_ends_with_the_program(jack):
    sound = SoundSystem()
    sound.devices()
    sound.devices()
    assert jack.restarts == 2
    assert len(jack.at_end) == 1
    end(jack)
    assert jack.exits == 1


def test_portaudio_is_not_ended_beside_a_jack_server_that_has_ended(jack):
    sound = SoundSystem()
    sound.devices()
    jack.busy = {3}
    sound.devices()
    assert jack.restarts == 1
    jack.busy = {1, 3}
    with pytest.raises(DeviceError, match="start DrumStudio again"):
        sound.open(OutputChoice(), 48_000, look_again=True)
    end(jack)
    assert jack.exits == 0


def test_a_stream_that_can_not_be_closed_holds_nothing_up(jack, monkeypatch):
    monkeypatch.setattr(device_output, "_CLOSING_SECONDS", 0.01)
    sound, unblock = SoundSystem(), threading.Event()
    output, _ = sound.open(OutputChoice("JACK Audio Connection Kit: system"), 48_000)
    jack.closing = lambda: unblock.wait(5.0)
    output.start(Ring(8, 2))
    output.close()
    sound.devices()
    end(jack)
    assert (jack.restarts, jack.exits) == (0, 0)
    unblock.set()


def test_devices_are_not_looked_for_while_one_is_open_on_any_deck(portaudio):
    fake = portaudio(DEVICES, default=1)
    sound = SoundSystem()
    first, _ = sound.open(OutputChoice(), 48_000)
    sound.devices()
    second, _ = sound.open(OutputChoice(), 48_000, look_again=True)
    first.close()
    sound.devices()
    assert fake.restarts == 0
    second.close()
    sound.devices()
    assert fake.restarts == 1


def test_a_device_in_use_says_so(portaudio):
    fake = portaudio(DEVICES, default=1)
    fake.busy = {1}
    with pytest.raises(DeviceError, match="Device unavailable"):
        open_output(OutputChoice(), 48_000)
    fake.busy = set()
    fake.refuses_start = True
    with pytest.raises(DeviceError, match="host error"):
        open_output(OutputChoice(), 48_000).start(Ring(8, 2))


def test_a_missing_device_is_replaced_by_the_system_s_and_the_reason_kept(portaudio):
    portaudio(DEVICES, default=1)
    output, reason = SoundSystem().open(OutputChoice("ALSA: Interface"), 48_000)
    assert output.name == "Speaker (ALSA)"
    assert "not connected" in str(reason)
    assert SoundSystem().open(OutputChoice(), 48_000)[1] is None


def test_without_any_device_that_is_said(portaudio):
    portaudio(DEVICES[:1], default=-1)
    with pytest.raises(DeviceError, match="no sound device"):
        open_output(OutputChoice("ALSA: Interface", 1_024), 48_000)


def test_without_portaudio_the_package_to_install_is_named(monkeypatch):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    for ask in (SoundSystem().devices, lambda: open_output(OutputChoice(), 48_000)):
        with pytest.raises(DeviceError, match="libportaudio2"):
            ask()


def test_without_the_python_package_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DeviceError, match="pip install sounddevice"):
        SoundSystem().devices()


def test_a_portaudio_that_does_not_answer_is_told(portaudio):
    fake = portaudio(DEVICES)

    def fail():
        raise PortAudioError("not initialized")

    fake.query_devices = fail
    with pytest.raises(DeviceError, match="not initialized"):
        SoundSystem().devices()
    fake.query_devices = lambda: DEVICES
    sound, initialize = SoundSystem(), fake._initialize
    fake._initialize = fail
    for _ in range(2):
        with pytest.raises(DeviceError, match="not initialized"):
            sound.devices()
    fake._initialize = initialize
    assert sound.devices()


def test_a_buffer_that_is_none_of_the_choices_is_refused():
    with pytest.raises(ValueError, match="block_samples"):
        OutputChoice(None, 500)


REAL_SESSION = """
import time
import numpy as np
from drumstudio.core.errors import DeviceError
from drumstudio.playback.output import OutputChoice
from drumstudio.playback.player import SoundSystem
from drumstudio.playback.ring import Ring
try:
    output, _ = SoundSystem().open(OutputChoice(None, 256), 44_100)
except DeviceError as error:
    print("SKIP", error.why)
else:
    ring = Ring(1_024, output.channels)
    ring.write(np.zeros((1_024, output.channels), dtype=np.float32))
    output.start(ring)
    give_up = time.monotonic() + 10.0
    while ring.read < 1_024 and time.monotonic() < give_up:
        time.sleep(0.01)
    output.stop()
    print("READ", ring.read, output.failure, output.latency_seconds > 0.0)
    output.close()
"""


def test_the_real_portaudio_takes_what_is_in_the_ring(tmp_path):
    # ALSA's null device is no clock, but it calls back; it has to be set before PortAudio starts.
    config = tmp_path / "alsa.conf"
    config.write_text("pcm.!default { type null }\nctl.!default { type null }\n")
    done = subprocess.run(
        [sys.executable, "-c", REAL_SESSION],
        env={**os.environ, "ALSA_CONFIG_PATH": str(config)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    last = done.stdout.strip().splitlines()[-1]
    if last.startswith("SKIP"):
        pytest.skip(last)
    assert last == "READ 1024 None True"
