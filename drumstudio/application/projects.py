"""What a person does with a project as a whole: the verbs of `studio project`, and their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drumstudio.application.document import Document
from drumstudio.application.recovery import recoverable_projects
from drumstudio.catalog.catalog import Catalog
from drumstudio.core.errors import DrumStudioError, ProjectError
from drumstudio.core.separation import Separation
from drumstudio.core.song import Lane, Song, cleaned_name
from drumstudio.files.journal import read_journal
from drumstudio.files.project_folder import ProjectFolder
from drumstudio.files.project_media import ProjectMedia
from drumstudio.files.result_cache import ResultCache
from drumstudio.inference.version import ENGINE_VERSION
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows import project as workflow
from drumstudio.workflows.find_songs import find_songs
from drumstudio.workflows.import_stems import import_stems, named_stems
from drumstudio.workflows.refine_separation import refine_separation
from drumstudio.workflows.separation_settings import (
    SeparationSettings,
    records_of,
    refinement_settings,
)

# --- commands --------------------------------------------------------------------------


def add_song(document: Document, song: Song) -> None:
    """Make a song part of the project; the first one gives the project its sample rate.

    Raises
    ------
    ProjectError
        If the project is read-only.
    ValueError
        If the project holds as many songs as it may.
    """
    with document.command(cleaned_name(f"Add {song.name}")) as edit:
        edit.insert(("songs",), song)
        if edit.project.sample_rate is None:
            edit.set(("sample_rate",), song.mixture.sample_rate)


def add_separation(document: Document, song_id: str, separation: Separation) -> None:
    """Add a separation to a song and make it the one that is heard; errors as in `add_song`."""
    with document.command(cleaned_name(f"Separate with {separation.name}")) as edit:
        edit.insert(("songs", song_id, "separations"), separation)
        there = {lane.stem for lane in edit.project.song(song_id).lanes}
        for stem in separation.stem_names:
            if stem not in there:
                edit.insert(("songs", song_id, "lanes"), Lane(stem))
        edit.set(("songs", song_id, "active"), separation.id)


# --- verbs -----------------------------------------------------------------------------


def project_new(
    path: Path, songs: Sequence[Path], pool: WorkerPool, checkpoint: Checkpoint
) -> dict[str, Any]:
    """Make a project and add songs to it; return the report of `project_add`.

    Raises
    ------
    DrumStudioError
        If the project can not be made.
    Cancelled
        If the person asked to stop; the songs added until then are saved.
    """
    with Document.create(path) as document:
        return _add(document, songs, pool, checkpoint)


def project_add(
    path: Path, songs: Sequence[Path], pool: WorkerPool, checkpoint: Checkpoint
) -> dict[str, Any]:
    """Add songs to a project and save it.

    A song that is in the project already, of the same name and sound, is not added again: a
    call that was cut short can be repeated.

    Returns
    -------
    dict
        project (path), name, recovered_edits, notes, and songs: a list of {source, id, name,
        seconds, sample_rate, channels, notes, already_there, error}; error is None or a
        plain error, and all other songs are added.

    Raises
    ------
    DrumStudioError
        If the project can not be opened or saved.
    Cancelled
        If the person asked to stop; the songs added until then are saved.
    """
    with Document.open(path) as document:
        document.require_writable(f"Cannot add songs to {document.name}")
        return _add(document, songs, pool, checkpoint)


def project_separate(
    path: Path,
    settings: SeparationSettings,
    pool: WorkerPool,
    cache: ResultCache,
    checkpoint: Checkpoint,
) -> dict[str, Any]:
    """Separate every song of a project with a model and save it.

    A song that has this model's separation already, with these settings, is left alone: a
    call that was cut short can be repeated.

    Returns
    -------
    dict
        project (path), name, recovered_edits, notes, model, and songs: a list of {id, name,
        separation, device, seconds, notes, already_there, error}.

    Raises
    ------
    DrumStudioError
        If the project can not be opened or saved.
    Cancelled
        If the person asked to stop; what was separated until then is saved.
    """
    with Document.open(path) as document:
        document.require_writable(f"Cannot separate the songs of {document.name}")
        reports: list[dict[str, Any]] = []
        songs = document.project.songs
        try:
            for number, song in enumerate(songs):
                part = portion(checkpoint, number / len(songs), (number + 1) / len(songs))
                reports.append(_separated(document, song, settings, pool, cache, part))
        finally:
            _save_if_modified(document)
        return {**described(document), "model": settings.card.id, "songs": reports}


def project_import_stems(
    path: Path,
    song_name: str,
    sources: Mapping[str, Path] | Path,
    pool: WorkerPool,
    checkpoint: Checkpoint,
    *,
    anyway: bool = False,
    later_seconds: float = 0.0,
) -> dict[str, Any]:
    """Take stems made elsewhere as a separation of a song, and save the project.

    Parameters
    ----------
    song_name : str
        The song's id or name.
    sources : mapping of str to Path, or Path
        A file for each stem; or a folder, the names of whose files tell which stem each is.
    anyway, later_seconds
        As in `workflows.import_stems`.

    Returns
    -------
    dict
        project (path), name, recovered_edits, notes, song, separation, its stems, left_out
        (files that are the whole song), and separation_notes.

    Raises
    ------
    DrumStudioError
        If there is no such song, a stem can not be read, or the project not be saved.
    Cancelled
        If the person asked to stop; nothing has changed.
    """
    with Document.open(path) as document:
        document.require_writable(f"Cannot import stems into {document.name}")
        song = song_called(document, song_name)
        left_out: tuple[Path, ...] = ()
        if isinstance(sources, Path):
            files = [file for file, _ in find_songs([sources]).songs]
            sources, left_out = named_stems(files, song)
        separation = import_stems(
            *(sources, song, document.media, pool, checkpoint),
            anyway=anyway,
            later_seconds=later_seconds,
        )
        add_separation(document, song.id, separation)
        document.save()
        return {
            **described(document),
            "song": song.id,
            "separation": separation.id,
            "stems": list(separation.stem_names),
            "left_out": [str(file) for file in left_out],
            "separation_notes": list(separation.notes),
        }


def project_refine(
    path: Path,
    song_name: str,
    catalog: Catalog,
    refinements: Mapping[str, dict[str, Any]],
    pool: WorkerPool,
    checkpoint: Checkpoint,
) -> dict[str, Any]:
    """Refine the drums of a song's active separation, and save the project.

    Parameters
    ----------
    song_name : str
        The song's id or name.
    catalog : Catalog
        Where the refinements are.
    refinements : mapping of str to dict
        Their ids to their parameters, in order.

    Returns
    -------
    dict
        project (path), name, recovered_edits, notes, song, separation, separation_name, stems.

    Raises
    ------
    DrumStudioError
        If there is no such song or refinement, the song has no drums to refine, or the project
        can not be saved.
    Cancelled
        If the person asked to stop; nothing has changed.
    """
    with Document.open(path) as document:
        document.require_writable(f"Cannot refine a song of {document.name}")
        song = song_called(document, song_name)
        separation = refined_separation(document, song, catalog, refinements, pool, checkpoint)
        document.save()
        return {
            **described(document),
            "song": song.id,
            "separation": separation.id,
            "separation_name": separation.name,
            "stems": list(separation.stem_names),
        }


def refined_separation(
    document: Document,
    song: Song,
    catalog: Catalog,
    refinements: Mapping[str, dict[str, Any]],
    pool: WorkerPool,
    checkpoint: Checkpoint,
) -> Separation:
    """Refine a song's active separation and make that the active one; as `project_refine`."""
    active = song.separation
    if active is None:
        raise ProjectError(
            f"Cannot refine {song.name}",
            why="it has not been separated yet.",
            fix="Separate it first.",
        )
    chain = refinement_settings(catalog, refinements, active.name, active.drums)
    made = refine_separation(song, active, chain, document.media, pool, checkpoint)
    add_separation(document, song.id, made)
    return made


