"""Where the user's cache can not be written: another one, for as long as the program runs."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from drumstudio import paths


def need_temporary_cache() -> str:
    """See that there is a cache to write to; return what a person should know, or "".

    On a home that can only be read, or that is not there, everything that is computed goes into a
    temporary folder, which is removed at the end. Where there is none either, the first work that
    needs the cache says so.
    """
    folder = paths.user_cache_folder()
    if _can_be_written(folder):
        return ""
    try:
        made = tempfile.mkdtemp(prefix="drumstudio-")
    except OSError:
        return ""
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    os.environ[paths.CACHE_INSTEAD] = made  # workers inherit it
    return f"{folder} can not be written: separations are kept in {made}, and only until the end."


def _can_be_written(folder: Path) -> bool:
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    return os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)
