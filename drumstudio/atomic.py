"""The one way to write a file: whole or not at all, whatever happens in between.

A file is written under a hidden temporary name in its own folder, forced to the disk,
and only then renamed over the old one, so that at any moment the name holds either the
old or the new content. Every call that touches the disk is one of the small functions in
the first part, so that a test can make the k-th of them fail.

Notes
-----
Order of operations: write, fsync of the file, rename, fsync of the folder, as in SQLite's
"Atomic Commit In SQLite" and POSIX rename(2). On macOS fsync leaves the data in the drive's
cache and F_FULLFSYNC does not (fsync(2) of macOS).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from drumstudio.core.errors import AudioWriteError, DiskFullError, DrumStudioError

if sys.platform != "win32":
    import fcntl

_FULL = {errno.ENOSPC, errno.EDQUOT}
_LONGEST_KEPT_NAME = 200  # bytes; with dot, random part and suffix well below 255
_YOUNG_SECONDS = 1.0  # a writer that has just created its file may not hold it yet
_TEMPORARY_NAME = re.compile(r"\..*\.[0-9a-f]{12}\.partial", re.DOTALL)

Observer = Callable[[str, Path], None]
_observers: list[Observer] = []


# --- every call that touches the disk --------------------------------------------------


def create_file(path: Path) -> int:
    """Create a file that is not there yet; return its descriptor, open for writing."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)


def open_file(path: Path) -> int:
    """Open a file that is there; return its descriptor, open for reading and writing."""
    return os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, however many the system takes at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync(descriptor: int) -> None:
    """Force what was written to the disk, past its own cache where the system can."""
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):  # not on every file system: then plain fsync
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def close(descriptor: int) -> None:
    """Close a descriptor."""
    os.close(descriptor)


def replace(source: Path, target: Path) -> None:
    """Give `source` the name `target`, in one step, over what is there."""
    os.replace(source, target)


def remove(path: Path) -> None:
    """Remove a file."""
    os.unlink(path)


def hold(path: Path) -> int | None:
    """Lock a file for as long as the descriptor is open; None where that can not be.

    Not where it is another's, nor on Windows, where an open file can not be renamed.
    """
    if sys.platform == "win32":
        return None
    descriptor = None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another has it, or a file system without locks
        if descriptor is not None:
            os.close(descriptor)
        return None
    return descriptor


def sync_folder(folder: Path) -> None:
    """Force a folder's list of names to the disk, where the system can."""
    if sys.platform == "win32":
        return  # a folder can not be opened there; NTFS journals the rename itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems have no fsync of a folder: nothing to do.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(descriptor)


# --- writing ---------------------------------------------------------------------------


