"""A selection is put together first, and then becomes strokes that paint exactly it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drumstudio.application.editor import Editor
from drumstudio.application.selection import Selection
from drumstudio.application.selector import Selector
from drumstudio.core.harmonics import harmonics
from drumstudio.core.raster import Raster
from drumstudio.core.strokes import Cells, Stroke, rectangle
from drumstudio.core.tiles import Grid
from drumstudio.tools.tool import ToolSettings
from tests.edited_songs import an_edited_project

GRID = Grid(44_100, 2, 44_100 * 8)
FIRST = rectangle(1.0, 3.0, 500.0, 4_000.0)
SECOND = rectangle(2.0, 4.0, 2_000.0, 9_000.0)


def whole(thing):
    """Return every cell of a selection, or of strokes, float32 (frames, bins)."""
    out = np.zeros((GRID.frames, GRID.bins), dtype=np.float32)
    for column in range(GRID.columns):
        for row in range(GRID.rows):
            frames, bins = GRID.frame_range(column), GRID.bin_range(row)
            out[slice(*frames), slice(*bins)] = thing((column, row))
    return out


def painted_by(shapes):
    rasters = [Raster(Stroke("drums", shape), GRID) for shape in shapes]

    def tile(index):
        out = np.zeros(GRID.shape(index), dtype=np.float32)
        for raster in rasters:
            if index in raster.tiles:
                np.maximum(out, raster.weights(index), out=out)
        return out

    return whole(tile)


def of(shape):
    return painted_by([shape])


def cells_of(shape):
    """Return an area as cells, as the wand gives them."""
    (found,) = Selection(GRID).with_shape(shape).with_shape(shape).shapes()
    assert isinstance(found, Cells)
    return found


def test_regions_are_added_taken_away_and_inverted():
    both = Selection(GRID).with_shape(FIRST).with_shape(SECOND)
    np.testing.assert_array_equal(whole(both.tile), np.maximum(of(FIRST), of(SECOND)))
    less = both.with_shape(SECOND, "subtract")
    np.testing.assert_array_equal(whole(less.tile), of(FIRST) * (1 - of(SECOND)))
    rest = less.inverted()
    np.testing.assert_array_equal(whole(rest.tile), 1 - whole(less.tile))
    alone = rest.with_shape(SECOND, "replace")
    np.testing.assert_array_equal(whole(alone.tile), of(SECOND))


@pytest.mark.parametrize("make", [lambda s: s, lambda s: s.inverted()], ids=["as is", "inverted"])
def test_the_strokes_of_a_selection_paint_exactly_it(make):
    selection = make(Selection(GRID).with_shape(FIRST).with_shape(SECOND, "subtract"))
    np.testing.assert_array_equal(painted_by(selection.shapes()), whole(selection.tile))


def test_one_area_stays_an_area_for_any_zoom():
    assert Selection(GRID).with_shape(FIRST).shapes() == [FIRST]


@pytest.mark.parametrize("kind", [lambda shape: shape, cells_of], ids=["area", "cells"])
def test_a_selection_moves_by_whole_cells(kind):
    seconds, hertz = 20 * GRID.frame_seconds, 30 * GRID.bin_hz
    moved = Selection(GRID).with_shape(kind(FIRST)).moved(seconds, hertz)
    before, after = of(FIRST), whole(moved.tile)
    np.testing.assert_array_equal(after[20:, 30:], before[:-20, :-30])
    assert not after[:20].any()
    assert moved.holds(1.5 + seconds, 1_000.0 + hertz)
    assert not moved.holds(1.0, 520.0)


@pytest.mark.parametrize("away", [-9.0, 9.0])
def test_what_leaves_the_song_is_no_longer_selected(away):
    assert Selection(GRID).with_shape(cells_of(FIRST)).moved(away, 0.0).is_empty
    assert Selection(GRID).with_shape(FIRST).moved(away, 0.0).is_empty


def test_a_gesture_selects_moves_and_lets_go():
    selector, told = Selector(GRID), []
    selector.changed.connect(lambda: told.append(selector.selection))
    settings = ToolSettings(tool="rectangle", hardness=1.0, selecting=True)

    def drag(begin, end, way="replace", clicked=False):
        selector.press(*begin, settings, way)
        selector.move(*end)
        assert selector.is_drawing
        selector.release(clicked=clicked)
        assert not selector.is_drawing

    drag((1.0, 500.0), (3.0, 4_000.0))
    np.testing.assert_array_equal(whole(selector.selection.tile), of(FIRST))
    drag((2.0, 2_000.0), (4.0, 9_000.0), "subtract")
    assert not selector.selection.holds(2.5, 3_000.0)
    drag((1.5, 1_000.0), (2.5, 1_000.0))  # from inside: it moves
    assert selector.selection.holds(3.5, 1_000.0)
    assert not selector.selection.holds(1.2, 1_000.0)
    before = selector.selection
    selector.press(2.2, 1_000.0, settings, "replace")
    selector.move(6.0, 1_000.0)
    selector.abort()
    assert selector.selection is before
    drag((6.0, 8_000.0), (6.0, 8_000.0), clicked=True)  # a click elsewhere
    assert selector.selection is None
    assert told[-1] is None


def test_what_is_selected_is_given_as_one_step_of_undo(tmp_path):
    document, song_id = an_edited_project(tmp_path)
    with document:
        editor = Editor(document, song_id)
        grid = editor.grid
        steps = len(document.history.commands)
        shape = rectangle(0.2, 0.5, 500.0, 4_000.0)
        hole = rectangle(0.3, 0.4, 1_000.0, 2_000.0)
        selection = Selection(grid).with_shape(shape).with_shape(hole, "subtract")
        half = replace(editor.settings, target="rest", strength=0.5)
        editor.paint_found(selection.shapes(), "Make drums quieter", half)
        assert len(document.history.commands) == steps + 1
        strokes = document.project.song(song_id).layers[-1].strokes
        stroke = document.media.stroke(strokes[-1])
        assert (stroke.target, stroke.strength) == ("rest", 0.5)
        editor.close()


def test_harmonics_are_followed_from_the_lowest_line_of_a_tone():
    level = np.full((60, 400), 40, dtype=np.uint8)
    for frame in range(10, 50):
        for partial in range(1, 6):
            level[frame, partial * (20 + frame // 20)] = 200 - 10 * partial
    level[:, 37] = 190  # another tone, which is no overtone
    found = harmonics(level, 30, 21, 20.0)
    for partial in range(1, 6):
        assert found[30, partial * 21] == 1.0
        assert found[45, partial * 22] == 1.0
    assert not found[:10].any()
    assert not found[50:].any()
    assert found[30, 37] == 0.0
    with pytest.raises(ValueError, match="is not in"):
        harmonics(level, 60, 0, 20.0)


def test_a_brush_in_octaves_means_more_hertz_where_it_is_higher():
    settings = ToolSettings(size_octaves=2.0, in_octaves=True)
    assert settings.at(1_000.0).size_hz == pytest.approx(1_500.0)
    assert settings.at(100.0).size_hz == pytest.approx(150.0)
    assert replace(settings, in_octaves=False).at(100.0).size_hz == 1_200.0
    assert settings.scaled(1).size_octaves == pytest.approx(2.5)
