"""Deltas are found again whole or not at all, and reading adds them where they belong."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

from drumstudio.core.edit_render import DeltaRun
from drumstudio.core.errors import AudioOpenError, DrumStudioError
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.delta_store import DeltaStore, SongDeltas, stem_key
from drumstudio.files.wav_file import WavWriter


def a_delta(*spans, seed=1, channels=2):
    generator = np.random.default_rng(seed)
    return tuple(
        DeltaRun(start, generator.standard_normal((channels, stop - start)).astype(np.float32))
        for start, stop in spans
    )


def same(one, other):
    return len(one) == len(other) and all(
        a.start == b.start and np.array_equal(a.samples, b.samples)
        for a, b in zip(one, other, strict=True)
    )


def test_a_delta_comes_back_from_memory_and_from_the_disk(tmp_path):
    delta = a_delta((100, 250), (400, 401))
    store = DeltaStore(tmp_path)
    assert not store.has("ab1")
    assert store.get("ab1") is None
    store.put("ab1", delta)
    store.put("ab2", ())
    for reader in (store, DeltaStore(tmp_path)):
        assert reader.has("ab1")
        assert same(reader.get("ab1"), delta)
        assert reader.get("ab2") == ()


def test_memory_keeps_what_was_used_last(tmp_path):
    store = DeltaStore(tmp_path, memory_bytes=4_000)
    for number in range(10):
        store.put(f"k{number}", a_delta((0, 200), seed=number))
    assert store._bytes <= 4_000
    for number in range(10):
        assert same(store.get(f"k{number}"), a_delta((0, 200), seed=number))


def test_a_damaged_file_counts_as_missing(tmp_path):
    DeltaStore(tmp_path).put("key", a_delta((0, 50), (60, 80)))
    path = tmp_path / "key.delta"
    data = path.read_bytes()
    generator = random.Random(2)
    for number in range(200):
        damaged = bytearray(data)
        if number % 2:
            damaged[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        else:
            del damaged[generator.randrange(len(data)) :]
        path.write_bytes(damaged)
        found = DeltaStore(tmp_path).get("key")
        # Only the fields before the checksum may differ without being found out by it.
        assert found is None or len(found) == 2
    assert not DeltaStore(tmp_path / "other").has("key")


def test_a_disk_that_refuses_is_told_and_leaves_nothing(tmp_path):
    store = DeltaStore(tmp_path)
    (tmp_path / "key.delta").mkdir()
    with pytest.raises(DrumStudioError, match="Cannot keep what was painted"):
        store.put("key", a_delta((0, 50)))


def test_the_files_used_longest_ago_go_first(tmp_path):
    store = DeltaStore(tmp_path)
    for number in range(6):
        store.put(f"k{number}", a_delta((0, 100)))
        os.utime(tmp_path / f"k{number}.delta", (number, number))
    again = DeltaStore(tmp_path)
    assert again.has("k0")  # which makes it the youngest
    size = (tmp_path / "k1.delta").stat().st_size
    again.remove_oldest(3 * size)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["k0", "k4", "k5"]


def test_keys_can_not_lead_out_of_the_folder(tmp_path):
    with pytest.raises(ValueError, match="a key is made of"):
        DeltaStore(tmp_path).put("../evil", ())


@pytest.fixture
def song(tmp_path, music):
    drums = (0.4 * music[:, ::-1]).astype(np.float32)
    for name, samples in (("mix", music), ("drums", drums)):
        with WavWriter(tmp_path / f"{name}.wav", 44_100, 2) as writer:
            writer.write(samples)
    with SongReader(tmp_path / "mix.wav", SplitFiles.of_drums(tmp_path / "drums.wav")) as reader:
        yield reader, music, drums


def test_a_reader_adds_the_deltas_whatever_stretch_it_reads(song, tmp_path):
    reader, music, drums = song
    store = DeltaStore(tmp_path / "edits")
    deltas = {1: a_delta((1_000, 1_300), (1_900, 2_000)), 2: a_delta((2_000, 2_700), seed=2)}
    edited = drums.copy()
    for block, delta in deltas.items():
        store.put(stem_key(f"b{block}", "drums"), delta)
        for run in delta:
            edited[:, run.start : run.start + run.samples.shape[1]] += run.samples
    keys = {block: f"b{block}" for block in deltas}
    reader.deltas = SongDeltas(store, 1_000, keys, ("drums",))
    for start, count in ((-50, 100), (0, 5_000), (1_250, 700), (1_999, 2), (2_650, 3_000)):
        padded = np.pad(np.stack([edited, music - edited]), ((0, 0), (0, 0), (100, 100)))
        for stem, expected in zip(("drums", "rest"), padded, strict=True):
            got = reader.read(stem, start, count)
            np.testing.assert_array_equal(got, expected[:, 100 + start : 100 + start + count])
    np.testing.assert_array_equal(reader.read("mixture", 900, 900), music[:, 900:1800])
    reader.deltas = None
    np.testing.assert_array_equal(reader.read("drums", 900, 900), drums[:, 900:1800])


def test_what_is_painted_and_what_is_not_sum_to_the_mixture(song, tmp_path):
    reader, music, _ = song
    store = DeltaStore(tmp_path / "edits")
    store.put(stem_key("m", "painted"), a_delta((100, 900)))
    reader.painted = SongDeltas(store, 1_000, {0: "m"}, ("painted",))
    painted, unpainted = (reader.read(stem, 50, 900) for stem in ("painted", "unpainted"))
    np.testing.assert_allclose(painted + unpainted, music[:, 50:950], atol=1e-6)
    assert painted.any()
    assert not painted[:, :50].any()


def test_a_block_that_is_gone_is_told_never_left_out(song, tmp_path):
    reader, *_ = song
    store = DeltaStore(tmp_path / "edits")
    reader.deltas = SongDeltas(store, 1_000, {0: "gone"}, ("drums",))
    with pytest.raises(AudioOpenError, match="removed from the program's cache"):
        reader.read("drums", 0, 10)
    reader.read("drums", 1_000, 10)
