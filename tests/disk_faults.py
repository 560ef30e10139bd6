"""A disk that fails when a test says so: every call of `atomic` counted, the k-th refused."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from drumstudio import atomic

CALLS = ("create_file", "open_file", "write_all", "sync", "close", "replace", "sync_folder")
WITH_REMOVE = (*CALLS, "remove")


class Disk:
    """What happened to the disk: the names of the calls, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []


@contextmanager
def failing_disk(
    at: int | None = None,
    *,
    number: int = errno.EIO,
    permanently: bool = False,
    calls: tuple[str, ...] = CALLS,
) -> Iterator[Disk]:
    """Have the k-th disk call raise, once or from then on; record all of them.

    Parameters
    ----------
    at : int or None
        Which call fails, counted from 0; None only records.
    number : int
        The errno.
    permanently : bool
        Whether every later call fails as well.
    calls : tuple of str
        Which functions of `atomic` count. Without "remove" by default: a full disk still
        removes files. A close that fails has closed all the same, as close(2) does.
    """
    disk = Disk()

    def guarded(name: str, real: Callable) -> Callable:
        def call(*arguments):
            index = len(disk.log)
            disk.log.append(name)
            fails = at is not None and (index == at or (permanently and index > at))
            if fails and name == "close":
                real(*arguments)
            if fails:
                if name == "write_all":  # a part of it got through, as on a full disk
                    os.write(arguments[0], arguments[1][: len(arguments[1]) // 2])
                raise OSError(number, os.strerror(number))
            return real(*arguments)

        return call

    with mock.patch.multiple(
        atomic, **{name: guarded(name, getattr(atomic, name)) for name in calls}
    ):
        yield disk
