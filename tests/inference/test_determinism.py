"""R26: same song, same settings, same stem."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.inference import stub_separators as stubs
from tests.inference.conftest import dbfs, noise
from tests.inference.stub_separators import RATE
from tests.promises import record

CHILD = """
import hashlib, json, sys
from pathlib import Path
from drumstudio.inference import engines
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import no_checkpoint
from tests.inference.conftest import register_stubs
register_stubs(engines.ENGINES)
arguments = json.loads(sys.argv[1])
for _ in range(2):
    separate(no_checkpoint, **arguments)
    print(hashlib.sha256(Path(arguments["drums"]).read_bytes()).hexdigest())
"""

NETS = (stubs.LibraryNet, stubs.SpectrogramNet, stubs.RecurrentNet)


@pytest.mark.robust
def test_a_stem_has_the_same_bits_each_time_and_in_another_process(bench):
    bench.write_song(noise(50_000), rate=11_025)
    hashes = []
    for _ in range(3):
        torch.manual_seed(len(hashes))  # what a stranger does to the global generator
        bench.run(stubs.LibraryNet, chunk_seconds=0.8)
        hashes.append(hashlib.sha256(bench.drums_path.read_bytes()).hexdigest())
    arguments = json.dumps(bench.arguments(stubs.LibraryNet, chunk_seconds=0.8))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    hashes += done.stdout.split()
    assert len(hashes) == 5
    control = []
    for _ in range(2):
        bench.run(stubs.Dithered)
        control.append(hashlib.sha256(bench.drums_path.read_bytes()).hexdigest())
    differences = [thread_difference(bench, stub) for stub in NETS]
    record(
        "R26",
        what="five runs in two processes; three nets with 1 and 2 threads",
        count=5 + len(NETS),
        failures=len(set(hashes)) - 1 + sum(difference > -120 for difference in differences),
        figure=f"{len(set(hashes))} SHA-256; threads {max(*differences, -200):.0f} dBFS",
        control=f"a net that uses the global generator: {len(set(control))} SHA-256 in 2 runs",
        control_failed=len(set(control)) == 2,
    )
    assert len(set(hashes)) == 1
    assert len(set(control)) == 2
    assert max(differences) <= -120


def thread_difference(bench, stub) -> float:
    """Return by how much a stem of 1 thread differs from one of 2, peak, in dBFS."""
    bench.write_song(noise(4 * RATE))
    stems = []
    for threads in (1, 2):
        bench.run(stub, threads=threads)
        stems.append(bench.drums())
    torch.set_num_threads(1)
    return dbfs(np.subtract(*stems))
