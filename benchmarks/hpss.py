"""HPSS through the streaming engine, beside bare librosa on the same samples.

    studio benchmark hpss [--json] [--seconds N]

Time: from a media file to a drums file, against STFT + `librosa.decompose.hpss` + inverse STFT
of the whole song in memory; interleaved rounds on one thread, median of the ratios. Memory:
growth of anonymous memory beyond idle, each in a process of its own.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import librosa
import numpy as np

from benchmarks.measurement import interleaved, memory_of, ratio, show, wait_at_idle
from benchmarks.songs import music, run, write_song
from drumstudio.files.wav_file import WavReader

ROUNDS = 3


def bare(samples: np.ndarray) -> np.ndarray:
    spectrum = librosa.stft(samples, n_fft=4096, hop_length=1024)
    percussive = librosa.decompose.hpss(spectrum)[1]
    return librosa.istft(percussive, hop_length=1024, length=samples.shape[1])


def child(kind: str, folder: Path) -> None:
    warm_up = music(4.0)
    with WavReader(folder / "song.wav") as reader:
        samples = reader.read(0, reader.samples) if kind == "bare" else None
    bare(warm_up)
    write_song(folder / "warm.wav", warm_up)
    run(folder, folder / "warm.wav", "hpss")
    wait_at_idle()
    if samples is None:
        run(folder, folder / "song.wav", "hpss")
    else:
        bare(samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the song")
    parser.add_argument("--child", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    samples = music(options.seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_song(folder / "song.wav", samples)
        seconds = interleaved(
            ROUNDS,
            {
                "engine": lambda: run(folder, folder / "song.wav", "hpss"),
                "bare": lambda: bare(samples),
            },
        )
        with WavReader(folder / "drums.wav") as reader:
            error = np.abs(reader.read(0, reader.samples) - bare(samples)).max()
        memory = {
            kind: memory_of(__file__, "--child", kind, name) / 1e6 for kind in ("engine", "bare")
        }
    show(
        {
            "song_seconds": options.seconds,
            "engine_seconds": min(seconds["engine"]),
            "librosa_seconds": min(seconds["bare"]),
            "time_ratio": ratio(seconds, "engine", "bare"),
            "engine_memory_mb": memory["engine"],
            "librosa_memory_mb": memory["bare"],
            "memory_ratio": memory["engine"] / memory["bare"],
            "difference_dbfs": float(20 * np.log10(max(error, 1e-10))),
        },
        as_json=options.json,
    )


if __name__ == "__main__":
    main()
