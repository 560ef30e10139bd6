"""What a user's folders hold for training: songs with stems, drums alone, music without drums.

Understood are an audio pack (`manifest.csv`), songs as folders of stems (MUSDB's layout or any
names that the rules map), Native Instruments `.stem.mp4` files, and folders of unpaired music.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumstudio.files.av_container import open_container
from drumstudio.files.folder_walk import PassedOver, walk
from drumstudio.files.foreign_file import DecoderError, DecoderMissingError, NamelessFile
from drumstudio.jobs.job import Checkpoint
from drumstudio.training.data import Source, TrainingDataError, decoded, sound_name
from drumstudio.training.known_excerpts import excerpts_among
from drumstudio.training.manifest import MANIFEST_NAME, pack_sources

SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".m4a")

_STEM_FILE = ".stem.mp4"

_PIECES = (
    *("kick", "snare", "hat", "hats", "hihat", "hh", "tom", "toms", "cymbal", "cymbals", "ride"),
    *("crash", "overhead", "overheads", "oh", "bd", "sd", "clap", "shaker"),
)

# A stem's class by a word in its name, the first that fits; names without any are "other".
_WORDS = (
    ("mix", ("mix", "mixture", "mixdown", "master", "full", "original")),
    ("drumless", ("rest", "backing", "accompaniment", "instrumental")),
    ("drums", (*_PIECES, "drums", "drum", "perc", "percussion", "beat", "beats", "kit", "loop")),
    ("bass", ("bass", "sub", "808")),
    ("vocals", ("vocal", "vocals", "vox", "voice", "voices", "lead vocal", "choir", "bv")),
)
_DRUM_FOLDERS = ("drums", "drums_only", "drumsonly", "drum_loops", "drumloops")
_DRUMLESS_FOLDERS = ("drumless", "no_drums", "nodrums", "without_drums", "backing")

# Stems of one song may differ by so much in length before it is told.
_UNEVEN_SECONDS = 0.5
_SHORTEST_SECONDS = 1.0
_BOX_BYTES = 16 << 20
FEWEST_TO_SPLIT = 10


@dataclass(slots=True)
class Found:
    """What a folder holds.

    Parameters
    ----------
    sources : list of Source
    problems : dict of str to list of str
        Song or file to what is wrong with it, in words.
    """

    sources: list[Source] = field(default_factory=list)
    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def find_sources(
    folders: Iterable[Path],
    *,
    without_licences: Sequence[str] = (),
    without_origins: Sequence[str] = (),
) -> Found:
    """Return everything to train from in some folders, split by song.

    Parameters
    ----------
    folders : iterable of Path
    without_licences, without_origins : sequence of str
        Sources of an audio pack that are left out.

    Raises
    ------
    TrainingDataError
        If a folder is none, or none of them holds anything.
    """
    found = Found()
    for folder in folders:
        if not os.path.isdir(folder):  # Path.is_dir raises at a name that is too long
            raise TrainingDataError(
                f"Cannot train from {folder}", why="it is no folder.", fix="Give a folder of music."
            )
        if (folder / MANIFEST_NAME).is_file():
            kept = pack_sources(folder, without_licences=without_licences)
            found.sources += [source for source in kept if source.origin not in without_origins]
        else:
            _walk(folder, found)
    _drop_doubles(found)
    if not found.sources:
        raise TrainingDataError(
            "There is nothing to train from",
            why="no folder holds songs with stems, drums alone or music without drums.",
            fix="Put each song into a folder of its own with drums.wav and its other stems.",
        )
    _hold_out(found)
    return found


def _drop_doubles(found: Found) -> None:
    """Keep one of the sources that are the same files: a folder may be named with one inside it."""
    once = {}
    for source in found.sources:
        files = tuple(os.path.realpath(path) for path in (source.path, *source.more))
        once.setdefault((files, source.stream), source)
    found.sources[:] = once.values()


def check(checkpoint: Checkpoint, *, folders: Sequence[str]) -> dict[str, Any]:
    """Return what was understood of some folders; the worker's job behind `studio train check`.

    Returns
    -------
    dict
        `songs` (name, stems, seconds, split, folder), `minutes` (role and kind to minutes),
        `files`, `problems` (song to list of sentences).

    Raises
    ------
    TrainingDataError
        As `find_sources`.
    """
    checkpoint(0.0, "Looking at the training folders")
    found = find_sources([Path(folder) for folder in folders])
    for path, excerpt in excerpts_among(checkpoint, found.sources).items():
        found.problems[path.parent.name].append(
            f"{path.name} is {excerpt}, which models are scored on: no training takes it."
        )
    songs: dict[str, dict[str, Any]] = {}
    minutes: dict[str, float] = defaultdict(float)
    for source in found.sources:
        minutes[f"{source.role}: {source.kind}"] += source.seconds / 60
        if source.song and source.role in ("drums", "rest"):
            song = songs.setdefault(
                source.song,
                {
                    "song": source.song,
                    "stems": [],
                    "seconds": 0.0,
                    "split": "",
                    "folder": next(f for f in folders if source.path.is_relative_to(f)),
                },
            )
            song["stems"].append(source.kind if source.role == "rest" else "drums")
            song["seconds"] = max(song["seconds"], round(source.seconds, 2))
            song["split"] = source.split
    return {
        "songs": sorted(songs.values(), key=lambda song: str(song["song"])),
        "minutes": {name: round(value, 2) for name, value in sorted(minutes.items())},
        "files": len(found.sources),
        "problems": {name: list(lines) for name, lines in found.problems.items()},
    }


def stem_class(name: str) -> str:
    """Return "mix", "drumless", "drums", "bass", "vocals" or "other" for a stem's file name."""
    if re.search(r"(no|non|without|minus)[\W_]*drum|drum[\W_]*(less|free)", name.lower()):
        return "drumless"
    words = _words(name)
    for kind, members in _WORDS:
        if words & set(members):
            return kind
    return "other"


