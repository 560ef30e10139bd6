"""Exporting a song of a project: its stems or its mix, edits and all, whole or a range of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumstudio.application.stroke_layers import resting
from drumstudio.core.errors import ProjectError, SettingError
from drumstudio.core.separation import Separation
from drumstudio.core.song import Song
from drumstudio.core.stems import DRUMLESS, MIXTURE, ORIGINAL
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.formats import STEM_FORMATS
from drumstudio.files.project_media import ProjectMedia
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows.edited_stems import edited_stems
from drumstudio.workflows.export_mix import export_mix
from drumstudio.workflows.write_stems import file_names, write_stems

MIX = "mix"
"""What is heard of all stems together, as one file."""

_BLOCK_SAMPLES = 1 << 20


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What to write of a song, how, and where.

    Parameters
    ----------
    stems : tuple of str
        Stems of the song's separation, "mixture", "drumless" (all but the drums), each a file;
        or "mix" alone. Empty for all stems that are not digital silence.
    folder : Path
        Where to.
    file_format : str
        A name in `files.formats.ALL_FORMATS`; a stem file holds all stems, whatever `stems` says.
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
            If the song has no such stem, or the template has an unknown field or gives two
            stems one name.
        """
        separation = song.separation
        model = separation.model_id if separation else ""
        stems = self.stems or (separation.stem_names if separation else (MIXTURE,))
        known = exportable(separation)
        unknown = [stem for stem in stems if stem not in (*known, MIX)]
        if unknown and separation is not None:
            raise SettingError(
                f"Cannot export {' and '.join(unknown)} of {song.name}",
                why=f"{separation.name} gives {', '.join(separation.stem_names)}"
                + ("" if separation.drums else ", and none of them serves as drums")
                + ".",
                fix=f"Choose among {', '.join(stem_word(stem) for stem in known)}.",
            )
        called = {stem: stem_word(stem) for stem in stems}
        names = file_names(self.template, called, self.file_format, song=song.name, model=model)
        return {stem: self.folder / name for stem, name in names.items()}


def stem_word(stem: str) -> str:
    """Return how a stem is called in the name of its file, and on the command line."""
    return ORIGINAL if stem == MIXTURE else stem


def exportable(separation: Separation | None) -> tuple[str, ...]:
    """Return what can be exported as a file of its own, the original last."""
    if separation is None:
        return (MIXTURE,)
    drumless = (DRUMLESS,) if separation.drums else ()
    return (*separation.stem_names, *drumless, MIXTURE)


def export_song(
    song: Song,
    media: ProjectMedia,
    order: ExportOrder,
    pool: WorkerPool,
    checkpoint: Checkpoint,
) -> dict[str, Any]:
    """Write what was ordered, all files or none; return the report of `files.encode`.

    Its notes name the layers that rest, too.

    Raises
    ------
    DrumStudioError
        If the song's sound is missing, every track of a mix is muted, a file is there and may
        not be replaced, or anything fails.
    Cancelled
        If the person asked to stop.
    """
    one_file = order.file_format in STEM_FORMATS
    if one_file and order.stems == (MIX,):
        raise SettingError(
            f"Cannot export the mix of {song.name} as stems",
            why="a stem file holds the stems themselves.",
            fix="Choose another format for the mix, or export the stems.",
        )
    if song.separation is None and (one_file or set(order.stems) - {MIXTURE}):
        raise ProjectError(
            f"Cannot export {song.name}",
            why="it has not been separated yet.",
            fix="Separate it first.",
        )
    report = _exported(song, media, order, pool, checkpoint)
    report["notes"] += [
        f"The layer {layer.name} rests: {song.name} has no such stems as it is separated now."
        for layer in resting(song)
    ]
    return report


def _exported(
    song: Song,
    media: ProjectMedia,
    order: ExportOrder,
    pool: WorkerPool,
    checkpoint: Checkpoint,
) -> dict[str, Any]:
    outputs = order.paths(song)
    rate = song.mixture.sample_rate
    start, stop = (round(each * rate) for each in order.seconds or (0.0, song.mixture.seconds))
    with media.staying(), edited_stems(song, media, portion(checkpoint, 0.0, 0.3)) as stems:
        mixture = media.mixture_file(song)
        writing = portion(checkpoint, 0.3, 1.0)
        if order.stems == (MIX,) and stems is not None:
            return export_mix(
                mixture,
                stems,
                {stem: song.track_mix(stem) for stem in stems.names},
                outputs[MIX],
                pool,
                writing,
                file_format=order.file_format,
                sample_rate=order.sample_rate,
                overwrite=order.overwrite,
                samples=(start, stop),
            )
        all_stems = not order.stems and order.file_format not in STEM_FORMATS
        if all_stems and stems is not None and _is_silent(mixture, stems):
            del outputs[stems.computed]
        return write_stems(
            mixture,
            stems,
            outputs,
            pool,
            writing,
            file_format=order.file_format,
            sample_rate=order.sample_rate,
            overwrite=order.overwrite,
            samples=(start, stop),
            title=song.name,
        )


def _is_silent(mixture: Path, stems: SplitFiles) -> bool:
    """Return whether the computed stem is digital silence."""
    with SongReader(mixture, stems) as reader:
        for start in range(0, reader.samples, _BLOCK_SAMPLES):
            count = min(_BLOCK_SAMPLES, reader.samples - start)
            if reader.read(stems.computed, start, count).any():
                return False
    return True
