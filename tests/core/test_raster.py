"""A stroke's weight on a cell: what the formulas say, whichever tile it is computed in."""

from __future__ import annotations

import math

import numpy as np
import pytest

from drumstudio.core.raster import PathRaster, Raster
from drumstudio.core.strokes import Cells, Path, Polygon, Stroke, rectangle
from drumstudio.core.tiles import Grid
from tests.strokes import a_grid, a_path, a_shape, everything, whole


def brush_weight(path: Path, grid: Grid, frame: int, bin_: int) -> float:
    """Return the brush's weight on one cell, the plain way: the best of all prints."""
    radius = max(path.radius_seconds, grid.frame_seconds), max(path.radius_hz, grid.bin_hz)
    here = (frame * grid.frame_seconds / radius[0], bin_ * grid.bin_hz / radius[1])
    best = 0.0
    places = [(p[0] / radius[0], p[1] / radius[1], p[2]) for p in path.points.tolist()]
    for begin, end in zip([places[0], *places[:-1]], places, strict=True):
        along = (end[0] - begin[0], end[1] - begin[1])
        length = along[0] ** 2 + along[1] ** 2
        share = 1.0
        if length:
            to_cell = (here[0] - begin[0], here[1] - begin[1])
            share = (to_cell[0] * along[0] + to_cell[1] * along[1]) / length
            share = min(max(share, 0.0), 1.0)
        away = math.dist(here, (begin[0] + share * along[0], begin[1] + share * along[1]))
        pressure = begin[2] + share * (end[2] - begin[2])
        if path.hardness == 1.0:
            weight = 1.0 if away <= 1 else 0.0
        else:
            x = min(max((away - path.hardness) / (1 - path.hardness), 0.0), 1.0)
            weight = 1 - (3 * x * x - 2 * x**3)
        best = max(best, weight * pressure)
    return best


@pytest.mark.parametrize("hardness", [0.0, 0.5, 1.0])
def test_a_brush_stroke_is_what_the_formula_says(hardness):
    grid = a_grid()
    points = [(0.9, 1000.0, 1.0), (1.2, 1500.0, 0.3), (1.2, 1500.0, 0.8), (2.1, 2200.0, 0.5)]
    path = Path(np.array(points), 0.08, 300.0, hardness)
    weights = whole(Raster(Stroke("drums", path), grid))
    wrong = 0
    for frame in range(grid.frames):
        for bin_ in range(0, grid.bins, 3):
            expected = brush_weight(path, grid, frame, bin_)
            if abs(weights[frame, bin_] - expected) > 1e-6:
                # Only a hard brush may differ, and only on its very edge.
                wrong += 1
    assert weights.any()
    assert wrong == 0 if hardness < 1 else wrong < 3


def test_the_smallest_brush_still_paints_where_it_is_put():
    grid = a_grid()
    generator = np.random.default_rng(3)
    for hardness in (0.0, 1.0):
        for _ in range(20):
            point = generator.uniform([0.0, 0.0], [2.9, 3900.0])
            path = a_path([point], radius=(1e-5, 1e-3), hardness=hardness)
            assert whole(Raster(Stroke("drums", path), grid)).max() > 0.15


def test_strength_and_pressure_scale_the_weight():
    grid = a_grid()
    full = whole(Raster(Stroke("drums", a_path([(1.0, 1000.0)])), grid))
    half = whole(Raster(Stroke("drums", a_path([(1.0, 1000.0)]), 0.5), grid))
    light = whole(Raster(Stroke("drums", a_path([(1.0, 1000.0, 0.5)])), grid))
    np.testing.assert_array_equal(half, full * np.float32(0.5))
    np.testing.assert_array_equal(light, half)
    assert full.max() == 1.0


def test_drawing_on_point_by_point_gives_the_bits_of_the_whole_path():
    grid = a_grid()
    generator = np.random.default_rng(5)
    points = np.column_stack(
        [np.linspace(0.2, 2.5, 40), 1500 + 900 * generator.normal(size=40), generator.random(40)]
    )
    path = Path(points, 0.07, 250.0, 0.3)
    live = PathRaster(Path(points[:1], 0.07, 250.0, 0.3), grid)
    kept = {index: live.weights(index) for index in live.tiles}
    for number in range(1, len(points)):
        for index in live.add(points[number - 1], points[number]):
            new = live.weights(index, number)
            kept[index] = np.maximum(kept[index], new) if index in kept else new
    done = PathRaster(path, grid)
    assert done.tiles == live.tiles == set(kept)
    assert done.blocks == live.blocks
    for index in done.tiles:
        np.testing.assert_array_equal(done.weights(index), kept[index])
        np.testing.assert_array_equal(done.weights(index), live.weights(index))


