"""What painting is worth: SDR of the drums before and after 30 strokes of a simulated user.

    studio benchmark painting [--json] [--strokes N] [--picture FILE.png] [EXCERPT ...]

The user knows the true stems and paints rectangles of at least 50 ms x 200 Hz where the
model's drums are most wrong, each altogether to drums or to rest; the strokes go through a
file, `studio strokes apply` and `studio render`. The control paints rectangles of the same
sizes and targets elsewhere, drawn at random: that must not help. Excerpts are folders of
DRUMSTUDIO_AUDIO/eval with drums.flac and rest.flac.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import soundfile

from drumstudio.cli.main import run
from drumstudio.core.scores import sdr
from drumstudio.core.stft import stft

EXCERPTS = ("mdn_multitrack", "trackswitch_default_1", "eif_potassium_visible_1")
N_FFT, HOP = 2048, 512
SECONDS = (0.05, 0.1, 0.2, 0.4)
HERTZ = (200.0, 400.0, 800.0, 1_600.0, 3_200.0, 6_400.0)


@dataclass(frozen=True)
class Rectangle:
    """What is painted: frames and bins, the last ones exclusive, and where to."""

    target: str
    first: int
    last: int
    low: int
    high: int

    def stroke(self, rate: int) -> dict[str, Any]:
        """Return it as a strokes file says it: its edges lie between cells."""
        times = ((self.first - 0.5) * HOP / rate, (self.last - 0.5) * HOP / rate)
        hertz = ((self.low - 0.5) * rate / N_FFT, (self.high - 0.5) * rate / N_FFT)
        return {"target": self.target, "rectangle": [*times, *hertz]}


def studio(*words: object) -> Any:
    """Run a command of the program; return what it prints as JSON."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = run([*map(str, words), "--json"])
    if code:
        raise RuntimeError(f"studio {words[0]} ended with {code}: {printed.getvalue()}")
    return json.loads(printed.getvalue())


def spectra(samples: np.ndarray) -> np.ndarray:
    return stft(samples, N_FFT, HOP).swapaxes(1, 2)


def where_most_wrong(
    estimate: np.ndarray, drums: np.ndarray, rest: np.ndarray, rate: int, strokes: int
) -> list[Rectangle]:
    """Return the rectangles that take away most of the error, one after the other.

    All arrays are complex (channels, frames, bins).
    """
    mixture = drums + rest
    estimate = estimate.copy()
    found = []
    for _ in range(strokes):
        error = np.square(np.abs(estimate - drums)).sum(axis=0)
        gains = {
            "drums": error - np.square(np.abs(rest)).sum(axis=0),
            "rest": error - np.square(np.abs(drums)).sum(axis=0),
        }
        best = max(
            (
                _best_place(sums, target, frames, bins)
                for target, sums in ((name, _sums(gain)) for name, gain in gains.items())
                for frames in (int(np.ceil(s * rate / HOP)) for s in SECONDS)
                for bins in (int(np.ceil(h * N_FFT / rate)) for h in HERTZ)
            ),
            key=lambda pair: pair[0],
        )[1]
        found.append(best)
        part = (slice(None), slice(best.first, best.last), slice(best.low, best.high))
        estimate[part] = mixture[part] if best.target == "drums" else 0
    return found


