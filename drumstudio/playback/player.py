"""The sound device: which there are, and playing a ring on one. Only here is sounddevice used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.errors import DeviceError
from drumstudio.playback.ring import Ring
from drumstudio.playback.silent_clock import SilentClock

BLOCK_CHOICES = (128, 256, 512, 1_024, 2_048, 4_096)
DEFAULT_BLOCK_SAMPLES = 512

_DEVICE_BLOCKS = 3  # what the device is asked to hold, for it waits for Python as well


@dataclass(frozen=True, slots=True)
class OutputDevice:
    """A device that can play.

    Parameters
    ----------
    id : str
        Names it from one session to the next: its host interface and name.
    name : str
        For a person.
    sample_rate : int
        What it runs at by itself, in hertz.
    channels : int
        How many it has.
    is_default : bool
        Whether the system prefers it.
    """

    id: str
    name: str
    sample_rate: int
    channels: int
    is_default: bool


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """What a person wants to listen with.

    Parameters
    ----------
    device : str or None
        The `OutputDevice.id`; None for the system's own choice.
    block_samples : int
        The buffer: one of `BLOCK_CHOICES`. Short ones answer faster, long ones are safer.

    Raises
    ------
    ValueError
        If the buffer is none of the choices.
    """

    device: str | None = None
    block_samples: int = DEFAULT_BLOCK_SAMPLES

    def __post_init__(self) -> None:
        if self.block_samples not in BLOCK_CHOICES:
            raise ValueError(
                f"block_samples must be one of {BLOCK_CHOICES}, got {self.block_samples}"
            )


class Output(Protocol):
    """Something that takes samples from a ring in real time; one thread calls it."""

    name: str
    sample_rate: int
    channels: int
    block_samples: int
    silent: bool

    @property
    def latency_seconds(self) -> float:
        """How long a sample that was taken takes to be heard."""

    @property
    def failure(self) -> str | None:
        """Why it no longer plays although nobody stopped it; None if all is well."""

    def start(self, ring: Ring) -> None:
        """Begin to take samples from a ring of as many channels.

        Raises
        ------
        DeviceError
            If the device refuses.
        """

    def stop(self) -> None:
        """Play what was taken and take no more; a second call does nothing."""

    def close(self) -> None:
        """Stop and give the device back."""


def _sounddevice() -> Any:
    # Imported here: it starts PortAudio, which looks for devices and may not be installed.
    try:
        import sounddevice
    except OSError as error:
        raise DeviceError(
            "There is no sound",
            why="the PortAudio library is not on this computer.",
            fix="Install it (on Debian and Ubuntu: sudo apt install libportaudio2) and start "
            "DrumStudio again.",
        ) from error
    except ImportError as error:
        raise DeviceError(
            "There is no sound",
            why="the Python package sounddevice is not installed.",
            fix="Install it (pip install sounddevice) and start DrumStudio again.",
        ) from error
    return sounddevice


def _refusal(name: str, error: Exception) -> DeviceError:
    return DeviceError(
        f"Cannot play on {name}",
        why=f"the sound system says: {str(error).strip()}.",
        fix="Choose another device or a longer buffer in the preferences, or close programs "
        "that use this one.",
    )


def output_devices() -> tuple[OutputDevice, ...]:
    """Return the devices that can play; the system's own choice first.

    The first call may take a second, while PortAudio looks for devices.

    Raises
    ------
    DeviceError
        If there is no PortAudio, or it does not answer.
    """
    return tuple(device for _, device in _numbered_devices(_sounddevice()))


def _numbered_devices(sounddevice: Any) -> list[tuple[int, OutputDevice]]:
    try:
        hosts = sounddevice.query_hostapis()
        found = sounddevice.query_devices()
    except sounddevice.PortAudioError as error:
        raise _refusal("any device", error) from error
    default = sounddevice.default.device[1]
    if not 0 <= default < len(found) and hosts:
        default = hosts[0]["default_output_device"]
    devices = []
    for number, device in enumerate(found):
        if device["max_output_channels"] < 1:
            continue
        host = hosts[device["hostapi"]]["name"]
        devices.append(
            (
                number,
                OutputDevice(
                    f"{host}: {device['name']}",
                    f"{device['name']} ({host})",
                    round(device["default_samplerate"]),
                    device["max_output_channels"],
                    number == default,
                ),
            )
        )
    return sorted(devices, key=lambda entry: not entry[1].is_default)


def refresh_devices() -> None:
    """Have PortAudio look for devices again; only while no output is open.

    Raises
    ------
    DeviceError
        If there is no PortAudio, or it does not start again.
    """
    sounddevice = _sounddevice()
    try:
        # The only way to notice a device that was plugged in: PortAudio makes its list once.
        sounddevice._terminate()
        sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise _refusal("any device", error) from error


def open_output(choice: OutputChoice, sample_rate: int) -> Output:
    """Open the chosen device, at a rate if it can, else at its own.

    Raises
    ------
    DeviceError
        If there is no such device, none at all, or it refuses.
    """
    sounddevice = _sounddevice()
    devices = _numbered_devices(sounddevice)
    for number, device in devices:
        if choice.device is None or device.id == choice.device:
            return DeviceOutput(sounddevice, number, device, choice.block_samples, sample_rate)
    if devices:
        raise DeviceError(
            f"Cannot play on {choice.device}",
            why="this device is not connected.",
            fix="Connect it, or choose another device in the preferences.",
        )
    raise DeviceError(
        "There is no sound",
        why="this computer has no sound device.",
        fix="Connect one and choose it in the preferences.",
    )


def open_best(choice: OutputChoice, sample_rate: int) -> tuple[Output, DeviceError | None]:
    """Open the chosen device, else the system's own, else a silent clock.

    Returns
    -------
    tuple of (Output, DeviceError or None)
        The output, and why it is not the one that was asked for.
    """
    try:
        return open_output(choice, sample_rate), None
    except DeviceError as error:
        reason = error
    if choice.device is not None:
        try:
            return open_output(OutputChoice(None, choice.block_samples), sample_rate), reason
        except DeviceError as error:
            reason = error
    return SilentClock(sample_rate, choice.block_samples), reason


class DeviceOutput:
    """A device, opened by PortAudio.

    Parameters
    ----------
    sounddevice : module
        It.
    number : int
        The device, as PortAudio counts.
    device : OutputDevice
        What is known about it.
    block_samples : int
        Samples per block.
    sample_rate : int
        The rate that would suit; the device's own is taken if it refuses this one.

    Raises
    ------
    DeviceError
        If it can not be opened.
    """

    silent = False

    def __init__(
        self,
        sounddevice: Any,
        number: int,
        device: OutputDevice,
        block_samples: int,
        sample_rate: int,
    ) -> None:
        self.name = device.name
        self.block_samples = block_samples
        self.channels = min(device.channels, 2)
        self._sounddevice = sounddevice
        self._ring: Ring | None = None
        self._playing = False
        self._gone = False
        wanted = {"device": number, "channels": self.channels, "dtype": "float32"}
        try:
            sounddevice.check_output_settings(**wanted, samplerate=sample_rate)
            self.sample_rate = sample_rate
        except sounddevice.PortAudioError:
            self.sample_rate = device.sample_rate
        try:
            self._stream = sounddevice.OutputStream(
                **wanted,
                samplerate=self.sample_rate,
                blocksize=block_samples,
                latency=_DEVICE_BLOCKS * block_samples / self.sample_rate,
                callback=self._play,
                finished_callback=self._finished,
            )
        except sounddevice.PortAudioError as error:
            raise _refusal(self.name, error) from error

    def _play(self, out: NDArray[np.float32], count: int, time: object, status: object) -> None:
        # PortAudio's thread: two copies and nothing else.
        if self._ring is None:
            out.fill(0.0)
        else:
            self._ring.read_into(out)

    def _finished(self) -> None:
        self._gone = self._playing

    @property
    def latency_seconds(self) -> float:
        """How long a sample that was taken takes to be heard, as the driver says."""
        return float(self._stream.latency)

    @property
    def failure(self) -> str | None:
        """Why it no longer plays although nobody stopped it; None if all is well."""
        return "it was unplugged or taken by another program" if self._gone else None

    def start(self, ring: Ring) -> None:
        """Begin to take samples from a ring.

        Raises
        ------
        DeviceError
            If the device refuses.
        """
        self._ring = ring
        self._gone = False
        self._playing = True
        try:
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            self._playing = False
            raise _refusal(self.name, error) from error

    def stop(self) -> None:
        """Play what was taken and take no more; a second call does nothing."""
        if self._playing:
            self._playing = False
            # A device that is gone refuses this too, and there is nothing to be done.
            self._stream.stop(ignore_errors=True)

    def close(self) -> None:
        """Stop and give the device back."""
        self._playing = False
        self._stream.close(ignore_errors=True)
