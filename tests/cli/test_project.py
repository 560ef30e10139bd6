"""`studio project` as a person types it, with its real workers."""

from __future__ import annotations

import json

import soundfile as sf

from tests.cli.test_separate import studio


def test_a_project_is_made_filled_separated_and_told(tmp_path, music):
    song, cut, text = (tmp_path / name for name in ("a.wav", "cut.wav", "text.wav"))
    sf.write(song, music.T[:50_000], 44_100)
    data = song.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    text.write_text("no sound")
    project = tmp_path / "Night.drumstudio"
    made = studio("project", "new", project, song, text)
    assert made.returncode == 1
    assert len(made.stderr.splitlines()) == 3
    assert made.stdout.splitlines() == [str(project), "  a (0:01)"]
    added = studio("project", "add", project, cut, song)
    assert added.returncode == 0
    assert added.stdout.splitlines()[1:] == [
        "  cut (0:00)",
        "    note: The file says it is 1.1 s long, but its sound ends at 0.6 s.",
        "  a (0:01), was there already",
    ]
    assert studio("project", "separate", project, "--model", "hpss").returncode == 0
    told = json.loads(studio("project", "info", project, "--json").stdout)
    assert [len(song["separations"]) for song in told["songs"]] == [1, 1]
    assert (told["missing"], told["unsaved_edits"]) == ([], 0)
    assert studio("project", "recover").stdout == "no project has unsaved work\n"


def test_names_that_a_terminal_can_not_show_are_told_all_the_same(tmp_path, music, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    song = tmp_path / "\u00fc \u2603.wav"
    sf.write(song, music.T[:9_000], 44_100)
    project = tmp_path / "Night.drumstudio"
    made = studio("project", "new", project, song, tmp_path / "\u00fc.wav")
    assert made.stdout.splitlines()[1:] == ["  ? ? (0:00)"]
    assert made.stderr.splitlines()[0] == "Cannot open ?.wav"
    told = json.loads(studio("project", "info", project, "--json").stdout)
    assert told["songs"][0]["name"] == "\u00fc \u2603"


def test_a_version_that_is_not_kept_is_refused_with_those_that_are(tmp_path):
    project = tmp_path / "Night.drumstudio"
    assert studio("project", "new", project).returncode == 0
    before = (project / "project.json").read_bytes()
    refused = studio("project", "restore", project, "99")
    assert refused.returncode == 1
    assert "no earlier version is kept" in refused.stderr
    assert len(refused.stderr.splitlines()) == 3
    assert (project / "project.json").read_bytes() == before
