"""The spectrogram in the window: painted with the mouse, heard, undone, remembered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QTabletEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication

from drumstudio.core.levels import LOWEST_DB
from drumstudio.core.strokes import Path, Polygon
from drumstudio.core.view_axis import FrequencyAxis
from drumstudio.tools.table import TOOLS
from drumstudio.ui.spectrogram_canvas import read_words
from drumstudio.ui.spectrogram_colours import MAPS, coloured, hatch, table
from drumstudio.ui.spectrogram_look import (
    PaneLook,
    load_look,
    panned_axis,
    store_look,
    whole_axis,
    zoomed_axis,
)
from tests.ui.conftest import put_song
from tests.ui.test_window import controls

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def shown(window, song, qtbot):
    """Return the window with the spectrogram of a song, all computed."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_Q)
    qtbot.waitUntil(lambda: window.spectrogram.canvas.complete, timeout=20_000)
    return window


def place(window, seconds, hertz):
    canvas = window.spectrogram.canvas
    across = window.state.timeline.view.pixel_at(seconds)
    return QPoint(round(across), round(canvas.axis.row_at(hertz) / canvas.devicePixelRatioF()))


def drag(window, *points, release=True):
    canvas = window.spectrogram.canvas
    places = [place(window, *point) for point in points]
    QTest.mousePress(canvas, LEFT, pos=places[0])
    for before, after in zip(places, places[1:], strict=False):
        for step in range(1, 6):
            QTest.mouseMove(canvas, before + (after - before) * step / 5)
    if release:
        QTest.mouseRelease(canvas, LEFT, pos=places[-1])


def strokes(window):
    song = window.studio.song(window.document.song.id)
    media = window.studio.document.media
    return [media.stroke(blob) for layer in song.layers for blob in layer.strokes]


def pixels(window):
    QApplication.processEvents()
    return window.spectrogram.canvas._pixels.copy()


def wheel(canvas, notches, modifiers):
    middle = QPointF(canvas.width() / 2, canvas.height() / 2)
    angle = QPoint(0, round(120 * notches))
    phase = Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(
        middle, middle, QPoint(), angle, Qt.MouseButton.NoButton, modifiers, phase, False
    )
    QApplication.sendEvent(canvas, event)


# --- the pane --------------------------------------------------------------------------


def test_one_key_shows_the_spectrogram_and_hides_it(window, song, qtbot, home):
    assert not window.spectrogram.isVisible()
    QTest.keyClick(window, Qt.Key.Key_Q)
    assert window.spectrogram.isVisible()
    assert window.spectrogram.height() > 200
    qtbot.waitUntil(lambda: load_look().visible)
    QTest.keyClick(window, Qt.Key.Key_Q)
    assert not window.spectrogram.isVisible()


def test_time_is_the_lanes_time(shown):
    lanes, canvas = shown.view.canvas, shown.spectrogram.canvas
    assert canvas.mapTo(shown, QPoint()).x() == lanes.mapTo(shown, QPoint()).x()
    shown.state.timeline.to_range(1.0, 2.0)
    QApplication.processEvents()
    seconds, _ = canvas.point_at(QPointF(100.0, 50.0))
    assert seconds == pytest.approx(shown.state.timeline.view.seconds_at(100.0))
    viewport = canvas._viewport
    assert abs(viewport.start_seconds - 1.0) <= viewport.seconds_per_pixel


def test_a_song_without_drums_is_seen_but_not_painted(shown, qtbot):
    document = shown.studio.document
    with document.command("Remove separation") as edit:
        edit.set(("songs", shown.document.song.id, "active"), None)
    qtbot.waitUntil(lambda: shown.editing.session is None)
    drag(shown, (0.5, 500.0), (1.0, 900.0))
    assert strokes(shown) == []
    assert not shown.actions_["tool_brush"].isEnabled()
    assert shown.spectrogram.tools.isEnabled()
    shown.commands.undo()
    assert shown.editing.session is not None


def test_another_song_takes_the_pane(shown, music, qtbot):
    first = shown.editing.session
    second = put_song(shown, music[:, ::-1], "Another")
    shown.document.choose(second.id)
    assert shown.editing.session is not first
    assert shown.editing.session.song_id == second.id
    qtbot.waitUntil(lambda: shown.spectrogram.canvas.complete, timeout=20_000)
    drag(shown, (0.5, 500.0), (1.0, 900.0))
    assert [len(song.layers) for song in shown.studio.songs] == [0, 1]


