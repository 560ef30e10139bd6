"""A project on disk: one commit point, five versions, and nothing hostile gets through."""

from __future__ import annotations

import hashlib
import json
import random
import shutil

import pytest

from drumstudio import atomic
from drumstudio.core.errors import ProjectError
from drumstudio.core.history import Edited
from drumstudio.files import project_folder
from drumstudio.files.project_folder import LIMIT_BYTES, SCHEMA, ProjectFolder
from tests.projects import a_project, random_command, state_hash
from tests.promises import record


@pytest.fixture
def folder(tmp_path):
    folder = ProjectFolder(tmp_path / "My Söng.drumstudio")
    folder.create()
    return folder


def an_edited(commands=20, songs=2, seed=1):
    generator = random.Random(seed)
    edited = Edited(a_project(songs))
    for _ in range(commands):
        edited = edited.perform(random_command(edited.project, generator))
    return edited


def changed_file(folder, **changes):
    plain = json.loads(folder.file.read_text(encoding="utf-8"))
    plain.update(changes)
    folder.file.write_text(json.dumps(plain), encoding="utf-8")


def test_what_was_saved_is_read_back_with_its_history(folder):
    edited = an_edited().undo()
    assert folder.commit(edited, 0) == 1
    saved = folder.read()
    assert state_hash(saved.edited) == state_hash(edited)
    assert (saved.generation, saved.notes) == (1, ())
    assert folder.name == "My Söng"


def test_the_file_can_be_read_by_a_person(folder):
    edited = an_edited()
    folder.commit(edited, 0)
    text = folder.file.read_text(encoding="utf-8")
    assert json.loads(text)["project"]["id"] == edited.project.id
    assert "Song 0" in text
    assert text.count("\n") > 100


def test_a_moved_and_renamed_project_opens_from_folder_or_file(folder, tmp_path):
    edited = an_edited()
    folder.commit(edited, 0)
    moved = tmp_path / "elsewhere" / "Ünder.drumstudio"
    moved.parent.mkdir()
    folder.path.rename(moved)
    assert ProjectFolder(moved).read().edited == edited
    assert ProjectFolder(moved / "project.json").read().edited == edited


def test_five_previous_versions_stay_and_each_is_whole(folder):
    generation, hashes = 0, {}
    for number in range(8):
        edited = an_edited(number)
        generation = folder.commit(edited, generation)
        hashes[generation] = state_hash(edited)
    versions = [version.generation for version in folder.versions()]
    assert versions == [7, 6, 5, 4, 3]
    for version in versions:
        assert state_hash(folder.read_version(version).edited) == hashes[version]
    assert folder.versions()[0].last_edit == an_edited(6).history.undo_name
    assert folder.versions()[0].saved_at.startswith("20")
    assert len(list((folder.path / "versions").iterdir())) == 5
    plain = folder.path / "plain.json"
    for version in versions:
        plain.write_text(f"{version}")
    control = [version for version in versions if plain.read_text() == f"{version}"]
    record(
        "R5",
        what="previous versions of project.json after eight saves",
        count=8,
        failures=5 - len(versions),
        figure=f"{len(versions)} reachable and bit-equal",
        control=f"a plain file written over: {len(control)} reachable",
        control_failed=len(control) < 5,
    )


def test_a_newer_schema_is_refused_and_its_bytes_stay(folder):
    folder.commit(an_edited(), 0)
    changed_file(folder, schema=SCHEMA + 1, saved_by="9.0", invented="later")
    before = hashlib.sha256(folder.file.read_bytes()).digest()
    with pytest.raises(ProjectError, match=r"newer DrumStudio \(9.0\)"):
        folder.read()
    kept = hashlib.sha256(folder.file.read_bytes()).digest() == before
    control = _read_and_saved_by_trust(folder.file.read_bytes())
    record(
        "R8",
        what="a project of a newer schema is opened; one of every released schema round-trips",
        count=1,
        failures=int(not kept),
        figure="refused, bytes unchanged",
        control="a reader that ignores the version and saves what it knows: bytes changed",
        control_failed=control != folder.file.read_bytes(),
    )
    assert kept
    assert control != folder.file.read_bytes()


def _read_and_saved_by_trust(data):
    known = {"format", "schema", "saved_by", "saved_at", "generation", "project", "history"}
    plain = {key: value for key, value in json.loads(data).items() if key in known}
    return json.dumps(plain).encode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "other"}, "not a DrumStudio project"),
        ({"schema": "1"}, "which version"),
        ({"schema": 0}, "which version"),
        ({"schema": True}, "which version"),
        ({"generation": 0}, "generation"),
        ({"generation": 2**60}, "generation"),
        ({"generation": 2**53}, "generation"),
        ({"generation": 10**9 + 1}, "generation"),
        ({"generation": 1.5}, "generation"),
        ({"extra": 1}, "extra"),
        ({"project": None}, "must be an object"),
        ({"project": {"id": "x"}}, "id must look like"),
    ],
    ids=str,
)
def test_what_is_no_project_is_refused_with_the_reason(folder, changes, reason):
    folder.commit(an_edited(), 0)
    changed_file(folder, **changes)
    with pytest.raises(ProjectError, match=reason):
        folder.read()


def test_a_project_that_can_not_count_further_is_refused_before_it_breaks(folder):
    folder.commit(an_edited(), 0)
    changed_file(folder, generation=10**9)
    before = folder.file.read_bytes()
    assert folder.read().generation == 10**9
    with pytest.raises(ProjectError, match="another name"):
        folder.commit(an_edited(3), folder.read().generation)
    assert folder.file.read_bytes() == before


