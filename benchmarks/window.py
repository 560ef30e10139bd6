"""The window: how fast it opens, draws, answers and plays; each beside a named peer.

    studio benchmark window [start] [repaint] [open] [gap] [play] [--json] [--seconds N]

start    first window usable, beside importing Qt and pyqtgraph and showing an empty window
repaint  scrolling and zooming 8 lanes of 4 minutes in a 1440x900 window, beside an empty
         pyqtgraph view of that size
open     opening a project with a song of 4 minutes whose peaks are cached, and 8 such lanes
gap      the event loop's silences with nothing to do, and while a song is separated and played
play     late callbacks of 8 stems beside a separation, and of the control that must fail

Everything is offscreen and raster: what is measured is our drawing, no graphics card. Times of
the same run are compared, because a busy machine slows both.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np

from benchmarks.measurement import interleaved, show

ROOT = Path(__file__).resolve().parents[1]
LANES, MINUTES, RATE = 8, 4, 44_100
REPAINTS = 60
GAP_MS = 10

_PEER = """
import PySide6.QtWidgets as w, pyqtgraph
app = w.QApplication([]); window = w.QMainWindow(); window.resize(1440, 900); window.show()
app.processEvents()
import os; os._exit(0)
"""
_OURS = """
from tests.ui.lone_window import build
app, window = build()
app.processEvents()
import sys; assert "torch" not in sys.modules
import os; os._exit(0)
"""


def start(rounds: int = 10) -> dict[str, object]:
    """Time whole processes, interleaved; the smallest counts."""
    with tempfile.TemporaryDirectory() as home:
        # Compiled modules are kept, as where it is installed; the first round makes them.
        environment = {
            **os.environ,
            "DRUMSTUDIO_HOME": home,
            "PYTHONPYCACHEPREFIX": str(Path(home) / "compiled"),
            "PYTHONDONTWRITEBYTECODE": "",
        }

        def process(code: str) -> Callable[[], object]:
            words = [sys.executable, "-c", code]
            return lambda: subprocess.run(words, cwd=ROOT, env=environment, check=True)

        seconds = interleaved(rounds, {"ours": process(_OURS), "peer": process(_PEER)})
    ours, peer = min(seconds["ours"]), min(seconds["peer"])
    return {
        "start_ms": 1e3 * ours,
        "start_empty_window_ms": 1e3 * peer,
        "start_ratio (at most 1.5)": ours / peer,
    }


# --- drawing ---------------------------------------------------------------------------------


def _write_song(folder: Path, number: int) -> tuple[Path, Path]:
    """Write a song of noise hits and its peaks; return both files."""
    from drumstudio.files.peaks import build_peaks
    from drumstudio.files.wav_file import WavWriter
    from drumstudio.jobs.job import no_checkpoint

    generator = np.random.default_rng(number)
    path, peaks = folder / f"{number}.wav", folder / f"{number}.peaks"
    decay = np.exp(-np.arange(RATE) / RATE * 6) * 0.3
    with WavWriter(path, RATE, 2) as writer:
        for _ in range(MINUTES * 60):
            writer.write((generator.standard_normal((2, RATE)) * decay).astype(np.float32))
    build_peaks(no_checkpoint, mixture=str(path), stems=None, outputs={"mixture": str(peaks)})
    return path, peaks


def _lane(number: int, path: Path, peaks: Path):  # noqa: ANN202 (Qt comes later)
    from drumstudio.files.peaks import PeaksReader, Waveform
    from drumstudio.files.wav_file import WavReader
    from drumstudio.ui.song_state import LaneView

    token = ("original", "drums", "rest", "kick", "snare", "toms", "hat", "cymbal")[number]
    waveform = Waveform(PeaksReader(peaks), WavReader(path))
    return LaneView(str(number), token, token, waveform=waveform)


def repaint() -> dict[str, object]:
    """Time from asking for another view until all of it is painted, each lane anew."""
    import pyqtgraph
    from PySide6.QtWidgets import QApplication

    from drumstudio.ui.song_state import SongState
    from drumstudio.ui.song_view import SongView
    from drumstudio.ui.theme import Theme

    application = QApplication.instance() or QApplication([])

    class Peer(pyqtgraph.PlotWidget):
        times_painted = 0

        def paintEvent(self, event) -> None:  # noqa: ANN001, N802 (Qt's name)
            self.times_painted += 1
            super().paintEvent(event)

    theme = Theme(application, "dark")
    state = SongState(application)
    view, peer = SongView(state, theme), Peer()
    with tempfile.TemporaryDirectory() as folder:
        files = [_write_song(Path(folder), number) for number in range(LANES)]
        for widget in (view, peer):
            widget.resize(1440, 900)
            widget.show()
        application.processEvents()

        def open_lanes() -> None:
            state.lanes = [_lane(number, *paths) for number, paths in enumerate(files)]
            view.show_lanes({})
            state.timeline.show_song(MINUTES * 60.0, RATE)
            view.repaint()

        opened = _seconds(open_lanes)
        state.timeline.zoom(3.0, 600)
        timeline = state.timeline
        # A hand scrolls for a while, then zooms for a while: ten steps of each, forth and back.
        gestures = {
            "scroll": lambda step, way: timeline.scroll(37 * way),
            "zoom": lambda step, way: timeline.zoom(1.25**way, 600),
            "peer": lambda step, way: peer.setXRange(step, step + 100.0, padding=0),
        }
        seconds: dict[str, list[float]] = {name: [] for name in gestures}
        for way in (1, -1) * (REPAINTS // 20):
            for name, move in gestures.items():
                for step in range(10):
                    started = time.perf_counter()
                    move(step, way)
                    application.processEvents()  # all that this damaged is painted
                    seconds[name].append(time.perf_counter() - started)
        assert view.canvas.pictures_drawn > LANES * REPAINTS, "nothing was painted"
        assert peer.times_painted > REPAINTS, "the peer painted nothing"
    ours = statistics.median(seconds["scroll"] + seconds["zoom"])
    other = statistics.median(seconds["peer"])
    return {
        "repaint_scroll_ms": 1e3 * statistics.median(seconds["scroll"]),
        "repaint_zoom_ms": 1e3 * statistics.median(seconds["zoom"]),
        "repaint_ms (at most 16)": 1e3 * ours,
        "repaint_worst_ms": 1e3 * max(seconds["scroll"] + seconds["zoom"]),
        "repaint_empty_pyqtgraph_ms": 1e3 * other,
        "repaint_ratio (at most 2)": ours / other,
        "repaint_zoom_ratio": statistics.median(seconds["zoom"]) / other,
        "open_8_lanes_ms (at most 1000)": 1e3 * opened,
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# --- a whole window ----------------------------------------------------------------------------


@contextmanager
def _window() -> Iterator[tuple[object, object]]:
    from tests.ui.lone_window import build

    with tempfile.TemporaryDirectory() as home:
        os.environ["DRUMSTUDIO_HOME"] = home
        application, window = build()
        try:
            yield window, Path(home)
        finally:
            window.finish()
            window.deleteLater()
            application.processEvents()


def open_project(rounds: int = 5) -> dict[str, object]:
    """Time from asking for a project until its lanes are painted, in a window that is open."""
    from tests.ui.conftest import put_song
    from tests.ui.lone_window import wait

    generator = np.random.default_rng(1)
    sound = generator.standard_normal((2, MINUTES * 60 * RATE), dtype=np.float32) * 0.2
    seconds = []
    with _window() as (window, home):
        put_song(window, sound)
        path = home / "Album.drumstudio"
        window.studio.document.save_as(path)
        for _ in range(rounds):
            window.studio.new_project()
            wait(lambda: window.studio.document.is_never_saved)
            wait(lambda: not window.state.lanes)

            def opened() -> None:
                window.studio.open_project(path)
                wait(lambda: len(window.state.lanes) == 3)
                wait(lambda: all(lane.waveform for lane in window.state.lanes))
                window.repaint()

            seconds.append(_seconds(opened))
    return {"open_project_ms (at most 1000)": 1e3 * statistics.median(seconds)}


def gap(seconds: float = 60.0) -> dict[str, object]:
    """Watch a 10 ms timer of the window's event loop: idle, and while it separates and plays."""
    import soundfile

    from tests.ui.lone_window import wait

    with _window() as (window, home):
        song = home / "song.wav"
        noise = np.random.default_rng(7).standard_normal((RATE * 90, 2)) * 0.1
        soundfile.write(song, noise.astype(np.float32), RATE)
        idle = _gaps(5.0, lambda: True)
        window.commands.add_paths([song])
        wait(lambda: window.document.song is not None)
        wait(lambda: any(lane.waveform for lane in window.state.lanes))
        window.transport.play()
        separating = lambda: any(  # noqa: E731
            row.state.value in ("waiting", "running") for row in window.studio.queue.rows()
        )
        busy = _gaps(seconds, separating)
        window.transport.stop()
        model = window.models.model_id
    return {
        "gap_model": model,
        "gap_idle_p99_ms": np.percentile(idle, 99),
        "gap_idle_max_ms": max(idle),
        "gap_busy_seconds": sum(busy) / 1e3,
        "gap_busy_median_ms": float(np.median(busy)),
        "gap_busy_p99_ms (at most 50)": float(np.percentile(busy, 99)),
        "gap_busy_max_ms (at most 150)": max(busy),
    }


