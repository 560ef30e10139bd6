"""Trainings as a window sees them: told once, started once, paused when it is closed."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from drumstudio import paths
from drumstudio.application.background import Background
from drumstudio.application.trainings import Trainings
from drumstudio.catalog.catalog import default_catalog
from drumstudio.core.errors import DrumStudioError, SettingError
from drumstudio.files.training_folder import (
    BEST_FOLDER,
    Order,
    Progress,
    TrainingFolderError,
    read_request,
    trainings_folder,
    view_of,
    write_order,
    write_progress,
)
from drumstudio.workers.handle import Handle
from drumstudio.workflows import trainings as work

REPORT = {
    "songs": [
        {"song": "Kite", "stems": ["drums"], "seconds": 90.0, "split": "train", "folder": "/a"}
    ],
    "minutes": {"drums: stem": 1.5, "rest: bass": 1.5},
    "files": 2,
    "problems": {"Salt": ["one", "two"]},
}


class FakePool:
    """Answers every job at once."""

    def __init__(self):
        self.answer: dict | DrumStudioError = REPORT
        self.asked = []

    def submit(self, job, **arguments):
        self.asked.append((job, arguments))
        none = {"urgent": False, "timeout_seconds": None, "on_progress": None}
        handle = Handle(None, 1, arguments, wake=lambda: None, **none)
        wrong = isinstance(self.answer, DrumStudioError)
        handle.finish(**{"error" if wrong else "result": self.answer})
        return handle


class FakeProcess:
    running = True


@pytest.fixture
def failures():
    return []


@pytest.fixture
def window(failures):
    """Return what one window holds of trainings."""
    background = Background(failures.append)
    made = Trainings(default_catalog(), FakePool(), background, failures.append)
    made.test_background = background
    yield made
    background.close()


def settle(trainings) -> None:
    """Wait until what was asked for is done."""
    done = []
    trainings.test_background.run(lambda: None, done.append)
    until = time.monotonic() + 20
    while not done and time.monotonic() < until:
        time.sleep(0.005)
    assert done


def look(trainings) -> None:
    trainings.look()
    settle(trainings)


def a_training(name="Mine", **changes) -> Path:
    folder = trainings_folder() / name
    write_order(folder, Order("fast", ("/music",), name=name))
    write_progress(folder, Progress(**{"state": "paused", **changes}))
    return folder


def until(condition) -> None:
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


def test_listeners_hear_of_what_is_new_and_only_then(window):
    heard = []
    window.changed.connect(lambda: heard.append(window.views))
    folder = a_training()
    look(window)
    look(window)
    assert len(heard) == 1
    assert window.view(folder).state == "paused"
    write_progress(folder, Progress(state="done", step=7))
    look(window)
    assert [views[0].state for views in heard] == ["paused", "done"]


def test_a_model_that_comes_is_told_once_and_stands_in_the_catalog(window):
    ready = []
    window.model_ready.connect(ready.append)
    folder = a_training(best=(3, None))
    shutil.copytree(paths.shipped_folder("models") / "fast", folder / BEST_FOLDER / "fast")
    look(window)
    window.stop(folder)
    settle(window)
    look(window)
    assert ready == ["fast-2"]
    assert window._catalog.find("fast-2").folder == paths.user_models_folder() / "fast-2"
    titles = [start.title for start in window.starts]
    assert {"Improve Fast with my stems", "Improve Fast (2) with my stems"} < set(titles)
    look(window)
    assert ready == ["fast-2"]


def test_models_of_earlier_days_are_not_news(window):
    ready = []
    window.model_ready.connect(ready.append)
    folder = a_training(state="done", best=(3, None))
    shutil.copytree(paths.shipped_folder("models") / "fast", folder / BEST_FOLDER / "fast")
    work.install(folder)
    look(window)
    assert ready == []


def test_folders_are_looked_through_together_and_each_once(window):
    pool = window._pool
    window.add_folders([Path("/a"), Path("/b"), Path("/a")])
    until(lambda: window.material.ready)
    window.add_folders([Path("/b")])
    until(lambda: window.material.ready)
    assert pool.asked[-1] == ("check_training_data", {"folders": ["/a", "/b"]})
    assert window.material.minutes == 1.5
    assert window.material.problems == (("Salt", "one"), ("Salt", "two"))
    window.remove_folder(Path("/a"))
    until(lambda: window.material.ready)
    assert window.material.folders == (Path("/b"),)
    pool.answer = TrainingFolderError("Nothing here", why="it is empty", fix="Fill it.")
    window.add_folders([Path("/c")])
    until(lambda: window.material.error is not None)
    assert not window.material.ready
    window.remove_folder(Path("/b"))
    window.remove_folder(Path("/c"))
    assert window.material.folders == ()


def test_what_a_window_began_is_paused_when_it_closes_unless_it_shall_go_on(window, monkeypatch):
    folder, other = a_training(state="starting"), a_training("Other", state="starting")
    window._ours[folder] = FakeProcess()
    look(window)
    assert [view.folder for view in window.ours] == [folder]
    assert {view.folder for view in window.running} == {folder, other}
    window.keep_when_closed = True
    window.close()
    assert read_request(folder) == ""
    window.keep_when_closed = False
    window.close()
    assert view_of(folder).state == "pausing"
    assert view_of(other).state == "starting"


def test_a_process_that_has_ended_is_asked_nothing(window):
    folder = a_training(state="starting")
    window._ours[folder] = FakeProcess()
    window._ours[folder].running = False
    window.close()
    assert read_request(folder) == ""


def test_two_windows_can_not_start_one_training_twice(window, monkeypatch, failures):
    started = []

    def detach(words, log):
        started.append(words)
        return FakeProcess()

    monkeypatch.setattr(work, "Detached", detach)
    folder = a_training()
    other = Trainings(default_catalog(), FakePool(), window.test_background, failures.append)
    window.resume(folder)
    other.resume(folder)
    settle(window)
    assert started == [["train", "resume", str(folder), "--prepared"]]
    assert len(failures) == 1
    assert isinstance(failures[0], TrainingFolderError)


def test_a_start_that_fails_is_told_and_stands_in_the_folder(window, monkeypatch, failures):
    def refuse(words, log):
        raise DrumStudioError("Cannot start", why="no process is left.", fix="Close some.")

    monkeypatch.setattr(work, "Detached", refuse)
    order = Order("fast", ("/music",), name="New one")
    window.begin(order, pytest.fail, failures.append)
    settle(window)
    assert failures[0].what == "Cannot start"
    view = view_of(trainings_folder() / "New one")
    assert view.state == "failed"
    assert view.progress.error["why"] == "no process is left."
    window.begin(replace(order, name="Fast"), pytest.fail, failures.append)
    settle(window)
    assert isinstance(failures[1], SettingError)
