"""The onset brush, and what it corrects everywhere: one step of undo, only on hits alike."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from drumstudio.application import stroke_layers
from drumstudio.application.alike import (
    AlikeFinder,
    Review,
    correction_at,
    fix_everywhere,
    last_correction,
)
from drumstudio.application.document import Document
from drumstudio.application.edit_session import EditSession
from drumstudio.application.material import song_material
from drumstudio.application.transport import Transport
from drumstudio.core.errors import Cancelled, ProjectError
from drumstudio.core.hit_shape import HitLimits
from drumstudio.core.strokes import Stroke, moved, rectangle, span_seconds
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workflows.find_alike import AlikeHit, find_alike
from drumstudio.workflows.find_hit import find_hit, held_back
from tests.application.test_transport import FakeDeck
from tests.drum_sounds import RATE, pattern
from tests.edited_songs import a_song, without_waiting_for_the_disk

FRAME = 256 / RATE


@pytest.fixture(scope="module")
def sound():
    return pattern()


@pytest.fixture
def project(tmp_path, monkeypatch, sound):
    without_waiting_for_the_disk(monkeypatch)
    mixture, drums, _ = sound
    document = Document.create(tmp_path / "Project")
    song_id = a_song(document, mixture, 0.1 * drums, RATE)
    with document:
        yield document, song_id


@pytest.fixture
def session(project):
    document, song_id = project
    song = document.project.song(song_id)
    shape = song.mixture
    transport = Transport(FakeDeck)
    paths = document.media.sound(song)
    transport.open(song_material(*paths, shape.sample_rate, shape.samples))
    files = transport._material.files
    session = EditSession(document, song_id, transport)
    session.editor.settings = replace(session.editor.settings, tool="onset brush")
    yield session
    session.close()
    transport.close()
    files.close()


def click(session, seconds, hertz):
    """Click with the tool and wait until it is done; return whether it painted."""
    done = threading.Event()
    painted = []
    disconnects = [
        session.editor.edited.connect(lambda: (painted.append(True), done.set())),
        session.not_found.connect(done.set),
    ]
    session.click(seconds, hertz)
    assert done.wait(20.0)
    for disconnect in disconnects:
        disconnect()
    assert session.wait(20.0)
    return bool(painted)


def look(session, selection=None):
    finder = AlikeFinder(session)
    done = threading.Event()
    got = []
    finder.found.connect(lambda review: (got.append(review), done.set()))
    finder.failed.connect(lambda error: (got.append(error), done.set()))
    finder.look(selection)
    assert done.wait(20.0)
    finder.close()
    return got[0]


def suggested(review):
    return [hit.seconds for hit, on in zip(review.hits, review.suggested, strict=True) if on]


def near(times, seconds):
    return min((abs(time - seconds) for time in times), default=9.0) < 0.03


def test_one_click_is_one_step_that_takes_the_hit(session, project, sound):
    document, song_id = project
    snare = sound[2]["snare"][2]
    assert click(session, snare + 0.03, 2_000.0)
    assert document.history.undo_name == "Paint to drums"
    stroke = document.media.stroke(document.project.song(song_id).layers[0].strokes[0])
    begin, end = span_seconds(stroke.shape, session.editor.grid.frame_seconds)
    assert abs(begin - snare) < 2.5 * session.editor.grid.frame_seconds
    assert 0.05 < end - begin < 0.5
    document.undo()
    assert document.project.song(song_id).layers == ()


def test_a_click_brings_a_missed_hit_back(session, sound):
    mixture, drums, hits = sound
    place = round(hits["snare"][2] * RATE)
    part = slice(place, place + round(0.1 * RATE))

    def missing():
        with session.reader() as reader:
            got = reader.read("drums", part.start, part.stop - part.start)
        return np.square(got - drums[:, part]).sum()

    before = missing()
    assert click(session, hits["snare"][2] - 0.02, 3_000.0)
    assert missing() < before / 4


def test_a_click_where_nothing_is_struck_paints_nothing(session, project, sound):
    document, song_id = project
    quiet = sound[2]["snare"][2] + 0.17
    assert not click(session, quiet, 500.0)
    assert document.project.song(song_id).layers == ()


@pytest.mark.parametrize(("piece", "hertz"), [("kick", 60.0), ("snare", 2_000.0), ("hat", 8_000.0)])
def test_every_hit_alike_is_suggested_and_no_other(session, sound, piece, hertz):
    hits = sound[2]
    assert click(session, hits[piece][2] + 0.01, hertz)
    review = look(session)
    assert abs(review.onset_seconds - hits[piece][2]) < 0.02
    on = suggested(review)
    others = [time for time in hits[piece] if time != hits[piece][2]]
    assert all(near(on, time) for time in others)
    assert not near(on, hits[piece][2])
    wrong = [time for time in on if not near(others, time)]
    # The snare's noise holds all of the hat's: some of them may be taken for one.
    assert not wrong or (piece == "hat" and all(near(hits["snare"], time) for time in wrong))


def test_a_selection_says_which_strokes_are_meant(session, sound):
    hits = sound[2]
    editor = session.editor
    snare = hits["snare"][1]
    editor.paint_found([rectangle(snare - 0.01, snare + 0.15, 120.0, 9_000.0)])
    editor.paint_found([rectangle(5.6, 5.7, 100.0, 200.0)])  # something else, later
    review = look(session, (snare - 0.1, snare + 0.3))
    on = suggested(review)
    assert sum(near(hits["snare"], time) for time in on) >= len(hits["snare"]) - 2
    assert not any(near(hits["kick"], time) for time in on)


def test_fixing_everywhere_is_one_step_and_copies_the_strokes(session, project, sound):
    document, song_id = project
    hits = sound[2]
    click(session, hits["snare"][2], 2_000.0)
    review = look(session)
    steps = len(document.history.commands)
    chosen = [number for number, on in enumerate(review.suggested) if on]
    finder = AlikeFinder(session)
    done = threading.Event()
    fixed = []
    finder.fixed.connect(lambda count: (fixed.append(count), done.set()))
    finder.fix(review, chosen)
    assert done.wait(20.0)
    finder.close()
    assert fixed == [len(chosen)]
    assert len(document.history.commands) == steps + 1
    assert document.history.undo_name == f"Fix everywhere ({len(chosen)} hits)"
    layer = document.project.song(song_id).layers[0]
    assert len(layer.strokes) == 1 + len(chosen)
    frame = session.editor.grid.frame_seconds
    spans = [span_seconds(document.media.stroke(blob).shape, frame) for blob in layer.strokes]
    for time in hits["snare"]:
        assert min(abs(begin - time) for begin, _ in spans) < 3 * frame
    document.undo()
    assert len(document.project.song(song_id).layers[0].strokes) == 1
    document.redo()
    assert len(document.project.song(song_id).layers[0].strokes) == 1 + len(chosen)


def test_a_copy_takes_no_more_than_stands_out_where_it_is(session, sound):
    editor = session.editor
    kick, snare = sound[2]["kick"][2], sound[2]["snare"][2]
    with session.reader() as reader:
        hit = find_hit(reader, editor.grid, snare, 3_000.0, HitLimits())
        shifts = {"kick": kick - snare, "snare": 2.0, "nothing": 0.15}
        copies = {
            name: moved(Stroke("drums", hit.cells), later, FRAME, editor.grid.frames).shape
            for name, later in shifts.items()
        }
        left = {name: held_back(reader, editor.grid, cells) for name, cells in copies.items()}
    sums = {name: 0.0 if cells is None else cells.weights.sum() for name, cells in left.items()}
    whole = hit.cells.weights.sum()
    assert sums["snare"] > 0.7 * whole
    assert sums["kick"] < 0.4 * whole
    assert sums["nothing"] < 0.1 * whole


def test_nothing_chosen_changes_nothing(session, project, sound):
    document, song_id = project
    click(session, sound[2]["snare"][2], 2_000.0)
    review = look(session)
    steps = len(document.history.commands)
    with session.reader() as reader:
        assert fix_everywhere(document, song_id, reader, session.editor.grid, review, []) == 0
    assert len(document.history.commands) == steps


def test_without_a_stroke_a_person_is_told_what_to_do(session):
    error = look(session)
    assert isinstance(error, ProjectError)
    assert "onset brush" in error.fix
    assert isinstance(look(session, (1.0, 2.0)), ProjectError)


def test_strokes_on_more_than_one_hit_are_refused(session):
    session.editor.paint_found([rectangle(0.0, 8.0, 100.0, 9_000.0)])
    error = look(session)
    assert isinstance(error, ProjectError)
    assert "one hit" in error.why


def test_a_layer_that_is_off_is_not_looked_at(session, project):
    document, song_id = project
    session.editor.paint_found([rectangle(1.0, 1.1, 100.0, 9_000.0)])
    layer = document.project.song(song_id).layers[0]
    stroke_layers.set_layer_on(document, song_id, layer.id, False)
    song = document.project.song(song_id)
    with pytest.raises(ProjectError):
        last_correction(song, document.media, layer.id)
    with pytest.raises(ProjectError):
        correction_at(song, document.media, session.editor.grid, 0.9, 1.2)


def test_copies_beyond_the_song_are_left_out(session, project, sound):
    document, song_id = project
    click(session, sound[2]["snare"][2], 2_000.0)
    correction = last_correction(document.project.song(song_id), document.media, None)
    length = session.editor.song.mixture.seconds
    hits = (AlikeHit(length - 0.02, 1.0), AlikeHit(length + 5.0, 1.0))
    review = Review(correction, sound[2]["snare"][2], hits)
    with session.reader() as reader:
        grid = session.editor.grid
        assert fix_everywhere(document, song_id, reader, grid, review, {0, 1}) == 1


def test_looking_can_be_given_up(session, sound):
    snare = sound[2]["snare"][2]
    strokes = [Stroke("drums", rectangle(snare, snare + 0.15, 120.0, 9_000.0))]

    def stop(fraction, message):
        raise Cancelled

    with session.reader() as reader:
        with pytest.raises(Cancelled):
            find_alike(reader, session.editor.grid, strokes, stop)
        assert find_alike(reader, session.editor.grid, strokes, no_checkpoint).hits


def test_silence_is_no_hit(session):
    strokes = [Stroke("drums", rectangle(0.05, 0.2, 5_000.0, 9_000.0))]
    with session.reader() as reader:
        alike = find_alike(reader, session.editor.grid, strokes, no_checkpoint)
    assert not any(hit.likeness >= 0.9 for hit in alike.hits)
