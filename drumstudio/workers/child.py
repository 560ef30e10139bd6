"""A child process as its parent sees it: started, spoken to, ended, and how it ended."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.jobs import reports
from drumstudio.workers import protocol
from drumstudio.workers.main import ENDINGS, run_child

_END_SECONDS = 5.0

_SIGNALS = {
    "SIGSEGV": "it reached for memory that is not its own",
    "SIGBUS": "a file or memory it was using went away",
    "SIGABRT": "a library gave up",
    "SIGKILL": "it was ended by force, perhaps because the memory ran out",
    "SIGTERM": "it was asked to end by another program",
    "SIGILL": "it met an instruction that this processor does not know",
    "SIGFPE": "a library divided by zero",
}
_WINDOWS_CODES = {0xC0000005: "SIGSEGV", 0xC0000409: "SIGABRT", 0xC000001D: "SIGILL"}


class Child:
    """A running child of one role.

    Parameters
    ----------
    role : str
        Which role it plays.
    threads : int or None
        How many threads numpy and torch may use in it.

    Attributes
    ----------
    ready : bool
        Whether it has said that it takes jobs.
    pid : int
        Process id.

    Raises
    ------
    OSError
        If the system starts no more processes.
    """

    def __init__(self, role: str, threads: int | None) -> None:
        self.role = role
        self.ready = False
        self._temporaries: set[Path] = set()
        # A report only once something was written to it.
        self._fault_path = reports.new_report_path(f"worker-{role}").with_suffix(".fault")
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe(duplex=True)
        self._process = context.Process(
            target=run_child,
            args=(theirs, role, threads, str(self._fault_path)),
            name=f"drumstudio-{role}",
            daemon=True,
        )
        with _interrupts_held_back():
            self._process.start()
        self.pid = self._process.pid or 0
        theirs.close()  # else the child's death would not end our side of the pipe

    @property
    def sentinel(self) -> int:
        """What `multiprocessing.connection.wait` can wait for: the end of the process."""
        return self._process.sentinel

    def send(self, kind: str, **fields: Any) -> None:
        """Send a message; one to a child that is gone is dropped (its end is seen apart)."""
        with contextlib.suppress(OSError):
            protocol.send(self.connection, kind, **fields)

    def receive(self) -> protocol.Message:
        """Return the next message about a job, or one that says nothing more ("ready").

        Raises
        ------
        ValueError, EOFError, OSError
            As `protocol.receive`.
        """
        message = protocol.receive(self.connection)
        if message["type"] == "ready":
            self.ready = True
        elif message["type"] == "temporary":
            path = Path(message["path"])
            # A child that is no longer ours may name what it likes: only our own names.
            if message["event"] == "started" and atomic.is_temporary(path):
                self._temporaries.add(path)
            else:
                self._temporaries.discard(path)
        return message

    def end(self, *, gone: bool = False, hung: bool = False) -> tuple[str, Path | None]:
        """End the process, whatever it does, and clean up after it.

        Parameters
        ----------
        gone : bool
            Whether its end was seen, so that there is an exit code to wait for.
        hung : bool
            Whether to have it write down first what it was doing.

        Returns
        -------
        words : str
            How it ended, in plain words.
        report : Path or None
            What its interpreter wrote when it crashed or hung.
        """
        code = self._wait_for_exit_code(1.0) if gone else None
        if hung and sys.platform != "win32":
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGUSR1)
            self._wait_for_exit_code(0.2)
        if code is None:
            self._process.kill()
            code = self._wait_for_exit_code(_END_SECONDS)
        self.connection.close()
        for path in self._temporaries:
            with contextlib.suppress(OSError):
                atomic.remove(path)
        self._temporaries.clear()
        if code is not None:
            self._process.close()  # or its pipe stays open until the garbage is collected
        words = how_it_ended(code) if code is not None else "it did not answer any more"
        return words, self._take_report()

    def release(self) -> None:
        """Let an idle child end by itself, which closing the pipe makes it do."""
        self.connection.close()
        self.end(gone=True)

    def _take_report(self) -> Path | None:
        with contextlib.suppress(OSError):
            if reports.crash_was_written(self._fault_path):
                report = self._fault_path.with_suffix(".txt")
                atomic.replace(self._fault_path, report)
                reports.prune()
                return report
            atomic.remove(self._fault_path)
        return None

    def _wait_for_exit_code(self, seconds: float) -> int | None:
        # `join` alone does not do: another thread that starts a process may have collected
        # this one's exit code, and then it is known only a moment later.
        until = time.monotonic() + seconds
        while self._process.exitcode is None and time.monotonic() < until:
            self._process.join(0.02)
        return self._process.exitcode


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Start children with Ctrl-C and the like held back, until they ignore them themselves."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def how_it_ended(code: int) -> str:
    """Return in plain words what an exit code of a process means."""
    name = _WINDOWS_CODES.get(code % 2**32)
    if name is None and code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
    if name in _SIGNALS:
        return f"{_SIGNALS[name]} ({name})"
    return f"it was stopped by {name}" if name else f"it ended by itself (exit code {code})"