def _words(name: str) -> set[str]:
    words = set(re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))
    return words | {word.rstrip("0123456789") for word in words if word != "808"}


def _walk(folder: Path, found: Found) -> None:
    """Add the songs of a folder and of those below it."""
    below: dict[Path, list[Path]] = {}
    for path in walk(folder):
        if not isinstance(path, PassedOver):
            below.setdefault(path.parent, []).append(path)
        elif path.unreadable or _is_sound(path.path):
            found.problems[path.path.name].append(f"Passed over: it is {path.why}.")
    for here, paths in below.items():
        _add_folder(found, here, paths)


def _is_sound(path: Path) -> bool:
    return path.suffix.lower() in SOUND_SUFFIXES or path.name.lower().endswith(_STEM_FILE)


def _add_folder(found: Found, folder: Path, here: list[Path]) -> None:
    """Add what the files of one folder are."""
    sounds = [path for path in here if path.suffix.lower() in SOUND_SUFFIXES]
    name = folder.name.lower().replace(" ", "_").replace("-", "_")
    if name in _DRUM_FOLDERS or name in _DRUMLESS_FOLDERS:
        role = "drums" if name in _DRUM_FOLDERS else "rest"
        for path in sounds:
            _add(found, role, "loop" if role == "drums" else "mix", folder.name, path.stem, [path])
    elif any(stem_class(path.stem) == "drums" for path in sounds) and len(sounds) > 1:
        _add_song(found, folder, sounds)
    elif sounds:
        found.problems[folder.name].append(
            "Sound files without drums among them: not used. Put music without drums into a "
            "folder called drumless."
        )
    for path in here:
        if path.name.lower().endswith(_STEM_FILE):
            _add_stem_file(found, path)


def _add_song(found: Found, folder: Path, sounds: list[Path]) -> None:
    stems: dict[str, list[Path]] = defaultdict(list)
    for path in sounds:
        stems[stem_class(path.stem)].append(path)
    song, origin = folder.name, folder.parent.name
    stems["drums"] = _without_twice(found, song, stems["drums"])
    lengths = {}
    for kind, paths in stems.items():
        # A mix holds the drums; it is only what the stems sum to.
        if kind == "mix":
            continue
        role = "drums" if kind == "drums" else "rest"
        label = {"drums": "stem", "drumless": "mix"}.get(kind, kind)
        seconds = _add(found, role, label, origin, song, paths)
        if seconds is not None:
            lengths[kind] = seconds
    if len(lengths) > 1 and max(lengths.values()) - min(lengths.values()) > _UNEVEN_SECONDS:
        told = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in lengths.items())
        found.problems[song].append(f"The stems differ in length: {told}.")
    if not any(kind not in ("drums", "mix") for kind in stems):
        found.problems[song].append("Nothing but drums: used as drums alone.")


def _without_twice(found: Found, song: str, paths: list[Path]) -> list[Path]:
    """Return a song's drum files without those that its drums as a whole hold already.

    Programs that bounce all tracks write the bus beside what runs into it; others write drums.wav
    for what is neither kick nor snare. Only the sound tells.
    """
    pieces = [path for path in paths if _words(path.stem) & set(_PIECES)]
    wholes = [path for path in paths if path not in pieces]
    if len(wholes) != 1 or not pieces:
        return paths
    try:
        whole = decoded(wholes[0]).mean(0)
        held = [path for path in pieces if _holds(whole, decoded(path).mean(0))]
    except TrainingDataError:
        return paths  # what can not be read is told where the stem is added
    if held:
        names = ", ".join(path.name for path in held)
        found.problems[song].append(f"{wholes[0].name} holds {names} already: not used twice.")
    return [path for path in paths if path not in held]


