from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QApplication,
    QDoubleSpinBox,
    QLineEdit,
    QWidget,
)

from drumstudio.application.commands import COMMANDS
from drumstudio.application.queue import Row
from drumstudio.application.queue import State as JobState
from drumstudio.application.transport_view import Listen, State
from drumstudio.files.preview import PreviewWriter
from drumstudio.ui import document_link
from drumstudio.ui.queue_panel import MOST_ROWS
from tests.ui.conftest import put_song

ROOT = Path(__file__).parents[2]


def loaded_by(code: str) -> set[str]:
    heavy = ["torch", "librosa", "scipy", "sounddevice", "numba"]
    probe = f"{code}\nimport sys\nprint(*[m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


def test_the_window_loads_nothing_that_computes():
    code = "import drumstudio.app, drumstudio.ui.main_window, drumstudio.application.studio"
    assert loaded_by(code) == set()


def test_the_check_sees_a_library_that_computes():
    assert "scipy" in loaded_by("import scipy")


def test_an_empty_project_shows_one_place_to_drop_songs(window):
    assert window.empty.isVisible()
    assert not window.view.isVisible()
    assert not window.bar.export.isEnabled()
    assert window.windowTitle().startswith("New project")


def test_a_separated_song_has_three_lanes_with_waveforms(window, song):
    assert window.view.isVisible()
    assert [lane.stem for lane in window.state.lanes] == ["mixture", "drums", "rest"]
    assert all(lane.waveform is not None for lane in window.state.lanes)
    assert list(window.view.headers) == ["mixture", "drums", "rest"]


def drop(window, paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    arguments = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton)
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(20, 20), *arguments, none)
    QApplication.sendEvent(window, enter)
    event = QDropEvent(QPointF(20, 20), *arguments, none)
    QApplication.sendEvent(window, event)
    return enter.isAccepted()


def test_files_and_folders_dropped_become_rows_and_one_notice(window, qtbot, tmp_path):
    window.studio.queue.add("holds the queue", lambda checkpoint: hold(checkpoint), "open")
    album = tmp_path / "album; it's ünï"
    album.mkdir()
    for number in range(5):
        (album / f"song {number}.wav").touch()
    (album / "cover.txt").touch()
    singles = [tmp_path / f"single {number}.flac" for number in range(3)]
    for single in singles:
        single.touch()
    assert drop(window, [*singles, album])
    qtbot.waitUntil(lambda: len(window.studio.queue.rows()) == 9)
    qtbot.waitUntil(lambda: "Passed over: cover.txt" in window.statusBar().currentMessage())
    qtbot.waitUntil(lambda: len(window.queue._rows) == 9)


def hold(checkpoint):
    import time

    while True:
        checkpoint(0.1, "Holding")
        time.sleep(0.005)


def test_space_plays_wherever_the_focus_is_but_in_a_text_field(window, song, qtbot):
    window.models.separate.setFocus()
    QTest.keyClick(window.models.separate, Qt.Key.Key_Space)
    assert window.transport.view.state is State.PLAYING
    QTest.keyClick(window.view.canvas, Qt.Key.Key_Space)
    assert window.transport.view.state is State.STOPPED
    field = QLineEdit(window)
    field.show()
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Space)
    assert field.text() == " "
    assert window.transport.view.state is State.STOPPED


def test_return_presses_the_button_that_has_the_focus(window, song):
    button = window.view.headers["drums"]._mute
    QTest.keyClick(button, Qt.Key.Key_Return)
    assert window.document.song.strip("drums").mute


def test_mute_and_solo_act_on_the_chosen_lane_and_can_be_undone(window, song, qtbot):
    window.state.choose_lane("rest")
    QTest.keyClick(window, Qt.Key.Key_M)
    QTest.keyClick(window, Qt.Key.Key_S)
    assert window.document.song.strip("rest").mute
    assert window.document.song.strip("rest").solo
    lanes = {lane.stem: lane for lane in window.state.lanes}
    assert lanes["rest"].hatched
    assert lanes["drums"].dimmed
    undo = window.actions_["undo"]
    qtbot.waitUntil(lambda: "Solo rest" in undo.text())
    undo.trigger()
    undo.trigger()
    assert not window.document.song.strip("rest").mute
    window.actions_["redo"].trigger()
    assert window.document.song.strip("rest").mute


