"""What the queue does with a song of a project besides separating it: draw it, export it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drumstudio.core.song import Song
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


def export(
    mixture: Path,
    drums: Path | None,
    outputs: Sequence[tuple[str, Path]],
    pool: WorkerPool,
    checkpoint: Checkpoint,
    *,
    file_format: str,
    sample_rate: int | None,
    overwrite: bool,
) -> dict[str, Any]:
    """Write stems to files, all or none; return the report of `files.encode`."""
    return pool.run(
        "encode",
        checkpoint,
        mixture=os.fspath(mixture),
        drums=os.fspath(drums) if drums else None,
        outputs=[{"stem": stem, "path": os.fspath(path)} for stem, path in outputs],
        format=file_format,
        sample_rate=sample_rate,
        overwrite=overwrite,
    )
