"""What a user's own stems are worth: SDR before and after the recipe `improve` had half a song.

    studio benchmark improve [--json] [--minutes N] [--from ID] [--recipe ID|FILE]
                             [--rehearsal] [--excerpts N]

Songs are rendered from kits, loops and backing pieces of DRUMSTUDIO_AUDIO that no training saw
(`valid` in its manifest). A model trains on the first half of one song and is scored on the
second half of each: on its own song it must gain, on the others, the control, it should not as
much. The real excerpts of DRUMSTUDIO_AUDIO/eval tell what it forgot. `--rehearsal` takes other
songs, by which the recipe's settings were chosen; the real excerpts chose nothing.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import soundfile

from benchmarks.measurement import show
from drumstudio.catalog.catalog import default_catalog
from drumstudio.jobs.job import no_checkpoint
from drumstudio.synthesis.drum_clips import DrumClips
from drumstudio.synthesis.grooves import Grid
from drumstudio.synthesis.one_shots import OneShotBank, family_of
from drumstudio.training.evaluate import evaluate
from drumstudio.training.run import train_job

SAMPLE_RATE = 44_100
SECONDS = 44.0


@dataclass(frozen=True)
class Song:
    """What a song is rendered from.

    Parameters
    ----------
    name : str
    backing : str
        Begins the name of a backing piece.
    sounds : str
        A kit, or the source of two or more loops.
    bpm : float
        Of the backing piece; a kit plays in its tempo.
    drums_db : float
        Level of the drums over the rest.
    seed : int
        Of groove, kit and room.
    """

    name: str
    backing: str
    sounds: str
    bpm: float
    drums_db: float
    seed: int


REPORTED = (
    Song("acoustic", "42_", "bja_pacific", 141.0, -4.0, 1),
    Song("electronic", "47_", "uzu", 103.0, -6.0, 2),
    Song("loops", "45_", "waivops_pop_rok", 136.0, -5.0, 3),
)
REHEARSED = (
    Song("pearl", "43_", "oramics_pearl", 136.0, -5.0, 11),
    Song("machine", "44_", "uzu", 88.0, -4.0, 12),
    Song("jazz", "46_", "waivops_jaz_drm", 86.0, -6.0, 13),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--minutes", type=float, default=5.0, help="of one processor, a song")
    parser.add_argument("--from", dest="start", default="fast", help="the model to improve")
    parser.add_argument("--recipe", default="improve")
    parser.add_argument("--rehearsal", action="store_true", help="the songs that chose settings")
    parser.add_argument("--excerpts", type=int, default=9, help="real ones, to see what is lost")
    options = parser.parse_args()
    if not os.environ.get("DRUMSTUDIO_AUDIO"):
        sys.exit("The songs are made of the audio pack: set DRUMSTUDIO_AUDIO to its folder.")
    audio = Path(os.environ["DRUMSTUDIO_AUDIO"])
    start = default_catalog().find(options.start).folder
    songs = REHEARSED if options.rehearsal else REPORTED
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for song in songs:
            write_halves(work, song, *render(audio, song))
        trained = {song.name: train(work, song.name, start, options) for song in songs}
        models = {name: report["model"] for name, report in trained.items()}
        rows = [row(work, song.name, start, models) for song in songs]
        result: dict[str, Any] = {"minutes": options.minutes, "songs": rows}
        result["trainings"] = {
            name: {"steps": report["steps"], "processor_minutes": report["processor_minutes"]}
            for name, report in trained.items()
        }
        if options.excerpts:
            result["real"] = on_real_excerpts(audio, work, options.excerpts, start, models)
    if options.json:
        show(result, as_json=True)
    else:
        tell(result)


# -- songs ----------------------------------------------------------------------------------


def render(audio: Path, song: Song) -> tuple[np.ndarray, np.ndarray]:
    """Return drums and rest of a song, float32 (2, samples); their sum peaks at 0.95."""
    manifest = csv.DictReader((audio / "manifest.csv").read_text(encoding="utf8").splitlines())
    held_out = [entry for entry in manifest if entry["valid_split"] == "valid"]
    backing = [
        entry
        for entry in held_out
        if entry["group"] == "backing" and Path(entry["path"]).name.startswith(song.backing)
    ]
    sounds = [entry for entry in held_out if song.sounds in entry["path"].split("/")]
    count = int(SECONDS * SAMPLE_RATE)
    rest = read(audio / backing[0]["path"])[:, :count]
    if sounds[0]["group"] == "loops":
        drums = looped(audio, sounds, count)
    else:
        clips = DrumClips(bank_of(audio, sounds, song.seed), song.seed)
        drums = clips.render(1, SECONDS, grids=[Grid(song.bpm)])[0].numpy()
    level = np.sqrt(np.mean(rest**2) / np.mean(drums**2)) * 10 ** (song.drums_db / 20)
    both = np.stack([drums * np.float32(level), rest])
    both *= np.float32(0.95 / np.abs(both.sum(0)).max())
    return both[0], both[1]


def read(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    if rate != SAMPLE_RATE:
        raise ValueError(f"{path} is at {rate} Hz, not {SAMPLE_RATE}")
    return samples.T if samples.shape[1] == 2 else np.repeat(samples.T, 2, 0)


def looped(audio: Path, sounds: list[dict[str, str]], count: int) -> np.ndarray:
    """Return the first loop over the first half and the second over the second half."""
    half = count // 2
    parts = []
    for entry, wanted in zip(sounds, (half, count - half), strict=False):
        loop = read(audio / entry["path"])
        parts.append(np.tile(loop, (1, -(-wanted // loop.shape[1])))[:, :wanted])
    return np.concatenate(parts, 1)


def bank_of(audio: Path, sounds: list[dict[str, str]], seed: int) -> OneShotBank:
    """Return a bank of one kit; what it lacks (a shaker, say) is synthesised."""
    recorded: dict[str, list[np.ndarray]] = {}
    for entry in sounds:
        samples = read(audio / entry["path"])
        folder = Path(entry["path"]).parent.name
        family = family_of(folder, samples.shape[1]) or entry["family"]
        recorded.setdefault(family, []).append(samples)
    bank = OneShotBank(recorded, drums_per_family=1, notes_per_family=0, seed=seed)
    bank.drums.setdefault("long_kick", bank.drums["kick"])
    bank.synthesised.update(bank.drums)
    return bank


def write_halves(work: Path, song: Song, drums: np.ndarray, rest: np.ndarray) -> None:
    half = drums.shape[1] // 2
    for part, places in (("train", slice(None, half)), ("score", slice(half, None))):
        folder = work / part / song.name / song.name
        folder.mkdir(parents=True)
        for stem, samples in (("drums", drums), ("rest", rest)):
            soundfile.write(
                str(folder / f"{stem}.wav"), samples[:, places].T, SAMPLE_RATE, subtype="FLOAT"
            )


# -- trainings and scores -------------------------------------------------------------------


def train(work: Path, name: str, start: Path, options: argparse.Namespace) -> dict[str, Any]:
    print(f"training on the first half of {name} ...", file=sys.stderr, flush=True)
    began = time.process_time()
    report = train_job(
        no_checkpoint,
        recipe=options.recipe,
        data=[str(work / "train" / name)],
        folder=str(work / "trainings" / name),
        minutes=options.minutes,
        device="cpu",
        threads=1,
        from_card=str(start),
        name=f"With {name}",
    )
    return report | {"processor_minutes": (time.process_time() - began) / 60}


def row(work: Path, name: str, start: Path, models: dict[str, str]) -> dict[str, Any]:
    """Return the drums SDR of all models on the second half of a song."""
    print(f"scoring on the second half of {name} ...", file=sys.stderr, flush=True)
    scored = evaluate(
        no_checkpoint,
        folder=str(work / "score" / name),
        card_folders=[str(start), *models.values()],
        device="cpu",
        full=False,
    )["mean"]
    others = [scored[Path(models[other]).name]["sdr"] for other in models if other != name]
    return {
        "song": name,
        "mixture": scored["mixture"]["sdr"],
        "hpss": scored["hpss"]["sdr"],
        "before": scored[start.name]["sdr"],
        "after": scored[Path(models[name]).name]["sdr"],
        "after_another_song": statistics.fmean(others),
        "oracle": scored["oracle_wiener"]["sdr"],
    }


def on_real_excerpts(
    audio: Path, work: Path, count: int, start: Path, models: dict[str, str]
) -> dict[str, Any]:
    """Return median and mean drums SDR of all models on real excerpts."""
    print("scoring on real excerpts ...", file=sys.stderr, flush=True)
    folder = work / "eval"
    folder.mkdir()
    complete = (
        path for path in sorted((audio / "eval").iterdir()) if (path / "rest.flac").exists()
    )
    for path in list(complete)[:count]:
        (folder / path.name).symlink_to(path)
    scored = evaluate(
        no_checkpoint,
        folder=str(folder),
        card_folders=[str(start), *models.values()],
        device="cpu",
        full=False,
    )
    names = {start.name: "before"} | {Path(model).name: song for song, model in models.items()}
    return {
        label: {kind: scored[kind][name]["sdr"] for kind in ("median", "mean")}
        for name, label in names.items()
    }


def tell(result: dict[str, Any]) -> None:
    for line in table(result):
        print(line)


def table(result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the result as Markdown."""
    yield (
        f"{result['minutes']:g} minutes of training a song on one thread; SDR of the drums in dB, "
        "on the half that was not trained on."
    )
    yield ""
    yield "| song | mixture | hpss | before | after | after another song | oracle |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for entry in result["songs"]:
        yield (
            f"| {entry['song']} | {entry['mixture']:.2f} | {entry['hpss']:.2f} "
            f"| {entry['before']:.2f} | **{entry['after']:.2f}** "
            f"| {entry['after_another_song']:.2f} | {entry['oracle']:.2f} |"
        )
    for name, training in result["trainings"].items():
        minutes = training["processor_minutes"]
        yield f"{name}: {training['steps']} steps, {minutes:.1f} processor minutes in all"
    if "real" in result:
        yield ""
        yield "| real excerpts | median | mean |"
        yield "|---|---:|---:|"
        for label, entry in result["real"].items():
            yield f"| {label} | {entry['median']:.2f} | {entry['mean']:.2f} |"


if __name__ == "__main__":
    main()
