"""What a person waits for does not wait behind a separation."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from drumstudio import settings as user_settings
from drumstudio.application.queue import OVER
from drumstudio.application.song_export import ExportOrder
from drumstudio.application.studio import Studio
from drumstudio.catalog.catalog import default_catalog
from drumstudio.files.wav_file import WavWriter
from drumstudio.workflows.workshop import Workshop

RATE = 44_100


@pytest.fixture
def studio(home):
    settings = user_settings.load()
    made = Studio(settings, default_catalog(), Workshop(settings))
    yield made
    made.close()


@pytest.fixture
def songs(tmp_path):
    generator = np.random.default_rng(5)
    paths = [tmp_path / f"song {number}.wav" for number in range(3)]
    for path in paths:
        with WavWriter(path, RATE, 2) as writer:
            writer.write(generator.uniform(-0.1, 0.1, (2, RATE)).astype(np.float32))
    return paths


def until(condition, seconds=60.0):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)


def hold(studio):
    """Keep the lane of separations busy until the event is set."""
    over = threading.Event()

    def work(checkpoint):
        while not over.wait(0.01):
            checkpoint(0.1, "Separating")

    studio.queue.add("a long song", work)
    return over


def titles(studio):
    return {row.title: row.state.value for row in studio.queue.rows()}


def test_songs_are_there_and_exports_are_written_while_another_is_separated(
    studio, songs, tmp_path
):
    over, drawn, reports = hold(studio), [], []
    studio.waveforms_ready.connect(drawn.append)
    studio.exported.connect(reports.append)
    studio.jobs.add_paths(songs, "hpss", {})
    until(lambda: len(studio.songs) == 3)
    until(lambda: set(drawn) == {song.id for song in studio.songs})
    assert [song.name for song in studio.songs] == ["song 0", "song 1", "song 2"]
    waiting = [title for title, state in titles(studio).items() if state == "waiting"]
    assert waiting == ["song 0", "song 1", "song 2"]
    studio.stems.export(studio.songs[1], ExportOrder(("mixture",), tmp_path / "out"))
    until(lambda: bool(reports))
    studio.jobs.import_stems(studio.songs[2].id, {"drums": songs[2]})
    until(lambda: studio.songs[2].separation is not None)
    assert titles(studio)["a long song"] == "running"
    assert all(song.separation is None for song in studio.songs[:2])
    for row in studio.queue.rows():
        studio.queue.cancel(row.number)
    over.set()


def test_songs_are_only_opened_where_a_person_wants_that(studio, songs):
    studio.change_setting("opening", "only open")
    studio.jobs.add_paths(songs[:1], "hpss", {})
    until(lambda: len(studio.songs) == 1)
    until(lambda: all(row.state in OVER for row in studio.queue.rows()))
    assert titles(studio) == {"Open song 0.wav": "done"}


def test_the_phases_of_a_song_are_named(studio, songs):
    said = []

    def listen():
        said.extend(row.message.split(" ")[0] for row in studio.queue.rows())

    studio.queue_changed.connect(listen)
    studio.jobs.add_paths(songs[:1], "hpss", {})
    until(lambda: len(studio.songs) == 1)
    until(lambda: studio.songs[0].separation is not None)
    until(lambda: all(row.state in OVER for row in studio.queue.rows()))
    assert said.index("Reading") < said.index("Drawing") < said.index("Finishing")
    last = len(said) - said[::-1].index("Finishing")
    assert "Starting" not in said[said.index("Finishing") : last]


def test_a_job_that_edits_just_before_redo_leaves_nothing_to_redo(studio, songs, monkeypatch):
    studio.change_setting("opening", "only open")
    studio.jobs.add_paths(songs[:1], "hpss", {})
    until(lambda: len(studio.songs) == 1)
    song, document = studio.songs[0], studio.document
    studio.edit_song("Rename song", song.id, (("name",), "Another"))
    studio.undo()
    redo = document.redo

    def late():  # the job comes in between the look and the deed
        with document.command("Find the beats") as edit:
            edit.set(("songs", song.id, "amount"), 0.5)
        redo()

    monkeypatch.setattr(document, "redo", late)
    studio.redo()
    assert studio.songs[0].name == song.name

    def wrong():
        raise ValueError("something else")

    studio.undo()
    monkeypatch.setattr(document, "redo", wrong)
    with pytest.raises(ValueError, match="something else"):
        studio.redo()