def test_every_control_of_the_pane_has_a_name_of_its_own_and_is_reached_by_tab(shown):
    names = [one.accessibleName() or getattr(one, "text", str)() for one in controls(shown)]
    assert all(names)
    assert len(names) == len(set(names)), sorted(names)
    inside = [one for one in controls(shown) if shown.spectrogram.isAncestorOf(one)]
    assert len(inside) > 20
    shown.spectrogram.canvas.setFocus()
    reached = set()
    for _ in range(150):
        QTest.keyClick(QApplication.focusWidget() or shown, Qt.Key.Key_Tab)
        reached.add(QApplication.focusWidget())
    missed = [
        one.accessibleName()
        for one in inside
        if one not in reached
        and one.isEnabled()
        # An exclusive group is one stop; the arrow keys change it.
        and not (isinstance(one, QAbstractButton) and one.group() is not None)
    ]
    assert missed == []
    assert shown.spectrogram.canvas in reached


def test_the_pane_fits_into_the_smallest_window(shown):
    shown.resize(1100, 680)
    QApplication.processEvents()
    assert (shown.width(), shown.height()) == (1100, 680)
    for control in controls(shown):
        if shown.spectrogram.isAncestorOf(control):
            corner = control.mapTo(shown.work, QPoint(control.width(), control.height()))
            assert corner.x() <= shown.work.width(), control.accessibleName()
            assert corner.y() <= shown.work.height(), control.accessibleName()
    assert shown.spectrogram.canvas.height() >= 80


# --- painting --------------------------------------------------------------------------


def test_a_stroke_is_seen_while_it_is_painted_and_stands_afterwards(shown):
    before = pixels(shown)
    drag(shown, (1.0, 800.0), (1.6, 2_500.0), release=False)
    during = pixels(shown)
    assert (during != before).any()
    QTest.mouseRelease(shown.spectrogram.canvas, LEFT, pos=place(shown, 1.6, 2_500.0))
    np.testing.assert_array_equal(pixels(shown), during)
    (stroke,) = strokes(shown)
    assert isinstance(stroke.shape, Path)
    shown.commands.undo()
    np.testing.assert_array_equal(pixels(shown), before)
    shown.commands.redo()
    np.testing.assert_array_equal(pixels(shown), during)


def test_a_dab_draws_only_the_pixels_around_it(shown):
    canvas = shown.spectrogram.canvas
    shown.state.timeline.to_range(0.5, 2.5)
    QTest.qWait(50)
    pixels(shown)
    drawn = canvas.pixels_drawn
    drag(shown, (1.0, 800.0), release=False)
    assert 0 < canvas.pixels_drawn - drawn < 0.7 * canvas._pixels.size
    canvas.abort()


@pytest.mark.parametrize(
    ("key", "kind"),
    [("1", Path), ("3", Polygon), ("4", Polygon), ("5", Polygon), ("6", Polygon)],
)
def test_every_tool_paints_its_shape(shown, key, kind):
    QTest.keyClicks(shown, key)
    QTest.keyClicks(shown, "x")
    drag(shown, (1.0, 800.0), (1.6, 2_500.0), (1.8, 700.0))
    (stroke,) = strokes(shown)
    assert isinstance(stroke.shape, kind)
    assert stroke.target == "rest"
    assert shown.studio.document.history.undo_name == "Paint to rest"


def test_a_lasso_of_corners_ends_with_enter(shown):
    QTest.keyClicks(shown, "6")
    canvas = shown.spectrogram.canvas
    for point in ((1.0, 500.0), (2.0, 600.0), (1.5, 4_000.0)):
        QTest.mouseClick(canvas, LEFT, pos=place(shown, *point))
    assert canvas.is_drawing
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    (stroke,) = strokes(shown)
    assert len(stroke.shape.corners) == 3


