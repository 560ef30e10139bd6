"""The networks that ship beside the architecture of HTDemucs, on one processor thread.

    studio benchmark models [--json] [--seconds N] [--rounds N]

All separate the same song from memory, each with its own default overlap and chunk length, in
turns. HTDemucs has random weights: only its speed counts. It comes from the `demucs` package
(`pip install demucs`), which nothing else here needs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch

from benchmarks.measurement import interleaved, ratio, show
from benchmarks.songs import music, run, write_song

MODELS = ("flagship", "fast")


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
                **{model: partial(run, folder, folder / "song.wav", model) for model in MODELS},
                "htdemucs": separate_by_peer,
            },
        )
    show(
        {
            "song_seconds": options.seconds,
            "rounds": options.rounds,
            **{
                f"{name}_real_time_factor": min(seconds[name]) / options.seconds for name in seconds
            },
            **{f"{model}_times_faster": 1 / ratio(seconds, model, "htdemucs") for model in MODELS},
        },
        as_json=options.json,
    )


if __name__ == "__main__":
    main()
