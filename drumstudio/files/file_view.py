"""A stretch of a file as if it were a file, with some of its bytes read as others.

So parts that were joined end to end are decoded one by one, and a header that its recorder never
finished is read as it should have become; the file itself is not touched.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol


class Readable(Protocol):
    """What is needed of an open file; `seek` may return -1 for a place that can not be."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As of any file."""

    def tell(self) -> int:
        """As of any file."""

    def read(self, count: int, /) -> bytes:
        """As of any file."""


class FileView:
    """A stretch of an open file; it moves the file's position.

    Parameters
    ----------
    file : Readable
        Stays open.
    start, stop : int
        The stretch, in bytes; to the end of the file without `stop`.
    mended : mapping of int to bytes
        What is read at a place of the stretch instead of what stands there.
    """

    def __init__(
        self,
        file: Readable,
        start: int = 0,
        stop: int | None = None,
        mended: Mapping[int, bytes] | None = None,
    ) -> None:
        self._file = file
        self._start = start
        self._size = (file.seek(0, os.SEEK_END) if stop is None else stop) - start
        self._mended = dict(mended or {})
        self._place = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As of any file."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError("the place is before the file's beginning")
        self._place = origin + offset
        return self._place

    def tell(self) -> int:
        """As of any file."""
        return self._place

    def read(self, count: int = -1, /) -> bytes:
        """As of any file."""
        left = max(0, self._size - self._place)
        count = left if count < 0 else min(count, left)
        self._file.seek(self._start + self._place)
        data = self._file.read(count)
        for place, right in self._mended.items():
            first, last = max(place, self._place), min(place + len(right), self._place + len(data))
            if first < last:
                here = first - self._place
                data = (
                    data[:here] + right[first - place : last - place] + data[here + last - first :]
                )
        self._place += len(data)
        return data
