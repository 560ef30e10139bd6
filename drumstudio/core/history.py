"""Every edit of any kind, as named commands in one list; undo and redo are exact.

A command is data: which places of the project it changed, and what stood there before and
after. Nothing is computed again by undo or redo, so what comes back is what was there, and a
history that is written with the project still works when it is read. An address is the way
from the project to a place: field names, and the ids of songs, layers, tracks and so on
where a field is a list:
``("songs", "3f0c11d2a9be", "lanes", "drums", "strip", "gain_db")``.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from drumstudio.core import check
from drumstudio.core.plain import field_kind, from_plain, to_plain
from drumstudio.core.song import Project

MAX_COMMANDS = 10_000
MAX_CHANGES = 20_000
MAX_HISTORY_BYTES = 3_000_000
"""How many commands, how many changes in them and how much JSON a history may hold; beyond
any of these the oldest commands are forgotten."""

Address = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assign:
    """One field got another value.

    Parameters
    ----------
    at : tuple of str
        Address of the field.
    before, after : plain value
        As `to_plain` gives it; not to be changed.
    """

    at: Address
    before: Any
    after: Any

    def inverse(self) -> Assign:
        """Return the change that takes this one back."""
        return Assign(self.at, self.after, self.before)

    def to_plain(self) -> dict[str, Any]:
        """Return the change as a plain value."""
        return {"at": list(self.at), "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Splice:
    """Items of a list were replaced by others, as with a slice in Python.

    Parameters
    ----------
    at : tuple of str
        Address of the list.
    index : int
        Where the first of them stands.
    removed, inserted : tuple of plain values
        Items before and after.
    """

    at: Address
    index: int
    removed: tuple[Any, ...]
    inserted: tuple[Any, ...]

    def inverse(self) -> Splice:
        """Return the change that takes this one back."""
        return Splice(self.at, self.index, self.inserted, self.removed)

    def to_plain(self) -> dict[str, Any]:
        """Return the change as a plain value."""
        return {
            "at": list(self.at),
            "index": self.index,
            "removed": list(self.removed),
            "inserted": list(self.inserted),
        }


Change = Assign | Splice


@dataclass(frozen=True, slots=True)
class Command:
    """One step of undo.

    Parameters
    ----------
    name : str
        What a person did: "Paint drums".
    changes : tuple of Change
        In the order in which they happened.
    """

    name: str
    changes: tuple[Change, ...]

    def __post_init__(self) -> None:
        check.name_text(self.name)
        check.at_most("changes", self.changes, MAX_CHANGES)

    def inverse(self) -> Command:
        """Return the command that takes this one back."""
        return Command(self.name, tuple(change.inverse() for change in reversed(self.changes)))

    def apply(self, project: Project) -> Project:
        """Return the project with every change made.

        Raises
        ------
        ValueError
            If a place is not there, holds something else than the command says, or may not
            hold what it would get.
        """
        for change in self.changes:
            project = _changed(project, change)
        return project

    def to_plain(self) -> dict[str, Any]:
        """Return the command as a plain value."""
        return {"name": self.name, "changes": [change.to_plain() for change in self.changes]}

    @property
    def bytes(self) -> int:
        """Its size as JSON, in bytes."""
        return len(json.dumps(self.to_plain(), ensure_ascii=False).encode())


@dataclass(frozen=True, slots=True)
class History:
    """The commands that led to the project as it stands, and those taken back.

    Parameters
    ----------
    commands : tuple of Command
        Oldest first.
    position : int
        How many of them are in force; the others can be redone.
    sizes : tuple of int
        `Command.bytes` of each; measured if not given.
    """

    commands: tuple[Command, ...] = ()
    position: int = 0
    sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check.at_most("commands", self.commands, MAX_COMMANDS)
        check.within("position", self.position, 0, len(self.commands))
        if len(self.sizes) != len(self.commands):
            sizes = tuple(command.bytes for command in self.commands)
            object.__setattr__(self, "sizes", sizes)

    @property
    def undo_name(self) -> str | None:
        """What undo would take back."""
        return self.commands[self.position - 1].name if self.position else None

    @property
    def redo_name(self) -> str | None:
        """What redo would do again."""
        return self.commands[self.position].name if self.position < len(self.commands) else None

    def to_plain(self) -> dict[str, Any]:
        """Return the history as a plain value."""
        commands = [command.to_plain() for command in self.commands]
        return {"position": self.position, "commands": commands}

    def hashes(self) -> Iterator[str]:
        """Yield the hash of every file that undo or redo would need."""
        for command in self.commands:
            for change in command.changes:
                if isinstance(change, Assign):
                    yield from _hashes([change.before, change.after])
                else:
                    yield from _hashes([change.removed, change.inserted])


@dataclass(frozen=True, slots=True)
class Edited:
    """A project with its history.

    Parameters
    ----------
    project : Project
        As it stands.
    history : History
        How it came about.
    """

    project: Project
    history: History = History()

    def perform(self, command: Command) -> Edited:
        """Return the state after a command; what was undone before can not be redone then.

        Raises
        ------
        ValueError
            If the command does not fit the project, or is larger than a history may be.
        """
        project = command.apply(self.project)
        old = self.history
        size = command.bytes
        if size > MAX_HISTORY_BYTES:
            raise check.LimitError(f"a command may have {MAX_HISTORY_BYTES} bytes, got {size}")
        commands = (*old.commands[: old.position], command)
        sizes = (*old.sizes[: old.position], size)
        first = max(0, len(commands) - MAX_COMMANDS)
        total_bytes = sum(sizes[first:])
        total_changes = sum(len(kept.changes) for kept in commands[first:])
        while total_bytes > MAX_HISTORY_BYTES or total_changes > MAX_CHANGES:
            total_bytes -= sizes[first]
            total_changes -= len(commands[first].changes)
            first += 1
        return Edited(project, History(commands[first:], len(commands) - first, sizes[first:]))

    def undo(self) -> Edited:
        """Return the state before the last command in force.

        Raises
        ------
        ValueError
            If there is none, or it does not fit the project.
        """
        history = self.history
        if history.position == 0:
            raise ValueError("there is nothing to undo")
        project = history.commands[history.position - 1].inverse().apply(self.project)
        return Edited(project, dataclasses.replace(history, position=history.position - 1))

    def redo(self) -> Edited:
        """Return the state after the next command that was taken back.

        Raises
        ------
        ValueError
            If there is none, or it does not fit the project.
        """
        history = self.history
        if history.position == len(history.commands):
            raise ValueError("there is nothing to redo")
        project = history.commands[history.position].apply(self.project)
        return Edited(project, dataclasses.replace(history, position=history.position + 1))

    def checked(self) -> Edited:
        """Return the state with only those commands that really undo and redo.

        A history that was read from a file may fit its project in part: from the place where
        it stops to fit, everything farther from the present is forgotten.
        """
        first, state = self.history.position, self.project
        while first > 0:
            try:
                state = self.history.commands[first - 1].inverse().apply(state)
            except ValueError:
                break
            first -= 1
        last, state = self.history.position, self.project
        while last < len(self.history.commands):
            try:
                state = self.history.commands[last].apply(state)
            except ValueError:
                break
            last += 1
        if (first, last) == (0, len(self.history.commands)):
            return self
        history = History(
            self.history.commands[first:last],
            self.history.position - first,
            self.history.sizes[first:last],
        )
        return Edited(self.project, history)


class Edit:
    """A command in the making: changes a project step by step and remembers each.

    Parameters
    ----------
    project : Project
        What to start from.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._changes: list[Change] = []

    def set(self, at: Address, value: Any) -> None:
        """Give a field another value; the same value again is no change.

        Parameters
        ----------
        at : tuple of str
            Address of the field.
        value : object
            Of the field's type.

        Raises
        ------
        ValueError
            If there is no such field or it may not hold the value.
        """
        before, after = to_plain(_value_at(self.project, at)), to_plain(value)
        if before != after:
            self._change(Assign(at, before, after))

    def insert(self, at: Address, item: Any, index: int | None = None) -> None:
        """Put an item into a list, at the end if no index is given; errors as in `set`."""
        count = len(_items_at(self.project, at))
        place = count if index is None else index
        self._change(Splice(at, place, (), (to_plain(item),)))

    def remove(self, at: Address, item_id: str) -> None:
        """Take the item of an id out of a list; errors as in `set`."""
        items = _items_at(self.project, at)
        index = _index(items, item_id, at)
        self._change(Splice(at, index, (to_plain(items[index]),), ()))

    def move(self, at: Address, item_id: str, index: int) -> None:
        """Put the item of an id at another place of its list; errors as in `set`."""
        items = _items_at(self.project, at)
        check.within("index", index, 0, len(items) - 1)
        plain = to_plain(items[_index(items, item_id, at)])
        self.remove(at, item_id)
        self._change(Splice(at, index, (), (plain,)))

    def command(self, name: str) -> Command:
        """Return what was done so far as one command."""
        return Command(name, tuple(self._changes))

    def _change(self, change: Change) -> None:
        self.project = _changed(self.project, change)
        self._changes.append(change)


