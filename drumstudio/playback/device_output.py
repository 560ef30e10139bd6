"""A sound device that plays a ring: one stream of PortAudio."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.errors import DeviceError
from drumstudio.playback.output import Failure, OutputDevice
from drumstudio.playback.ring import Ring

_DEVICE_BLOCKS = 3  # what the device is asked to hold, for it waits for Python as well
_DEVICE_SECONDS = 0.02  # and no less: at 9 ms PulseAudio runs dry many times a second
_SILENT_SECONDS = 3.0  # without a call for samples, after which it counts as gone
_WAKING_SECONDS = 10.0  # the same before its first: a server wakes an idle device in up to 2 s
_CLOSING_SECONDS = 2.0
_LONGEST_DELAY_SECONDS = 10.0


class DeviceOutput:
    """A device, opened by PortAudio; once started it runs until it is closed, silent between rings.

    So what was taken is heard to its last sample: a stream of PortAudio that is stopped leaves its
    last buffer unplayed on some sound servers.

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
    closed : callable
        Told that the device is given back, and whether PortAudio has let go of it.

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
        closed: Callable[[DeviceOutput, bool], object],
    ) -> None:
        self.name = device.name
        self.block_samples = block_samples
        self.channels = min(device.channels, 2)
        self._sounddevice = sounddevice
        self._closed: Callable[[DeviceOutput, bool], object] | None = closed
        self._ring: Ring | None = None
        self._running = False
        self._ended_at: float | None = None
        self._called_at = 0.0
        self._taken = 0
        self.underflows = 0
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
                latency=max(_DEVICE_BLOCKS * block_samples / self.sample_rate, _DEVICE_SECONDS),
                callback=self._play,
                finished_callback=self._finished,
            )
        except sounddevice.PortAudioError as error:
            raise refusal(self.name, error) from error
        self.latency_seconds = float(self._stream.latency)
        # A new stream takes this at once, whether or not anything moves behind it.
        self._first_samples = round(self.latency_seconds * self.sample_rate) + block_samples

    def _play(self, out: NDArray[np.float32], count: int, time: Any, status: Any) -> None:
        # PortAudio's thread: two copies and nothing else.
        self._called_at = perf_counter()
        ring = self._ring
        self._taken += count
        if ring is None or self._taken <= self._first_samples:
            out.fill(0.0)
        else:
            self.underflows += bool(status.output_underflow)
            delay = time.outputBufferDacTime - time.currentTime
            if not 0.0 < delay < _LONGEST_DELAY_SECONDS:
                delay = self.latency_seconds  # this driver does not know
            ring.read_into(out, delay)

    def _finished(self) -> None:
        self._ended_at = perf_counter()

    @property
    def failure(self) -> Failure | None:
        """Why it no longer plays although nobody closed it; None if all is well."""
        if not self._running:
            return None
        now = perf_counter()
        if self._ended_at is not None or not self._stream.active:
            return Failure("it was unplugged, or the sound server ended", self._ended_at or now)
        moved = self._taken > self._first_samples
        if now - self._called_at > (_SILENT_SECONDS if moved else _WAKING_SECONDS):
            return Failure("it does not take any sound", self._called_at)
        return None

    def start(self, ring: Ring) -> None:
        """Begin to take samples from a ring.

        Raises
        ------
        DeviceError
            If the device refuses.
        """
        self._ring = ring
        if self._running:
            return
        self._called_at = perf_counter()
        try:
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            raise refusal(self.name, error) from error
        self._running = True

    def stop(self) -> None:
        """Take no more; what was taken is still heard. A second call does nothing."""
        self._ring = None

    def close(self) -> None:
        """Stop and give the device back; a second call does nothing."""
        if self._closed is None:
            return
        self._ring = None
        self._running = False
        # Beside a JACK server that has ended, PortAudio waits for it for ten minutes.
        closing = Thread(target=self._stream.close, name="closes the sound device", daemon=True)
        closing.start()
        closing.join(_CLOSING_SECONDS)
        self._closed(self, not closing.is_alive())
        self._closed = None


def refusal(name: str, error: Exception) -> DeviceError:
    """Return what a person is told of an error of PortAudio's."""
    return DeviceError(
        f"Cannot play on {name}",
        why=f"the sound system says: {str(error).strip()}.",
        fix="Choose another device or a longer buffer in the preferences, or close programs "
        "that use this one.",
    )
