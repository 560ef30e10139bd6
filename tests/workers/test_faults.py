"""R10, R17: cancel means cancel, a crash costs one message, and no child outlives its parent."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing.spawn
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from drumstudio import paths
from drumstudio.core.errors import Cancelled, WorkerError
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workers.pool import WorkerPool
from tests.promises import counts, record
from tests.workers.stub_jobs import STUB_JOBS

ROOT = Path(__file__).parents[2]
POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def resources() -> tuple[int, int, int]:
    """Return this process's threads, open files and children."""
    gc.collect()
    process = psutil.Process()
    files = process.num_fds() if hasattr(process, "num_fds") else 0
    return threading.active_count(), files, len(living(process.children(recursive=True)))


def left_after(seconds: float, processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return the processes that still run when so many seconds have gone; sooner if none do."""
    until = time.monotonic() + seconds
    while living(processes) and time.monotonic() < until:
        time.sleep(0.02)
    return living(processes)


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return the processes that still run (one that nobody collected runs no more)."""
    alive = []
    for process in processes:
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
        except psutil.NoSuchProcess:
            continue
    return alive


# --- R10 --------------------------------------------------------------------------------


def cancel_at_random(pool: WorkerPool, folder: Path, job: str, count: int, seed: int) -> dict:
    """Cancel a job that writes a file, at random moments; one in ten never hears it."""
    chance = random.Random(seed)
    answers, broken, cancelled = [], 0, 0
    for index in range(count):
        path = folder / f"{index}.wav"
        deaf = chance.random() < 0.1
        handle = pool.submit(
            job,
            path=str(path),
            steps=400 if deaf else 20,
            seconds=0.005,
            deaf_at=2 if deaf else 1000,
        )
        time.sleep(chance.uniform(0.0, 0.11))
        asked = time.monotonic()
        handle.cancel()
        try:
            result = handle.result(20)
        except Cancelled:
            answers.append(time.monotonic() - asked)
            cancelled += 1
            broken += path.exists()
        else:  # it was done before it heard
            broken += hashlib.sha256(path.read_bytes()).hexdigest() != result["sha256"]
        path.unlink(missing_ok=True)
    broken += len(list(folder.iterdir()))
    return {"answers": sorted(answers), "broken": broken, "cancelled": cancelled}


@pytest.mark.robust
def test_r10_cancel_means_cancel(tmp_path):
    count, tries = counts(100, 1000), counts(20, 100)
    (tmp_path / "ours").mkdir()
    (tmp_path / "control").mkdir()
    process = psutil.Process()
    before, memory = resources(), process.memory_info().rss
    with WorkerPool(extra_jobs=STUB_JOBS) as pool:
        pool.run("add", no_checkpoint, a=1, b=1)
        found = cancel_at_random(pool, tmp_path / "ours", "write_file", count, 10)
        next_job_right = pool.run("add", no_checkpoint, a=1, b=2) == {"sum": 3}
        control = cancel_at_random(pool, tmp_path / "control", "write_in_place", tries, 11)
    grown = process.memory_info().rss - memory
    after = resources()
    p95 = found["answers"][int(0.95 * len(found["answers"]))]
    longest = found["answers"][-1]
    late = sum(answer > 3.0 for answer in found["answers"]) + (p95 > 1.0)
    record(
        "R10",
        what="cancel at random moments (stub job, one in ten deaf)",
        count=count,
        failures=found["broken"] + late + (not next_job_right) + (grown > 50e6),
        figure=f"{found['cancelled']} cancelled: answered p95 {p95:.2f} s, max {longest:.2f} s; "
        f"{found['broken']} files left, memory {grown / 1e6:+.0f} MB",
        control=f"a job that writes in place: {control['broken']} of {tries} left a file",
        control_failed=control["broken"] > 0,
    )
    assert found["broken"] == 0
    assert next_job_right
    assert found["cancelled"] > count / 2
    assert longest < 3.0
    assert grown < 50e6
    assert after[0] <= before[0]
    # The one helper process that multiprocessing keeps, and its pipe.
    assert after[1] <= before[1] + 2
    assert after[2] <= before[2] + 1
    assert control["broken"] > 0


# --- R17, R33 ---------------------------------------------------------------------------

FAULTS = ("segv", "SIGABRT", "SIGKILL", "hang")


def dies_in_process(kind: str) -> bool:
    """Return whether a program that does the job itself dies or hangs; the control."""
    code = f"from tests.workers.stub_jobs import fault; fault(lambda *a: None, kind={kind!r})"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(),
            stderr=subprocess.DEVNULL,
            timeout=1,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def found_reports() -> set[Path]:
    return set(paths.reports_folder().glob("*.txt"))


@POSIX_ONLY
@pytest.mark.robust
def test_r17_a_native_crash_costs_one_message_and_leaves_a_report():
    count, failures, reported = counts(20, 200), 0, 0
    with WorkerPool(extra_jobs=STUB_JOBS) as pool:
        for index in range(count):
            before = found_reports()
            with pytest.raises(WorkerError) as caught:
                pool.run(
                    "fault", no_checkpoint, timeout_seconds=0.3, kind=FAULTS[index % len(FAULTS)]
                )
            error, new = caught.value, found_reports() - before
            reported += len(new) == 1 and str(*new) in error.fix
            next_works = pool.run("add", no_checkpoint, a=index, b=1) == {"sum": index + 1}
            failures += not (error.what and error.why and error.fix and next_works)
    before = found_reports()
    control = sum(dies_in_process(kind) for kind in FAULTS)
    unreported = found_reports() == before
    record(
        "R17",
        what="SIGSEGV, SIGABRT, SIGKILL and a hang inside a worker",
        count=count,
        failures=failures,
        figure=f"{count - failures} of {count}: one message, the next job works",
        control=f"the same without a worker: {control} of {len(FAULTS)} end the program",
        control_failed=control == len(FAULTS),
    )
    record(
        "R33",
        what="each of these faults leaves one local report, which the message names",
        count=count,
        failures=count - reported,
        figure=f"{reported} of {count}",
        control="the same in a program that installs no reports: none",
        control_failed=unreported,
    )
    assert failures == 0
    assert reported == count
    assert control == len(FAULTS)
    assert unreported


# --- no child outlives its parent -------------------------------------------------------

PARENT = """
import sys, time
from drumstudio.workers.pool import WorkerPool
from tests.workers.stub_jobs import STUB_JOBS
if __name__ == "__main__":
    pool = WorkerPool(threads=1, extra_jobs=STUB_JOBS)
    jobs = [
        pool.submit("multiply_infer", size=3000, seconds=60),  # most of a second in one call
        pool.submit("write_and_hang", path=sys.argv[1]),
    ]
    while not all(job.progress.fraction > 0 for job in jobs):
        time.sleep(0.01)
    print("at work", flush=True)
    {wait}
"""

CARELESS = """
import multiprocessing, time
def busy():
    while True:
        pass
if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=busy, daemon=True).start()
    time.sleep(0.3)
    print("at work", flush=True)
    time.sleep(60)
"""


def survivors(script: Path, *arguments: str) -> tuple[int, int]:
    """Kill a program with -9; return its children, and how many of them run 2 s later."""
    program = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    assert program.stdout.readline() == b"at work\n"
    children = psutil.Process(program.pid).children(recursive=True)
    program.kill()
    left = left_after(2.0, children)
    for process in left:
        process.kill()
    program.wait()
    program.stdout.close()
    return len(children), len(left)


@POSIX_ONLY
@pytest.mark.robust
def test_r17_a_parent_killed_with_9_leaves_no_child_and_no_half_written_file(tmp_path):
    script, careless = tmp_path / "parent.py", tmp_path / "careless.py"
    script.write_text(PARENT.replace("{wait}", "time.sleep(60)"))
    careless.write_text(CARELESS)
    out = tmp_path / "out"
    out.mkdir()
    count, failures = counts(4, 40), 0
    for _ in range(count):
        children, left = survivors(script, str(out / "song.wav"))
        assert children >= 2
        failures += left > 0 or any(out.iterdir())
    _, control = survivors(careless)
    record(
        "R17",
        what="kill -9 of the parent, its children inside a long numpy call and a hang",
        count=count,
        failures=failures,
        figure=f"{failures} of {count} left a child or a half-written file after 2 s",
        control=f"a plain daemonic child: {control} still running",
        control_failed=control > 0,
    )
    assert failures == 0
    assert control > 0


@POSIX_ONLY
@pytest.mark.robust
def test_ctrl_c_in_a_terminal_ends_the_program_and_its_children_without_noise(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.replace("{wait}", "jobs[1].result()"))
    program = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "song.wav")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
        # A test run started in the background of a script has Ctrl-C ignored, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert program.stdout.readline() == "at work\n"
    children = psutil.Process(program.pid).children(recursive=True)
    os.killpg(program.pid, signal.SIGINT)
    _, said = program.communicate(timeout=60)
    assert program.returncode == -signal.SIGINT
    assert said.count("Traceback") == said.count("KeyboardInterrupt\n") == 1
    assert left_after(10.0, children) == []  # multiprocessing's own helper goes last
    assert sorted(tmp_path.iterdir()) == [script]


@POSIX_ONLY
def test_a_child_that_dies_while_it_starts_costs_one_message(monkeypatch):
    with WorkerPool(extra_jobs=STUB_JOBS) as pool:
        pool.run("environment_infer", no_checkpoint)  # multiprocessing's own helper is up
        # An interpreter that ends at once, as one does where a library of its is missing.
        monkeypatch.setattr(multiprocessing.spawn, "_python_exe", os.fsencode("/bin/false"))
        with pytest.raises(WorkerError, match="did not start"):
            pool.run("add", no_checkpoint, a=1, b=1)
        monkeypatch.undo()
        assert pool.run("add", no_checkpoint, a=1, b=1) == {"sum": 2}
