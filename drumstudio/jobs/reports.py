"""Crash reports: one text file a crash, in the user's own folder; nothing is ever sent."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import platform
import secrets
import sys
import threading
import time
import traceback
from pathlib import Path
from types import TracebackType

from drumstudio import atomic, paths
from drumstudio.core.errors import DrumStudioError

KEPT = 20
SUFFIXES = (".txt", ".fault")


def new_report_path(process: str) -> Path:
    """Return a new path in the reports folder for a process of that name: "window"."""
    moment = time.strftime("%Y%m%d-%H%M%S")
    return paths.reports_folder() / f"{process}-{moment}-{secrets.token_hex(3)}.txt"


def write_report(process: str, text: str) -> Path | None:
    """Write one report and prune the old ones; return its path.

    Parameters
    ----------
    process : str
        Which process it is about: "window", "worker-decode".
    text : str
        What happened: a traceback, how a process ended.

    Returns
    -------
    Path or None
        None if the folder can not be written: a report must not become a second error.
    """
    path = new_report_path(process)
    with contextlib.suppress(OSError, DrumStudioError):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(path, header(process) + text)
        prune()
        return path
    return None


def report_exception(process: str, error: BaseException) -> Path | None:
    """Write the traceback of an error as a report; return its path, or None."""
    return write_report(process, "".join(traceback.format_exception(error)))


def header(process: str) -> str:
    """Return the first lines of a report: which program, where it ran, and when."""
    return (
        f"DrumStudio crash report ({process}). It stays on this computer.\n"
        f"{time.strftime('%Y-%m-%d %H:%M:%S')}, Python {platform.python_version()}, "
        f"{platform.platform()}\n\n"
    )


def prune() -> None:
    """Keep the newest 20 files: reports, and fault files that killed programs left."""
    with contextlib.suppress(OSError):
        reports = [path for path in paths.reports_folder().iterdir() if path.suffix in SUFFIXES]
        reports.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in reports[KEPT:]:
            atomic.remove(path)


class FaultFile:
    """A file that the interpreter itself writes to when native code crashes.

    It is opened beforehand, since a crashing process can open nothing any more, and
    removed again if nothing happened.

    Parameters
    ----------
    process : str
        Which process it is for.
    path : Path
        Where, from `new_report_path`.
    """

    def __init__(self, process: str, path: Path) -> None:
        self.path = path
        self._file = None
        with contextlib.suppress(OSError):  # a folder that can not be written: no report
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8")
            self._file.write(header(process))
            self._file.flush()
            faulthandler.enable(self._file, all_threads=True)

    def dump_on_signal(self, number: int) -> None:
        """Have a signal write where every thread is: what a hanging process was doing."""
        if self._file is not None and hasattr(faulthandler, "register"):
            faulthandler.register(number, self._file, all_threads=True)

    def remove_if_unused(self) -> None:
        """Remove the file unless a crash was written to it; for a process that ends well."""
        if self._file is not None and not crash_was_written(self.path):
            with contextlib.suppress(OSError):
                atomic.remove(self.path)


def crash_was_written(path: Path) -> bool:
    """Return whether a fault file holds more than its header."""
    try:
        return len(path.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[1]) > 0
    except (OSError, IndexError):
        return False


def install_crash_reports(process: str = "studio") -> None:
    """Have every crash of this process leave one report in the reports folder.

    Native crashes (through faulthandler) and exceptions that nobody caught, in the main
    thread and in others. Call once, first thing in a program. Ctrl-C is no crash.
    """
    fault_file = FaultFile(process, new_report_path(process))
    atexit.register(fault_file.remove_if_unused)
    prune()

    def report(error: BaseException) -> None:
        path = report_exception(process, error)
        if path is not None and sys.stderr is not None:
            print(f"A report of what went wrong is in {path}", file=sys.stderr)

    before = sys.excepthook

    def on_exception(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            report(error)
        before(kind, error, trace)

    before_in_threads = threading.excepthook

    def on_thread_exception(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            report(arguments.exc_value)
        before_in_threads(arguments)

    sys.excepthook = on_exception
    threading.excepthook = on_thread_exception
