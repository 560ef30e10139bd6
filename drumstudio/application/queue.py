"""The queue of songs: work that runs one after the other in a thread, each a row with a state."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from drumstudio.core.errors import DrumStudioError
from drumstudio.jobs.queue import JobQueue, QueuedJob, Work
from drumstudio.jobs.queue import State as JobState

_SPEED_WINDOW_SECONDS = 20.0
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
    state : State
        What has become of it.
    fraction : float
        Share done, in [0, 1].
    message : str
        What it is doing, or how it ended.
    elapsed_seconds : float
        How long it has run, pauses left out.
    left_seconds : float or None
        How long it will still run at the speed measured; None if that is not known.
    asked_to_stop : bool
        Whether cancel or pause was asked for and has not been answered yet.
    error : DrumStudioError or None
        Why it failed.
    """

    number: int
    title: str
    state: State
    fraction: float = 0.0
    message: str = ""
    elapsed_seconds: float = 0.0
    left_seconds: float | None = None
    asked_to_stop: bool = False
    error: DrumStudioError | None = None


class _Entry:
    def __init__(self, number: int, title: str, work: Work) -> None:
        self.row = Row(number, title, State.WAITING, message="Waiting")
        self.work = work
        self.batch: JobQueue | None = None  # while it runs
        self.stop_as: State | None = None  # CANCELLED or PAUSED once somebody asked
        self.started = 0.0
        self.history: deque[tuple[float, float]] = deque()


class SongQueue:
    """Jobs in the order in which they will run, and those that are over.

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
        self._thread: threading.Thread | None = None

    def rows(self) -> tuple[Row, ...]:
        """Return every row, in order."""
        with self._condition:
            return tuple(self._seen(entry) for entry in self._entries)

    def add(self, title: str, work: Work) -> int:
        """Append a job; return its number.

        Parameters
        ----------
        title : str
            What it is about.
        work : callable
            Takes a checkpoint; called in the queue's own thread, again after each `retry`.

        Raises
        ------
        ValueError
            If the queue is closed.
        """
        with self._condition:
            if self._closed:
                raise ValueError("this queue of jobs is closed")
            number = self._next_number
            self._next_number += 1
            self._entries.append(_Entry(number, title, work))
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="jobs", daemon=True)
                self._thread.start()
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
            again = _Entry(number, entry.row.title, work or entry.work)
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

    @property
    def running(self) -> int | None:
        """The number of the job that runs; None if none does."""
        with self._condition:
            numbers = [e.row.number for e in self._entries if e.row.state is State.RUNNING]
            return numbers[0] if numbers else None

    @property
    def busy(self) -> bool:
        """Whether any job runs or waits."""
        with self._condition:
            return any(e.row.state in (State.RUNNING, State.WAITING) for e in self._entries)

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Cancel what runs and start nothing more; wait for the thread."""
        with self._condition:
            self._closed = True
            for entry in self._entries:
                entry.stop_as = entry.stop_as or State.CANCELLED
                if entry.batch is not None:
                    entry.batch.cancel_all()
            self._condition.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_seconds)

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

    def _serve(self) -> None:
        while True:
            with self._condition:
                entry = self._take()
                while entry is None and not self._closed:
                    self._condition.wait()
                    entry = self._take()
                if self._closed or entry is None:
                    return
                entry.started = self._clock()
                entry.row = replace(entry.row, state=State.RUNNING, message="Starting")
            self._changed()
            self._run(entry)
            self._changed()

    def _take(self) -> _Entry | None:
        return next((e for e in self._entries if e.row.state is State.WAITING), None)

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
            entry.row = replace(
                entry.row,
                state=state,
                message=message,
                fraction=1.0 if state is State.DONE else job.progress.fraction,
                elapsed_seconds=self._clock() - entry.started,
                asked_to_stop=False,
                error=job.error,
            )

    def _hear(self, entry: _Entry, job: QueuedJob) -> None:
        if job.state is not JobState.RUNNING:
            return
        fraction, message = job.progress.fraction, job.progress.message
        with self._condition:
            now = self._clock()
            if not entry.history or fraction != entry.history[-1][1]:
                entry.history.append((now, fraction))
            while now - entry.history[0][0] > _SPEED_WINDOW_SECONDS and len(entry.history) > 2:
                entry.history.popleft()
            if (fraction, message) == (entry.row.fraction, entry.row.message):
                return
            entry.row = replace(entry.row, fraction=fraction, message=message or "Starting")
        self._changed()

    def _seen(self, entry: _Entry) -> Row:
        if entry.row.state is not State.RUNNING:
            return entry.row
        now = self._clock()
        return replace(
            entry.row, elapsed_seconds=now - entry.started, left_seconds=_left(entry.history, now)
        )


def _left(history: deque[tuple[float, float]], now: float) -> float | None:
    """Return how long the rest will take at the speed of the last reports, in seconds."""
    if len(history) < 2:
        return None
    (first_time, first), (last_time, last) = history[0], history[-1]
    if last_time - first_time < _LEAST_SECONDS_FOR_SPEED or last <= first:
        return None
    speed = (last - first) / (last_time - first_time)
    return max((1.0 - last) / speed - (now - last_time), 0.0)
