"""The computer's sound devices: which there are, and opening one. Only here is sounddevice used."""

from __future__ import annotations

import atexit
from threading import RLock
from typing import Any

from drumstudio.core.errors import DeviceError
from drumstudio.playback.device_output import DeviceOutput, refusal
from drumstudio.playback.output import Output, OutputChoice, OutputDevice


class SoundSystem:
    """PortAudio, which a process has once: all decks share it. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = RLock()  # PortAudio itself has none
        self._open: set[DeviceOutput] = set()
        self._guarded = False  # whether `_end` ends PortAudio with the program
        self._stays = False  # whether PortAudio must not be ended any more

    def devices(self) -> tuple[OutputDevice, ...]:
        """Look for devices and return those that can play; the system's own choice first.

        While one is open, those are returned that there were before.

        Raises
        ------
        DeviceError
            If there is no PortAudio, or it does not answer.
        """
        with self._lock:
            sounddevice = self._library()
            self._look_again(sounddevice)
            return tuple(device for _, device in _numbered_devices(sounddevice))

    def open(
        self, choice: OutputChoice, sample_rate: int, *, look_again: bool = False
    ) -> tuple[Output, DeviceError | None]:
        """Open the chosen device, else the system's own; at a rate if it can, else at its own.

        Parameters
        ----------
        choice : OutputChoice
            What is wanted.
        sample_rate : int
            The rate that would suit, in hertz.
        look_again : bool
            Whether to look for devices that were connected meanwhile.

        Returns
        -------
        tuple of (Output, DeviceError or None)
            The output, and why it is not the one that was asked for.

        Raises
        ------
        DeviceError
            If there is no PortAudio, no device, or each refuses.
        """
        with self._lock:
            sounddevice = self._library()
            if look_again:
                self._look_again(sounddevice)
            try:
                return self._open_device(sounddevice, choice, sample_rate), None
            except DeviceError as error:
                reason = error
            if choice.device is not None:
                usual = OutputChoice(None, choice.block_samples)
                try:
                    return self._open_device(sounddevice, usual, sample_rate), reason
                except DeviceError as error:
                    reason = error
            if self._stays:
                fix = "Save your work and start DrumStudio again: only then it finds new devices."
                reason = DeviceError(reason.what, why=reason.why, fix=fix)
            raise reason

    def _library(self) -> Any:
        sounddevice = _sounddevice()
        if sounddevice._initialized and not self._guarded and _jack_devices(sounddevice):
            self._guarded = True
            atexit.unregister(sounddevice._exit_handler)
            atexit.register(self._end, sounddevice)
        return sounddevice

    def _end(self, sounddevice: Any) -> None:
        with self._lock:
            if self._may_end(sounddevice):
                sounddevice._exit_handler()

    def _may_end(self, sounddevice: Any) -> bool:
        """Return whether PortAudio can be ended: not beside a JACK server that has ended.

        It would wait for ten minutes if something had played there, and else end the process (a
        failed assertion of its own). A stream that can be opened tells that the server answers.
        """
        if not self._stays and sounddevice._initialized:
            try:
                for number in _jack_devices(sounddevice):
                    sounddevice.OutputStream(device=number, channels=1).close()
            except sounddevice.PortAudioError:
                self._stays = True
        return not self._stays

    def _look_again(self, sounddevice: Any) -> None:
        """Have PortAudio look for devices again; it would close those that are open."""
        if self._open or not self._may_end(sounddevice):
            return
        try:
            # The only way to notice a device that was plugged in: PortAudio makes its list once.
            if sounddevice._initialized:
                sounddevice._terminate()
            sounddevice._initialize()
        except sounddevice.PortAudioError as error:
            raise refusal("any device", error) from error

    def _open_device(
        self, sounddevice: Any, choice: OutputChoice, sample_rate: int
    ) -> DeviceOutput:
        devices = _numbered_devices(sounddevice)
        for number, device in devices:
            if choice.device is None or device.id == choice.device:
                output = DeviceOutput(
                    *(sounddevice, number, device, choice.block_samples, sample_rate),
                    closed=self._on_closed,
                )
                self._open.add(output)
                return output
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

    def _on_closed(self, output: DeviceOutput, let_go: bool) -> None:
        with self._lock:
            self._open.discard(output)
            if not let_go:
                self._stays = True


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


def _jack_devices(sounddevice: Any) -> list[int]:
    """Return the numbers of the devices that lead to a JACK server."""
    hosts, found = _hosts_and_devices(sounddevice)
    return [
        number
        for number, device in enumerate(found)
        if "JACK" in hosts[device["hostapi"]]["name"] and device["max_output_channels"] > 0
    ]


def _hosts_and_devices(sounddevice: Any) -> tuple[Any, Any]:
    try:
        return sounddevice.query_hostapis(), sounddevice.query_devices()
    except sounddevice.PortAudioError as error:
        raise refusal("any device", error) from error


def _numbered_devices(sounddevice: Any) -> list[tuple[int, OutputDevice]]:
    hosts, found = _hosts_and_devices(sounddevice)
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
