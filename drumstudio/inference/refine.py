"""The job of refining the drums of one song, whatever separated them: one media file to another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from drumstudio import atomic
from drumstudio.catalog.model_card import Value, read_card
from drumstudio.core.audio import Samples
from drumstudio.core.errors import AudioOpenError
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.engines import build_refinement
from drumstudio.inference.streaming import refined
from drumstudio.inference.version import ENGINE_VERSION
from drumstudio.jobs.job import Checkpoint

_BLOCK_SAMPLES = 1 << 18


def refine(
    checkpoint: Checkpoint,
    *,
    mixture: str,
    drums: str,
    target: str,
    card_folder: str,
    settings: dict[str, Value],
) -> dict[str, object]:
    """Refine the drums of a song; the worker's job.

    Parameters
    ----------
    checkpoint : Checkpoint
        Called for every stretch.
    mixture, drums, target : str
        Paths of media files of one rate, length and number of channels: the song, its drums, and
        where the better ones go (whole, or not at all).
    card_folder : str
        The refinement's folder.
    settings : dict
        Its parameters; those left out take their defaults.

    Returns
    -------
    dict
        `seconds`: how long it took; `model_hash`: SHA-256 of the card; `engine_version`;
        `settings`: complete.

    Raises
    ------
    DrumStudioError
        If card, sound or disk do not allow it; no file is left then.
    Cancelled
        From the checkpoint.
    """
    started = time.perf_counter()
    card = read_card(Path(card_folder))
    complete = card.check_settings(settings)
    refinement = build_refinement(card, complete)
    with WavReader(Path(mixture)) as song, WavReader(Path(drums)) as estimate:
        shapes = [(one.sample_rate, one.channels, one.samples) for one in (song, estimate)]
        if shapes[0] != shapes[1]:
            raise AudioOpenError(
                f"Cannot refine {Path(drums).name}",
                why="it has another rate, length or number of channels than the song.",
                fix="Separate the song again.",
            )
        rate = song.sample_rate
        longest = int(refinement.stretch_seconds * rate)
        blocks = refined(
            lambda whole, part: refinement.refine(whole, part, rate),
            *(longest, song, _blocks(estimate)),
        )
        atomic.require_free(Path(target).parent, 4 * song.samples * song.channels, "Cannot refine")
        with (
            atomic.writing(Path(target)) as temporary,
            WavWriter(temporary, rate, song.channels) as writer,
        ):
            for block in blocks:
                checkpoint(writer.samples / max(song.samples, 1), f"{card.name}: refining")
                writer.write(block)
    return {
        "seconds": time.perf_counter() - started,
        "model_hash": card.hash,
        "engine_version": ENGINE_VERSION,
        "settings": complete,
    }


def _blocks(reader: WavReader) -> Iterator[Samples]:
    for start in range(0, reader.samples, _BLOCK_SAMPLES):
        yield reader.read(start, min(_BLOCK_SAMPLES, reader.samples - start))
