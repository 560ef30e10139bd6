"""The beat estimate beside librosa's, on loops and pieces of known tempo.

    studio benchmark tempo --audio FOLDER [--json]

FOLDER is the audio pack: drum loops whose names begin with their tempo, and backing pieces whose
tempo its manifest notes. Right: within 2 % of the tempo (one tempo for the whole, or the mean of
several); right but for octaves: of half, once or twice it. Both listen to the same samples, one
after the other; librosa is warmed up first.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile

from benchmarks.measurement import show
from drumstudio.jobs.job import no_checkpoint
from drumstudio.remix.beats import estimate_tempo_map
from drumstudio.remix.onsets import onset_curve, pick_hits, place_hits

SURE = 0.8


class Sound:
    """A source in memory."""

    def __init__(self, samples: np.ndarray) -> None:
        self._samples = samples

    def read(self, start: int, count: int) -> np.ndarray:
        """Return a stretch, zero beyond the ends."""
        inside = self._samples[:, max(start, 0) : max(start + count, 0)]
        return np.pad(inside, ((0, 0), (max(-start, 0), count)))[:, :count]


def known_tempos(folder: Path) -> list[tuple[Path, float]]:
    found = []
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            match = re.search(r"/(\d+)bpm_", row["path"])
            if match is None and row["group"] == "backing":
                match = re.search(r"; (\d+) bpm", row["note"])
            if match is not None:
                found.append((folder / row["path"], float(match[1])))
    return found


def ours(samples: np.ndarray, sample_rate: int) -> tuple[float, float]:
    source = Sound(samples)
    curve = onset_curve(source, sample_rate, samples.shape[1], no_checkpoint)
    hits = place_hits(source, sample_rate, pick_hits(curve), no_checkpoint)
    grid = estimate_tempo_map(curve, hits)
    if grid is None:
        return 0.0, 0.0
    return float(np.mean([tempo.bpm for tempo in grid.tempos])), grid.confidence


def peer(samples: np.ndarray, sample_rate: int) -> float:
    mono = librosa.resample(samples.mean(axis=0), orig_sr=sample_rate, target_sr=22_050)
    tempo, _ = librosa.beat.beat_track(y=mono, sr=22_050)
    return float(np.atleast_1d(tempo)[0])


def right(found: float, bpm: float, factors: tuple[float, ...]) -> bool:
    return min(abs(found / (bpm * factor) - 1.0) for factor in factors) < 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--audio", default=os.environ.get("DRUMSTUDIO_AUDIO"), help="audio pack")
    options = parser.parse_args()
    if not options.audio:
        parser.error("name the audio pack with --audio or DRUMSTUDIO_AUDIO")
    pieces = known_tempos(Path(options.audio))
    rows, seconds, audio_seconds = [], {"ours": 0.0, "librosa": 0.0}, 0.0
    for number, (path, bpm) in enumerate([pieces[0], *pieces]):
        samples, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
        samples = np.ascontiguousarray(samples.T)
        begun = time.perf_counter()
        found, confidence = ours(samples, sample_rate)
        between = time.perf_counter()
        theirs = peer(samples, sample_rate)
        if number:  # the first only warms up
            seconds["ours"] += between - begun
            seconds["librosa"] += time.perf_counter() - between
            audio_seconds += samples.shape[1] / sample_rate
            rows.append((found, theirs, bpm, confidence))
    octaves = (0.5, 1.0, 2.0)
    sure = [row for row in rows if row[3] >= SURE]
    unsure = [row for row in rows if row[3] < SURE]
    show(
        {
            "pieces": len(rows),
            "right": np.mean([right(row[0], row[2], (1.0,)) for row in rows]).item(),
            "right, librosa": np.mean([right(row[1], row[2], (1.0,)) for row in rows]).item(),
            "right but for octaves": np.mean([right(r[0], r[2], octaves) for r in rows]).item(),
            "the same, librosa": np.mean([right(r[1], r[2], octaves) for r in rows]).item(),
            "share of sure ones": len(sure) / len(rows),
            "right but for octaves where sure": np.mean(
                [right(row[0], row[2], octaves) for row in sure]
            ).item(),
            "right but for octaves where not": np.mean(
                [right(row[0], row[2], octaves) for row in unsure]
            ).item(),
            "times real time": audio_seconds / seconds["ours"],
            "ratio of times, ours to librosa": seconds["ours"] / seconds["librosa"],
        },
        as_json=options.json,
    )


if __name__ == "__main__":
    main()
