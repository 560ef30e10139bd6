"""From what a person names or drops (files, folders) to the list of songs in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from drumstudio.files.probe import is_audio_path
from drumstudio.files.project_folder import SUFFIX


@dataclass(frozen=True, slots=True)
class FoundSongs:
    """The songs found, and what was passed over.

    Parameters
    ----------
    songs : tuple of (Path, Path)
        Each song with the folder it stands in, relative to the folder that was named
        (`Path()` for a song named itself): outputs mirror it.
    ignored : tuple of Path
        Files inside named folders that are no sound files by their name.
    empty : tuple of Path
        Named folders in which there was no song at all.
    """

    songs: tuple[tuple[Path, Path], ...]
    ignored: tuple[Path, ...]
    empty: tuple[Path, ...]


def find_songs(named: Iterable[Path], *, outside: Path | None = None) -> FoundSongs:
    """Return the songs among files and folders, folders walked, in the order of their names.

    A file that was named itself is always taken, whatever its name: if it is no sound, opening
    it says so. Hidden files and folders and projects are left out, and links to folders are not
    followed.

    Parameters
    ----------
    named : iterable of Path
        Files and folders.
    outside : Path, optional
        A folder to leave out, such as the one the results go to.
    """
    songs: list[tuple[Path, Path]] = []
    ignored: list[Path] = []
    empty: list[Path] = []
    left_out = outside.resolve() if outside is not None else None
    for name in named:
        if not os.path.isdir(name):  # Path.is_dir raises at a name that is too long
            songs.append((name, Path()))
            continue
        before = len(songs)
        # A folder called "x.wav" is walked like any other: what counts is what it is.
        for folder, folders, files in os.walk(name):
            here = Path(folder)
            folders[:] = sorted(
                child
                for child in folders
                if not child.startswith(".")
                and not child.endswith(SUFFIX)
                and (here / child).resolve() != left_out
            )
            for file in sorted(files):
                if file.startswith("."):
                    continue
                if is_audio_path(here / file):
                    songs.append((here / file, here.relative_to(name)))
                else:
                    ignored.append(here / file)
        if len(songs) == before:
            empty.append(name)
    return FoundSongs(tuple(songs), tuple(ignored), tuple(empty))
