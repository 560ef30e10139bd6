"""The demo song: rendered when it is first wanted, kept in the cache, with its true stems."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from drumstudio import __version__, atomic, paths
from drumstudio.core.errors import AudioOpenError
from drumstudio.files.wav_file import WavReader
from drumstudio.jobs.job import Checkpoint
from drumstudio.workers.pool import WorkerPool


@dataclass(frozen=True, slots=True)
class DemoSong:
    """Where the demo song's media WAV files are; `mixture` = `drums` + `rest`."""

    folder: Path
    mixture: Path
    drums: Path
    rest: Path


def demo_song(pool: WorkerPool, checkpoint: Checkpoint) -> DemoSong:
    """Return the demo song, rendering it first if this version has not yet.

    Raises
    ------
    DrumStudioError
        If it can not be rendered or written.
    """
    folder = paths.user_cache_folder() / f"demo-{__version__}" / "demo"
    song = DemoSong(folder, folder / "mix.wav", folder / "drums.wav", folder / "rest.wav")
    if not all(_is_whole(path) for path in (song.mixture, song.drums, song.rest)):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise atomic.explain_os_error(error, "Cannot render the demo song", folder) from error
        pool.run("render_demo", checkpoint, folder=str(folder))
    return song


def _is_whole(path: Path) -> bool:
    try:
        with WavReader(path) as reader:
            return reader.samples > 0
    except AudioOpenError:
        return False
