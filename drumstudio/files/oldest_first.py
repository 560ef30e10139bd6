"""How a folder of files that can be made again is kept below a limit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path


def remove_oldest(paths: Iterable[Path], limit_bytes: int) -> None:
    """Remove files, those not used for longest (by their time stamps) first, until a limit is kept.

    Parameters
    ----------
    paths : iterable of Path
        All that counts towards the limit; one that is gone meanwhile is passed over.
    limit_bytes : int
        What may stay.
    """
    found = []
    for path in paths:
        with contextlib.suppress(OSError):  # gone meanwhile
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    kept = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if kept <= limit_bytes:
            return
        with contextlib.suppress(OSError):  # open elsewhere on Windows: another day
            path.unlink()
            kept -= size
