"""From a folder of songs to a model that separates, on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from drumstudio import paths
from tests.cli.test_separate import studio
from tests.training.conftest import TINY_RECIPE, drums, tone, write


@pytest.fixture
def songs(tmp_path) -> Path:
    folder = tmp_path / "songs"
    for number in range(2):
        song = folder / f"song {number}"
        write(song / "Drums.wav", drums(3.0, number))
        write(song / "Bass Gtr.wav", tone(3.0, 60 + 20 * number))
    (folder / "song 2").mkdir()
    return folder


@pytest.mark.robust
def test_folder_train_evaluate_card_separate(songs, tmp_path):
    checked = studio("train", "check", "--data", songs, "--json")
    assert checked.returncode == 0, checked.stderr
    report = json.loads(checked.stdout)
    assert sum(len(song["stems"]) for song in report["songs"]) == 4

    recipe, work = tmp_path / "tiny.toml", tmp_path / "work"
    recipe.write_text(TINY_RECIPE)
    trained = studio("train", "run", "--recipe", recipe, "--data", songs, "--out", work, "--json")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["steps"] == 4
    tuned = studio("train", "run", "--recipe", recipe, "--data", songs, "--from", work / "tiny",
                   "--minutes", "0.0001", "--out", tmp_path / "tuned", "--json")  # fmt: skip
    assert tuned.returncode == 0, tuned.stderr
    assert json.loads(tuned.stdout)["steps"] == 1
    shutil.copytree(work / "tiny", paths.user_models_folder() / "tiny")

    excerpt = tmp_path / "excerpts" / "one"
    write(excerpt / "drums.wav", drums(2.0, 9))
    write(excerpt / "rest.wav", tone(2.0, 90))
    text = tmp_path / "notes.md"
    text.write_text("<!-- scores -->\n<!-- /scores -->\n")
    scored = studio("evaluate", excerpt.parent, "--model", "tiny", "--table", text,
                    "--report", tmp_path / "report")  # fmt: skip
    assert scored.returncode == 0, scored.stderr
    found = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert np.isfinite(found["mean"]["tiny"]["sdr"])
    assert found["table"] in text.read_text()

    song = tmp_path / "song.wav"
    write(song, drums(2.0, 9) + tone(2.0, 90))
    separated = studio("separate", song, "--out", tmp_path / "out", "--model", "tiny", "--json")
    assert separated.returncode == 0, separated.stderr
    assert json.loads(separated.stdout)[0]["null_residual_dbfs"] <= -90
    assert soundfile.info(str(tmp_path / "out" / "song_drums.wav")).frames == 2 * 44_100


def test_a_recipe_that_is_not_there_is_told_in_three_lines(songs, tmp_path):
    failed = studio("train", "run", "--recipe", "none", "--data", songs, "--out", tmp_path / "w")
    assert failed.returncode != 0
    assert "none" in failed.stderr
    assert "Traceback" not in failed.stderr
