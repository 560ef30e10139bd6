"""Dataclasses as JSON: what comes back is equal, and nothing that is wrong comes in."""

from __future__ import annotations

import copy
import json
import random

import pytest

from drumstudio.core.history import Edited
from drumstudio.core.plain import from_plain, to_plain
from drumstudio.core.song import Project, Song, Strip
from tests.projects import a_project, a_song, random_command


def a_full_project(seed=1, edits=300):
    generator = random.Random(seed)
    edited = Edited(a_project(2))
    for _ in range(edits):
        edited = edited.perform(random_command(edited.project, generator))
    return edited.project


def test_a_project_survives_its_plain_form():
    project = a_full_project()
    plain = json.loads(json.dumps(to_plain(project)))
    assert from_plain(Project, plain) == project
    assert to_plain(from_plain(Project, plain)) == plain


def test_a_field_at_its_default_is_left_out_and_read_as_its_default():
    assert to_plain(Strip()) == {}
    assert to_plain(Strip(mute=True)) == {"mute": True}
    assert from_plain(Strip, {"pan": 1}) == Strip(pan=1.0)


@pytest.mark.parametrize(
    ("kind", "plain", "message"),
    [
        (Strip, [], "must be an object"),
        (Strip, {"mute": 1}, "mute must be bool"),
        (Strip, {"gain_db": True}, "gain_db must be float"),
        (Strip, {"gain_db": "0"}, "gain_db must be float"),
        (Strip, {"gain_db": 25.0}, r"in \[-96"),
        (Strip, {"gain_db": float("nan")}, r"in \[-96"),
        (Strip, {"volume": 1.0}, "unknown field 'volume'"),
        (Strip, {"colour": "red"}, "colour must look like"),
        (Project, {}, "lacks 'id'"),
        (Project, {"id": "../../../../"}, "id must look like"),
        (Project, {"id": "0" * 12, "songs": {}}, "songs must be a list"),
        (Project, {"id": "0" * 12, "songs": [1]}, r"songs\[0\] must be an object"),
        (Project, {"id": "0" * 12, "sample_rate": 0}, "sample_rate must be in"),
    ],
)
def test_what_a_project_may_not_hold_is_refused_and_named(kind, plain, message):
    with pytest.raises(ValueError, match=message):
        from_plain(kind, plain)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "x"),
        ("name", "n" * 301),
        ("name", "\ud800"),
        ("name", "a\0b"),
        ("source", 7),
        ("amount", 1.5),
        ("active", "0" * 12),
        ("notes", ["n"] * 101),
        ("tempo_map", {"tempos": []}),
        ("mixture", {"sha256": "../../../etc/passwd"}),
    ],
)
def test_a_song_that_breaks_a_limit_is_refused(field, value):
    plain = to_plain(a_song(random.Random(0)))
    plain[field] = value
    with pytest.raises(ValueError):  # noqa: PT011 (each has its own message)
        from_plain(Song, plain)


def test_two_songs_with_one_id_and_clips_of_no_song_are_refused():
    project = a_full_project()
    plain = to_plain(project)
    twice = copy.deepcopy(plain)
    twice["songs"].append(twice["songs"][0])
    with pytest.raises(ValueError, match="same id"):
        from_plain(Project, twice)
    orphaned = copy.deepcopy(plain)
    orphaned["songs"] = []
    with pytest.raises(ValueError, match="a song that is not there"):
        from_plain(Project, orphaned)
