"""What the streaming engine costs by itself: an identity model beside HPSS on the same file.

    studio benchmark streaming [--json] [--seconds N]

From a media file to a drums file, one thread, interleaved rounds, median of the ratios: to
librosa's HPSS of the whole song (named in the first figure), and to our own, faster one.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.hpss import bare
from benchmarks.measurement import interleaved, ratio, show
from benchmarks.songs import music, run, write_song
from drumstudio.files.wav_file import WavReader

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the song")
    options = parser.parse_args()
    samples = music(options.seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song = folder / "song.wav"
        write_song(song, samples)
        seconds = interleaved(
            ROUNDS,
            {
                "librosa": lambda: bare(samples),
                "hpss": lambda: run(folder, song, "hpss"),
                "identity": lambda: run(folder, song, "identity"),
            },
        )
        with WavReader(folder / "drums.wav") as reader:
            residual = np.abs(reader.read(0, reader.samples) - samples).max()
    show(
        {
            "song_seconds": options.seconds,
            "identity_seconds": min(seconds["identity"]),
            "ratio_to_librosa_hpss": ratio(seconds, "identity", "librosa"),
            "ratio_to_our_hpss": ratio(seconds, "identity", "hpss"),
            "residual_dbfs": float(20 * np.log10(max(residual, 1e-10))),
        },
        as_json=options.json,
    )


if __name__ == "__main__":
    main()
