"""What the measurements share: interleaved timings, and the memory of a process of its own."""

from __future__ import annotations

import json
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
    """In a child: say that all is loaded, and wait until the parent has looked."""
    print("idle", flush=True)
    sys.stdin.readline()


def memory_of(script: str, *arguments: str) -> int:
    """Return by how many bytes a child's anonymous memory grows beyond what it has at idle.

    The child runs `script` with these arguments, calls `wait_at_idle` once and works then.
    Linux only: reads RssAnon, which leaves out the pages of files.
    """
    root = str(Path(__file__).resolve().parents[1])
    child = subprocess.Popen(
        [sys.executable, script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    status = Path(f"/proc/{child.pid}/status")
    line = child.stdout.readline()
    if line.strip() != "idle":
        raise RuntimeError(f"the child of {script} did not come to rest: {line!r}")
    idle = peak = _anonymous_bytes(status)
    child.stdin.write("go\n")
    child.stdin.flush()
    while child.poll() is None:
        peak = max(peak, _anonymous_bytes(status))
        time.sleep(0.002)
    if child.returncode:
        raise RuntimeError(f"the child of {script} ended with {child.returncode}")
    return peak - idle


def _anonymous_bytes(status: Path) -> int:
    try:
        text = status.read_text()
    except OSError:  # it has just ended
        return 0
    for line in text.splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def show(result: Mapping[str, object], *, as_json: bool) -> None:
    """Print a result, a line a figure, or as one JSON document."""
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:36} {value:.4g}" if isinstance(value, float) else f"{name:36} {value}")
