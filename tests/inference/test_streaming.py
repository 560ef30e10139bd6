"""R25: no seams, no missing end, no fading of the song's own ends; and the plan of chunks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from drumstudio.inference.fed_song import channel_groups
from drumstudio.inference.ladder import chunk_sizes
from drumstudio.inference.streaming import (
    Chunk,
    Planner,
    joined,
    planner,
    playhead_first,
    refined,
    separate_channels,
)
from tests.inference import stub_separators as stubs
from tests.inference.conftest import dbfs, noise
from tests.inference.stub_separators import RATE
from tests.promises import record

SECONDS = 7
LENGTHS = (SECONDS * RATE, SECONDS * RATE + 37)


def whole(separator, song: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return separator.separate(torch.from_numpy(song)[None])[0].numpy()


def worst_difference(bench, stub) -> float:
    """Return by how much chunks differ at most: 3 chunk sizes, 2 lengths, dBFS."""
    worst = -999.0
    for length in LENGTHS:
        song = noise(length)
        bench.write_song(song)
        expected = whole(stub(), song)
        for chunk_seconds in (0.4, 1.024, 2.7):
            bench.run(stub, chunk_seconds=chunk_seconds)
            worst = max(worst, dbfs(bench.drums() - expected))
    return worst


def test_chunks_of_a_net_of_finite_field_give_the_bits_of_the_whole_song(bench):
    assert worst_difference(bench, stubs.ConvolutionNet) == -999.0
    bench.run(stubs.ConvolutionNetWithoutContext, chunk_seconds=0.4)
    control = dbfs(bench.drums() - whole(stubs.ConvolutionNet(), noise(LENGTHS[-1])))
    record(
        "R25",
        what="chunks against the whole song, net of finite field, 3 chunk sizes, 2 lengths",
        count=6,
        failures=0,
        figure="bit-equal",
        control=f"chunks without context: {control:.1f} dBFS",
        control_failed=control > -60,
    )
    assert control > -60


@pytest.mark.parametrize("stub", [stubs.LibraryNet, stubs.SpectrogramNet])
def test_chunks_of_a_library_s_net_differ_by_its_rounding_at_most(bench, stub):
    """Which order a library sums in may hang on the length; that is all that may differ."""
    assert worst_difference(bench, stub) <= -130


@pytest.mark.parametrize("stub", [stubs.ConvolutionNet, stubs.LibraryNet, stubs.SpectrogramNet])
def test_the_nets_declare_no_more_context_than_they_need_by_far(stub):
    """A context ten times too long would hide an engine that feeds the wrong stretch."""
    separator = stub()
    song = noise(8_000)
    changed = song.copy()
    changed[:, 4_000] += 1.0
    touched = np.flatnonzero(np.any(whole(separator, song) != whole(separator, changed), axis=0))
    reach = max(4_000 - touched[0], touched[-1] - 4_000)
    assert separator.context_samples / 3 < reach <= separator.context_samples


def test_an_identity_that_cross_fades_returns_the_song(bench):
    song = noise(SECONDS * RATE + 11)
    bench.write_song(song)
    for chunk_seconds in (0.3, 0.9, 4.0):
        bench.run(stubs.Identity, chunk_seconds=chunk_seconds)
        residual = dbfs(bench.drums() - song)
        assert residual <= -140


def test_the_error_near_a_seam_is_at_most_3_db_above_that_elsewhere(bench):
    song = noise(6 * RATE)
    bench.write_song(song)
    bench.run(stubs.LevelOfTheChunk, chunk_seconds=1.0)
    error = bench.drums() - whole(stubs.LevelOfTheChunk(), song)
    near = np.zeros(song.shape[1], dtype=bool)
    for chunk in planner(stubs.LevelOfTheChunk(), song.shape[1]).plan([RATE], 0, ())[1:]:
        near[chunk.start - RATE // 20 : chunk.start + RATE // 20] = True
    near_rms, elsewhere_rms = (np.sqrt(np.mean(error[:, part] ** 2)) for part in (near, ~near))
    assert elsewhere_rms > 0
    assert 20 * np.log10(near_rms / elsewhere_rms) <= 3


def test_neighbours_that_disagree_leave_no_step(bench, monkeypatch):
    song = np.repeat(np.linspace(0.1, 0.9, 6 * RATE, dtype=np.float32)[None], 2, axis=0)
    bench.write_song(song)

    def largest_step() -> float:
        bench.run(stubs.LevelOfTheChunk, chunk_seconds=1.0)
        return float(np.abs(np.diff(bench.drums())).max())

    faded = largest_step()
    monkeypatch.setattr(stubs.LevelOfTheChunk, "overlap", 0.0)
    assert largest_step() > 20 * faded, "the control, a hard join, must step"


def test_a_net_of_infinite_field_differs_little_between_chunk_sizes(bench):
    song = noise(6 * RATE)
    bench.write_song(song)
    expected = whole(stubs.RecurrentNet(), song)
    for chunk_seconds in (0.5, 1.0, 2.0):
        bench.run(stubs.RecurrentNet, chunk_seconds=chunk_seconds)
        assert dbfs(bench.drums() - expected) <= -60


def test_the_ends_of_the_song_do_not_fade(bench):
    song = np.ones((2, 5 * RATE), dtype=np.float32)
    song[:, 1::2] = -1  # a constant would belong to the rest
    bench.write_song(song)
    bench.run(stubs.Identity, chunk_seconds=0.5)
    np.testing.assert_array_equal(bench.drums(), song)


@pytest.mark.parametrize("length", [0, 1, 15, 255, 1_023, 1_024, 1_025, 8_191, 8_193])
@pytest.mark.parametrize("stub", [stubs.ConvolutionNet, stubs.Identity, stubs.SpectrogramNet])
def test_a_song_of_any_length_comes_back_as_long(bench, stub, length):
    song = noise(length)
    bench.write_song(song)
    bench.run(stub)
    assert bench.drums().shape == song.shape
    if stub is stubs.Identity and length != 1:  # one sample is a constant
        np.testing.assert_array_equal(bench.drums(), song)


def test_a_short_song_is_filled_up_at_its_end():
    song = noise(100)
    filled = np.pad(song, ((0, 0), (0, 1_024 - 100)))
    separator = stubs.ConvolutionNet()
    np.testing.assert_array_equal(
        separate_channels(separator, song), whole(separator, filled)[:, :100]
    )


@given(
    total=st.integers(1, 400_000),
    hop=st.sampled_from([1, 16, 1_000]),
    context_hops=st.integers(0, 5),
    fade_hops=st.integers(0, 3),
    extra_hops=st.integers(0, 9),
    longer=st.integers(1, 12),
    in_force=st.integers(0, 3),
    keep=st.integers(0, 2**30),
    listened_at=st.none() | st.integers(0, 90_000),
)
def test_every_plan_covers_the_song_once(
    total, hop, context_hops, fade_hops, extra_hops, longer, in_force, keep, listened_at
):
    context, fade = context_hops * hop, fade_hops * hop
    minimum = 2 * context + 3 * fade + (2 + extra_hops) * hop
    cutter = Planner(total, hop, context, fade, minimum)
    sizes = chunk_sizes(longer * minimum, minimum, hop)
    in_force = min(in_force, len(sizes) - 1)
    first = cutter.plan(sizes, 0, ())
    finished = {(c.start, c.stop) for n, c in enumerate(first) if keep >> n % 30 & 1}
    chunks = cutter.plan(sizes, in_force, finished, listened_at)
    assert finished <= {(c.start, c.stop) for c in chunks}
    assert (chunks[0].start, chunks[-1].stop) == (0, total)
    for chunk in chunks:
        assert chunk.read_start % hop == 0
        assert 0 <= chunk.read_start <= max(0, chunk.start - context)
        assert min(total, chunk.stop + context) <= chunk.read_stop <= total
        fed = chunk.read_stop - chunk.read_start
        assert fed >= min(minimum, total)
        if (chunk.start, chunk.stop) not in finished:
            assert fed <= sizes[in_force] or fed <= minimum + 2 * hop
    for before, after in zip(chunks, chunks[1:], strict=False):
        assert before.stop - after.start == fade
    for before, after in zip(chunks, chunks[2:], strict=False):
        assert before.stop <= after.start, "three chunks overlap"


def test_what_somebody_waits_for_gets_a_short_chunk():
    cutter = planner(stubs.ConvolutionNet(), 50_000)
    sizes = [16_384, 8_192, 4_096, 2_048, 1_024]
    usual = cutter.plan(sizes, 0, ())
    chunks = cutter.plan(sizes, 0, (), 30_000)
    first, *others = playhead_first(chunks, 30_000)
    assert first.start <= 30_000 < first.stop
    assert first.read_stop - first.read_start <= 1_536
    assert set(usual) - set(chunks) == {c for c in usual if c.start <= 30_000 < c.stop}
    lengths = [c.stop - c.start for c in others if c.start > first.start][:4]
    assert lengths == sorted(lengths)
    # The control: without it, one waits for a long chunk.
    assert all(c.read_stop - c.read_start > 8_192 for c in usual)


def test_what_an_earlier_run_had_to_cut_stays_cut():
    cutter = planner(stubs.ConvolutionNet(), 50_000)
    sizes = [8_192, 4_096, 2_048, 1_024]
    halves = cutter.plan(sizes, 1, ())
    done = {(halves[0].start, halves[0].stop)}
    resumed = cutter.plan(sizes, 0, done)
    assert resumed[0] == halves[0]
    assert resumed[1:] != halves[1:]


@given(
    total=st.integers(0, 90_000),
    chunk_samples=st.integers(1_024, 20_000),
    context=st.sampled_from([0, 64, 256]),
    fade=st.sampled_from([0, 48]),
)
def test_chunks_in_pairs_are_even_in_number_and_no_longer(total, chunk_samples, context, fade):
    planner = Planner(total, 16, context, fade, 1_024)
    paired = planner.in_pairs(chunk_samples)
    assert 1_024 <= paired <= chunk_samples + 16
    if total < 2_048:
        assert paired == chunk_samples
    elif paired > 1_024:
        assert len(planner.cover(0, total, paired)) % 2 == 0


def test_a_song_that_fits_into_one_chunk_is_cut_in_two_for_two_threads(bench):
    bench.write_song(noise(stubs.Stub.chunk_samples - 100))
    result = bench.run(stubs.Stub)
    assert result["chunk_seconds"] * RATE == pytest.approx(8_092 / 2 + 2 * 256, abs=32)


def test_the_chunk_under_the_playhead_comes_first():
    chunks = [Chunk(n, n + 10, n, n + 10) for n in range(0, 50, 10)]
    assert [chunk.start for chunk in playhead_first(chunks, 25)] == [20, 30, 40, 0, 10]
    assert playhead_first(chunks, 0) == chunks
    assert [chunk.start for chunk in playhead_first(chunks, 999)] == [0, 10, 20, 30, 40]


def test_contradicting_separators_are_refused(monkeypatch):
    monkeypatch.setattr(stubs.Identity, "min_chunk_samples", 512)
    with pytest.raises(ValueError, match="min_chunk_samples"):
        planner(stubs.Identity(), 1_000)


def test_joined_chunks_cross_fade_linearly():
    chunks = [Chunk(0, 6, 0, 6), Chunk(2, 10, 2, 10)]
    blocks = {0: np.zeros((1, 6), np.float32), 2: np.ones((1, 8), np.float32)}
    song = np.concatenate(list(joined(chunks, lambda start, stop: blocks[start])), axis=1)
    np.testing.assert_allclose(song[0], [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("channels", "taken", "expected"),
    [
        (1, 2, [[0, 0]]),
        (2, 2, [[0, 1]]),
        (5, 2, [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]]),
        (3, 1, [[0], [1], [2]]),
        (3, 0, [[0, 1, 2]]),
        (4, 3, [[0, 1, 2], [3, 3, 3]]),
    ],
)
def test_channels_are_grouped(channels, taken, expected):
    assert channel_groups(channels, taken) == expected


class Refiner(stubs.Identity):
    """Gives back what it is given, or that with a constant that differs from time to time."""

    refined_samples = 1_000
    added = (0.0,)

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[np.ndarray, np.ndarray]] = []

    def refine(self, mixture, drums):
        self.given.append((mixture.copy(), drums.copy()))
        return drums + np.float32(self.added[(len(self.given) - 1) % len(self.added)])


class Song:
    """A mixture in memory."""

    channels, sample_rate = 2, RATE

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.mixture = noise(samples)

    def read(self, start, count):
        return self.mixture[:, start : start + count]

    def drums(self, block: int):
        """Yield half of the mixture in blocks."""
        for start in range(0, self.samples, block):
            yield 0.5 * self.mixture[:, start : start + block]


@pytest.mark.parametrize("length", [1, 499, 1_000, 1_001, 1_500, 1_501, 4_321])
@pytest.mark.parametrize("block", [70, 1_300])
def test_a_song_is_refined_in_stretches_that_do_not_depend_on_its_blocks(length, block):
    song, separator = Song(length), Refiner()
    back = np.concatenate(
        list(refined(separator.refine, separator.refined_samples, song, song.drums(block))), axis=1
    )
    assert np.array_equal(back, 0.5 * song.mixture)
    starts = [500 * number for number in range(len(separator.given))]
    assert len(starts) == max(1, -(-(length - 500) // 500))  # the work: no stretch too many
    for start, (mixture, drums) in zip(starts, separator.given, strict=True):
        assert np.array_equal(mixture, song.mixture[:, start : start + 1_000])
        assert np.array_equal(drums, 0.5 * mixture)


def test_refined_stretches_that_disagree_cross_fade(monkeypatch):
    monkeypatch.setattr(Refiner, "added", (0.0, 1.0))
    song, separator = Song(2_000), Refiner()
    back = np.concatenate(
        list(refined(separator.refine, separator.refined_samples, song, song.drums(300))), axis=1
    )
    added = (back - 0.5 * song.mixture)[0]
    assert np.abs(np.diff(added)).max() < 1.01 / 500
    assert np.allclose(added[:500], 0)
    assert added[999] == pytest.approx(1, abs=0.01)
    assert np.abs(added[-1]) < 0.01  # the third stretch


def test_what_a_separator_refines_is_what_is_written(bench, monkeypatch):
    monkeypatch.setattr(stubs.Identity, "refined_samples", 2 * RATE, raising=False)
    song = noise(LENGTHS[0])
    bench.write_song(song)
    bench.run(stubs.Identity)
    assert np.array_equal(bench.drums(), song)
    monkeypatch.setattr(stubs.Identity, "refine", lambda self, mixture, drums: 0.5 * drums)
    bench.run(stubs.Identity)
    assert np.allclose(bench.drums(), 0.5 * song, atol=1e-6)
