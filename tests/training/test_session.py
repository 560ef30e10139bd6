"""A training that is watched and steered through its folder."""

from __future__ import annotations

import errno
import math
from pathlib import Path

import numpy as np
import pytest

from drumstudio import paths
from drumstudio.catalog.model_card import OWN_PROTOCOL, read_card
from drumstudio.catalog.weights import load_weights
from drumstudio.core.errors import Cancelled, DiskFullError, DrumStudioError
from drumstudio.files.lock import FileLock
from drumstudio.files.training_folder import (
    BEST_FOLDER,
    EXAMPLE_FOLDER,
    PAUSE,
    STOP,
    TrainingFolderError,
    is_training,
    read_order,
    read_progress,
    read_request,
    take_lock,
    trainings_folder,
    view_of,
    write_request,
)
from drumstudio.files.training_origin import read_installed
from drumstudio.files.wav_file import WavReader
from drumstudio.jobs.job import no_checkpoint
from drumstudio.training import held_out, session
from drumstudio.training.data import SampleCache
from drumstudio.training.folders import find_sources
from drumstudio.training.session import train_job
from drumstudio.training.trainer import WEIGHTS_NAME
from tests.disk_faults import failing_disk
from tests.training.conftest import RATE, TINY_RECIPE, drums, tone, write

pytestmark = pytest.mark.robust  # too long for the fast ones


@pytest.fixture
def ten_songs(tmp_path) -> Path:
    """Return a folder of which one song is held out."""
    folder = tmp_path / "ten"
    for number in (29, *range(9)):
        write(folder / f"song {number}" / "drums.wav", drums(2.5, number))
        write(folder / f"song {number}" / "bass.wav", tone(2.5, 60 + number))
    return folder


@pytest.fixture
def train(tmp_path, songs, tiny_recipe_file, monkeypatch):
    """Return what trains four tiny steps in a folder among the user's."""
    # A busy machine makes no difference: each step looks for requests, none writes by the clock.
    monkeypatch.setattr(session, "_LOOK_SECONDS", -1.0)
    monkeypatch.setattr(session, "_WRITE_SECONDS", math.inf)

    def train(checkpoint=no_checkpoint, folder=None, **changes):
        arguments = {
            "recipe": str(tiny_recipe_file), "data": [str(songs)], "device": "cpu",
            "name": "Mine", "folder": str(folder or trainings_folder() / "Mine"),
        }  # fmt: skip
        return train_job(checkpoint, **(arguments | changes))

    return train


def asking(folder: Path, request: str, step: int):
    """Return a checkpoint that asks for something after a step."""

    def checkpoint(fraction, message):
        if message.startswith(f"Step {step},"):
            write_request(folder, request)

    return checkpoint


def test_a_pause_changes_nothing_but_the_time(train, tmp_path):
    folder = trainings_folder() / "Mine"
    with pytest.raises(Cancelled):
        train(asking(folder, PAUSE, 2))
    paused = view_of(folder)
    assert paused.state == "paused"
    assert paused.progress.step == 3  # the step after the request was still done
    assert read_request(folder) == ""
    assert not is_training(folder)
    result = train()
    assert (result["state"], result["steps"], result["installed"]) == ("done", 4, "mine")
    assert [step for step, _ in view_of(folder).progress.losses] == [1, 2, 3, 4]

    def weights(place):
        return (place / WEIGHTS_NAME).read_bytes()

    train(folder=tmp_path / "in one go")
    assert weights(folder) == weights(tmp_path / "in one go")
    # The check sees a training that went another way.
    train(folder=tmp_path / "another", seed=1)
    assert weights(folder) != weights(tmp_path / "another")


def test_the_result_is_the_users_own_model_with_a_card(train, songs):
    assert train()["installed"] == "mine"
    card = read_card(paths.user_models_folder() / "mine")
    assert card.name == "Mine"
    assert card.licence == "yours"
    assert card.scores == ()  # nothing was held out
    assert (card.trained_on[0].name, card.trained_on[0].credit) == (
        "Your stems",
        "2 songs, 0.1 minutes",
    )
    order = read_order(trainings_folder() / "Mine")
    assert order.data == (str(songs),)
    progress = read_progress(trainings_folder() / "Mine")
    assert "fewer than 10" in progress.score_data
    assert "trained on" in progress.example


