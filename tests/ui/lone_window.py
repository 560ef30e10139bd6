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
    from drumstudio.playback.deck import Deck
    from drumstudio.playback.player import SoundSystem
    from drumstudio.ui.main_window import MainWindow
    from drumstudio.ui.theme import Theme
    from drumstudio.workflows.workshop import Workshop

    application = QApplication.instance() or QApplication([])
    settings = user_settings.load()
    studio = Studio(settings, default_catalog(), Workshop(settings))
    sound = SoundSystem()
    transport = Transport(lambda listener: Deck(listener, sound))
    window = MainWindow(studio, transport, KeyMap(), Theme(application, "dark"))
    window.show()
    return application, window


def wait(condition, seconds=120.0):
    from PySide6.QtWidgets import QApplication

    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        QApplication.processEvents()
        time.sleep(0.002)  # QTest.qWait would keep the interpreter's lock from other threads


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


def close_during_jobs(song: str, times: str, seed: str) -> None:
    """Open windows, start a job in each, close at some moment; print the slowest closing."""
    import random

    from PySide6.QtTest import QTest

    generator = random.Random(int(seed))
    slowest = 0.0
    for _ in range(int(times)):
        application, window = build()
        window.models.choose("hpss")
        window.commands.add_paths([Path(song)])
        QTest.qWait(
            round(1_000 * generator.choice((0.0, 0.05, 0.4, 1.0, 2.5)) * generator.random())
        )
        started = time.monotonic()
        window.close_now()
        slowest = max(slowest, time.monotonic() - started)
        window.deleteLater()
        application.processEvents()
    print(f"closed {slowest:.3f}", flush=True)


def leave_a_thread() -> None:
    """End while a thread of Qt's is running: what closing must never do."""
    from PySide6.QtCore import QThread

    build()
    thread = QThread()
    thread.start()
    del thread


def stem_project(window, folder: Path, seconds: float = 3.0) -> Path:
    """Save a project with a separated song; return it."""
    import numpy as np

    from tests.ui.conftest import put_song

    sound = np.random.default_rng(5).standard_normal((2, round(44_100 * seconds))) * 0.1
    put_song(window, sound.astype(np.float32))
    path = folder / "Night Bus.drumstudio"
    window.studio.document.save_as(path)
    return path