def test_escape_drops_a_gesture_and_nothing_else(shown):
    shown.state.select((0.5, 1.5))
    before = pixels(shown)
    for key in "1346":
        QTest.keyClicks(shown, key)
        drag(shown, (1.0, 800.0), (1.6, 2_500.0), release=False)
        assert shown.spectrogram.canvas.is_drawing
        QTest.keyClick(shown.spectrogram.canvas, Qt.Key.Key_Escape)
        QTest.mouseRelease(shown.spectrogram.canvas, LEFT, pos=place(shown, 1.6, 2_500.0))
        assert not shown.spectrogram.canvas.is_drawing
    assert strokes(shown) == []
    assert shown.state.selection is not None
    np.testing.assert_array_equal(pixels(shown), before)


def test_keys_change_the_brush(shown):
    tools = shown.spectrogram.tools
    size = tools.settings.size_hz
    QTest.keyClick(shown, Qt.Key.Key_BracketRight)
    assert tools.settings.size_hz > size
    QTest.keyClick(shown, Qt.Key.Key_Comma)
    assert tools.settings.size_hz == pytest.approx(size)
    QTest.keyClicks(shown, "x")
    assert tools.settings.target == "rest"
    QTest.keyClicks(shown, "e")
    assert tools.settings.tool == "eraser"
    assert shown.editing.session.editor.settings == tools.settings


def test_the_wand_paints_a_region_with_one_click(shown, qtbot):
    QTest.keyClicks(shown, "7")
    QTest.mouseClick(shown.spectrogram.canvas, LEFT, pos=place(shown, 1.0, 661.0))
    qtbot.waitUntil(lambda: len(strokes(shown)) == 1, timeout=20_000)


def test_a_tool_shows_only_what_changes_it(shown):
    tools = shown.spectrogram.tools
    shown_by_tool = {}
    for tool in TOOLS.values():
        tools.choose(tool.name)
        widgets = (tools._ms, tools._hardness, tools._tolerance, tools._hit_hz)
        shown_by_tool[tool.name] = [widget.isVisible() for widget in widgets]
    assert shown_by_tool.pop("wand") == [False, False, True, False]
    assert shown_by_tool.pop("harmonics") == [False, False, True, False]
    assert shown_by_tool.pop("onset brush") == [False, False, False, True]
    assert all(one == [True, True, False, False] for one in shown_by_tool.values())
    tools._hit_hz.setValue(3_000)
    tools._hit_ms.setValue(200)
    limits = shown.editing.session.editor.settings.hit_limits
    assert (limits.seconds, limits.hertz) == (0.2, 3_000.0)
    tools._tolerance.setValue(8.0)
    assert shown.editing.session.editor.settings.tolerance_db == 8.0


def test_the_onset_brush_takes_a_hit_with_one_click(shown, qtbot):
    QTest.keyClicks(shown, "8")
    QTest.mouseClick(shown.spectrogram.canvas, LEFT, pos=place(shown, 1.52, 4_000.0))
    qtbot.waitUntil(lambda: len(strokes(shown)) == 1, timeout=20_000)
    (stroke,) = strokes(shown)
    begins = stroke.shape.runs[0, 0] * shown.editing.session.editor.grid.frame_seconds
    assert begins == pytest.approx(1.5, abs=0.05)  # music has a hit every half second


def test_a_pen_that_is_pressed_less_paints_less(shown):
    canvas = shown.spectrogram.canvas
    device = QTabletEvent.Type
    from PySide6.QtGui import QPointingDevice

    pen = QPointingDevice.primaryPointingDevice()

    def send(kind, point, pressure):
        where = QPointF(place(shown, *point))
        event = QTabletEvent(
            *(kind, pen, where, canvas.mapToGlobal(where), pressure, 0.0, 0.0, 0.0, 0.0, 0.0),
            Qt.KeyboardModifier.NoModifier,
            *(LEFT, LEFT),
        )
        QApplication.sendEvent(canvas, event)

    send(device.TabletPress, (1.0, 800.0), 0.25)
    send(device.TabletMove, (1.3, 900.0), 0.5)
    send(device.TabletRelease, (1.3, 900.0), 0.0)
    (stroke,) = strokes(shown)
    assert stroke.shape.points[:, 2].tolist() == pytest.approx([0.25, 0.5])


def test_painting_where_nothing_can_be_heard_tells_why(shown, qtbot):
    told = []
    shown.editing.problem.disconnect()
    shown.editing.problem.connect(told.append)
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    layer = shown.studio.song(shown.document.song.id).layers[0]
    shown.spectrogram.layers.switch_asked.emit(layer.id, False)
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    assert "switched off" in told[0].why
    assert len(strokes(shown)) == 1


