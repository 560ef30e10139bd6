"""The edit field: strokes in order, layers together, and the same bits on every way to a tile."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.edit_field import FieldTiles
from drumstudio.core.song_edit import Edited, Painted, Protected, SongEdit, focused, less
from drumstudio.core.strokes import Stroke, rectangle
from drumstudio.core.tiles import Grid, TileCache, uniform_value
from tests.strokes import a_grid, a_path, a_stroke, everything, rasters, split, whole


def tiles_of(grid, limit=2**24):
    return FieldTiles(grid, TileCache(limit))


def field_of(tiles, layer, channel=0):
    """Return a layer's field on all cells, (frames, bins) float16."""
    grid = tiles.grid
    out = np.empty((grid.frames, grid.bins), dtype=np.float16)
    for column in range(grid.columns):
        for row in range(grid.rows):
            place = slice(*grid.frame_range(column)), slice(*grid.bin_range(row))
            index = column, row
            out[place] = tiles.tile(layer.chain(index, channel), index)
    return out


def one_layer(tiles, strokes, opacity=1.0):
    layer = tiles.layer(rasters(strokes, tiles.grid))
    return SongEdit(tiles, Edited(split("d"), 0.0, (Painted(layer, opacity),)))


def test_strokes_act_in_order_and_are_rounded_after_each():
    grid = a_grid()
    generator = np.random.default_rng(1)
    inked = rasters([a_stroke(generator, grid) for _ in range(40)], grid)
    tiles = tiles_of(grid)
    layer = tiles.layer(inked)
    for channel in range(2):
        expected = np.zeros((grid.frames, grid.bins), dtype=np.float16)
        for raster in inked:
            if raster.stroke.acts_on(channel):
                goal = np.float32({"drums": 1, "rest": -1, "erase": 0}[raster.stroke.target])
                before = expected.astype(np.float32)
                expected = (before + whole(raster) * (goal - before)).astype(np.float16)
        np.testing.assert_array_equal(field_of(tiles, layer, channel), expected)
        assert np.abs(expected).max() <= 1.0
        assert expected.any()


def test_a_tile_drawn_again_has_the_bits_of_one_painted_stroke_by_stroke():
    grid = a_grid(seconds=6.0)
    generator = np.random.default_rng(2)
    inked = rasters([a_stroke(generator, grid) for _ in range(120)], grid)
    kept, again = tiles_of(grid), tiles_of(grid, limit=0)
    layer = kept.layer()
    for count in range(1, len(inked) + 1):
        layer = layer.following(inked[:count])
        field_of(kept, layer)
    for channel in range(2):
        np.testing.assert_array_equal(
            field_of(kept, layer, channel), field_of(again, again.layer(inked), channel)
        )


def test_a_field_rounded_only_at_the_end_would_not_be_the_same():
    # The control of the test above: without rounding after every stroke the bits differ.
    grid = a_grid()
    generator = np.random.default_rng(2)
    inked = rasters([a_stroke(generator, grid) for _ in range(60)], grid)
    late = np.zeros((grid.frames, grid.bins), dtype=np.float32)
    for raster in inked:
        if raster.stroke.acts_on(0):
            goal = np.float32({"drums": 1, "rest": -1, "erase": 0}[raster.stroke.target])
            late += whole(raster) * (goal - late)
    tiles = tiles_of(grid)
    field = field_of(tiles, tiles.layer(inked))
    assert (field != late.astype(np.float16)).any()
    assert np.abs(field - late).max() < 0.01


def test_a_layer_that_goes_back_or_loses_a_stroke_is_the_layer_of_its_strokes():
    grid = a_grid()
    generator = np.random.default_rng(4)
    inked = rasters([a_stroke(generator, grid) for _ in range(30)], grid)
    tiles = tiles_of(grid)
    layer = tiles.layer(inked)
    for strokes in (inked[:12], inked[:5] + inked[9:], inked, (), inked[::-1], inked[3:4]):
        layer = layer.following(strokes)
        fresh = tiles.layer(strokes)
        assert layer.tiles == fresh.tiles
        assert layer.blocks == fresh.blocks
        assert layer.rasters == strokes
    assert layer.following(layer.rasters) is layer


def test_strokes_for_a_channel_that_is_not_there_change_nothing():
    grid = a_grid(channels=1)
    right = Stroke("drums", a_path([(1.0, 1000.0)]), 1.0, "right")
    tiles = tiles_of(grid)
    layer = tiles.layer(rasters([right], grid))
    assert not layer.tiles
    assert not layer.blocks
    assert not layer.following(()).tiles


def test_painting_left_leaves_right_alone():
    grid = a_grid()
    left = Stroke("drums", a_path([(1.0, 1000.0)]), 1.0, "left")
    tiles = tiles_of(grid)
    layer = tiles.layer(rasters([left], grid))
    assert field_of(tiles, layer, 0).any()
    assert not field_of(tiles, layer, 1).any()


