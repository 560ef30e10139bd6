"""The queue of songs: jobs in lanes, one lane for each resource, each job a row with a state."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from drumstudio.core.errors import DrumStudioError
from drumstudio.jobs.queue import JobQueue, QueuedJob, Work
from drumstudio.jobs.queue import State as JobState

LANES = ("open", "separate", "export")
"""What jobs compete for: reading files, computing, writing files. None waits for another."""

_SPEED_WINDOW_SECONDS = 60.0
_LEAST_SECONDS_FOR_SPEED = 0.5


class State(StrEnum):
    """What has become of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OVER = frozenset({State.DONE, State.FAILED, State.CANCELLED})
_STOPPED = frozenset({State.PAUSED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Row:
    """A job as a person sees it.

    Parameters
    ----------
    number : int
        Names the job for as long as the queue lives.
    title : str
        What it is about: the song's name.
    lane : str
        Which of `LANES` it runs in.
    state : State
        What has become of it.
    fraction : float
        Share done, in [0, 1].
    message : str
        What it is doing, or how it ended.
    elapsed_seconds : float
        How long it has run, pauses left out.
    left_seconds : float or None
        How long it will still run at the speed measured; None if that is not known. It is
        measured anew when the job is further, so that it never grows while the bar stands.
    asked_to_stop : bool
        Whether cancel or pause was asked for and has not been answered yet.
    error : DrumStudioError or None
        Why it failed.
    """

    number: int
    title: str
    lane: str
    state: State
    fraction: float = 0.0
    message: str = ""
    elapsed_seconds: float = 0.0
    left_seconds: float | None = None
    asked_to_stop: bool = False
    error: DrumStudioError | None = None


class _Entry:
    def __init__(self, number: int, title: str, work: Work, lane: str) -> None:
        self.row = Row(number, title, lane, State.WAITING, message="Waiting")
        self.work = work
        self.batch: JobQueue | None = None  # while it runs
        self.stop_as: State | None = None  # CANCELLED or PAUSED once somebody asked
        self.started = 0.0
        self.ended = 0.0
        self.phase = ""
        self.history: deque[tuple[float, float]] = deque()  # times and shares in this phase
        self.left: tuple[float, float] | None = None  # seconds left, and when that was measured


class SongQueue:
    """Jobs in the order in which they will run, lane by lane, and those that are over.

    Parameters
    ----------
    changed : callable
        Called without arguments, from any thread, when a row has another state, place or
        progress. It must not block.
    clock : callable
        Returns seconds.
    """

    def __init__(
        self, changed: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._changed = changed
        self._clock = clock
        self._condition = threading.Condition(threading.RLock())
        self._entries: list[_Entry] = []
        self._next_number = 1
        self._closed = False
        self._threads: dict[str, threading.Thread] = {}

    def rows(self) -> tuple[Row, ...]:
        """Return every row, in order."""
        with self._condition:
            return tuple(self._seen(entry) for entry in self._entries)

    def add(self, title: str, work: Work, lane: str = "separate") -> int:
        """Append a job; return its number.

        Parameters
        ----------
        title : str
            What it is about.
        work : callable
            Takes a checkpoint; called in the lane's own thread, again after each `retry`.
        lane : str
            One of `LANES`: what it needs. It runs after those before it in that lane.

        Raises
        ------
        ValueError
            If the queue is closed, or there is no such lane.
        """
        if lane not in LANES:
            raise ValueError(f"lanes are {LANES}, got {lane!r}")
        with self._condition:
            if self._closed:
                raise ValueError("this queue of jobs is closed")
            number = self._next_number
            self._next_number += 1
            self._entries.append(_Entry(number, title, work, lane))
            if lane not in self._threads:
                thread = threading.Thread(
                    target=self._serve, args=(lane,), name=f"jobs {lane}", daemon=True
                )
                self._threads[lane] = thread
                thread.start()
            self._condition.notify_all()
        self._changed()
        return number

    def cancel(self, number: int) -> None:
        """Stop a job that waits, runs or is paused; what it has finished stays."""
        self._stop(number, State.CANCELLED)

    def pause(self, number: int) -> None:
        """Stop a job that waits or runs until `retry`; it goes on where it was if it can."""
        self._stop(number, State.PAUSED)

    def restart(self, number: int) -> None:
        """Have a job that runs begin anew, in its place; what it has finished is used again."""
        self._stop(number, State.WAITING)

    def retry(self, number: int, work: Work | None = None) -> None:
        """Have a job that is paused or over wait again, at the end; perhaps as other work."""
        with self._condition:
            entry = self._find(number)
            if entry is None or entry.row.state in (State.WAITING, State.RUNNING):
                return
            again = _Entry(number, entry.row.title, work or entry.work, entry.row.lane)
            self._entries.remove(entry)
            self._entries.append(again)
            self._condition.notify_all()
        self._changed()

    def remove(self, number: int) -> None:
        """Take a row away; a running job is cancelled first and its row stays."""
        with self._condition:
            entry = self._find(number)
            if entry is not None and entry.row.state is not State.RUNNING:
                self._entries.remove(entry)
                entry = None
        if entry is not None:
            self.cancel(number)
        self._changed()

    def clear_finished(self) -> None:
        """Take away every row that is done or cancelled; failures stay to be read."""
        with self._condition:
            self._entries = [
                entry
                for entry in self._entries
                if entry.row.state not in (State.DONE, State.CANCELLED)
            ]
        self._changed()

    def clear_done(self, older_than_seconds: float) -> None:
        """Take away the rows that have been done for so long; nobody has to tidy up."""
        with self._condition:
            before = len(self._entries)
            oldest = self._clock() - older_than_seconds
            self._entries = [
                entry
                for entry in self._entries
                if entry.row.state is not State.DONE or entry.ended > oldest
            ]
            changed = len(self._entries) != before
        if changed:
            self._changed()

    def move(self, number: int, by: int) -> None:
        """Move a row up (negative) or down among the others."""
        with self._condition:
            entry = self._find(number)
            if entry is None:
                return
            place = self._entries.index(entry)
            self._entries.pop(place)
            self._entries.insert(min(max(place + by, 0), len(self._entries)), entry)
        self._changed()

    def running(self, lane: str) -> int | None:
        """Return the number of the job that runs in a lane; None if none does."""
        with self._condition:
            return next(
                (
                    entry.row.number
                    for entry in self._entries
                    if entry.row.state is State.RUNNING and entry.row.lane == lane
                ),
                None,
            )

    @property
    def busy(self) -> bool:
        """Whether any job runs or waits."""
        with self._condition:
            return any(e.row.state in (State.RUNNING, State.WAITING) for e in self._entries)

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Cancel what runs and start nothing more; wait for the threads."""
        with self._condition:
            self._closed = True
            for entry in self._entries:
                entry.stop_as = entry.stop_as or State.CANCELLED
                if entry.batch is not None:
                    entry.batch.cancel_all()
            self._condition.notify_all()
            threads = list(self._threads.values())
        until = time.monotonic() + timeout_seconds
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(until - time.monotonic(), 0.0))

    def _find(self, number: int) -> _Entry | None:
        return next((e for e in self._entries if e.row.number == number), None)

    def _stop(self, number: int, state: State) -> None:
        with self._condition:
            entry = self._find(number)
            if entry is None or entry.row.state in OVER:
                return
            if entry.row.state is State.RUNNING:
                entry.stop_as = state
                entry.row = replace(entry.row, asked_to_stop=True)
                if entry.batch is not None:
                    entry.batch.cancel_all()
            else:
                entry.row = replace(entry.row, state=state, message=state.capitalize())
        self._changed()

    def _serve(self, lane: str) -> None:
        while True:
            with self._condition:
                entry = self._take(lane)
                while entry is None and not self._closed:
                    self._condition.wait()
                    entry = self._take(lane)
                if self._closed or entry is None:
                    return
                entry.started = self._clock()
                entry.row = replace(entry.row, state=State.RUNNING, message="Starting")
            self._changed()
            self._run(entry)
            self._changed()

    def _take(self, lane: str) -> _Entry | None:
        return next(
            (e for e in self._entries if e.row.state is State.WAITING and e.row.lane == lane), None
        )

    def _run(self, entry: _Entry) -> None:
        # A batch of one: it is the boundary where whatever a job raises becomes an error row.
        batch = JobQueue(lambda job: self._hear(entry, job))
        with self._condition:
            entry.batch = batch
            number = batch.add(entry.row.title, entry.work)
            if entry.stop_as is not None:
                batch.cancel(number)
        (job,) = batch.run()
        state = State(job.state.value)
        if state is State.CANCELLED:
            state = entry.stop_as or State.CANCELLED
        message = job.error.what if job.error else "Done"
        if state in (*_STOPPED, State.WAITING):
            message = state.capitalize()
        with self._condition:
            entry.batch = None
            entry.stop_as = None
            entry.history.clear()
            entry.left = None
            entry.ended = self._clock()
            entry.row = replace(
                entry.row,
                state=state,
                message=message,
                fraction=1.0 if state is State.DONE else job.progress.fraction,
                elapsed_seconds=entry.ended - entry.started,
                asked_to_stop=False,
                error=job.error,
            )

    def _hear(self, entry: _Entry, job: QueuedJob) -> None:
        if job.state is not JobState.RUNNING:
            return
        message = job.progress.message or "Starting"
        with self._condition:
            # A bar never goes back, even where work is done again with less memory.
            fraction = max(job.progress.fraction, entry.row.fraction)
            if (fraction, message) == (entry.row.fraction, entry.row.message):
                return
            _measure(entry, self._clock(), fraction, message)
            entry.row = replace(entry.row, fraction=fraction, message=message)
        self._changed()

    def _seen(self, entry: _Entry) -> Row:
        if entry.row.state is not State.RUNNING:
            return entry.row
        now, left = self._clock(), None
        if entry.left is not None:
            seconds, measured = entry.left
            left = seconds - (now - measured)
        # Past its time, nobody knows: better nothing than "0:00 left" for a minute.
        known = left if left is not None and left > 0.0 else None
        return replace(entry.row, elapsed_seconds=now - entry.started, left_seconds=known)


def _measure(entry: _Entry, now: float, fraction: float, message: str) -> None:
    """Take in how far a job is, and tell from it how long the rest will take.

    Each phase has a speed of its own, and a message begins with what is being done:
    "Separating 1:12 of 4:03".
    """
    phase = message.split(" ", 1)[0]
    if phase != entry.phase:
        entry.phase = phase
        entry.history.clear()
        entry.left = None
    if entry.history and fraction == entry.history[-1][1]:
        return
    entry.history.append((now, fraction))
    while now - entry.history[0][0] > _SPEED_WINDOW_SECONDS and len(entry.history) > 2:
        entry.history.popleft()
    left = _left(entry.history)
    if left is not None:
        entry.left = (left, now)


def _left(history: Sequence[tuple[float, float]]) -> float | None:
    """Return how long the rest will take at the speed of these reports, in seconds.

    Parameters
    ----------
    history : sequence of (float, float)
        When, in seconds, and the share done then.
    """
    if len(history) < 2:
        return None
    (first_time, first), (last_time, last) = history[0], history[-1]
    if last_time - first_time < _LEAST_SECONDS_FOR_SPEED or last <= first:
        return None
    return (1.0 - last) * (last_time - first_time) / (last - first)
