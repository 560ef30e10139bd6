"""The journal: every edit since the last save, on the disk soon after it was made.

One line of JSON for each edit. A line names the generation of the project.json that it
follows, and ends in a check that covers the line and all lines of that generation before it.
So a line that is torn, changed, missing, repeated, or from another project ends the replay,
and what was saved meanwhile is not done twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.core.errors import ProjectError
from drumstudio.core.history import Edited, command_from_plain
from drumstudio.files import strict_json
from drumstudio.files.plain_file import is_plain_file, open_plain, read_plain
from drumstudio.files.project_migration import migrated_command

LIMIT_BYTES = 16_000_000
"""No journal grows beyond this: some 50,000 edits without a save."""

LINE_LIMIT_BYTES = 4_000_000
_CHECK_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Line:
    """An edit in a journal.

    Parameters
    ----------
    edit : dict
        As it was given to `Journal.append`: {"do": command}, {"undo": True} or {"redo": True}.
    end_bytes : int
        Where the line ends in the file.
    check : str
        The line's check, on which the next one builds.
    """

    edit: dict[str, Any]
    end_bytes: int
    check: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What a journal holds for a generation.

    Parameters
    ----------
    lines : tuple of Line
        In the order in which the edits were made.
    whole : bool
        False if something in the file could not be read.
    """

    lines: tuple[Line, ...]
    whole: bool


def read_journal(path: Path, project_id: str, generation: int) -> Replay:
    """Return the edits of a journal that follow a generation; never fails.

    Parameters
    ----------
    path : Path
        May be absent: then there are no edits.
    project_id : str
        Of the project that was saved.
    generation : int
        Of its project.json. Lines of earlier generations are passed over: they are in it.
    """
    try:
        data = read_plain(path, LIMIT_BYTES)
    except FileNotFoundError:
        return Replay((), True)
    except OSError:
        return Replay((), False)
    lines: list[Line] = []
    checks: dict[int, str] = {}  # of each generation's last line
    position = 0
    while position < len(data):
        end = data.find(b"\n", position) + 1
        parsed = (
            _parsed(data[position : end - 1]) if 0 < end <= position + LINE_LIMIT_BYTES else None
        )
        if parsed is None or parsed.generation > generation:
            break
        before = checks.get(parsed.generation) or _first_check(project_id, parsed.generation)
        if _next_check(before, parsed.body) != parsed.check:
            break
        checks[parsed.generation] = parsed.check
        if parsed.generation == generation:
            lines.append(Line(parsed.edit, end, parsed.check))
        position = end
    return Replay(tuple(lines), position == len(data))


def replayed(edited: Edited, replay: Replay, schema: int) -> tuple[tuple[Line, ...], Edited]:
    """Return the lines of a journal that fit a state, and the state after them.

    Parameters
    ----------
    edited : Edited
        What was saved.
    replay : Replay
        What the journal holds. The first line that does not fit ends it.
    schema : int
        Of the project.json that the lines follow.
    """
    for number, line in enumerate(replay.lines):
        try:
            edited = _replayed_line(edited, migrated_edit(line.edit, schema))
        except ValueError:
            return replay.lines[:number], edited
    return replay.lines, edited


def migrated_edit(edit: dict[str, Any], schema: int) -> dict[str, Any]:
    """Return an edit of a line that follows a project.json of an older schema, as of today."""
    return {"do": migrated_command(edit["do"], schema)} if set(edit) == {"do"} else edit


def _replayed_line(edited: Edited, edit: dict[str, Any]) -> Edited:
    match edit:
        case {"do": plain}:
            return edited.perform(command_from_plain(plain))
        case {"undo": True}:
            return edited.undo()
        case {"redo": True}:
            return edited.redo()
    raise ValueError(f"a line of a journal does, undoes or redoes, got {sorted(edit)[:3]}")


