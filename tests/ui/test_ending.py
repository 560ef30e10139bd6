"""The program ends with its window, however it is closed, and with nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_and_end(how: str) -> None:
    """Run the program as a person does, and have it end by itself or with its terminal."""
    from PySide6.QtCore import QTimer

    from drumstudio import app
    from drumstudio.ui import main_window

    class Window(main_window.MainWindow):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            ends = {
                "close": self.close,
                "close now": self.close_now,
                "terminate": lambda: os.kill(os.getpid(), signal.SIGTERM),
                "hang up": lambda: os.kill(os.getpid(), signal.SIGHUP),
                "hang up under nohup": self._hang_up_and_close,
                "terminate during a question": self._ask_and_terminate,
            }
            QTimer.singleShot(300, ends[how])

        def _hang_up_and_close(self) -> None:
            os.kill(os.getpid(), signal.SIGHUP)
            QTimer.singleShot(600, lambda: print("still here", flush=True))
            QTimer.singleShot(700, self.close)

        def _ask_and_terminate(self) -> None:
            QTimer.singleShot(300, lambda: os.kill(os.getpid(), signal.SIGTERM))
            self.actions_["preferences"].trigger()

    ignored = how.endswith("nohup")  # whoever runs the tests may have it ignored, too
    signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    main_window.MainWindow = Window
    print("ended", app.run([]), flush=True)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is for POSIX")
@pytest.mark.parametrize(
    "how",
    [
        *("close", "close now", "terminate", "terminate during a question"),
        *("hang up", "hang up under nohup"),
    ],
)
def test_the_program_ends_with_its_window(home, how):
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.ui.test_ending", how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"},
    )
    try:
        output, errors = child.communicate(timeout=60)
    finally:
        child.kill()
    stayed = "still here\n" if how.endswith("nohup") else ""
    assert (child.returncode, output) == (0, f"{stayed}ended 0\n"), errors
    assert "Traceback" not in errors


if __name__ == "__main__":
    run_and_end(sys.argv[1])
