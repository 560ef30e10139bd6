"""Looks for a sound device on a thread of its own: PortAudio may take half a second."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import perf_counter

from drumstudio.core.errors import DeviceError
from drumstudio.playback.output import Output, OutputChoice, Sound

LOOK_SECONDS = 1.0
"""Between two looks."""

Wanted = tuple[OutputChoice, int]
"""A device, and the rate in hertz that would suit."""

Found = tuple[Output, DeviceError | None] | None
"""What `Sound.open` returned; None if there is no device."""


class DeviceSearch:
    """One thread at a time that tries to open a device; all methods belong to one other thread.

    Parameters
    ----------
    sound : Sound
        Where outputs come from.
    done : callable
        Called on the searching thread when there is a result to `take`.
    """

    def __init__(self, sound: Sound, done: Callable[[], object]) -> None:
        self._sound = sound
        self._done = done
        self._result: tuple[Wanted, Found] | None = None
        self._thread: Thread | None = None
        self._not_before = 0.0

    def look(self, wanted: Wanted) -> None:
        """Look for a device, unless that is going on or was done within `LOOK_SECONDS`."""
        now = perf_counter()
        looking = self._thread is not None and self._thread.is_alive()
        if now >= self._not_before and not looking and self._result is None:
            self._not_before = now + LOOK_SECONDS
            self._thread = Thread(target=self._look, args=(wanted,), name="looks for a device")
            self._thread.start()

    def at_once(self) -> None:
        """Let the next look be at once."""
        self._not_before = 0.0

    def later(self) -> None:
        """Let the next look be after `LOOK_SECONDS`."""
        self._not_before = perf_counter() + LOOK_SECONDS

    def take(self) -> tuple[Wanted, Found] | None:
        """Return what was wanted and what was found, once; None if there is nothing new."""
        result, self._result = self._result, None
        return result

    def finish(self) -> None:
        """Wait until nobody looks any more; what was found is closed."""
        if self._thread is not None:
            self._thread.join()
        result = self.take()
        if result is not None and result[1] is not None:
            result[1][0].close()

    def _look(self, wanted: Wanted) -> None:
        try:
            found: Found = self._sound.open(*wanted, look_again=True)
        except DeviceError:
            found = None
        self._result = (wanted, found)
        self._done()
