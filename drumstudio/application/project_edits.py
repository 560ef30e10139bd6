"""Painting without a window: `studio strokes apply` and `studio render`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drumstudio import paths
from drumstudio.application import stroke_layers
from drumstudio.application.document import Document
from drumstudio.application.projects import described, song_called
from drumstudio.core.errors import DrumStudioError, ProjectError
from drumstudio.core.names import fill_template
from drumstudio.core.song import Song, cleaned_name
from drumstudio.files.delta_store import DeltaStore, delta_folder
from drumstudio.files.formats import FORMATS
from drumstudio.files.project_media import ProjectMedia
from drumstudio.files.stroke_list import read_stroke_list
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows.render_edits import EditRenderer, write_edited_drums
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
    stems: Sequence[str] = ("drums", "rest"),
    file_format: str = "wav24",
    name_template: str = "{song}_{stem}",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the stems of a project's songs as they were edited.

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
    stems : sequence of {"drums", "rest", "mixture"}
        What to write.
    file_format : str
        One of `files.formats.FORMATS`.
    name_template : str
        With the fields {song} and {stem}.
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
        reports = []
        for number, song in enumerate(songs):
            part = portion(checkpoint, number / len(songs), (number + 1) / len(songs))
            outputs = [
                {
                    "stem": stem,
                    "path": str(
                        out
                        / (
                            fill_template(name_template, song=song.name, stem=stem)
                            + FORMATS[file_format].suffix
                        )
                    ),
                }
                for stem in stems
            ]
            strokes = sum(len(layer.strokes) for layer in song.layers)
            report: dict[str, Any] = {"id": song.id, "name": song.name, "strokes": strokes}
            try:
                written = _rendered(
                    song, document.media, outputs, pool, part, file_format, overwrite
                )
                reports.append({**report, **written, "error": None})
            except DrumStudioError as error:
                reports.append({**report, "error": error.to_dict()})
        return {**described(document), "songs": reports}


def _rendered(
    song: Song,
    media: ProjectMedia,
    outputs: list[dict[str, str]],
    pool: WorkerPool,
    checkpoint: Checkpoint,
    file_format: str,
    overwrite: bool,
) -> dict[str, Any]:
    edit = SongEdits(song, media).edit(song)
    store = DeltaStore(delta_folder())
    with media.staying(), tempfile.TemporaryDirectory(dir=_scratch_parent()) as folder:
        mixture, drums = media.mixture_file(song), _active_drums(song, media)
        if edit.changed_blocks():
            with EditRenderer(song, media, store) as renderer:
                deltas = renderer.deltas(edit, portion(checkpoint, 0.0, 0.5))
            edited = Path(folder) / "drums.wav"
            write_edited_drums(mixture, drums, deltas, edited, portion(checkpoint, 0.5, 0.6))
            store.remove_oldest()
            drums = edited
        return pool.run(
            "encode",
            portion(checkpoint, 0.6, 1.0),
            mixture=str(mixture),
            drums=str(drums),
            outputs=outputs,
            format=file_format,
            sample_rate=None,
            overwrite=overwrite,
        )


def _active_drums(song: Song, media: ProjectMedia) -> Path:
    if song.separation is None:
        raise ProjectError(
            f"Cannot render {song.name}",
            why="it has not been separated yet.",
            fix="Separate it first.",
        )
    return media.drums_file(song, song.separation)


def _scratch_parent() -> Path:
    parent = paths.user_cache_folder() / "decoded"
    parent.mkdir(parents=True, exist_ok=True)
    return parent


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
