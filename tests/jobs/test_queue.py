"""A batch of jobs runs in order; one that fails, or is cancelled, does not stop the others."""

from __future__ import annotations

import threading

import pytest

from drumstudio import paths
from drumstudio.core.errors import AudioOpenError
from drumstudio.jobs.queue import JobQueue, State


def quick(checkpoint):
    checkpoint(0.5, "Half")
    return "result"


def refused(checkpoint):
    raise AudioOpenError("Cannot open x", why="it is broken.", fix="Leave it out.")


def mistaken(checkpoint):
    return 1 // 0


def states(queue):
    return [job.state for job in queue.jobs()]


def test_jobs_run_in_order_and_failures_do_not_stop_them():
    queue = JobQueue()
    for label, work in (("a", quick), ("b", refused), ("c", mistaken), ("d", quick)):
        queue.add(label, work)
    done = queue.run()
    assert [job.label for job in done] == ["a", "b", "c", "d"]
    assert [job.state for job in done] == ["done", "failed", "failed", "done"]
    assert done[0].result == "result"
    assert isinstance(done[1].error, AudioOpenError)
    assert "ZeroDivisionError" in done[2].error.why


def test_a_mistake_of_the_program_leaves_a_report_that_is_named():
    queue = JobQueue()
    queue.add("a", mistaken)
    error = queue.run()[0].error
    (report,) = paths.reports_folder().iterdir()
    assert str(report) in error.fix
    assert "ZeroDivisionError" in report.read_text()


def test_a_listener_hears_every_change():
    heard = []
    queue = JobQueue(lambda job: heard.append((job.number, job.state, job.progress.fraction)))
    queue.add("a", quick)
    queue.run()
    assert heard == [(1, "waiting", 0), (1, "running", 0), (1, "running", 0.5), (1, "done", 0.5)]


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_at_its_next_checkpoint():
    queue = JobQueue()
    reached = []

    def cancels_both(checkpoint):
        queue.cancel(1)
        queue.cancel(2)
        assert queue.jobs()[1].state is State.CANCELLED
        checkpoint(0.5, "never heard")
        reached.append("past the checkpoint")

    queue.add("a", cancels_both)
    queue.add("b", quick)
    queue.add("c", quick)
    queue.run()
    assert states(queue) == ["cancelled", "cancelled", "done"]
    assert not reached


def test_ctrl_c_cancels_the_whole_queue_and_is_heard_by_the_caller():
    def interrupted(checkpoint):
        raise KeyboardInterrupt

    queue = JobQueue()
    queue.add("a", quick)
    queue.add("b", interrupted)
    queue.add("c", quick)
    with pytest.raises(KeyboardInterrupt):
        queue.run()
    assert states(queue) == ["done", "cancelled", "cancelled"]


def test_jobs_added_while_it_runs_run_too():
    queue = JobQueue()
    queue.add("a", lambda checkpoint: queue.add("b", quick))
    queue.run()
    assert states(queue) == ["done", "done"]
    queue.add("c", quick)
    assert queue.run()[2].state is State.DONE


def test_a_job_can_be_cancelled_from_another_thread():
    queue = JobQueue()
    running = threading.Event()

    def until_cancelled(checkpoint):
        running.set()
        while True:
            checkpoint(0.1, "Waiting")

    queue.add("a", until_cancelled)
    thread = threading.Thread(target=queue.run)
    thread.start()
    assert running.wait(10)
    with pytest.raises(ValueError, match="running already"):
        queue.run()
    queue.cancel_all()
    thread.join(10)
    assert not thread.is_alive()
    assert states(queue) == ["cancelled"]


def test_cancelling_what_is_over_changes_nothing_and_an_unknown_number_is_refused():
    queue = JobQueue()
    queue.add("a", quick)
    queue.run()
    queue.cancel(1)
    assert states(queue) == ["done"]
    with pytest.raises(ValueError, match="got 7"):
        queue.cancel(7)