@contextmanager
def writing(
    path: Path, *, what: str | None = None, kind: type[DrumStudioError] = AudioWriteError
) -> Iterator[Path]:
    """Yield a temporary path; when the block ends well, its content becomes `path`.

    Parameters
    ----------
    path : Path
        The final name; its folder must be there. If it is a link, what it leads to is
        replaced and the link stays.
    what : str, optional
        First line of an error; "Cannot write NAME" if not given.
    kind : type of DrumStudioError
        Which error an `OSError` becomes, unless the disk is full.

    Yields
    ------
    Path
        An empty file in the same folder, hidden, with a name that ends in ".partial" (so a
        format must be named, not guessed from it). Open it, write, close it.

    Raises
    ------
    DiskFullError, kind
        If the disk does not do what is asked, inside the block too. Then, and for any other
        error inside the block, `path` is as it was and the temporary file is gone.

    Notes
    -----
    If only the last step fails (forcing the folder to the disk), `path` holds the new
    content whole, and the error says that it may not survive a power cut.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else Path(path)
    what = what or f"Cannot write {path.name}"
    temporary = target.parent / _temporary_name(target.name)
    _tell("started", temporary)
    held = None
    try:
        _refuse_read_only(target)
        close(create_file(temporary))
        held = hold(temporary)
        yield temporary
        descriptor = open_file(temporary)
        try:
            sync(descriptor)
        finally:
            close(descriptor)
        replace(temporary, target)
        sync_folder(target.parent)
    except BaseException as error:
        # Where even removing fails, `remove_leftovers` does it another day: the error that
        # brought us here is the one that matters.
        with contextlib.suppress(OSError):
            remove(temporary)
        if isinstance(error, OSError):
            raise explain_os_error(error, what, target, kind=kind) from error
        raise
    finally:
        if held is not None:
            os.close(held)
        _tell("ended", temporary)


def write_bytes(
    path: Path,
    data: bytes,
    *,
    what: str | None = None,
    kind: type[DrumStudioError] = AudioWriteError,
) -> None:
    """Write a small file at once; parameters and errors as in `writing`."""
    with writing(path, what=what, kind=kind) as temporary:
        descriptor = open_file(temporary)
        try:
            write_all(descriptor, data)
        finally:
            close(descriptor)


def write_text(
    path: Path,
    text: str,
    *,
    what: str | None = None,
    kind: type[DrumStudioError] = AudioWriteError,
) -> None:
    """Write a small text file as UTF-8, line ends as they are; errors as in `writing`."""
    write_bytes(path, text.encode(), what=what, kind=kind)


def _temporary_name(name: str) -> str:
    kept = os.fsencode(name)[:_LONGEST_KEPT_NAME].decode(errors="ignore")
    return f".{kept}.{secrets.token_hex(6)}.partial"


def _refuse_read_only(target: Path) -> None:
    # A rename needs a writable folder only: without this, write protection would not hold.
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))


# --- what a killed writer leaves -------------------------------------------------------


def is_temporary(path: Path) -> bool:
    """Return whether a path has the form of our temporary names."""
    return _TEMPORARY_NAME.fullmatch(path.name) is not None


def remove_leftovers(folder: Path) -> int:
    """Remove the temporary files that killed writers left in a folder; return how many.

    For a folder that nobody writes to at this moment: at the start of the one who owns it.
    What can not be listed or removed stays.
    """
    removed = 0
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if is_temporary(path):
                with contextlib.suppress(OSError):
                    remove(path)
                    removed += 1
    return removed


def remove_abandoned(folder: Path) -> int:
    """Remove temporary files whose writers were killed, from a folder that others may write to.

    A file is taken for abandoned if nobody holds it and it is some seconds old. What can not
    be listed, locked or removed stays. Returns how many were removed.
    """
    removed = 0
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if not is_temporary(path) or time.time() - path.lstat().st_mtime < _YOUNG_SECONDS:
                continue
            held = hold(path)
            if held is None:
                continue
            with contextlib.suppress(OSError):
                remove(path)
                removed += 1
            os.close(held)
    return removed


def observe(observer: Observer) -> None:
    """Have `observer("started" | "ended", temporary_path)` called around every write.

    A worker process tells its parent this way which files to remove should it be killed.
    """
    _observers.append(observer)


def _tell(event: str, temporary: Path) -> None:
    for observer in _observers:
        observer(event, temporary)


# --- room ------------------------------------------------------------------------------


def free_bytes(folder: Path) -> int:
    """Return how many bytes can be written where a folder is, or would be created.

    Raises
    ------
    OSError
        If the file system does not answer.
    """
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return shutil.disk_usage(there).free


def require_free(folder: Path, needed_bytes: int, what: str) -> None:
    """Check before a job that its files will fit.

    Parameters
    ----------
    folder : Path
        Where they will be written; need not be there yet.
    needed_bytes : int
        How much, in bytes.
    what : str
        First line of the error: "Cannot separate song.wav".

    Raises
    ------
    DiskFullError
        If they will not fit.
    """
    try:
        free = free_bytes(folder)
    except OSError:
        return  # a file system that does not say: writing will
    if free < needed_bytes:
        raise DiskFullError(
            what,
            why=f"it needs {_size(needed_bytes)} in {folder}, and {_size(free)} are free.",
            fix="Free some space, or choose a folder on another disk.",
        )


def _size(count: int) -> str:
    if count < 10**9:
        return f"{max(count, 0) / 10**6:.1f} MB"
    return f"{count / 10**9:.1f} GB"


# --- saying it plainly -----------------------------------------------------------------


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
