"""Whole commands as a person starts them, and what else keeps the computer busy meanwhile."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Until the one who started it is gone.
_SPIN = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took, and how it was scheduled (as far as Linux tells)."""

    wall_seconds: float
    processor_seconds: float
    niceness: int = 0
    autogroup: str = ""

    @property
    def cores(self) -> float:
        """How much of a core it had in the mean."""
        return self.processor_seconds / self.wall_seconds


def studio(words: Sequence[str], checkout: Path = ROOT, *, fresh: bool = True) -> Spent:
    """Run the command line of a checkout to its end, its workers counted in.

    Parameters
    ----------
    words : sequence of str
        What stands after `studio`.
    checkout : Path
        The build that is asked.
    fresh : bool
        Whether in a home of its own, without settings and results of earlier runs.

    Raises
    ------
    RuntimeError
        If it ends with an error.
    """
    with tempfile.TemporaryDirectory() as home:
        given = {"PYTHONPATH": str(checkout)} | ({"DRUMSTUDIO_HOME": home} if fresh else {})
        started = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", "drumstudio", *words],
            cwd=checkout,
            env=os.environ | given,
            stdout=subprocess.DEVNULL,
        )
        scheduled = ("", -1)
        # Looked at from outside, often enough to meet the threads that compute.
        while (ended := os.wait4(child.pid, os.WNOHANG))[0] == 0:
            scheduled = max(scheduled, _scheduled(child.pid), key=lambda seen: seen[1])
            time.sleep(0.2)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(ended[1])
    if child.returncode:
        raise RuntimeError(f"studio {' '.join(words)} ended with {child.returncode}")
    return Spent(wall, ended[2].ru_utime + ended[2].ru_stime, scheduled[1], scheduled[0])


def separating(song: Path, model: str, checkout: Path = ROOT) -> Spent:
    """Separate a song as `studio separate` does, both stems as FLAC."""
    with tempfile.TemporaryDirectory() as out:
        words = ["separate", str(song), "--out", out, "--model", model, "--format", "flac"]
        return studio(words, checkout)


@contextlib.contextmanager
def busy(count: int, *, own_session: bool) -> Iterator[list[int]]:
    """Have so many processes each keep a core busy, at normal priority; yields their ids.

    Parameters
    ----------
    own_session : bool
        Whether they are of another session than ours, as other programs of a desktop are: Linux
        shares cores between sessions first.
    """
    spin = [sys.executable, "-S", "-c", _SPIN]
    children = [subprocess.Popen(spin, start_new_session=own_session) for _ in range(count)]
    try:
        yield [child.pid for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()


def processor_seconds(pid: int) -> float:
    """Return what a process has used so far; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def autogroup(pid: int | str) -> str:
    """Return the scheduler's group of a process, "" where there is none."""
    with contextlib.suppress(OSError):
        if Path("/proc/sys/kernel/sched_autogroup_enabled").read_text().strip() != "0":
            return Path(f"/proc/{pid}/autogroup").read_text().split()[0]
    return ""


def _scheduled(pid: int) -> tuple[str, int]:
    """Return the group of a process and the highest niceness of its and its workers' threads."""
    highest = 0
    with contextlib.suppress(OSError):
        children = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        for member in [pid, *map(int, " ".join(children).split())]:
            for thread in Path(f"/proc/{member}/task").iterdir():
                fields = (thread / "stat").read_text().rpartition(")")[2].split()
                highest = max(highest, int(fields[16]))
    return autogroup(pid), highest
