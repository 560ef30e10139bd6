"""What the window draws of a song of a project: where it is kept, and having it made."""

from __future__ import annotations

import os
from pathlib import Path

from drumstudio.core.song import Song
from drumstudio.files.overview import overview_path
from drumstudio.files.peaks import peaks_folder, peaks_name
from drumstudio.jobs.job import Checkpoint
from drumstudio.workers.pool import WorkerPool


def peaks_paths(song: Song) -> dict[str, Path]:
    """Return where the waveform of each stem that the song has is kept."""
    drums = song.separation.drums.sha256 if song.separation else None
    stems = ("mixture", "drums", "rest") if drums else ("mixture",)
    folder = peaks_folder()
    return {
        stem: folder / peaks_name(stem, mixture=song.mixture.sha256, drums=drums) for stem in stems
    }


def draw(
    song: Song, mixture: Path, drums: Path | None, pool: WorkerPool, checkpoint: Checkpoint
) -> None:
    """See that the waveforms of every stem can be drawn; what is there is not made again."""
    pool.run(
        "peaks",
        checkpoint,
        urgent=True,
        mixture=os.fspath(mixture),
        drums=os.fspath(drums) if drums else None,
        outputs={stem: os.fspath(path) for stem, path in peaks_paths(song).items()},
    )


def draw_overview(
    song: Song, mixture: Path, drums: Path | None, pool: WorkerPool, checkpoint: Checkpoint
) -> None:
    """See that the whole song's spectrogram can be shown at once."""
    hashes = song.mixture.sha256, song.separation.drums.sha256 if song.separation else None
    pool.run(
        "overview",
        checkpoint,
        mixture=os.fspath(mixture),
        drums=os.fspath(drums) if drums else None,
        output=os.fspath(overview_path(*hashes)),
    )
