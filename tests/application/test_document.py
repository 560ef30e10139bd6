"""The open project: edits are undone, saved, copied and brought back exactly."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import threading

import pytest

from drumstudio import atomic, paths
from drumstudio.application import autosave
from drumstudio.application.document import Document
from drumstudio.application.recovery import unsaved_folder
from drumstudio.core.errors import Cancelled, DiskFullError, ProjectError
from drumstudio.core.song import StrokeLayer, new_id
from drumstudio.files import lock, verified
from drumstudio.files.blob_file import write_blob
from drumstudio.files.project_folder import ProjectFolder
from tests.projects import a_song, project_hash, random_command, state_hash


@pytest.fixture
def document(tmp_path):
    with Document.create(tmp_path / "Project") as document:
        yield document


def edit_at_random(document, count=10, seed=1):
    generator = random.Random(f"{seed} {count}")
    for _ in range(count):
        document.perform(random_command(document.project, generator))


def state(document):
    return state_hash(document._edited)


def add_song(document, sound=b"sound", name="Song"):
    """Add a song whose media is a small file of any content."""
    with document.media.incoming("media") as incoming:
        incoming.write_bytes(sound)
        sha256, size = document.media.keep(incoming, "media")
    plain = a_song(random.Random(name), name)
    media = type(plain.mixture)(sha256, size, 44_100, 2, 100)
    song = type(plain)(plain.id, name, f"{name}.wav", media)
    with document.command(f"Add {name}") as edit:
        edit.insert(("songs",), song)
    return song


def test_a_command_is_one_step_however_many_changes_it_makes(document):
    song = add_song(document)
    with document.command("Mix") as edit:
        edit.set(("songs", song.id, "amount"), 0.5)
        edit.set(("songs", song.id, "name"), "Other")
    assert document.history.undo_name == "Mix"
    document.undo()
    assert document.project.song(song.id) == song
    assert document.history.redo_name == "Mix"
    document.redo()
    assert document.project.song(song.id).name == "Other"


def test_a_command_that_fails_half_way_changes_nothing(document):
    song = add_song(document)
    before = state(document)

    def fail_half_way():
        with document.command("Wrong") as edit:
            edit.set(("songs", song.id, "amount"), 0.5)
            edit.set(("songs", song.id, "loudness"), 0.5)

    with pytest.raises(ValueError, match="no field"):
        fail_half_way()
    assert state(document) == before


def test_a_command_that_changes_nothing_is_no_step(document):
    with document.command("Nothing"):
        pass
    assert document.history.undo_name is None
    assert not document.is_modified


def test_listeners_hear_of_every_change_and_save(document):
    heard = []
    document.changed.connect(lambda: heard.append("changed"))
    document.saved.connect(lambda: heard.append("saved"))
    add_song(document)
    document.undo()
    document.redo()
    document.save()
    assert heard == ["changed", "changed", "changed", "saved"]


def test_save_and_open_keep_project_and_history(document):
    edit_at_random(document, 50)
    document.undo()
    assert document.is_modified
    document.save()
    assert not document.is_modified
    kept, path = state(document), document.folder.path
    document.close()
    with Document.open(path) as again:
        assert state(again) == kept
        assert (again.recovered_edits, again.notes, again.generation) == (0, (), 2)
        again.redo()
        again.undo()
        assert state(again) == kept


def test_undo_back_to_what_was_saved_is_not_modified(document):
    edit_at_random(document, 3)
    document.save()
    edit_at_random(document, 1, seed=2)
    assert document.is_modified
    document.undo()
    assert not document.is_modified


def test_unsaved_edits_come_back_with_their_undo_and_in_order(document):
    edit_at_random(document, 5)
    document.save()
    edit_at_random(document, 7, seed=2)
    document.undo()
    document.undo()
    document.redo()
    kept = state(document)
    document.close()
    with Document.open(document.folder.path) as again:
        assert state(again) == kept
        assert again.recovered_edits == 10
        assert again.is_modified
        edit_at_random(again, 2, seed=3)
        kept = state(again)
    with Document.open(document.folder.path) as once_more:
        assert state(once_more) == kept
        assert once_more.recovered_edits == 12


def test_a_save_ends_the_journal_and_nothing_is_done_twice(document):
    edit_at_random(document, 5)
    document.save()
    kept = state(document)
    document.close()
    with Document.open(document.folder.path) as again:
        assert again.recovered_edits == 0
        assert state(again) == kept


def test_discard_means_the_saved_state_and_deletes_nothing(document):
    edit_at_random(document, 5)
    document.save()
    kept = state(document)
    edit_at_random(document, 5, seed=2)
    document.close()
    journal = document.folder.journal_path.read_bytes()
    with Document.open(document.folder.path, recover=False) as again:
        assert state(again) == kept
        assert again.recovered_edits == 0
        edit_at_random(again, 3, seed=3)
        again.flush()
        again.discard_edits()
        assert state(again) == kept
        discarded = list((document.folder.path / "discarded").iterdir())
        assert len(discarded) == 2
        assert any(path.read_bytes() == journal for path in discarded)
    with Document.open(document.folder.path) as once_more:
        assert (state(once_more), once_more.recovered_edits) == (kept, 0)


def test_a_damaged_journal_costs_only_what_stands_behind_the_damage(document):
    edit_at_random(document, 4)
    kept = state(document)
    edit_at_random(document, 4, seed=2)
    document.close()
    path = document.folder.journal_path
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:4], b"{torn", *lines[5:]]))
    damaged = path.read_bytes()
    with Document.open(document.folder.path) as again:
        assert state(again) == kept
        assert "damaged" in again.notes[0]
        (aside,) = (document.folder.path / "discarded").iterdir()
        assert aside.read_bytes() == damaged
        edit_at_random(again, 1, seed=3)
        kept = state(again)
    with Document.open(document.folder.path) as once_more:
        assert (state(once_more), once_more.notes) == (kept, ())


def test_a_journal_line_that_no_longer_fits_ends_the_replay(document):
    edit_at_random(document, 6)
    document.close()
    from drumstudio.files.journal import Journal

    document.folder.journal_path.unlink()
    journal = Journal(document.folder.journal_path, document.project.id, 1)
    commands = [command.to_plain() for command in document.history.commands]
    journal.append([{"do": commands[0]}, {"jump": True}, {"do": commands[1]}])
    journal.close()
    with Document.open(document.folder.path) as again:
        assert again.recovered_edits == 1
        assert again.history.commands == document.history.commands[:1]


def test_a_second_window_reads_and_the_first_writes(document):
    edit_at_random(document, 3)
    document.save()
    saved = state(document)
    edit_at_random(document, 3, seed=2)
    document.flush()
    with Document.open(document.folder.path) as second:
        assert second.is_read_only
        assert "another window" in second.notes[0]
        assert state(second) == saved
        for refused in (second.save, second.undo, lambda: edit_at_random(second)):
            with pytest.raises(ProjectError, match="another window"):
                refused()
        with pytest.raises(ProjectError, match="another window"):
            second.require_writable("Cannot add songs")
    assert not document.is_read_only
    document.save()


def test_a_copy_saved_from_a_read_only_window_can_be_edited(document, tmp_path):
    add_song(document, b"sound")
    document.save()
    with Document.open(document.folder.path) as second:
        second.save_as(tmp_path / "Copy")
        assert not second.is_read_only
        edit_at_random(second, 3)
        second.save()
    assert not document.media.missing(document.project)
    with Document.open(tmp_path / "Copy.drumstudio") as copy:
        assert not copy.is_read_only
        assert not copy.media.missing(copy.project)


def test_the_lock_is_given_back_by_close(document):
    document.close()
    with Document.open(document.folder.path) as again:
        assert not again.is_read_only
    document.close()


def test_a_project_in_a_read_only_folder_opens_to_read(document, monkeypatch):
    document.close()

    def refuse(path, flags=os.O_RDONLY):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(lock, "open_plain", refuse)
    with Document.open(document.folder.path) as again:
        assert again.is_read_only
        assert "permission" in again.notes[0]
        with pytest.raises(ProjectError, match="permission"):
            again.save()


def test_save_as_copies_everything_and_leaves_the_old_project_as_it_was_saved(document, tmp_path):
    song = add_song(document, b"first")
    stroke = write_blob(document.folder.path / "strokes", 1, b"stroke")
    with document.command("Paint") as edit:
        edit.insert(("songs", song.id, "layers"), StrokeLayer(new_id(), "L", strokes=(stroke,)))
    document.save()
    saved, old = state(document), document.folder.path
    removed = add_song(document, b"second", "Removed")
    document.undo()
    edit_at_random(document, 3)
    kept = state(document)
    document.save_as(tmp_path / "sub.drumstudio")
    assert document.folder.path == tmp_path / "sub.drumstudio"
    assert (state(document), document.is_modified) == (kept, False)
    edit_at_random(document, 1, seed=9)
    kept = state(document)
    document.close()
    with Document.open(old) as before:
        assert (state(before), before.recovered_edits, before.notes) == (saved, 0, ())
        assert not before.media.missing(before.project)
    with Document.open(tmp_path / "sub.drumstudio") as after:
        assert (state(after), after.recovered_edits) == (kept, 1)
        assert after.media.mixture_file(song).read_bytes() == b"first"
        assert not os.path.samefile(after.media.mixture_file(song), before.media.mixture_file(song))
    assert removed.mixture.sha256


def test_save_as_copies_what_only_undo_needs(document, tmp_path):
    song = add_song(document, b"sound")
    with document.command("Remove") as edit:
        edit.remove(("songs",), song.id)
    document.save_as(tmp_path / "Copy")
    document.undo()
    assert document.media.mixture_file(song).read_bytes() == b"sound"


def test_save_as_does_not_write_over_anything(document, tmp_path):
    (tmp_path / "Mine.drumstudio").mkdir()
    (tmp_path / "Mine.drumstudio" / "thesis").write_text("precious")
    with pytest.raises(ProjectError, match="there already"):
        document.save_as(tmp_path / "Mine")
    assert (tmp_path / "Mine.drumstudio" / "thesis").read_text() == "precious"
    edit_at_random(document, 1)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), Cancelled()], ids=str)
def test_save_as_that_fails_leaves_nothing_and_the_project_goes_on(
    document, tmp_path, monkeypatch, error
):
    add_song(document)

    def refuse(*_):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", refuse)
        with pytest.raises((DiskFullError, Cancelled)):
            document.save_as(tmp_path / "Copy")
    assert [path.name for path in tmp_path.iterdir()] == ["Project.drumstudio"]
    edit_at_random(document, 2)
    document.save()


def test_a_project_without_a_name_moves_when_it_gets_one(tmp_path):
    document = Document.new()
    assert document.is_never_saved
    song = add_song(document)
    with pytest.raises(ProjectError, match="no name yet"):
        document.save()
    document.save_as(tmp_path / "Named")
    assert not document.is_never_saved
    assert list(unsaved_folder().iterdir()) == []
    document.close()
    with Document.open(tmp_path / "Named.drumstudio") as again:
        assert again.media.mixture_file(song).read_bytes() == b"sound"


def test_a_file_on_its_way_in_arrives_where_the_project_has_moved_to(tmp_path):
    document = Document.new()
    with document.media.incoming("media") as incoming:
        incoming.write_bytes(b"half")
        document.save_as(tmp_path / "Named")
        assert incoming.exists()
        incoming.write_bytes(b"whole")
        sha256, _ = document.media.keep(incoming, "media")
    assert document.media.path("media", sha256).read_bytes() == b"whole"
    assert document.media.path("media", sha256).is_relative_to(tmp_path)
    assert list(unsaved_folder().iterdir()) == []
    document.close()


def test_a_file_that_came_in_just_before_is_copied_though_nothing_refers_to_it_yet(tmp_path):
    document = Document.new()
    with document.media.incoming("media") as incoming:
        incoming.write_bytes(b"sound")
        sha256, _ = document.media.keep(incoming, "media")
    document.save_as(tmp_path / "Named")
    assert document.media.path("media", sha256).read_bytes() == b"sound"
    document.close()


def test_a_project_without_a_name_and_without_an_edit_leaves_nothing():
    Document.new().close()
    assert list(unsaved_folder().iterdir()) == []


def test_going_back_to_an_earlier_save_loses_nothing(document):
    states = {}
    for number in range(3):
        edit_at_random(document, 2, seed=number)
        document.save()
        states[document.generation] = project_hash(document.project)
    edit_at_random(document, 1, seed=9)
    unsaved = project_hash(document.project)
    document.restore_version(2)
    assert project_hash(document.project) == states[2]
    versions = [version.generation for version in document.folder.versions()]
    document.restore_version(versions[0])
    assert project_hash(document.project) == unsaved


def test_a_damaged_project_goes_back_to_an_earlier_save(document):
    edit_at_random(document, 2)
    document.save()
    kept = project_hash(document.project)
    edit_at_random(document, 2, seed=2)
    document.save()
    edit_at_random(document, 2, seed=3)
    document.close()
    path = document.folder.path
    document.folder.file.write_bytes(b"garbage")
    with pytest.raises(ProjectError, match="damaged"):
        Document.open(path)
    with Document.open_version(path, 2) as again:
        assert project_hash(again.project) == kept
        assert again.recovered_edits == 0
        edit_at_random(again, 1, seed=4)
        again.save()
    aside = [file.read_bytes() for file in (path / "discarded").iterdir()]
    assert b"garbage" in aside
    with Document.open(path) as once_more:
        assert not once_more.notes


def test_edits_from_many_threads_are_all_there(document):
    song = add_song(document)

    def paint(seed):
        generator = random.Random(seed)
        for _ in range(25):
            layer = StrokeLayer(f"{generator.getrandbits(48):012x}", "Layer")
            with document.command("Layer") as edit:
                edit.insert(("songs", song.id, "layers"), layer)

    threads = [threading.Thread(target=paint, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = state(document)
    document.close()
    with Document.open(document.folder.path) as again:
        assert state(again) == kept
        assert len(again.project.song(song.id).layers) == 100


def test_a_full_disk_is_told_once_and_the_edits_are_written_when_there_is_room(
    document, monkeypatch
):
    monkeypatch.setattr(autosave, "RETRY_SECONDS", 0.01)
    told = []
    document.autosave_failed.connect(told.append)

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write_all", refuse)
        edit_at_random(document, 5)
        with pytest.raises(DiskFullError):
            document.flush()
        with pytest.raises(DiskFullError):
            document.save()
        assert document.is_modified
    document.flush()
    kept = state(document)
    assert 1 <= len(told) <= 2
    assert isinstance(told[0], DiskFullError)
    document.close()
    with Document.open(document.folder.path) as again:
        assert state(again) == kept


def test_a_save_whose_last_step_fails_does_not_cost_the_edits_after_it(document, monkeypatch):
    edit_at_random(document, 3)

    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "sync_folder", refuse)
        with pytest.raises(ProjectError):
            document.save()
    edit_at_random(document, 3, seed=2)
    kept = state(document)
    document.close()
    with Document.open(document.folder.path) as again:
        assert state(again) == kept


def test_nothing_is_cleaned_that_undo_a_version_or_an_import_still_needs(document):
    def put(content):
        with document.media.incoming("media") as incoming:
            incoming.write_bytes(content)
            return document.media.keep(incoming, "media")[0]

    song = add_song(document, b"in the project")
    document.save()
    stray = document.media.path("media", "0" * 64)
    stray.write_bytes(b"stray")
    arriving = put(b"just arrived")
    with document.command("Remove") as edit:
        edit.remove(("songs",), song.id)
    assert document.delete_unreferenced() == (1, 5)
    assert not stray.exists()
    assert document.media.path("media", arriving).exists()
    document.undo()
    assert document.media.mixture_file(song).exists()


def test_a_missing_file_is_named_and_does_not_keep_the_project_from_opening(document):
    song = add_song(document)
    document.save()
    document.media.mixture_file(song).unlink()
    (missing,) = document.media.missing(document.project)
    assert missing.needed_by == "Song"
    with pytest.raises(ProjectError, match="relink"):
        document.media.mixture_file(song)
    document.close()
    with Document.open(document.folder.path) as again:
        assert len(again.media.missing(again.project)) == 1


def test_a_link_in_the_place_of_a_sound_is_missing(document, tmp_path):
    song = add_song(document)
    path = document.media.mixture_file(song)
    path.rename(tmp_path / "outside.wav")
    path.symlink_to(tmp_path / "outside.wav")
    assert document.media.missing(document.project)
    with pytest.raises(ProjectError):
        document.media.mixture_file(song)


def test_a_changed_sound_is_found_by_its_content(document):
    song = add_song(document, b"sound")
    assert document.media.damaged(document.project, lambda *_: None) == []
    document.media.mixture_file(song).write_bytes(b"sOund")
    assert not document.media.missing(document.project)
    (damaged,) = document.media.damaged(document.project, lambda *_: None)
    assert damaged.sha256 == song.mixture.sha256


def test_a_sound_of_the_right_size_and_another_content_is_not_played(document):
    song = add_song(document, b"sound")
    path = document.media.mixture_file(song)
    found = path.stat()
    path.write_bytes(b"sOund")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))  # as if nobody had been there
    with pytest.raises(ProjectError, match="not what its name says") as caught:
        document.media.mixture_file(song)
    assert "relink" in caught.value.fix
    path.write_bytes(b"sound")
    assert document.media.mixture_file(song) == path


def test_a_sound_is_read_whole_once_and_then_remembered_by_the_next_program_too(
    document, monkeypatch
):
    song = add_song(document, b"sound")
    read = []
    monkeypatch.setattr(verified, "file_sha256", lambda path: read.append(path) or "damaged")
    monkeypatch.setattr(document.media, "_verified", verified.Verified())
    for _ in range(2):
        with pytest.raises(ProjectError):
            document.media.mixture_file(song)
    other = verified.Verified()
    assert other.sha256(document.media.path("media", song.mixture.sha256)) == "damaged"
    assert len(read) == 1


@pytest.mark.parametrize("kept", [b"", b"[]", b"{", b'{"a": 1}', b"[" * 1_000], ids=repr)
def test_a_damaged_memory_of_sounds_is_no_memory(document, kept):
    song = add_song(document, b"sound")
    memory = paths.user_cache_folder() / "verified.json"
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_bytes(kept)
    assert document.media.mixture_file(song).read_bytes() == b"sound"
    assert song.mixture.sha256 in memory.read_text()


def test_a_project_at_the_end_of_its_count_is_saved_under_another_name(tmp_path):
    with Document.create(tmp_path / "Old") as document:
        folder = document.folder
    plain = json.loads(folder.file.read_text())
    folder.file.write_text(json.dumps({**plain, "generation": 10**9}))
    with Document.open(folder.path) as document:
        add_song(document)
        with pytest.raises(ProjectError, match="another name"):
            document.save()
        document.save_as(tmp_path / "New")
        document.save()
    with Document.open(tmp_path / "New.drumstudio") as document:
        assert len(document.project.songs) == 1


def test_an_earlier_version_never_replaces_what_a_newer_program_saved(tmp_path):
    with Document.create(tmp_path / "P") as document:
        add_song(document)
        document.save()
        folder = document.folder
    plain = json.loads(folder.file.read_text())
    folder.file.write_text(json.dumps({**plain, "schema": plain["schema"] + 1}))
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    with pytest.raises(ProjectError, match="newer DrumStudio"):
        Document.open_version(folder.path, 1)
    after = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    assert after == before


def test_what_a_killed_import_left_is_removed_when_the_project_opens(document):
    document.close()
    left = document.folder.path / "media" / ".incoming.0123456789ab.partial"
    left.write_bytes(b"half")
    with Document.open(document.folder.path):
        assert not left.exists()


def test_a_project_of_a_released_schema_opens_and_round_trips(tmp_path):
    fixture = os.path.join(os.path.dirname(__file__), "..", "fixtures", "schema_1.drumstudio")
    shutil.copytree(fixture, tmp_path / "Old.drumstudio")
    plain = json.loads((tmp_path / "Old.drumstudio" / "project.json").read_text("utf-8"))
    with Document.open(tmp_path / "Old.drumstudio") as document:
        assert document.notes == ()
        assert document.recovered_edits == 2
        assert len(document.project.songs) == len(plain["project"]["songs"]) == 3
        document.save()
        kept = state(document)
        while document.history.undo_name:
            document.undo()
    with Document.open(tmp_path / "Old.drumstudio") as again:
        while again.history.redo_name:
            again.redo()
        assert project_hash(again.project)
        again.discard_edits()
        assert state(again) == kept
    assert [v.generation for v in ProjectFolder(tmp_path / "Old.drumstudio").versions()] == [2, 1]


def test_where_there_is_no_room_a_project_takes_nothing_until_it_is_saved_elsewhere(tmp_path):
    document = Document.unwritable("The disk is full.")
    assert document.is_read_only
    with pytest.raises(ProjectError, match="disk is full"), document.command("Add") as edit:
        edit.insert(("songs",), a_song(random.Random(1), "Song"))
    document.save_as(tmp_path / "Elsewhere")
    assert not document.is_read_only
    with document.command("Add") as edit:
        edit.insert(("songs",), a_song(random.Random(1), "Song"))
    document.close()
    with Document.open(tmp_path / "Elsewhere.drumstudio") as again:
        assert [song.name for song in again.project.songs] == ["Song"]


def test_edits_do_not_wait_for_a_copy_and_are_in_it(document, tmp_path):
    add_song(document, b"first", "First")
    reached, go_on = threading.Event(), threading.Event()

    def checkpoint(fraction, message):
        reached.set()
        assert go_on.wait(20)

    def save():
        document.save_as(tmp_path / "Copy", checkpoint)

    saver = threading.Thread(target=save)
    saver.start()
    assert reached.wait(20)
    add_song(document, b"second", "Second")  # would wait for ever if it waited for the copy
    assert not (tmp_path / "Copy.drumstudio").exists()
    go_on.set()
    saver.join(20)
    names = [song.name for song in document.project.songs]
    assert names == ["First", "Second"]
    assert document.media.missing(document.project) == []
    document.close()
    with Document.open(tmp_path / "Copy.drumstudio") as again:
        assert [song.name for song in again.project.songs] == names
        assert again.media.missing(again.project) == []
