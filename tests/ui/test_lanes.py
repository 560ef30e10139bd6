from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QInputDialog

from drumstudio.files.peaks import Columns
from drumstudio.ui.wave_picture import Shades, strips, wave_image


def test_the_playhead_draws_no_lane_anew(window, song, qtbot):
    canvas = window.view.canvas
    canvas.grab()
    drawn = canvas.pictures_drawn
    window.state.playing = True
    for step in range(20):
        window.state.show_playhead(step * 0.1)
        canvas.repaint()
    assert canvas.pictures_drawn == drawn
    window.state.timeline.zoom(2.0, 10.0)  # and the count does notice what is drawn
    canvas.repaint()
    assert canvas.pictures_drawn == drawn + 3


def test_a_click_moves_the_cursor_and_a_drag_selects(window, song, qtbot):
    canvas, view = window.view.canvas, window.state.timeline.view
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 30))
    assert window.transport.view.cursor_seconds == pytest.approx(view.seconds_at(100))
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(200, 30))
    QTest.mouseMove(canvas, QPoint(260, 30))
    QTest.mouseMove(canvas, QPoint(300, 30))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(300, 30))
    selection = window.transport.view.selection
    assert selection == pytest.approx((view.seconds_at(200), view.seconds_at(300)))
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert window.transport.view.selection is None


def test_the_loop_key_repeats_what_is_selected(window, song, qtbot):
    window.state.select((0.5, 1.5))
    QTest.keyClick(window, Qt.Key.Key_L)
    assert window.transport.view.looping
    assert window.transport.view.loop == (0.5, 1.5)
    qtbot.waitUntil(lambda: window.bar.loop.isChecked())


def wheel(widget, x, notches, modifiers):
    place = QPointF(x, 30)
    event = QWheelEvent(
        *(place, widget.mapToGlobal(place), QPoint(), QPoint(0, 120 * notches)),
        *(Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False),
    )
    QApplication.sendEvent(widget, event)


def test_ctrl_and_the_wheel_zoom_about_the_pointer(window, song):
    canvas, timeline = window.view.canvas, window.state.timeline
    before = timeline.view.seconds_at(400)
    wheel(canvas, 400, 3, Qt.KeyboardModifier.ControlModifier)
    assert timeline.view.seconds_per_pixel < timeline.view.widest
    assert timeline.view.seconds_at(400) == pytest.approx(before)
    start = timeline.view.start_seconds
    wheel(canvas, 400, -1, Qt.KeyboardModifier.NoModifier)
    assert timeline.view.start_seconds > start


def test_zoom_to_selection_fit_and_back(window, song):
    timeline = window.state.timeline
    whole = timeline.view
    window.state.select((1.0, 2.0))
    window.commands.zoom_selection()
    assert timeline.view.start_seconds == pytest.approx(1.0)
    assert timeline.view.stop_seconds == pytest.approx(2.0)
    timeline.back()
    assert timeline.view == whole


def test_every_zoom_down_to_single_samples_can_be_drawn(window, song):
    canvas = window.view.canvas
    for span in (3.0, 1.0, 0.1, 0.01, 0.001):
        window.state.timeline.to_range(1.0, 1.0 + span)
        image = canvas.grab().toImage()
        colours = {image.pixel(x, y) for x in range(0, 400, 7) for y in range(0, 500, 3)}
        assert len(colours) > 2, span


def test_snapping_draws_a_selection_to_the_beat_and_shift_lets_go(window, song):
    window.grid.set_bpm(120.0)
    window.document.refresh()
    window.bar.snap_chosen.emit("beat")
    assert window.state.snapped(0.6) == pytest.approx(0.5)
    assert window.state.snapped(0.6, free=True) == 0.6


def test_only_beats_are_drawn_until_somebody_says_where_a_bar_begins(window, song):
    window.grid.set_bpm(120.0)
    window.document.refresh()
    assert window.state.marks(9.0, 44.0)
    assert not any(mark.strong or mark.label for mark in window.state.marks(9.0, 44.0))
    window.grid.one_is_here()
    window.document.refresh()
    assert any(mark.strong and mark.label == "1" for mark in window.state.marks(9.0, 44.0))


def test_grid_repairs_are_named_steps_of_undo(window, song):
    window.grid.set_bpm(140.0)
    window.document.refresh()
    window.grid.scale(0.5)
    assert window.document.song.tempo_map.tempos[0].bpm == 70.0
    assert window.studio.document.history.undo_name == "Halve tempo"
    window.studio.undo()
    assert window.document.song.tempo_map.tempos[0].bpm == 140.0


def columns(low, high, rms, count=40):
    full = np.full((1, count), 1.0, dtype=np.float32)
    return Columns(full * low, full * high, full * rms)


SHADES = Shades(QColor("#000000"), QColor("#808080"), QColor("#ffffff"))


def lit(image, x=5):
    return [QColor(image.pixel(x, y)).lightness() for y in range(image.height())]


def test_a_picture_is_as_high_as_the_samples_are_loud():
    image = wave_image(columns(-0.5, 0.5, 0.0), 100, SHADES)
    assert image.size().toTuple() == (40, 100)
    rows = [y for y, light in enumerate(lit(image)) if light > 60]
    assert rows[0] == pytest.approx(50 - 0.5 * 47, abs=1)
    assert rows[-1] == pytest.approx(50 + 0.5 * 47, abs=1)


def test_silence_is_a_line_and_the_core_is_brighter():
    assert max(lit(wave_image(columns(0.0, 0.0, 0.0), 100, SHADES))) > 50
    bright = lit(wave_image(columns(-0.8, 0.8, 0.3), 100, SHADES))
    assert bright[50] == 255
    assert 100 < bright[20] < 160


