"""A project on disk: its folder, the file that is the single commit point, earlier versions.

In ``Name.drumstudio``::

    project.json                    the project and its history; replaced in one step
    journal.jsonl                   edits since then, one line each (`files.journal`)
    versions/project-<number>.json  what project.json was before, the last five
    media/, separations/, strokes/  sound and strokes (`files.project_media`)
    discarded/                      what a person threw away; nothing is deleted
    lock                            held by the one window that may write

Every project.json carries a generation, one higher than the one before it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumstudio import __version__, atomic
from drumstudio.core.errors import ProjectError
from drumstudio.core.history import Edited, History, history_from_plain
from drumstudio.core.plain import from_plain, to_plain
from drumstudio.core.song import Project
from drumstudio.files import strict_json
from drumstudio.files.plain_file import is_plain_file, read_plain
from drumstudio.files.project_migration import OLDEST_SCHEMA, migrated_history, migrated_project

SUFFIX = ".drumstudio"
FORMAT = "drumstudio-project"
SCHEMA = 2
"""Version of the format; a program reads this one and older ones, never newer ones."""

LIMIT_BYTES = 5_000_000
KEPT_VERSIONS = 5
FOLDERS = ("media", "separations", "strokes", "versions", "discarded")
# Nobody saves so often; and a project that was read must be one that can be saved.
_MAX_GENERATION = 10**9
_VERSION_NAME = re.compile(r"project-([0-9]{1,16})\.json")


class NewerProjectError(ProjectError):
    """A project was saved by a newer program: nothing of it may be changed."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a project.json holds.

    Parameters
    ----------
    edited : Edited
        The project and its history.
    generation : int
        Which save it was, counted from 1.
    notes : tuple of str
        What a person should know about how it was read.
    schema : int
        The version of the format that it was written in.
    """

    edited: Edited
    generation: int
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier project.json that is still there.

    Parameters
    ----------
    generation : int
        Which save it was.
    saved_at : str
        When, in UTC, ISO 8601; empty if it can not be read.
    last_edit : str
        Name of its last command; empty if there was none.
    """

    generation: int
    saved_at: str
    last_edit: str


