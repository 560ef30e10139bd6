"""Painting without a window: `studio strokes apply` and `studio render`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from drumstudio.application import stroke_layers
from drumstudio.application.document import Document
from drumstudio.application.projects import described, song_called
from drumstudio.application.song_export import ExportOrder, export_song
from drumstudio.core.errors import DrumStudioError, ProjectError
from drumstudio.core.names import unique_name
from drumstudio.core.song import Song, cleaned_name
from drumstudio.files.stroke_list import read_stroke_list
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows.song_edit import SongEdits


def strokes_apply(path: Path, json_path: Path) -> dict[str, Any]:
    """Paint the strokes of a file (`files.stroke_list`) on a song and save: one step of undo.

    Parameters
    ----------
    path : Path
        The project.
    json_path : Path
        The strokes.

    Returns
    -------
    dict
        project (path), name, recovered_edits, notes; song (id), strokes (how many), layers:
        list of {name, kind, strokes}.

    Raises
    ------
    DrumStudioError
        If the file holds something else, the song is not there or not separated, or the
        project can not be saved; nothing has changed then.
    """
    wanted = read_stroke_list(json_path)
    with Document.open(path) as document:
        document.require_writable(f"Cannot paint in {document.name}")
        song = _the_song(document, wanted.song)
        name = cleaned_name(f"Apply strokes of {json_path.name}")
        SongEdits(song, document.media).edit(song)  # refuses a song that can not be edited
        stroke_layers.apply_strokes(document, song.id, wanted.strokes, name)
        if document.is_modified:
            document.save()
        layers = document.project.song(song.id).layers
        return {
            **described(document),
            "song": song.id,
            "strokes": len(wanted.strokes),
            "layers": [
                {"name": layer.name, "kind": layer.kind, "strokes": len(layer.strokes)}
                for layer in layers
            ],
        }


def render_project(
    path: Path,
    out: Path,
    pool: WorkerPool,
    checkpoint: Checkpoint,
    *,
    song_name: str | None = None,
    stems: Sequence[str] = (),
    file_format: str = "wav24",
    name_template: str = "{song}_{stem}",
    sample_rate: int | None = None,
    seconds: tuple[float, float] | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the stems, or the mix, of a project's songs as they were edited.

    Parameters
    ----------
    path : Path
        The project; it is not changed.
    out : Path
        The folder to write to.
    pool : WorkerPool
        Its encode worker writes.
    checkpoint : Checkpoint
        Where the work reports and may be stopped.
    song_name : str, optional
        Name or id of the one song to render; else all that are separated.
    stems : sequence of str
        What to write, as of `ExportOrder`: nothing for all stems; or "mix" alone: the stems with
        their gains, pans, mutes and solos.
    file_format : str
        One of `files.formats.FORMATS`.
    name_template : str
        With the fields {song}, {stem} and {model}.
    sample_rate : int or None
        Hertz; None for each song's own.
    seconds : tuple of float, or None
        The range; None for the whole song.
    overwrite : bool
        Whether files that are there are replaced.

    Returns
    -------
    dict
        project (path), name, recovered_edits, notes, and songs: list of {id, name, strokes,
        files, null_residual_dbfs, gain_db, sample_rate, notes, error}; one that fails does
        not keep the others.

    Raises
    ------
    DrumStudioError
        If the project can not be opened or holds no song that is separated.
    Cancelled
        If the person asked to stop.
    """
    with Document.open(path) as document:
        songs = [song for song in document.project.songs if song.separation is not None]
        if song_name is not None:
            songs = [song_called(document, song_name)]
        if not songs:
            raise ProjectError(
                f"Cannot render {document.name}",
                why="none of its songs has been separated.",
                fix="Separate a song first.",
            )
        order = ExportOrder(
            tuple(stems), out, file_format, name_template, sample_rate, seconds, overwrite
        )
        reports = []
        names: list[str] = []  # songs of one name write files of two
        for number, song in enumerate(songs):
            part = portion(checkpoint, number / len(songs), (number + 1) / len(songs))
            strokes = sum(len(layer.strokes) for layer in song.layers)
            report: dict[str, Any] = {"id": song.id, "name": song.name, "strokes": strokes}
            names.append(unique_name(song.name, names))
            try:
                named = replace(song, name=names[-1])
                written = export_song(named, document.media, order, pool, part)
                reports.append({**report, **written, "error": None})
            except DrumStudioError as error:
                reports.append({**report, "error": error.to_dict()})
        return {**described(document), "songs": reports}


def _the_song(document: Document, name: str | None) -> Song:
    if name is not None:
        return song_called(document, name)
    if len(document.project.songs) == 1:
        return document.project.songs[0]
    raise ProjectError(
        "Cannot tell which song the strokes are for",
        why=f"{document.name} holds {len(document.project.songs)} songs.",
        fix='Name one in the file: "song": "...".',
    )
