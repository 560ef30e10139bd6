"""An audio pack's `manifest.csv`: what it offers for training, and nothing outside its folder."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from drumstudio.core.names import is_plain
from drumstudio.files.plain_file import read_plain
from drumstudio.training.data import Source, TrainingDataError

MANIFEST_NAME = "manifest.csv"

_LIMIT_BYTES = 50_000_000
_LONGEST_SECONDS = 1_000_000.0
_COLUMNS = (
    *("path", "split", "valid_split", "group", "family", "kind", "source", "licence", "seconds"),
)


def pack_sources(folder: Path, *, without_licences: Iterable[str] = ()) -> list[Source]:
    """Return what an audio pack's `manifest.csv` offers for training.

    Evaluation excerpts, finished mixtures, hits that are no drums and the drum files whose class
    its README calls uncertain are left out.

    Parameters
    ----------
    folder : Path
        Holds `manifest.csv` and the files it names.
    without_licences : iterable of str
        Leave out files whose licence contains one of these texts ("GPL").

    Raises
    ------
    TrainingDataError
        If the manifest can not be read, lacks a column, or a row says what can not be: a file
        outside the folder, a length that is no number.
    """
    refused = tuple(without_licences)
    sources = []
    for number, row in _rows(folder):
        if row["split"] != "train" or any(part in row["licence"] for part in refused):
            continue
        role_and_kind = _role(row)
        if role_and_kind is None:
            continue
        path = _inside(folder, row["path"], number)
        parts = PurePosixPath(row["path"]).parts
        if row["group"] in ("stems", "kits") and len(parts) < 4:
            raise _wrong(number, f"its path {row['path']!r:.80} names no song or kit")
        if row["valid_split"] not in ("", "train", "valid"):
            raise _wrong(number, f"its valid_split is {row['valid_split']!r:.40}")
        sources.append(
            Source(
                path=path,
                role=role_and_kind[0],
                kind=role_and_kind[1],
                origin=parts[2] if row["group"] == "kits" else row["source"],
                song=parts[2] if row["group"] in ("stems", "kits") else "",
                licence=row["licence"],
                seconds=_seconds(row["seconds"], number),
                split=row["valid_split"] or "train",
            )
        )
    return sources


def _rows(folder: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line and its columns, all of them texts that can be shown."""
    try:
        text = read_plain(folder / MANIFEST_NAME, _LIMIT_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not written in UTF-8"
        raise TrainingDataError(
            f"Cannot read the manifest of {folder}",
            why=f"{said or error}.",
            fix=f"Give the folder that holds {MANIFEST_NAME}, or write it anew.",
        ) from error
    reader = csv.DictReader(text.splitlines())
    try:
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise _wrong(1, f"there is no column {missing[0]}")
        for row in reader:
            values = {name: row[name] or "" for name in _COLUMNS}
            unplain = next((name for name, value in values.items() if not is_plain(value)), None)
            if unplain is not None:
                raise _wrong(reader.line_num, f"its {unplain} is no plain text")
            yield reader.line_num, values
    except csv.Error as error:
        raise _wrong(reader.line_num, str(error)) from error


def _inside(folder: Path, name: str, number: int) -> Path:
    """Return the path of a file that a row names, which lies in the pack's folder."""
    path = folder / name
    relative = PurePosixPath(name)
    # As Windows reads it, too: a pack that is safe on one system is safe on all.
    parts = {*relative.parts, *PureWindowsPath(name).parts}
    absolute = relative.is_absolute() or PureWindowsPath(name).anchor
    if not name or absolute or ".." in parts:
        raise _wrong(number, f"its path {name!r:.80} leads out of the folder")
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise _wrong(number, f"its path {name!r:.80} is a link that leads out of the folder")
        if path.exists() and not path.is_file():
            raise _wrong(number, f"its path {name!r:.80} is no file")
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a name too long
        raise _wrong(number, f"its path {name!r:.80} can not be followed") from error
    return path


def _seconds(text: str, number: int) -> float:
    try:
        seconds = float(text or 0.0)
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds <= _LONGEST_SECONDS:
        raise _wrong(number, f"its length {text!r:.40} is no number of seconds")
    return seconds


def _wrong(number: int, why: str) -> TrainingDataError:
    return TrainingDataError(
        f"Cannot use line {number} of {MANIFEST_NAME}",
        why=f"{why}.",
        fix="Mend the line, or take it out.",
    )


def _role(row: dict[str, str]) -> tuple[str, str] | None:
    """Return role and kind of a manifest row, None for what is not trained on."""
    group, kind = row["group"], row["kind"]
    if group in ("hits", "kits"):
        return None if row["family"] in ("", "none") else ("hit", row["family"])
    if group == "loops":
        return ("drums", "loop") if kind == "drumloop" else ("rest", "other")
    if group == "stems":
        return ("drums", "stem") if kind == "drums" else ("rest", kind)
    if group == "backing":
        return ("rest", "mix")
    if group == "drumless":
        return {
            "music": ("rest", "mix"),
            "choir": ("rest", "vocals"),
            "speech": ("rest", "speech"),
            "instrument": ("note", "instrument"),
        }.get(kind)
    if group == "melodic":
        if kind == "nodrums":
            return ("rest", "mix")
        bass = kind == "bass" or row["source"] in ("double_bass", "meatbass", "war_tuba")
        return ("note", "bass" if bass else "tone")
    if group == "midi":
        return ("score", "midi")
    if group == "vocals":
        return ("rest", "speech") if kind == "speech" else ("note", "voice")
    return None
