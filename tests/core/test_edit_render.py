"""Edits in the sound: what strokes move, and what they leave alone to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.edit_field import FieldTiles
from drumstudio.core.edit_render import deltas_of_block, frames_of_block, masked_block
from drumstudio.core.song_edit import Edited, Painted, Protected, SongEdit
from drumstudio.core.stft import istft, stft
from drumstudio.core.strokes import Stroke, rectangle
from drumstudio.core.tiles import Grid, TileCache
from tests.strokes import a_path, a_stroke, everything, rasters, split


def a_song(seconds=3.3, sample_rate=8_000, channels=2, seed=1):
    generator = np.random.default_rng(seed)
    samples = round(seconds * sample_rate)
    mixture = generator.standard_normal((channels, samples)).astype(np.float32) * 0.2
    drums = (generator.standard_normal((channels, samples)) * 0.1).astype(np.float32)
    return Grid(sample_rate, channels, samples), mixture, drums


def reader(mixture, **drums):
    sounds = {"": mixture, **drums}

    def read(name, start, count):
        sound = sounds[name]
        padded = np.zeros((sound.shape[0], count), dtype=np.float32)
        first, last = max(start, 0), min(start + count, sound.shape[1])
        if first < last:
            padded[:, first - start : last - start] = sound[:, first:last]
        return padded

    return read


def an_edit(grid, strokes, **changed):
    tiles = FieldTiles(grid, TileCache(2**24))
    layer = Painted(tiles.layer(rasters(strokes, grid)), changed.pop("opacity", 1.0))
    return SongEdit(tiles, Edited(split("d"), changed.pop("amount", 0.0), (layer,)), **changed)


def rendered(edit, drums, read):
    """Return the edited drums of a whole song, and which samples a delta covers."""
    out, covered = drums.copy(), np.zeros(drums.shape[1], dtype=bool)
    for block in sorted(edit.changed_blocks()):
        size = edit.tiles.grid.block_samples
        for run in deltas_of_block(edit, block, read)["drums"]:
            stop = run.start + run.samples.shape[1]
            assert block * size <= run.start < stop <= min((block + 1) * size, drums.shape[1])
            assert not covered[run.start : stop].any()
            covered[run.start : stop] = True
            out[:, run.start : stop] += run.samples
    return out, covered


@pytest.mark.parametrize(("seconds", "rate"), [(3.3, 8_000), (2.9, 44_100), (0.01, 8_000)])
def test_painting_everything_to_the_drums_makes_them_the_mixture(seconds, rate):
    grid, mixture, drums = a_song(seconds, rate)
    read = reader(mixture, d=drums)
    all_of_it, _ = rendered(an_edit(grid, [everything(grid)]), drums, read)
    np.testing.assert_allclose(all_of_it, mixture, atol=2e-6)
    nothing, _ = rendered(an_edit(grid, [everything(grid, "rest")]), drums, read)
    np.testing.assert_allclose(nothing, 0, atol=2e-6)
    half, _ = rendered(an_edit(grid, [everything(grid, strength=0.5)]), drums, read)
    np.testing.assert_allclose(half, 0.5 * (drums + mixture), atol=1e-6)


@pytest.mark.parametrize("amount", [0.0, 0.5, -1.0])
def test_blocks_are_the_whole_songs_inverse_transform(amount):
    grid, mixture, drums = a_song()
    generator = np.random.default_rng(2)
    edit = an_edit(grid, [a_stroke(generator, grid) for _ in range(9)], amount=amount)
    mixture_spectrum, drums_spectrum = (
        np.swapaxes(stft(sound, grid.n_fft, grid.hop_length), 1, 2) for sound in (mixture, drums)
    )
    changed = np.stack([
        edit.stems(channel, mixture_spectrum[channel], {"d": drums_spectrum[channel]}, 0)["drums"]
        for channel in range(2)
    ])  # fmt: skip
    whole = istft(np.swapaxes(changed, 1, 2), grid.hop_length, grid.samples)
    out, _ = rendered(edit, drums, reader(mixture, d=drums))
    assert np.abs(out - drums).max() > 0.05
    np.testing.assert_allclose(out, whole, atol=2e-6)


def test_samples_outside_the_windows_of_touched_frames_keep_their_bits():
    grid, mixture, drums = a_song(seconds=20.0)
    drums[:, ::7] = -0.0  # a sum with zero would make this +0.0
    strokes = [
        Stroke("drums", a_path([(2.0, 900.0), (2.1, 1500.0)])),
        Stroke("rest", a_path([(2.9, 900.0)])),
        Stroke("rest", rectangle(12.0, 12.5, 100.0, 3000.0)),
    ]
    edit = an_edit(grid, strokes)
    out, covered = rendered(edit, drums, reader(mixture, d=drums))
    frames = np.flatnonzero(edit.touched_frames(0, grid.frames)) * grid.hop_length
    expected = np.zeros(grid.samples, dtype=bool)
    for middle in frames:
        expected[max(middle - grid.n_fft // 2, 0) : middle + grid.n_fft // 2] = True
    np.testing.assert_array_equal(covered, expected)
    assert 0.02 < covered.mean() < 0.2
    np.testing.assert_array_equal(
        out[:, ~covered].view(np.int32), drums[:, ~covered].view(np.int32)
    )
    assert (out[:, covered] != drums[:, covered]).mean() > 0.7


def test_painting_left_leaves_rights_samples():
    grid, mixture, drums = a_song()
    stroke = Stroke("drums", rectangle(1.0, 1.5, 0.0, 4000.0), 1.0, "left")
    out, _ = rendered(an_edit(grid, [stroke]), drums, reader(mixture, d=drums))
    np.testing.assert_array_equal(out[1], drums[1])
    assert np.abs(out[0] - drums[0]).max() > 0.1


def test_an_erased_stroke_gives_no_delta():
    grid, mixture, drums = a_song()
    strokes = [Stroke("drums", a_path([(1.0, 1000.0)])), everything(grid, "erase")]
    edit = an_edit(grid, strokes)
    assert edit.changed_blocks()
    _, covered = rendered(edit, drums, reader(mixture, d=drums))
    assert not covered.any()


def jump_at_edges(out, drums, times, sample_rate):
    """Return the largest step of the change from one sample to the next near some times."""
    change = out - drums
    steps = np.abs(np.diff(change, axis=1))
    near = [
        steps[:, round((time - 0.05) * sample_rate) : round((time + 0.05) * sample_rate)].max()
        for time in times
    ]
    return max(near)


def test_a_hard_stroke_has_no_click_at_its_edges():
    sample_rate = 44_100
    time = np.arange(3 * sample_rate) / sample_rate
    mixture = np.tile(0.8 * np.sin(2 * np.pi * 110.0 * time), (1, 1)).astype(np.float32)
    drums = np.zeros_like(mixture)
    grid = Grid(sample_rate, 1, mixture.shape[1])
    edit = an_edit(grid, [Stroke("drums", rectangle(1.0, 2.0, -1.0, 30_000.0))])
    out, _ = rendered(edit, drums, reader(mixture, d=drums))
    own = np.abs(np.diff(mixture)).max()  # the tone's own largest step
    assert jump_at_edges(out, drums, (1.0, 2.0), sample_rate) <= 1.05 * own
    # The control: the same stretch cut in the samples.
    cut = np.where((time > 1.0011) & (time < 2.0012), mixture, 0).astype(np.float32)
    assert jump_at_edges(cut, drums, (1.0, 2.0), sample_rate) > 5 * own


def test_protected_parts_sound_as_they_stood_whatever_comes_later():
    grid, mixture, before = a_song(seconds=4.0)
    after = a_song(seconds=4.0, seed=5)[2]
    tiles = FieldTiles(grid, TileCache(2**24))
    old = Painted(tiles.layer(rasters([Stroke("drums", a_path([(1.5, 900.0)]))], grid)))
    keep = tiles.layer(rasters([Stroke("protect", rectangle(1.0, 2.0, -1.0, 9e3))], grid))
    new = Painted(tiles.layer(rasters([everything(grid, "rest", 0.5)], grid)))
    read = reader(mixture, a=before, b=after)
    stood, _ = rendered(SongEdit(tiles, Edited(split("a"), 0.0, (old,))), before, read)
    edit = SongEdit(
        tiles, Edited(split("b"), 0.3, (new,)), (Protected(keep, Edited(split("a"), 0.0, (old,))),)
    )
    out, _ = rendered(edit, after, read)
    inside = slice(round(1.1 * 8000), round(1.9 * 8000))
    np.testing.assert_allclose(out[:, inside], stood[:, inside], atol=2e-6)
    assert np.abs(out[:, :7000] - stood[:, :7000]).max() > 0.05


def test_what_is_painted_can_be_heard_alone():
    grid, mixture, drums = a_song()
    edit = an_edit(grid, [everything(grid, "rest", 0.5)])

    heard = np.zeros_like(mixture)
    for block in range(grid.blocks):
        for run in masked_block(grid, block, edit.painted, reader(mixture)):
            heard[:, run.start : run.start + run.samples.shape[1]] += run.samples
    np.testing.assert_allclose(heard, 0.5 * mixture, atol=1e-6)
    silent = an_edit(grid, [])
    assert masked_block(grid, 0, silent.painted, reader(mixture)) == ()


def test_the_frames_of_a_block_are_those_that_reach_into_it():
    grid = Grid(8_000, 1, 8_000 * 20)
    for block in range(grid.blocks):
        first, last = frames_of_block(grid, block)
        start, stop = block * grid.block_samples, (block + 1) * grid.block_samples
        for frame in range(max(first - 2, 0), min(last + 2, grid.frames)):
            middle, half = frame * grid.hop_length, grid.n_fft // 2
            reaches = middle + half > start and middle - half < stop
            assert reaches == (first <= frame < last)