def project_relink(
    path: Path, folder: Path, pool: WorkerPool, checkpoint: Checkpoint
) -> dict[str, Any]:
    """Look for a project's missing files in a folder.

    Returns
    -------
    dict
        project (path), name, recovered_edits, notes, and found and missing: who needs the file.

    Raises
    ------
    DrumStudioError
        If the project can not be opened or the files not be copied into it.
    Cancelled
        If the person asked to stop; what was found until then is in the project.
    """
    with Document.open(path) as document:
        document.require_writable(f"Cannot complete {document.name}")
        relinked = workflow.relink(document.project, folder, document.media, pool, checkpoint)
        return {**described(document), **relinked.to_dict()}


def project_info(path: Path) -> dict[str, Any]:
    """Return what a project holds, without opening it: nothing in it is changed.

    Returns
    -------
    dict
        project (path), name, generation, sample_rate, notes, bytes, undo_steps, last_edit,
        unsaved_edits (in the journal), versions, missing, and songs: a list of {id, name,
        source, seconds, sample_rate, channels, notes, separations}.

    Raises
    ------
    ProjectError
        If it can not be read.
    """
    folder = ProjectFolder(path)
    saved = folder.read()
    project, history = saved.edited.project, saved.edited.history
    media = ProjectMedia(folder)
    journal = read_journal(folder.journal_path, project.id, saved.generation)
    return {
        "project": str(folder.path),
        "name": folder.name,
        "generation": saved.generation,
        "sample_rate": project.sample_rate,
        "notes": list(saved.notes),
        "bytes": media.total_bytes(saved.edited),
        "undo_steps": history.position,
        "last_edit": history.undo_name,
        "unsaved_edits": len(journal.lines),
        "versions": [
            {"generation": v.generation, "saved_at": v.saved_at, "last_edit": v.last_edit}
            for v in folder.versions()
        ],
        "missing": [missing.needed_by for missing in media.missing(project)],
        "songs": [_song_described(song) for song in project.songs],
    }


