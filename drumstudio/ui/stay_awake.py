"""No sleep while a job runs: asks the system, by the means that each system has for it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, QStandardPaths, QTimer

_END_MS = 1_000
# What keeps the computer awake for as long as `cat` runs, which ends when its input does: so
# also when this program is killed.
_PROGRAMS: dict[str, Sequence[str]] = {
    "linux": (
        *("systemd-inhibit", "--what=idle:sleep", "--who=DrumStudio", "--mode=block"),
        *("--why=A song is being separated", "cat"),
    ),
    "darwin": ("caffeinate", "-i", "cat"),
}
_CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x00000001  # SetThreadExecutionState


class StayAwake(QObject):
    """Keeps the computer from sleeping; where it has no means for it, nothing happens.

    Parameters
    ----------
    parent : QObject
        Who owns it.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._asked = False

    def keep(self, awake: bool) -> None:  # noqa: FBT001 (it reads as a sentence)
        """Keep the computer awake from now on, or no more."""
        if awake == self._asked:
            return
        self._asked = awake
        if sys.platform == "win32":
            wanted = _CONTINUOUS | (_SYSTEM_REQUIRED if awake else 0)
            ctypes.windll.kernel32.SetThreadExecutionState(wanted)
        elif awake:
            self._start()
        else:
            self._stop()

    def _start(self) -> None:
        name, *arguments = _PROGRAMS.get(sys.platform, ("",))
        program = QStandardPaths.findExecutable(name) if name else ""
        if program:
            self._process = QProcess(self)
            self._process.start(program, arguments)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        # The window goes on meanwhile: a system that is slow to answer must not hold it up.
        process.finished.connect(process.deleteLater)
        process.closeWriteChannel()
        QTimer.singleShot(_END_MS, process, process.kill)

    def close(self) -> None:
        """Keep it awake no more, and wait for that: for the end of the program."""
        process = self._process
        self.keep(False)
        if process is not None and not process.waitForFinished(_END_MS):
            process.kill()
            process.waitForFinished(_END_MS)
