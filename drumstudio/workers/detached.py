"""The program itself, started so that it goes on when who started it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from drumstudio import atomic
from drumstudio.core.errors import WorkerError


class Detached:
    """A run of the command line in a process of its own.

    Parameters
    ----------
    words : sequence of str
        What stands after `studio` on the command line.
    log : Path
        Where everything it prints is written; what was there is replaced.

    Raises
    ------
    DrumStudioError
        If the log can not be written, or the system starts no more processes.
    """

    def __init__(self, words: Sequence[str], log: Path) -> None:
        frozen = hasattr(sys, "_MEIPASS")  # then the program is its own interpreter
        program = [sys.executable] if frozen else [sys.executable, "-m", "drumstudio"]
        try:
            atomic.require_replaceable(log)
            log.unlink(missing_ok=True)
            printed = os.fdopen(atomic.create_file(log), "wb")
        except OSError as error:
            raise atomic.explain_os_error(error, f"Cannot start {words[0]}", log) from error
        with printed:
            try:
                self._process = subprocess.Popen(
                    [*program, *words],
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=subprocess.STDOUT,
                    # A folder that stays: the one at hand may be on a stick that is pulled out.
                    cwd=Path(sys.executable).parent if frozen else Path(__file__).parents[2],
                    start_new_session=True,  # no Ctrl-C and no closed terminal reaches it
                    creationflags=_creation_flags(),
                )
            except OSError as error:
                raise WorkerError(
                    "Cannot start another process",
                    why=f"the system refuses: {error.strerror or error}.",
                    fix="Close other programs and try again.",
                ) from error
        self.pid = self._process.pid
        # Somebody must take its exit code, or it stays in the system's list after its end.
        threading.Thread(target=self._process.wait, name="detached", daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None


def _creation_flags() -> int:
    if sys.platform != "win32":
        return 0
    return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