def _sums(values: np.ndarray) -> np.ndarray:
    return np.pad(values.astype(np.float64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _best_place(sums: np.ndarray, target: str, frames: int, bins: int) -> tuple[float, Rectangle]:
    inside = sums[frames:, bins:] - sums[frames:, :-bins] - sums[:-frames, bins:]
    inside = inside + sums[:-frames, :-bins]
    first, low = np.unravel_index(int(inside.argmax()), inside.shape)
    place = Rectangle(target, int(first), int(first) + frames, int(low), int(low) + bins)
    return float(inside[first, low]), place


def elsewhere(strokes: list[Rectangle], shape: tuple[int, int], seed: int) -> list[Rectangle]:
    """Return rectangles of the same sizes and targets at random places."""
    generator = np.random.default_rng(seed)
    moved = []
    for one in strokes:
        frames, bins = one.last - one.first, one.high - one.low
        first = int(generator.integers(0, shape[0] - frames))
        low = int(generator.integers(0, shape[1] - bins))
        moved.append(Rectangle(one.target, first, first + frames, low, low + bins))
    return moved


def rendered(project: Path, out: Path) -> tuple[np.ndarray, float]:
    """Return a project's drums, and how exactly drums and rest sum up, in dBFS."""
    (song,) = studio("render", project, "--out", out, "--format", "wav-float")["songs"]
    (file,) = [file["path"] for file in song["files"] if file["stem"] == "drums"]
    return soundfile.read(file, dtype="float32", always_2d=True)[0].T, song["null_residual_dbfs"]


def painted(project: Path, out: Path, strokes: list[Rectangle], rate: int) -> Any:
    """Paint strokes on a copy-free project: apply, render."""
    file = out.with_suffix(".json")
    file.write_text(json.dumps({"strokes": [one.stroke(rate) for one in strokes]}))
    studio("strokes", "apply", project, file)
    return rendered(project, out)


def example(excerpt: Path, folder: Path, strokes: int, picture: Path | None) -> dict[str, Any]:
    """Return the scores of one excerpt."""
    drums, rate = soundfile.read(excerpt / "drums.flac", dtype="float32", always_2d=True)
    rest, _ = soundfile.read(excerpt / "rest.flac", dtype="float32", always_2d=True)
    drums, rest = drums.T, rest.T
    song = folder / f"{excerpt.name}.wav"
    soundfile.write(song, (drums + rest).T, rate, subtype="FLOAT")
    project = folder / f"{excerpt.name}.drumstudio"
    studio("project", "new", project, song)
    (separated,) = studio("project", "separate", project)["songs"]
    before, _ = rendered(project, folder / f"{excerpt.name} before")
    true, other = spectra(drums), spectra(rest)
    chosen = where_most_wrong(spectra(before), true, other, rate, strokes)
    control = folder / f"{excerpt.name} control.drumstudio"
    studio("project", "recover", project, "--save-as", control)
    after, null = painted(project, folder / f"{excerpt.name} after", chosen, rate)
    random = elsewhere(chosen, true.shape[1:], seed=1)
    worse, _ = painted(control, folder / f"{excerpt.name} control", random, rate)
    if picture is not None:
        draw(picture, excerpt.name, (before, after, drums), rest + drums, chosen, rate)
    cells = sum((one.last - one.first) * (one.high - one.low) for one in chosen)
    return {
        "excerpt": excerpt.name,
        "model": separated["separation_name"],
        "strokes": len(chosen),
        "to_drums": sum(one.target == "drums" for one in chosen),
        "painted_percent": 100 * cells / (true.shape[1] * true.shape[2]),
        "sdr_before_db": sdr(drums, before),
        "sdr_after_db": sdr(drums, after),
        "sdr_random_db": sdr(drums, worse),
        "null_residual_dbfs": null,
    }


def draw(
    file: Path,
    name: str,
    stems: tuple[np.ndarray, ...],
    mixture: np.ndarray,
    strokes: list[Rectangle],
    rate: int,
) -> None:
    """Save a picture of the drums' share: the model's, with the strokes, the true one."""
    from matplotlib import pyplot as plot

    most = max(range(0, mixture.shape[1], rate), key=lambda s: _touched(strokes, s, rate))
    part = slice(most, most + 8 * rate)
    figure, axes = plot.subplots(3, 1, figsize=(10, 9), sharex=True, layout="constrained")
    titles = ("The model's drums", "After the strokes (outlined)", "The true drums")
    for axis, title, drums in zip(axes, titles, stems, strict=True):
        inside, outside = (
            np.abs(spectra(sound[:, part])).max(axis=0) for sound in (drums, mixture - drums)
        )
        share = inside / (inside + outside + 1e-9)
        level = 20 * np.log10(np.maximum(inside, outside) + 1e-6)
        brightness = np.clip((level + 40) / 70, 0, 1)
        seconds = (part.start / rate, part.start / rate + share.shape[0] * HOP / rate)
        axis.imshow(
            share.T,
            alpha=brightness.T,
            cmap="coolwarm",
            vmin=0,
            vmax=1,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            extent=(*seconds, 0, rate / 2_000),
        )
        axis.set(title=title, ylabel="kHz", ylim=(0, 10), xlim=seconds)
    for one in strokes:
        start, stop, low, high = one.stroke(rate)["rectangle"]
        box = plot.Rectangle((start, low / 1e3), stop - start, (high - low) / 1e3)
        box.set(fill=False, edgecolor="black" if one.target == "rest" else "green")
        axes[1].add_patch(box)
    axes[2].set_xlabel("seconds")
    figure.suptitle(f"{name}: drums' share of each cell, red drums, blue rest")
    figure.savefig(file, dpi=90)
    plot.close(figure)


def _touched(strokes: list[Rectangle], start: int, rate: int) -> int:
    return sum(start <= one.first * HOP < start + 8 * rate for one in strokes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("excerpts", nargs="*", default=EXCERPTS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--strokes", type=int, default=30)
    parser.add_argument("--picture", type=Path, help="of the first excerpt (needs matplotlib)")
    options = parser.parse_args()
    audio = os.environ.get("DRUMSTUDIO_AUDIO")
    if not audio:
        sys.exit("DRUMSTUDIO_AUDIO names no folder with eval/<excerpt>/{drums,rest}.flac")
    results = []
    with tempfile.TemporaryDirectory() as name:
        os.environ["DRUMSTUDIO_HOME"] = str(Path(name) / "home")
        for number, excerpt in enumerate(options.excerpts):
            picture = options.picture if number == 0 else None
            folder = Path(audio) / "eval" / excerpt
            results.append(example(folder, Path(name), options.strokes, picture))
            print(f"{excerpt} done", file=sys.stderr)
    if options.json:
        print(json.dumps(results))
        return
    print("| excerpt | model | strokes (to drums) | painted | before | after | at random |")
    print("|---|---|---|---|---|---|---|")
    for row in results:
        print(
            f"| {row['excerpt']} | {row['model']} | {row['strokes']} ({row['to_drums']}) "
            f"| {row['painted_percent']:.1f} % | {row['sdr_before_db']:.2f} dB "
            f"| **{row['sdr_after_db']:.2f} dB** | {row['sdr_random_db']:.2f} dB |"
        )


if __name__ == "__main__":
    main()
