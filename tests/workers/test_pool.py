"""Workers do jobs by name: in order, with progress, cancelled when asked, errors in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from drumstudio import paths
from drumstudio.core.errors import AudioOpenError, Cancelled, WorkerError
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workers.child import how_it_ended
from drumstudio.workers.pool import WorkerPool
from drumstudio.workers.roles import JOBS, Job
from tests.workers.stub_jobs import STUB_JOBS

pytestmark = pytest.mark.robust  # too long for the fast ones

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pool():
    with WorkerPool(threads=2, extra_jobs=STUB_JOBS) as pool:
        yield pool


def running(handle) -> None:
    """Wait until a job has begun and said something of its own."""
    until = time.monotonic() + 20
    while handle.progress.message in ("Waiting", "Starting") and time.monotonic() < until:
        time.sleep(0.005)


def test_a_job_returns_its_result_and_the_child_stays_for_the_next(pool):
    assert pool.run("add", no_checkpoint, a=1, b=2) == {"sum": 3}
    pid = pool.child_pid("decode")
    assert pool.run("add", no_checkpoint, a=2, b=2) == {"sum": 4}
    assert pool.child_pid("decode") == pid != os.getpid()


def test_no_child_is_started_before_it_is_needed():
    with WorkerPool() as pool:
        assert [pool.child_pid(role) for role in ("infer", "decode", "encode", "train")] == [
            None
        ] * 4


def test_progress_arrives_in_order_and_not_in_floods(pool):
    heard = []
    started = time.monotonic()
    handle = pool.submit("chatter", lambda fraction, message: heard.append(fraction), calls=200_000)
    assert handle.result(60) == {"calls": 200_000}
    assert heard == sorted(heard)
    assert 2 <= len(heard) <= 20 * (time.monotonic() - started) + 3


def test_a_childs_error_arrives_as_it_was_raised(pool):
    with pytest.raises(AudioOpenError) as caught:
        pool.run("refuse", no_checkpoint, name="é.wav")
    assert (caught.value.what, caught.value.fix) == ("Cannot open é.wav", "Leave it out.")


@pytest.mark.parametrize(
    ("job", "arguments", "word"),
    [
        ("mistake", {}, "ZeroDivisionError"),
        ("large", {"size": 5_000_000}, "may hold"),
        ("large", {"size": 4 * 1024 * 1024}, "goes through a file"),
        ("no_dict", {}, "must return a dict"),
        ("missing", {}, "ModuleNotFoundError"),
        ("add", {"a": 1}, "TypeError"),
    ],
)
def test_a_mistake_in_a_job_is_an_error_with_a_report_and_the_next_job_works(
    pool, job, arguments, word
):
    with pytest.raises(WorkerError) as caught:
        pool.run(job, no_checkpoint, **arguments)
    assert word in caught.value.why
    (report,) = paths.reports_folder().glob("worker-decode*.txt")
    assert str(report) in caught.value.fix
    assert pool.run("add", no_checkpoint, a=1, b=2) == {"sum": 3}


@pytest.mark.parametrize("kind", ["text", "kind", "deep"])
def test_a_child_that_sends_something_else_is_ended_and_replaced(pool, kind):
    with pytest.raises(WorkerError, match="unreadable"):
        pool.run("garbage", no_checkpoint, kind=kind)
    assert pool.run("add", no_checkpoint, a=1, b=2) == {"sum": 3}


def test_what_can_not_be_sent_is_refused_before_it_is_sent(pool):
    with pytest.raises(ValueError, match="jobs are"):
        pool.submit("no such job")
    with pytest.raises(TypeError):
        pool.submit("add", a=Path("x"), b=1)
    with pytest.raises(ValueError, match="through a file"):
        pool.submit("refuse", name="x" * 300_000)
    with pytest.raises(ValueError, match="role"):
        Job("a:b", "painter")
    with pytest.raises(ValueError, match="threads"):
        WorkerPool(threads=0)


def test_jobs_of_a_role_run_in_the_order_of_their_submission(pool):
    ended = []
    handles = [
        pool.submit("count", lambda f, m, n=n: ended.append(n), steps=1, seconds=0.0)
        for n in range(5)
    ]
    for handle in handles:
        handle.result(30)
    assert list(dict.fromkeys(ended)) == [0, 1, 2, 3, 4]


def test_an_urgent_job_is_done_at_the_next_checkpoint_of_a_running_one(pool):
    long = pool.submit("count", steps=200, seconds=0.02)
    waiting = pool.submit("add", a=1, b=1)
    running(long)
    assert pool.submit("add", urgent=True, a=2, b=3).result(10) == {"sum": 5}
    assert not long.done
    assert not waiting.done
    long.cancel()
    assert waiting.result(10) == {"sum": 2}


def test_an_urgent_job_that_crashes_costs_itself_only(pool):
    long = pool.submit("count", steps=20, seconds=0.02)
    running(long)
    with pytest.raises(WorkerError, match="SIGKILL|ended"):
        pool.submit("fault", urgent=True, kind="SIGKILL").result(10)
    assert long.result(10) == {"steps": 20}


def test_an_urgent_job_that_is_cancelled_before_it_began_is_answered_at_once(pool):
    long = pool.submit("deaf", seconds=0.6)
    running(long)
    urgent = pool.submit("add", urgent=True, a=1, b=1)
    time.sleep(0.1)
    urgent.cancel()
    with pytest.raises(Cancelled):
        urgent.result(0.3)
    assert long.result(10) == {}


def test_a_cancelled_job_stops_at_its_checkpoint_in_the_same_child(pool):
    handle = pool.submit("count", steps=10_000, seconds=0.01)
    running(handle)
    pid = pool.child_pid("decode")
    handle.cancel()
    with pytest.raises(Cancelled):
        handle.result(10)
    assert pool.run("environment", no_checkpoint)["pid"] == pid


def test_a_job_that_does_not_hear_the_cancel_is_ended_with_its_child(pool):
    handle = pool.submit("deaf", seconds=60)
    running(handle)
    started = time.monotonic()
    handle.cancel()
    with pytest.raises(Cancelled):
        handle.result(10)
    assert time.monotonic() - started < 3
    assert pool.run("add", no_checkpoint, a=1, b=2) == {"sum": 3}


def test_a_waiting_job_is_cancelled_without_ever_running(pool):
    first = pool.submit("count", steps=30, seconds=0.01)
    second = pool.submit("mistake")
    second.cancel()
    with pytest.raises(Cancelled):
        second.result(10)
    assert first.result(10) == {"steps": 30}


@pytest.mark.parametrize("error", [Cancelled, KeyboardInterrupt])
def test_whatever_the_checkpoint_raises_stops_the_job_also_a_silent_one(pool, error):
    def checkpoint(fraction, message):
        if message == "Deaf":
            raise error

    with pytest.raises(error):
        pool.run("deaf", checkpoint, seconds=60)
    assert pool.run("add", no_checkpoint, a=1, b=2) == {"sum": 3}


def test_a_result_that_is_late_is_not_waited_for_for_ever(pool):
    handle = pool.submit("count", steps=10_000, seconds=0.01)
    with pytest.raises(TimeoutError):
        handle.result(0.1)
    handle.cancel()


def test_a_silent_job_is_ended_after_its_time_and_says_what_it_was_at(pool):
    with pytest.raises(WorkerError, match="no sign of life") as caught:
        pool.run("fault", no_checkpoint, timeout_seconds=0.4, kind="hang")
    (report,) = paths.reports_folder().glob("*.txt")
    assert str(report) in caught.value.fix
    if hasattr(os, "fork"):
        assert "stub_jobs.py" in report.read_text()


def test_progress_counts_as_a_sign_of_life(pool):
    assert pool.run("count", no_checkpoint, timeout_seconds=0.3, steps=8, seconds=0.06)


def test_closing_cancels_what_runs_and_what_waits_and_leaves_no_child():
    pool = WorkerPool(extra_jobs=STUB_JOBS)
    handles = [pool.submit("deaf", seconds=60), pool.submit("add", a=1, b=1)]
    running(handles[0])
    threads = threading.active_count()
    pool.close()
    for handle in handles:
        with pytest.raises(Cancelled):
            handle.result(1)
    assert pool.child_pid("decode") is None
    assert threading.active_count() < threads
    with pytest.raises(ValueError, match="closed"):
        pool.submit("add", a=1, b=1)
    pool.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_listener_that_raises_leaves_nobody_waiting(pool):
    def raises(fraction, message):
        raise RuntimeError("listener")

    handle = pool.submit("count", raises, steps=100, seconds=0.01)
    with pytest.raises(WorkerError, match="mistake"):
        handle.result(10)
    assert pool.run("add", no_checkpoint, a=1, b=2) == {"sum": 3}


def test_a_killed_childs_half_written_file_is_removed(pool, tmp_path):
    handle = pool.submit("write_and_hang", path=str(tmp_path / "song.wav"))
    running(handle)
    assert len(list(tmp_path.iterdir())) == 1
    handle.cancel()
    with pytest.raises(Cancelled):
        handle.result(10)
    assert list(tmp_path.iterdir()) == []


def test_children_keep_to_their_threads(pool):
    computes = pool.run("environment_infer", no_checkpoint)
    reads = pool.run("environment", no_checkpoint)
    assert (computes["threads"], reads["threads"]) == ("2", "1")
    assert computes["pid"] != reads["pid"]
    assert computes["sigint_ignored"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has classes of priority")
def test_what_a_person_waits_for_goes_before_trainings(pool):
    """Separations lower their own threads: tests/inference/test_lanes.py."""
    own = os.nice(0)
    for role, expected in {"": own, "_infer": own, "_encode": own, "_train": 19}.items():
        assert pool.run(f"environment{role}", no_checkpoint)["niceness"] == expected, role


PRINTING = """
import sys
from drumstudio.workers.pool import WorkerPool
from drumstudio.jobs.job import no_checkpoint
from tests.workers.stub_jobs import STUB_JOBS
if __name__ == "__main__":
    with WorkerPool(extra_jobs=STUB_JOBS) as pool:
        pool.run("prints", no_checkpoint)
    print('{"only": "this"}')
