"""`studio strokes apply` and `studio render`: what they print, and what they write."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from drumstudio.cli.main import run
from tests.edited_songs import an_edited_project, noise


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("DRUMSTUDIO_HOME", str(tmp_path / "home"))
    document, _ = an_edited_project(tmp_path)
    document.save()
    document.close()
    return document.folder.path


def strokes(tmp_path, *items):
    file = tmp_path / "strokes.json"
    file.write_text(json.dumps({"strokes": items}))
    return str(file)


def test_strokes_of_a_file_are_heard_in_what_is_rendered(project, tmp_path, capsys):
    file = strokes(tmp_path, {"target": "drums", "time_range": [1.0, 2.0]})
    assert run(["strokes", "apply", str(project), file, "--json"]) == 0
    painted = json.loads(capsys.readouterr().out)
    assert painted["strokes"] == 1
    out = tmp_path / "stems"
    words = ["render", str(project), "--out", str(out), "--format", "wav-float", "--json"]
    assert run(words) == 0
    (song,) = json.loads(capsys.readouterr().out)["songs"]
    assert song["strokes"] == 1
    assert song["null_residual_dbfs"] <= -140
    drums = soundfile.read(out / "Song_drums.wav", dtype="float32")[0].T
    inside = slice(8_300, 15_700)
    np.testing.assert_allclose(drums[:, inside], noise(3.0)[:, inside], atol=1e-6)
    assert run([*words[:-1], "--overwrite"]) == 0
    assert "drums + rest = song to" in capsys.readouterr().out
    assert run(["strokes", "apply", str(project), file]) == 0
    assert "Paint 1 (paint): 2 strokes" in capsys.readouterr().out


def test_more_strokes_than_a_layer_holds_are_refused_in_three_lines(
    project, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("drumstudio.core.song.MAX_STROKES", 3)
    some = [{"target": "drums", "time_range": [at, at + 0.5]} for at in (1.0, 2.0)]
    words = ["strokes", "apply", str(project), strokes(tmp_path, *some)]
    assert run(words) == 0
    before = (project / "project.json").read_bytes()
    capsys.readouterr()
    assert run(words) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 3
    assert "there may be 3 strokes, got 4" in captured.err
    assert (project / "project.json").read_bytes() == before


def test_what_is_wrong_is_told_in_three_lines(project, tmp_path, capsys):
    wrong = strokes(tmp_path, {"target": "drums", "rectangle": [1.0, 0.5, 1, 2]})
    for words in (
        ["strokes", "apply", str(project), wrong],
        ["strokes", "apply", str(project), str(tmp_path / "none.json")],
        ["strokes", "apply", str(tmp_path / "None.drumstudio"), wrong],
        ["render", str(tmp_path / "None.drumstudio"), "--out", str(tmp_path)],
    ):
        assert run(words) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) == 3
        assert "  do:  " in captured.err


def test_a_name_that_would_make_one_file_of_two_stems_is_refused(project, tmp_path, capsys):
    out = tmp_path / "stems"
    assert run(["render", str(project), "--out", str(out), "--name", "{song}"]) == 1
    said = capsys.readouterr().err
    assert "it gives drums and rest the same name" in said
    assert len(said.splitlines()) == 3
    assert not out.exists() or not list(out.iterdir())