class ProjectFolder:
    """The folder of a project.

    Parameters
    ----------
    path : Path
        The folder, or the project.json in it.
    """

    def __init__(self, path: Path) -> None:
        folder = path.parent if path.name == "project.json" else path
        self.path = folder.absolute()

    @property
    def name(self) -> str:
        """The project's name: the folder's, without its suffix."""
        return self.path.name.removesuffix(SUFFIX)

    @property
    def file(self) -> Path:
        """The single commit point."""
        return self.path / "project.json"

    @property
    def journal_path(self) -> Path:
        """Where the edits since the last save are."""
        return self.path / "journal.jsonl"

    @property
    def lock_path(self) -> Path:
        """The file that the one who writes holds."""
        return self.path / "lock"

    def exists(self) -> bool:
        """Return whether there is a project.json, in whatever state."""
        return is_plain_file(self.file)

    def file_state(self) -> tuple[int, int, int]:
        """Return what changes whenever project.json is replaced; zeros if there is none."""
        try:
            found = self.file.lstat()
        except OSError:
            return 0, 0, 0
        return found.st_ino, found.st_size, found.st_mtime_ns

    def create(self) -> None:
        """Make the folder with what belongs into it, still without a project.json.

        Raises
        ------
        ProjectError, DiskFullError
            If it can not be made, or something else has its name.
        """
        what = f"Cannot create the project {self.name}"
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise ProjectError(
                what,
                why=f"{self.path} is there already.",
                fix="Choose another name, or open what is there.",
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for name in FOLDERS:
                (self.path / name).mkdir()
        except OSError as error:
            raise atomic.explain_os_error(error, what, self.path, kind=ProjectError) from error

    def check_folders(self) -> None:
        """See that the folders inside are folders: a link would lead out of the project.

        Raises
        ------
        ProjectError
            If one is something else.
        """
        for name in FOLDERS:
            inside = self.path / name
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISDIR(inside.lstat().st_mode):
                    raise self._unreadable(f"its part {name!r} is not a folder of its own")

    def make_folders(self) -> None:
        """Make those folders inside that are gone: some programs drop empty ones on the way.

        Raises
        ------
        OSError
            If one can not be made.
        """
        for name in FOLDERS:
            (self.path / name).mkdir(exist_ok=True)

    def read(self) -> Saved:
        """Return what was last saved.

        Raises
        ------
        ProjectError
            If there is no project, it can not be read, is damaged or breaks a limit.
        NewerProjectError
            If it was saved by a newer program.
        """
        self.check_folders()
        return self._read(self.file)

    def commit(self, edited: Edited, generation: int) -> int:
        """Save: from the moment project.json is replaced this is the project.

        Parameters
        ----------
        edited : Edited
            What to save. If it is too long, the oldest steps of its history are left out.
        generation : int
            Of the project.json that this one follows; 0 if there is none.

        Returns
        -------
        int
            The new generation.

        Raises
        ------
        ProjectError, DiskFullError
            If it can not be saved; then project.json is as it was, or (if only the last
            step failed, forcing the folder to the disk) the new one.
        """
        if generation >= _MAX_GENERATION:
            raise ProjectError(
                f"Cannot save {self.name}",
                why=f"it says that it was saved {generation} times, and no project counts further.",
                fix="Save it under another name: there it counts from one again.",
            )
        data = _fitting(edited, generation + 1)
        what = f"Cannot save {self.name}"
        if len(data) > LIMIT_BYTES:
            raise ProjectError(
                what,
                why=f"it has grown to {len(data) / 1e6:.1f} MB, more than a project may have.",
                fix="Move some songs to a project of their own.",
            )
        self._keep_version(generation, what)
        atomic.write_bytes(self.file, data, what=what, kind=ProjectError)
        self._prune_versions(generation)
        return generation + 1

    def generation(self) -> int:
        """Return the generation of the project.json that is there, 0 if there is none.

        Raises
        ------
        ProjectError
            If it can not be read.
        """
        return self._read(self.file).generation if self.exists() else 0

    # --- earlier versions ---------------------------------------------------------------

    def versions(self) -> list[Version]:
        """Return the earlier versions that are still there, newest first."""
        found = []
        for generation, path in self._version_files():
            saved_at = last_edit = ""
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, ProjectError):
                plain = strict_json.parse(read_plain(path, LIMIT_BYTES))
                saved_at = str(plain["saved_at"])[:40]
                history = migrated_history(plain["history"], plain["schema"])
                last_edit = history_from_plain(history).undo_name or ""
            found.append(Version(generation, saved_at, last_edit))
        return found

    def read_version(self, generation: int) -> Saved:
        """Return an earlier version; errors as in `read`, and if there is no such version."""
        self.check_folders()
        there = [str(other) for other, _ in self._version_files()]
        if self.path.is_dir() and str(generation) not in there:
            raise ProjectError(
                f"Cannot go back to version {generation} of {self.name}",
                why=f"the versions that are kept are {', '.join(there)}."
                if there
                else "no earlier version is kept.",
                fix="Name one of those." if there else "Open the project as it is.",
            )
        return self._read(self.path / "versions" / f"project-{generation}.json")

    def _version_files(self) -> list[tuple[int, Path]]:
        """Return (generation, path) of every version, newest first."""
        found = []
        with contextlib.suppress(OSError):
            for path in (self.path / "versions").iterdir():
                match = _VERSION_NAME.fullmatch(path.name)
                generation = int(match[1]) if match else 0
                if 1 <= generation < _MAX_GENERATION and is_plain_file(path):
                    found.append((generation, path))
        return sorted(found, reverse=True)

    def _keep_version(self, generation: int, what: str) -> None:
        if generation == 0 or not self.exists():
            return
        try:
            self.make_folders()
            current = read_plain(self.file, LIMIT_BYTES)
        except OSError as error:
            raise atomic.explain_os_error(error, what, self.file, kind=ProjectError) from error
        target = self.path / "versions" / f"project-{generation}.json"
        atomic.write_bytes(target, current, what=what, kind=ProjectError)

    def _prune_versions(self, generation: int) -> None:
        # What bears a later number was put there by somebody: it pushes nothing of ours out.
        earlier = [path for number, path in self._version_files() if number <= generation]
        for path in earlier[KEPT_VERSIONS:]:
            with contextlib.suppress(OSError):  # the next save tries again
                atomic.remove(path)

    def replace_damaged(self, edited: Edited) -> None:
        """Save over a project.json that can not be read; it and its journal are kept aside.

        Parameters
        ----------
        edited : Edited
            What to save: an earlier version.

        Raises
        ------
        ProjectError, DiskFullError
            If the disk refuses.
        """
        self.discard(self.journal_path)
        self.copy_aside(self.file, 2 * LIMIT_BYTES)
        newest = max((generation for generation, _ in self._version_files()), default=0)
        # The damaged file was one generation later; edits that followed it must not fit.
        data = _fitting(edited, newest + 2)
        what = f"Cannot restore {self.name}"
        atomic.write_bytes(self.file, data, what=what, kind=ProjectError)

    # --- throwing away ------------------------------------------------------------------

    def discard(self, path: Path) -> Path | None:
        """Move a file of the project aside; return where it is now, None if there was none.

        Raises
        ------
        ProjectError
            If it can not be moved.
        """
        if not os.path.lexists(path):
            return None
        try:
            target = self._aside(path)
            atomic.put(path, target)
        except OSError as error:
            what = f"Cannot move {path.name} aside"
            raise atomic.explain_os_error(error, what, path, kind=ProjectError) from error
        return target

    def copy_aside(self, path: Path, limit_bytes: int) -> None:
        """Keep a copy of a damaged file, which is about to be replaced in one step.

        What is no plain file, or longer than the limit, is moved instead.

        Raises
        ------
        ProjectError, DiskFullError
            If the disk refuses.
        """
        try:
            content = read_plain(path, limit_bytes)
            target = self._aside(path)
        except OSError:
            self.discard(path)
        else:
            what = f"Cannot keep the damaged {path.name}"
            atomic.write_bytes(target, content, what=what, kind=ProjectError)

    def _aside(self, path: Path) -> Path:
        """Return a free name in the folder of what was discarded."""
        folder = self.path / "discarded"
        folder.mkdir(exist_ok=True)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        target = folder / f"{stamp}-{path.name}"
        number = 1
        while target.exists():
            number += 1
            target = folder / f"{stamp}-{number}-{path.name}"
        return target

    # --- inside -------------------------------------------------------------------------

    def _read(self, path: Path) -> Saved:
        try:
            data = read_plain(path, LIMIT_BYTES)
        except OSError as error:
            raise self._cannot_open(path, error) from error
        try:
            plain = strict_json.parse(data)
            if not isinstance(plain, dict) or plain.get("format") != FORMAT:
                raise ValueError("it is not a DrumStudio project")
            self._refuse_newer(plain)
            return _saved(plain)
        except ValueError as error:
            raise self._unreadable(str(error)[:300]) from error

    def _refuse_newer(self, plain: dict[str, Any]) -> None:
        schema = plain.get("schema")
        if type(schema) is not int or schema < OLDEST_SCHEMA:
            raise ValueError("it does not say which version of the format it has")
        if schema > SCHEMA:
            saved_by = str(plain.get("saved_by", ""))[:20]
            raise NewerProjectError(
                f"Cannot open {self.name}",
                why=f"it was saved by a newer DrumStudio ({saved_by or 'unknown'}); this one is "
                f"{__version__}.",
                fix="Update DrumStudio. The project has not been changed.",
            )

    def _cannot_open(self, path: Path, error: OSError) -> ProjectError:
        what = f"Cannot open {self.name}"
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return ProjectError(
                what,
                why=f"{self.path} is not a project: there is no {path.name} in it.",
                fix=f"Choose a folder whose name ends in {SUFFIX}.",
            )
        if error.errno == errno.EFBIG:
            return self._unreadable(f"it is longer than {LIMIT_BYTES / 1e6:.1f} MB")
        explained = atomic.explain_os_error(error, what, path, kind=ProjectError)
        return ProjectError(explained.what, why=explained.why, fix=explained.fix)

    def _unreadable(self, reason: str) -> ProjectError:
        versions = ", ".join(str(generation) for generation, _ in self._version_files())
        fix = (
            f"Go back to an earlier version of it: {versions}."
            if versions
            else "Open a copy of it, if there is one."
        )
        return ProjectError(
            f"Cannot open {self.name}", why=f"its project.json is damaged: {reason}.", fix=fix
        )