def test_a_slider_is_heard_while_it_moves_and_is_one_step_of_undo(window, song):
    steps = len(window.studio.document.history.commands)
    header = window.view.headers["drums"]
    for value in (-3.0, -5.0):
        header.gain_asked.emit("drums", value, False)
        assert window.document.strips()["drums"].gain_db == value
    assert len(window.studio.document.history.commands) == steps
    header.gain_asked.emit("drums", -6.0, True)
    assert window.document.song.strip("drums").gain_db == -6.0
    assert len(window.studio.document.history.commands) == steps + 1


def test_one_key_changes_between_original_and_stems(window, song, qtbot):
    QTest.keyClick(window, Qt.Key.Key_O)
    assert window.transport.view.listen is Listen.ORIGINAL
    qtbot.waitUntil(lambda: {s: lane.dimmed for s, lane in by_stem(window).items()}["drums"])
    QTest.keyClick(window, Qt.Key.Key_O)
    assert window.transport.view.listen is Listen.STEMS


def by_stem(window):
    return {lane.stem: lane for lane in window.state.lanes}


def test_every_command_that_is_connected_has_its_keys(window):
    named = [command.name for command in COMMANDS if command.name in window.actions_]
    assert len(named) > 30
    for name in named:
        keys = [key.toString() for key in window.actions_[name].shortcuts()]
        assert keys == list(window.keymap.keys(name)), name


def test_no_command_on_the_cheat_sheet_does_nothing(window):
    assert [c.name for c in COMMANDS if c.name not in window.actions_] == []


def controls(window):
    kinds = (QAbstractButton, QAbstractSlider)
    return [
        widget
        for widget in window.findChildren(QWidget)
        if isinstance(widget, kinds)
        and widget.isVisible()
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
    ]


def test_every_control_says_what_it_is_in_words_of_its_own(window, song, qtbot):
    names = [
        widget.accessibleName() or getattr(widget, "text", str)() for widget in controls(window)
    ]
    assert len(names) > 15
    assert all(names)
    assert len(names) == len(set(names)), sorted(names)


def test_tab_reaches_every_control(window, song, qtbot):
    window.activateWindow()
    window.models.separate.setFocus()
    reached = set()
    for _ in range(200):
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
        reached.add(QApplication.focusWidget())
    missed = [
        widget.accessibleName()
        for widget in controls(window)
        if widget not in reached
        and widget.isEnabled()
        # An exclusive pair is one stop; the arrow keys change it.
        and not (isinstance(widget, QAbstractButton) and widget.group() is not None)
    ]
    assert missed == []


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_theme_changes_at_once(window, song, theme, name):
    window.commands.change_setting("theme", name)
    assert theme.dark == (name == "dark")
    assert window.grab().toImage().pixelColor(5, 100) == theme.colour("panel")


def test_panes_come_back_where_they_were(window, home):
    from drumstudio.ui import panes

    window.panes["Queue"].hide()
    panes.store_layout(window)
    window.panes["Queue"].show()
    assert panes.restore_layout(window)
    assert not window.panes["Queue"].isVisible()


def test_a_damaged_layout_is_left_alone(window, home):
    from drumstudio.ui import panes

    panes._file().parent.mkdir(parents=True, exist_ok=True)
    panes._file().write_text('{"geometry": "!", "state": 4}')
    assert not panes.restore_layout(window)


