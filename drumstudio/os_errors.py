"""What the system's errors mean for a person, in three plain lines."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from drumstudio.core.errors import AudioWriteError, DiskFullError, DrumStudioError

_FULL = {errno.ENOSPC, errno.EDQUOT}


def explain_os_error(
    error: OSError, what: str, path: Path, *, kind: type[DrumStudioError] = AudioWriteError
) -> DrumStudioError:
    """Return what an `OSError` means for a person.

    Parameters
    ----------
    error : OSError
        What the system said.
    what : str
        First line: "Cannot write song_drums.wav".
    path : Path
        The file that was being read or written.
    kind : type of DrumStudioError
        Which error to return, unless the disk is full, which is always a `DiskFullError`.
    """
    folder = path.parent
    number = error.errno
    if number in _FULL:
        return DiskFullError(
            what,
            why=f"the disk that holds {folder} is full.",
            fix="Free some space, or choose a folder on another disk.",
        )
    if number in (errno.EACCES, errno.EPERM):
        return kind(
            what,
            why=f"you have no permission for {path}.",
            fix="Choose another folder, or close other programs that have the file open.",
        )
    if number == errno.EROFS:
        return kind(
            what,
            why=f"{folder} can only be read.",
            fix="Choose a folder on a disk that can be written.",
        )
    in_the_way = _file_among_folders(path) if number in (errno.EEXIST, errno.ENOTDIR) else None
    if in_the_way is not None:
        return kind(
            what, why=f"{in_the_way} is a file, not a folder.", fix="Choose another folder."
        )
    if number in (errno.ENOENT, errno.ENOTDIR):
        missing = path if folder.is_dir() else f"the folder {folder}"
        return kind(what, why=f"{missing} is not there.", fix="Check it, or choose another one.")
    if number == errno.EISDIR:
        return kind(what, why=f"{path} is a folder.", fix="Choose another name.")
    if number == errno.ENAMETOOLONG:
        return kind(what, why="its name is too long for this disk.", fix="Choose a shorter name.")
    if number == errno.EFBIG:
        return kind(
            what,
            why=f"the file is larger than the disk of {folder} allows.",
            fix="Choose a folder on another disk, or a smaller format.",
        )
    if number == errno.EIO:
        return kind(
            what,
            why=f"the disk that holds {folder} reported a fault.",
            fix="Check the disk and its cable, and save to another one meanwhile.",
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return kind(
            what,
            why="too many files are open on this computer.",
            fix="Close other programs and try again.",
        )
    said = error.strerror or str(error) or type(error).__name__
    return kind(
        what, why=f'the system says "{said}" about {path}.', fix="Try another folder or disk."
    )


def _file_among_folders(path: Path) -> Path | None:
    """Return the first of a path and the folders above it that is there but no folder."""
    for place in reversed((path, *path.parents)):
        if os.path.lexists(place) and not place.is_dir():
            return place
    return None
