"""The work folder: what is whole is used again, whatever else lies there is not."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.errors import AudioOpenError, AudioWriteError, DiskFullError
from drumstudio.inference import chunk_store
from drumstudio.inference.chunk_store import ChunkStore
from tests.inference.conftest import noise
from tests.promises import counts, record

IDENTITY = {"mixture": "a" * 64, "model": "b" * 64, "settings": {"power": 2.0}}


def test_a_chunk_comes_back_with_its_bits(tmp_path):
    store = ChunkStore(tmp_path / "work", IDENTITY, 2)
    samples = noise(1_000)
    store.write(500, samples)
    again = ChunkStore(tmp_path / "work", IDENTITY, 2)
    assert again.finished == {(500, 1_500)}
    assert again.stored_bytes == 8_000
    np.testing.assert_array_equal(again.read(500, 1_500), samples)


def test_an_odd_view_is_stored_as_it_looks(tmp_path):
    store = ChunkStore(tmp_path, IDENTITY, 2)
    samples = noise(1_000)[::-1, ::3]
    store.write(0, samples)
    np.testing.assert_array_equal(store.read(0, samples.shape[1]), samples)


@pytest.mark.parametrize(
    "changed", [{"mixture": "c" * 64}, {"model": "c" * 64}, {"settings": {"power": 3.0}}]
)
def test_chunks_of_another_song_model_or_setting_are_never_used(tmp_path, changed):
    ChunkStore(tmp_path, IDENTITY, 1).write(0, noise(10, 1))
    assert not ChunkStore(tmp_path, IDENTITY | changed, 1).finished
    assert not ChunkStore(tmp_path, IDENTITY, 1).finished


def test_chunks_without_a_manifest_are_never_used(tmp_path):
    ChunkStore(tmp_path, IDENTITY, 1).write(0, noise(10, 1))
    (tmp_path / "manifest.json").unlink()
    assert not ChunkStore(tmp_path, IDENTITY, 1).finished


def test_a_chunk_under_another_name_is_never_used(tmp_path):
    ChunkStore(tmp_path, IDENTITY, 1).write(0, noise(10, 1))
    (chunk,) = tmp_path.glob("*.chunk")
    chunk.rename(chunk.with_name("000000000100-000000000110.chunk"))
    assert not ChunkStore(tmp_path, IDENTITY, 1).finished


@pytest.mark.parametrize("name", ["0-999999999999999.chunk", "9-3.chunk", "x-3.chunk", "3-3.chunk"])
def test_a_stray_file_is_no_chunk(tmp_path, name):
    ChunkStore(tmp_path, IDENTITY, 1)
    (tmp_path / name).write_bytes(bytes(100))
    assert not ChunkStore(tmp_path, IDENTITY, 1).finished


def damaged_copies(whole: bytes, count: int) -> list[bytes]:
    """Return copies of a file: cut anywhere, one bit turned over, or with something behind it."""
    generator = np.random.default_rng(8)
    copies = []
    for number in range(count):
        place = int(generator.integers(len(whole)))
        turned = bytearray(whole)
        turned[place] ^= 1 << int(generator.integers(8))
        copies.append((whole[:place], bytes(turned), whole + bytes(number + 1))[number % 3])
    return copies


def survivors(folder, copies: list[bytes]) -> int:
    """Return how many of the copies are taken for a finished chunk."""
    (chunk,) = folder.glob("*.chunk")
    taken = 0
    for copy in copies:
        chunk.write_bytes(copy)
        taken += len(ChunkStore(folder, IDENTITY, 2).finished)
    return taken


def test_a_half_written_or_damaged_chunk_is_never_used(tmp_path, monkeypatch):
    ChunkStore(tmp_path, IDENTITY, 2).write(0, noise(400))
    (chunk,) = tmp_path.glob("*.chunk")
    copies = damaged_copies(chunk.read_bytes(), counts(60, 2_000))
    used = survivors(tmp_path, copies)
    monkeypatch.setattr(chunk_store, "_checksum", lambda data: bytes(32))
    ChunkStore(tmp_path, IDENTITY, 2).write(0, noise(400))
    control = survivors(tmp_path, damaged_copies(chunk.read_bytes(), len(copies)))
    record(
        "R4",
        what="damaged and half-written chunks of a cut-short separation",
        count=len(copies),
        failures=used,
        figure=f"{used} of {len(copies)} used",
        control=f"without checksums: {control} used",
        control_failed=control > 0,
    )
    assert used == 0
    assert control > 0


def test_a_chunk_damaged_meanwhile_is_said(tmp_path):
    store = ChunkStore(tmp_path, IDENTITY, 1)
    store.write(0, noise(10, 1))
    (chunk,) = tmp_path.glob("*.chunk")
    chunk.write_bytes(chunk.read_bytes()[:-1])
    with pytest.raises(AudioOpenError, match="Cannot join"):
        store.read(0, 10)


def test_only_our_own_files_are_removed(tmp_path):
    store = ChunkStore(tmp_path, IDENTITY, 1)
    store.write(0, noise(10, 1))
    stranger = tmp_path / "holiday.jpg"
    stranger.write_bytes(b"picture")
    ChunkStore(tmp_path, IDENTITY | {"model": "x"}, 1).remove()
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_an_empty_work_folder_goes_away(tmp_path):
    store = ChunkStore(tmp_path / "work", IDENTITY, 1)
    store.write(0, noise(10, 1))
    store.remove()
    assert not (tmp_path / "work").exists()
    store.remove()


def test_a_full_disk_is_said_in_plain_words(tmp_path, monkeypatch):
    store = ChunkStore(tmp_path, IDENTITY, 1)

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.open", full)
    with pytest.raises(DiskFullError):
        store.write(0, noise(10, 1))
    assert not store.finished


def test_a_work_folder_that_is_a_file_is_said_in_plain_words(tmp_path):
    (tmp_path / "work").write_bytes(b"")
    with pytest.raises(AudioWriteError, match="work folder"):
        ChunkStore(tmp_path / "work", IDENTITY, 1)
