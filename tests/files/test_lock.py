"""Locks: one owner at a time, given back when the owner dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys

import pytest

from drumstudio.files.lock import FileLock, Hold, is_held
from drumstudio.files.plain_file import open_plain


def test_a_second_owner_is_refused_until_the_first_lets_go(tmp_path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.try_acquire()
    assert first.try_acquire()
    assert not second.try_acquire()
    assert is_held(tmp_path / "lock")
    first.release()
    first.release()
    assert second.try_acquire()
    second.release()
    assert not is_held(tmp_path / "lock")


def test_a_lock_that_is_forgotten_is_given_back(tmp_path):
    FileLock(tmp_path / "lock").acquire()
    assert FileLock(tmp_path / "lock").try_acquire()


def test_readers_hold_a_file_together(tmp_path):
    path = tmp_path / "sound.wav"
    path.write_bytes(b"sound")
    one, two = Hold(path), Hold(path)
    one.release()
    assert is_held(path)
    two.release()
    assert not is_held(path)


def test_a_link_or_a_pipe_is_no_lock(tmp_path):
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="link|symbolic"):
        FileLock(tmp_path / "link").try_acquire()
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="plain"):
            FileLock(tmp_path / "pipe").try_acquire()
    with pytest.raises(OSError, match="directory|ermission"):
        FileLock(tmp_path).try_acquire()


def test_a_lock_in_a_folder_that_was_replaced_is_taken_anew(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    held = FileLock(folder / "lock")
    held.acquire()
    folder.rename(tmp_path / "moved")
    assert not FileLock(tmp_path / "moved" / "lock").try_acquire()
    folder.mkdir()
    assert FileLock(folder / "lock").try_acquire()


def _hold_for_ever(path, ready):
    lock = FileLock(path)
    lock.acquire()
    ready.set()
    signal.pause()


def test_the_lock_of_a_killed_owner_is_free(tmp_path):
    context = multiprocessing.get_context("spawn")  # pytest has threads: no fork
    ready = context.Event()
    child = context.Process(target=_hold_for_ever, args=(tmp_path / "lock", ready))
    child.start()
    assert ready.wait(60)
    assert not FileLock(tmp_path / "lock").try_acquire()
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert FileLock(tmp_path / "lock").try_acquire()


@pytest.mark.parametrize("left", ["another file", "nothing"])
def test_a_lock_on_a_file_that_lost_its_name_meanwhile_is_no_lock(tmp_path, monkeypatch, left):
    path = tmp_path / "lock"

    def overtaken(opened, flags):
        descriptor = open_plain(opened, flags)
        opened.unlink()
        if left == "another file":
            opened.write_bytes(b"")
        return descriptor

    lock = FileLock(path)
    with monkeypatch.context() as patched:
        patched.setattr("drumstudio.files.lock.open_plain", overtaken)
        assert not lock.try_acquire()
        assert not lock.held
    other = FileLock(path)
    assert other.try_acquire()
    assert not lock.try_acquire()
