"""What the measurements share: interleaved timings, and the memory of a process of its own."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def interleaved(rounds: int, works: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Return the wall seconds of each work in each round; a first round only warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if number:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def ratio(seconds: Mapping[str, list[float]], name: str, peer: str) -> float:
    """Return the median over the rounds of one work's time to that of its peer."""
    pairs = zip(seconds[name], seconds[peer], strict=True)
    return statistics.median(mine / other for mine, other in pairs)


def wait_at_idle() -> None:
    """In a child of `memory_of`: say that all is loaded; its memory counts from here."""
    # Sets VmHWM, the kernel's own record of the peak, back to what is resident now (proc(5)).
    # Watching from outside would miss short peaks, above all on a busy machine.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    idle = _resident_bytes()
    atexit.register(lambda: print(_PEAK, _anonymous_peak(idle), flush=True))


def memory_of(script: str, *arguments: str, own_mappings: bool = False) -> int:
    """Return by how many bytes a child's anonymous memory grows beyond what it has at idle.

    The child runs `script` with these arguments, calls `wait_at_idle` once and works then.
    Linux only: reads /proc; the pages of files are left out.

    Parameters
    ----------
    own_mappings : bool
        Have glibc map every large block by itself and give it back when it is freed: what is
        measured then is what the program holds, to the megabyte, and not also what the
        allocator has kept by chance.
    """
    root = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, script, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, **({"MALLOC_MMAP_THRESHOLD_": "65536"} if own_mappings else {})},
        check=False,
    )
    told = [line for line in done.stdout.splitlines() if line.startswith(_PEAK)]
    if done.returncode or len(told) != 1:
        raise RuntimeError(f"the child of {script} ended with {done.returncode}: {done.stdout!r}")
    return int(told[0].removeprefix(_PEAK))


_PEAK = "anonymous peak above idle:"


def _resident_bytes() -> dict[str, int]:
    fields = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    wanted = ("VmHWM:", "VmRSS:", "RssFile:")
    return {field[0]: int(field[1]) * 1024 for field in fields if field and field[0] in wanted}


def _anonymous_peak(idle: dict[str, int]) -> int:
    now = _resident_bytes()
    return now["VmHWM:"] - idle["VmRSS:"] - max(0, now["RssFile:"] - idle["RssFile:"])


def show(result: Mapping[str, object], *, as_json: bool) -> None:
    """Print a result, a line a figure, or as one JSON document."""
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:36} {value:.4g}" if isinstance(value, float) else f"{name:36} {value}")
