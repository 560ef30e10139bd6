"""A new tool of the mask editor is one file and one line in the table."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from drumstudio import paths
from drumstudio.application.editor import Editor
from drumstudio.tools.table import TOOLS
from drumstudio.tools.tool import Tool
from tests.edited_songs import an_edited_project
from tests.tools import stamp

ROOT = Path(__file__).parents[2]

# In a process of its own: the table is read when the program starts.
WINDOW = """
from drumstudio.tools.table import TOOLS
from tests.tools import stamp
if {with_line}:
    TOOLS[stamp.TOOL.name] = stamp.TOOL  # the one line
import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from tests.ui.conftest import put_song
from tests.ui.lone_window import build, wait
_, window = build()
song = put_song(window, np.random.default_rng(3).normal(0, 0.1, (2, 132_300)).astype(np.float32))
window.activateWindow()
wait(window.isActiveWindow)
QTest.keyClick(window, Qt.Key.Key_Q)
canvas = window.spectrogram.canvas
wait(lambda: canvas.complete)
QTest.keyClicks(window, "0")
across = window.state.timeline.view.pixel_at(1.0)
place = QPoint(round(across), round(canvas.axis.row_at(2_000.0) / canvas.devicePixelRatioF()))
QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
layers = window.studio.song(song.id).layers
media = window.studio.document.media
shapes = [media.stroke(blob).shape for layer in layers for blob in layer.strokes]
print(*(type(shape).__name__ for shape in shapes), "tool_square_stamp" in window.actions_)
window.finish()
"""


def painted_in_a_window(home: Path, *, with_line: bool) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "DRUMSTUDIO_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", WINDOW.format(with_line=with_line)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_new_tool_has_a_key_a_button_and_paints(tmp_path):
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    done = painted_in_a_window(tmp_path / "with", with_line=True)
    assert done.stdout.split("\n")[-2] == "Polygon True", done.stderr
    without = painted_in_a_window(tmp_path / "without", with_line=False)
    assert without.stdout.split("\n")[-2] == "Path False", without.stderr  # the brush's


def test_the_editor_takes_a_new_tool(tmp_path, monkeypatch):
    document, song_id = an_edited_project(tmp_path)
    with document:
        editor = Editor(document, song_id)
        monkeypatch.setitem(TOOLS, stamp.TOOL.name, stamp.TOOL)
        editor.settings = replace(editor.settings, tool=stamp.TOOL.name)
        editor.press(1.0, 2_000.0)
        editor.release()
        strokes = document.project.song(song_id).layers[-1].strokes
        assert len(strokes) == 1
        corners = document.media.stroke(strokes[-1]).shape.corners
        assert corners[:, 0].max() - corners[:, 0].min() == pytest.approx(0.25)
        editor.close()


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_every_tool_has_what_a_button_needs(tool):
    assert (paths.shipped_folder("resources") / "icons" / f"{tool.icon}.svg").is_file()
    assert tool.label
    assert tool.hint
    others = [other for other in TOOLS.values() if other is not tool]
    taken = {key for other in others for key in other.keys.split(" | ")}
    assert not taken & set(tool.keys.split(" | "))


def test_a_tool_that_neither_draws_nor_finds_is_refused():
    with pytest.raises(ValueError, match="must either draw or find"):
        Tool("void", "Void", "brush", "0", "", frozenset(), "cross")