def test_what_is_over_leaves_no_clips_and_can_still_be_made_longer(train):
    folder = trainings_folder() / "Mine"
    train()
    assert not (folder / "pool").exists()
    assert not (folder / "decoded").exists()
    assert (folder / EXAMPLE_FOLDER / "now.wav").exists()
    longer = train(minutes=None, recipe=_longer(folder))
    assert longer["steps"] == 6
    assert longer["installed"] == "mine"  # its own model was replaced


def _longer(folder):
    recipe = folder.parent.parent / "longer.toml"
    recipe.write_text(TINY_RECIPE.replace("steps = 4\n", "steps = 6\n"))
    return str(recipe)


def test_a_training_in_a_folder_of_its_own_is_put_among_no_models(train, tmp_path):
    assert train(folder=tmp_path / "own")["installed"] == ""
    assert read_installed(tmp_path / "own") == ("", "")
    assert not paths.user_models_folder().exists()


def test_a_stop_keeps_the_best_by_the_score_on_held_out_songs(train, ten_songs, monkeypatch):
    folder = trainings_folder() / "Mine"
    given = iter([3.0, 5.0, 4.0])  # what each save scores
    recipe = folder.parent.parent / "often.toml"
    recipe.parent.mkdir(parents=True, exist_ok=True)
    recipe.write_text(TINY_RECIPE.replace("steps = 4\n", "steps = 3\nsave_minutes = 0\n"))
    monkeypatch.setattr(session, "mean_sdr", _scores(given))
    result = train(asking(folder, STOP, 2), recipe=str(recipe), data=[str(ten_songs)])
    assert result["state"] == "stopped"
    progress = read_progress(folder)
    assert [score for _, score in progress.scores] == [3.0, 5.0, 4.0]
    assert progress.best == (2, 5.0)
    assert progress.mixture_score == -1.0
    card = read_card(paths.user_models_folder() / "mine")
    assert card.scores[0].value == 5.0
    assert card.scores[0].protocol == OWN_PROTOCOL
    assert "song 29" in card.scores[0].data
    assert "song 29" not in [entry.name for entry in card.trained_on]
    assert "song 8" in [entry.name for entry in card.trained_on]
    # The weights are those of that step, and not the last ones.
    kept = (paths.user_models_folder() / "mine" / card.weights).read_bytes()
    best = folder / BEST_FOLDER / "mine"
    assert kept == (best / read_card(best).weights).read_bytes()
    assert kept != (folder / WEIGHTS_NAME).read_bytes()


