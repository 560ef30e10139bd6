"""Projects that a crash left with work in them: those without a name, and those left open.

In the user's data folder: `unsaved/` holds projects that were never saved, in the same form
as any; `open/` holds one small file for each saved project that a window has open, so that
after a crash its unsaved edits are offered; `discarded/` holds what was thrown away.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumstudio import atomic, paths
from drumstudio.core.errors import DrumStudioError, ProjectError
from drumstudio.files import strict_json
from drumstudio.files.journal import read_journal
from drumstudio.files.lock import is_held
from drumstudio.files.plain_file import read_plain
from drumstudio.files.project_folder import ProjectFolder

_NOTE_LIMIT_BYTES = 100_000
_REMAINS_SECONDS = 24 * 3600.0  # nobody takes longer to make a project


@dataclass(frozen=True, slots=True)
class Recoverable:
    """A project with work in it that was never saved.

    Parameters
    ----------
    path : Path
        Its folder.
    name : str
        For a person.
    never_saved : bool
        Whether all of it would be lost, or only the edits since the last save.
    edits : int
        How many edits are not saved.
    last_edit : str
        Name of the last of them.
    songs : tuple of str
        Names of its songs, without the unsaved edits' own.
    problem : str
        Why it can not be opened; empty if it can.
    """

    path: Path
    name: str
    never_saved: bool
    edits: int
    last_edit: str
    songs: tuple[str, ...]
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON-able values."""
        return {
            "path": str(self.path),
            "name": self.name,
            "never_saved": self.never_saved,
            "edits": self.edits,
            "last_edit": self.last_edit,
            "songs": list(self.songs),
            "problem": self.problem,
        }


def unsaved_folder() -> Path:
    """Return where projects without a name live."""
    return paths.user_data_folder() / "unsaved"


def recoverable_projects() -> list[Recoverable]:
    """Return the projects that hold unsaved work and that nobody has open, oldest first."""
    found = []
    for path in _folders(unsaved_folder()):
        project = _looked_at(ProjectFolder(path), never_saved=True)
        if project is not None:
            found.append(project)
    for note in _notes():
        folder = _noted_folder(note)
        project = _looked_at(folder, never_saved=False) if folder else None
        if project is not None:
            found.append(project)
        elif folder is None or not _is_open(folder):
            with contextlib.suppress(OSError):
                atomic.remove(note)
    return found


def remove_remains() -> None:
    """Remove what is left of projects without a name that were killed before they were made."""
    for path in _folders(unsaved_folder()):
        folder = ProjectFolder(path)
        with contextlib.suppress(OSError):
            old = time.time() - path.stat().st_mtime > _REMAINS_SECONDS
            if old and not _holds_work(folder) and not _is_open(folder):
                shutil.rmtree(path, ignore_errors=True)


def discard(project: Recoverable) -> Path | None:
    """Throw unsaved work away: it is moved aside, nothing is deleted; return where it is.

    Raises
    ------
    ProjectError
        If it can not be moved.
    """
    folder = ProjectFolder(project.path)
    if not project.never_saved:
        forget_open(folder)
        return folder.discard(folder.journal_path)
    target = paths.user_data_folder() / "discarded" / folder.path.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target = target.with_name(f"{time.time_ns()} {target.name}")
        atomic.replace(folder.path, target)
        atomic.sync_folder(target.parent)
    except OSError as error:
        raise atomic.explain_os_error(
            error, f"Cannot discard {folder.name}", folder.path, kind=ProjectError
        ) from error
    return target


def remember_open(folder: ProjectFolder) -> None:
    """Note that a saved project is open: should this window crash, it is offered again."""
    note = _note(folder)
    # Without the note the project still recovers when it is opened; it is only not offered.
    with contextlib.suppress(OSError, DrumStudioError):
        note.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(note, strict_json.canonical({"path": os.fspath(folder.path.absolute())}))


def forget_open(folder: ProjectFolder) -> None:
    """Note that a project was closed."""
    with contextlib.suppress(OSError):
        atomic.remove(_note(folder))


def _looked_at(folder: ProjectFolder, *, never_saved: bool) -> Recoverable | None:
    """Return a project with unsaved work, None if there is none or somebody works on it."""
    if not folder.path.is_dir() or _is_open(folder):
        return None
    try:
        saved = folder.read()
    except ProjectError as error:
        if not _holds_work(folder):
            return None  # killed before it was made
        return Recoverable(folder.path, folder.name, never_saved, 0, "", (), error.why)
    project = saved.edited.project
    lines = read_journal(folder.journal_path, project.id, saved.generation).lines
    history = saved.edited.history
    edits = len(lines) + (len(history.commands) if never_saved else 0)
    if edits == 0:
        return None
    last = history.undo_name or ""
    for line in lines:
        done = line.edit.get("do")
        last = str(done.get("name", ""))[:300] if isinstance(done, dict) else last
    songs = tuple(song.name for song in project.songs)
    return Recoverable(folder.path, folder.name, never_saved, edits, last, songs)


def _holds_work(folder: ProjectFolder) -> bool:
    known = [folder.file, folder.journal_path, *(folder.path / "versions").glob("*")]
    return any(map(os.path.lexists, known))


def _is_open(folder: ProjectFolder) -> bool:
    try:
        return is_held(folder.lock_path)
    except OSError:
        return False


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir())
    except OSError:
        return []


def _notes() -> list[Path]:
    try:
        return sorted((paths.user_data_folder() / "open").glob("*.json"))
    except OSError:
        return []


def _note(folder: ProjectFolder) -> Path:
    name = hashlib.sha256(os.fsencode(folder.path.absolute())).hexdigest()[:24]
    return paths.user_data_folder() / "open" / f"{name}.json"


def _noted_folder(note: Path) -> ProjectFolder | None:
    try:
        plain = strict_json.parse(read_plain(note, _NOTE_LIMIT_BYTES))
        return ProjectFolder(Path(plain["path"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
