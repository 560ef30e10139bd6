"""Undo and redo are exact: whatever was done, in whatever order."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from drumstudio.core.history import (
    MAX_COMMANDS,
    MAX_HISTORY_BYTES,
    Assign,
    Command,
    Edit,
    Edited,
    Splice,
    command_from_plain,
    history_from_plain,
)
from drumstudio.core.plain import from_plain, to_plain
from drumstudio.core.song import Lane, Project
from tests.projects import a_project, a_song, project_hash, random_command, state_hash
from tests.promises import counts, record


def edited_by(commands, seed=3):
    generator = random.Random(seed)
    edited = Edited(a_project(2))
    for _ in range(commands):
        edited = edited.perform(random_command(edited.project, generator))
    return edited


def gain(edited, value):
    edit, song = Edit(edited.project), edited.project.songs[0]
    if all(lane.stem != "drums" for lane in song.lanes):
        edit.insert(("songs", song.id, "lanes"), Lane("drums"))
    edit.set(("songs", song.id, "lanes", "drums", "strip", "gain_db"), value)
    return edit.command(f"Set gain to {value}")


def test_undo_goes_back_through_everything_and_redo_comes_back():
    edited = Edited(a_project(2))
    generator = random.Random(1)
    hashes = [project_hash(edited.project)]
    for _ in range(300):
        edited = edited.perform(random_command(edited.project, generator))
        hashes.append(project_hash(edited.project))
    for expected in reversed(hashes[:-1]):
        edited = edited.undo()
        assert project_hash(edited.project) == expected
    with pytest.raises(ValueError, match="nothing to undo"):
        edited.undo()
    for expected in hashes[1:]:
        edited = edited.redo()
        assert project_hash(edited.project) == expected
    with pytest.raises(ValueError, match="nothing to redo"):
        edited.redo()


def test_an_edit_after_undo_ends_what_could_be_redone():
    edited = edited_by(5).undo().undo()
    assert edited.history.redo_name is not None
    edited = edited.perform(gain(edited, -7.5))
    assert edited.history.redo_name is None
    assert edited.history.undo_name == "Set gain to -7.5"
    assert len(edited.history.commands) == 4


def test_the_same_value_again_is_no_change():
    edit = Edit(a_project(1))
    edit.set(("songs", edit.project.songs[0].id, "amount"), 0.0)
    assert edit.command("Nothing").changes == ()


def test_an_edit_shares_what_it_did_not_touch():
    edited = edited_by(0)
    changed = edited.perform(gain(edited, 3.0))
    assert changed.project.songs[1] is edited.project.songs[1]
    assert changed.project.songs[0].mixture is edited.project.songs[0].mixture


@pytest.mark.parametrize(
    "change",
    [
        Assign((), None, None),
        Assign(("id",), "0" * 12, "1" * 12),
        Assign(("nothing",), 1, 2),
        Assign(("sample_rate",), 1, 2),
        Assign(("sample_rate",), 44_100, "fast"),
        Assign(("sample_rate", "deeper"), 1, 2),
        Assign(("songs",), [], 7),
        Assign(("songs", "0" * 12, "name"), "a", "b"),
        Splice(("sample_rate",), 0, (), ()),
        Splice(("songs",), 5, (), ()),
        Splice(("songs",), -1, (), ()),
        Splice(("songs",), 0, ({"id": "0" * 12},), ()),
        Splice(("songs",), 0, (), ({"id": "0" * 12},)),
        Splice(("tracks",), 0, (), ("a",)),
    ],
    ids=str,
)
def test_a_command_that_does_not_fit_is_refused(change):
    edited = edited_by(0)
    with pytest.raises(ValueError):  # noqa: PT011 (each has its own message)
        edited.perform(Command("Wrong", (change,)))


def test_the_id_of_a_song_can_not_be_changed():
    project = a_project(1)
    song = project.songs[0]
    with pytest.raises(ValueError, match="can not be changed"):
        Command("x", (Assign(("songs", song.id, "id"), song.id, "0" * 12),)).apply(project)


def test_a_song_goes_to_another_place_and_back():
    edited = Edited(a_project(3))
    edit = Edit(edited.project)
    first = edited.project.songs[0]
    edit.move(("songs",), first.id, 2)
    moved = edited.perform(edit.command("Move Song"))
    assert [song.id for song in moved.project.songs][2] == first.id
    assert moved.undo().project == edited.project


def test_a_history_survives_its_plain_form():
    edited = edited_by(200).undo().undo()
    plain = json.loads(json.dumps(edited.history.to_plain()))
    history = history_from_plain(plain)
    assert history == edited.history
    again = Edited(from_plain(Project, to_plain(edited.project)), history)
    assert state_hash(again.redo().redo()) == state_hash(edited.redo().redo())


def test_a_thousand_commands_fit_far_into_what_a_history_may_take():
    edited = edited_by(1_000)
    assert len(edited.history.commands) == 1_000
    assert sum(edited.history.sizes) < MAX_HISTORY_BYTES / 3


def test_beyond_its_limits_the_oldest_steps_are_forgotten():
    edited = Edited(a_project(1))
    for number in range(60):
        edit = Edit(edited.project)
        name = f"{number:02d}" + "n" * 290
        song = edited.project.songs[0]
        for step in range(40):
            edit.set(("songs", song.id, "notes"), (f"{number} {step} " + "x" * 1900,))
        edit.set(("songs", song.id, "name"), name)
        edited = edited.perform(edit.command(f"Step {number}"))
    assert sum(edited.history.sizes) <= MAX_HISTORY_BYTES
    assert 10 < len(edited.history.commands) < 60
    assert edited.history.undo_name == "Step 59"
    for _ in range(len(edited.history.commands)):
        edited = edited.undo()
    assert edited.history.position == 0
    assert len(edited.history.commands) < MAX_COMMANDS


def test_a_command_larger_than_any_history_is_refused():
    edited = Edited(a_project(1))
    songs = [a_song(random.Random(n), "x" * 290) for n in range(900)]
    edit = Edit(edited.project)
    for song in songs:
        edit.insert(("songs",), song)
    command = edit.command("Add many")
    assert edited.perform(command).project.songs[1:] == tuple(songs)
    with pytest.raises(ValueError, match="a command may have"):
        edited.perform(Command("Twice as many", (command.changes + command.inverse().changes) * 4))


@pytest.mark.parametrize(
    "plain",
    [
        None,
        [],
        {"position": 0},
        {"position": 1, "commands": []},
        {"position": -1, "commands": []},
        {"position": True, "commands": []},
        {"position": 0, "commands": [{}]},
        {"position": 0, "commands": [{"name": 1, "changes": []}]},
        {"position": 0, "commands": [{"name": "x", "changes": [{"at": "songs"}]}]},
        {"position": 0, "commands": [{"name": "x", "changes": [{"at": ["a"], "before": 1}]}]},
        {"position": 0, "commands": [{"name": "x" * 301, "changes": []}]},
        {"position": 0, "commands": [{"name": "x", "changes": []}] * 10_001},
    ],
    ids=lambda plain: str(plain)[:40],
)
def test_a_history_that_is_none_is_refused(plain):
    with pytest.raises(ValueError):  # noqa: PT011 (each has its own message)
        history_from_plain(plain)


def test_steps_that_do_not_fit_the_project_are_forgotten_and_the_others_stay():
    edited = edited_by(10)
    for _ in range(3):
        edited = edited.undo()
    plain = edited.history.to_plain()
    plain["commands"][2]["changes"] = [{"at": ["sample_rate"], "before": 1, "after": 2}]
    plain["commands"][9]["changes"] = [{"at": ["nowhere"], "before": 1, "after": 2}]
    mended = Edited(edited.project, history_from_plain(plain)).checked()
    assert [len(mended.history.commands), mended.history.position] == [6, 4]
    for _ in range(4):
        mended = mended.undo()
    for _ in range(6):
        mended = mended.redo()


def test_a_sound_history_is_left_alone():
    edited = edited_by(50).undo()
    assert edited.checked() is edited


def test_the_files_that_undo_needs_are_known():
    edited = edited_by(100)
    needed = {song.mixture.sha256 for song in a_project(2).songs} | set(edited.history.hashes())
    while edited.history.position:
        edited = edited.undo()
        for song in edited.project.songs:
            assert song.mixture.sha256 in needed
    assert command_from_plain(edited.history.commands[0].to_plain()) == edited.history.commands[0]


class AnyOrder(RuleBasedStateMachine):
    """Edit, undo, redo, save and load in any order; every state is known by its hash."""

    def __init__(self):
        super().__init__()
        self.edited = Edited(a_project(2))
        self.hashes = [project_hash(self.edited.project)]
        self.edits = 0

    @rule(seed=st.integers(0, 2**32))
    def edit(self, seed):
        self.edits += 1  # two edits of one seed make parts with different ids
        command = random_command(self.edited.project, random.Random(f"{seed} {self.edits}"))
        position = self.edited.history.position
        self.edited = self.edited.perform(command)
        self.hashes = [*self.hashes[: position + 1], project_hash(self.edited.project)]

    @precondition(lambda self: self.edited.history.position)
    @rule()
    def undo(self):
        self.edited = self.edited.undo()

    @precondition(lambda self: self.edited.history.redo_name)
    @rule()
    def redo(self):
        self.edited = self.edited.redo()

    @rule()
    def save_and_load(self):
        plain = json.dumps([to_plain(self.edited.project), self.edited.history.to_plain()])
        project, history = json.loads(plain)
        loaded = Edited(from_plain(Project, project), history_from_plain(history))
        assert loaded.checked() is loaded
        self.edited = loaded

    @rule()
    def cancel(self):
        edit = Edit(self.edited.project)
        for song in self.edited.project.songs:
            edit.set(("songs", song.id, "amount"), 0.25)

    @invariant()
    def the_project_is_bit_by_bit_what_it_was(self):
        assert project_hash(self.edited.project) == self.hashes[self.edited.history.position]


@pytest.mark.robust
def test_any_sequence_of_edits_is_undone_and_redone_exactly():
    from hypothesis.stateful import run_state_machine_as_test

    runs, steps = counts(200, 2_000), counts(50, 100)
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    failed = _control_fails()
    record(
        "R7",
        what="edit, undo, redo, save, load in any order: projects, gains, regions, settings",
        count=runs,
        failures=0,
        figure=f"{runs} runs of {steps} steps bit-equal",
        control="undo that forgets one of several changes of a command: caught",
        control_failed=failed,
    )
    assert failed


def _control_fails():
    """Return whether the same comparison catches an undo that leaves one change out."""
    edited = edited_by(0)
    expected = project_hash(edited.project)
    generator = random.Random(4)
    while True:
        command = random_command(edited.project, generator)
        if len(command.changes) > 1:
            break
    changed = edited.perform(command).project
    lame = Command(command.name, command.inverse().changes[:-1])
    return project_hash(lame.apply(changed)) != expected
