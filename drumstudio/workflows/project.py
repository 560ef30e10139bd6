"""What comes into a project: songs, separations, drums made elsewhere, files found again."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.core import check
from drumstudio.core.errors import AudioOpenError, ProjectError
from drumstudio.core.separation import (
    MAX_NOTES,
    Media,
    Separation,
    Stem,
)
from drumstudio.core.song import (
    Project,
    Song,
    cleaned_name,
    new_id,
)
from drumstudio.files.folder_walk import walk
from drumstudio.files.plain_file import file_sha256, is_plain_file
from drumstudio.files.project_media import MIXTURES, SEPARATIONS, Missing, ProjectMedia
from drumstudio.files.result_cache import ResultCache
from drumstudio.files.wav_file import WavReader
from drumstudio.jobs.job import Checkpoint, no_checkpoint, portion
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows.separate_song import separate_mixture
from drumstudio.workflows.separation_settings import SeparationSettings, records_of

_BLOCK_SAMPLES = 65_536


def open_song(source: Path, media: ProjectMedia, pool: WorkerPool, checkpoint: Checkpoint) -> Song:
    """Decode a sound file into a project; return the song that it is.

    Nothing refers to the file yet: the song becomes part of the project by a command.

    Parameters
    ----------
    source : Path
        Any sound file.
    media : ProjectMedia
        Of the project.

    Raises
    ------
    DrumStudioError
        If the file can not be read or the disk refuses; nothing is left behind.
    Cancelled
        If the person asked to stop.
    """
    mixture, notes = _decoded(source, media, MIXTURES, pool, checkpoint)
    return Song(
        id=new_id(),
        name=cleaned_name(source.stem),
        source=cleaned_name(source.name),
        mixture=mixture,
        notes=note_texts(notes),
    )


def separate_into(
    song: Song,
    settings: SeparationSettings,
    media: ProjectMedia,
    pool: WorkerPool,
    cache: ResultCache,
    checkpoint: Checkpoint,
    *,
    start_seconds: float = 0.0,
    preview: Path | None = None,
) -> Separation:
    """Separate a song of a project; return the separation, whose drums the project then owns.

    Parameters
    ----------
    start_seconds : float
        What follows it is separated first.
    preview : Path, optional
        A media file in which what is finished can be heard at once (`files.preview`).

    Raises
    ------
    DrumStudioError
        If the song's file is missing, or the separation fails.
    Cancelled
        If the person asked to stop; what was computed is kept and used by the next try.
    """
    with media.staying():
        mixture = media.mixture_file(song)
        media.require_free(song.mixture.bytes, f"Cannot separate {song.name}")
        part = portion(checkpoint, 0.0, 0.98)
        drums, _ = separate_mixture(
            *(mixture, song.mixture.samples_sha256, settings, pool, cache, part),
            start_seconds=start_seconds,
            preview=preview,
        )
    with drums:
        size = media.take(drums.drums, SEPARATIONS, drums.sha256)
        record = drums.record
    card = settings.card
    behind = [one.card.name.lower() for one in settings.refinements]
    kept = shape_of(media.path(SEPARATIONS, drums.sha256), drums.sha256, size)
    return Separation(
        id=new_id(),
        name=cleaned_name(" + ".join([card.name, *behind])),
        stems=(Stem(card.stems[0], kept),),
        computed=card.computed,
        origin="model",
        drums=card.drums,
        model_id=settings.card.id,
        model_hash=settings.card.hash,
        engine_version=str(record["engine_version"]),
        settings=dict(settings.parameters),
        device=str(record["device"]),
        chunk_seconds=record["chunk_seconds"],
        seconds=record["seconds"],
        notes=note_texts(record["notes"]),
        refinements=records_of(settings.refinements),
    )


@dataclass(frozen=True, slots=True)
class Relinked:
    """What looking for missing files came to.

    Parameters
    ----------
    found : tuple of Missing
        What is in the project again.
    missing : tuple of Missing
        What was not in the folder.
    """

    found: tuple[Missing, ...]
    missing: tuple[Missing, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON-able values."""
        return {
            "found": [missing.needed_by for missing in self.found],
            "missing": [missing.needed_by for missing in self.missing],
        }


