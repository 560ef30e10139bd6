"""The onset brush and "Fix this everywhere", on songs whose every drum hit is known.

    studio benchmark hits --audio FOLDER [--songs N] [--model ID] [--json]

FOLDER is the audio pack: grooves of its one-shots are laid over its music without drums, 6 dB
softer to 3 dB louder than it; and its two drum mixtures in parts are clicked too.

Clicks: up to 40 ms from a hit of kick, snare or hi-hat (nearer to it than to another hit of the
same drum), at a frequency at which it can be seen: there it has half of the power, and twice what
was there before. Hits that can be seen nowhere (6 %) are clicked where they are strongest, and
counted in "all". Right: within 12 ms, both the beginning that was found and the first frame whose
cells are mostly taken. With the drums of a model to look at (`fast` if none is named), as in the
program, and without; it was trained on these one-shots and pieces, but not on the drum mixtures.
Control: the click itself taken for the beginning.

Everywhere: from a hit found by a click to all others of the same drum in the song (within 30 ms).
Precision and recall of what is suggested, and precision where half of them are found, beside the
plain correlation of spectrogram patches in decibels (peaks of it at least 50 ms apart) and, as a
control, what is found for a hit of another drum.

Time: 4 minutes of stereo looked through once, beside the bare transform of the same samples.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.hit_songs import PIECES, SAMPLE_RATE, HitSong, HitSongs, drum_parts
from benchmarks.measurement import show
from drumstudio.catalog.catalog import default_catalog
from drumstudio.core.bands import Bands, powers
from drumstudio.core.errors import ProjectError
from drumstudio.core.hit_likeness import SUGGESTED
from drumstudio.core.hit_shape import HitLimits
from drumstudio.core.strokes import Cells, Stroke
from drumstudio.core.tiles import Grid
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workflows.find_alike import find_alike
from drumstudio.workflows.find_hit import FoundHit, find_hit

SEED = 7
RIGHT_SECONDS = 0.012
AWAY_SECONDS = 0.04
SAME_SECONDS = 0.03
CLICKS, EXAMPLES = 10, 2  # of each drum in a song
FEWEST_HITS = 5
_N_FFT = 2_048
_PEER_WINDOW, _PEER_HOP, _PEER_STEPS = 1_024, 256, 18


class Sound:
    """A song in memory, read as a file is; without a model's drums these are silent."""

    focus = "drums"

    def __init__(self, mixture: np.ndarray, drums: np.ndarray | None = None) -> None:
        self._stems = {"mixture": mixture, "drums": mixture[:, :0] if drums is None else drums}

    def read(self, stem: str, start: int, count: int) -> np.ndarray:
        """Return a stretch of a stem, zero beyond the ends."""
        inside = self._stems[stem][:, max(start, 0) : max(start + count, 0)]
        return np.pad(inside, ((0, 0), (max(-start, 0), count)))[:, :count]


@dataclass(frozen=True, slots=True)
class Click:
    """A click on a hit: of which drum, when that begins, where it was clicked, and if it shows."""

    piece: str
    onset: float
    seconds: float
    hertz: float
    seen: bool


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """What was offered for one example: likeness and truth of each, and how many there were."""

    scores: np.ndarray
    right: np.ndarray
    wanted: int

    def precision_at(self, recall: float) -> float:
        """Return the precision where so many of the hits are found; 0 if they never are."""
        order = np.argsort(-self.scores, kind="stable")
        found = np.cumsum(self.right[order])
        place = int(np.searchsorted(found, np.ceil(recall * self.wanted)))
        return float(found[place] / (place + 1)) if place < len(found) else 0.0


def clicks(song: HitSong, rng: np.random.Generator, count: int) -> Iterator[Click]:
    """Yield clicks on hits of each drum, drawn at random."""
    bands = Bands.spread(SAMPLE_RATE, _N_FFT, 24)

    def power(samples: np.ndarray, start: int) -> np.ndarray:
        return powers(samples[:, start : start + _N_FFT], _N_FFT, _N_FFT)[0] @ bands.weights

    for piece in PIECES:
        onsets = song.onsets.get(piece, np.zeros(0))
        for number in rng.permutation(len(onsets))[:count]:
            onset = onsets[number]
            start = round(onset * SAMPLE_RATE)
            between = np.diff(onsets, prepend=-1e3, append=1e3)[number : number + 2] / 2
            away = rng.uniform(
                -min(AWAY_SECONDS, between[0]), min(AWAY_SECONDS, between[1])
            )  # nearer to it than to the one before or after
            if start < _N_FFT or start + _N_FFT > song.mixture.shape[1]:
                continue
            hit = power(song.stems[piece], start - 100)
            whole = power(song.mixture, start - 100)
            before = power(song.mixture, start - _N_FFT)
            share = hit / (whole + 1e-12)
            shows = (share > 0.5) & (hit > 2 * before) & (whole > 1e-5 * whole.max())
            seen = bool(shows.any())
            chances = share * shows if seen else (share == share.max()).astype(float)
            band = rng.choice(len(chances), p=chances / chances.sum())
            hertz = bands.centres_hz[band] * 2 ** rng.uniform(-0.3, 0.3)
            yield Click(piece, onset, onset + away, float(min(hertz, 20_000.0)), seen)


