"""A song's drums as they are heard: the model's, or those with every edit rendered into them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drumstudio import paths
from drumstudio.core.song import Song
from drumstudio.files.delta_store import DeltaStore, delta_folder
from drumstudio.files.project_media import ProjectMedia
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workflows.render_edits import EditRenderer, write_edited_drums
from drumstudio.workflows.song_edit import SongEdits


@contextmanager
def edited_drums(song: Song, media: ProjectMedia, checkpoint: Checkpoint) -> Iterator[Path | None]:
    """Yield the media file of a song's drums as edited; None if it is not separated.

    A song without edits gives the project's own file, any other one that is gone afterwards.

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
    drums = media.drums_file(song, separation)
    edit = SongEdits(song, media).edit(song)
    if not edit.changed_blocks():
        yield drums
        return
    parent = paths.user_cache_folder() / "decoded"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        store = DeltaStore(delta_folder())
        with EditRenderer(song, media, store) as renderer:
            deltas = renderer.deltas(edit, portion(checkpoint, 0.0, 0.85))
        target = Path(folder) / "drums.wav"
        write_edited_drums(
            media.mixture_file(song), drums, deltas, target, portion(checkpoint, 0.85, 1.0)
        )
        store.remove_oldest()
        yield target
