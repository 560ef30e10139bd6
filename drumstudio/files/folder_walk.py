"""The one way to walk a folder that somebody else may have filled: songs, stems, missing files.

Links to folders are not followed and no folder is entered twice, so that a walk ends; nothing
is opened, so that a pipe blocks nobody; what is left out is named, so that nobody misses it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What a walk left out.

    Parameters
    ----------
    path : Path
        The file or folder.
    why : str
        In words that follow "it is": "a pipe", "a link to a folder".
    unreadable : bool
        Whether it was wanted, and the system or a broken link did not give it.
    """

    path: Path
    why: str
    unreadable: bool = False


def walk(
    folder: Path,
    *,
    enters: Callable[[Path], bool] = lambda folder: True,
    linked: bool = True,
) -> Iterator[Path | PassedOver]:
    """Yield the files below a folder by name, those of a folder before those of its folders.

    Parameters
    ----------
    folder : Path
        Where to begin; may be a link.
    enters : callable
        Whether a folder below it is walked too; one that is not is left out without a word.
        Hidden files and folders always are.
    linked : bool
        Whether a link to a file elsewhere counts as a file. Without it nothing outside the
        folder is named.

    Yields
    ------
    Path or PassedOver
        A regular file, or what is none. A link to a file that the walk meets anyway is passed
        over: no file is named twice.
    """
    real = folder.resolve()
    visited: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = os.stat(here)
            with os.scandir(here) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield PassedOver(here, _said(error), unreadable=True)
            continue
        if (status.st_dev, status.st_ino) in visited:
            yield PassedOver(here, "a folder that was met before")
            continue
        visited.add((status.st_dev, status.st_ino))
        below = []
        for entry in entries:
            path = here / entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if enters(path):
                    below.append(path)
                continue
            passed_over = _no_file(path, real, linked)
            yield path if passed_over is None else passed_over
        waiting += reversed(below)


def _no_file(path: Path, root: Path, linked: bool) -> PassedOver | None:
    """Return why a path is no file to be named, or None if it is one."""
    try:
        is_link = path.is_symlink()
        mode = path.stat().st_mode
    except OSError as error:
        if is_link:
            return PassedOver(path, "a link to what is not there", unreadable=True)
        return PassedOver(path, _said(error), unreadable=True)
    if stat.S_ISDIR(mode):
        return PassedOver(path, "a link to a folder")
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a device or a socket"
        return PassedOver(path, f"a link to {kind}" if is_link else kind)
    if is_link and not linked:
        return PassedOver(path, "a link")
    if is_link and _is_met(path.resolve(), root):
        return PassedOver(path, "a link to a file of the same folder")
    return None


def _is_met(target: Path, root: Path) -> bool:
    if not target.is_relative_to(root):
        return False
    # What lies in hidden folders is not met: some keep all files there, and links before them.
    return not any(part.startswith(".") for part in target.relative_to(root).parts)


def _said(error: OSError) -> str:
    return f'not to be read: the system says "{error.strerror or error}"'