def test_no_stroke_reaches_beyond_its_tiles_and_blocks():
    grid = a_grid(seconds=20.0)
    generator = np.random.default_rng(7)
    for _ in range(60):
        raster = Raster(Stroke("drums", a_shape(generator, grid)), grid)
        weights = whole(raster)
        touched = {
            (column, row)
            for column in range(grid.columns)
            for row in range(grid.rows)
            if weights[slice(*grid.frame_range(column)), slice(*grid.bin_range(row))].any()
        }
        assert touched <= raster.tiles
        for frame in np.flatnonzero(weights.any(axis=1)):
            middle = int(frame) * grid.hop_length
            start = max(middle - grid.n_fft // 2, 0)
            stop = min(middle + grid.n_fft // 2, grid.samples)
            reached = range(start // grid.block_samples, (stop - 1) // grid.block_samples + 1)
            assert set(reached) <= raster.blocks
        assert all(0 <= block < grid.blocks for block in raster.blocks)


def test_a_small_stroke_touches_few_tiles_and_blocks_of_a_long_song():
    grid = Grid(44_100, 2, 600 * 44_100)
    raster = Raster(Stroke("drums", a_path([(300.0, 2000.0), (300.5, 2500.0)])), grid)
    assert len(raster.tiles) <= 4
    assert len(raster.blocks) <= 3


def test_a_rectangle_takes_the_cells_whose_middle_is_inside():
    grid = a_grid()
    area = rectangle(0.5, 1.5, 400.0, 1200.0)
    weights = whole(Raster(Stroke("drums", area), grid))
    times = grid.frame_times(0, grid.frames)
    frequencies = grid.bin_frequencies(0, grid.bins)
    inside = ((times > 0.5) & (times < 1.5))[:, None] & (
        (frequencies > 400) & (frequencies < 1200)
    )[None]
    edge = (np.abs(times - 0.5) < 1e-9) | (np.abs(times - 1.5) < 1e-9)
    edges = edge[:, None] | np.isin(frequencies, [400.0, 1200.0])[None]
    np.testing.assert_array_equal(weights[~edges], inside[~edges])
    assert set(np.unique(weights)) == {0.0, 1.0}


def test_a_lasso_that_crosses_itself_leaves_what_it_surrounds_twice():
    grid = a_grid()
    turns = np.linspace(0, 4 * np.pi, 200, endpoint=False)
    radius = 1.0 + 0.5 * (turns > 2 * np.pi)
    corners = np.column_stack(
        [1.5 + 0.6 * radius * np.cos(turns), 2000 + 900 * radius * np.sin(turns)]
    )
    weights = whole(Raster(Stroke("drums", Polygon(corners)), grid))
    middle, ring = round(1.5 / grid.frame_seconds), round(2.25 / grid.frame_seconds)
    bin_ = round(2000 / grid.bin_hz)
    assert weights[middle, bin_] == 0.0
    assert weights[ring, bin_] == 1.0


def test_a_feather_reaches_as_far_outside_as_inside():
    grid = a_grid()
    area = rectangle(1.0, 2.0, 500.0, 3500.0, feather_seconds=0.2, feather_hz=200.0)
    weights = whole(Raster(Stroke("drums", area), grid))
    row = weights[:, round(2000 / grid.bin_hz)]
    times = grid.frame_times(0, grid.frames)
    assert (row[times < 0.79] == 0).all()
    assert (row[(times > 1.21) & (times < 1.79)] == 1).all()
    on_edge = row[np.abs(times - 1.0) < 0.01]
    assert np.all(np.abs(on_edge - 0.5) < 0.08)
    rise = np.diff(row[times < 1.3])
    assert (rise >= 0).all()
    assert rise.max() < 0.08  # a step of 16 ms in a ramp of 400 ms


def test_an_area_that_covers_a_tile_costs_no_cells():
    grid = a_grid(seconds=60.0)
    raster = Raster(everything(grid, strength=0.5), grid)
    weights = raster.weights((3, 0))
    assert weights.strides == (0, 0)
    assert weights[0, 0] == 0.5
    assert (whole(raster) == 0.5).all()


def test_cells_come_back_with_their_weights():
    grid = a_grid()
    runs = np.array([(3, 200, 57), (70, 0, 2), (90, 255, 2)], dtype=np.int32)
    values = np.linspace(0.1, 1.0, 61).astype(np.float16)
    weights = whole(Raster(Stroke("drums", Cells(runs, values)), grid))
    np.testing.assert_array_equal(weights[3, 200:257], values[:57])
    np.testing.assert_array_equal(weights[70, :2], values[57:59])
    np.testing.assert_array_equal(weights[90, 255:257], values[59:])
    assert np.count_nonzero(weights) == 61


def test_strokes_outside_the_song_touch_nothing():
    grid = a_grid()
    far = np.array([(10_000, 0, 5)], dtype=np.int32)
    for shape in (
        a_path([(1e6, 100.0)]),
        a_path([(1.0, 1e6)]),
        rectangle(50.0, 60.0, 0.0, 1e4),
        Cells(far, np.ones(5, dtype=np.float16)),
    ):
        raster = Raster(Stroke("drums", shape), grid)
        assert raster.tiles == frozenset()
        assert raster.blocks == frozenset()


def test_an_empty_song_has_a_grid_and_takes_strokes():
    grid = Grid(44_100, 1, 0)
    raster = Raster(everything(grid), grid)
    assert raster.blocks == frozenset()
    assert whole(raster).shape == (1, 1025)


def octave_weight(path: Path, grid: Grid, frame: int, bin_: int) -> float:
    """Return the weight of a print at one point whose height goes with frequency."""
    (seconds, hertz, pressure), ratio = path.points[0].tolist(), path.radius_ratio
    here = bin_ * grid.bin_hz
    apart = here / hertz - hertz / here if here else math.inf
    upright = min(abs(apart / (ratio - 1 / ratio)), abs(here - hertz) / grid.bin_hz)
    across = (frame * grid.frame_seconds - seconds) / path.radius_seconds
    away = math.hypot(across, upright)
    x = min(max((away - path.hardness) / (1 - path.hardness), 0.0), 1.0)
    return (1 - (3 * x * x - 2 * x**3)) * pressure


@pytest.mark.parametrize("hertz", [60.0, 400.0, 2_500.0])
def test_a_brush_in_octaves_reaches_as_many_octaves_everywhere(hertz):
    grid = a_grid()
    path = Path(np.array([[1.5, hertz, 0.8]]), 0.3, 1.0, 0.5, 2**0.5)
    weights = whole(Raster(Stroke("drums", path), grid))
    for frame in range(0, grid.frames, 3):
        for bin_ in range(grid.bins):
            assert weights[frame, bin_] == pytest.approx(
                octave_weight(path, grid, frame, bin_), abs=1e-6
            )
    column = weights[round(1.5 / grid.frame_seconds)]
    reached = np.flatnonzero(column) * grid.bin_hz
    if hertz > 100.0:  # where cells are finer than the brush
        assert reached[0] == pytest.approx(hertz / 2**0.5, abs=1.5 * grid.bin_hz)
        assert reached[-1] == pytest.approx(hertz * 2**0.5, abs=1.5 * grid.bin_hz)


def test_a_stroke_in_octaves_has_the_same_bits_in_any_tile_and_in_any_order():
    grid = a_grid()
    points = np.array(
        [(0.5, 3_000.0, 1.0), (1.0, 300.0, 0.5), (2.0, -50.0, 1.0), (2.5, 900.0, 0.2)]
    )
    path = Path(points, 0.1, 1.0, 0.3, 1.4)
    grown = PathRaster(Path(points[:1], 0.1, 1.0, 0.3, 1.4), grid)
    for begin, end in zip(points, points[1:], strict=False):
        grown.add(begin, end)
    raster = Raster(Stroke("drums", path), grid)
    assert raster.tiles == grown.tiles
    for index in raster.tiles:
        np.testing.assert_array_equal(
            raster.weights(index), grown.weights(index).astype(np.float32)
        )
    outside = [
        (c, r) for c in range(grid.columns) for r in range(grid.rows) if (c, r) not in raster.tiles
    ]
    assert not any(raster.weights(index).any() for index in outside)
