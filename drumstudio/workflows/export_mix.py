"""The mix of a song to one file, in any format: mix down, then encode."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drumstudio import paths
from drumstudio.core.mix import TrackMix
from drumstudio.files.block_reader import SplitFiles
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workers.pool import WorkerPool


def export_mix(
    mixture: Path,
    stems: SplitFiles | None,
    tracks: Mapping[str, TrackMix],
    output: Path,
    pool: WorkerPool,
    checkpoint: Checkpoint,
    *,
    file_format: str,
    sample_rate: int | None = None,
    overwrite: bool = False,
    samples: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Write what is heard of a song's stems to a file; return the report of `files.encode`.

    Parameters
    ----------
    mixture : Path
        Media file.
    stems : SplitFiles or None
        The stems' files; None if only the mixture is a track.
    tracks : mapping of str to TrackMix
        Stem, or "mixture", to how it goes into the mix.
    output : Path
        The file to write.
    pool : WorkerPool
        Who does it.
    checkpoint : Checkpoint
        Where progress is reported.
    file_format : str
        One of `files.formats.FORMATS`.
    sample_rate : int or None
        Hertz; None for the song's.
    overwrite : bool
        Whether a file that is there is replaced.
    samples : tuple of int, or None
        First sample and the one after the last; None for the whole song.

    Raises
    ------
    DrumStudioError
        If every track is muted, or anything fails; then nothing half-written is left.
    Cancelled
        If the person asked to stop.
    """
    work = paths.user_cache_folder() / "mixes"
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        mixed = Path(folder) / "mix.wav"
        start, stop = samples or (0, None)
        pool.run(
            "mix_down",
            portion(checkpoint, 0.0, 0.3),
            mixture=os.fspath(mixture),
            stems=stems.to_plain() if stems is not None else None,
            tracks={stem: asdict(track) for stem, track in tracks.items()},
            target=os.fspath(mixed),
            start=start,
            stop=stop,
        )
        report = pool.run(
            "encode",
            portion(checkpoint, 0.3, 1.0),
            mixture=os.fspath(mixed),
            stems=None,
            outputs=[{"stem": "mixture", "path": os.fspath(output)}],
            format=file_format,
            sample_rate=sample_rate,
            overwrite=overwrite,
        )
    for file in report["files"]:
        file["stem"] = "mix"
    return report
