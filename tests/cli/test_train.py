"""From a folder of songs to a model that separates, on the command line."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from drumstudio import paths
from drumstudio.cli.terminal import CANCELLED
from drumstudio.files.training_folder import (
    BEST_FOLDER,
    Order,
    Progress,
    TrainingView,
    trainings_folder,
    view_of,
    write_order,
    write_progress,
)
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


def test_a_training_does_not_go_on_with_other_stems_unasked(tmp_path):
    folder = trainings_folder() / "improve"
    write_order(folder, Order("improve", ("/music/one",)))
    write_progress(folder, Progress(state="paused", step=7))
    refused = studio("train", "run", "--recipe", "improve", "--data", tmp_path)
    assert refused.returncode == 2
    assert "a name of its own (--name)" in refused.stderr
    # One that never got to a step may be given again with other words.
    write_progress(folder, Progress(state="failed", step=0))
    assert (
        "of its own" not in studio("train", "run", "--recipe", "improve", "--data", tmp_path).stderr
    )


def test_trainings_are_listed_installed_and_removed_by_name(tmp_path):
    folder = trainings_folder() / "Mine"
    write_order(folder, Order("fast", ("/music",), name="Mine"))
    write_progress(folder, Progress(state="paused", step=7, scores=((7, 3.25),), best=(7, 3.25)))
    shutil.copytree(paths.shipped_folder("models") / "fast", folder / BEST_FOLDER / "fast")
    listed = studio("train", "list")
    assert "Mine" in listed.stdout
    assert "3.25" in listed.stdout
    plain = json.loads(studio("train", "list", "--json").stdout)
    assert [(one["name"], one["state"], one["step"]) for one in plain] == [("Mine", "paused", 7)]
    assert studio("train", "install", "Mine").returncode == 0
    stopped = json.loads(studio("train", "stop", "Mine", "--json").stdout)
    assert (stopped["state"], stopped["installed"]) == ("stopped", "fast-2")
    assert (paths.user_models_folder() / "fast-2").is_dir()
    assert studio("train", "remove", "Mine").returncode == 0
    assert not folder.exists()
    missing = studio("train", "pause", "Mine")
    assert missing.returncode == 1
    assert "There is no training Mine" in missing.stderr


@pytest.mark.robust
def test_a_training_goes_on_in_the_background_and_after_ctrl_c(songs, tmp_path):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY_RECIPE.replace("steps = 4\n", "steps = 0\nsave_minutes = 60\n"))
    ordered = ("--recipe", recipe, "--data", songs, "--minutes", "500", "--name", "Mine")
    started = studio("train", "run", *ordered, "--background", "--json")
    assert started.returncode == 0, started.stderr
    folder = Path(json.loads(started.stdout)["folder"])
    trains(folder)
    paused = studio("train", "pause", "Mine", "--json")
    state = json.loads(paused.stdout)
    assert state["state"] == "paused"

    # Nothing was saved for an hour; Ctrl-C saves first, and so does a shutdown.
    words = [sys.executable, "-m", "drumstudio", "train", "resume", "Mine"]
    here = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    view = trains(folder, beyond=state["step"])
    here.send_signal(signal.SIGTERM)
    _, told = here.communicate(timeout=120)
    assert here.returncode == CANCELLED
    assert "goes on from there" in told
    after = view_of(folder)
    assert after.state == "paused"
    assert after.progress.step >= view.progress.step


def trains(folder: Path, beyond: int = 0) -> TrainingView:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        view = view_of(folder)
        if view.state == "training" and view.progress.step > beyond:
            return view
        time.sleep(0.05)
    pytest.fail(f"it does not train: {view_of(folder)}")
