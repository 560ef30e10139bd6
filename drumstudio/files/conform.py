"""Stretches of sound of several rates and channel layouts, brought to one rate and layout."""

from __future__ import annotations

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.core.resample import StreamResampler
from drumstudio.core.speakers import names_of
from drumstudio.files.foreign_file import DecoderError


class WiderError(DecoderError):
    """A later stretch has more channels than were begun with: begin again with as many.

    Parameters
    ----------
    channels, speakers : int
        How many, and what they are for.
    """

    def __init__(self, channels: int, speakers: int) -> None:
        super().__init__(f"a later part has {channels} channels")
        self.channels = channels
        self.speakers = speakers


class Conformer:
    """Brings stretches to one rate and layout, one block at a time.

    Parameters
    ----------
    sample_rate : int
        Hertz, of what is returned.
    channels, speakers : int
        Its channels, and what they are for (`core.speakers`).

    Attributes
    ----------
    changes : list of (int, int, int)
        Where a stretch of another rate or number of channels began, in samples of what was
        returned; its rate; its number of channels.
    """

    def __init__(self, sample_rate: int, channels: int, speakers: int) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self.speakers = speakers
        self.changes: list[tuple[int, int, int]] = []
        self._stream: StreamResampler | None = None
        self._form = (sample_rate, channels)
        self._samples = 0

    def push(self, block: Samples, sample_rate: int, speakers: int) -> Samples:
        """Return what becomes of the next samples: float32 (channels, some samples, or none).

        Parameters
        ----------
        block : ndarray, float32, shape (channels, samples)
            Of any number of channels.
        sample_rate : int
            Hertz.
        speakers : int
            What its channels are for.

        Raises
        ------
        WiderError
            If it has more channels than are returned.
        """
        if block.shape[0] > self.channels:
            raise WiderError(block.shape[0], speakers)
        tail = np.zeros((self.channels, 0), dtype=np.float32)
        if (sample_rate, block.shape[0]) != self._form:
            tail = self.finish()
            self._form = (sample_rate, block.shape[0])
            self.changes.append((self._samples + tail.shape[1], *self._form))
            if sample_rate != self.sample_rate:
                self._stream = StreamResampler(sample_rate, self.sample_rate, self.channels)
        wide = self._widened(block, speakers)
        out = wide if self._stream is None else self._stream.push(wide)
        if tail.shape[1]:
            out = np.concatenate([tail, out], axis=1)
        self._samples += out.shape[1]
        return out

    def finish(self) -> Samples:
        """Return what is left of the last stretch."""
        if self._stream is None:
            return np.zeros((self.channels, 0), dtype=np.float32)
        rest = self._stream.finish()
        self._stream = None
        return rest

    def _widened(self, block: Samples, speakers: int) -> Samples:
        count = block.shape[0]
        if count == self.channels:
            return block
        wide = np.zeros((self.channels, block.shape[1]), dtype=np.float32)
        wanted = names_of(self.speakers) or (("FL", "FR") if self.channels == 2 else ())
        names = names_of(speakers) or {1: ("FC",), 2: ("FL", "FR")}.get(count, ())
        if names and set(names) <= set(wanted):
            wide[[wanted.index(name) for name in names]] = block
        elif count == 1:
            wide[: min(2, self.channels)] = block  # mono stands in the middle of left and right
        else:
            wide[:count] = block
        return wide