def _gaps(seconds: float, go_on: Callable[[], bool]) -> list[float]:
    from PySide6.QtCore import QEventLoop, Qt, QTimer

    loop, moments = QEventLoop(), []
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    until = time.perf_counter() + seconds

    def tick() -> None:
        moments.append(time.perf_counter())
        if moments[-1] > until or not go_on():
            loop.quit()

    timer.timeout.connect(tick)
    timer.start(GAP_MS)
    loop.exec()
    return [1e3 * float(gap) for gap in np.diff(moments)]


def play(seconds: float = 30.0) -> dict[str, object]:
    """Count callbacks that come late on a paced output that nobody hears."""
    from tests.playback import paced

    with tempfile.TemporaryDirectory() as folder, paced.written_stems(Path(folder)) as stems:
        limit = paced.LATE_SECONDS
        with paced.running(paced.SEPARATION):
            with paced.running(paced.BYSTANDER, paced.BLOCK / RATE, limit) as bystander:
                lateness, missed = paced.play(stems, seconds, paced.drawing)
            control, control_missed = paced.play(stems, 4, paced.parsing)
    return {
        "play_callbacks": len(lateness),
        "play_late (0)": int((lateness > limit).sum()),
        "play_worst_ms": 1e3 * lateness.max(),
        "play_missed_samples (0)": missed,
        "play_bystander_late": int(bystander[0]),
        "play_control_late (must fail)": int((control > limit).sum()),
        "play_control_worst_ms": 1e3 * control.max(),
        "play_control_missed_samples": control_missed,
    }


PARTS: dict[str, Callable[..., dict[str, object]]] = {
    "start": start,
    "repaint": repaint,
    "open": open_project,
    "gap": gap,
    "play": play,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, help="how long gap and play watch")
    options = parser.parse_args()
    result: dict[str, object] = {}
    for name in options.parts or PARTS:
        timed = options.seconds is not None and name in ("gap", "play")
        result.update(PARTS[name](**({"seconds": options.seconds} if timed else {})))
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