def project_recover() -> dict[str, Any]:
    """Return the projects that a crash left with unsaved work in them: {"projects": [...]}."""
    return {"projects": [project.to_dict() for project in recoverable_projects()]}


def project_recover_one(path: Path, save_as: Path | None = None) -> dict[str, Any]:
    """Bring back what was unsaved in a project and save it.

    Parameters
    ----------
    path : Path
        One of those that `project_recover` lists.
    save_as : Path, optional
        Where to; needed for a project that never had a name.

    Returns
    -------
    dict
        project (path), name, recovered_edits, notes.

    Raises
    ------
    DrumStudioError
        If it can not be opened or saved.
    """
    with Document.open(path) as document:
        document.require_writable(f"Cannot recover {document.name}")
        if save_as is None:
            document.save()
        else:
            document.save_as(save_as)
        return described(document)


def project_restore(path: Path, generation: int) -> dict[str, Any]:
    """Go back to an earlier save; what stands now becomes an earlier one.

    Returns
    -------
    dict
        project (path), name, recovered_edits, notes.

    Raises
    ------
    DrumStudioError
        If there is no such version or it can not be saved.
    """
    with Document.open_version(path, generation) as document:
        return described(document)


def project_clean(path: Path) -> dict[str, Any]:
    """Delete the files that neither the project, its undo history nor its versions need.

    Returns
    -------
    dict
        project (path), name, recovered_edits, notes, files and bytes deleted.

    Raises
    ------
    DrumStudioError
        If the project can not be opened, a version not be read, or a file not be deleted.
    """
    with Document.open(path) as document:
        document.require_writable(f"Cannot clean {document.name}")
        files, freed = document.delete_unreferenced()
        return {**described(document), "files": files, "bytes": freed}