class Journal:
    """Append edits to a journal; each is on the disk when `append` returns.

    Parameters
    ----------
    path : Path
        Created by the first edit.
    project_id : str
        Of the project.
    generation : int
        Of the project.json that the edits follow.
    after : Line, optional
        The edit to go on from, in the file that is there; what stands behind it is cut off
        by the next edit. If not given, that is everything.
    """

    def __init__(
        self, path: Path, project_id: str, generation: int, after: Line | None = None
    ) -> None:
        self._path = path
        self._generation = generation
        self._check = after.check if after else _first_check(project_id, generation)
        self._good_bytes = after.end_bytes if after else 0
        self._descriptor: int | None = None

    @classmethod
    def behind(cls, path: Path, project_id: str, generation: int, last: Line | None) -> Journal:
        """Return a journal of a generation that stands behind the lines of the one before.

        Parameters
        ----------
        path, project_id, generation
            As for the class.
        last : Line or None
            The last line of the generation before; None if it has none.
        """
        check = _first_check(project_id, generation)
        return cls(path, project_id, generation, last and Line({}, last.end_bytes, check))

    def append(self, edits: Iterable[dict[str, Any]]) -> None:
        """Write edits, one line each, and force them to the disk together.

        Parameters
        ----------
        edits : iterable of dict
            JSON-able.

        Raises
        ------
        ProjectError, DiskFullError
            If the disk refuses or the journal would become too long. Nothing counts as
            written then; the next call first cuts off what may have been.
        """
        what = f"Cannot keep the last edits of {self._path.parent.name}"
        check, lines = self._check, []
        for edit in edits:
            body = strict_json.dump({"generation": self._generation, "edit": edit})
            check = _next_check(check, body)
            lines.append(body[:-1] + f',"check":"{check}"}}\n'.encode())
        data = b"".join(lines)
        longest = max((len(line) for line in lines), default=0)
        if self._good_bytes + len(data) > LIMIT_BYTES or longest > LINE_LIMIT_BYTES:
            raise ProjectError(
                what,
                why="more was edited since the last save than the journal holds.",
                fix="Save the project: nothing is lost then.",
            )
        try:
            descriptor = self._opened()
            atomic.write_all(descriptor, data)
            atomic.sync(descriptor)
        except OSError as error:
            self.close()  # opening again cuts the file back to what is known to be good
            raise atomic.explain_os_error(error, what, self._path, kind=ProjectError) from error
        self._good_bytes += len(data)
        self._check = check

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _opened(self) -> int:
        if self._descriptor is None:
            if is_plain_file(self._path) and self._path.stat().st_nlink > 1:
                # The file has a second name, maybe outside the project: leave that one alone.
                kept = read_plain(self._path, LIMIT_BYTES)
                atomic.write_bytes(self._path, kept, kind=ProjectError)
            descriptor = open_plain(self._path, os.O_RDWR | os.O_CREAT)
            try:
                os.ftruncate(descriptor, self._good_bytes)
                os.lseek(descriptor, self._good_bytes, os.SEEK_SET)
                atomic.sync_folder(self._path.parent)
            except BaseException:
                os.close(descriptor)
                raise
            self._descriptor = descriptor
        return self._descriptor


def _first_check(project_id: str, generation: int) -> str:
    return _digest(f"{project_id} {generation}".encode())


def _next_check(check: str, body: bytes) -> str:
    return _digest(check.encode() + body)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_CHECK_DIGITS]


@dataclass(frozen=True, slots=True)
class _Parsed:
    generation: int
    edit: dict[str, Any]
    body: bytes  # what the check covers
    check: str


def _parsed(line: bytes) -> _Parsed | None:
    """Return the parts of a line, None if it is none."""
    try:
        plain = strict_json.parse(line)
        generation, edit, check = plain["generation"], plain["edit"], plain["check"]
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    if type(generation) is not int or not isinstance(edit, dict) or not isinstance(check, str):
        return None
    tail = f',"check":"{check}"}}'.encode("utf-8", "replace")
    if len(plain) != 3 or not line.endswith(tail):
        return None
    return _Parsed(generation, edit, line[: -len(tail)] + b"}", check)