def command_from_plain(plain: Any) -> Command:
    """Return the command that `Command.to_plain` made plain.

    Raises
    ------
    ValueError
        If it is none. Whether it fits a project shows when it is applied.
    """
    if not isinstance(plain, dict) or set(plain) != {"name", "changes"}:
        raise ValueError("a command has a name and changes")
    if not isinstance(plain["name"], str) or not isinstance(plain["changes"], list):
        raise ValueError("a command's name is text and its changes are a list")
    return Command(plain["name"], tuple(_change_from_plain(change) for change in plain["changes"]))


def history_from_plain(plain: Any) -> History:
    """Return the history that `History.to_plain` made plain.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not isinstance(plain, dict) or set(plain) != {"position", "commands"}:
        raise ValueError("a history has a position and commands")
    if type(plain["position"]) is not int or not isinstance(plain["commands"], list):
        raise ValueError("a history's position is a number and its commands are a list")
    check.at_most("commands", plain["commands"], MAX_COMMANDS)
    commands = tuple(command_from_plain(command) for command in plain["commands"])
    check.within("changes", sum(len(command.changes) for command in commands), 0, MAX_CHANGES)
    return History(commands, plain["position"])


def _change_from_plain(plain: Any) -> Change:
    if not isinstance(plain, dict) or not isinstance(plain.get("at"), list):
        raise ValueError("a change has an address")
    at = tuple(plain["at"])
    if not all(isinstance(step, str) for step in at):
        raise ValueError("an address is made of text")
    if set(plain) == {"at", "before", "after"}:
        return Assign(at, plain["before"], plain["after"])
    if set(plain) == {"at", "index", "removed", "inserted"}:
        index, removed, inserted = plain["index"], plain["removed"], plain["inserted"]
        if type(index) is int and isinstance(removed, list) and isinstance(inserted, list):
            return Splice(at, index, tuple(removed), tuple(inserted))
    raise ValueError(f"a change has unknown parts: {sorted(map(str, plain))[:5]}")


def _hashes(plain: Any) -> Iterator[str]:
    waiting = [plain]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            sha256 = item.get("sha256")
            if isinstance(sha256, str):
                yield sha256
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)


# --- walking to a place ----------------------------------------------------------------


def _changed(project: Project, change: Change) -> Project:
    if change.at == ("id",):
        raise ValueError("the id of a project can not be changed")
    return typing.cast(Project, _rebuilt(project, change.at, change))


def _rebuilt(owner: Any, way: Address, change: Change) -> Any:
    """Return a copy of a part with the change made below it; siblings are shared."""
    if not way:
        raise ValueError(f"no field is named by the address {change.at}")
    if isinstance(owner, tuple):
        index = _index(owner, way[0], change.at)
        inner = _rebuilt(owner[index], way[1:], change)
        if getattr(inner, "id", None) != way[0]:
            raise ValueError(f"the id of {way[0]!r} can not be changed")
        return (*owner[:index], inner, *owner[index + 1 :])
    if not dataclasses.is_dataclass(owner) or isinstance(owner, type):
        raise ValueError(f"there is nothing at {change.at}")
    kind = field_kind(type(owner), way[0])
    value = getattr(owner, way[0])
    if len(way) > 1:
        new = _rebuilt(value, way[1:], change)
    elif isinstance(change, Assign):
        new = _assigned(value, kind, change)
    else:
        new = _spliced(value, kind, change)
    return dataclasses.replace(owner, **{way[0]: new})


def _assigned(value: Any, kind: Any, change: Assign) -> Any:
    if to_plain(value) != change.before:
        raise ValueError(f"{'.'.join(change.at)} holds something else than expected")
    return from_plain(kind, change.after, ".".join(change.at))


def _spliced(value: Any, kind: Any, change: Splice) -> Any:
    where = ".".join(change.at)
    if not isinstance(value, tuple):
        raise ValueError(f"{where} is no list")
    check.within("index", change.index, 0, len(value))
    stop = change.index + len(change.removed)
    if tuple(to_plain(item) for item in value[change.index : stop]) != change.removed:
        raise ValueError(f"{where} holds other items than expected")
    return (
        *value[: change.index],
        *from_plain(kind, list(change.inserted), where),
        *value[stop:],
    )


def _value_at(project: Project, at: Address) -> Any:
    value: Any = project
    for step in at:
        if isinstance(value, tuple):
            value = value[_index(value, step, at)]
        elif dataclasses.is_dataclass(value):
            field_kind(type(value), step)
            value = getattr(value, step)
        else:
            raise ValueError(f"there is nothing at {at}")
    return value


def _items_at(project: Project, at: Address) -> tuple[Any, ...]:
    items = _value_at(project, at)
    if not isinstance(items, tuple):
        raise ValueError(f"{at} is no list")
    return items


def _index(items: tuple[Any, ...], item_id: str, at: Address) -> int:
    for index, item in enumerate(items):
        if getattr(item, "id", None) == item_id:
            return index
    raise ValueError(f"there is no {item_id!r} in {at}")