def test_the_best_outlives_a_process_that_ends_while_it_keeps_a_better_one(
    train, ten_songs, monkeypatch
):
    folder = trainings_folder() / "Mine"
    recipe = folder.parent.parent / "often.toml"
    recipe.parent.mkdir(parents=True, exist_ok=True)
    recipe.write_text(TINY_RECIPE.replace("steps = 4\n", "steps = 3\nsave_minutes = 0\n"))
    monkeypatch.setattr(session, "mean_sdr", _scores(iter([3.0, 5.0, 6.0])))
    cards = []
    own_card = session._own_card

    def ends_at_the_second(*words):
        cards.append(words)
        if len(cards) >= 2:
            raise KeyboardInterrupt  # after its weights, before its card
        return own_card(*words)

    monkeypatch.setattr(session, "_own_card", ends_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        train(folder=folder, recipe=str(recipe), data=[str(ten_songs)])
    kept = next((folder / BEST_FOLDER).iterdir())
    card = read_card(kept)
    assert card.scores[0].value == 3.0
    assert load_weights(card, kept)
    assert len(list(kept.glob("*.safetensors"))) == 2  # what the end left behind


def _scores(given):
    def mean_sdr(excerpts, estimates):
        same = all(excerpt.mixture is one for excerpt, one in zip(excerpts, estimates, strict=True))
        return -1.0 if same else next(given)

    return mean_sdr


def test_the_example_is_written_and_says_where_it_is_from(train, ten_songs):
    first = train(data=[str(ten_songs)])
    folder = trainings_folder() / "Mine"
    files = {path.stem for path in (folder / EXAMPLE_FOLDER).glob("*.wav")}
    assert files == {"mixture", "true", "now"}
    train(data=[str(ten_songs)], folder=trainings_folder() / "Better", name="Better",
          from_card=first["model"])  # fmt: skip
    second = trainings_folder() / "Better"
    assert (second / EXAMPLE_FOLDER / "before.wav").exists()
    progress = read_progress(second)
    assert progress.example == "song 29 (held out)"
    assert progress.start_score is not None
    with WavReader(second / EXAMPLE_FOLDER / "now.wav") as now:
        assert (now.sample_rate, now.samples) == (RATE, round(2.5 * RATE))


def test_a_full_disk_is_told_and_the_training_goes_on_when_there_is_room(train):
    folder = trainings_folder() / "Mine"
    with failing_disk() as whole:
        train()
    writes = len(whole.log)
    assert writes > 40
    for share in (0.3, 0.7, 0.95):
        place = folder.with_name(f"Mine {share}")
        with (
            failing_disk(round(writes * share), number=errno.ENOSPC, permanently=True),
            pytest.raises(DiskFullError),
        ):
            train(folder=place, name=place.name)
        assert not is_training(place)
        assert train(folder=place, name=place.name)["state"] == "done"


def test_why_it_failed_is_written_before_the_lock_is_given_back(train, monkeypatch):
    folder = trainings_folder() / "Mine"
    seen = []
    release = FileLock.release

    def look_and_release(lock):
        if lock.held:
            seen.append(read_progress(folder))
        release(lock)

    monkeypatch.setattr(FileLock, "release", look_and_release)
    with pytest.raises(DrumStudioError):
        train(data=[str(folder / "unplugged")])
    monkeypatch.undo()
    progress = read_progress(folder)
    assert progress.state == "failed"
    assert "unplugged" in progress.error["what"]
    assert seen == [progress]


def test_two_processes_do_not_train_in_one_folder(train):
    folder = trainings_folder() / "Mine"
    folder.mkdir(parents=True)
    lock = take_lock(folder)
    with pytest.raises(TrainingFolderError):
        train()
    assert not (folder / "pool").exists()
    lock.release()
    train()


def test_a_folder_that_goes_is_not_made_again(train):
    folder = trainings_folder() / "Mine"

    def checkpoint(fraction, message):
        if message.startswith("Step 2,"):
            folder.rename(folder.with_name("elsewhere"))

    with pytest.raises(Exception, match="Cannot|not there"):
        train(checkpoint)
    assert not folder.exists()


def test_excerpts_hold_a_song_and_its_true_drums(ten_songs, tmp_path):
    found = find_sources([ten_songs])
    cache = SampleCache(tmp_path / "decoded")
    (one,) = held_out.song_excerpts(found.sources, cache, "valid")
    assert one.song == "song 29"
    np.testing.assert_allclose(one.drums, drums(2.5, 29), atol=1e-4)
    np.testing.assert_allclose(one.mixture, drums(2.5, 29) + tone(2.5, 89), atol=1e-4)
    assert len(list(held_out.song_excerpts(found.sources, cache, "train", 3))) == 3
    assert held_out.mean_sdr([one], [one.drums]) > 60
    assert held_out.mean_sdr([one], [one.mixture]) < 20


def test_a_song_of_silent_drums_or_of_drums_alone_gives_no_excerpt(tmp_path):
    songs = tmp_path / "odd"
    write(songs / "silent" / "drums.wav", np.zeros((2, 3 * RATE), np.float32))
    write(songs / "silent" / "bass.wav", tone(3.0, 60))
    write(songs / "alone" / "drums.wav", drums(3.0))
    write(songs / "alone" / "snare.wav", drums(3.0, 4))
    write(songs / "short" / "drums.wav", drums(1.2))
    write(songs / "short" / "bass.wav", tone(1.2, 60))
    found = find_sources([songs])
    assert list(held_out.song_excerpts(found.sources, SampleCache(tmp_path / "d"), "train")) == []
