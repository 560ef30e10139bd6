"""The command line as a person uses it, with its real workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile as sf


def studio(*words: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "drumstudio", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def songs(tmp_path, music) -> Path:
    folder = tmp_path / "songs"
    (folder / "live").mkdir(parents=True)
    sf.write(folder / "a.wav", music.T, 44_100, subtype="PCM_24")
    sf.write(folder / "live" / "ü b.flac", music.T[:40_000, :1], 48_000, subtype="PCM_24")
    (folder / "notes.txt").write_text("hello")
    return folder


def test_a_folder_of_songs_is_separated_and_the_stems_sum_to_the_songs(songs, tmp_path):
    out = tmp_path / "out"
    done = studio("separate", songs, "--out", out, "--model", "hpss", "--json")
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout)
    assert [Path(report["song"]).name for report in reports] == ["a.wav", "ü b.flac"]
    assert {"song", "model", "device", "seconds", "real_time_factor", "null_residual_dbfs",
            "gain_db", "files", "error"} <= set(reports[0])  # fmt: skip
    for report, names in zip(
        reports, (("a_drums", "a_rest"), ("live/ü b_drums", "live/ü b_rest")), strict=True
    ):
        assert report["error"] is None
        assert report["null_residual_dbfs"] <= -132
        mixture, rate = sf.read(report["song"], always_2d=True)
        stems = [sf.read(out / f"{name}.wav", always_2d=True) for name in names]
        assert {stem_rate for _, stem_rate in stems} == {rate}
        np.testing.assert_allclose(stems[0][0] + stems[1][0], mixture, atol=3e-7)
        assert np.abs(stems[0][0]).max() > 0.05


def test_bad_songs_cost_three_lines_each_and_the_others_go_on(songs, tmp_path):
    (songs / "b.wav").write_text("this is no sound")
    (songs / "c.wav").symlink_to(tmp_path / "nowhere")
    out = tmp_path / "out"
    done = studio("separate", songs, "--out", out, "--model", "hpss", "--stems", "drums")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1 + 2 * 3  # one remark, two errors
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == [
        "a_drums.wav",
        "ü b_drums.wav",
    ]


def test_files_that_are_there_are_refused_skipped_or_replaced(songs, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    there = out / "a_drums.wav"
    there.write_bytes(b"mine")
    words = ("separate", songs / "a.wav", "--out", out, "--model", "hpss")
    refused = studio(*words)
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 3
    skipped = studio(*words, "--overwrite", "never")
    assert skipped.returncode == 0
    assert "skipped" in skipped.stdout
    assert there.read_bytes() == b"mine"
    assert studio(*words, "--overwrite", "always").returncode == 0
    assert sf.info(there).frames == sf.info(songs / "a.wav").frames


def test_two_songs_of_one_name_keep_their_stems_apart(tmp_path, music):
    for suffix in ("wav", "flac"):
        sf.write(tmp_path / f"a.{suffix}", music.T[:30_000], 44_100)
    out = tmp_path / "out"
    words = (tmp_path / "a.wav", tmp_path / "a.flac", "--model", "hpss", "--stems", "drums")
    assert studio("separate", *words, "--out", out).returncode == 0
    assert sorted(path.name for path in out.iterdir()) == ["a_drums.wav", "a_flac_drums.wav"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["separate", "a.wav"], 2),
        (["separate", "a.wav", "--out", "x", "--format", "aac"], 2),
        (["nothing"], 2),
        (["separate", "a.wav", "--out", "x", "--model", "none"], 1),
        (["separate", "a.wav", "--out", "x", "--model", "hpss", "--set", "power=loud"], 1),
        (["separate", "a.wav", "--out", "x", "--stems", "piano"], 1),
        (["separate", "a.wav", "--out", "x", "--name", "{nothing}"], 1),
        (["models", "none"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_wrong_words_are_told_from_failures_by_the_exit_code(words, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = studio(*words)
    assert done.returncode == code
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.robust
def test_ctrl_c_ends_with_130_leaves_nothing_half_written_and_no_process(tmp_path, music):
    song = tmp_path / "long.wav"
    sf.write(song, np.tile(music.T, (40, 1)), 44_100)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "drumstudio", "separate", song, "--out", out, "--model", "hpss"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(3.0)
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Cancelled" in told
    assert "Traceback" not in told
    assert not out.exists()
    assert gone(process.pid, within_seconds=5)


def gone(group: int, within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        members = [p for p in psutil.process_iter() if _group_of(p) == group]
        if not members:
            return True
        time.sleep(0.1)
    return False


def _group_of(process: psutil.Process) -> int | None:
    # A zombie has ended; that nobody has asked for its exit code is not ours to mend.
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else os.getpgid(process.pid)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return None