def test_an_area_over_a_long_song_takes_no_memory_to_speak_of():
    grid = Grid(44_100, 2, 600 * 44_100)
    cache = TileCache()
    tiles = FieldTiles(grid, cache)
    layer = tiles.layer(rasters([everything(grid, "drums", 0.5), everything(grid, "rest")], grid))
    for index in list(layer.tiles)[:500]:
        assert uniform_value(tiles.tile(layer.chain(index, 0), index)) == -1.0
    assert cache.bytes < 1_000_000


def test_the_cache_keeps_to_its_limit_and_lets_landmarks_go_last():
    grid = a_grid()
    generator = np.random.default_rng(6)
    inked = rasters([Stroke("drums", a_path([generator.random(2) * (3, 4000)]), 0.1)
                     for _ in range(200)], grid)  # fmt: skip
    cache = TileCache(1_000_000)
    tiles = FieldTiles(grid, cache)
    layer = tiles.layer(inked)
    field = field_of(tiles, layer)
    assert 500_000 < cache.bytes <= 1_000_000
    landmarks = [key for key in cache._landmarks]
    assert landmarks
    assert all(chain.steps % 16 == 0 for chain, _ in landmarks)
    assert (
        len(landmarks) >= sum(chain[0].steps // 16 for index, chain in layer.tiles.items())
        or not cache._steps
    )
    cache.clear()
    assert cache.bytes == 0
    np.testing.assert_array_equal(field_of(tiles, layer), field)


def test_layers_add_with_their_opacity_and_are_clipped():
    grid = a_grid()
    tiles = tiles_of(grid)
    strokes = [everything(grid, "drums", 0.75), everything(grid, "rest", 0.5)]
    first, second = (tiles.layer(rasters([stroke], grid)) for stroke in strokes)

    def value(*layers):
        edit = SongEdit(tiles, Edited(split("d"), 0.0, tuple(layers)))
        field = edit.field(1, 3, 9)
        assert field.shape == (6, grid.bins)
        np.testing.assert_array_equal(edit.field_tile(1, (0, 0))[3:9], field[:, :256])
        assert len(np.unique(field)) == 1
        return float(field[0, 0])

    assert value() == 0.0
    assert value(Painted(first)) == 0.75
    assert value(Painted(first, 0.5)) == 0.375
    assert value(Painted(first), Painted(second, 0.5)) == 0.5
    assert value(Painted(first), Painted(first)) == 1.0
    assert value(Painted(second), Painted(second), Painted(second)) == -1.0


def spectra(generator, shape):
    parts = generator.standard_normal((2, *shape)).astype(np.float32)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def test_a_stroke_of_half_strength_moves_half_of_the_amplitude():
    generator = np.random.default_rng(8)
    mixture, drums = spectra(generator, (4, 9)), spectra(generator, (4, 9))
    rest = mixture - drums
    half = np.full((4, 9), 0.5, dtype=np.float32)
    np.testing.assert_allclose(focused(mixture, drums, half), drums + 0.5 * rest, atol=1e-6)
    np.testing.assert_allclose(focused(mixture, drums, -half), 0.5 * drums, atol=1e-6)
    np.testing.assert_allclose(focused(mixture, drums, 2 * half), mixture, atol=1e-6)
    assert not focused(mixture, drums, -2 * half).any()
    np.testing.assert_array_equal(focused(mixture, drums, 0 * half), drums)


@pytest.mark.parametrize("amount", [-1.0, -0.3, 0.4, 1.0])
def test_the_amount_is_a_power_of_the_drums_share(amount):
    generator = np.random.default_rng(9)
    mixture, drums = spectra(generator, (5, 7)), spectra(generator, (5, 7))
    drums[0, 0] = 1e-7  # a share below the floor
    share = np.abs(drums) / (np.abs(drums) + np.abs(mixture - drums))
    expected = drums * np.maximum(share, 0.001) ** (2.0**amount - 1)
    np.testing.assert_allclose(less(mixture, drums, amount), expected, rtol=1e-4)
    silent = np.zeros((1, 1), dtype=np.complex64)
    assert less(silent, silent, amount)[0, 0] == 0


def test_protection_keeps_the_drums_that_stood():
    grid = a_grid()
    tiles = tiles_of(grid)
    generator = np.random.default_rng(10)
    mixture = spectra(generator, (grid.frames, grid.bins))
    now, then = (spectra(generator, (grid.frames, grid.bins)) for _ in range(2))
    area = rectangle(1.0, 2.0, 1000.0, 2000.0)
    paint = Painted(tiles.layer(rasters([everything(grid, "rest", 0.5)], grid)))
    keep = tiles.layer(rasters([Stroke("protect", area, 0.75)], grid))
    kept = Edited(split("then"), 0.0, (paint,))
    edit = SongEdit(tiles, Edited(split("now")), (Protected(keep, kept),))
    out = edit.stems(0, mixture, {"now": now, "then": then}, 0)["drums"]
    inside = field_of(tiles, keep) > 0
    np.testing.assert_array_equal(out[~inside], now[~inside])
    expected = 0.25 * now[inside] + 0.75 * (0.5 * then[inside])
    np.testing.assert_allclose(out[inside], expected, atol=1e-5)


def test_of_two_protections_the_older_one_has_the_last_word():
    grid = a_grid()
    tiles = tiles_of(grid)
    layer = tiles.layer(rasters([everything(grid, "protect")], grid))
    edit = SongEdit(
        tiles,
        Edited(split("c")),
        (Protected(layer, Edited(split("a"))), Protected(layer, Edited(split("b")))),
    )
    ones = np.ones((2, grid.bins), dtype=np.complex64)
    out = edit.stems(0, ones, {"a": 2 * ones, "b": 3 * ones, "c": 4 * ones}, 0)["drums"]
    np.testing.assert_array_equal(out, 2 * ones)


def test_a_block_has_a_key_only_if_something_decides_about_it():
    grid = a_grid(seconds=30.0)
    tiles = tiles_of(grid)
    inked = rasters([Stroke("drums", a_path([(10.0, 1000.0)]))], grid)
    layer = tiles.layer(inked)
    edit = SongEdit(tiles, Edited(split("d"), 0.0, (Painted(layer),)))
    (block,) = edit.changed_blocks()
    assert edit.key(block)
    assert not edit.key(0)
    assert one_layer(tiles, []).changed_blocks() == frozenset()
    louder = SongEdit(tiles, Edited(split("d"), 0.1))
    assert len(louder.changed_blocks()) == grid.blocks
    assert louder.key(0)


def test_a_key_says_everything_that_decides_and_nothing_else():
    grid = a_grid(seconds=30.0)
    tiles = tiles_of(grid)
    near = rasters([Stroke("drums", a_path([(10.0, 1000.0)]), s) for s in (0.5, 0.6)], grid)
    far = rasters([Stroke("drums", a_path([(25.0, 1000.0)]))], grid)
    keep = tiles.layer(rasters([everything(grid, "protect")], grid))
    (block,) = near[0].blocks

    def key(strokes=near, opacity=1.0, drums="d", amount=0.0, protected=()):
        layer = Painted(tiles.layer(strokes), opacity)
        return SongEdit(tiles, Edited(split(drums), amount, (layer,)), protected).key(block)

    different = [
        key(),
        key(near[:1]),
        key(near[::-1]),
        key(opacity=0.5),
        key(drums="e"),
        key(amount=0.1),
        key(protected=(Protected(keep, Edited(split("x"))),)),
        key(protected=(Protected(keep, Edited(split("y"))),)),
        key(protected=(Protected(keep, Edited(split("y"), 0.2)),)),
        key(protected=(Protected(keep, Edited(split("y")), 0.5),)),
    ]
    assert len(set(different)) == len(different)
    assert key(near + far) == key()


def test_a_stroke_in_progress_stands_in_for_its_layer():
    grid = a_grid()
    tiles = tiles_of(grid)
    layers = [tiles.layer(rasters([everything(grid, "drums", s)], grid)) for s in (0.25, 0.5)]
    edit = SongEdit(tiles, Edited(split("d"), 0.0, tuple(Painted(layer) for layer in layers)))
    instead = np.full(grid.shape((0, 0)), -0.25, dtype=np.float16)
    assert (edit.field_tile(0, (0, 0)) == 0.75).all()
    assert (edit.field_tile(0, (0, 0), (layers[1], instead)) == 0.0).all()


def test_protections_add_up_to_no_more_than_everything():
    grid = a_grid()
    tiles = tiles_of(grid)
    half, left = (
        tiles.layer(rasters([stroke], grid))
        for stroke in (
            everything(grid, "protect", 0.5),
            Stroke("protect", rectangle(-1, 9, -9, 9e3), 0.5, "left"),
        )
    )
    kept = Edited(split("d"))
    edit = SongEdit(tiles, kept, (Protected(half, kept), Protected(left, kept, 0.5)))
    assert (edit.protection_tile(0, (0, 1)) == 0.625).all()
    assert (edit.protection_tile(1, (0, 1)) == 0.5).all()
    ones = np.ones(grid.shape((0, 1)), dtype=np.float16)
    assert (edit.protection_tile(1, (0, 1), (left, ones)) == 0.75).all()


def test_the_tiles_that_differ_between_two_edits_are_found():
    grid = a_grid(seconds=30.0)
    tiles = tiles_of(grid)
    first, second = rasters([Stroke("drums", a_path([(t, 900.0)])) for t in (5.0, 25.0)], grid)
    layer = tiles.layer([first])

    def edit(strokes, opacity=1.0, protected=()):
        return SongEdit(tiles, Edited(split("d"), 0.0, (Painted(strokes, opacity),)), protected)

    one, both = edit(layer), edit(layer.following((first, second)))
    assert one.tiles_unlike(edit(tiles.layer([first]))) == frozenset()
    assert both.tiles_unlike(one) == one.tiles_unlike(both) == second.tiles
    assert one.tiles_unlike(edit(layer, 0.5)) == first.tiles
    keep = Protected(tiles.layer([second]), Edited(split("d")))
    assert one.tiles_unlike(edit(layer, 1.0, (keep,))) == second.tiles