def test_channels_share_a_lane_that_is_high_enough():
    assert strips(2, 100) == [(0, 50), (50, 50)]
    assert strips(2, 40) == [(0, 40)]


def test_markers_are_set_at_the_cursor_named_and_taken_away(window, song):
    window.state.seek(1.25)
    window.markers.add()
    window.document.refresh()
    (marker,) = window.state.markers
    assert (marker.seconds, marker.name) == (pytest.approx(1.25), "Marker 1")
    window.markers.rename(marker.id, "Chorus")
    window.document.refresh()
    assert window.state.markers[0].name == "Chorus"
    window.markers.remove(marker.id)
    window.document.refresh()
    assert window.state.markers == ()
    window.studio.undo()
    window.document.refresh()
    assert window.state.markers[0].name == "Chorus"


def test_the_cursor_steps_from_hit_to_hit(window, song):
    window.studio.hits.keep(song, [0.5, 1.0, 2.5])
    window.document.refresh()
    visited = []
    for forward in (True, True, True, True, False):
        window.grid.step(forward=forward)
        visited.append(window.transport.view.cursor_seconds)
    assert visited == pytest.approx([0.5, 1.0, 2.5, 2.5, 1.0])


def test_a_scrolled_lane_looks_as_if_it_were_drawn_anew(window, song):
    canvas, timeline = window.view.canvas, window.state.timeline
    timeline.to_range(0.5, 1.5)
    canvas.grab()
    for pixels in (37, -80, 5, 400):
        timeline.scroll(pixels)
        moved = canvas.grab().toImage()
        window.state.lanes_changed.emit()  # forgets every picture
        assert canvas.grab().toImage() == moved, pixels


def test_a_little_scrolling_computes_no_waveform(window, song):
    canvas, timeline = window.view.canvas, window.state.timeline
    timeline.to_range(0.5, 1.5)
    canvas.grab()
    timeline.scroll(10)
    canvas.grab()
    drawn = canvas.pictures_drawn
    for pixels in (20, -30, 60):
        timeline.scroll(pixels)
        canvas.grab()
    assert canvas.pictures_drawn <= drawn + 3
    timeline.scroll(2_000)
    canvas.grab()
    assert canvas.pictures_drawn > drawn


def test_two_markers_never_stand_at_one_place(window, song, qtbot):
    window.state.seek(1.25)
    window.markers.add()
    window.document.refresh()
    window.markers.add()
    window.document.refresh()
    (first,) = window.state.markers
    qtbot.waitUntil(lambda: "Marker 1 is here already" in window.log.text())
    window.state.seek(2.0)
    window.markers.add()
    window.document.refresh()
    second = window.state.markers[1]
    window.markers.move(second.id, 1.251)
    window.document.refresh()
    assert [marker.seconds for marker in window.state.markers] == [first.seconds, second.seconds]


def test_a_double_click_on_a_marker_asks_for_its_name(window, song, monkeypatch):
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("Chorus", True))
    window.state.seek(1.25)
    window.markers.add()
    window.document.refresh()
    place = QPoint(round(window.state.timeline.view.pixel_at(1.25)) + 4, 8)
    QTest.mouseDClick(window.view.ruler, Qt.MouseButton.LeftButton, pos=place)
    window.document.refresh()
    assert window.state.markers[0].name == "Chorus"


def test_the_selection_is_told_in_words(window, song, qtbot):
    window.state.select((0.5, 1.75))
    assert window._selected.text() == "Selected 0:00.500 to 0:01.750, 0:01.250 long"
    window.state.select(None)
    assert window._selected.text() == ""


def test_lanes_become_higher_and_scroll(window, song, qtbot):
    before = window.view.headers["drums"].height()
    for _ in range(8):
        window.actions_["lanes_higher"].trigger()
    after = window.view.headers["drums"].height()
    assert after > before
    assert window.view.canvas.lane_tops()[1] == (after, after)
    assert window.view._body.minimumHeight() == 3 * after
    for _ in range(20):
        window.actions_["lanes_lower"].trigger()
    assert window.view.headers["drums"].height() < before


def test_waveforms_are_drawn_higher_for_quiet_songs(window, song, qtbot):
    def lit():
        picture = window.view.canvas.grab().toImage()
        ground = window.theme.colour("ground")
        top, height = window.view.canvas.lane_tops()[2]
        column = picture.width() // 2
        return sum(
            picture.pixelColor(column, y) != ground for y in range(top + 1, top + height - 1)
        )

    before = lit()
    for _ in range(4):
        window.actions_["waves_higher"].trigger()
    assert lit() > before
    for _ in range(9):
        window.actions_["waves_lower"].trigger()
    assert window.state.wave_height == 1.0
    assert lit() == before


def test_a_meter_has_a_scale_and_a_light_for_what_clipped(window, song, qtbot):
    meter = window.view.headers["drums"].meter
    window.resize(1440, 900)
    red = window.theme.colour("error")

    def light():
        return meter.grab().toImage().pixelColor(2, 1)

    assert light() != red
    muted = window.theme.colour("muted")
    numbers = meter.grab().toImage().copy(10, 0, meter.width() - 10, meter.height())
    pixels = [numbers.pixelColor(x, y) for x in range(numbers.width()) for y in range(60)]
    assert any(abs(pixel.red() - muted.red()) < 30 for pixel in pixels)
    meter.show_peaks(1.2, 0.5)
    meter.show_peaks(0.1, 0.1)
    assert light() == red  # until somebody has seen it
    QTest.mouseClick(meter, Qt.MouseButton.LeftButton)
    assert light() != red


def test_every_tool_says_what_it_does(window, song):
    window.actions_["spectrogram"].trigger()
    for name, button in window.spectrogram.tools._tools.items():
        assert len(button.toolTip().splitlines()) == 2, name
