"""Memory of separating a very long file, beside a short one and beside reading it whole.

    studio benchmark long_file [--json] [--seconds N] [--short-seconds N] [--model ID]

Growth of anonymous memory (RssAnon) beyond the same process at idle with the model loaded, on
sparse stereo files at 44.1 kHz, with a stub net that is an STFT, a mask and the way back. Long
and short are compared by what the program holds (each block mapped by itself); what the long
file takes with the system's allocator as it comes stands beside it. The peer is the short file
through the same net in one piece. Needs about twice the long file's size on the disk: 7.7 GB
for three hours. Songs of at least 600 s compare best: the chunks of shorter ones may be shorter.

With a model of ours, long and short are songs with hits and a bass, separated by that model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.measurement import memory_of, show, wait_at_idle
from benchmarks.songs import STUBS, HalfSpectrum, run, write_long_song, write_sparse_song
from drumstudio.files.wav_file import WavReader
from drumstudio.inference.base import as_tensor


def whole(song: Path) -> None:
    with WavReader(song) as reader, torch.inference_mode():
        HalfSpectrum().separate(as_tensor(reader.read(0, reader.samples)))


def child(how: str, folder: Path) -> None:
    write_sparse_song(folder / "warm.wav", 4.0)
    for song in ("warm.wav", "song.wav"):
        if how == "whole":
            whole(folder / song)
        else:
            run(folder, folder / song, how)
        if song == "warm.wav":
            wait_at_idle()


def memory_mb(how: str, seconds: float, *, held: bool) -> float:
    """Return what one song takes: "whole", or in chunks by a model."""
    with tempfile.TemporaryDirectory() as name:
        write = write_sparse_song if how in (*STUBS, "whole") else write_long_song
        write(Path(name, "song.wav"), seconds)
        return memory_of(__file__, "--child", how, name, own_mappings=held) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=1_800.0, help="length of the long file")
    parser.add_argument("--short-seconds", type=float, default=600.0)
    parser.add_argument("--model", default="half-spectrum", help="one that ships, or the stub")
    parser.add_argument("--child", nargs=2, metavar=("HOW", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        torch.set_num_threads(1)
        child(options.child[0], Path(options.child[1]))
        return
    short = memory_mb(options.model, options.short_seconds, held=True)
    long = memory_mb(options.model, options.seconds, held=True)
    started = time.perf_counter()
    as_it_comes = memory_mb(options.model, options.seconds, held=False)
    seconds = time.perf_counter() - started
    peer = memory_mb("whole", options.short_seconds, held=True)
    show(
        {
            "model": options.model,
            "long_file_seconds": options.seconds,
            "short_file_seconds": options.short_seconds,
            "long_memory_mb": as_it_comes,
            "long_held_mb": long,
            "short_held_mb": short,
            "long_to_short": long / short,
            "short_file_whole_held_mb": peer,
            "whole_to_chunks": peer / short,
            "long_run_seconds": seconds,
        },
        as_json=options.json,
    )


if __name__ == "__main__":
    main()