"""


def test_a_job_that_prints_does_not_disturb_the_parents_standard_output(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PRINTING)
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert json.loads(done.stdout) == {"only": "this"}
    assert "printed by Python" in done.stderr
    assert "printed by native code" in done.stderr


def test_the_children_that_read_and_write_files_load_nothing_heavy(pool, tmp_path):
    """Each runs its real job once; then its modules are looked at."""
    soundfile = pytest.importorskip("soundfile")
    song, media = tmp_path / "song.flac", tmp_path / "media.wav"
    soundfile.write(song, [[0.1, -0.1]] * 4000, 44_100)
    pool.run("decode", no_checkpoint, source=str(song), target=str(media))
    outputs = [{"stem": "mixture", "path": str(tmp_path / "copy.flac")}]
    arguments = {"mixture": str(media), "stems": None, "outputs": outputs, "format": "flac"}
    pool.run("encode", no_checkpoint, sample_rate=None, overwrite=False, **arguments)
    heavy = {"torch", "librosa", "PySide6", "pyqtgraph", "sounddevice"}
    reader = pool.run("modules", no_checkpoint, imports="drumstudio.files.decode")
    writer = pool.run("modules_encode", no_checkpoint, imports="drumstudio.files.encode")
    assert heavy.isdisjoint(reader["modules"])
    assert heavy.isdisjoint(writer["modules"])
    assert "soundfile" in reader["modules"]  # the look does see what is loaded


def test_every_role_is_known_and_every_exit_has_words():
    assert {job.role for job in JOBS.values()} == {"infer", "decode", "encode", "train"}
    assert "memory" in how_it_ended(-11)
    assert "exit code 3" in how_it_ended(3)
    assert "SIGSEGV" in how_it_ended(0xC0000005)
    assert how_it_ended(-250)


def test_who_has_a_file_that_ends_its_reader_each_time_is_told_a_way_out():
    kills = Job("tests.workers.stub_jobs:fault", "decode", way_out=JOBS["decode"].way_out)
    told = pytest.raises(WorkerError, match="convert it to FLAC or WAV")
    with WorkerPool(extra_jobs={"killed": kills}) as pool, told:
        pool.run("killed", no_checkpoint, kind="SIGSEGV")
