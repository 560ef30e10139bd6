"""The program with its window: builds what there is and passes it in."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from drumstudio import settings as user_settings
from drumstudio.application.commands import KeyMap
from drumstudio.application.studio import Studio
from drumstudio.application.transport import Transport
from drumstudio.catalog.catalog import default_catalog
from drumstudio.jobs.reports import install_crash_reports
from drumstudio.playback.deck import Deck
from drumstudio.playback.player import SoundSystem
from drumstudio.ui.display import require_display
from drumstudio.workflows.temporary_cache import need_temporary_cache
from drumstudio.workflows.workshop import Workshop


def run(paths: Sequence[Path] = ()) -> int:
    """Open the window with songs or a project; return the exit code when it is closed.

    Raises
    ------
    DisplayError
        If the screen does not answer.
    """
    require_display()
    # Imported here: only who opens a window needs Qt and its system libraries.
    from PySide6.QtCore import Qt, QTimer
    from PySide6.QtWidgets import QApplication

    from drumstudio.ui.main_window import MainWindow
    from drumstudio.ui.theme import Theme

    install_crash_reports("window")
    application = QApplication(sys.argv[:1])
    application.setApplicationName("DrumStudio")
    application.setDesktopFileName("drumstudio")
    settings = user_settings.load()
    note = need_temporary_cache()
    theme = Theme(application, settings.theme)
    studio = Studio(settings, default_catalog(), Workshop(settings))
    sound = SoundSystem()
    transport = Transport(lambda listener: Deck(listener, sound))
    window = MainWindow(studio, transport, KeyMap(), theme)
    # Queued, so that it also ends a loop that has not begun; the last window that closes is not
    # always this one.
    window.ended.connect(application.quit, Qt.ConnectionType.QueuedConnection)
    window.show()
    window.files.offer_recovery()
    if note:
        studio.noticed(note)
    if paths:
        window.commands.add_paths(paths)
    # Ctrl-C in the terminal closes, and so do its end and a shutdown; one that was ignored at the
    # start stays so, as under nohup. Python looks at signals only while it runs.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: window.close_now())
    ticks = QTimer()
    ticks.start(250)
    ticks.timeout.connect(lambda: None)
    return int(application.exec())