def first_frame(cells: Cells) -> int:
    """Return the first frame of which a cell is taken by more than half."""
    starts = np.concatenate([[0], np.cumsum(cells.runs[:-1, 2])])
    strongest = np.maximum.reduceat(cells.weights, starts)
    return int(cells.runs[int(np.argmax(strongest >= 0.5)), 0])


def grid_of(song: HitSong) -> Grid:
    return Grid(SAMPLE_RATE, 2, song.mixture.shape[1])


def click_errors(song: HitSong, drawn: list[Click], drums: np.ndarray | None = None) -> np.ndarray:
    """Return seconds off, (clicks, 3): of the beginning, of the cells, of the click itself."""
    grid, sound = grid_of(song), Sound(song.mixture, drums)
    rows = []
    for click in drawn:
        hit = find_hit(sound, grid, click.seconds, click.hertz, HitLimits())
        found = (9.0, 9.0)
        if hit is not None:
            found = (hit.onset_seconds, first_frame(hit.cells) * grid.frame_seconds)
        rows.append([*found, click.seconds])
        rows[-1] = [abs(when - click.onset) for when in rows[-1]]
    return np.array(rows).reshape(-1, 3)


def drums_of(song: HitSong, model_id: str) -> np.ndarray:
    """Return what a model takes for the drums of a song."""
    card = default_catalog().find(model_id)
    with tempfile.TemporaryDirectory() as folder:
        mixture, drums = Path(folder, "mixture.wav"), Path(folder, "drums.wav")
        with WavWriter(mixture, SAMPLE_RATE, 2) as writer:
            writer.write(song.mixture)
        separate(
            no_checkpoint,
            mixture=str(mixture),
            drums=str(drums),
            card_folder=str(card.folder),
            settings=card.check_settings({}),
            device="cpu",
            threads=1,
            chunk_seconds=None,
            work_folder=str(Path(folder, "work")),
        )
        with WavReader(drums) as reader:
            return reader.read(0, reader.samples)


def examples(song: HitSong, rng: np.random.Generator) -> Iterator[tuple[Click, FoundHit]]:
    """Yield hits that can be seen, found by a click, of drums that are struck often enough."""
    for piece in PIECES:
        if len(song.onsets.get(piece, ())) < FEWEST_HITS:
            continue
        taken = 0
        for click in clicks(song, rng, 8):
            if click.piece != piece or not click.seen or taken == EXAMPLES:
                continue
            sound = Sound(song.mixture)
            hit = find_hit(sound, grid_of(song), click.seconds, click.hertz, HitLimits())
            if hit is not None:
                taken += 1
                yield click, hit


def ours(song: HitSong, click: Click, hit: FoundHit) -> tuple[np.ndarray, np.ndarray]:
    """Return when hits are offered, and their likeness."""
    strokes = [Stroke("drums", hit.cells)]
    try:
        found = find_alike(
            Sound(song.mixture), grid_of(song), strokes, no_checkpoint, click.hertz
        ).hits
    except ProjectError:
        found = ()
    return np.array([h.seconds for h in found]), np.array([h.likeness for h in found])


def peer(song: HitSong, click: Click, hit: FoundHit) -> tuple[np.ndarray, np.ndarray]:
    """Return the peaks of the correlation of spectrogram patches with the example's."""
    bands = Bands.spread(SAMPLE_RATE, _PEER_WINDOW, 40)
    half = _PEER_WINDOW // 2
    padded = np.pad(song.mixture, ((0, 0), (half, half)))
    power = powers(padded, _PEER_WINDOW, _PEER_HOP) @ bands.weights
    levels = 10 * np.log10(power + power.max() * 1e-8)
    step = round(hit.onset_seconds * SAMPLE_RATE / _PEER_HOP)
    patches = np.lib.stride_tricks.sliding_window_view(levels, _PEER_STEPS, axis=0)
    patches = patches.reshape(len(patches), -1)
    patches = patches - patches.mean(axis=1, keepdims=True)
    patches /= np.linalg.norm(patches, axis=1, keepdims=True) + 1e-9
    scores = patches @ patches[min(max(step - 1, 0), len(patches) - 1)]
    around = np.lib.stride_tricks.sliding_window_view(np.pad(scores, 9, constant_values=-2), 19)
    peaks = np.flatnonzero(scores >= around.max(axis=1))
    return (peaks + 1) * _PEER_HOP / SAMPLE_RATE, scores[peaks]


def ranking(song: HitSong, click: Click, times: np.ndarray, scores: np.ndarray) -> Ranking:
    """Return which of the times are other hits of the drum that was clicked, each used once."""
    truth = song.onsets[click.piece]
    truth = truth[np.abs(truth - click.onset) > SAME_SECONDS]
    others = np.abs(times - click.onset) > SAME_SECONDS
    times, scores = times[others], scores[others]
    right = np.zeros(len(times), dtype=bool)
    free = np.ones(len(truth), dtype=bool)
    for place in np.argsort(-scores, kind="stable"):
        near = np.where(free, np.abs(truth - times[place]), np.inf)
        if len(near) and near.min() <= SAME_SECONDS:
            free[int(np.argmin(near))] = False
            right[place] = True
    return Ranking(scores, right, len(truth))


