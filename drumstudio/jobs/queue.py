"""An ordered batch of jobs: one that fails does not stop the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from drumstudio.core.errors import Cancelled, DrumStudioError
from drumstudio.jobs import reports
from drumstudio.jobs.job import Checkpoint, Progress


class State(StrEnum):
    """Where a job of a queue is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job of a queue as it is at one moment.

    Parameters
    ----------
    number : int
        Its number in the queue, counted from 1.
    label : str
        Its name for a person: "Separate song.wav".
    state : State
        Where it is.
    progress : Progress
        How far it is.
    result : object
        What it returned, if it is done.
    error : DrumStudioError or None
        Why it failed, if it did.
    """

    number: int
    label: str
    state: State = State.WAITING
    progress: Progress = Progress(0.0, "")
    result: Any = None
    error: DrumStudioError | None = None


Work = Callable[[Checkpoint], Any]
Listener = Callable[[QueuedJob], None]


class JobQueue:
    """Jobs that run one after the other, in the thread that calls `run`.

    Every method may be called from any thread, also while `run` goes on.

    Parameters
    ----------
    on_change : callable, optional
        Called with a `QueuedJob` whenever its state or progress changes, by the thread that
        made the change, without any lock held.
    """

    def __init__(self, on_change: Listener | None = None) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._running = threading.Lock()
        self._jobs: dict[int, QueuedJob] = {}
        self._work: dict[int, Work] = {}
        self._cancel_asked: set[int] = set()

    def add(self, label: str, work: Work) -> int:
        """Put a job at the end and return its number.

        Parameters
        ----------
        label : str
            Its name for a person.
        work : callable
            Called with a `Checkpoint`; what it returns is the job's result.
        """
        with self._lock:
            job = QueuedJob(len(self._jobs) + 1, label)
            self._jobs[job.number] = job
            self._work[job.number] = work
        self._tell(job)
        return job.number

    def jobs(self) -> tuple[QueuedJob, ...]:
        """Return every job in order, as it is now."""
        with self._lock:
            return tuple(self._jobs.values())

    def cancel(self, number: int) -> None:
        """Ask a job to stop: at once if it waits, at its next checkpoint if it runs.

        Raises
        ------
        ValueError
            If there is no job of that number.
        """
        with self._lock:
            if number not in self._jobs:
                raise ValueError(f"jobs are 1 to {len(self._jobs)}, got {number}")
            self._cancel_asked.add(number)
            waits = self._jobs[number].state is State.WAITING
            if waits:
                job = self._jobs[number] = replace(self._jobs[number], state=State.CANCELLED)
                del self._work[number]
        if waits:
            self._tell(job)

    def cancel_all(self) -> None:
        """Ask every job that is not at its end to stop."""
        for job in self.jobs():
            if job.state in (State.WAITING, State.RUNNING):
                self.cancel(job.number)

    def run(self) -> tuple[QueuedJob, ...]:
        """Run what waits, in order, until nothing waits any more; return every job.

        A job that raises has failed and the next one runs. Ctrl-C cancels the whole queue
        and goes on to the caller.

        Raises
        ------
        ValueError
            If the queue is running already.
        """
        if not self._running.acquire(blocking=False):
            raise ValueError("this queue is running already")
        try:
            while (taken := self._take()) is not None:
                self._do(*taken)
        except BaseException:  # Ctrl-C, or a listener that raised
            for job in self.jobs():
                if job.state in (State.WAITING, State.RUNNING):
                    self._change(job.number, state=State.CANCELLED)
            raise
        finally:
            self._running.release()
        return self.jobs()

    def _take(self) -> tuple[int, Work] | None:
        with self._lock:
            for number, job in self._jobs.items():
                if job.state is State.WAITING:
                    self._jobs[number] = job = replace(job, state=State.RUNNING)
                    work = self._work.pop(number)
                    break
            else:
                return None
        self._tell(job)
        return job.number, work

    def _do(self, number: int, work: Work) -> None:
        def checkpoint(fraction: float, message: str) -> None:
            if number in self._cancel_asked:
                raise Cancelled
            self._change(number, progress=Progress(fraction, message))

        try:
            result = work(checkpoint)
        except Cancelled:
            self._change(number, state=State.CANCELLED)
        except DrumStudioError as error:
            self._change(number, state=State.FAILED, error=error)
        except Exception as error:  # noqa: BLE001 - the job boundary: the others must go on
            self._change(number, state=State.FAILED, error=unforeseen(error))
        else:
            self._change(number, state=State.DONE, result=result)

    def _change(self, number: int, **news: Any) -> None:
        with self._lock:
            job = self._jobs[number] = replace(self._jobs[number], **news)
        self._tell(job)

    def _tell(self, job: QueuedJob) -> None:
        if self._on_change is not None:
            self._on_change(job)


def unforeseen(error: Exception) -> DrumStudioError:
    """Leave a report of a mistake of the program; return what a person is told of it."""
    report = reports.report_exception("job", error)
    where = f" The details are in {report}" if report else ""
    return DrumStudioError(
        "The program made a mistake",
        why=f"{type(error).__name__}: {error}",
        fix=f"Nothing else is affected; the other jobs go on.{where}",
    )
