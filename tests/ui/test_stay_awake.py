"""The computer is kept awake while a job runs, for as long as the program lives."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QObject

from drumstudio.ui import stay_awake
from drumstudio.ui.stay_awake import StayAwake


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a call for it, not a program")
def test_a_program_of_the_system_runs_while_it_is_asked_for(qtbot, tmp_path, monkeypatch):
    marks = tmp_path / "marks"
    fake = tmp_path / "keep-awake"
    fake.write_text(f'#!/bin/sh\necho began >> "{marks}"\ncat\necho ended >> "{marks}"\n')
    fake.chmod(0o755)
    monkeypatch.setitem(stay_awake._PROGRAMS, sys.platform, (str(fake), "x"))
    owner = QObject()
    awake = StayAwake(owner)
    awake.keep(True)
    awake.keep(True)
    qtbot.waitUntil(lambda: marks.exists() and marks.read_text() == "began\n", timeout=10_000)
    awake.keep(False)
    qtbot.waitUntil(lambda: marks.read_text() == "began\nended\n", timeout=10_000)
    awake.keep(True)
    qtbot.waitUntil(lambda: marks.read_text().count("began") == 2, timeout=10_000)
    awake.close()
    assert marks.read_text() == "began\nended\n" * 2
    awake.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a call for it, not a program")
def test_a_program_of_the_system_that_does_not_end_holds_nothing_up(qtbot, tmp_path, monkeypatch):
    fake = tmp_path / "keep-awake"
    fake.write_text("#!/bin/sh\nexec sleep 600\n")
    fake.chmod(0o755)
    monkeypatch.setitem(stay_awake._PROGRAMS, sys.platform, (str(fake), "x"))
    monkeypatch.setattr(stay_awake, "_END_MS", 200)
    owner = QObject()
    awake = StayAwake(owner)
    awake.keep(True)
    process = awake._process
    assert process.waitForStarted(10_000)
    ended = []
    process.finished.connect(lambda *_: ended.append(True))
    awake.keep(False)
    assert ended == []  # it was not waited for
    qtbot.waitUntil(lambda: ended == [True], timeout=10_000)


def test_a_system_without_such_a_program_is_no_error(qtbot, monkeypatch):
    monkeypatch.setitem(stay_awake._PROGRAMS, sys.platform, ("no-such-program-here", "x"))
    owner = QObject()
    awake = StayAwake(owner)
    awake.keep(True)
    awake.keep(False)


def test_the_window_asks_while_a_job_runs(window, qtbot, monkeypatch):
    asked = []
    monkeypatch.setattr(window.awake, "keep", asked.append)
    done = []

    def work(checkpoint):
        while not done:
            checkpoint(0.5, "Working")

    window.studio.queue.add("x", work)
    qtbot.waitUntil(lambda: True in asked)
    done.append(True)
    qtbot.waitUntil(lambda: asked[-1] is False)
