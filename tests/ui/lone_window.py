"""A window in a process of its own, for tests that kill it or count what is left."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"


def build():
    from PySide6.QtWidgets import QApplication

    from drumstudio import settings as user_settings
    from drumstudio.application.commands import KeyMap
    from drumstudio.application.studio import Studio
    from drumstudio.application.transport import Transport
    from drumstudio.catalog.catalog import default_catalog
    from drumstudio.ui.main_window import MainWindow
    from drumstudio.ui.theme import Theme
    from drumstudio.workflows.workshop import Workshop

    application = QApplication.instance() or QApplication([])
    settings = user_settings.load()
    studio = Studio(settings, default_catalog(), Workshop(settings))
    window = MainWindow(studio, Transport(), KeyMap(), Theme(application, "dark"))
    window.show()
    return application, window


def wait(condition, seconds=60.0):
    from PySide6.QtTest import QTest

    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        QTest.qWait(10)


def edit_and_hang(song: str) -> None:
    """Open a song, edit it, say so, and wait to be killed."""
    _, window = build()
    models = window.models
    models.choose("hpss")
    window.commands.add_paths([Path(song)])
    wait(lambda: window.document.song is not None and window.document.song.separations)
    window.document.toggle_solo("drums")
    window.studio.document.flush()
    print("edited", flush=True)
    time.sleep(600)


def close_during_a_job(song: str, seconds: str) -> None:
    """Open a window, start a job, close at some moment."""
    from PySide6.QtTest import QTest

    _, window = build()
    window.models.choose("hpss")
    window.commands.add_paths([Path(song)])
    QTest.qWait(int(float(seconds) * 1000))
    window.close_now()
    print("closed", flush=True)


def open_and_close(times: str) -> None:
    """Open and close windows; print what is left after warming up and at the end."""
    import gc
    import threading

    from PySide6.QtCore import QEvent
    from PySide6.QtWidgets import QApplication

    counts = []
    for number in range(int(times)):
        application, window = build()
        application.processEvents()
        window.finish()
        window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        application.processEvents()
        del window
        gc.collect()
        if number in (int(times) // 3, int(times) - 1):
            files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
            widgets = len(QApplication.allWidgets())
            counts.append((threading.active_count(), files, widgets))
    print(counts[0] == counts[1], counts, flush=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
