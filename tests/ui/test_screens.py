"""The window fits on small screens, and comes back onto the screen that is there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from drumstudio.ui import panes
from tests.ui.screens import outside, screen_platform
from tests.ui.test_window import hold

SIZES = ((960, 500), (1280, 690), (1440, 900))


def fit(window, qtbot, size):
    window.resize(*size)
    qtbot.wait(30)
    assert (window.width(), window.height()) == size


def settle(window, qtbot):
    """Wait until nothing is outside: what was just made is laid out a moment later."""
    qtbot.wait(30)
    for _ in range(20):
        if not outside(window):
            return
        qtbot.wait(50)
    assert outside(window) == []


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_everything_is_inside_the_window_whatever_is_open(window, song, qtbot, size):
    fit(window, qtbot, size)
    assert outside(window) == []
    window.actions_["spectrogram"].trigger()
    window.studio.queue.add("a long song", hold)
    for number in range(6):
        window.studio.queue.add(f"another song with quite a long name {number}", hold)
    window.grid.show_song(window.document.song)
    qtbot.waitUntil(lambda: len(window.queue._rows) == 7)
    for pane in window.panes.values():
        pane.fold(False)
        settle(window, qtbot)
        assert (window.width(), window.height()) == size
    assert window.spectrogram.canvas.height() >= 80
    assert window.view._scroll_area.height() >= 40
    window.actions_["training"].trigger()
    settle(window, qtbot)
    assert (window.width(), window.height()) == size


def test_the_check_sees_a_button_that_is_cut_off(window, qtbot):
    button = QPushButton("far away", window.bar)
    button.setGeometry(window.width() - 20, 4, 90, 28)
    button.show()
    assert len(outside(window)) == 1


def test_side_panels_fold_where_it_is_narrow_and_come_back(window, qtbot):
    songs, models = window.panes["Songs"], window.panes["Model"]
    fit(window, qtbot, (1440, 900))
    width = models.width()
    assert not songs.is_folded
    assert not models.is_folded
    fit(window, qtbot, (960, 600))
    assert models.is_folded
    assert models.width() < 40
    assert not models.widget().isVisible()
    fit(window, qtbot, (1440, 900))
    assert not models.is_folded
    qtbot.waitUntil(lambda: abs(models.width() - width) < 8)


def test_a_click_on_a_folded_panel_brings_it_back_and_folds_the_other(window, qtbot):
    songs, models = window.panes["Songs"], window.panes["Model"]
    fit(window, qtbot, (1440, 900))
    fit(window, qtbot, (940, 500))
    songs.fold(True)
    qtbot.mouseClick(models._strip, Qt.MouseButton.LeftButton)
    assert models.widget().isVisible()
    qtbot.waitUntil(lambda: models.width() > 100)
    qtbot.mouseClick(songs._strip, Qt.MouseButton.LeftButton)
    assert songs.widget().isVisible()
    assert models.is_folded


def test_what_was_folded_is_folded_at_the_next_start(window, qtbot):
    window.panes["Songs"].fold(True)
    panes.store_layout(window)
    window.panes["Songs"].fold(False)
    panes.restore_layout(window)
    assert window.panes["Songs"].is_folded
    assert not window.panes["Model"].is_folded


def test_a_low_window_has_a_low_queue_and_a_high_one_as_one_likes(window, song, qtbot):
    window.studio.queue.add("a long song", hold)
    qtbot.waitUntil(lambda: bool(window.queue._rows))
    for size in ((1280, 720), (960, 500), (1280, 720)):
        fit(window, qtbot, size)
        window._fit_queue(190)
        qtbot.wait(20)
        assert (window.queue.height() > 150) == (size[1] == 720)


def test_finished_jobs_leave_the_queue_by_themselves(window, qtbot, monkeypatch):
    monkeypatch.setattr("drumstudio.ui.main_window._DONE_SECONDS", 0.2)
    window.studio.queue.add("short", lambda checkpoint: None)
    qtbot.waitUntil(lambda: len(window.queue._rows) == 1)
    qtbot.waitUntil(lambda: not window.queue._rows)
    assert window.queue._summary.text() == "Nothing to do"


def test_the_spectrogram_takes_the_room_of_the_lanes_and_gives_it_back(window, song, qtbot):
    fit(window, qtbot, (960, 540))
    window.actions_["spectrogram"].trigger()
    qtbot.wait(50)
    before, lanes = window.spectrogram.canvas.height(), window.view._scroll_area.height()
    window.actions_["spectrogram_alone"].trigger()
    qtbot.waitUntil(lambda: window.spectrogram.canvas.height() >= before + lanes - 8)
    assert window.view.ruler.isVisible()
    assert not window.view._scroll_area.isVisible()
    assert window.spectrogram.look.alone
    window.actions_["spectrogram"].trigger()  # closed: the lanes are all there is
    qtbot.waitUntil(lambda: window.view._scroll_area.isVisible())
    window.actions_["spectrogram"].trigger()
    qtbot.waitUntil(lambda: not window.view._scroll_area.isVisible())
    window.actions_["spectrogram_alone"].trigger()
    qtbot.waitUntil(lambda: abs(window.spectrogram.canvas.height() - before) < 8)
    assert window.view._scroll_area.isVisible()


def test_what_is_heard_stands_above_what_a_newcomer_does_not_need(window, song, qtbot):
    models = window.models
    assert models._separations.isVisible()
    assert not models._form.isVisible()
    assert [view.radio.text() for view in models._cards][0] == "Best drums"
    assert not models._cards[0]._figures.isVisible()
    qtbot.mouseClick(models._more, Qt.MouseButton.LeftButton)
    assert models._form.isVisible()
    assert "dB" in models._cards[0]._figures.text()
    assert models._cards[0]._figures.isVisible()
    top = models._separations.mapTo(window, models._separations.rect().topLeft()).y()
    assert top < models._form.mapTo(window, models._form.rect().topLeft()).y()


_START = """
import json, os, sys
from PySide6.QtCore import QRect
from PySide6.QtTest import QTest
from tests.ui.lone_window import build
os.environ["QT_QPA_PLATFORM"] = sys.argv[1]
application, window = build()
QTest.qWait(50)
room = window.screen().availableGeometry()
place = [window.pos().x(), window.pos().y(), window.width(), window.height()]
inside = room.contains(QRect(window.pos(), window.size()))
if sys.argv[2:] == ["remember"]:
    window.setGeometry(1900, 300, 1800, 1000)
    QTest.qWait(50)
window.finish()
print(json.dumps([inside, place, [room.width(), room.height()]]))
"""


def started(tmp_path, screens, *arguments):
    """Start the window on screens of (x, y, width, height, ratio); return what it says."""
    done = subprocess.run(
        [sys.executable, "-c", _START, screen_platform(tmp_path, *screens), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("screen", [(0, 0, 1280, 720, 1), (0, 0, 960, 540, 2)], ids=str)
def test_the_first_start_fits_on_a_small_screen(home, tmp_path, screen):
    inside, place, room = started(tmp_path, [screen])
    assert room == list(screen[2:4])
    assert inside, place


def test_a_window_remembered_on_a_screen_that_has_gone_comes_back_onto_one_that_is_there(
    home, tmp_path
):
    started(tmp_path, [(0, 0, 1920, 1080, 1), (1920, 0, 1920, 1080, 1)], "remember")
    inside, place, _ = started(tmp_path, [(0, 0, 1280, 720, 1)])
    assert inside, place
