"""The ring between the thread that mixes and the one that plays: one writes, one reads."""

from __future__ import annotations

from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Taken(NamedTuple):
    """The last reading of a ring.

    Parameters
    ----------
    start : int
        Samples that had been read before.
    samples : int
        How many there were to be read.
    at_seconds : float
        When, on the clock of `time.perf_counter`.
    delay_seconds : float
        How much later the first of them is heard.
    """

    start: int
    samples: int
    at_seconds: float
    delay_seconds: float

    def heard(self, now: float, sample_rate: int) -> float:
        """Return which of the ring's samples is heard at a time; never one that is not taken."""
        heard = self.start + (now - self.at_seconds - self.delay_seconds) * sample_rate
        return min(max(heard, 0.0), float(self.start + self.samples))


class Ring:
    """Samples on their way to the device, in memory that is allocated once.

    One thread writes and one other reads. There is no lock: each of the two counts is
    changed by one side only, after the samples have been copied, and read by the other.

    Parameters
    ----------
    capacity : int
        Samples per channel that it holds.
    channels : int
        Number of channels.
    """

    def __init__(self, capacity: int, channels: int) -> None:
        self.capacity = capacity
        self.channels = channels
        # Copied as bytes through memory views: numpy would give the interpreter's lock away
        # for every copy, and a busy window would then keep the audio callback waiting.
        self._sample_bytes = 4 * channels
        self._bytes = memoryview(bytearray(capacity * self._sample_bytes))
        self.written = 0
        """Samples that have been written since the beginning."""
        self.read = 0
        """Samples that have been read since the beginning."""
        self.ended = False
        """Set by the writer when nothing more will come: then running dry is no fault."""
        self.missed = 0
        """Samples that were asked for and were not there in time."""
        self.taken = Taken(0, 0, perf_counter(), 0.0)
        """The last reading that found samples."""

    def room(self) -> int:
        """Return how many samples can be written now."""
        return self.capacity - (self.written - self.read)

    def write(self, samples: NDArray[np.float32]) -> int:
        """Append what there is room for; return how many samples that was.

        Parameters
        ----------
        samples : ndarray, float32, shape (samples, channels)
            Interleaved and contiguous, as a device takes them.
        """
        source = samples.data.cast("B") if samples.size else memoryview(b"")
        size = self._sample_bytes
        count = min(len(samples), self.room())
        first = self.written % self.capacity
        ahead = min(count, self.capacity - first)
        self._bytes[first * size : (first + ahead) * size] = source[: ahead * size]
        self._bytes[: (count - ahead) * size] = source[ahead * size : count * size]
        self.written += count
        return count

    def read_into(self, out: NDArray[np.float32], delay_seconds: float = 0.0) -> None:
        """Fill `out`, float32 of shape (samples, channels), contiguous; zeros where it is dry.

        What an audio callback calls: two copies into memory that is there, nothing else.

        Parameters
        ----------
        out : ndarray, float32, shape (samples, channels)
            Where to.
        delay_seconds : float
            How much later its first sample is heard.
        """
        wanted = len(out)
        target = out.data.cast("B") if out.size else memoryview(bytearray())
        size = self._sample_bytes
        count = min(wanted, self.written - self.read)
        first = self.read % self.capacity
        ahead = min(count, self.capacity - first)
        target[: ahead * size] = self._bytes[first * size : (first + ahead) * size]
        target[ahead * size : count * size] = self._bytes[: (count - ahead) * size]
        out[count:] = 0.0
        if count:
            self.taken = Taken(self.read, count, perf_counter(), delay_seconds)
        self.read += count
        if count < wanted and not self.ended:
            self.missed += wanted - count
