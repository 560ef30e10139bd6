import threading

import pytest

from drumstudio.application.queue import SongQueue, State, _left
from drumstudio.core.errors import AudioOpenError


class Step:
    """Work that goes on only when the test says so."""

    def __init__(self):
        self.started = threading.Event()
        self.go_on = threading.Event()
        self.runs = 0

    def __call__(self, checkpoint):
        self.runs += 1
        self.started.set()
        while not self.go_on.wait(0.002):
            checkpoint(0.25, "Separating")
        checkpoint(0.5, "Separating")


@pytest.fixture
def queue():
    made = SongQueue(lambda: None)
    yield made
    made.close()


def states(queue):
    return [(row.title, row.state.value) for row in queue.rows()]


def until(condition):
    for _ in range(2_000):
        if condition():
            return
        threading.Event().wait(0.002)
    raise AssertionError("it did not happen")


def test_jobs_run_one_after_the_other_and_end_done(queue):
    first, second = Step(), Step()
    queue.add("a", first)
    queue.add("b", second)
    assert first.started.wait(5)
    assert not second.started.is_set()
    assert states(queue) == [("a", "running"), ("b", "waiting")]
    first.go_on.set()
    second.go_on.set()
    until(lambda: not queue.busy)
    assert states(queue) == [("a", "done"), ("b", "done")]


def test_a_failed_job_keeps_its_error_and_the_next_one_runs(queue):
    def fails(_checkpoint):
        raise AudioOpenError("Cannot open x.wav", why="it is text.", fix="Choose a sound.")

    step = Step()
    step.go_on.set()
    queue.add("x", fails)
    queue.add("y", step)
    until(lambda: not queue.busy)
    assert states(queue) == [("x", "failed"), ("y", "done")]
    assert queue.rows()[0].error.why == "it is text."
    assert queue.rows()[0].message == "Cannot open x.wav"


def test_a_mistake_in_a_job_is_a_row_too(queue):
    queue.add("x", lambda _checkpoint: {}["missing"])
    until(lambda: not queue.busy)
    assert queue.rows()[0].state is State.FAILED
    assert "KeyError" in queue.rows()[0].error.why


def test_a_running_job_is_cancelled_at_its_next_checkpoint(queue):
    step = Step()
    number = queue.add("a", step)
    assert step.started.wait(5)
    queue.cancel(number)
    assert queue.rows()[0].asked_to_stop or queue.rows()[0].state is State.CANCELLED
    until(lambda: queue.rows()[0].state is State.CANCELLED)


def test_a_paused_job_goes_on_when_it_is_tried_again(queue):
    step = Step()
    number = queue.add("a", step)
    assert step.started.wait(5)
    queue.pause(number)
    until(lambda: queue.rows()[0].state is State.PAUSED)
    step.go_on.set()
    queue.retry(number)
    until(lambda: queue.rows()[0].state is State.DONE)
    assert step.runs == 2


def test_a_restarted_job_lets_another_go_first_and_comes_back(queue):
    first, second = Step(), Step()
    number = queue.add("a", first)
    assert first.started.wait(5)
    queue.move(queue.add("b", second), -1)
    assert queue.running("separate") == number
    queue.restart(number)
    assert second.started.wait(5)
    assert states(queue) == [("b", "running"), ("a", "waiting")]
    first.go_on.set()
    second.go_on.set()
    until(lambda: not queue.busy)
    assert states(queue) == [("b", "done"), ("a", "done")]
    assert first.runs == 2
    assert queue.running("separate") is None


def test_waiting_jobs_can_be_reordered_cancelled_and_removed(queue):
    running = Step()
    queue.add("a", running)
    numbers = [queue.add(title, Step()) for title in "bcd"]
    assert running.started.wait(5)
    queue.move(numbers[2], -2)
    assert [row.title for row in queue.rows()] == ["a", "d", "b", "c"]
    queue.cancel(numbers[0])
    queue.remove(numbers[1])
    assert states(queue)[1:] == [("d", "waiting"), ("b", "cancelled")]
    queue.clear_finished()
    assert [row.title for row in queue.rows()] == ["a", "d"]


def test_closing_stops_what_runs_and_starts_nothing_more():
    queue = SongQueue(lambda: None)
    running, waiting = Step(), Step()
    queue.add("a", running)
    queue.add("b", waiting)
    assert running.started.wait(5)
    queue.close()
    assert not waiting.started.is_set()
    with pytest.raises(ValueError, match="closed"):
        queue.add("c", Step())