def with_suffix(path: Path) -> Path:
    """Return a path whose name ends as a project's does."""
    return path if path.name.endswith(SUFFIX) else path.with_name(path.name + SUFFIX)


def _saved(plain: dict[str, Any]) -> Saved:
    known = {"format", "schema", "saved_by", "saved_at", "generation", "project", "history"}
    if set(plain) != known:
        raise ValueError(f"it lacks or adds {sorted(known.symmetric_difference(plain))[0]!r}")
    generation = plain["generation"]
    if type(generation) is not int or not 1 <= generation <= _MAX_GENERATION:
        raise ValueError("its generation is out of range")
    schema = plain["schema"]
    project = from_plain(Project, migrated_project(plain["project"], schema))
    notes: tuple[str, ...] = ()
    try:
        history = history_from_plain(migrated_history(plain["history"], schema))
    except ValueError:
        notes = ("Its undo history was damaged and is gone.",)
        return Saved(Edited(project), generation, notes, schema)
    whole = Edited(project, history)
    edited = whole.checked()
    lost = len(whole.history.commands) - len(edited.history.commands)
    if lost:
        notes = (f"{lost} steps of its undo history were damaged and are gone.",)
    return Saved(edited, generation, notes, schema)


def _fitting(edited: Edited, generation: int) -> bytes:
    """Return the content of a project.json, without its oldest steps of undo if it is too long."""
    data = _serialised(edited, generation)
    if len(data) > LIMIT_BYTES:
        data = _serialised(_shortened(edited, len(data) - LIMIT_BYTES), generation)
    return data


