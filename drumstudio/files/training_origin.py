"""What this installation itself knows of a training's folder, wherever the folder came from.

A training's folder may come from somebody else. Which model came of a training is noted in the
user's own data, beside the models: nothing in the folder can name a model that is then replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from pathlib import Path

from drumstudio import atomic, paths
from drumstudio.files import strict_json
from drumstudio.files.plain_file import read_plain

_MAX_BYTES = 100_000
_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Folders whose files have names of their own and are many.
_NOT_ENTERED = ("pool", "decoded")
_DEEPEST = 3


def write_installed(folder: Path, model_id: str, sha256: str) -> None:
    """Note which of the user's models came of a training, and the hash of its weights.

    Raises
    ------
    DrumStudioError
        If the user's data can not be written.
    """
    note = _note(folder)
    what = f"Cannot note what came of {folder.name}"
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise atomic.explain_os_error(error, what, note) from error
    plain = {"folder": str(folder.resolve()), "id": model_id, "sha256": sha256}
    atomic.write_text(note, json.dumps(plain), what=what)


def read_installed(folder: Path) -> tuple[str, str]:
    """Return id and hash of the model that came of a training; two empty texts if none did."""
    try:
        plain = strict_json.parse(read_plain(_note(folder), _MAX_BYTES))
        model_id, sha256 = plain["id"], plain["sha256"]
        if _MODEL_ID.fullmatch(model_id) and _SHA256.fullmatch(sha256):
            return model_id, sha256
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return "", ""


def forget_installed(folder: Path) -> None:
    """Forget what came of a training that is removed; the model stays."""
    with contextlib.suppress(OSError):
        _note(folder).unlink(missing_ok=True)


def _note(folder: Path) -> Path:
    """Return where a folder's note is; another folder of the same name has another one."""
    try:
        found = folder.stat()
        number = f"{found.st_dev}:{found.st_ino}"
    except OSError:
        number = ""
    key = hashlib.sha256(f"{number}|{folder.resolve()}".encode(errors="surrogateescape"))
    return paths.user_data_folder() / "installed" / f"{key.hexdigest()[:32]}.json"


def stranger_in(folder: Path) -> Path | None:
    """Return the first thing in a training's folder that is neither a file nor a folder of its own.

    A link would have the training read, write or remove what is elsewhere; a pipe would have it
    wait for ever. None if there is no such thing.
    """
    waiting = [(folder, 1)]
    while waiting:
        here, depth = waiting.pop()
        try:
            with os.scandir(here) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in found:
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
            except OSError:
                continue  # removed meanwhile
            if stat.S_ISDIR(mode):
                if depth < _DEEPEST and entry.name not in _NOT_ENTERED:
                    waiting.append((Path(entry.path), depth + 1))
            elif not stat.S_ISREG(mode):
                return Path(entry.path)
    return None
