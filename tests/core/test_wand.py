"""The magic wand: a region that is connected and alike, and nothing besides."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.raster import Raster
from drumstudio.core.strokes import Stroke
from drumstudio.core.tiles import Grid
from drumstudio.core.wand import found_cells, region


def picture():
    """Two blocks of the same loudness and share, a quieter bridge to a third, drums and rest."""
    level = np.full((60, 80), 40, dtype=np.uint8)
    share = np.full((60, 80), 128, dtype=np.uint8)
    level[10:20, 10:30] = 180
    share[10:20, 10:30] = 250
    level[10:20, 40:60] = 180
    share[10:20, 40:60] = 250
    level[20:30, 10:30] = 180
    share[20:30, 10:30] = 10
    return level, share


def test_a_click_takes_the_block_it_is_in_and_no_other():
    weights = region(*picture(), 15, 20, 10.0)
    inside = np.zeros((60, 80), dtype=bool)
    inside[10:20, 10:30] = True
    np.testing.assert_array_equal(weights == 1.0, inside)
    around = np.zeros((60, 80), dtype=bool)
    around[9:21, 9:31] = True
    assert not weights[~around].any()
    assert (weights[around & ~inside] > 0).all()


def test_a_click_beside_a_block_takes_the_block():
    assert region(*picture(), 15, 8, 10.0)[15, 20] == 1.0


def test_more_tolerance_takes_what_is_less_alike():
    assert region(*picture(), 15, 20, 39.0)[25, 20] == 1.0
    assert region(*picture(), 15, 20, 10.0)[25, 20] == 0.0


def test_a_click_outside_is_refused():
    with pytest.raises(ValueError, match="not in"):
        region(*picture(), 60, 20, 10.0)


def test_found_cells_are_the_weights_again_when_they_are_drawn():
    grid = Grid(8_000, 1, 80_000)
    generator = np.random.default_rng(3)
    weights = np.zeros((grid.frames, grid.bins), dtype=np.float32)
    part = generator.random((9, 30)).astype(np.float16).astype(np.float32)
    part[generator.random(part.shape) < 0.4] = 0.0
    weights[70:79, 40:70] = part
    cells = found_cells(weights[60:90], 60)
    raster = Raster(Stroke("drums", cells), grid)
    drawn = np.zeros_like(weights)
    for index in raster.tiles:
        place = slice(*grid.frame_range(index[0])), slice(*grid.bin_range(index[1]))
        drawn[place] = raster.weights(index)
    np.testing.assert_array_equal(drawn, weights)


def test_nothing_found_is_no_stroke():
    assert found_cells(np.zeros((4, 5), dtype=np.float32)) is None