def test_the_model_comes_back_in_a_selection_only(shown):
    QTest.keyClicks(shown, "3")
    drag(shown, (0.5, 500.0), (2.5, 4_000.0))
    shown.state.select((1.0, 2.0))
    shown.actions_["restore_model"].trigger()
    editor = shown.editing.session.editor
    assert shown.studio.document.history.undo_name == "Restore the model's drums here"
    grid = editor.grid
    at = [round(seconds / grid.frame_seconds) for seconds in (0.75, 1.5, 2.2)]
    cell = round(1_500 / grid.bin_hz)
    field = [editor.edit.field(0, frame, frame + 1)[0, cell] for frame in at]
    assert field == [1.0, 0.0, 1.0]


def test_a_selection_is_given_to_the_drums_without_a_mouse(shown):
    shown.state.select((1.0, 2.0))
    QTest.keyClicks(shown, "d")
    (stroke,) = strokes(shown)
    assert stroke.target == "drums"
    assert stroke.shape.corners[:, 0].min() == 1.0
    assert shown.editing.session.editor.settings.tool == "brush"


# --- layers ----------------------------------------------------------------------------


def test_layers_are_switched_renamed_moved_and_deleted_by_steps_of_undo(shown):
    panel = shown.spectrogram.layers
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    before = pixels(shown)
    panel.add_asked.emit("paint")
    assert [layer.name for layer in panel._layers.values()] == ["Paint 1", "Paint 2"]
    assert shown.editing.session.editor.layer_id == panel._order[1]
    drag(shown, (2.0, 800.0), (2.3, 2_500.0))
    song = shown.studio.song(shown.document.song.id)
    assert [len(layer.strokes) for layer in song.layers] == [1, 1]
    names = []
    for act in (
        lambda: panel._list.item(0).setCheckState(Qt.CheckState.Unchecked),
        lambda: panel._list.item(0).setText("Snare"),
        lambda: panel._down.click(),
        lambda: panel._opacity.setValue(40),
        lambda: panel._delete.click(),
    ):
        act()
        names.append(shown.studio.document.history.undo_name)
        QApplication.processEvents()
    assert names == [
        *("Hide layer", "Rename layer", "Move layer", "Set opacity of layer", "Delete layer")
    ]
    np.testing.assert_array_equal(pixels(shown), before)
    for _ in names:
        shown.commands.undo()
    assert [layer.name for layer in panel._layers.values()] == ["Paint 1", "Paint 2"]


# --- what is heard ---------------------------------------------------------------------


def test_keys_change_what_is_heard(shown, qtbot):
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    session = shown.editing.session
    none, shift = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
    for key, modifiers, hearing in (
        (Qt.Key.Key_A, none, "model"),
        (Qt.Key.Key_P, none, "painted"),
        (Qt.Key.Key_P, shift, "unpainted"),
        (Qt.Key.Key_P, shift, "edited"),
    ):
        QTest.keyClick(shown, key, modifiers)
        assert session.hearing == hearing
    assert session.wait(20.0)


def test_what_is_played_is_what_is_painted_even_with_the_pane_closed(shown, qtbot):
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    assert shown.editing.session.wait(20.0)
    stems = shown.transport._material.stems
    assert stems._wanted[0] is not None
    assert stems._wanted[0].keys
    QTest.keyClick(shown, Qt.Key.Key_Q)
    shown.document.refresh()
    assert stems._wanted[0].keys


# --- the view --------------------------------------------------------------------------


def test_the_wheel_zooms_and_moves_time_and_frequency(shown):
    canvas, none = shown.spectrogram.canvas, Qt.KeyboardModifier.NoModifier
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    whole = canvas.axis
    wheel(canvas, 2, control | shift)
    closer = canvas.axis
    assert closer.high_hz < whole.high_hz
    wheel(canvas, 1, shift)
    assert canvas.axis.high_hz > closer.high_hz
    time = shown.state.timeline.view
    wheel(canvas, 2, control)
    assert shown.state.timeline.view.seconds_per_pixel < time.seconds_per_pixel
    start = shown.state.timeline.view.start_seconds
    wheel(canvas, -1, none)
    assert shown.state.timeline.view.start_seconds > start
    canvas.whole_height()
    assert canvas.axis == whole