def relink(
    project: Project, folder: Path, media: ProjectMedia, pool: WorkerPool, checkpoint: Checkpoint
) -> Relinked:
    """Look for a project's missing files in a folder, by content, whatever they are called.

    A missing song is known again in the file it was imported from, too, if that still has its
    name: decoded again, it has to be the same bit by bit.

    Parameters
    ----------
    project : Project
        What to complete.
    folder : Path
        Where to look, with the folders in it.
    media : ProjectMedia
        Of the project: what is found is copied there.

    Raises
    ------
    ProjectError, DiskFullError
        If the folder is not there or the disk refuses.
    Cancelled
        If the person asked to stop; what was found until then is in the project.
    """
    if not folder.is_dir():
        raise ProjectError(
            "Cannot look for missing files",
            why=f"{folder} is not a folder.",
            fix="Choose the folder in which the files may be.",
        )
    missing = media.damaged(project, portion(checkpoint, 0.0, 0.1))
    sizes = {item.bytes for item in missing}
    wanted = {(item.bytes, item.sha256): item for item in missing}
    names = {song.source for song in project.songs}
    namesakes = []
    for number, path in enumerate(_files_in(folder) if missing else ()):
        checkpoint(0.1 + 0.4 * number / (number + 100), f"Looking at {path.name}")
        size = _size(path)
        item = wanted.get((size, _sha256(path))) if size in sizes else None
        if item is not None:
            _copy_in(path, item, media)
        elif path.name in names:
            namesakes.append(path)
    for number, path in enumerate(namesakes):
        share = 0.5 / len(namesakes)
        part = portion(checkpoint, 0.5 + share * number, 0.5 + share * (number + 1))
        _decode_again(path, media.damaged(project, no_checkpoint), media, pool, part)
    still = media.damaged(project, no_checkpoint)
    return Relinked(tuple(item for item in missing if item not in still), tuple(still))


# --- inside ----------------------------------------------------------------------------


def _decoded(
    source: Path, media: ProjectMedia, folder: str, pool: WorkerPool, checkpoint: Checkpoint
) -> tuple[Media, list[str]]:
    with media.incoming(folder) as incoming:
        decoded = pool.run(
            "decode", portion(checkpoint, 0.0, 0.9), source=str(source), target=str(incoming)
        )
        sha256, size = media.keep(incoming, folder)
    checkpoint(1.0, f"Imported {source.name}")
    kept = Media(
        sha256=sha256,
        bytes=size,
        sample_rate=decoded["sample_rate"],
        channels=decoded["channels"],
        samples=decoded["samples"],
        samples_sha256=decoded["sha256"],
    )
    return kept, decoded["notes"]


def shape_of(path: Path, sha256: str, size: int) -> Media:
    """Return what a project knows of a media file of its own."""
    with WavReader(path) as reader:
        return Media(sha256, size, reader.sample_rate, reader.channels, reader.samples)


def note_texts(notes: Iterable[str]) -> tuple[str, ...]:
    """Return notes as a project can hold them."""
    cleaned = [note.encode("utf-8", "replace").decode()[: check.MAX_TEXT] for note in notes]
    return tuple(cleaned[:MAX_NOTES])


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in walk(folder) if isinstance(path, Path))


def _size(path: Path) -> int:
    return path.stat().st_size if is_plain_file(path) else -1


def _sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError:
        return ""  # a file that can not be read is not the one we look for


def _copy_in(path: Path, item: Missing, media: ProjectMedia) -> None:
    # A copy, not a second name: what lies in a person's folders may be changed any time.
    with media.incoming(item.folder) as incoming:
        try:
            shutil.copyfile(path, incoming)
        except OSError as error:
            what = f"Cannot bring {path.name} back into the project"
            raise atomic.explain_os_error(error, what, incoming, kind=ProjectError) from error
        media.keep(incoming, item.folder)


def _decode_again(
    path: Path,
    missing: list[Missing],
    media: ProjectMedia,
    pool: WorkerPool,
    checkpoint: Checkpoint,
) -> None:
    """Decode a file that a song may have come from; keep what is the missing song, bit by bit."""
    with media.incoming(MIXTURES) as incoming:
        try:
            pool.run("decode", checkpoint, source=str(path), target=str(incoming))
        except AudioOpenError:
            return  # of the same name, but no song
        if file_sha256(incoming) in {item.sha256 for item in missing}:
            media.keep(incoming, MIXTURES)