# --- inside ----------------------------------------------------------------------------


def _add(
    document: Document, songs: Sequence[Path], pool: WorkerPool, checkpoint: Checkpoint
) -> dict[str, Any]:
    reports: list[dict[str, Any]] = []
    try:
        for number, source in enumerate(songs):
            part = portion(checkpoint, number / len(songs), (number + 1) / len(songs))
            reports.append(_added(document, source, pool, part))
    finally:
        _save_if_modified(document)
    return {**described(document), "songs": reports}


def _added(
    document: Document, source: Path, pool: WorkerPool, checkpoint: Checkpoint
) -> dict[str, Any]:
    report: dict[str, Any] = {"source": str(source), "already_there": False, "error": None}
    try:
        song = workflow.open_song(source, document.media, pool, checkpoint)
    except DrumStudioError as error:
        return {**report, "error": error.to_dict()}
    for there in document.project.songs:
        if (there.source, there.mixture) == (song.source, song.mixture):
            return {**report, **_song_described(there), "already_there": True}
    add_song(document, song)
    return {**_song_described(song), **report}


def _separated(
    document: Document,
    song: Song,
    settings: SeparationSettings,
    pool: WorkerPool,
    cache: ResultCache,
    checkpoint: Checkpoint,
) -> dict[str, Any]:
    report: dict[str, Any] = {"id": song.id, "name": song.name, "error": None}
    behind = records_of(settings.refinements)
    same = (settings.card.hash, ENGINE_VERSION, dict(settings.parameters), behind)
    for separation in song.separations:
        made = (
            *(separation.model_hash, separation.engine_version, dict(separation.settings)),
            separation.refinements,
        )
        if made == same:
            return {**report, **_separation_described(separation), "already_there": True}
    try:
        separation = workflow.separate_into(song, settings, document.media, pool, cache, checkpoint)
    except DrumStudioError as error:
        return {**report, "already_there": False, "error": error.to_dict()}
    add_separation(document, song.id, separation)
    return {**report, **_separation_described(separation), "already_there": False}


def _save_if_modified(document: Document) -> None:
    if document.is_modified:
        document.save()


def song_called(document: Document, name: str) -> Song:
    """Return a song of a project by its name or id.

    Raises
    ------
    DrumStudioError
        If there is none, or several have this name.
    """
    songs = document.project.songs
    for song in songs:
        if song.id == name:
            return song
    called = [song for song in songs if song.name == name]
    if len(called) == 1:
        return called[0]
    known = ", ".join(f"{song.name} ({song.id})" for song in songs[:20]) or "none"
    raise DrumStudioError(
        f"Cannot find the song {name}",
        why=f"{len(called)} songs of {document.name} have this name; there are: {known}.",
        fix="Name a song by its name or by the letters and digits behind it.",
    )


def described(document: Document) -> dict[str, Any]:
    """Return what every report on a project begins with."""
    return {
        "project": str(document.folder.path),
        "name": document.name,
        "recovered_edits": document.recovered_edits,
        "notes": list(document.notes),
    }


def _song_described(song: Song) -> dict[str, Any]:
    return {
        "id": song.id,
        "name": song.name,
        "source": song.source,
        "seconds": round(song.mixture.seconds, 3),
        "sample_rate": song.mixture.sample_rate,
        "channels": song.mixture.channels,
        "notes": list(song.notes),
        "separations": [
            {**_separation_described(separation), "active": separation.id == song.active}
            for separation in song.separations
        ],
    }


def _separation_described(separation: Separation) -> dict[str, Any]:
    return {
        "separation": separation.id,
        "separation_name": separation.name,
        "stems": list(separation.stem_names),
        "origin": separation.origin,
        "model": separation.model_id or None,
        "device": separation.device or None,
        "separation_seconds": separation.seconds,
        "notes": list(separation.notes),
    }
