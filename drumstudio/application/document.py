"""The open project, without a window: edits, undo, saving, and what a crash leaves behind."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.application import recovery
from drumstudio.application.autosave import Autosave
from drumstudio.application.listeners import Listeners
from drumstudio.core import check
from drumstudio.core.errors import DrumStudioError, ProjectError
from drumstudio.core.history import Command, Edit, Edited, History
from drumstudio.core.song import Project, new_id
from drumstudio.files import journal
from drumstudio.files.journal import Line
from drumstudio.files.lock import FileLock
from drumstudio.files.plain_file import read_plain
from drumstudio.files.project_folder import (
    SCHEMA,
    SUFFIX,
    NewerProjectError,
    ProjectFolder,
    Saved,
    with_suffix,
)
from drumstudio.files.project_media import ProjectMedia
from drumstudio.jobs.job import Checkpoint, no_checkpoint, portion


@dataclass(frozen=True, slots=True)
class _Older:
    """A project.json of an older schema, and the lines of the journal that follow it."""

    saved: Saved
    lines: tuple[Line, ...] = ()


class Document:
    """An open project.

    Made by `new`, `create` or `open`. May be used from any thread; the project itself is
    frozen, so that who reads it never waits. Listeners are called on the thread that edits.

    Attributes
    ----------
    changed : Listeners
        Called without arguments after every edit, undo, redo and restore.
    saved : Listeners
        Called without arguments after every save.
    autosave_failed : Listeners
        Called with the error when edits can not be written to the journal.
    notes : tuple of str
        What a person should know about how the project was opened.
    recovered_edits : int
        How many edits came from the journal.
    """

    def __init__(self, folder: ProjectFolder, lock: FileLock | None, edited: Edited) -> None:
        self.changed: Listeners[[]] = Listeners()
        self.saved: Listeners[[]] = Listeners()
        self.autosave_failed: Listeners[[DrumStudioError]] = Listeners()
        self.notes: tuple[str, ...] = ()
        self.recovered_edits = 0
        self._folder = folder
        self._media = ProjectMedia(folder)
        self._lock = lock
        self._edited = edited
        self._saved_project = edited.project
        self._generation = 0
        self._older: _Older | None = None
        self._autosave: Autosave | None = None
        self._read_only_reason = ""
        self._guard = threading.RLock()

    # --- opening ------------------------------------------------------------------------

    @classmethod
    def new(cls) -> Document:
        """Return a new project without a name: it lives in the user's data folder until saved.

        Raises
        ------
        ProjectError, DiskFullError
            If the disk refuses.
        """
        recovery.remove_remains()
        stamp = time.strftime("%Y-%m-%d %H.%M.%S")
        name = f"Untitled {stamp} {secrets.token_hex(2)}{SUFFIX}"
        return cls.create(recovery.unsaved_folder() / name)

    @classmethod
    def create(cls, path: Path) -> Document:
        """Return a new, empty project in a folder of its own.

        Parameters
        ----------
        path : Path
            Where to; ".drumstudio" is added if it is missing. Must not be there yet.

        Raises
        ------
        ProjectError, DiskFullError
            If it is there already or the disk refuses.
        """
        folder = ProjectFolder(with_suffix(path))
        folder.create()
        lock, reason = _taken_lock(folder)
        if lock is None:
            raise ProjectError(
                f"Cannot create the project {folder.name}",
                why=reason,
                fix="Choose a folder on another disk.",
            )
        document = cls(folder, lock, Edited(Project(new_id())))
        try:
            document._generation = folder.commit(document._edited, 0)
        except BaseException:
            lock.release()
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        document._start_journal()
        return document

    @classmethod
    def unwritable(cls, why: str) -> Document:
        """Return an empty project that is nowhere, for who has no room for a new one.

        Parameters
        ----------
        why : str
            Why there is none: a sentence, for who tries to add something.
        """
        document = cls(ProjectFolder(recovery.unsaved_folder()), None, Edited(Project(new_id())))
        document._read_only_reason = why
        return document

    @classmethod
    def open_version(cls, path: Path, generation: int) -> Document:
        """Return a project as an earlier save of it was; what stands now becomes an earlier one.

        The way back from a project.json that is damaged: that file is moved aside then.

        Parameters
        ----------
        path : Path
            As for `open`.
        generation : int
            Of one of `ProjectFolder.versions`.

        Raises
        ------
        ProjectError, DiskFullError
            If there is no such version, it is damaged too, another window has the project
            open, a newer program saved it, or the disk refuses.
        """
        folder = ProjectFolder(path)
        earlier = folder.read_version(generation)
        try:
            folder.read()
        except NewerProjectError:
            raise
        except ProjectError:
            lock, reason = _taken_lock(folder)
            if lock is None:
                raise ProjectError(
                    f"Cannot restore {folder.name}",
                    why=reason,
                    fix="Close it there, or copy its folder and restore the copy.",
                ) from None
            with lock:
                folder.replace_damaged(earlier.edited)
            return cls.open(path)
        document = cls.open(path)
        document.restore_version(generation)
        return document

    @classmethod
    def open(cls, path: Path, *, recover: bool = True) -> Document:
        """Return a project that is there, with the edits that a crash left unsaved.

        Parameters
        ----------
        path : Path
            The project's folder, or the project.json in it.
        recover : bool
            Whether unsaved edits come back. If not, they are moved aside, and the project is
            as it was last saved.

        Returns
        -------
        Document
            Read-only if another window has it open or the folder can not be written.

        Raises
        ------
        ProjectError
            If there is no project, it is damaged, or was saved by a newer program; nothing
            is changed then.
        """
        folder = ProjectFolder(path)
        as_read = folder.file_state()
        saved = folder.read()
        lock, reason = _taken_lock(folder)
        if lock is None:
            document = cls(folder, None, saved.edited)
            document._read_only_reason = reason
            document._take_over(saved)
            document.notes += (f"Opened to read only: {reason}",)
            return document
        try:
            if folder.file_state() != as_read:
                saved = folder.read()  # until the lock was ours, its owner has saved
            document = cls(folder, lock, saved.edited)
            document._take_over(saved)
            for inside in (folder.path, *(folder.path / name for name in _INCOMING)):
                atomic.remove_leftovers(inside)
            document._start_journal(document._recover(recover))
        except BaseException:
            lock.release()
            raise
        return document

    def _take_over(self, saved: Saved) -> None:
        self._edited = saved.edited
        self._saved_project = saved.edited.project
        self._generation = saved.generation
        self._older = None if saved.schema == SCHEMA else _Older(saved)
        self.notes = saved.notes

    def _recover(self, recover: bool) -> Line | None:
        """Bring back unsaved edits; return the line of the journal to go on from."""
        replay = journal.read_journal(self._folder.journal_path, self.project.id, self._generation)
        if replay.lines and not recover:
            self._folder.discard(self._folder.journal_path)
            return None
        schema = SCHEMA if self._older is None else self._older.saved.schema
        good, edited = journal.replayed(self._edited, replay, schema)
        if self._older is not None:
            self._older = replace(self._older, lines=good)
        if not replay.whole or len(good) < len(replay.lines):
            self._mend_journal(good)
        self._edited = edited
        self.recovered_edits = len(good)
        return good[-1] if good else None

    def _mend_journal(self, good: tuple[Line, ...]) -> None:
        """Cut a damaged journal down to what could be read; a copy of it is kept."""
        path = self._folder.journal_path
        kept = b""
        if good:
            with contextlib.suppress(OSError):
                kept = read_plain(path, journal.LIMIT_BYTES)[: good[-1].end_bytes]
        # Copied and replaced, not moved: killed in between, the good part is still there.
        self._folder.copy_aside(path, journal.LIMIT_BYTES)
        atomic.write_bytes(path, kept, what=f"Cannot open {self.name}", kind=ProjectError)
        self.notes += (
            "The record of the last unsaved edits was damaged; what could be read of it is "
            "restored, and the file is kept in the project's folder 'discarded'.",
        )

    def _start_journal(self, after: Line | None = None) -> None:
        path = self._folder.journal_path
        following = journal.Journal(path, self.project.id, self._generation, after)
        if self._autosave is not None:
            self._autosave.follow(following)
            return
        self._autosave = Autosave(following, self.autosave_failed)
        if not self.is_never_saved:
            recovery.remember_open(self._folder)

    # --- what it is ---------------------------------------------------------------------

    @property
    def project(self) -> Project:
        """The project as it stands."""
        return self._edited.project

    @property
    def history(self) -> History:
        """How it came about."""
        return self._edited.history

    @property
    def folder(self) -> ProjectFolder:
        """Where it is on the disk."""
        return self._folder

    @property
    def media(self) -> ProjectMedia:
        """Its files of sound; the same object as long as the document is open."""
        return self._media

    @property
    def name(self) -> str:
        """Its name."""
        return self._folder.name

    @property
    def generation(self) -> int:
        """How often it was saved."""
        return self._generation

    @property
    def is_read_only(self) -> bool:
        """Whether it can only be looked at and copied."""
        return self._lock is None

    @property
    def is_never_saved(self) -> bool:
        """Whether it still lives in the user's data folder, without a name."""
        return self._folder.path.parent == recovery.unsaved_folder()

    @property
    def is_modified(self) -> bool:
        """Whether it differs from what was last saved."""
        return self.project is not self._saved_project and self.project != self._saved_project

    def require_writable(self, what: str) -> None:
        """Refuse before long work whose result could not be kept.

        Parameters
        ----------
        what : str
            First line of the error.

        Raises
        ------
        ProjectError
            If the project is read-only or closed.
        """
        self._writable(what)

    # --- editing ------------------------------------------------------------------------

    @contextmanager
    def command(self, name: str) -> Iterator[Edit]:
        """Collect changes and make them one step of undo when the block ends.

        If the block raises, nothing has happened; if it changes nothing, there is no step. No
        other thread edits meanwhile, so the block should not wait for anything.

        Parameters
        ----------
        name : str
            What the person does: "Set gain of Drums".

        Raises
        ------
        ProjectError
            If the project is read-only, or would hold more of something than it may.
        """
        with self._guard:
            try:
                edit = Edit(self.project)
                yield edit
                command = edit.command(name)
                if command.changes:
                    self._make(command)
            except check.LimitError as error:
                raise ProjectError(
                    f"Cannot do this in {self.name}: {name}",
                    why=f"{error}.",
                    fix="Take something away first, or go on on another layer or in another "
                    "project.",
                ) from error
        if command.changes:
            self.changed()

    def perform(self, command: Command) -> None:
        """Make an edit; it is in the journal soon after.

        Raises
        ------
        ProjectError
            If the project is read-only.
        ValueError
            If the command does not fit the project.
        """
        self._make(command)
        self.changed()

    def undo(self) -> None:
        """Take the last edit back; errors as in `perform`."""
        self._step(lambda: self._edited.undo(), {"undo": True})
        self.changed()

    def redo(self) -> None:
        """Do again what was taken back; errors as in `perform`."""
        self._step(lambda: self._edited.redo(), {"redo": True})
        self.changed()

    def _make(self, command: Command) -> None:
        self._step(lambda: self._edited.perform(command), {"do": command.to_plain()})

    def _step(self, step: Any, line: dict[str, Any]) -> None:
        with self._guard:
            autosave = self._writable(f"Cannot change {self.name}")
            edited = step()
            if self._older is not None:
                self._rewrite(self._older, autosave)
            self._edited = edited
            autosave.add(line)

    def _rewrite(self, older: _Older, autosave: Autosave) -> None:
        """Write project.json and journal anew in today's schema: no edit may follow an older one.

        What was saved stays what was saved, and what was not is in the journal again: behind
        its old lines, so that whichever project.json stands finds its own.
        """
        schema, lines = older.saved.schema, older.lines
        following = journal.Journal.behind(
            self._folder.journal_path,
            self.project.id,
            self._generation + 1,
            lines[-1] if lines else None,
        )
        following.append([journal.migrated_edit(line.edit, schema) for line in lines])
        try:
            self._folder.commit(older.saved.edited, self._generation)
        except DrumStudioError:
            written = None
            with contextlib.suppress(DrumStudioError):
                written = self._folder.generation()
            if written != self._generation + 1:  # else only the last step failed: it stands
                following.close()
                raise
        self._generation += 1
        self._older = None
        autosave.follow(following)

    def _writable(self, what: str) -> Autosave:
        if self._autosave is None:
            raise ProjectError(
                what,
                why=self._read_only_reason or "it has been closed.",
                fix="Save a copy under another name, and work on that.",
            )
        return self._autosave

    # --- saving -------------------------------------------------------------------------

    def flush(self) -> None:
        """Wait until every edit is in the journal.

        Raises
        ------
        ProjectError, DiskFullError
            If the disk refuses.
        """
        if self._autosave is not None:
            self._autosave.flush()

    def save(self) -> None:
        """Save; from then on the journal starts anew.

        Raises
        ------
        ProjectError, DiskFullError
            If it has no name yet, is read-only, or the disk refuses. What was edited is still
            there, in memory and in the journal.
        """
        if self.is_never_saved:
            raise ProjectError(
                "Cannot save the project",
                why="it has no name yet.",
                fix="Save it under a name.",
            )
        self._commit(self._edited)
        self.saved()

    def _commit(self, edited: Edited) -> None:
        with self._guard:
            self._writable(f"Cannot save {self.name}")
            try:
                generation = self._folder.commit(edited, self._generation)
            except DrumStudioError:
                # Only the last step may have failed: then the new file stands, and a journal
                # that followed the old one would not be replayed.
                with contextlib.suppress(DrumStudioError):
                    if self._folder.generation() == self._generation + 1:
                        self._committed(edited, self._generation + 1)
                raise
            self._committed(edited, generation)

    def _committed(self, edited: Edited, generation: int) -> None:
        self._edited = edited
        self._saved_project = edited.project
        self._generation = generation
        self._older = None
        self._start_journal()

    def save_as(self, path: Path, checkpoint: Checkpoint = no_checkpoint) -> None:
        """Save under another name, with a copy of everything, and go on with the copy.

        The project that it was before stays as it was last saved. One that never had a name
        moves.

        Parameters
        ----------
        path : Path
            Where to; ".drumstudio" is added if it is missing. Must not be there yet.
        checkpoint : Checkpoint
            Told how much is copied; may cancel.

        Raises
        ------
        ProjectError, DiskFullError
            If it is there already or the disk refuses; then nothing has changed.
        Cancelled
            If the person asked to stop; then nothing has changed.
        """
        target = ProjectFolder(with_suffix(path))
        if target.path.exists():
            raise ProjectError(
                f"Cannot save the project as {target.name}",
                why=f"{target.path} is there already.",
                fix="Choose another name.",
            )
        with ExitStack() as held:
            with self._copying(target) as partial:
                # The long part, which no edit waits for; what comes in meanwhile follows below.
                ahead = portion(checkpoint, 0.0, 0.98)
                self._media.copy_to(partial, self._edited, ahead, link=self.is_never_saved)
                held.enter_context(self._guard)
                held.enter_context(self._media.moving())
                rest = portion(checkpoint, 0.98, 1.0)
                # Only a project that goes away shares its files with the copy.
                self._media.copy_to(partial, self._edited, rest, link=self.is_never_saved)
                generation = partial.commit(self._edited, 0)
                copy = _placed(partial, target)
            old, never_saved, modified = self._folder, self.is_never_saved, self.is_modified
            self._let_go()
            if modified and not never_saved and self._lock is not None:
                with contextlib.suppress(DrumStudioError):
                    old.discard(old.journal_path)
            if self._lock is not None:
                self._lock.release()
            self._media.follow(target, remove_old=never_saved)
            self._folder, self._lock = target, copy
            self._read_only_reason = ""
            self._committed(self._edited, generation)
        self.saved()

    @contextmanager
    def _copying(self, target: ProjectFolder) -> Iterator[ProjectFolder]:
        """Yield a hidden project beside a target; it is gone again if anything fails."""
        what = f"Cannot save the project as {target.name}"
        hidden = target.path.with_name(f".{target.path.name}.{secrets.token_hex(6)}.partial")
        try:
            if not target.path.parent.is_dir():
                raise FileNotFoundError(2, "no such folder", str(target.path.parent))
            partial = ProjectFolder(hidden)
            partial.create()
            yield partial
        except BaseException as error:
            shutil.rmtree(hidden, ignore_errors=True)
            if isinstance(error, OSError):
                raise atomic.explain_os_error(error, what, target.path, kind=ProjectError) from (
                    error
                )
            raise

    # --- going back ---------------------------------------------------------------------

    def restore_version(self, generation: int) -> None:
        """Make an earlier save the present one; the present becomes an earlier save.

        Raises
        ------
        ProjectError, DiskFullError
            If there is no such version, it is damaged, or the disk refuses.
        """
        with self._guard:
            earlier = self._folder.read_version(generation).edited
            if self.is_modified:
                self._commit(self._edited)
            self._commit(earlier)
        self.changed()
        self.saved()

    def discard_edits(self) -> None:
        """Go back to what was last saved; the unsaved edits are moved aside, not deleted.

        Raises
        ------
        ProjectError
            If the disk refuses.
        """
        with self._guard:
            autosave = self._writable(f"Cannot go back to the saved {self.name}")
            with contextlib.suppress(DrumStudioError):
                autosave.flush()
            saved = self._folder.read()
            self._folder.discard(self._folder.journal_path)
            self._take_over(saved)
            self._start_journal()
        self.changed()

    def delete_unreferenced(self) -> tuple[int, int]:
        """Delete what neither the project, its history nor its versions need.

        Returns
        -------
        files, bytes : int
            How many were deleted, and their size.

        Raises
        ------
        ProjectError, DiskFullError
            If the project is read-only, has edits that can not be saved first, a version can
            not be read, or a file can not be deleted.
        """
        with self._guard:
            self._writable(f"Cannot clean {self.name}")
            unneeded = self.media.unreferenced(self._edited)
            freed = 0
            for path in unneeded:
                try:
                    freed += path.stat().st_size
                    atomic.remove(path)
                except OSError as error:
                    raise atomic.explain_os_error(
                        error, f"Cannot clean {self.name}", path, kind=ProjectError
                    ) from error
            return len(unneeded), freed

    # --- closing ------------------------------------------------------------------------

    def close(self) -> None:
        """Close. Unsaved edits stay in the journal and come back when it is opened again.

        They are offered when the program is started next: it may have been ended by a shutdown.
        A project without a name in which nothing was done leaves nothing behind.

        Raises
        ------
        ProjectError, DiskFullError
            If the last edits could not be written; it is closed nevertheless. Who can still
            ask somebody calls `flush` before.
        """
        with self._guard:
            if self._lock is None:
                return
            empty = self.project == Project(self.project.id) and not self.history.commands
            never_saved, modified = self.is_never_saved, self.is_modified
            try:
                if modified:
                    self.flush()
            finally:
                self._let_go(forget=not modified)
                self._lock.release()
                self._lock = None
                if never_saved and empty:
                    shutil.rmtree(self._folder.path, ignore_errors=True)

    def _let_go(self, *, forget: bool = True) -> None:
        if self._autosave is not None:
            self._autosave.close()
            self._autosave = None
            if forget:
                recovery.forget_open(self._folder)

    def __enter__(self) -> Document:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def _placed(partial: ProjectFolder, target: ProjectFolder) -> FileLock:
    """Give a finished copy its name; return its lock."""
    atomic.replace(partial.path, target.path)
    atomic.sync_folder(target.path.parent)
    lock = FileLock(target.lock_path)
    if not lock.try_acquire():
        raise OSError(f"{target.path} was opened by another window at once")
    return lock


_INCOMING = ("media", "separations", "strokes", "versions")


def _taken_lock(folder: ProjectFolder) -> tuple[FileLock | None, str]:
    """Return the project's lock if it is ours now, else why not."""
    lock = FileLock(folder.lock_path)
    try:
        if not lock.try_acquire():
            return None, "another window has it open."
        folder.make_folders()
    except OSError as error:
        lock.release()
        explained = atomic.explain_os_error(error, "", folder.lock_path)
        return None, explained.why
    return lock, ""
