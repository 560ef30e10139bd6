"""The one way to write a file: whole or not at all, whatever happens in between.

A file is written under a hidden temporary name in its own folder, forced to the disk,
and only then renamed over the old one, so that at any moment the name holds either the
old or the new content. What is no output is never replaced (`require_replaceable`). Every call
that touches the disk is one of the small functions in the first part, so that a test can make
the k-th of them fail.

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
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from drumstudio.core.errors import AudioWriteError, DiskFullError, DrumStudioError
from drumstudio.os_errors import explain_os_error as explain_os_error  # for who writes

if sys.platform != "win32":
    import fcntl

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
    path: Path,
    *,
    inputs: Iterable[Path] = (),
    follow_link: bool = False,
    what: str | None = None,
    kind: type[DrumStudioError] = AudioWriteError,
) -> Iterator[Path]:
    """Yield a temporary path; when the block ends well, its content becomes `path`.

    Parameters
    ----------
    path : Path
        The final name; its folder must be there. Whether it may be replaced is asked before
        the block and after it: see `require_replaceable`.
    inputs : iterable of Path
        What is being read meanwhile.
    follow_link : bool
        Whether a link may lead anywhere: for files that a person may keep elsewhere, such as
        the settings. What the link leads to is replaced and the link stays.
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
    what = what or f"Cannot write {path.name}"
    kept = tuple(inputs)
    require_replaceable(path, kept, follow_link=follow_link, what=what, kind=kind)
    target = Path(os.path.realpath(path)) if path.is_symlink() else Path(path)
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
        require_replaceable(target, kept, what=what, kind=kind)  # what came there meanwhile
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
    follow_link: bool = False,
    what: str | None = None,
    kind: type[DrumStudioError] = AudioWriteError,
) -> None:
    """Write a small file at once; parameters and errors as in `writing`."""
    with writing(path, follow_link=follow_link, what=what, kind=kind) as temporary:
        descriptor = open_file(temporary)
        try:
            write_all(descriptor, data)
        finally:
            close(descriptor)


def write_text(
    path: Path,
    text: str,
    *,
    follow_link: bool = False,
    what: str | None = None,
    kind: type[DrumStudioError] = AudioWriteError,
) -> None:
    """Write a small text file as UTF-8, line ends as they are; errors as in `writing`."""
    write_bytes(path, text.encode(), follow_link=follow_link, what=what, kind=kind)


def put(source: Path, target: Path) -> None:
    """Give a finished file the name `target`, in one step, and force both folders to the disk.

    Raises
    ------
    OSError
        If the disk refuses.
    DrumStudioError
        If what is there may not be replaced: see `require_replaceable`.
    """
    require_replaceable(target, (), what=f"Cannot write {target.name}")
    replace(source, target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def require_replaceable(
    path: Path,
    inputs: Iterable[Path] = (),
    *,
    follow_link: bool = False,
    what: str | None = None,
    kind: type[DrumStudioError] = AudioWriteError,
) -> None:
    """Refuse a name where writing would destroy what is no output; every writer asks here.

    Parameters
    ----------
    path : Path
        Where something is to be written.
    inputs : iterable of Path
        What the same run reads.
    follow_link : bool
        Whether a link may lead out of its folder.
    what, kind
        As in `writing`.

    Raises
    ------
    kind
        If an input, a folder, a device or a pipe has that name, or a link that leads out of the
        folder that it stands in.
    """
    what = what or f"Cannot write {path.name}"
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    elsewhere = target is not path and target.parent != Path(os.path.realpath(path.parent))
    if elsewhere and not follow_link:
        raise kind(
            what,
            why=f"{path} is a link that leads out of its folder, to {target}.",
            fix="Choose another name, or remove the link.",
        )
    try:
        found = target.lstat()
    except (OSError, ValueError):
        return  # nothing is there; what else is wrong with the name is told by writing
    if not stat.S_ISREG(found.st_mode):
        thing = "a folder" if stat.S_ISDIR(found.st_mode) else "a device, a pipe or a broken link"
        raise kind(what, why=f"{target} is {thing}, not a file.", fix="Choose another name.")
    for other in inputs:
        with contextlib.suppress(OSError, ValueError):
            if os.path.samestat(found, os.stat(other)):
                raise kind(
                    what,
                    why=f"{target} is itself what is being read.",
                    fix="Choose another folder, name or format for what is written.",
                )


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
