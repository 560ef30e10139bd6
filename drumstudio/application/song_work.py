"""What the window draws of a song of a project: where it is kept, and having it made."""

from __future__ import annotations

import os
from pathlib import Path

from drumstudio.core.song import Song
from drumstudio.core.stems import MIXTURE
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.overview import overview_path
from drumstudio.files.peaks import peaks_folder, peaks_name
from drumstudio.jobs.job import Checkpoint
from drumstudio.workers.pool import WorkerPool


def peaks_paths(song: Song) -> dict[str, Path]:
    """Return where the waveform of each stem that the song has is kept."""
    split = song.separation.split if song.separation else None
    stems = (MIXTURE, *(split.names if split is not None else ()))
    folder = peaks_folder()
    return {
        stem: folder / peaks_name(stem, mixture=song.mixture.sha256, split=split) for stem in stems
    }


def draw(
    song: Song, mixture: Path, stems: SplitFiles | None, pool: WorkerPool, checkpoint: Checkpoint
) -> None:
    """See that the waveforms of every stem can be drawn; what is there is not made again."""
    pool.run(
        "peaks",
        checkpoint,
        urgent=True,
        mixture=os.fspath(mixture),
        stems=stems.to_plain() if stems is not None else None,
        outputs={stem: os.fspath(path) for stem, path in peaks_paths(song).items()},
    )


def draw_overview(
    song: Song, mixture: Path, stems: SplitFiles | None, pool: WorkerPool, checkpoint: Checkpoint
) -> None:
    """See that the whole song's spectrogram can be shown at once."""
    split = song.separation.split if song.separation else None
    focus = split.focus if split is not None else ""
    pool.run(
        "overview",
        checkpoint,
        mixture=os.fspath(mixture),
        stems=stems.to_plain() if stems is not None else None,
        focus=focus,
        output=os.fspath(overview_path(song.mixture.sha256, split, focus)),
    )
