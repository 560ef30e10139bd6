"""The program without its window, as a window uses it."""

from __future__ import annotations

import random

import pytest

from drumstudio.application.studio import Studio
from drumstudio.catalog.catalog import Catalog
from drumstudio.core.song import Clip, Track, new_id
from drumstudio.settings import Settings
from drumstudio.workflows.workshop import Workshop
from tests.projects import a_song


@pytest.fixture
def studio(home):
    settings = Settings()
    studio = Studio(settings, Catalog([]), Workshop(settings))
    yield studio
    studio.close()


def test_a_song_is_removed_with_its_clips_and_one_undo_brings_all_of_it_back(studio):
    generator = random.Random(1)
    songs = [a_song(generator, f"Song {number}") for number in range(2)]
    clips = [Clip(new_id(), songs[n].id, "drums", 0.0, 1.0, 2.0) for n in (0, 1, 0)]
    with studio.document.command("Arrange") as edit:
        for song in songs:
            edit.insert(("songs",), song)
        edit.insert(("tracks",), Track(new_id(), "Both", clips=(clips[0], clips[1])))
        edit.insert(("tracks",), Track(new_id(), "One", clips=(clips[2],)))
    before = studio.document.project
    studio.remove_song(songs[0].id)
    after = studio.document.project
    assert [song.id for song in after.songs] == [songs[1].id]
    assert [track.clips for track in after.tracks] == [(clips[1],), ()]
    studio.remove_song(songs[0].id)  # again: nothing is there to remove
    studio.undo()
    assert studio.document.project == before
