"""Painting among any number of stems: one focus, one destination, and the sum is the song."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumstudio.core.edit_field import FieldTiles
from drumstudio.core.edit_render import deltas_of_block
from drumstudio.core.song_edit import (
    Edited,
    Painted,
    Protected,
    SongEdit,
    focused,
    kept_stems,
    painted_between,
)
from drumstudio.core.stems import Split
from drumstudio.core.strokes import Stroke, rectangle
from drumstudio.core.tiles import Grid, TileCache
from tests.strokes import a_stroke, everything, rasters, split

NAMES = ("drums", "bass", "vocals", "guitar", "piano")
GRID = Grid(8_000, 1, 9_000)


def a_split(count):
    return Split(tuple((name, f"hash of {name}") for name in NAMES[:count]), "other", "drums")


def spectra(split, seed):
    generator = np.random.default_rng(seed)
    shape = GRID.frames, GRID.bins

    def one():
        return (generator.normal(size=shape) + 1j * generator.normal(size=shape)).astype(
            np.complex64
        )

    return one(), {sha256: one() for _, sha256 in split.stored}


def by_hand(edit, mixture, estimates):
    """Return every stem, the computed one too, each by the formula of its own part."""
    split = edit.edited.split
    stems = {name: estimates[sha256].astype(np.complex128) for name, sha256 in split.stored}
    stems[split.computed] = mixture - sum(stems.values())
    done = set()
    for layer in edit.edited.layers:
        focus = layer.focus or "drums"
        destination = layer.destination or ("other" if focus != "other" else "drums")
        if (focus, destination) in done or focus == destination:
            continue
        done.add((focus, destination))
        alike = [
            one
            for one in edit.edited.layers
            if (one.focus or "drums") == focus
            and (one.destination or ("other" if focus != "other" else "drums")) == destination
        ]
        lone = SongEdit(edit.tiles, Edited(split, 0.0, tuple(alike)), shown=focus)
        field = lone.field(0, 0, GRID.frames).astype(np.float64)
        give, take = np.maximum(field, 0), np.maximum(-field, 0)
        before = dict(stems)
        for name in stems:
            if name == focus:
                stems[name] = before[name] + give * (mixture - before[name]) - take * before[name]
            else:
                stems[name] = (1 - give) * before[name]
                if name == destination:
                    stems[name] = stems[name] + take * before[focus]
    return stems


def layers_of(tiles, count, seed):
    """Return layers of random strokes, foci, destinations and opacities, in random order."""
    generator = np.random.default_rng(seed)
    names = ("", *NAMES[:count], "other")
    return tuple(
        Painted(
            tiles.layer(rasters([a_stroke(generator, GRID) for _ in range(3)], GRID)),
            float(generator.choice([1.0, 0.7])),
            str(generator.choice(names)),
            str(generator.choice(names)),
        )
        for _ in range(generator.integers(1, 6))
    )


@settings(max_examples=40)
@given(st.integers(1, 5), st.integers(0, 10_000))
def test_each_stem_is_what_its_own_formula_says_and_they_sum_to_the_song(count, seed):
    split = a_split(count)
    tiles = FieldTiles(GRID, TileCache(2**24))
    edit = SongEdit(tiles, Edited(split, 0.0, layers_of(tiles, count, seed)))
    mixture, estimates = spectra(split, seed)
    found = edit.stems(0, mixture, estimates, 0)
    expected = by_hand(edit, mixture, estimates)
    for name, _ in split.stored:
        np.testing.assert_allclose(found[name], expected[name], atol=2e-5)
    left = mixture - sum(found[name] for name, _ in split.stored)
    np.testing.assert_allclose(left, expected["other"], atol=5e-5)
    assert {name for name, _ in split.stored if name in found} <= set(edit.changed_stems())


def test_with_two_stems_it_is_the_formula_of_drums_and_rest_bit_by_bit():
    tiles = FieldTiles(GRID, TileCache(2**24))
    two = split("d")
    layers = tuple(Painted(one.strokes, one.opacity) for one in layers_of(tiles, 1, 5))
    edit = SongEdit(tiles, Edited(two, 0.0, layers))
    mixture, estimates = spectra(two, 5)
    found = edit.stems(0, mixture, estimates, 0)["drums"]
    field = edit.field(0, 0, GRID.frames)
    np.testing.assert_array_equal(found, focused(mixture, estimates["d"], field))


def test_groups_act_in_the_order_of_their_lowest_layers_and_their_layers_add():
    tiles = FieldTiles(GRID, TileCache(2**24))
    four = a_split(3)
    half = tiles.layer(rasters([everything(GRID, "rest", 0.5)], GRID))
    layers = (
        Painted(half, focus="drums", destination="bass"),
        Painted(half, focus="bass", destination="vocals"),
        Painted(half, focus="drums", destination="bass"),
    )
    assert [group.focus for group in Edited(four, 0.0, layers).groups] == ["drums", "bass"]
    mixture, estimates = spectra(four, 1)
    drums, bass, vocals = (estimates[f"hash of {name}"] for name in NAMES[:3])
    found = SongEdit(tiles, Edited(four, 0.0, layers)).stems(0, mixture, estimates, 0)
    np.testing.assert_allclose(found["drums"], 0 * drums, atol=1e-6)
    np.testing.assert_allclose(found["bass"], 0.5 * (bass + drums), atol=1e-6)
    np.testing.assert_allclose(found["vocals"], vocals + 0.5 * (bass + drums), atol=1e-6)


@pytest.mark.parametrize(
    ("focus", "destination", "ends"),
    [
        ("", "", ("drums", "other")),
        ("bass", "", ("bass", "other")),
        ("other", "", ("other", "drums")),
        ("other", "bass", ("other", "bass")),
        ("bass", "bass", None),
        ("oboe", "", None),
        ("", "rest", None),
    ],
)
def test_a_layer_whose_stems_are_not_there_rests(focus, destination, ends):
    assert painted_between(a_split(3), focus, destination) == ends


def test_a_layer_that_rests_changes_nothing_and_has_no_key():
    tiles = FieldTiles(GRID, TileCache(2**24))
    layer = Painted(tiles.layer(rasters([everything(GRID)], GRID)), focus="oboe")
    edit = SongEdit(tiles, Edited(a_split(3), 0.0, (layer,)))
    assert edit.changed_blocks() == frozenset()
    assert edit.changed_stems() == ()
    assert not edit.key(0)
    assert not edit.painted(0, 0, 9).any()


def test_protection_keeps_every_stem_of_the_level_or_the_focus_alone_of_another():
    tiles = FieldTiles(GRID, TileCache(2**24))
    now, mixture = a_split(3), spectra(a_split(3), 1)[0]
    then = Split(tuple((name, f"then {name}") for name in NAMES[:3]), "other", "drums")
    two = split("then two")
    estimates = {**spectra(now, 1)[1], **spectra(then, 2)[1], **spectra(two, 3)[1]}
    keep = tiles.layer(rasters([Stroke("protect", rectangle(-1, 9, -9, 9e3), 0.75)], GRID))
    kept = SongEdit(tiles, Edited(now), (Protected(keep, Edited(then)),))
    found = kept.stems(0, mixture, estimates, 0)
    for name in NAMES[:3]:
        expected = 0.25 * estimates[f"hash of {name}"] + 0.75 * estimates[f"then {name}"]
        np.testing.assert_allclose(found[name], expected, atol=1e-5)
    of_two = SongEdit(tiles, Edited(now), (Protected(keep, Edited(two)),))
    assert of_two.changed_stems() == ("drums",)
    found = of_two.stems(0, mixture, estimates, 0)
    assert set(found) == {"drums"}
    expected = 0.25 * estimates["hash of drums"] + 0.75 * estimates["then two"]
    np.testing.assert_allclose(found["drums"], expected, atol=1e-5)
    assert kept_stems(now, two, "vocals") == ()
    assert kept_stems(now, two, "other") == ()


def test_amount_needs_drums_and_the_computed_stem_takes_the_difference():
    tiles = FieldTiles(GRID, TileCache(2**24))
    voices = Split((("vocals", "v"),), "background")
    assert SongEdit(tiles, Edited(voices, 0.5)).changed_blocks() == frozenset()
    four = a_split(2)
    edit = SongEdit(tiles, Edited(four, 0.5))
    assert edit.changed_stems() == ("drums",)
    sounds = {"": 1, "hash of drums": 2, "hash of bass": 3}
    generator = np.random.default_rng(4)
    noise = {name: generator.normal(size=(1, 40_000)).astype(np.float32) for name in sounds}
    deltas = deltas_of_block(edit, 0, lambda name, start, count: noise[name][:, 9_000:][:, :count])
    assert set(deltas) == {"drums"}
    assert deltas["drums"]
