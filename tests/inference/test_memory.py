"""R23: a set of three hours takes the memory of a song."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.promises import nightly, record

ROOT = Path(__file__).parents[2]


@pytest.mark.robust
@pytest.mark.serial
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc for RssAnon")
def test_memory_does_not_hang_on_the_length_of_the_song():
    # Lengths that make chunks of one size; the planner cuts others' chunks up to 15 % shorter.
    long, short = (10_800, 590) if nightly() else (1_225, 226)
    done = subprocess.run(
        [sys.executable, "benchmarks/long_file.py", "--json"]
        + ["--seconds", str(long), "--short-seconds", str(short)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1_200,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    memory, growth = figures["long_memory_mb"], figures["long_to_short"]
    control = figures["short_file_whole_held_mb"]
    control_growth = control / figures["short_held_mb"]
    record(
        "R23",
        what=f"anonymous memory above idle, {long} s against {short} s, stereo 44.1 kHz",
        count=1,
        failures=int(memory > 512 or growth > 1.1),
        figure=f"{memory:.0f} MB, {growth:.2f}x",
        control=f"the short file in one piece: {control:.0f} MB, {control_growth:.1f}x",
        control_failed=control_growth > 1.1,
    )
    assert memory <= 512
    assert growth <= 1.1
    assert control_growth > 1.1