def test_what_is_finished_of_a_separation_is_shown_and_can_be_heard(window, qtbot, music, tmp_path):
    """The lanes come with the first finished stretch; the rest is marked as not done."""
    song = put_song(window, music)
    window.studio.undo()  # its separation
    window.document.refresh()
    assert [lane.stem for lane in window.state.lanes] == ["mixture"]
    song = window.studio.song(song.id)
    mixture, _ = window.studio.document.media.sound(song)
    previews, samples = window.studio.previews, song.mixture.samples
    with (
        previews.following(song, mixture, lambda *_: None) as following,
        PreviewWriter(following.path, 44_100, 2, samples) as writer,
    ):
        writer.add(22_050, music[:, 22_050:66_150])
        following.checkpoint(0.3, "Separating")
        qtbot.waitUntil(lambda: len(window.state.lanes) == 3)
        lanes = {lane.stem: lane for lane in window.state.lanes}
        assert lanes["mixture"].undone == ()
        assert lanes["drums"].undone == ((0.0, 0.5), (1.5, samples / 44_100))
        assert lanes["rest"].waveform is not None
        window.state.select((0.6, 1.2))
        QTest.keyClick(window, Qt.Key.Key_Space)
        assert window.transport.view.state is State.PLAYING
        heard = window.transport._deck.program.sources[1].read(22_050, 200)
        np.testing.assert_array_equal(heard, music[:, 22_050:22_250])
        window.state.timeline.to_range(0.4, 0.45)
        window.grab()
        writer.add(66_150, music[:, 66_150:])
        writer.add(0, music[:, :22_050])
        following.checkpoint(0.9, "Separating")
        qtbot.waitUntil(lambda: by_stem(window)["drums"].undone == ())
    qtbot.waitUntil(lambda: len(window.state.lanes) == 1)


def test_a_preview_begins_where_one_listens(window, song, monkeypatch):
    window.state.seek(1.25)
    assert window.studio.playhead(song.id) == 1.25
    assert window.studio.playhead("another") == 0.0
    asked = []
    monkeypatch.setattr(window.studio.jobs, "preview", lambda *a: asked.append(a))
    window.actions_["preview"].trigger()
    assert asked == [(song.id, window.models.model_id, window.models.values())]


def test_the_amount_is_heard_and_is_one_step_of_undo(window, song, qtbot):
    steps = len(window.studio.document.history.commands)
    slider = window.models._amount
    before = window.transport._deck.program.sources[1].read(30_000, 20_000)
    slider.setSliderDown(True)
    slider.setValue(40)
    assert window.document.song.amount == 0.0
    slider.setValue(80)
    slider.setSliderDown(False)
    assert window.document.song.amount == 0.8
    assert len(window.studio.document.history.commands) == steps + 1
    assert window.editing.session.wait(20)

    def heard():
        return window.transport._deck.program.sources[1].read(30_000, 20_000)

    heard()  # edits fade in over a stretch
    qtbot.waitUntil(lambda: np.abs(heard() - before).max() > 0.001, timeout=10_000)
    window.actions_["undo"].trigger()
    assert slider.value() == 0
    window.transport._deck.program.sources[1]._stems.close()


def test_the_cursor_follows_a_drag_with_ctrl_and_is_heard(window, song, monkeypatch):
    heard = []
    scrub = window.transport.scrub
    monkeypatch.setattr(window.transport, "scrub", lambda s: (heard.append(s), scrub(s)))
    ruler, view = window.view.ruler, window.state.timeline.view
    left, control = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
    places = [QPoint(int(view.pixel_at(seconds)), 30) for seconds in (0.5, 1.0, 1.5)]
    QTest.mousePress(ruler, left, control, places[0])
    for place in places[1:]:
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(place),
            QPointF(ruler.mapToGlobal(place)),
            *(Qt.MouseButton.NoButton, left, control),
        )
        QApplication.sendEvent(ruler, event)
    QTest.mouseRelease(ruler, left, control, places[-1])
    assert heard == pytest.approx([0.5, 1.0, 1.5], abs=0.01)
    assert window.state.cursor == heard[-1]
    assert window.state.selection is None
    assert window.transport._deck.asked.count("play") == 3


def test_a_marker_can_be_set_named_moved_and_taken_away(window, song):
    window.state.seek(1.0)
    window.markers.add()
    window.document.refresh()
    (marker,) = window.document.song.markers
    window.markers.rename(marker.id, "Chorus")
    window.document.refresh()
    window.markers.move(marker.id, 2.0)
    window.document.refresh()
    (marker,) = window.document.song.markers
    assert (marker.name, marker.seconds) == ("Chorus", 2.0)
    window.markers.remove(marker.id)
    assert window.document.song.markers == ()


def test_a_double_click_on_a_header_renames_the_song(window, song, qtbot):
    QTest.mouseDClick(window.view.headers["mixture"], Qt.MouseButton.LeftButton)
    field = window.songs._tree.findChild(QLineEdit)
    field.setText("Day Tram")
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.document.song.name == "Day Tram")