def suggested(rankings: list[Ranking]) -> tuple[float, float]:
    """Return precision and recall of all that is suggested."""
    on = [ranked.scores >= SUGGESTED for ranked in rankings]
    right = sum(int((r.right & o).sum()) for r, o in zip(rankings, on, strict=True))
    return right / max(sum(int(o.sum()) for o in on), 1), right / sum(r.wanted for r in rankings)


def seconds_for_4_minutes(song: HitSong, click: Click, hit: FoundHit) -> tuple[float, float]:
    """Return how long looking through 4 minutes takes, and the bare transform of them."""
    times = -(-240 * SAMPLE_RATE // song.mixture.shape[1])
    long = np.tile(song.mixture, (1, times))[:, : 240 * SAMPLE_RATE]
    longer = HitSong(song.name, long, song.stems, song.onsets)
    begun = time.perf_counter()
    ours(longer, click, hit)
    between = time.perf_counter()
    step = 20 * SAMPLE_RATE
    for start in range(0, long.shape[1], step):
        powers(long[:, start : start + step], _PEER_WINDOW, _PEER_HOP)
    return between - begun, time.perf_counter() - between


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--songs", type=int, default=20)
    parser.add_argument("--model", default="fast", help="whose drums are looked at too")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--audio", default=os.environ.get("DRUMSTUDIO_AUDIO"), help="audio pack")
    options = parser.parse_args()
    if not options.audio:
        parser.error("name the audio pack with --audio or DRUMSTUDIO_AUDIO")
    rng = np.random.default_rng(options.seed)
    rendered = HitSongs(Path(options.audio), options.seed)
    songs = [rendered.song(20.0) for _ in range(options.songs)]
    errors, alone, seen = [], [], []
    rankings: dict[str, list[Ranking]] = {"ours": [], "plain correlation": [], "another drum": []}
    pieces = []
    for song in songs:
        drawn = list(clicks(song, rng, CLICKS))
        errors.append(click_errors(song, drawn, drums_of(song, options.model)))
        alone.append(click_errors(song, drawn))
        seen += [click.seen for click in drawn]
        for click, hit in examples(song, rng):
            times, scores = ours(song, click, hit)
            rankings["ours"].append(ranking(song, click, times, scores))
            other = next(p for p in PIECES if p != click.piece and len(song.onsets.get(p, ())))
            elsewhere = replace(click, piece=other)
            rankings["another drum"].append(ranking(song, elsewhere, times, scores))
            rankings["plain correlation"].append(ranking(song, click, *peer(song, click, hit)))
            pieces.append(click.piece)
    took, transform = seconds_for_4_minutes(song, click, hit)
    right = np.concatenate(errors) <= RIGHT_SECONDS
    shown = np.array(seen)
    without = np.concatenate(alone) <= RIGHT_SECONDS
    parts = [
        click_errors(song, list(clicks(song, rng, 100)), drums_of(song, options.model))
        for song in drum_parts(Path(options.audio))
    ]
    parts_right = np.concatenate(parts) <= RIGHT_SECONDS
    precision, recall = suggested(rankings["ours"])
    halves = {name: [r.precision_at(0.5) for r in found] for name, found in rankings.items()}
    show(
        {
            "songs": len(songs),
            "clicks": len(right),
            "share of clicks on hits that show": shown.mean().item(),
            "beginning within 12 ms": right[shown, 0].mean().item(),
            "cells within 12 ms": right[shown, 1].mean().item(),
            "click itself within 12 ms": right[shown, 2].mean().item(),
            "beginning within 12 ms, all": right[:, 0].mean().item(),
            "cells within 12 ms, all": right[:, 1].mean().item(),
            "beginning within 12 ms, without a model": without[shown, 0].mean().item(),
            "cells within 12 ms, without a model": without[shown, 1].mean().item(),
            "beginning within 12 ms, all, without": without[:, 0].mean().item(),
            "clicks, drum parts": len(parts_right),
            "beginning within 12 ms, drum parts": parts_right[:, 0].mean().item(),
            "cells within 12 ms, drum parts": parts_right[:, 1].mean().item(),
            "examples": len(pieces),
            "precision of what is suggested": precision,
            "recall of what is suggested": recall,
            **{f"precision at half, {n}": float(np.mean(v)) for n, v in halves.items()},
            **{
                f"precision at half, {piece}": float(
                    np.mean([v for v, p in zip(halves["ours"], pieces, strict=True) if p == piece])
                )
                for piece in PIECES
            },
            "seconds for 4 minutes": took,
            "ratio to the bare transform": took / transform,
        },
        as_json=options.json,
    )


if __name__ == "__main__":
    main()
