"""Exporting a song of a project: its stems or its mix, edits and all, whole or a range of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumstudio.core.errors import ProjectError
from drumstudio.core.mix import TrackMix
from drumstudio.core.names import fill_for_stems
from drumstudio.core.song import Song
from drumstudio.files.formats import FORMATS
from drumstudio.files.project_media import ProjectMedia
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows.edited_drums import edited_drums
from drumstudio.workflows.export_mix import export_mix

STEM_NAMES = {"mixture": "original", "drums": "drums", "rest": "rest", "mix": "mix"}
"""How each is called in the name of its file; "mix" is what is heard of drums and rest."""


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What to write of a song, how, and where.

    Parameters
    ----------
    stems : tuple of str
        "drums", "rest", "mixture", each a file; or "mix" alone.
    folder : Path
        Where to.
    file_format : str
        A name in `files.formats.FORMATS`.
    template : str
        The files' names, with {song}, {stem} and {model}.
    sample_rate : int or None
        Hertz; None for the song's own.
    seconds : tuple of float, or None
        The range; None for the whole song.
    overwrite : bool
        Whether files that are there are replaced.
    """

    stems: tuple[str, ...]
    folder: Path
    file_format: str = "wav24"
    template: str = "{song}_{stem}"
    sample_rate: int | None = None
    seconds: tuple[float, float] | None = None
    overwrite: bool = False

    def paths(self, song: Song) -> dict[str, Path]:
        """Return each stem's file.

        Raises
        ------
        SettingError
            If the template has an unknown field or gives two stems one name.
        """
        suffix = FORMATS[self.file_format].suffix
        model = song.separation.model_id if song.separation else ""
        called = {stem: STEM_NAMES[stem] for stem in self.stems}
        names = fill_for_stems(self.template, called, song=song.name, model=model)
        return {stem: self.folder / (name + suffix) for stem, name in names.items()}


def export_song(
    song: Song,
    media: ProjectMedia,
    order: ExportOrder,
    pool: WorkerPool,
    checkpoint: Checkpoint,
) -> dict[str, Any]:
    """Write what was ordered, all files or none; return the report of `files.encode`.

    Raises
    ------
    DrumStudioError
        If the song's sound is missing, every track of a mix is muted, a file is there and may
        not be replaced, or anything fails.
    Cancelled
        If the person asked to stop.
    """
    outputs = order.paths(song)
    rate = song.mixture.sample_rate
    start, stop = (round(each * rate) for each in order.seconds or (0.0, song.mixture.seconds))
    with media.staying(), edited_drums(song, media, portion(checkpoint, 0.0, 0.3)) as drums:
        if drums is None and set(order.stems) != {"mixture"}:
            raise ProjectError(
                f"Cannot export {song.name}",
                why="it has not been separated yet.",
                fix="Separate it first.",
            )
        mixture = media.mixture_file(song)
        writing = portion(checkpoint, 0.3, 1.0)
        if order.stems == ("mix",):
            return export_mix(
                mixture,
                drums,
                {
                    stem: TrackMix(strip.gain_db, strip.pan, strip.mute, strip.solo)
                    for stem, strip in (("drums", song.drums_strip), ("rest", song.rest_strip))
                },
                outputs["mix"],
                pool,
                writing,
                file_format=order.file_format,
                sample_rate=order.sample_rate,
                overwrite=order.overwrite,
                samples=(start, stop),
            )
        return pool.run(
            "encode",
            writing,
            mixture=os.fspath(mixture),
            drums=os.fspath(drums) if drums else None,
            outputs=[{"stem": stem, "path": os.fspath(path)} for stem, path in outputs.items()],
            format=order.file_format,
            sample_rate=order.sample_rate,
            overwrite=order.overwrite,
            start=start,
            stop=stop,
        )