def test_a_drop_is_answered_at_once(window, tmp_path):
    assert drop(window, [tmp_path])
    assert window.statusBar().currentMessage() == "Looking for songs…"


def test_a_long_queue_is_shown_bit_by_bit_and_what_is_done_gives_way(window, qtbot):
    states = [JobState.DONE] * 40 + [JobState.RUNNING, JobState.FAILED] + [JobState.WAITING] * 30
    rows = tuple(Row(n, f"Song {n}.wav", "separate", state) for n, state in enumerate(states))
    window.queue.show_rows(rows, "cpu")
    assert 0 < len(window.queue._rows) < 10
    qtbot.waitUntil(lambda: len(window.queue._rows) == MOST_ROWS)
    assert set(window.queue._rows) == {*range(12, 72)}
    assert window.queue._left_out.text() == "and 12 more"
    window.queue.show_rows(rows[-3:], "cpu")
    assert list(window.queue._rows) == [69, 70, 71]
    assert window.queue._left_out.isHidden()


def test_the_button_offers_a_preview_while_the_song_is_being_separated(
    window, song, qtbot, monkeypatch
):
    asked = []
    for name in ("separate", "preview"):
        monkeypatch.setattr(window.studio.jobs, name, lambda *a, n=name: asked.append(n))
    window.models.separate.click()
    monkeypatch.setattr(window.studio.jobs, "is_separating", lambda song_id: song_id == song.id)
    window._show_button()
    assert window.models.separate.text() == "Preview here"
    window.models.separate.click()
    assert asked == ["separate", "preview"]


def test_a_song_is_being_separated_while_its_row_waits_or_runs(window, song, qtbot):
    jobs, queue = window.studio.jobs, window.studio.queue
    assert not jobs.is_separating(song.id)
    queue.add("holds the queue", hold)
    jobs.separate(song.id, "hpss", {})
    assert jobs.is_separating(song.id)
    jobs.preview(song.id, "hpss", {})
    titles = [row.title for row in queue.rows()]
    assert titles == ["Night Bus", "holds the queue"]
    queue.cancel(queue.rows()[0].number)
    assert not jobs.is_separating(song.id)


def test_arrow_keys_belong_to_the_control_that_has_the_focus(window, song, music, qtbot):
    other = put_song(window, music * 0.5, "Day Tram")
    window.document.choose(song.id)
    tree = window.songs._tree
    for _ in range(3):  # over the first song's stems
        QTest.keyClick(tree, Qt.Key.Key_Down)
    assert window.document.song.id == other.id
    gain = window.view.headers["drums"]._gain
    steps = len(window.studio.document.history.commands)
    QTest.keyClick(gain, Qt.Key.Key_Left)
    assert window.document.song.strip("drums").gain_db < 0
    assert len(window.studio.document.history.commands) == steps + 1
    assert window.state.cursor == 0.0
    window.state.seek(1.0)
    QTest.keyClick(gain, Qt.Key.Key_Space)
    assert window.transport.view.state is State.PLAYING
    QTest.keyClick(gain, Qt.Key.Key_Escape)
    QTest.keyClick(window.view.canvas, Qt.Key.Key_Space)
    QTest.keyClick(window.view.canvas, Qt.Key.Key_Right)
    assert window.state.cursor == pytest.approx(2.0)
    QTest.keyClick(window.view.canvas, Qt.Key.Key_Down)
    assert window.state.chosen_lane == "rest"


def test_arrow_keys_change_a_number(window, song):
    window.models.choose("fast")
    spin = next(w for w in window.models._form._widgets.values() if isinstance(w, QDoubleSpinBox))
    before = spin.value()
    QTest.keyClick(spin, Qt.Key.Key_Up)
    assert spin.value() > before


def test_every_menu_opens_by_a_letter_of_its_own(window):
    titles = [action.text() for action in window.menuBar().actions()]
    letters = [title.partition("&")[2][:1] for title in titles]
    assert all(letters)
    assert len(set(letters)) == len(letters)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_window_says_where_a_separation_was_computed(song, device):
    separation = dataclasses.replace(song.separation, device=device)
    assert f"computed on {device}" in document_link._facts(separation)
