"""A separation beside two processes that keep a core busy each, and on a quiet machine.

    studio benchmark loaded [--json] [--seconds N] [--rounds N] [--model ID] [--peer CHECKOUT]

The whole command, `studio separate` to FLAC, in turns: with nothing beside it, beside two busy
processes of a session of their own (as another program of a desktop is), and beside two of ours.
With another build's checkout as a peer, that one in turns too. Linux only. The figures count only
on a machine that does nothing else.

`cores` is what a separation had of the processor, `share_of_a_core` what the busy processes left
of their cores. Where there are autogroups, sessions share cores evenly, whatever is in them, and
niceness counts only between processes of one session.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.commands import ROOT, Spent, autogroup, busy, processor_seconds, separating
from benchmarks.measurement import show
from benchmarks.songs import write_long_song

BUSY = 2
PLACES = ("quiet", "own_session", "our_session")


def beside(place: str, song: Path, model: str, checkout: Path) -> tuple[Spent, float, str]:
    """Return what a separation took, what two busy processes left of a core, and their group."""
    if place == "quiet":
        return separating(song, model, checkout), 1.0, ""
    with busy(BUSY, own_session=place == "own_session") as others:
        group = autogroup(others[0])
        before, started = sum(map(processor_seconds, others)), time.perf_counter()
        spent = separating(song, model, checkout)
        used = sum(map(processor_seconds, others)) - before
        return spent, 1 - used / BUSY / (time.perf_counter() - started), group


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the song")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="flagship")
    parser.add_argument("--peer", type=Path, metavar="CHECKOUT", help="another build")
    options = parser.parse_args()
    builds = {"": ROOT} | ({"peer_": options.peer.resolve()} if options.peer else {})
    found: dict[str, list[Spent]] = {f"{build}{place}": [] for build in builds for place in PLACES}
    shares: dict[str, list[float]] = {name: [] for name in found}
    groups: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        song = Path(name, "song.wav")
        write_long_song(song, options.seconds)
        for _ in range(options.rounds):
            for build, checkout in builds.items():
                for place in PLACES:
                    spent, share, group = beside(place, song, options.model, checkout)
                    found[build + place].append(spent)
                    shares[build + place].append(share)
                    groups[place] = group
    result: dict[str, object] = {
        "song_seconds": options.seconds,
        "rounds": options.rounds,
        "cores_of_the_machine": os.cpu_count(),
        "niceness_of_the_separation": found["quiet"][-1].niceness,
        "autogroup_of_the_separation": found["quiet"][-1].autogroup or "none",
        **{f"autogroup_of_{place}": groups[place] or "none" for place in PLACES[1:]},
    }
    for name, runs in found.items():
        result[f"{name}_wall_seconds"] = statistics.median(run.wall_seconds for run in runs)
        result[f"{name}_processor_seconds"] = statistics.median(
            run.processor_seconds for run in runs
        )
        result[f"{name}_cores"] = statistics.median(run.cores for run in runs)
        if not name.endswith("quiet"):
            quiet = found[name.removesuffix(PLACES[1]).removesuffix(PLACES[2]) + "quiet"]
            result[f"{name}_share_of_a_core"] = statistics.median(shares[name])
            result[f"{name}_times_the_quiet_wall"] = statistics.median(
                run.wall_seconds / alone.wall_seconds
                for run, alone in zip(runs, quiet, strict=True)
            )
            result[f"{name}_times_the_quiet_processor"] = statistics.median(
                run.processor_seconds / alone.processor_seconds
                for run, alone in zip(runs, quiet, strict=True)
            )
    if options.peer:
        for place in PLACES:
            pairs = list(zip(found[place], found[f"peer_{place}"], strict=True))
            result[f"{place}_wall_to_peer"] = statistics.median(
                mine.wall_seconds / peer.wall_seconds for mine, peer in pairs
            )
            result[f"{place}_processor_to_peer"] = statistics.median(
                mine.processor_seconds / peer.processor_seconds for mine, peer in pairs
            )
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