def test_versions_with_numbers_of_the_future_push_no_earlier_save_out(folder):
    folder.commit(an_edited(), 0)
    for number in (10**8, 10**8 + 1, 10**9, 10**16 - 1, 0):
        shutil.copy(folder.file, folder.path / "versions" / f"project-{number}.json")
    generation = 1
    for number in range(7):
        generation = folder.commit(an_edited(number), generation)
    found = [version.generation for version in folder.versions()]
    assert found == [10**8 + 1, 10**8, 7, 6, 5, 4, 3]
    folder.file.write_bytes(b"damaged")
    folder.replace_damaged(an_edited(2))
    assert folder.read().generation > generation


def test_a_damaged_project_names_the_versions_to_go_back_to(folder):
    generation = folder.commit(an_edited(), 0)
    folder.commit(an_edited(3), generation)
    folder.file.write_bytes(folder.file.read_bytes()[:500])
    with pytest.raises(ProjectError, match="damaged") as caught:
        folder.read()
    assert "1" in caught.value.fix


def test_a_damaged_history_costs_the_history_only(folder):
    edited = an_edited()
    folder.commit(edited, 0)
    changed_file(folder, history={"position": 99, "commands": []})
    saved = folder.read()
    assert saved.edited == Edited(edited.project)
    assert "history" in saved.notes[0]


def test_a_project_longer_than_the_limit_is_neither_read_nor_written(folder, monkeypatch):
    folder.commit(an_edited(), 0)
    with folder.file.open("ab") as file:
        file.write(b" " * LIMIT_BYTES)
    with pytest.raises(ProjectError, match=r"longer than 5\.0 MB"):
        folder.read()
    monkeypatch.setattr(project_folder, "LIMIT_BYTES", 400)
    with pytest.raises(ProjectError, match="grown"):
        folder.commit(an_edited(), 0)


def test_where_the_limit_is_near_the_oldest_steps_of_undo_are_left_out(folder, monkeypatch):
    edited = an_edited(200)
    folder.commit(edited, 0)
    size = folder.file.stat().st_size
    monkeypatch.setattr(project_folder, "LIMIT_BYTES", size - 5_000)
    folder.commit(edited, 0)
    saved = folder.read()
    kept = saved.edited.history
    assert folder.file.stat().st_size <= size - 5_000
    assert saved.edited.project == edited.project
    assert kept.commands == edited.history.commands[-len(kept.commands) :]
    assert 100 < len(kept.commands) < 200


def test_a_link_out_of_the_folder_is_not_followed(folder, tmp_path):
    folder.commit(an_edited(), 0)
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("media", "separations", "strokes", "versions", "discarded"):
        shutil.rmtree(folder.path / name)
        (folder.path / name).symlink_to(outside)
        with pytest.raises(ProjectError, match=name):
            folder.read()
        (folder.path / name).unlink()
        (folder.path / name).mkdir()
    folder.file.rename(outside / "project.json")
    folder.file.symlink_to(outside / "project.json")
    with pytest.raises(ProjectError):
        folder.read()


def test_a_folder_that_is_no_project_says_so(tmp_path):
    with pytest.raises(ProjectError, match="is not a project"):
        ProjectFolder(tmp_path).read()
    with pytest.raises(ProjectError, match="is not a project"):
        ProjectFolder(tmp_path / "none.drumstudio").read()


def test_a_name_that_is_taken_is_not_taken_again(folder, tmp_path):
    folder.commit(an_edited(), 0)
    with pytest.raises(ProjectError, match="there already"):
        ProjectFolder(folder.path).create()
    (tmp_path / "file.drumstudio").write_text("mine")
    with pytest.raises(ProjectError, match="there already"):
        ProjectFolder(tmp_path / "file.drumstudio").create()


def test_what_is_discarded_is_moved_aside_and_never_overwritten(folder):
    for number in range(3):
        folder.journal_path.write_text(str(number))
        folder.discard(folder.journal_path)
    kept = sorted(path.read_text() for path in (folder.path / "discarded").iterdir())
    assert kept == ["0", "1", "2"]
    assert folder.discard(folder.journal_path) is None


_CALLS = ("create_file", "open_file", "write_all", "sync", "close", "replace", "sync_folder")


@pytest.mark.parametrize("for_ever", [False, True])
def test_a_failing_call_leaves_the_old_project_or_the_new_one(folder, monkeypatch, for_ever):
    old, new = an_edited(3), an_edited(9)
    folder.commit(old, 0)
    folder.commit(old, 1)
    states = {state_hash(old), state_hash(new)}
    outcomes = set()
    for k in range(60):
        count = [0]
        with monkeypatch.context() as patched:
            for name in _CALLS:
                patched.setattr(atomic, name, _failing(getattr(atomic, name), k, count, for_ever))
            try:
                folder.commit(new, 2)
                outcomes.add("saved")
            except ProjectError:
                outcomes.add("refused")
        assert state_hash(folder.read().edited) in states, k
        assert not [path for path in folder.path.rglob("*.partial")], k
        if count[0] <= k:
            break
        folder.commit(old, 1)
    assert outcomes == {"saved", "refused"}


def _failing(function, k, count, for_ever):
    def call(*arguments):
        count[0] += 1
        if count[0] - 1 == k or (for_ever and count[0] - 1 > k):
            raise OSError(5, "Input/output error")
        return function(*arguments)

    return call