def _serialised(edited: Edited, generation: int) -> bytes:
    """Return the content of a project.json: readable, one line for each step of undo."""
    head = {
        "format": FORMAT,
        "schema": SCHEMA,
        "saved_by": __version__,
        "saved_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "generation": generation,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    project = json.dumps(to_plain(edited.project), ensure_ascii=False, allow_nan=False, indent=1)
    commands = ",\n".join(
        json.dumps(command.to_plain(), ensure_ascii=False, allow_nan=False)
        for command in edited.history.commands
    )
    position = edited.history.position
    text = "\n".join(
        ["{", *lines, f'"project": {project},']
        + [f'"history": {{"position": {position}, "commands": [', commands, "]}", "}", ""]
    )
    return text.encode()


def _shortened(edited: Edited, excess_bytes: int) -> Edited:
    """Return the state without the oldest steps of its history that make up the excess."""
    history = edited.history
    first = freed = 0
    while first < history.position and freed < excess_bytes:
        freed += history.sizes[first]
        first += 1
    kept = History(history.commands[first:], history.position - first, history.sizes[first:])
    return Edited(edited.project, kept)


def is_project(path: Path) -> bool:
    """Return whether a path looks like a project: its folder or the file in it."""
    folder = ProjectFolder(path)
    return folder.path.name.endswith(SUFFIX) and os.path.isdir(folder.path)