def test_a_lane_never_waits_for_another(queue):
    holding = Step()
    queue.add("separating", holding)
    assert holding.started.wait(5)
    for lane in ("open", "export"):
        queue.add(lane, lambda checkpoint: None, lane)
    until(lambda: [state for _, state in states(queue)] == ["running", "done", "done"])
    waits = Step()
    queue.add("behind it", waits)
    assert not waits.started.wait(0.1)
    with pytest.raises(ValueError, match="lanes are"):
        queue.add("x", holding, "elsewhere")
    holding.go_on.set()
    waits.go_on.set()


class Clock:
    """Seconds as the test counts them."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Reports:
    """Work that reports what the test tells it to."""

    def __init__(self):
        self.said = []
        self._told = threading.Semaphore(0)
        self._heard = threading.Semaphore(0)
        self._over = False

    def __call__(self, checkpoint):
        while True:
            self._told.acquire()
            if self._over:
                return
            checkpoint(*self.said[-1])
            self._heard.release()

    def say(self, fraction, message):
        self.said.append((fraction, message))
        self._told.release()
        assert self._heard.acquire(timeout=5)

    def end(self):
        self._over = True
        self._told.release()


@pytest.fixture
def reported():
    clock, reports = Clock(), Reports()
    queue = SongQueue(lambda: None, clock)
    queue.add("a", reports)
    yield queue, clock, reports
    reports.end()
    queue.close()


def test_the_time_left_never_grows_while_the_bar_stands(reported):
    queue, clock, reports = reported
    for step in range(20):  # fast at first, as from chunks that were there already
        clock.now = step * 0.2 if step < 10 else 2.0 + (step - 10) * 8.0
        reports.say(step / 40, f"Separating 0:{step:02d}")
        before = queue.rows()[0].left_seconds
        for _ in range(30):  # a job is asked ten times a second, with nothing new
            clock.now += 0.1
            reports.say(step / 40, f"Separating 0:{step:02d}")
            after = queue.rows()[0].left_seconds
            assert after is None or before is None or after <= before
            before = after


def test_past_its_time_nothing_is_said_of_the_time_left(reported):
    queue, clock, reports = reported
    for second in range(6):
        clock.now = float(second)
        reports.say(second / 10, "Separating")
    assert queue.rows()[0].left_seconds == pytest.approx(5.0)
    clock.now = 11.0
    assert queue.rows()[0].left_seconds is None


def test_each_phase_is_measured_by_itself(reported):
    queue, clock, reports = reported
    for second in range(11):
        clock.now = float(second)
        reports.say(0.3 + second / 100, "Reading")
    clock.now = 10.1
    reports.say(0.5, "Separating 0:00 of 4:00")  # chunks that were there: no speed
    assert queue.rows()[0].left_seconds is None
    for second in range(1, 6):
        clock.now = 10.1 + second
        reports.say(0.5 + second / 20, f"Separating 0:{second:02d} of 4:00")
    assert queue.rows()[0].left_seconds == pytest.approx(5.0)


def test_a_bar_never_goes_back(reported):
    queue, _, reports = reported
    reports.say(0.6, "Separating")
    reports.say(0.2, "Separating")
    assert queue.rows()[0].fraction == 0.6


def test_what_is_done_leaves_by_itself_and_what_failed_stays():
    clock = Clock()
    queue = SongQueue(lambda: None, clock)
    queue.add("done", lambda checkpoint: None)
    queue.add("failed", lambda checkpoint: {}["missing"])
    until(lambda: not queue.busy)
    queue.clear_done(5.0)
    assert [title for title, _ in states(queue)] == ["done", "failed"]
    clock.now = 5.5
    queue.clear_done(5.0)
    assert [title for title, _ in states(queue)] == ["failed"]
    queue.close()


def test_the_time_left_of_a_steady_job_is_right_from_the_first_quarter_on():
    history = [(float(second), second / 40) for second in range(11)]
    assert _left(history) == pytest.approx(30.0, rel=0.05)
    assert _left(history[:1]) is None


def test_nobody_knows_the_time_left_of_a_job_that_stands_still():
    assert _left([(0.0, 0.3), (10.0, 0.3)]) is None
