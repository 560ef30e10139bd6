"""Where the error of a model lies on the songs that steer: per song and band, leak against loss.

    studio benchmark error_bands [--model ID] [--json]

For each band: its share of the error's energy, how much of that is leak (rest that came with the
drums; what remains is loss, drums that stayed in the rest), and the drums' energy over the
error's in dB. Needs the audio pack (DRUMSTUDIO_AUDIO).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.songs import run, write_song
from drumstudio.core.audio import Samples
from drumstudio.core.scores import sdr
from drumstudio.core.stft import stft
from drumstudio.files.wav_file import WavReader
from drumstudio.training.evaluate import read_excerpt
from drumstudio.training.evaluation_sets import STEER, excerpt_folders
from drumstudio.training.score_table import song_of

EDGES_HZ = (0, 60, 120, 250, 500, 2000, 22050)
_N_FFT, _HOP = 4096, 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="flagship")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not os.environ.get("DRUMSTUDIO_AUDIO"):
        sys.exit("The songs are those of the audio pack: set DRUMSTUDIO_AUDIO to its folder.")
    songs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for folder in excerpt_folders(Path(os.environ["DRUMSTUDIO_AUDIO"]), STEER):
            stems = {path.stem: path for path in folder.iterdir()}
            excerpt = read_excerpt(folder.name, stems, work)
            song = work / "song.wav"
            write_song(song, excerpt.mixture.samples)
            run(work, song, options.model)
            with WavReader(work / "drums.wav") as reader:
                estimate = reader.read(0, reader.samples)
            told = errors(excerpt.mixture.samples, excerpt.drums.samples, estimate)
            songs[song_of(folder.name)].append(told)
            print(f"{folder.name} ...", file=sys.stderr, flush=True)
    means = {song: mean_of(parts) for song, parts in songs.items()}
    print(json.dumps(means, indent=1) if options.json else as_text(means))


def errors(mixture: Samples, drums: Samples, estimate: Samples) -> dict[str, Any]:
    """Return SDR and, for each band, share of the error, leak's share of it, drums over error."""
    whole, true, found = (stft(part, _N_FFT, _HOP) for part in (mixture, drums, estimate))
    mask = np.clip((found * whole.conj()).real / (np.square(np.abs(whole)) + 1e-9), 0, 1)
    hertz = np.arange(whole.shape[1]) * 44_100 / _N_FFT

    def powers(spectrum: Any) -> list[float]:
        rows = np.square(np.abs(spectrum)).sum((0, 2))
        return [
            float(rows[(hertz >= low) & (hertz < high)].sum())
            for low, high in zip(EDGES_HZ, EDGES_HZ[1:], strict=False)
        ]

    error, leak = np.array(powers(found - true)), np.array(powers(mask * (whole - true)))
    loss = np.array(powers((1 - mask) * true))
    return {
        "sdr": sdr(drums, estimate),
        "share": (error / error.sum()).tolist(),
        "leak": (leak / (leak + loss + 1e-12)).tolist(),
        "drums_over_error_db": (10 * np.log10(np.array(powers(true)) / (error + 1e-12))).tolist(),
    }


def mean_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean over the excerpts of one song."""
    return {key: np.mean([part[key] for part in parts], axis=0).tolist() for key in parts[0]}


def as_text(songs: dict[str, dict[str, Any]]) -> str:
    """Return a Markdown table: in each band the error's share, of that leak, drums over error."""
    bands = [f"{low}-{high} Hz" for low, high in zip(EDGES_HZ, EDGES_HZ[1:], strict=False)]
    lines = ["| song | SDR | " + " | ".join(bands) + " |", "|---|" + "---:|" * (len(bands) + 1)]
    for song, told in songs.items():
        cells = [
            f"{100 * share:.0f} % ({100 * leak:.0f} % leak; {db:+.0f} dB)"
            for share, leak, db in zip(
                told["share"], told["leak"], told["drums_over_error_db"], strict=True
            )
        ]
        lines.append(f"| {song} | {told['sdr']:.1f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
