"""Trainings in processes of their own: started, watched, paused, killed, taken up and kept."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from drumstudio import paths
from drumstudio.catalog.catalog import default_catalog
from drumstudio.core.errors import ModelMissingError, SettingError
from drumstudio.files.training_folder import (
    LOG_NAME,
    Order,
    Progress,
    TrainingFolderError,
    TrainingView,
    all_trainings,
    view_of,
    write_progress,
)
from drumstudio.workflows import trainings
from tests.training.conftest import TINY_RECIPE, drums, tone, write

SHIPPED = {"fast", "flagship", "hpss", "hit-average"}
WAIT_SECONDS = 180.0
LONG_RECIPE = TINY_RECIPE.replace("steps = 4\n", "steps = 100000\nsave_minutes = 0.005\n")


def wait_for(folder: Path, wanted, what: str, seconds: float = WAIT_SECONDS) -> TrainingView:
    """Return the training once it is as wanted; fail with all that is known if it does not."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        view = view_of(folder)
        if wanted(view):
            return view
        time.sleep(0.05)
    log = (folder / LOG_NAME).read_text() if (folder / LOG_NAME).exists() else ""
    pytest.fail(f"not {what} after {seconds} s: {view_of(folder)}\n{log}")


def goes_on_from(step: int):
    return lambda view: view.state == "training" and view.progress.step > step


def is_over(view: TrainingView) -> bool:
    return not view.running


@pytest.fixture
def order(tmp_path) -> Order:
    """Return an order for a training without an end, on ten songs of which one is held out."""
    songs = tmp_path / "songs"
    for number in (29, *range(9)):  # by its name, the first is one of those to score
        song = songs / f"song {number}"
        write(song / "drums.wav", drums(2.5, number))
        write(song / "bass.wav", tone(2.5, 60 + number))
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(LONG_RECIPE)
    return Order(str(recipe), (str(songs),), name="My drums", device="cpu")


@pytest.fixture
def folder(order):
    folder = trainings.create(order)
    yield folder
    if folder.exists() and view_of(folder).running:
        trainings.pause(folder)
        trainings.wait_until_over(folder, WAIT_SECONDS)


def end_by_force(pid: int) -> None:
    os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


@pytest.mark.robust
def test_a_training_is_watched_paused_killed_taken_up_and_kept(folder):
    first = trainings.start_in_background(folder)
    assert view_of(folder).running
    # Another window sees it, too, and can not start it a second time.
    with pytest.raises(TrainingFolderError, match="already"):
        trainings.start_in_background(folder)
    seen = wait_for(folder, lambda v: v.progress.scores and v.progress.step > 5, "scored")
    progress = seen.progress
    assert progress.songs == 9
    assert "song 29" in progress.score_data
    assert "held out" in progress.example
    assert progress.mixture_score is not None
    assert progress.losses[0][0] == 1
    assert {path.stem for path in (folder / "example").glob("*.wav")} == {"mixture", "true", "now"}
    with pytest.raises(TrainingFolderError, match="another process"):
        trainings.remove(folder)

    # It ends by itself when it has saved.
    trainings.pause(folder)
    paused = wait_for(folder, is_over, "paused")
    assert paused.state == "paused"
    assert paused.progress.error is None
    wait_for_end(first)

    # Killed at any moment: seen at once, and nothing but what was not saved is lost.
    second = trainings.start_in_background(folder)
    wait_for(folder, goes_on_from(paused.progress.step), "going on")
    end_by_force(second.pid)
    killed = wait_for(folder, is_over, "seen as interrupted")
    assert killed.state == "interrupted"
    assert killed.resumable
    wait_for_end(second)

    third = trainings.start_in_background(folder)
    going = wait_for(folder, goes_on_from(paused.progress.step), "going on again")
    steps = [step for step, _ in going.progress.losses]
    assert steps == sorted(set(steps))
    assert default_catalog_ids() == SHIPPED
    trainings.stop(folder)
    stopped = wait_for(folder, is_over, "stopped")
    assert (stopped.state, stopped.installed) == ("stopped", "my-drums")
    wait_for_end(third)
    card = default_catalog().find("my-drums")
    assert default_catalog().ready(card)
    stems = card.trained_on[0]
    assert (stems.name, stems.credit) == ("Your stems", "9 songs, 0.4 minutes")
    assert "song 29" in card.scores[0].data
    assert card.scores[0].value == pytest.approx(
        max(s for _, s in stopped.progress.scores), abs=1e-3
    )
    assert card.ranking_score == float("-inf")  # of no measure between models

    trainings.remove(folder)
    assert all_trainings() == []
    assert default_catalog_ids() == SHIPPED | {"my-drums"}


