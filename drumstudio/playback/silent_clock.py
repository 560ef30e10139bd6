"""An output without sound: takes samples in real time, so that everything else goes on."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from drumstudio.playback.output import Failure
from drumstudio.playback.ring import Ring

_LOST_SECONDS = 1.0  # the computer slept: what was not played is not caught up

Tap = Callable[[NDArray[np.float32], float], object]


class SilentClock:
    """Take blocks from a ring when a device would.

    Parameters
    ----------
    sample_rate : int
        Hertz.
    block_samples : int
        Samples per block.
    tap : callable, optional
        Called with each block, float32 of shape (samples, 2), valid during the call only,
        and by how many seconds it came too late: for a measurement.
    """

    name = "No sound device"
    channels = 2
    silent = True
    latency_seconds = 0.0
    underflows = 0
    failure: Failure | None = None

    def __init__(self, sample_rate: int, block_samples: int, tap: Tap | None = None) -> None:
        self.sample_rate = sample_rate
        self.block_samples = block_samples
        self._tap = tap
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self, ring: Ring) -> None:
        """Begin to take samples from a ring of two channels."""
        self._stopping.clear()
        self._thread = Thread(target=self._run, args=(ring,), name="silent clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more; a second call does nothing."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Stop."""
        self.stop()

    def _run(self, ring: Ring) -> None:
        block = np.zeros((self.block_samples, self.channels), dtype=np.float32)
        seconds = self.block_samples / self.sample_rate
        due = perf_counter()
        while not self._stopping.wait(max(due - perf_counter(), 0.0)):
            late = perf_counter() - due
            ring.read_into(block)
            if self._tap is not None:
                self._tap(block, late)
            due = due + seconds if late < _LOST_SECONDS else perf_counter() + seconds
