"""Drums that are still being separated: what is finished can be read, all else is silence.

A media file of the whole song's length, to which finished stretches are written in any order,
and beside it a list of them that only grows. So what reads it needs no word with what writes.
"""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.core.closing import Closing
from drumstudio.files.wav_file import header_bytes

_RANGE = struct.Struct("<QQ")
_MOST_RANGES = 1_000_000


class PreviewWriter(Closing):
    """Keeps finished stretches where they can be heard at once.

    A preview is no result: a disk that refuses it ends the preview, not the separation.

    Parameters
    ----------
    path : Path
        The media file; replaced if it exists.
    sample_rate, channels, samples : int
        The song's.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int, samples: int) -> None:
        self._frame_bytes = 4 * channels
        self._samples = samples
        header = header_bytes(sample_rate, channels, samples)
        self._data_start = len(header)
        self._files = contextlib.ExitStack()
        self._works = False
        with contextlib.suppress(OSError):
            self._sound = self._files.enter_context(path.open("wb", buffering=0))
            self._list = self._files.enter_context(ranges_path(path).open("wb", buffering=0))
            self._sound.write(header)
            self._sound.truncate(self._data_start + samples * self._frame_bytes)
            self._works = True

    def add(self, start: int, samples: Samples) -> None:
        """Keep a finished stretch, float32 (channels, samples), that begins at `start`."""
        stop = min(start + samples.shape[1], self._samples)
        if not self._works or stop <= start:
            return
        data = np.ascontiguousarray(samples[:, : stop - start].T, dtype="<f4")
        try:
            self._sound.seek(self._data_start + start * self._frame_bytes)
            self._sound.write(data.data)
            self._list.write(_RANGE.pack(start, stop))
        except OSError:
            self._works = False

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._works = False
        self._files.close()


def ranges_path(path: Path) -> Path:
    """Return where the list of finished stretches of a preview is kept."""
    return path.with_suffix(".ranges")


def read_ranges(path: Path) -> tuple[tuple[int, int], ...]:
    """Return the finished stretches of a preview, in samples, in order, joined where they meet.

    Parameters
    ----------
    path : Path
        The media file. One that is not there yet has none.
    """
    try:
        with ranges_path(path).open("rb") as file:
            data = file.read(_MOST_RANGES * _RANGE.size)
    except OSError:
        return ()
    whole = len(data) // _RANGE.size * _RANGE.size
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(_RANGE.iter_unpack(data[:whole])):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return tuple(joined)
