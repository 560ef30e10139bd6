"""A stroke that can not be drawn is refused where it is made."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.strokes import (
    MAX_POINTS,
    Cells,
    Path,
    Polygon,
    Stroke,
    moved,
    rectangle,
    span_seconds,
)
from tests.strokes import a_path


def test_a_stroke_knows_on_which_channels_it_acts():
    shape = a_path([(1.0, 100.0)])
    assert [Stroke("drums", shape).acts_on(n) for n in range(3)] == [True, True, True]
    assert [Stroke("drums", shape, 1.0, "left").acts_on(n) for n in range(3)] == [
        True,
        False,
        False,
    ]
    assert [Stroke("rest", shape, 1.0, "right").acts_on(n) for n in range(2)] == [False, True]


@pytest.mark.parametrize(
    "changed",
    [{"target": "vocals"}, {"strength": 1.1}, {"strength": float("nan")}, {"channels": "middle"}],
    ids=str,
)
def test_a_stroke_that_makes_no_sense_is_refused(changed):
    with pytest.raises(ValueError, match="must be"):
        Stroke(**{"target": "drums", "shape": a_path([(0.0, 0.0)]), **changed})


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((0, 3)),
        np.zeros((2, 2)),
        np.zeros((2, 3), dtype=np.float32),
        np.full((1, 3), np.nan),
        np.full((1, 3), np.inf),
        np.array([[0.0, 0.0, 1.5]]),
        np.zeros((MAX_POINTS + 1, 3)),
    ],
    ids=lambda points: f"{points.shape}",
)
def test_a_path_that_makes_no_sense_is_refused(points):
    with pytest.raises(ValueError):  # noqa: PT011 (each has its own message)
        Path(points, 0.1, 100.0)


@pytest.mark.parametrize("sizes", [(0.0, 1.0), (1.0, -1.0), (1.0, 1.0, 1.5)], ids=str)
def test_a_brush_has_a_size_and_a_hardness(sizes):
    with pytest.raises(ValueError, match="must be in"):
        Path(np.zeros((1, 3)), *sizes)


def test_a_polygon_has_three_corners_and_a_feather_both_ways():
    with pytest.raises(ValueError, match="points must be"):
        Polygon(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="a feather has"):
        rectangle(0.0, 1.0, 0.0, 1.0, feather_seconds=0.1)


@pytest.mark.parametrize(
    ("runs", "cells"),
    [
        ([], 0),
        ([(0, 0, 2)], 3),
        ([(0, 0, 0)], 0),
        ([(-1, 0, 1)], 1),
        ([(0, -1, 1)], 1),
        ([(1, 0, 1), (0, 0, 1)], 2),
        ([(0, 0, 2), (0, 1, 1)], 3),
    ],
    ids=str,
)
def test_runs_of_cells_that_make_no_sense_are_refused(runs, cells):
    with pytest.raises(ValueError):  # noqa: PT011 (each has its own message)
        Cells(np.array(runs, dtype=np.int32).reshape(-1, 3), np.zeros(cells, dtype=np.float16))


def test_weights_of_cells_lie_between_0_and_1():
    runs = np.array([(0, 0, 1)], dtype=np.int32)
    for weight in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="every weight"):
            Cells(runs, np.array([weight], dtype=np.float16))


FRAME = 512 / 44_100


def a_stroke(shape):
    return Stroke("drums", shape, 0.7, "left")


def test_a_stroke_moves_in_time_and_keeps_the_rest():
    path = Path(np.array([[1.0, 300.0, 1.0], [1.2, 400.0, 0.5]]), 0.03, 200.0)
    for shape in (path, rectangle(1.0, 1.2, 300.0, 400.0)):
        there = moved(a_stroke(shape), 0.5, FRAME, 1_000)
        assert (there.target, there.strength, there.channels) == ("drums", 0.7, "left")
        before, after = (span_seconds(one, FRAME) for one in (shape, there.shape))
        np.testing.assert_allclose(np.subtract(after, before), 0.5)
    np.testing.assert_array_equal(there.shape.corners[:, 1], shape.corners[:, 1])


def test_cells_move_by_whole_frames_and_what_leaves_the_song_is_left_out():
    runs = np.array([[10, 5, 2], [11, 0, 3]], dtype=np.int32)
    cells = Cells(runs, np.arange(5).astype(np.float16) / 8)
    later = moved(a_stroke(cells), 3.4 * FRAME, FRAME, 100).shape
    np.testing.assert_array_equal(later.runs[:, 0], [13, 14])
    np.testing.assert_array_equal(later.weights, cells.weights)
    cut = moved(a_stroke(cells), -11 * FRAME, FRAME, 100).shape
    np.testing.assert_array_equal(cut.runs, [[0, 0, 3]])
    np.testing.assert_array_equal(cut.weights, cells.weights[2:])
    cut = moved(a_stroke(cells), 89 * FRAME, FRAME, 100).shape
    np.testing.assert_array_equal(cut.runs, [[99, 5, 2]])
    assert moved(a_stroke(cells), 90 * FRAME, FRAME, 100) is None


def test_an_area_beyond_the_song_is_not_copied():
    shape = rectangle(1.0, 1.2, 300.0, 400.0)
    assert moved(a_stroke(shape), -2.0, FRAME, 1_000) is None
    assert moved(a_stroke(shape), 20.0, FRAME, 1_000) is None