def test_a_drag_with_alt_moves_the_view_and_paints_nothing(shown):
    canvas = shown.spectrogram.canvas
    shown.state.timeline.to_range(1.0, 2.0)
    canvas.zoom_frequencies(3.0)
    before = canvas.axis
    alt = Qt.KeyboardModifier.AltModifier
    QTest.mousePress(canvas, LEFT, alt, QPoint(300, 100))
    QTest.mouseMove(canvas, QPoint(250, 130))
    QTest.mouseRelease(canvas, LEFT, alt, QPoint(250, 130))
    assert shown.state.timeline.view.start_seconds > 1.0
    assert canvas.axis.high_hz > before.high_hz
    assert strokes(shown) == []


def test_the_look_changes_the_picture_and_no_sound(shown, qtbot):
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    assert shown.editing.session.wait(20.0)
    keys = dict(shown.transport._material.stems._wanted[0].keys)
    seen = set()
    for change in (
        *({"stem": "drums"}, {"stem": "rest"}, {"scale": "log"}, {"scale": "linear"}),
        *({"n_fft": 8192}, {"low_db": -60.0}, {"colours": "safe"}, {"colours": "glow"}),
    ):
        shown.spectrogram.popup.look_changed.emit(replace(PaneLook(), **change))
        QApplication.processEvents()
        qtbot.waitUntil(lambda: shown.spectrogram.canvas.complete, timeout=20_000)
        seen.add(pixels(shown).tobytes())
    assert len(seen) == 8
    assert shown.transport._material.stems._wanted[0].keys == keys


def test_the_pointer_reads_what_is_under_it(shown):
    told = []
    shown.spectrogram.canvas.hovered.connect(told.append)
    QTest.mouseMove(shown.spectrogram.canvas, place(shown, 1.0, 661.0))
    read = told[-1]
    assert read.seconds == pytest.approx(1.0, abs=0.01)
    assert read.hertz == pytest.approx(661.0, rel=0.03)
    assert read.db > LOWEST_DB
    words = read_words(read, lambda seconds, decimals: f"{seconds:.{decimals}f}")
    assert "Hz" in words
    assert "drums" in words


def test_the_theme_changes_the_picture(shown, theme):
    before = pixels(shown)
    theme.use("light")
    after = pixels(shown)
    assert (after != before).mean() > 0.5


# --- parts -----------------------------------------------------------------------------


def test_what_is_remembered_survives_and_what_is_wrong_does_not(home):
    look = PaneLook(True, 40, "drums", 4096, -70.0, -5.0, "log", "safe")
    store_look(look)
    assert load_look() == look
    from drumstudio.ui import spectrogram_look

    spectrogram_look._file().write_text('{"scale": "bark", "n_fft": 4096, "height": null}')
    assert load_look() == replace(PaneLook(), n_fft=4096)
    spectrogram_look._file().write_text("[")
    assert load_look() == PaneLook()


def test_colours_tell_drums_from_rest_and_loud_from_quiet(theme):
    for name in MAPS:
        for which in ("dark", "light"):
            theme.use(which)
            colours = table(name, theme).reshape(256, 256)
            assert colours.dtype == np.uint32
            parts = np.stack([colours >> shift & 255 for shift in (16, 8, 0)], axis=-1).astype(int)
            assert np.abs(parts[200, 128] - parts[10, 128]).sum() > 150
            if name != "glow":
                assert np.abs(parts[170, 255] - parts[170, 0]).sum() > 150


def test_colours_of_the_safe_map_differ_without_red_and_green(theme):
    theme.use("dark")
    colours = table("safe", theme).reshape(256, 256)[170]
    blue, yellow = (np.array([c >> 16 & 255, c >> 8 & 255, c & 255]) for c in colours[[0, 255]])
    # Who sees no red or no green still sees blue against yellow, by hue and by lightness.
    assert abs(int(blue[2]) - int(yellow[2])) > 100
    weights = np.array([0.2126, 0.7152, 0.0722])
    assert abs(float(weights @ blue) - float(weights @ yellow)) > 40


