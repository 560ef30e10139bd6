"""Locks that the system keeps: it gives them back when their owner dies, however it dies."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from drumstudio.files.plain_file import open_plain

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_BUSY = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
_RETRY_SECONDS = 0.02


class FileLock:
    """One owner at a time, among all programs and all windows of one program.

    The file holds nothing and is never removed: a lock on a removed file would be a lock on
    nothing. Not meant to be shared by threads.

    Parameters
    ----------
    path : Path
        Created if it is not there; its folder must be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object owns the lock."""
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it; return whether it is ours now.

        Raises
        ------
        OSError
            If the file can not be created, is no plain file, or its file system has no locks.
        """
        if self._descriptor is not None:
            return True
        descriptor = open_plain(self.path, os.O_RDWR | os.O_CREAT)
        try:
            taken = _try_lock(descriptor, shared=False) and _is_still(descriptor, self.path)
        except BaseException:
            os.close(descriptor)
            raise
        if taken:
            self._descriptor = descriptor
        else:
            os.close(descriptor)
        return taken

    def acquire(self) -> None:
        """Wait until the lock is ours; errors as in `try_acquire`."""
        while not self.try_acquire():
            time.sleep(_RETRY_SECONDS)

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


class Hold:
    """A claim on a file that is being read: while it lasts, `is_held` says so to everybody.

    Given back by `release`, when the object goes, and when its process dies.

    Parameters
    ----------
    path : Path
        A plain file.

    Raises
    ------
    OSError
        If it is not there or is no plain file.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = None
        self._descriptor = open_plain(path)
        # Where the file system has no locks the file is still readable: it may only be
        # removed earlier than its reader would like.
        with contextlib.suppress(OSError):
            _try_lock(self._descriptor, shared=True)

    def release(self) -> None:
        """Give the claim back; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Return whether anybody has a `Hold` on a file or owns it as a `FileLock`.

    Raises
    ------
    OSError
        If the file is not there or is no plain file.
    """
    descriptor = open_plain(path, os.O_RDWR)
    try:
        return not _try_lock(descriptor, shared=False)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, *, shared: bool) -> bool:
    try:
        if sys.platform == "win32":
            if not shared:  # an open file can not be removed there: reading is claim enough
                os.lseek(descriptor, 0, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def _is_still(descriptor: int, path: Path) -> bool:
    """Return whether a path still names the open file: its folder may have been replaced."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False
