"""One role's jobs in order, and the thread that runs them in the role's child process."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import deque
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from drumstudio.core.errors import Cancelled, WorkerError, error_from_dict
from drumstudio.jobs import reports
from drumstudio.jobs.job import Progress
from drumstudio.workers import protocol
from drumstudio.workers.child import Child
from drumstudio.workers.handle import Handle
from drumstudio.workers.roles import Job

_CANCEL_SECONDS = 0.5
_START_SECONDS = 60.0
_TICK_SECONDS = 0.25


class _Sent:
    """A job that the child has; seen by the lane's thread only."""

    def __init__(self, handle: Handle) -> None:
        self.handle = handle
        self.started = False
        self.silent_seconds = 0.0
        self.cancel_sent_at: float | None = None


class Lane:
    """The jobs of one role, in order, and the one thread that serves them.

    The child is started for the first job, and again for the next job after its end. An
    urgent job goes before the waiting ones, and while a job runs it is done at that job's
    next checkpoint. If the child ends, the job that was running takes the blame; others
    that the child had are done again in a new one.

    Parameters
    ----------
    role : str
        Its role.
    threads : int or None
        How many threads numpy and torch may use in the child.
    """

    def __init__(self, role: str, threads: int | None) -> None:
        self._role = role
        self._threads = threads
        self._lock = threading.Lock()
        self._waiting: deque[Handle] = deque()
        self._closing = False
        self._woken = False
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)
        self._child: Child | None = None
        self._started_at = 0.0
        self._sent: list[_Sent] = []
        self._reruns: set[int] = set()
        self._thread = threading.Thread(target=self._serve, name=f"worker-{role}", daemon=True)
        self._thread.start()

    @property
    def child_pid(self) -> int | None:
        """Process id of the child, if there is one."""
        child = self._child
        return child.pid if child is not None else None

    def add(self, handle: Handle) -> None:
        """Put a job in the queue."""
        with self._lock:
            if not self._closing:
                self._waiting.append(handle)
        if self._closing:
            handle.finish(error=Cancelled())
        self.wake()

    @property
    def alive(self) -> bool:
        """Whether jobs can be added: not closed, nor ended by an `on_progress` that raised."""
        return self._thread.is_alive() and not self._closing

    def wake(self) -> None:
        """Have the thread look at what has changed."""
        with self._lock:
            if not self._woken and not self._wake_writer.closed:
                self._woken = True
                self._wake_writer.send_bytes(b".")

    def close(self) -> None:
        """Cancel every job and end the child; back when both are gone."""
        self._closing = True
        self.wake()
        self._thread.join()

    # --- the lane's thread ---------------------------------------------------------------

    def _serve(self) -> None:
        try:
            looked_at = time.monotonic()
            while not (self._closing and not self._sent):
                self._cancel_what_waits()
                self._hand_out()
                self._listen()
                now = time.monotonic()
                self._enforce(now, now - looked_at)
                looked_at = now
        finally:
            # Also if an `on_progress` raised: whoever waits for an answer must get one.
            answer = Cancelled() if self._closing else _listener_raised()
            self._closing = True
            if self._child is not None and self._sent:
                self._child.end()
            elif self._child is not None:
                self._child.release()
            self._child = None
            with self._lock:
                left = [sent.handle for sent in self._sent] + list(self._waiting)
                self._wake_writer.close()
            self._wake_reader.close()
            for handle in left:
                handle.finish(error=answer)

    def _cancel_what_waits(self) -> None:
        with self._lock:
            out = [handle for handle in self._waiting if handle.cancel_asked or self._closing]
            for handle in out:
                self._waiting.remove(handle)
        for handle in out:
            handle.finish(error=Cancelled())

    def _hand_out(self) -> None:
        """Start the child if there is work, and send what it may have now."""
        with self._lock:
            handle = self._next()
        if handle is None:
            return
        if self._child is None:
            try:
                self._child = Child(self._role, self._threads)
            except OSError as error:
                self._take(handle)
                handle.finish(error=_could_not_start(handle.job, str(error.strerror or error)))
                self.wake()
                return
            self._started_at = time.monotonic()
        if self._child.ready:
            self._take(handle)
            self._sent.append(_Sent(handle))
            self._child.send(
                "run",
                job=handle.number,
                function=handle.job.function,
                arguments=handle.arguments,
                urgent=handle.urgent,
            )

    def _next(self) -> Handle | None:
        urgent = next((handle for handle in self._waiting if handle.urgent), None)
        if not self._sent:
            return urgent or (self._waiting[0] if self._waiting else None)
        if len(self._sent) == 1 and not self._sent[0].handle.urgent:
            return urgent
        return None

    def _take(self, handle: Handle) -> None:
        with self._lock:
            self._waiting.remove(handle)

    def _listen(self) -> None:
        """Wait for news, at most until the next deadline, and take it in."""
        sources: list[Any] = [self._wake_reader]
        if self._child is not None:
            sources += [self._child.connection, self._child.sentinel]
        ready = wait(sources, self._patience())
        if self._wake_reader in ready:
            with self._lock:
                self._wake_reader.recv_bytes()
                self._woken = False
        child = self._child
        if child is None or not (child.connection in ready or child.sentinel in ready):
            return
        try:
            # What it said before it ended counts: read first, look at the end after.
            while child.connection.poll():
                self._hear(child.receive())
                if self._child is not child:
                    return
        except ValueError as error:
            self._child_failed(f"it sent something unreadable: {error}")
            return
        except (EOFError, OSError):
            self._child_failed(None)
            return
        if child.sentinel in ready:
            self._child_failed(None)

    def _patience(self) -> float | None:
        starting = self._child is not None and not self._child.ready
        if self._closing or any(sent.handle.cancel_asked for sent in self._sent):
            return _CANCEL_SECONDS / 10
        timed = any(sent.handle.timeout_seconds is not None for sent in self._sent)
        return _TICK_SECONDS if starting or timed else None

    def _hear(self, message: protocol.Message) -> None:
        sent = next((sent for sent in self._sent if sent.handle.number == message.get("job")), None)
        if sent is None:
            return  # "ready", a temporary file, or a job that is no longer asked about
        sent.silent_seconds = 0.0
        handle, kind = sent.handle, message["type"]
        if kind == "started":
            sent.started = True
            handle.report(Progress(0.0, "Starting"))
            return
        if kind == "progress":
            handle.report(Progress(message["fraction"], message["message"]))
            return
        self._sent.remove(sent)
        if kind == "done":
            handle.finish(result=message["result"])
        elif kind == "cancelled":
            handle.finish(error=Cancelled())
        elif kind == "failed":
            handle.finish(error=error_from_dict(message["error"]))

    def _enforce(self, now: float, elapsed: float) -> None:
        """See to cancels that are not answered, silence, and a start that takes too long."""
        child = self._child
        if child is None:
            return
        if not child.ready:
            if now - self._started_at > _START_SECONDS:
                self._child_failed(f"it did not start within {_START_SECONDS:.0f} s", hung=True)
            return
        for sent in self._sent:
            if (sent.handle.cancel_asked or self._closing) and sent.cancel_sent_at is None:
                sent.cancel_sent_at = now
                child.send("cancel", job=sent.handle.number)
                if not sent.started:
                    sent.handle.finish(error=Cancelled())  # nothing was begun
        for index, sent in enumerate(self._sent):
            # A job inside another waits for that one's checkpoint; it has not begun.
            asked_at = sent.cancel_sent_at if sent.started or index == 0 else None
            if asked_at is not None and now - asked_at >= _CANCEL_SECONDS:
                child.end()
                self._forget_child(None)
                return
        running = self._running()
        if running is None:
            return
        # Counted in ticks, so that a computer that slept, or a studio that was stopped with
        # Ctrl-Z, does not wake up to jobs that seem to hang.
        running.silent_seconds += min(elapsed, 2 * _TICK_SECONDS)
        limit = running.handle.timeout_seconds
        if limit is not None and running.silent_seconds > limit:
            self._child_failed(f"it gave no sign of life for {limit:g} s", hung=True)

    def _running(self) -> _Sent | None:
        """Return the innermost job that the child has begun."""
        return next((sent for sent in reversed(self._sent) if sent.started), None)

    def _child_failed(self, why: str | None, *, hung: bool = False) -> None:
        """End the child and blame the job it was at, or the one it was started for."""
        child, running = self._child, self._running()
        if child is None:
            return
        words, report = child.end(gone=why is None, hung=hung)
        why = why or words
        blamed = running.handle if running is not None else None
        if not child.ready:
            with self._lock:
                blamed = self._next()
            if blamed is not None:
                self._take(blamed)
                blamed.finish(error=_could_not_start(blamed.job, why))
        elif blamed is not None and not blamed.cancel_asked:
            if report is None:
                report = reports.write_report(
                    f"worker-{self._role}", f"{blamed.job.function}: {why}\n"
                )
            blamed.finish(error=_stopped(blamed.job, why, report))
        self._forget_child(blamed)

    def _forget_child(self, blamed: Handle | None) -> None:
        """Forget a child that ended: cancelled jobs are answered, innocent ones queued again."""
        self._child = None
        again = []
        for sent in self._sent:
            handle = sent.handle
            if handle is blamed or handle.cancel_asked or self._closing:
                handle.finish(error=Cancelled())  # unless it has its answer
            elif not sent.started and handle.number in self._reruns:
                handle.finish(error=_stopped(handle.job, "it ended twice at the start", None))
            else:
                self._reruns.add(handle.number)
                again.append(handle)
        self._sent.clear()
        with self._lock:
            self._waiting.extendleft(reversed(again))


def _could_not_start(job: Job, why: str) -> WorkerError:
    return WorkerError(
        f"The worker process for {job.doing} did not start",
        why=f"{why}.",
        fix="Close other programs and try again; if it stays so, install DrumStudio anew.",
    )


def _listener_raised() -> WorkerError:
    return WorkerError(
        "The program made a mistake",
        why="what listens to a job's progress failed.",
        fix="Nothing else is affected. Try again.",
    )


def _stopped(job: Job, why: str, report: Path | None) -> WorkerError:
    where = f" A report is in {report}" if report else ""
    return WorkerError(
        f"The worker process stopped while {job.doing}",
        why=f"{why}.",
        fix="Nothing else is affected. Try again; if the same file does it again, "
        f"{job.way_out}.{where}",
    )