def test_a_picture_is_looked_up_and_hatched(theme):
    colours = np.arange(65_536, dtype=np.uint32)
    level = np.array([[0, 1], [2, 255]], dtype=np.uint8)
    share = np.array([[5, 6], [7, 255]], dtype=np.uint8)
    np.testing.assert_array_equal(coloured(level, share, colours), [[5, 262], [519, 65_535]])
    np.testing.assert_array_equal(coloured(level, None, colours)[0], [128, 384])
    whole = np.zeros((20, 20), dtype=np.uint32)
    kept = np.full((20, 20), 255, dtype=np.uint8)
    hatch(whole, kept, (0, 0), 7)
    part = np.zeros((5, 9), dtype=np.uint32)
    hatch(part, kept[:5, :9], (3, 4), 7)
    np.testing.assert_array_equal(part, whole[3:8, 4:13])
    assert whole.any()


@pytest.mark.parametrize("scale", ["linear", "log", "mel"])
def test_frequencies_zoom_about_a_row_and_never_leave_the_song(scale):
    axis = whole_axis(scale, 44_100, 400)
    closer = zoomed_axis(axis, 2.0, 300.0, 22_050.0)
    assert closer.hz_at(300.0) == pytest.approx(axis.hz_at(300.0))
    assert closer.high_hz < axis.high_hz
    for moved in (5_000.0, -5_000.0):
        end = panned_axis(closer, moved, 22_050.0)
        assert end.low_hz >= axis.low_hz - 1e-6
        assert end.high_hz <= 22_050.0 + 1e-6
        assert end.row_at(end.high_hz) == pytest.approx(0.0, abs=1e-6)
    assert zoomed_axis(closer, 0.01, 100.0, 22_050.0) == axis
    tiny = axis
    for _ in range(60):
        tiny = zoomed_axis(tiny, 1.6, 200.0, 22_050.0)
    assert isinstance(tiny, FrequencyAxis)
    assert tiny.high_hz - tiny.low_hz >= 39.9


def test_every_tool_has_a_hint_and_a_command(window):
    for tool in TOOLS.values():
        assert tool.command in window.actions_
        assert tool.keys.split(" | ")[0] in window.keymap.keys(tool.command)
        assert tool.hint


def test_the_lanes_show_what_was_painted(shown, qtbot):
    def drums_peak():
        lane = next(lane for lane in shown.state.lanes if lane.stem == "drums")
        columns = lane.waveform.columns(1.2 * 44_100, 0.05 * 44_100, 1)
        return float(columns.high.max())

    before = drums_peak()
    QTest.keyClicks(shown, "4")
    drag(shown, (1.1, 800.0), (1.4, 2_500.0))
    qtbot.waitUntil(lambda: drums_peak() > before + 0.05, timeout=20_000)
    shown.commands.undo()
    qtbot.waitUntil(lambda: drums_peak() == before, timeout=20_000)


# --- what painting shows -----------------------------------------------------------------------


def white(shown) -> int:
    """Return how many pixels of a line in white are seen: a selection's dashes."""
    return int((pixels(shown) == 0xFFFFFFFF).sum())


@pytest.mark.parametrize("colours", ["stems", "safe", "glow"])
def test_strokes_have_an_outline_in_every_colouring(shown, qtbot, colours):
    canvas = shown.spectrogram.canvas
    shown.spectrogram._change_look(replace(shown.spectrogram.look, colours=colours))
    qtbot.waitUntil(lambda: canvas.complete)
    line = shown.theme.colour("drums").lighter(140).rgba()

    def seen():
        return int((pixels(shown) == line).sum())

    before = seen()
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    qtbot.waitUntil(lambda: seen() > before + 40)
    shown.commands.undo()
    qtbot.waitUntil(lambda: seen() == before)


def test_hearing_before_shows_before_and_painting_shows_after(shown, qtbot):
    canvas = shown.spectrogram.canvas
    before = pixels(shown)
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    after = pixels(shown)
    assert (before != after).any()
    shown.actions_["hear_before"].trigger()
    qtbot.waitUntil(lambda: canvas.complete and (pixels(shown) == before).all())
    drag(shown, (2.0, 800.0), (2.3, 2_500.0))
    qtbot.waitUntil(lambda: shown.editing.session.hearing == "edited")
    qtbot.waitUntil(lambda: canvas.complete and (pixels(shown) != before).any())