def default_catalog_ids() -> set[str]:
    return {card.id for card in default_catalog().cards()}


def wait_for_end(process) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while process.running and time.monotonic() < until:
        time.sleep(0.02)
    assert not process.running


@pytest.mark.robust
def test_a_training_whose_music_was_unplugged_says_so_and_goes_on_when_it_is_back(folder, order):
    songs = Path(order.data[0])
    songs.rename(songs.with_name("unplugged"))
    trainings.start_in_background(folder)
    failed = wait_for(folder, is_over, "failed")
    assert failed.state == "failed"
    assert "songs" in failed.progress.error["what"]
    assert failed.resumable
    songs.with_name("unplugged").rename(songs)
    process = trainings.start_in_background(folder)
    wait_for(folder, goes_on_from(0), "going on")
    # A folder that goes while it trains ends the process, and nothing of it comes back.
    folder.rename(folder.with_name("carried away"))
    until = time.monotonic() + WAIT_SECONDS
    while process.running and time.monotonic() < until:
        time.sleep(0.05)
    assert not process.running
    assert not folder.exists()


def test_the_watch_sees_a_training_that_does_not_go_on(order):
    folder = trainings.create(order)
    write_progress(folder, Progress(state="training", step=7))  # as of a process that was killed
    with pytest.raises(pytest.fail.Exception, match="interrupted"):
        wait_for(folder, goes_on_from(6), "going on", seconds=0.2)


def test_a_name_that_is_taken_is_refused_and_another_is_offered(order):
    trainings.create(order)
    with pytest.raises(SettingError, match="My drums 2"):
        trainings.create(order)
    assert trainings.free_name("Fast") == "Fast 2"
    with pytest.raises(SettingError):
        trainings.create(Order("fast", (), name="Fast"))


def test_a_long_name_that_is_taken_gets_a_number_that_counts(order):
    name = "A very long name of a model " * 2
    trainings.create(replace(order, name=name[:56]))
    other = trainings.free_name(name[:56])
    assert other.endswith(" 2")
    assert trainings.create(replace(order, name=other)).exists()


def test_a_training_is_found_by_name_and_by_folder(order):
    folder = trainings.create(order)
    assert trainings.find("My drums") == folder
    assert trainings.find(str(folder)) == folder
    with pytest.raises(TrainingFolderError, match="My drums"):
        trainings.find("yours")


def test_only_a_training_of_the_user_is_removed(order, tmp_path):
    with pytest.raises(TrainingFolderError):
        trainings.remove(tmp_path)
    with pytest.raises(TrainingFolderError):
        trainings.remove(paths.user_data_folder())
    assert tmp_path.exists()


def test_stopping_before_there_is_a_model_changes_nothing(order):
    folder = trainings.create(order)
    write_progress(folder, Progress(state="paused"))
    with pytest.raises(ModelMissingError, match="no model yet"):
        trainings.stop(folder)
    assert view_of(folder).state == "paused"


def test_every_engine_that_can_be_trained_is_named_without_loading_it():
    from drumstudio.inference.engines import ENGINES
    from drumstudio.training.run import NETWORKS

    # An engine that this version does not have has no models to improve.
    assert {name for name in trainings.TRAINABLE_ENGINES if name in ENGINES} == set(NETWORKS)
