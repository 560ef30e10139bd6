"""What a crash leaves is offered, and the choices mean what they say."""

from __future__ import annotations

import random

import pytest

from drumstudio.application import recovery
from drumstudio.application.document import Document
from drumstudio.application.recovery import (
    discard,
    recoverable_projects,
    remove_remains,
    unsaved_folder,
)
from drumstudio.core.errors import ProjectError
from tests.projects import project_hash, random_command


def edited(document, count=4, seed=1):
    generator = random.Random(seed)
    for _ in range(count):
        document.perform(random_command(document.project, generator))
    document.flush()
    return document


def crash(document):
    """Let go of a document as a killed process does: nothing is written, the lock is free."""
    document._autosave.close()
    document._lock.release()


def test_a_project_that_never_had_a_name_is_offered_with_what_is_in_it():
    document = edited(Document.new())
    assert recoverable_projects() == []  # it is open
    crash(document)
    (found,) = recoverable_projects()
    assert found.never_saved
    assert found.edits == 4
    assert found.last_edit == document.history.undo_name
    assert found.path == document.folder.path
    with Document.open(found.path) as again:
        assert again.is_never_saved
        assert project_hash(again.project) == project_hash(document.project)
        assert recoverable_projects() == []


def test_a_closed_project_without_a_name_is_offered_too():
    edited(Document.new()).close()
    assert len(recoverable_projects()) == 1


def test_a_saved_project_with_unsaved_edits_is_offered_after_a_crash(tmp_path):
    document = edited(Document.create(tmp_path / "Project"))
    document.save()
    edited(document, 3, seed=2)
    crash(document)
    (found,) = recoverable_projects()
    assert not found.never_saved
    assert (found.path, found.edits, found.name) == (document.folder.path, 3, "Project")
    with Document.open(found.path) as again:
        assert again.recovered_edits == 3
        again.save()
    assert recoverable_projects() == []


def test_a_project_that_was_closed_or_has_nothing_unsaved_is_not_offered(tmp_path):
    saved = edited(Document.create(tmp_path / "Saved"))
    saved.save()
    crash(saved)
    closed = edited(Document.create(tmp_path / "Closed"))
    closed.save()
    closed.close()
    assert recoverable_projects() == []
    assert list((unsaved_folder().parent / "open").iterdir()) == []


def test_a_project_closed_by_a_shutdown_is_offered_until_it_is_saved_or_discarded(tmp_path):
    edited(Document.create(tmp_path / "Project"), 3).close()
    (found,) = recoverable_projects()
    assert (found.edits, found.never_saved) == (3, False)
    with Document.open(found.path) as again:
        assert again.recovered_edits == 3
        again.discard_edits()
    assert recoverable_projects() == []


def test_a_project_that_is_gone_is_forgotten(tmp_path):
    document = edited(Document.create(tmp_path / "Project"))
    crash(document)
    document.folder.path.rename(tmp_path / "Moved.drumstudio")
    assert recoverable_projects() == []
    with Document.open(tmp_path / "Moved.drumstudio") as again:
        assert again.recovered_edits == 4


def test_discard_moves_aside_and_deletes_nothing(tmp_path):
    saved = edited(Document.create(tmp_path / "Project"))
    saved.save()
    kept = project_hash(saved.project)
    edited(saved, 2, seed=2)
    crash(saved)
    crash(edited(Document.new()))
    for project in recoverable_projects():
        assert discard(project).exists()
    assert recoverable_projects() == []
    with Document.open(tmp_path / "Project.drumstudio") as again:
        assert (project_hash(again.project), again.recovered_edits) == (kept, 0)
    (moved,) = (unsaved_folder().parent / "discarded").iterdir()
    with Document.open(moved) as back:
        assert back.recovered_edits == 4


def test_a_damaged_project_is_offered_with_its_problem_and_hides_no_other():
    first, second = edited(Document.new()), edited(Document.new())
    crash(first)
    crash(second)
    first.folder.file.write_bytes(b"garbage")
    found = {project.path: project for project in recoverable_projects()}
    assert "damaged" in found[first.folder.path].problem
    assert found[second.folder.path].problem == ""
    with pytest.raises(ProjectError, match="damaged"):
        Document.open(first.folder.path)
    discard(found[first.folder.path])
    assert [project.path for project in recoverable_projects()] == [second.folder.path]


def test_damaged_notes_are_no_trouble():
    notes = unsaved_folder().parent / "open"
    notes.mkdir(parents=True)
    (notes / "a.json").write_bytes(b"\xff")
    (notes / "b.json").write_text('{"path": 7}')
    assert recoverable_projects() == []
    assert list(notes.iterdir()) == []


def test_only_what_was_never_a_project_is_swept_up(monkeypatch):
    monkeypatch.setattr(recovery, "_REMAINS_SECONDS", -1.0)
    (unsaved_folder() / "Half made.drumstudio" / "media").mkdir(parents=True)
    lost = edited(Document.new())
    crash(lost)
    lost.folder.file.unlink()
    open_now = Document.new()
    assert [project.path for project in recoverable_projects()] == [lost.folder.path]
    remove_remains()
    assert {path for path in unsaved_folder().iterdir()} == {
        lost.folder.path,
        open_now.folder.path,
    }
    open_now.close()
