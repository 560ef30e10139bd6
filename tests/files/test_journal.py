"""The journal: what was appended comes back in order, or not at all."""

from __future__ import annotations

import errno
import os
import random

import pytest

from drumstudio import atomic
from drumstudio.core.errors import DiskFullError, ProjectError
from drumstudio.files import journal as journals
from drumstudio.files.journal import Journal, read_journal
from tests.promises import counts

ID = "0123456789ab"
EDITS = [{"do": {"name": f"Edit {n} é", "changes": []}} for n in range(20)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def written(path, edits=EDITS, generation=3):
    journal = Journal(path, ID, generation)
    for edit in edits:
        journal.append([edit])
    journal.close()
    return path.read_bytes()


def edits_of(path, generation=3, project_id=ID):
    return [line.edit for line in read_journal(path, project_id, generation).lines]


def test_edits_come_back_in_order(path):
    written(path)
    replay = read_journal(path, ID, 3)
    assert [line.edit for line in replay.lines] == EDITS
    assert replay.whole
    assert replay.lines[-1].end_bytes == path.stat().st_size


def test_without_a_file_there_are_no_edits(path):
    assert read_journal(path, ID, 3).lines == ()
    assert read_journal(path, ID, 3).whole


def test_lines_before_the_last_save_are_passed_over(path):
    journal = Journal(path, ID, 3)
    journal.append(EDITS[:5])
    journal.close()
    before = path.read_bytes()
    written(path, EDITS[5:8], generation=4)
    path.write_bytes(before + path.read_bytes())
    assert edits_of(path, 4) == EDITS[5:8]
    assert read_journal(path, ID, 4).whole
    assert edits_of(path, 3) == EDITS[:5]
    assert not read_journal(path, ID, 3).whole


def test_a_new_journal_begins_where_the_save_was(path):
    written(path)
    written(path, EDITS[:2], generation=4)
    assert edits_of(path, 4) == EDITS[:2]
    assert path.read_bytes().count(b"\n") == 2


def test_lines_of_another_project_or_a_later_save_are_not_replayed(path):
    written(path)
    assert edits_of(path, project_id="ba9876543210") == []
    assert edits_of(path, 2) == []
    assert edits_of(path, 4) == []
    assert read_journal(path, ID, 4).whole
    assert not read_journal(path, ID, 2).whole


def test_a_missing_repeated_or_exchanged_line_ends_the_replay(path):
    lines = written(path).splitlines(keepends=True)
    for damaged in (
        lines[:7] + lines[8:],
        lines[:7] + lines[6:],
        [*lines[:7], lines[8], lines[7], *lines[9:]],
    ):
        path.write_bytes(b"".join(damaged))
        assert edits_of(path) == EDITS[:7]
        assert not read_journal(path, ID, 3).whole


def test_whatever_happens_to_the_file_a_beginning_comes_back(path):
    data = written(path)
    generator = random.Random(7)
    for _ in range(counts(120, 3_000)):
        damaged = bytearray(data)
        kind = generator.randrange(4)
        place = generator.randrange(len(data))
        if kind == 0:
            del damaged[place:]
        elif kind == 1:
            damaged[place] ^= 1 << generator.randrange(8)
        elif kind == 2:
            damaged[place:place] = generator.randbytes(generator.randrange(1, 100))
        else:
            damaged[place : place + generator.randrange(1, 300)] = b""
        path.write_bytes(damaged)
        found = edits_of(path)
        assert found == EDITS[: len(found)]
        intact = data[:place].count(b"\n")
        assert len(found) >= intact


def test_appending_goes_on_after_the_last_good_line(path):
    data = written(path)
    path.write_bytes(data[:-10])
    replay = read_journal(path, ID, 3)
    assert len(replay.lines) == 19
    journal = Journal(path, ID, 3, replay.lines[-1])
    journal.append([{"undo": True}])
    journal.close()
    assert edits_of(path) == [*EDITS[:19], {"undo": True}]
    assert read_journal(path, ID, 3).whole


def test_a_line_half_written_by_a_full_disk_does_not_hide_the_next(path, monkeypatch):
    journal = Journal(path, ID, 3)
    journal.append(EDITS[:2])

    def half(descriptor, data):
        os.write(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write_all", half)
        for _ in range(3):
            with pytest.raises(DiskFullError):
                journal.append(EDITS[2:3])
    journal.append(EDITS[2:4])
    journal.close()
    assert edits_of(path) == EDITS[:4]
    assert read_journal(path, ID, 3).whole


def test_every_line_is_forced_to_the_disk_before_append_returns(path, monkeypatch):
    calls = []
    write, sync = atomic.write_all, atomic.sync
    monkeypatch.setattr(atomic, "write_all", lambda fd, d: (calls.append("write"), write(fd, d)))
    monkeypatch.setattr(atomic, "sync", lambda fd: (calls.append("sync"), sync(fd)))
    journal = Journal(path, ID, 3)
    journal.append(EDITS[:1])
    journal.append(EDITS[1:5])
    journal.close()
    assert calls == ["write", "sync", "write", "sync"]


def test_a_journal_that_would_grow_without_end_asks_for_a_save(path, monkeypatch):
    monkeypatch.setattr(journals, "LIMIT_BYTES", 1_000)
    journal = Journal(path, ID, 3)
    while path.stat().st_size < 900 if path.exists() else True:
        journal.append(EDITS[:1])
    with pytest.raises(ProjectError, match="Save the project"):
        journal.append(EDITS[:2])
    journal.close()
    assert path.stat().st_size <= 1_000
    assert edits_of(path)


def test_a_link_in_the_place_of_the_journal_is_neither_read_nor_written(path, tmp_path):
    outside = tmp_path / "precious"
    data = written(path)
    path.rename(outside)
    path.symlink_to(outside)
    assert edits_of(path) == []
    assert not read_journal(path, ID, 3).whole
    with pytest.raises(ProjectError):
        Journal(path, ID, 3).append(EDITS[:1])
    assert outside.read_bytes() == data


def test_a_second_name_of_the_journal_elsewhere_keeps_its_content(path, tmp_path):
    data = written(path)
    os.link(path, tmp_path / "backup")
    journal = Journal(path, ID, 3, read_journal(path, ID, 3).lines[-1])
    journal.append([{"undo": True}])
    journal.close()
    assert (tmp_path / "backup").read_bytes() == data
    assert len(edits_of(path)) == 21