def test_the_wand_shows_what_a_click_would_take(shown, qtbot):
    canvas = shown.spectrogram.canvas
    shown.spectrogram.tools.choose("wand")
    before = pixels(shown)
    where = place(shown, 1.52, 4_000.0)
    QTest.mouseMove(canvas, where)
    qtbot.waitUntil(lambda: "previewed" in shown.editing.view._marks, timeout=10_000)
    qtbot.waitUntil(lambda: (pixels(shown) != before).any())
    selection, _ = shown.editing.view._marks["previewed"]
    assert strokes(shown) == []  # nothing is painted yet
    QTest.mouseClick(canvas, LEFT, pos=where)
    qtbot.waitUntil(lambda: len(strokes(shown)) == 1, timeout=10_000)
    (previewed,), (stroke,) = selection.shapes(), strokes(shown)
    np.testing.assert_array_equal(previewed.runs, stroke.shape.runs)
    QTest.mouseMove(shown.bar, QPoint(5, 5))
    canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    assert "previewed" not in shown.editing.view._marks


def test_what_is_selected_first_is_given_taken_and_made_quieter(shown, qtbot):
    tools, bar = shown.spectrogram.tools, shown.spectrogram.tools.selection
    tools.choose("rectangle")
    assert not bar.isVisible()
    QTest.keyClicks(shown, "V")
    assert bar.isVisible()
    assert white(shown) == 0
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    assert strokes(shown) == []
    qtbot.waitUntil(lambda: white(shown) > 20)
    QTest.keyClicks(shown, "D")
    qtbot.waitUntil(lambda: len(strokes(shown)) == 1)
    assert (strokes(shown)[-1].target, strokes(shown)[-1].strength) == ("drums", 1.0)
    bar._db.setValue(6.0)
    bar.quieter_asked.emit("drums", bar._db.value())
    qtbot.waitUntil(lambda: len(strokes(shown)) == 2)
    last = strokes(shown)[-1]
    assert (last.target, last.strength) == ("rest", pytest.approx(1 - 10 ** (-6 / 20)))
    QTest.keyClicks(shown, "I")
    qtbot.waitUntil(lambda: shown.editing.selecting.selection.holds(2.5, 800.0))
    assert not shown.editing.selecting.selection.holds(1.3, 1_500.0)
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    assert shown.editing.selecting.selection is None
    qtbot.waitUntil(lambda: white(shown) == 0)


def test_the_brush_is_measured_in_octaves_where_frequencies_are_logarithmic(shown):
    tools, pane = shown.spectrogram.tools, shown.spectrogram
    for scale in ("mel", "log"):
        pane._change_look(replace(pane.look, scale=scale))
        assert tools._octaves.isVisible()
        assert not tools._hz.isVisible()
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    assert strokes(shown)[-1].shape.radius_ratio == pytest.approx(2**0.5)
    pane._change_look(replace(pane.look, scale="linear"))
    assert tools._hz.isVisible()
    drag(shown, (1.0, 800.0), (1.6, 2_500.0))
    assert strokes(shown)[-1].shape.radius_ratio == 0.0


def test_frequencies_have_a_scroll_bar_that_follows_and_moves_them(shown):
    canvas, bar = shown.spectrogram.canvas, shown.spectrogram.scroll
    assert not bar.isEnabled()
    canvas.zoom_frequencies(4.0)
    assert bar.isEnabled()
    assert bar.maximum() == pytest.approx(3 * canvas.axis.rows, abs=2)
    bar.setValue(0)
    assert canvas.axis.high_hz == pytest.approx(22_050.0, rel=0.01)
    bar.setValue(bar.maximum())
    assert canvas.axis.low_hz == pytest.approx(0.0, abs=5.0)
    canvas.whole_height()
    assert not bar.isEnabled()


def test_the_read_out_follows_after_a_click(shown, qtbot):
    canvas, said = shown.spectrogram.canvas, []
    canvas.hovered.connect(said.append)
    where = place(shown, 1.25, 1_500.0)
    QTest.mouseMove(canvas, where)
    qtbot.waitUntil(lambda: said and said[-1] is not None and said[-1].share is not None)
    before = said[-1].share
    shown.spectrogram.tools.aim("drums" if before < 0.5 else "rest")
    QTest.mouseClick(canvas, LEFT, pos=where)  # and the pointer stays
    qtbot.waitUntil(lambda: abs(said[-1].share - before) > 0.3)
