"""Stroke files: named by content, refused when they are not what they say."""

from __future__ import annotations

import random

import pytest

from drumstudio.core.errors import ProjectError
from drumstudio.core.separation import Blob
from drumstudio.files import blob_file
from drumstudio.files.blob_file import read_blob, write_blob


def test_a_content_comes_back_and_is_written_once(tmp_path):
    blob = write_blob(tmp_path, 7, b"stroke" * 100)
    path = tmp_path / f"{blob.sha256}.bin"
    changed = path.stat().st_mtime_ns
    assert write_blob(tmp_path, 7, b"stroke" * 100) == blob
    assert path.stat().st_mtime_ns == changed
    assert path.stat().st_size == blob.bytes
    assert read_blob(tmp_path, blob, 7) == b"stroke" * 100
    assert read_blob(tmp_path, write_blob(tmp_path, 7, b""), 7) == b""


def test_any_damage_is_refused(tmp_path):
    blob = write_blob(tmp_path, 7, bytes(range(200)))
    path = tmp_path / f"{blob.sha256}.bin"
    data = path.read_bytes()
    generator = random.Random(1)
    for _ in range(60):
        damaged = bytearray(data)
        damaged[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(ProjectError, match="damaged"):
            read_blob(tmp_path, blob, 7)
    path.write_bytes(data[:-1])
    with pytest.raises(ProjectError, match="damaged"):
        read_blob(tmp_path, blob, 7)


def test_a_damaged_file_is_mended_by_writing_the_content_again(tmp_path):
    blob = write_blob(tmp_path, 7, b"stroke")
    (tmp_path / f"{blob.sha256}.bin").write_bytes(b"")
    write_blob(tmp_path, 7, b"stroke")
    assert read_blob(tmp_path, blob, 7) == b"stroke"


def test_another_kind_a_missing_file_and_a_link_are_refused(tmp_path):
    blob = write_blob(tmp_path, 7, b"stroke")
    with pytest.raises(ProjectError, match="kind 7"):
        read_blob(tmp_path, blob, 8)
    with pytest.raises(ProjectError, match="not there"):
        read_blob(tmp_path, Blob("0" * 64, 5), 7)
    path = tmp_path / f"{blob.sha256}.bin"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProjectError):
        read_blob(tmp_path, blob, 7)


def test_a_file_that_hashes_right_but_is_no_stroke_file_is_refused(tmp_path):
    import hashlib

    for data in (b"", b"x" * 10, b"x" * 500):
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        (tmp_path / f"{blob.sha256}.bin").write_bytes(data)
        with pytest.raises(ProjectError, match="damaged"):
            read_blob(tmp_path, blob, 7)


def test_a_content_beyond_the_limit_is_neither_written_nor_read(tmp_path, monkeypatch):
    blob = write_blob(tmp_path, 7, b"stroke" * 100)
    monkeypatch.setattr(blob_file, "LIMIT_BYTES", 100)
    with pytest.raises(ValueError, match="may hold 100 bytes"):
        write_blob(tmp_path, 7, b"stroke" * 100)
    with pytest.raises(ProjectError):
        read_blob(tmp_path, blob, 7)
