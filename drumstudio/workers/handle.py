"""A job that was handed to a worker, as the one who handed it over holds it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from drumstudio.jobs.job import Progress
from drumstudio.workers.roles import Job

OnProgress = Callable[[float, str], None]


class Handle:
    """A job that was handed to a worker: how far it is, how to stop it, what came out."""

    def __init__(
        self,
        job: Job,
        number: int,
        arguments: dict[str, Any],
        *,
        urgent: bool,
        timeout_seconds: float | None,
        on_progress: OnProgress | None,
        wake: Callable[[], None],
    ) -> None:
        self.job = job
        self.number = number
        self.arguments = arguments
        self.urgent = urgent
        self.timeout_seconds = timeout_seconds
        self.on_progress = on_progress
        self._wake = wake
        self._news = threading.Condition()
        self._done = False
        self._result: dict[str, Any] | None = None
        self._error: Exception | None = None
        self._progress = Progress(0.0, "Waiting")
        self._cancel_asked = False

    @property
    def progress(self) -> Progress:
        """The latest progress; `Progress(0.0, "Waiting")` before the first."""
        return self._progress

    @property
    def cancel_asked(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancel_asked

    @property
    def done(self) -> bool:
        """Whether the job has come to its end, whichever."""
        return self._done

    def cancel(self) -> None:
        """Ask the job to stop; `result` then raises `Cancelled` within a second.

        A job that comes to its end first keeps its result.
        """
        self._cancel_asked = True
        self._wake()

    def wait(self, timeout: float) -> bool:
        """Wait for the end at most that many seconds; return whether it has come."""
        with self._news:
            return self._news.wait_for(lambda: self._done, timeout)

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the end and return what the job returned.

        Parameters
        ----------
        timeout : float, optional
            At most how long to wait, in seconds.

        Raises
        ------
        Cancelled
            If the job was cancelled.
        DrumStudioError
            What the job raised; `WorkerError` if its process crashed or hung.
        TimeoutError
            If it is still running after `timeout`.
        """
        until = None if timeout is None else time.monotonic() + timeout
        # In slices, because on Windows Ctrl-C does not interrupt a wait.
        while not self.wait(_slice(until)):
            if until is not None and time.monotonic() >= until:
                raise TimeoutError(f"job {self.number} is still running after {timeout} s")
        if self._error is not None:
            raise self._error
        return self._result or {}

    def report(self, progress: Progress) -> None:
        """Note the job's progress (for the lane)."""
        self._progress = progress
        if self.on_progress is not None and not self._done:
            self.on_progress(progress.fraction, progress.message)

    def finish(self, result: dict[str, Any] | None = None, error: Exception | None = None) -> None:
        """Note the job's end, unless it has come before (for the lane)."""
        with self._news:
            if not self._done:
                self._result, self._error, self._done = result, error, True
                self._news.notify_all()


def _slice(until: float | None) -> float:
    return 0.2 if until is None else min(0.2, max(0.0, until - time.monotonic()))
