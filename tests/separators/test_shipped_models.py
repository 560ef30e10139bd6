"""R25 and R26 with the weights that ship: no seams, and the same bits each time."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from drumstudio.catalog.catalog import default_catalog
from drumstudio.inference.engines import build
from drumstudio.nets.dual_path import LowPath
from drumstudio.synthesis.demo import render_demo
from tests.promises import record
from tests.separators.test_tfc_tdf import run

CHUNKS = (19.0, 27.0, 60.0)


@pytest.fixture(scope="module")
def song() -> np.ndarray:
    """Return the demo song as it is, and backwards at twice the speed."""
    mixture = sum(render_demo().values())
    return np.concatenate([mixture, mixture[:, ::-2]], axis=1).astype(np.float32)


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.square(samples).mean() + 1e-20))


@pytest.mark.robust
@pytest.mark.parametrize("model", ["fast", "flagship"])
def test_chunks_of_any_length_and_another_run_give_the_same_drums(model, song, tmp_path):
    card = default_catalog().find(model)
    drums = [
        run(card, tmp_path, song, f"chunks of {chunk}", chunk_seconds=chunk) for chunk in CHUNKS
    ]
    again = run(card, tmp_path, song, "again", chunk_seconds=CHUNKS[0])
    two_threads = run(card, tmp_path, song, "threads", chunk_seconds=CHUNKS[0], threads=2)
    worst = max(level_db(drums[0] - other) for other in drums[1:])
    hashes = {hashlib.sha256(one.tobytes()).hexdigest() for one in (drums[0], again)}
    threads = level_db(drums[0] - two_threads)
    # Chunks without context are heard.
    separator = build(card, card.check_settings({}))
    half = separator.hop_length * (song.shape[1] // 2 // separator.hop_length)
    hard = [run(card, tmp_path, part, "hard") for part in (song[:, :half], song[:, half:])]
    control = level_db(drums[0] - np.concatenate(hard, axis=1))
    record(
        "R25",
        what=f"{model} with its weights: chunks of {len(CHUNKS)} lengths",
        count=len(CHUNKS),
        failures=int(worst > -120),
        figure=f"{worst:.0f} dBFS",
        control=f"two halves each by itself: {control:.0f} dBFS",
        control_failed=control > -120,
    )
    record(
        "R26",
        what=f"{model} with its weights: two runs, and two threads",
        count=2,
        failures=int(len(hashes) != 1 or threads > -120),
        figure=f"{len(hashes)} SHA-256; threads {threads:.0f} dBFS",
        control=f"two halves each by itself: {control:.0f} dBFS",
        control_failed=control > -120,
    )
    assert worst <= -120
    assert len(hashes) == 1
    assert threads <= -120
    assert control > -100


@pytest.mark.robust
def test_without_windows_the_low_path_would_hear_the_whole_chunk(song, tmp_path, monkeypatch):
    card = default_catalog().find("flagship")
    monkeypatch.setattr(LowPath, "context_frames", lambda path, frames: 1 << 30)
    parts = [run(card, tmp_path, song, f"{chunk}", chunk_seconds=chunk) for chunk in CHUNKS[1:]]
    assert level_db(parts[0] - parts[1]) > -100
