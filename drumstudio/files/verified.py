"""Which files hold what their names say: every file is read whole once, and then remembered.

Remembered by its number on the disk, its size and its times, in the user's cache, so that neither
this program nor the next one reads it again until somebody has touched it.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path

from drumstudio import atomic, paths
from drumstudio.core.errors import DrumStudioError
from drumstudio.files import strict_json
from drumstudio.files.plain_file import file_sha256, read_plain

_MOST_FILES = 4_000
_LIMIT_BYTES = 2_000_000


class Verified:
    """The contents of files, as far as they have been read. May be used from any thread.

    Parameters
    ----------
    path : Path, optional
        Where they are kept; the user's own place if not given. What is damaged there counts as
        empty, and what can not be kept is read again another day.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or paths.user_cache_folder() / "verified.json"
        self._guard = threading.Lock()
        self._known: dict[str, str] | None = None  # read when it is first needed

    def sha256(self, path: Path) -> str:
        """Return the SHA-256 of a plain file's content, 64 hexadecimal digits.

        Raises
        ------
        OSError
            If it is no plain file or reading fails.
        """
        key = _key(path)
        with self._guard:
            if self._known is None:
                self._known = self._load()
            known = self._known.get(key)
        if known is not None:
            return known
        found = file_sha256(path)
        if _key(path) == key:  # nobody wrote to it meanwhile
            self._remember(key, found)
        return found

    def _remember(self, key: str, sha256: str) -> None:
        with self._guard:
            known = {**self._load(), **(self._known or {}), key: sha256}
            self._known = dict(list(known.items())[-_MOST_FILES:])
            with contextlib.suppress(OSError, DrumStudioError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                atomic.write_text(self._path, json.dumps(self._known))

    def _load(self) -> dict[str, str]:
        try:
            stored = strict_json.parse(read_plain(self._path, _LIMIT_BYTES))
        except (OSError, ValueError):
            return {}
        if not isinstance(stored, dict):
            return {}
        return {key: text for key, text in stored.items() if isinstance(text, str)}


def _key(path: Path) -> str:
    found = os.lstat(path)
    # The time of change, too: who writes to a file may set the other one back.
    times = f"{found.st_mtime_ns}:{found.st_ctime_ns}"
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{times}"
