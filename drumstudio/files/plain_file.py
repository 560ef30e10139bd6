"""Files that are nothing but files: no link, pipe or device, and no longer than expected.

What somebody else made (a project folder from a stranger, a cache that anything may have
written to) is opened only through here, so that a link in it leads nowhere and a pipe in it
blocks nobody.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

# O_NONBLOCK: opening a named pipe would wait for its other end, for ever.
_SAFE_FLAGS = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOINHERIT", 0)
)
_BLOCK_BYTES = 1 << 20


def is_plain_file(path: Path) -> bool:
    """Return whether a path is a file itself, not a link to one; False if it is not there."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def open_plain(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a plain file; return its descriptor.

    Parameters
    ----------
    path : Path
        A link is refused; links in the folders above it are followed.
    flags : int
        As for `os.open`; with `os.O_CREAT` the file is created with mode 0o666.

    Raises
    ------
    OSError
        As from `os.open`, and ELOOP for a link, EINVAL for a pipe, device or folder.
    """
    if path.is_symlink():  # where the system has no O_NOFOLLOW
        raise OSError(errno.ELOOP, "it is a link to another file", str(path))
    descriptor = os.open(path, flags | _SAFE_FLAGS, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a plain file", str(path))
    return descriptor


def read_plain(path: Path, limit_bytes: int) -> bytes:
    """Return a small file's content.

    Raises
    ------
    OSError
        As from `open_plain`, and EFBIG if the file is longer than `limit_bytes`; at most
        one byte beyond the limit is read, whatever the file claims to be.
    """
    with os.fdopen(open_plain(path), "rb") as file:
        data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise OSError(errno.EFBIG, f"it is longer than {limit_bytes} bytes", str(path))
    return data


def copy_plain(source: Path, target: Path, limit_bytes: int) -> str:
    """Copy a plain file into one that is there already; return its SHA-256, 64 digits.

    Raises
    ------
    OSError
        As from `open_plain`, EFBIG if it is longer than `limit_bytes`, or if the disk refuses.
    """
    digest, left = hashlib.sha256(), limit_bytes
    with os.fdopen(open_plain(source), "rb") as file, target.open("r+b") as copy:
        while block := file.read(_BLOCK_BYTES):
            left -= len(block)
            if left < 0:
                raise OSError(errno.EFBIG, f"it is longer than {limit_bytes} bytes", str(source))
            digest.update(block)
            copy.write(block)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a plain file's content, 64 hexadecimal digits.

    Raises
    ------
    OSError
        As from `open_plain`, or if reading fails.
    """
    with os.fdopen(open_plain(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
