"""The network that ships beside the architecture of HTDemucs, on one processor thread.

    studio benchmark models [--json] [--seconds N] [--rounds N]

Both separate the same song from memory, each with its own default overlap and chunk length, in
turns. HTDemucs has random weights: only its speed counts. It comes from the `demucs` package
(`pip install demucs`), which nothing else here needs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.measurement import interleaved, ratio, show
from benchmarks.songs import music, run, write_song

MODEL = "fast"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the song")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    try:
        from demucs.apply import apply_model
        from demucs.htdemucs import HTDemucs
    except ImportError as error:
        sys.exit(f"This comparison needs the demucs package ({error}): pip install demucs")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    peer = HTDemucs(sources=["drums", "bass", "other", "vocals"]).eval()
    samples = music(options.seconds)
    mixture = torch.from_numpy(samples)[None]

    def separate_by_peer() -> None:
        with torch.inference_mode():
            apply_model(peer, mixture, device="cpu", split=True, overlap=0.25, shifts=0)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_song(folder / "song.wav", samples)
        seconds = interleaved(
            options.rounds,
            {
                MODEL: lambda: run(folder, folder / "song.wav", MODEL),
                "htdemucs": separate_by_peer,
            },
        )
    show(
        {
            "song_seconds": options.seconds,
            "rounds": options.rounds,
            f"{MODEL}_real_time_factor": min(seconds[MODEL]) / options.seconds,
            "htdemucs_real_time_factor": min(seconds["htdemucs"]) / options.seconds,
            "times_faster": 1 / ratio(seconds, MODEL, "htdemucs"),
        },
        as_json=options.json,
    )


if __name__ == "__main__":
    main()
