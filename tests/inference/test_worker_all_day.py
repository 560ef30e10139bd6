"""R10 and R27 with the models that ship: cancelled at any moment, and a thousand songs in a row."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from drumstudio import paths
from drumstudio.core.errors import Cancelled
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workers.pool import WorkerPool
from drumstudio.workers.roles import Job
from tests.promises import counts, nightly, record

pytestmark = [pytest.mark.robust, pytest.mark.serial]

_kept: list[object] = []


def leak(checkpoint, *, path: str) -> dict:
    """Keep four megabytes and an open file; the negative control of R27."""
    _kept.append((np.ones(1 << 19), os.open(path, os.O_RDONLY)))
    return {}


def separation(model_id: str, mixture: Path, drums: Path, work: Path) -> dict:
    return {
        "mixture": str(mixture),
        "drums": str(drums),
        "card_folder": str(paths.shipped_folder("models") / model_id),
        "settings": {},
        "device": "cpu",
        "threads": 1,
        "work_folder": str(work),
        "chunk_seconds": 4.0,  # as short as the model allows: a cancel comes between two
    }


def a_song(path: Path, music: np.ndarray, seconds: float) -> Path:
    samples = np.tile(music, (1, 1 + int(seconds * 44_100) // music.shape[1]))
    with WavWriter(path, 44_100, 2) as writer:
        writer.write(np.ascontiguousarray(samples[:, : int(seconds * 44_100)]))
    return path


def cancel_at_random(pool, job: dict, count: int, seconds: float, seed: int) -> dict:
    """Cancel a separation at random moments; return the answers' times and what was left."""
    chance = random.Random(seed)
    drums, answers, broken = Path(job["drums"]), [], 0
    for number in range(count):
        if number:  # the last one's chunks are gone on with
            shutil.rmtree(job["work_folder"], ignore_errors=True)
        handle = pool.submit("separate", **job)
        while handle.progress.message in ("Waiting", "Starting") and not handle.wait(0.01):
            pass
        handle.wait(chance.uniform(0.0, 0.4 * seconds))
        asked = time.monotonic()
        handle.cancel()
        try:
            handle.result(30)
        except Cancelled:
            answers.append(time.monotonic() - asked)
            broken += drums.exists()
        drums.unlink(missing_ok=True)
        broken += len([path for path in drums.parent.iterdir() if path.suffix == ".partial"])
    return {"answers": sorted(answers), "broken": broken}


def test_r10_a_real_model_is_cancelled_at_any_moment_and_goes_on_bit_by_bit(tmp_path, music):
    count, models = counts(3, 50), ("fast", "flagship") if nightly() else ("fast",)
    mixture = a_song(tmp_path / "song.wav", music, 20.0)
    answers, broken, unequal = [], 0, []
    with WorkerPool(threads=1) as pool:
        for seed, model_id in enumerate(models):
            folder = tmp_path / model_id
            folder.mkdir()
            drums = folder / "drums.wav"
            job = separation(model_id, mixture, drums, tmp_path / f"{model_id} whole")
            for _ in range(2):  # the first one loads what there is to load
                began = time.monotonic()
                pool.run("separate", no_checkpoint, **job)
            seconds, whole = time.monotonic() - began, drums.read_bytes()
            drums.unlink()
            job["work_folder"] = str(tmp_path / f"{model_id} cut")
            found = cancel_at_random(pool, job, count, seconds, seed)
            answers += found["answers"]
            broken += found["broken"]
            pool.run("separate", no_checkpoint, **job)
            if drums.read_bytes() != whole:
                unequal.append(model_id)
        drums.unlink()
        pool.submit("separate", **job).result(300)  # the control: nobody cancels it
        control = drums.exists()
    answers.sort()
    p95, slowest = answers[int(0.95 * len(answers))], answers[-1]
    record(
        "R10",
        what=f"cancel at random moments ({', '.join(models)}), then to the end",
        count=count * len(models),
        failures=broken + len(unequal) + (slowest > 3.0),
        figure=f"{len(answers)} cancelled: answered p95 {p95:.2f} s, max {slowest:.2f} s; "
        f"{broken} files left, the next is bit-equal",
        control="without a cancel the file is there",
        control_failed=control,
    )
    assert (broken, unequal) == (0, [])
    assert slowest <= 3.0
    assert len(answers) >= count * len(models) // 2
    assert control


def watched(pool, role: str, run, count: int) -> dict:
    """Run jobs in a row; return how the worker's memory, files and threads went."""
    rss, files, threads = [], [], []
    for number in range(count):
        run(number)
        process = psutil.Process(pool.child_pid(role))
        with process.oneshot():
            rss.append(process.memory_info().rss)
            files.append(process.num_fds() if hasattr(process, "num_fds") else 0)
            threads.append(process.num_threads())
    last = count * 2 // 5
    halves = rss[-last : -last // 2], rss[-last // 2 :]
    return {
        "grown": statistics.median(halves[1]) / statistics.median(halves[0]) - 1.0,
        "files": files[-1] - files[-last],
        "threads": threads[-1] - threads[-last],
    }


def flat(found: dict) -> bool:
    # In a short run what is used for the first time still counts.
    most = 0.02 if nightly() else 0.06
    return found["grown"] <= most and found["files"] <= 0 and found["threads"] <= 0


@pytest.mark.skipif(sys.platform == "win32", reason="counts open files as POSIX does")
def test_r27_a_thousand_separations_take_no_more_than_the_first_ones(tmp_path, music):
    count = counts(40, 1_000)
    mixture = a_song(tmp_path / "song.wav", music, 1.0)
    leaking = {"leak": Job("tests.inference.test_worker_all_day:leak", "infer", "leaking", 60.0)}

    with WorkerPool(threads=1, extra_jobs=leaking) as pool:

        def separate(number: int) -> None:
            # Ten songs a model: loaded once, and again when its turn comes back.
            model_id = ("hpss", "fast")[number // 10 % 2]
            work = tmp_path / "work"
            job = separation(model_id, mixture, tmp_path / "drums.wav", work)
            pool.run("separate", no_checkpoint, **job)
            shutil.rmtree(work, ignore_errors=True)

        found = watched(pool, "infer", separate, count)
        control = watched(
            pool, "infer", lambda _: pool.run("leak", no_checkpoint, path=str(mixture)), 60
        )
    record(
        "R27",
        what="separations in a row in one worker (HPSS and Fast in turns)",
        count=count,
        failures=int(not flat(found)),
        figure=f"memory {found['grown']:+.1%} over the last 40 %, {found['files']:+d} open files, "
        f"{found['threads']:+d} threads",
        control=f"a job that leaks: {control['grown']:+.1%}, {control['files']:+d} files",
        control_failed=not flat(control),
    )
    assert flat(found), found
    assert not flat(control)
