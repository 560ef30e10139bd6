"""Files that the command line must not touch, whatever it is asked."""

from __future__ import annotations

import os

import pytest
import soundfile as sf

from tests.cli.test_separate import studio

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs links, pipes and devices")


def refused(done, *words):
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 3
    assert all(word in done.stderr for word in words)


def test_no_song_of_a_run_is_replaced_by_a_stem_of_it_or_of_another(tmp_path, music):
    for name in ("a", "a_drums"):
        sf.write(tmp_path / f"{name}.wav", music.T[:30_000], 44_100)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    words = ("--out", tmp_path, "--model", "hpss", "--stems", "drums", "--overwrite", "always")
    named = studio("separate", tmp_path / "a.wav", *words, "--name", "{song}")
    refused(named, "a.wav", "being read")
    other = studio("separate", tmp_path / "a.wav", tmp_path / "a_drums.wav", *words)
    refused(other, "a_drums.wav", "being read")
    assert {path: path.read_bytes() for path in before} == before


def test_no_device_pipe_or_file_behind_a_link_is_replaced(tmp_path, music):
    song, out = tmp_path / "a.wav", tmp_path / "out"
    sf.write(song, music.T[:30_000], 44_100)
    out.mkdir()
    target = out / "a_drums.wav"
    (tmp_path / "precious.wav").write_bytes(b"precious")
    words = ("--out", out, "--model", "hpss", "--stems", "drums", "--overwrite", "always")
    for make, why in (
        (lambda: target.symlink_to(os.devnull), "link"),
        (lambda: target.symlink_to(tmp_path / "precious.wav"), "link"),
        (lambda: os.mkfifo(target), "pipe"),
    ):
        make()
        before = target.lstat()
        refused(studio("separate", song, *words), why)
        assert os.path.samestat(target.lstat(), before)
        target.unlink()
    assert (tmp_path / "precious.wav").read_bytes() == b"precious"
    assert not os.path.isfile(os.devnull)
