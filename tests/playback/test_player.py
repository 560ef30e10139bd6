"""The sound device, with PortAudio replaced by one that does what a test says."""

import os
import subprocess
import sys
import types

import numpy as np
import pytest

from drumstudio.core.errors import DeviceError
from drumstudio.playback.player import (
    OutputChoice,
    open_best,
    open_output,
    output_devices,
    refresh_devices,
)
from drumstudio.playback.ring import Ring


class PortAudioError(Exception):
    pass


class Stream:
    """A stream that is pulled by hand."""

    def __init__(self, fake, **settings):
        if settings["device"] in fake.busy:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        self.settings = settings
        self.latency = settings["latency"] + 0.001
        self.running = False
        self.fake = fake
        fake.streams.append(self)

    def start(self):
        if self.fake.refuses_start:
            raise PortAudioError("Unanticipated host error")
        self.running = True

    def stop(self, ignore_errors=True):
        if self.running:
            self.running = False
            self.settings["finished_callback"]()

    def close(self, ignore_errors=True):
        self.stop()

    def pull(self, samples):
        out = np.full((samples, self.settings["channels"]), 9.0, dtype=np.float32)
        self.settings["callback"](out, samples, None, None)
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

    def query_hostapis(self):
        return [{"name": "ALSA", "default_output_device": 0}]

    def query_devices(self):
        return self._devices

    def check_output_settings(self, device, channels, dtype, samplerate):
        if samplerate not in self._rates:
            raise PortAudioError("Invalid sample rate")

    def OutputStream(self, **settings):  # noqa: N802
        return Stream(self, **settings)

    def _terminate(self):
        self.restarts += 1

    def _initialize(self):
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
    found = output_devices()
    assert [one.name for one in found] == ["Headphones (ALSA)", "Speaker (ALSA)"]
    assert [one.is_default for one in found] == [True, False]
    assert found[0].sample_rate == 44_100


def test_a_system_without_a_choice_takes_the_first_interface_s(portaudio):
    portaudio([device("Only")], default=-1)
    assert output_devices()[0].is_default


def test_the_chosen_device_plays_what_is_in_the_ring(portaudio):
    fake = portaudio(DEVICES, default=1)
    output = open_output(OutputChoice("ALSA: Headphones", 256), 44_100)
    assert (output.name, output.sample_rate, output.channels) == ("Headphones (ALSA)", 44_100, 2)
    stream = fake.streams[0]
    assert not stream.pull(10).any()
    ring = Ring(100, 2)
    ring.write(np.ones((100, 2), dtype=np.float32))
    output.start(ring)
    assert (stream.pull(60) == 1.0).all()
    assert ring.read == 60
    assert output.latency_seconds == pytest.approx(3 * 256 / 44_100 + 0.001)
    output.stop()
    assert output.failure is None
    output.close()


def test_a_device_that_refuses_the_song_s_rate_runs_at_its_own(portaudio):
    portaudio(DEVICES, default=1, rates=(48_000,))
    assert open_output(OutputChoice(), 44_100).sample_rate == 48_000


def test_a_mono_device_is_opened_with_one_channel(portaudio):
    portaudio([device("Bell", channels=1)])
    assert open_output(OutputChoice(), 48_000).channels == 1


def test_a_device_that_ends_by_itself_has_failed(portaudio):
    fake = portaudio(DEVICES, default=1)
    output = open_output(OutputChoice(), 48_000)
    output.start(Ring(8, 2))
    fake.streams[0].settings["finished_callback"]()
    assert "unplugged" in output.failure
    output.start(Ring(8, 2))
    assert output.failure is None


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
    output, reason = open_best(OutputChoice("ALSA: Interface"), 48_000)
    assert output.name == "Speaker (ALSA)"
    assert "not connected" in str(reason)
    assert open_best(OutputChoice(), 48_000)[1] is None


def test_without_any_device_a_silent_clock_runs_and_says_so(portaudio):
    portaudio(DEVICES[:1], default=-1)
    output, reason = open_best(OutputChoice("ALSA: Interface", 1_024), 48_000)
    assert output.silent
    assert (output.sample_rate, output.block_samples) == (48_000, 1_024)
    assert "no sound device" in str(reason)


def test_without_portaudio_the_package_to_install_is_named(monkeypatch):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    for ask in (output_devices, refresh_devices, lambda: open_output(OutputChoice(), 48_000)):
        with pytest.raises(DeviceError, match="libportaudio2"):
            ask()
    output, reason = open_best(OutputChoice(), 48_000)
    assert output.silent
    assert "libportaudio2" in reason.fix


def test_without_the_python_package_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DeviceError, match="pip install sounddevice"):
        output_devices()


def test_looking_again_starts_portaudio_anew(portaudio):
    fake = portaudio(DEVICES)
    refresh_devices()
    assert fake.restarts == 2


def test_a_portaudio_that_does_not_answer_is_told(portaudio):
    fake = portaudio(DEVICES)

    def fail():
        raise PortAudioError("not initialized")

    fake.query_devices = fail
    fake._initialize = fail
    for ask in (output_devices, refresh_devices):
        with pytest.raises(DeviceError, match="not initialized"):
            ask()


def test_a_buffer_that_is_none_of_the_choices_is_refused():
    with pytest.raises(ValueError, match="block_samples"):
        OutputChoice(None, 500)


REAL_SESSION = """
import time
import numpy as np
from drumstudio.core.errors import DeviceError
from drumstudio.playback.player import OutputChoice, open_output
from drumstudio.playback.ring import Ring
try:
    output = open_output(OutputChoice(None, 256), 44_100)
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
