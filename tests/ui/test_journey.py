"""What a person does from a dropped song to a recovered project, with real workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from drumstudio.application import recovery
from drumstudio.application.queue import State
from drumstudio.application.song_export import ExportOrder
from drumstudio.ui.export_dialog import ExportReport
from tests.ui.test_window import drop

ROOT = Path(__file__).parents[2]


@pytest.fixture
def song_file(tmp_path, music) -> Path:
    path = tmp_path / "Night Bus.wav"
    soundfile.write(path, music.T, 44_100, subtype="FLOAT")
    return path


def lone(*arguments, module="tests.ui.lone_window", environment=None, **options):
    """Start a function of a window in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
        **options,
    )


@pytest.mark.robust
def test_drop_separate_solo_loop_export_save_and_open_again(window, qtbot, song_file, tmp_path):
    window.models.choose("hpss")
    assert drop(window, [song_file])
    done = lambda: [row.state for row in window.studio.queue.rows()] == [State.DONE]  # noqa: E731
    qtbot.waitUntil(done, timeout=120_000)
    qtbot.waitUntil(lambda: len(window.state.lanes) == 3)
    qtbot.waitUntil(lambda: all(lane.waveform for lane in window.state.lanes))

    window.state.choose_lane("drums")
    QTest.keyClick(window, Qt.Key.Key_S)
    window.state.select((0.5, 1.5))
    QTest.keyClick(window, Qt.Key.Key_L)
    assert window.document.song.strip("drums").solo
    assert window.transport.view.loop == (0.5, 1.5)

    song = window.document.song
    stems = window.studio.stems
    stems.export(song, ExportOrder(("drums", "rest"), tmp_path / "out"))
    reports = lambda: [w for w in QApplication.topLevelWidgets() if isinstance(w, ExportReport)]  # noqa: E731
    qtbot.waitUntil(lambda: bool(reports()), timeout=60_000)
    reports()[0].close()
    mixture, _ = soundfile.read(song_file, always_2d=True)
    drums, _ = soundfile.read(tmp_path / "out" / "Night Bus_drums.wav", always_2d=True)
    rest, _ = soundfile.read(tmp_path / "out" / "Night Bus_rest.wav", always_2d=True)
    assert np.abs(drums + rest - mixture).max() < 10 ** (-132 / 20)

    saved = tmp_path / "Album.drumstudio"
    window.files.save_to(saved)
    qtbot.waitUntil(lambda: window.studio.document.name == "Album", timeout=20_000)
    qtbot.waitUntil(lambda: window.windowTitle().startswith("Album"))
    window.studio.new_project()
    qtbot.waitUntil(lambda: window.document.song is None, timeout=20_000)
    assert drop(window, [saved])
    qtbot.waitUntil(lambda: window.document.song is not None, timeout=20_000)
    assert window.document.song.strip("drums").solo
    qtbot.waitUntil(lambda: all(lane.waveform for lane in window.state.lanes), timeout=20_000)
    window.commands.undo()
    assert window.studio.document.history.redo_name is not None


@pytest.mark.robust
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is for POSIX")
def test_a_killed_window_leaves_its_work_to_be_recovered(window, qtbot, song_file):
    child = lone("edit_and_hang", song_file)
    line = child.stdout.readline()
    child.kill()
    _, errors = child.communicate(timeout=30)
    assert line == "edited\n", errors
    (found,) = recovery.recoverable_projects()
    assert found.never_saved
    assert found.last_edit == "Solo drums"
    window.studio.open_project(found.path)
    qtbot.waitUntil(lambda: window.document.song is not None, timeout=20_000)
    assert window.document.song.strip("drums").solo
    assert window.document.song.name == "Night Bus"
