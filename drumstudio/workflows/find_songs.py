"""From what a person names or drops (files, folders) to the list of songs in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from drumstudio.core.errors import AudioOpenError
from drumstudio.files.folder_walk import PassedOver, walk
from drumstudio.files.probe import open_song
from drumstudio.files.project_folder import SUFFIX
from drumstudio.files.sound_kinds import (
    HEAD_BYTES,
    begins_like_sound,
    is_audio_path,
    is_own_stem,
)
from drumstudio.files.stem_box import read_stem_box

_STEMS_FILE = ".stem.mp4"  # a song that is separated already


@dataclass(frozen=True, slots=True)
class FoundSongs:
    """The songs found, and what was passed over.

    Parameters
    ----------
    songs : tuple of (Path, Path)
        Each song with the folder it stands in, relative to the folder that was named
        (`Path()` for a song named itself): outputs mirror it.
    passed_over : tuple of PassedOver
        What lies in named folders and is no song, or could not be looked at.
    empty : tuple of Path
        Named folders in which there was no song at all.
    """

    songs: tuple[tuple[Path, Path], ...]
    passed_over: tuple[PassedOver, ...]
    empty: tuple[Path, ...]

    @property
    def ignored(self) -> tuple[PassedOver, ...]:
        """What is no song."""
        return tuple(item for item in self.passed_over if not item.unreadable)

    @property
    def unreadable(self) -> tuple[PassedOver, ...]:
        """What might hold songs, and the system did not let be read."""
        return tuple(item for item in self.passed_over if item.unreadable)


def find_songs(named: Iterable[Path], *, outside: Path | None = None) -> FoundSongs:
    """Return the songs among files and folders, folders walked, in the order of their names.

    A file that was named itself is always taken, whatever its name: if it is no sound, opening
    it says so. In a folder a file counts if its name or its beginning says that it is sound.
    Hidden files and folders and projects are left out, links to folders are not followed, and
    stems that the program wrote are no songs.

    Parameters
    ----------
    named : iterable of Path
        Files and folders.
    outside : Path, optional
        A folder to leave out, such as the one the results go to.
    """
    songs: list[tuple[Path, Path]] = []
    passed_over: list[PassedOver] = []
    empty: list[Path] = []
    left_out = outside.resolve() if outside is not None else None

    def enters(folder: Path) -> bool:
        if folder.resolve() == left_out:
            passed_over.append(PassedOver(folder, "the folder of the results"))
            return False
        return not folder.name.endswith(SUFFIX)

    for name in named:
        if not os.path.isdir(name):  # Path.is_dir raises at a name that is too long
            songs.append((name, Path()))
            continue
        before = len(songs)
        # A folder called "x.wav" is walked like any other: what counts is what it is.
        for found in walk(name, enters=enters):
            if isinstance(found, Path):
                found = _judged(found)
            if isinstance(found, Path):
                songs.append((found, found.parent.relative_to(name)))
            elif found.unreadable and not (is_audio_path(found.path) or found.path.is_dir()):
                passed_over.append(replace(found, unreadable=False))  # nobody misses it
            else:
                passed_over.append(found)
        if len(songs) == before:
            empty.append(name)
    return FoundSongs(tuple(songs), tuple(passed_over), tuple(empty))


def _judged(path: Path) -> Path | PassedOver:
    """Return the path of a song, or why it is passed over."""
    named_sound = is_audio_path(path)
    try:
        with open_song(path) as file:
            head = file.read(HEAD_BYTES)
            is_stem_file = path.name.lower().endswith(_STEMS_FILE) or (
                head[4:8] == b"ftyp" and read_stem_box(file) is not None
            )
    except (OSError, AudioOpenError) as error:
        if named_sound:
            return path  # opening it says why it can not be read
        why = error.why if isinstance(error, AudioOpenError) else f"{error.strerror or error}"
        return PassedOver(path, f"not to be read: {why.rstrip('.')}")
    if is_own_stem(head):
        return PassedOver(path, "a stem that DrumStudio wrote; name it to have it separated")
    if is_stem_file:
        return PassedOver(path, "a STEMS file; name it to have its mix separated")
    return path if named_sound or begins_like_sound(head) else PassedOver(path, "no sound")
