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
    *reports, left_out = json.loads(done.stdout)
    assert (Path(left_out["song"]).name, left_out["passed_over"]) == ("notes.txt", "no sound")
    assert left_out["error"] is None
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


def test_a_second_run_beside_the_songs_separates_no_stems_and_tells_what_was_repaired(tmp_path):
    sound = np.random.default_rng(3).normal(0, 0.1, (20_000, 2)).astype(np.float32)
    sound[100] = np.nan
    sf.write(tmp_path / "a.wav", sound, 44_100, subtype="FLOAT")
    words = ("separate", tmp_path, "--out", tmp_path, "--model", "hpss", "--json")
    first = json.loads(studio(*words).stdout)
    assert [Path(report["song"]).name for report in first] == ["a.wav"]
    assert first[0]["silenced_samples"] == 2
    assert any("not numbers" in note for note in first[0]["notes"])
    again = studio(*words, "--overwrite", "always", "--format", "flac", "--name", "{stem} {song}")
    second = json.loads(again.stdout)
    assert [Path(row["song"]).name for row in second if row["passed_over"] is None] == ["a.wav"]
    assert len([row for row in second if row["passed_over"]]) == 2


def test_microphones_are_refused_for_speakers_before_anything_is_computed(tmp_path):
    sf.write(tmp_path / "a.wav", np.random.default_rng(3).normal(0, 0.1, (9_000, 4)), 44_100)
    words = ("separate", tmp_path / "a.wav", "--out", tmp_path / "out", "--model", "hpss")
    done = studio(*words, "--format", "flac")
    assert done.returncode == 1
    assert "no speakers, but microphones" in done.stderr
    assert not (tmp_path / "out").exists()
    done = studio(*words, "--json")
    assert json.loads(done.stdout)[0]["from_cache"] is False  # nothing had been separated
    assert sf.info(tmp_path / "out" / "a_drums.wav").channels == 4


def test_a_folder_without_songs_fails_and_says_what_is_in_it(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "cover.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    done = studio("separate", tmp_path / "in", "--out", tmp_path / "out", "--model", "hpss")
    assert done.returncode == 1
    assert "cover.jpg: it is no sound" in done.stderr
    done = studio("separate", tmp_path / "in", "--out", tmp_path, "--model", "hpss", "--json")
    assert done.returncode == 1
    nothing, cover = json.loads(done.stdout)
    assert nothing["error"]["what"].startswith("No songs in")
    assert cover["passed_over"] == "no sound"


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
        (["separate", "a.wav", "--out", "x", "--model", "hpss", "--set", "power=loud"], 2),
        (["separate", "a.wav", "--out", "x", "--set", "power"], 2),
        (["separate", "a.wav", "--out", "x", "--stems", "piano"], 2),
        (["separate", "a.wav", "--out", "x", "--name", "{nothing}"], 2),
        (["separate", "a.wav", "--out", "x", "--name", "{song}"], 2),
        (["demo", "--render", "song.doc"], 2),
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


def test_with_json_a_failure_of_the_whole_run_is_one_document_too(tmp_path):
    done = studio("separate", tmp_path / "a.wav", "--out", tmp_path, "--model", "none", "--json")
    assert done.returncode == 1
    assert set(json.loads(done.stdout)["error"]) == {"kind", "what", "why", "fix"}
    assert len(done.stderr.splitlines()) == 3


def test_no_song_ever_takes_the_stems_of_another(tmp_path, music):
    for folder in "xyz":
        (tmp_path / folder).mkdir()
        sf.write(tmp_path / folder / "a.wav", music.T[: 20_000 + ord(folder)], 44_100)
    words = [tmp_path / folder / "a.wav" for folder in "xyz"]
    words += ["--out", tmp_path / "out", "--model", "hpss", "--stems", "drums"]
    done = studio("separate", *words, "--overwrite", "always")
    assert done.returncode == 0, done.stderr
    frames = {path.name: sf.info(path).frames for path in (tmp_path / "out").iterdir()}
    assert frames == {
        "a_drums.wav": 20_000 + ord("x"),
        "a_wav_drums.wav": 20_000 + ord("y"),
        "a (2)_drums.wav": 20_000 + ord("z"),
    }


def test_every_bad_path_costs_three_lines_and_the_song_beside_them_is_done(tmp_path, music):
    song = tmp_path / "a\nb\x1b[31m.wav"
    sf.write(song, music.T[:30_000], 44_100)
    data = song.read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: len(data) // 2])
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "dangling.wav").symlink_to("nowhere")
    (tmp_path / "one\ntwo.wav").write_text("no sound")
    bad = ["folder.wav", "dangling.wav", "one\ntwo.wav", "nothing.wav", "x" * 300 + ".wav"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.wav")
        bad.append("pipe.wav")
    out = tmp_path / "out"
    songs = [tmp_path / name for name in (*bad, "cut.wav", song.name)]
    done = studio("separate", *songs, "--out", out, "--model", "hpss", "--stems", "drums")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 3 * len(bad)
    assert "\x1b" not in done.stdout + done.stderr
    assert "note: The file says it is 0.7 s long, but its sound ends at 0.3 s" in done.stdout
    assert sorted(path.name for path in out.iterdir()) == ["a_b_[31m_drums.wav", "cut_drums.wav"]


@pytest.mark.parametrize("below", ["", "sub"])
def test_a_file_in_the_place_of_the_output_folder_is_named(below, tmp_path, music):
    sf.write(tmp_path / "a.wav", music.T[:9_000], 44_100)
    place = tmp_path / "file"
    place.write_text("mine")
    done = studio("separate", tmp_path / "a.wav", "--out", place / below, "--model", "hpss")
    assert done.returncode == 1
    assert f"{place} is a file, not a folder." in done.stderr
    assert len(done.stderr.splitlines()) == 3
    assert place.read_text() == "mine"


def test_a_cancelled_run_with_json_still_tells_what_was_finished(tmp_path, monkeypatch, capsys):
    from drumstudio.cli import separate
    from drumstudio.cli.main import run

    def first_alone(song, relative, settings, *rest):
        if song.name != "a.wav":
            raise KeyboardInterrupt
        return separate.SongReport(str(song), settings.card.id)

    monkeypatch.setattr(separate, "separate_song", first_alone)
    words = ["separate", "a.wav", "b.wav", "c.wav", "--out", str(tmp_path), "--json"]
    assert run(words) == 130
    captured = capsys.readouterr()
    assert [report["song"] for report in json.loads(captured.out)] == ["a.wav"]
    assert "Cancelled" in captured.err


@pytest.mark.robust
def test_ctrl_c_ends_with_130_leaves_nothing_half_written_and_no_process(tmp_path, music, home):
    song = tmp_path / "long.wav"
    sf.write(song, np.tile(music.T, (120, 1)), 44_100)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "drumstudio", "separate", song, "--out", out, "--model", "hpss"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A test run started in the background of a script has Ctrl-C ignored, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(lambda: list(home.glob("cache/separations/work/*/*")) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Cancelled" in told
    assert "Traceback" not in told
    assert not out.exists()
    assert gone(process.pid, within_seconds=30)


def wait_until(condition, within_seconds: float = 60) -> None:
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
