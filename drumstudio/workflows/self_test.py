"""Does this installation work: the demo song, separated by every ready model and scored."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drumstudio import paths
from drumstudio.catalog.catalog import Catalog
from drumstudio.catalog.model_card import ModelCard
from drumstudio.core.errors import DrumStudioError
from drumstudio.jobs.job import Checkpoint, portion
from drumstudio.workers.pool import WorkerPool
from drumstudio.workflows.demo_song import DemoSong, demo_song
from drumstudio.workflows.separate_song import ExportSettings, SongReport, separate_song
from drumstudio.workflows.separation_settings import SeparationSettings
from drumstudio.workflows.workshop import Workshop

SCORES_FILE = "demo-scores.json"
"""In `resources/`: {model id: drums SDR in dB}, as `studio --self-test --json` printed it."""

SDR_TOLERANCE_DB = 0.1
"""Other processors round differently; a broken model is off by whole decibels."""

NULL_LIMIT_DB = -132.0
"""What drums + rest may differ from the song in 24-bit files (ARCHITECTURE.md section 4)."""


@dataclass(frozen=True, slots=True)
class SelfTestRow:
    """What one model did with the demo song.

    Parameters
    ----------
    model : str
        Its id.
    problem : str or None
        What is wrong, in plain words; None if it passed.
    sdr, expected_sdr : float or None
        Drums SDR in dB now, and as stored.
    null_residual_dbfs : float or None
        Of the exported 24-bit stems.
    device : str or None
        Where it ran.
    real_time_factor : float or None
        Processing seconds per second of sound.
    """

    model: str
    problem: str | None
    sdr: float | None = None
    expected_sdr: float | None = None
    null_residual_dbfs: float | None = None
    device: str | None = None
    real_time_factor: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain JSON-able values."""
        return asdict(self)


def stored_scores() -> dict[str, float]:
    """Return {model id: drums SDR in dB} as measured when the models were made."""
    path = paths.shipped_folder("resources") / SCORES_FILE
    scores: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return scores


def self_test(catalog: Catalog, workshop: Workshop, checkpoint: Checkpoint) -> list[SelfTestRow]:
    """Separate and score the demo song with every ready model; never stops at a failure.

    Raises
    ------
    DrumStudioError
        If the demo song itself can not be made.
    Cancelled
        If the person asked to stop.
    """
    song = demo_song(workshop.pool, portion(checkpoint, 0.0, 0.1))
    cards = [card for card in catalog.cards() if catalog.ready(card) and card.kind == "separator"]
    expected = stored_scores()
    rows = []
    for number, card in enumerate(cards):
        start, stop = 0.1 + 0.9 * number / len(cards), 0.1 + 0.9 * (number + 1) / len(cards)
        try:
            rows.append(_test(card, song, expected, workshop, portion(checkpoint, start, stop)))
        except DrumStudioError as error:
            rows.append(SelfTestRow(card.id, f"{error.what}: {error.why}"))
    return rows


def _test(
    card: ModelCard,
    song: DemoSong,
    expected: dict[str, float],
    workshop: Workshop,
    checkpoint: Checkpoint,
) -> SelfTestRow:
    sdr = measure_sdr(card, song, workshop.pool, portion(checkpoint, 0.0, 0.5))
    report = _separate_and_export(card, song, workshop, portion(checkpoint, 0.5, 1.0))
    null = report.null_residual_dbfs
    wanted = expected.get(card.id)
    problem = None
    if null is None or null > NULL_LIMIT_DB:
        problem = f"drums + rest differ from the song by {null} dB"
    elif wanted is not None and abs(sdr - wanted) > SDR_TOLERANCE_DB:
        problem = f"its drums score {sdr:.2f} dB and should score {wanted:.2f} dB"
    return SelfTestRow(card.id, problem, sdr, wanted, null, report.device, report.real_time_factor)


def measure_sdr(card: ModelCard, song: DemoSong, pool: WorkerPool, checkpoint: Checkpoint) -> float:
    """Return the drums SDR of a model on the demo song, in dB, on the CPU."""
    result = pool.run(
        "evaluate",
        checkpoint,
        folder=str(song.folder.parent),
        card_folders=[str(card.folder)],
        device="cpu",
        threads=1,
        full=False,
    )
    return float(result["excerpts"][song.folder.name][card.id]["sdr"])


def _separate_and_export(
    card: ModelCard, song: DemoSong, workshop: Workshop, checkpoint: Checkpoint
) -> SongReport:
    settings = SeparationSettings(card, dict(card.check_settings({})))
    with tempfile.TemporaryDirectory() as folder:
        return separate_song(
            song.mixture,
            Path(),
            settings,
            ExportSettings(Path(folder)),
            workshop.pool,
            workshop.cache,
            checkpoint,
        )