def resident_bytes() -> int:
    """Return this process's resident memory; 0 where there is no way to know it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_and_close(times: str, folder: str, leak: str = "") -> None:
    """Open windows with a project, play, close; print what is left after warming up and at last.

    Parameters
    ----------
    times, folder : str
        How often; where there is room for a project.
    leak : str
        "window" keeps every window open: for the control.
    """
    import gc
    import json
    import threading

    from PySide6.QtCore import QEvent
    from PySide6.QtWidgets import QApplication

    counts, kept = [], []
    project = None
    for number in range(int(times)):
        application, window = build()
        if project is None:
            project = stem_project(window, Path(folder))
        else:
            window.studio.open_project(project)
            wait(lambda w=window: len(w.state.lanes) == 3)
            wait(lambda w=window: all(lane.waveform for lane in w.state.lanes))
        window.transport.play()
        application.processEvents()
        window.transport.stop()
        if leak:
            kept.append(window)
        else:
            window.finish()
            window.theme.deleteLater()  # the application's, which lives on
            window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        application.processEvents()
        del window
        gc.collect()
        if number in (int(times) // 3, int(times) - 1):
            files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
            counts.append(
                {
                    "threads": threading.active_count(),
                    "files": files,
                    "widgets": len(QApplication.allWidgets()),
                    "bytes": resident_bytes(),
                }
            )
    print(json.dumps(counts), flush=True)
    if leak:
        os._exit(0)


def repaint_many(times: str, folder: str, leak: str = "") -> None:
    """Repaint a window with a song, scrolled and zoomed; print memory and references to None."""
    import gc
    import json

    application, window = build()
    stem_project(window, Path(folder), 20.0)
    application.processEvents()
    timeline, kept = window.state.timeline, []
    window.state.playing = True
    counts = []
    for number in range(int(times)):
        if number % 50 < 25:
            timeline.scroll(37 if number % 100 < 50 else -37)
        else:
            timeline.zoom(1.25 if number % 100 < 50 else 0.8, 300)
        window.state.show_playhead(number % 20)
        window.repaint()
        if leak:
            kept.append(window.grab())
        if number in (int(times) // 3, int(times) - 1):
            gc.collect()
            counts.append({"bytes": resident_bytes(), "nones": sys.getrefcount(None)})
    drawn = window.view.canvas.pictures_drawn
    window.finish()
    print(json.dumps({"counts": counts, "drawn": drawn}), flush=True)


def whole_evening(song: str, folder: str, blunder: str = "") -> None:
    """Import, separate, play, edit, export and save; print the event loop's gaps.

    Parameters
    ----------
    song, folder : str
        A sound file; where there is room.
    blunder : str
        Instead of all that, "block" has the window compute for a second and "thread" has
        another thread draw: for the controls.
    """
    import json
    import threading

    from PySide6.QtCore import QTimer
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QWidget

    painters: set[str] = set()
    for method in ("update", "repaint", "setVisible", "resize", "setToolTip"):
        _note_threads(QWidget, method, painters)
    _, window = build()
    window.models.choose("hpss")
    QTest.qWait(300)
    moments = [time.perf_counter()]
    timer = QTimer()
    timer.timeout.connect(lambda: moments.append(time.perf_counter()))
    timer.start(10)
    if not blunder:
        _live(window, Path(song), Path(folder))
    elif blunder == "block":
        QTimer.singleShot(100, lambda: time.sleep(1.0))
    elif blunder == "thread":
        thread = threading.Thread(target=lambda: window.bar.setToolTip("drawn elsewhere"))
        thread.start()
        thread.join()
    QTest.qWait(1_500)
    timer.stop()
    gaps = sorted(after - before for before, after in zip(moments, moments[1:], strict=False))
    window.finish()
    print(
        json.dumps(
            {
                "gaps": len(gaps),
                "p99": gaps[round(0.99 * (len(gaps) - 1))],
                "longest": gaps[-1],
                "threads": sorted(painters),
                "loaded": [m for m in ("torch", "librosa", "numba") if m in sys.modules],
            }
        ),
        flush=True,
    )


def _note_threads(kind: type, method: str, names: set[str]) -> None:
    """Note the names of the threads that call a method."""
    import threading

    original = getattr(kind, method)

    def noting(*arguments):
        names.add(threading.current_thread().name)
        return original(*arguments)

    setattr(kind, method, noting)


def _live(window, song: Path, folder: Path) -> None:
    from PySide6.QtTest import QTest

    from drumstudio.application.song_export import ExportOrder

    window.commands.add_paths([song])
    wait(lambda: window.document.song is not None)
    window.transport.play()
    wait(lambda: all(row.state.value == "done" for row in window.studio.queue.rows()))
    wait(lambda: len(window.state.lanes) == 3)
    wait(lambda: all(lane.waveform for lane in window.state.lanes))
    window.document.toggle_solo("drums")
    for step in range(20):
        window.state.timeline.zoom(1.3 if step < 10 else 0.7, 200)
        QTest.qWait(20)
    window.transport.stop()
    exported: list[object] = []
    window.studio.exported.connect(exported.append)
    window.studio.stems.export(window.document.song, ExportOrder(("drums", "rest"), folder))
    wait(lambda: bool(exported))
    window.files.save_to(folder / "Evening")
    wait(lambda: window.studio.document.name == "Evening")


def launch(song: str, *mischief: str) -> None:
    """Start the program itself, play a little, and print what it says of what is missing.

    Parameters
    ----------
    song : str
        A project with a song, to be opened and played.
    mischief : str
        "mistake": a slot of the window raises. "full disk": no file may grow. "no window": what
        windows are made of does not load, for the control.
    """
    import json

    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from drumstudio import app
    from drumstudio.ui.main_window import MainWindow

    if "no window" in mischief:
        sys.modules["drumstudio.ui.theme"] = None  # type: ignore[assignment]
    if "full disk" in mischief:
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    show = MainWindow.show

    def on_show(window: MainWindow) -> None:
        show(window)
        QTimer.singleShot(1_000, window.transport.play)
        if "mistake" in mischief:
            QTimer.singleShot(1_200, lambda: 1 / 0)
        QTimer.singleShot(2_000, lambda: tell(window))

    def tell(window: MainWindow) -> None:
        output = window.player.output
        print(
            json.dumps(
                {
                    "visible": window.isVisible(),
                    "lanes": len(window.state.lanes),
                    "playing": window.transport.view.state.value,
                    "heard_seconds": window.transport.heard_seconds(),
                    "silent": output is not None and output.silent,
                    "why": str(output.reason) if output is not None else "",
                    "log": window.log.text(),
                }
            ),
            flush=True,
        )
        for widget in QApplication.topLevelWidgets():
            if widget is not window:
                widget.close()
        window.close_now()

    MainWindow.show = on_show
    sys.exit(app.run([Path(song)] if song else []))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
