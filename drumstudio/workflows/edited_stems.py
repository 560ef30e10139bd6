"""A song's stems as they are heard: the model's, or those with every edit rendered into them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drumstudio import paths
from drumstudio.core.song import Song
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.delta_store import DeltaStore, delta_folder
from drumstudio.files.project_media import ProjectMedia
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workflows.render_edits import EditRenderer, write_edited_stems
from drumstudio.workflows.song_edit import SongEdits


@contextmanager
def edited_stems(
    song: Song, media: ProjectMedia, checkpoint: Checkpoint
) -> Iterator[SplitFiles | None]:
    """Yield the media files of a song's stems as edited; None if it is not separated.

    What was not edited is the project's own file, all else is gone afterwards.

    Raises
    ------
    DrumStudioError
        If sound is missing or the disk refuses.
    Cancelled
        If the person asked to stop.
    """
    separation = song.separation
    if separation is None:
        yield None
        return
    stems = media.split_files(song, separation)
    edit = SongEdits(song, media).edit(song)
    if not edit.changed_blocks():
        yield stems
        return
    parent = paths.user_cache_folder() / "decoded"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        store = DeltaStore(delta_folder())
        with EditRenderer(song, media, store) as renderer:
            deltas = renderer.deltas(edit, portion(checkpoint, 0.0, 0.85))
        written = write_edited_stems(
            *(media.mixture_file(song), stems, deltas, Path(folder)),
            portion(checkpoint, 0.85, 1.0),
        )
        store.remove_oldest()
        yield written
