"""The child's side of a worker: takes jobs from the pipe, runs them, ends with its parent."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from drumstudio import atomic
from drumstudio.core.errors import Cancelled, DrumStudioError, WorkerError
from drumstudio.jobs import reports
from drumstudio.workers import protocol
from drumstudio.workers.priority import lower_this_process
from drumstudio.workers.roles import ROLES

_REPORT_EVERY_SECONDS = 0.05
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


ENDINGS = {
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
}
"""Signals that ask a program to end."""


def run_child(connection: Connection, role: str, threads: int | None, fault_path: str) -> None:
    """Serve jobs until the parent closes the pipe or dies; the target of the process.

    Parameters
    ----------
    connection : Connection
        The child's end of the pipe.
    role : str
        Which role this child plays, for its report.
    threads : int or None
        How many threads numpy and torch may use; None leaves it to them.
    fault_path : str
        Where a native crash is to be written.
    """
    _ignore_interrupts()
    _send_prints_to_stderr()
    lower_this_process(ROLES[role])
    if threads is not None:
        # Read once, when numpy or torch is loaded: nothing here has loaded them yet.
        os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    fault_file = reports.FaultFile(f"worker-{role}", Path(fault_path))
    if hasattr(signal, "SIGUSR1"):
        fault_file.dump_on_signal(signal.SIGUSR1)
    _Child(connection, role, fault_file).serve()


def _ignore_interrupts() -> None:
    # Ctrl-C and the end of a terminal reach all its processes, a shutdown reaches all there are.
    # The parent decides what they mean; if it ends, so do we. It started us with the signals
    # held back, so that none could slip in before this line.
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)


def _send_prints_to_stderr() -> None:
    # Standard output belongs to the parent, which may be writing one JSON document to it;
    # native code that prints knows the descriptor only, hence dup2.
    with contextlib.suppress(OSError):
        os.dup2(2, 1)


@dataclass(frozen=True, slots=True)
class _Order:
    job: int
    function: str
    arguments: dict[str, Any]


class _Child:
    def __init__(self, connection: Connection, role: str, fault_file: reports.FaultFile) -> None:
        self._connection = connection
        self._role = role
        self._fault_file = fault_file
        self._sending = threading.Lock()
        self._news = threading.Condition()
        self._waiting: deque[_Order] = deque()
        self._urgent: deque[_Order] = deque()
        self._cancelled: set[int] = set()
        self._temporaries: set[Path] = set()

    def serve(self) -> NoReturn:
        atomic.observe(self._on_temporary)
        threading.Thread(target=self._read, name="parent", daemon=True).start()
        self._send("ready")
        while True:
            with self._news:
                self._news.wait_for(lambda: self._urgent or self._waiting)
                order = (self._urgent or self._waiting).popleft()
            self._run(order, nested=False)

    def _read(self) -> None:
        """Take orders, also while a job runs; end the process when the parent is gone."""
        while True:
            try:
                message = protocol.receive(self._connection)
            except (EOFError, OSError):
                self._leave()
            with self._news:
                if message["type"] == "cancel":
                    self._cancelled.add(message["job"])
                else:
                    order = _Order(message["job"], message["function"], message["arguments"])
                    (self._urgent if message["urgent"] else self._waiting).append(order)
                self._news.notify_all()

    def _leave(self) -> NoReturn:
        """End at once, whatever the other threads do, and leave no half-written file."""
        for path in list(self._temporaries):
            with contextlib.suppress(OSError):
                atomic.remove(path)
        self._fault_file.remove_if_unused()
        os._exit(0)

    def _send(self, kind: str, **fields: Any) -> None:
        data = protocol.encode(kind, fields)
        try:
            with self._sending:
                self._connection.send_bytes(data)
        except OSError:
            self._leave()

    def _on_temporary(self, event: str, path: Path) -> None:
        path = path.absolute()
        if event == "started":
            self._temporaries.add(path)
        else:
            self._temporaries.discard(path)
        self._send("temporary", event=event, path=str(path))

    def _run(self, order: _Order, *, nested: bool) -> None:
        self._send("started", job=order.job)
        try:
            if order.job in self._cancelled:
                raise Cancelled
            function = _resolve(order.function)
            result = function(self._checkpoint(order.job, nested), **order.arguments)
            self._answer(order.job, result)
        except Cancelled:
            self._send("cancelled", job=order.job)
        except DrumStudioError as error:
            self._send("failed", job=order.job, error=error.to_dict())
        except Exception as error:  # noqa: BLE001 - the job boundary: the next job must work
            self._send("failed", job=order.job, error=self._unforeseen(error).to_dict())

    def _answer(self, job: int, result: Any) -> None:
        if not isinstance(result, dict):
            raise TypeError(f"a job must return a dict, got {type(result).__name__}")
        size = len(protocol.encode("done", {"job": job, "result": result}))
        if size > protocol.MAX_RESULT_BYTES:
            raise ValueError(
                f"a result may hold {protocol.MAX_RESULT_BYTES} bytes, got {size}; "
                "what is larger goes through a file"
            )
        self._send("done", job=job, result=result)

    def _unforeseen(self, error: Exception) -> WorkerError:
        report = reports.report_exception(f"worker-{self._role}", error)
        where = f" The details are in {report}" if report else ""
        return WorkerError(
            "The program made a mistake",
            why=f"{type(error).__name__}: {error}",
            fix=f"Nothing else is affected; other songs go on.{where}",
        )

    def _checkpoint(self, job: int, nested: bool) -> Callable[[float, str], None]:
        reported_at = -math.inf

        def report(fraction: float, message: str) -> None:
            nonlocal reported_at
            self._stop_if_cancelled(job)
            # What somebody waits for in front of the screen goes before the next chunk of
            # a long job; it does not give way itself.
            while not nested and self._urgent:
                with self._news:
                    order = self._urgent.popleft()
                self._run(order, nested=True)
                reported_at = -math.inf
            self._stop_if_cancelled(job)
            now = time.monotonic()
            if now - reported_at >= _REPORT_EVERY_SECONDS or fraction >= 1.0:
                reported_at = now
                share = min(max(float(fraction), 0.0), 1.0) if math.isfinite(fraction) else 0.0
                self._send("progress", job=job, fraction=share, message=str(message)[:1000])

        return report

    def _stop_if_cancelled(self, job: int) -> None:
        if job in self._cancelled:
            raise Cancelled


def _resolve(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
