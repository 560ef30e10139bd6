from __future__ import annotations

import json
import time

import pytest

from drumstudio.files.training_folder import (
    LOCK_NAME,
    ORDER_NAME,
    PAUSE,
    STATE_NAME,
    STOP,
    Order,
    Progress,
    TrainingFolderError,
    all_trainings,
    clear_request,
    is_among_the_users,
    read_order,
    read_progress,
    read_request,
    take_lock,
    trainings_folder,
    view_of,
    write_order,
    write_progress,
    write_request,
)
from drumstudio.files.training_origin import read_installed, write_installed

ORDER = Order("fast", ("/music", "/more"), name="Ünsere Trommeln", minutes=5.0, from_card="/m/fast")


@pytest.fixture
def folder(home):
    folder = trainings_folder() / "one"
    write_order(folder, ORDER)
    return folder


def test_what_is_written_of_a_training_is_read_again(folder):
    assert read_order(folder) == ORDER
    progress = Progress(
        state="training", fraction=0.5, message="Step 3", step=3, seconds_left=12.5,
        losses=((1, 0.5), (2, 0.25)), scores=((2, -3.5),), best=(2, None), songs=2, minutes=4.0,
        error={"what": "a", "why": "b", "fix": "c"},
    )  # fmt: skip
    write_progress(folder, progress)
    read = read_progress(folder)
    assert abs(read.updated - time.time()) < 60
    assert read == Progress(**{**vars_of(progress), "updated": read.updated})
    write_installed(folder, "one", "ab" * 32)
    assert read_installed(folder) == ("one", "ab" * 32)
    assert [view.name for view in all_trainings()] == ["Ünsere Trommeln"]


def vars_of(progress):
    return {name: getattr(progress, name) for name in progress.__slots__}


def test_a_number_that_is_none_is_written_as_nothing(folder):
    write_progress(folder, Progress(state="training", start_score=float("nan")))
    assert read_progress(folder).start_score is None


def test_a_state_of_a_process_that_went_without_a_word_is_interrupted(folder):
    write_progress(folder, Progress(state="training"))
    assert view_of(folder).state == "interrupted"
    assert view_of(folder).resumable
    lock = take_lock(folder)
    assert view_of(folder).state == "training"
    for request, state in ((PAUSE, "pausing"), (STOP, "stopping")):
        write_request(folder, request)
        assert view_of(folder).state == state
        assert view_of(folder).running
    clear_request(folder)
    with pytest.raises(TrainingFolderError, match="another process"):
        take_lock(folder)
    lock.release()
    assert view_of(folder).state == "interrupted"


def test_a_process_may_take_a_while_to_start_but_not_for_ever(folder, monkeypatch):
    write_progress(folder, Progress(state="starting"))
    assert view_of(folder).state == "starting"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    assert view_of(folder).state == "interrupted"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"data": 3}', "{" * 1000, '{"recipe": null}'])
def test_a_damaged_order_is_told_and_the_others_are_listed(folder, text):
    damaged = trainings_folder() / "two"
    damaged.mkdir()
    (damaged / ORDER_NAME).write_text(text)
    with pytest.raises(TrainingFolderError):
        read_order(damaged)
    views = {view.folder.name: view for view in all_trainings()}
    assert views["two"].order is None
    assert not views["two"].resumable
    assert views["one"].order == ORDER


@pytest.mark.parametrize(
    "text", ["", "[]", '{"losses": 3}', '{"best": "x"}', '{"scores": [[1]]}', '{"step": "many"}']
)
def test_a_damaged_state_counts_as_not_written(folder, text):
    (folder / STATE_NAME).write_text(text)
    assert read_progress(folder) == Progress()
    view_of(folder)


def test_a_damaged_request_is_none(folder):
    (folder / "request.json").write_text(json.dumps({"wanted": "everything"}))
    assert read_request(folder) == ""
    (folder / "request.json").write_text("{")
    assert read_request(folder) == ""


def test_a_folder_that_has_gone_is_seen_as_nothing(folder, tmp_path):
    view = view_of(tmp_path / "gone")
    assert view.order is None
    assert not view.running
    assert not (tmp_path / "gone").exists()


def test_only_the_users_own_folder_counts_as_his(folder, tmp_path):
    assert is_among_the_users(folder)
    assert not is_among_the_users(tmp_path)


def test_who_looks_is_not_taken_for_a_process_that_trains(folder, monkeypatch):
    write_progress(folder, Progress(state="paused"))
    lock = take_lock(folder)  # as another window that looks, for an instant
    monkeypatch.setattr(time, "sleep", lambda _: lock.release())
    assert view_of(folder).state == "paused"


def test_looking_at_a_training_makes_no_lock(folder):
    view_of(folder)
    assert not (folder / LOCK_NAME).exists()