def _holds(whole: NDArray[np.float32], piece: NDArray[np.float32]) -> bool:
    """Return whether a piece is part of a whole: taking it away takes its energy away.

    A bus may have turned it down or up by some decibels.
    """
    count = min(len(whole), len(piece))
    energy = float(np.square(piece[:count], dtype=np.float64).sum())
    return energy > 0 and float(np.dot(whole[:count], piece[:count])) > 0.7 * energy


def _add(
    found: Found, role: str, kind: str, origin: str, song: str, paths: list[Path]
) -> float | None:
    """Add a source of one or more files; return its length, None if none can be read."""
    import soundfile

    good, seconds = [], 0.0
    for path in paths:
        try:
            length = float(soundfile.info(sound_name(path)).duration)
        except (soundfile.LibsndfileError, OSError) as error:
            found.problems[song].append(f"{path.name} can not be read: {error}")
            continue
        good.append(path)
        seconds = max(seconds, length)
    if not good:
        return None
    if seconds < _SHORTEST_SECONDS:
        found.problems[song].append(f"{good[0].name} is only {seconds:.2f} s long: not used.")
        return None
    found.sources.append(
        Source(
            path=good[0],
            role=role,
            kind=kind,
            origin=origin,
            song=song,
            licence="",
            seconds=seconds,
            split="train",
            more=tuple(good[1:]),
        )
    )
    return seconds


def _add_stem_file(found: Found, path: Path) -> None:
    """Add the stems of a Native Instruments file: stream 0 is the mix, 1 to 4 are the stems."""
    try:
        with path.open("rb", buffering=0) as file, open_container(NamelessFile(file)) as container:
            streams = len(container.streams.audio)
            seconds = float(container.duration or 0) / 1_000_000
    except DecoderMissingError:
        found.problems[path.name].append("PyAV is not installed: pip install 'drumstudio[av]'")
        return
    except (DecoderError, OSError) as error:
        found.problems[path.name].append(f"It can not be read: {error}")
        return
    names = stem_names(path)
    if streams != 5 or len(names) != 4:
        found.problems[path.name].append(
            f"It holds {streams} streams and {len(names)} names: five and four were expected."
        )
        return
    song = path.name[: -len(_STEM_FILE)]
    for number, name in enumerate(names, start=1):
        kind = stem_class(name)
        role = "drums" if kind == "drums" else "rest"
        label = {"drums": "stem", "drumless": "mix", "mix": "other"}.get(kind, kind)
        found.sources.append(
            Source(path, role, label, path.parent.name, song, "", seconds, "train", (), number)
        )
    if "drums" not in map(stem_class, names):
        found.problems[song].append(f"None of its stems is drums: {', '.join(names)}.")


def stem_names(path: Path) -> list[str]:
    """Return the names of the stems of a `.stem.mp4`, from the JSON in its `stem` box.

    Notes
    -----
    Native Instruments, "Stem file specification": moov/udta/stem holds JSON: `stems`,
    a list of objects with a `name`.
    """
    with path.open("rb") as file:
        content = file.read(_BOX_BYTES)
        size = file.seek(0, os.SEEK_END)
        if size > _BOX_BYTES:  # the box stands before the sound or behind it
            file.seek(max(_BOX_BYTES, size - _BOX_BYTES))
            content += file.read(_BOX_BYTES)
    place = content.find(b'"stems"')
    start = content.rfind(b"stem{", 0, place)
    if place < 0 or start < 0:
        return []
    try:
        text = content[start + 4 : start + 4 + 65536].decode("utf8", errors="ignore")
        table, _ = json.JSONDecoder().raw_decode(text)
        return [str(stem["name"]) for stem in table["stems"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _hold_out(found: Found) -> None:
    """Keep one song in ten for validation, chosen by name so that it never changes sides.

    Of fewer than ten songs none is held out; an audio pack has its own split.
    """
    songs = {s.song for s in found.sources if s.song and s.role in ("drums", "rest")}
    if len(songs) < FEWEST_TO_SPLIT:
        return
    held = {
        song
        for song in songs
        if hashlib.sha256(song.encode(errors="surrogateescape")).digest()[0] % 10 == 0
    }
    found.sources[:] = [
        replace(s, split="valid") if s.song in held and not s.licence else s for s in found.sources
    ]
