"""A session of painting: what is painted is heard, alone or not at all if that is wanted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drumstudio.application.edit_session import HEARINGS, EditSession
from drumstudio.application.material import song_material
from drumstudio.application.stroke_layers import again_if_changed
from drumstudio.application.transport import Transport
from drumstudio.core.strokes import Cells
from tests.application.test_transport import FakeDeck
from tests.edited_songs import an_edited_project, noise, separate


@pytest.fixture
def project(tmp_path):
    document, song_id = an_edited_project(tmp_path)
    with document:
        yield document, song_id


@pytest.fixture
def transport(project):
    document, song_id = project
    song = document.project.song(song_id)
    shape = song.mixture
    transport = Transport(FakeDeck)
    paths = document.media.sound(song)
    transport.open(song_material(*paths, shape.sample_rate, shape.samples))
    files = transport._material.files
    yield transport
    transport.close()
    files.close()


@pytest.fixture
def session(project, transport):
    session = EditSession(*project, transport)
    yield session
    session.close()


def heard(transport, stem):
    """Return a stem as the deck would read it, once a change has been faded in."""
    stems = transport._material.stems
    for start in (0, 1):  # another stretch each time: the first one fades over
        stems.read(stem, start, 10)
    return stems.read(stem, 0, transport._material.samples)


def paint(session, *, target="drums"):
    editor = session.editor
    editor.settings = replace(editor.settings, tool="rectangle", target=target, hardness=1.0)
    editor.press(1.0, 0.0)
    editor.move(2.0, 4_000.0)
    editor.release()
    assert session.wait(20.0)


def test_a_stroke_is_heard_and_drums_and_rest_are_still_the_song(session, transport):
    before = heard(transport, "drums")
    paint(session)
    drums, rest = heard(transport, "drums"), heard(transport, "rest")
    assert np.abs(drums - before)[:, 9_000:15_000].max() > 0.1
    np.testing.assert_array_equal((drums - before)[:, :7_000], 0.0)
    mixture = heard(transport, "mixture")
    np.testing.assert_allclose(drums + rest, mixture, atol=1e-6)


def test_before_and_after_differ_by_the_strokes_alone(session, transport):
    before = heard(transport, "drums")
    paint(session)
    after = heard(transport, "drums")
    session.toggle("model")
    np.testing.assert_array_equal(heard(transport, "drums"), before)
    session.toggle("model")
    np.testing.assert_array_equal(heard(transport, "drums"), after)


def test_what_is_painted_and_all_else_make_the_song(session, transport):
    paint(session)
    session.hear("painted")
    assert session.wait(20.0)
    assert transport.view.audition == "painted"
    painted, other = heard(transport, "painted"), heard(transport, "unpainted")
    assert np.abs(painted[:, 9_000:15_000]).max() > 0.1
    np.testing.assert_array_equal(painted[:, :7_000], 0.0)
    np.testing.assert_allclose(painted + other, heard(transport, "mixture"), atol=1e-6)
    session.hear("edited")
    assert transport.view.audition == ""


def test_only_the_audition_is_heard_while_it_lasts(session, transport):
    for hearing in HEARINGS:
        session.hear(hearing)
        gains = transport._deck.programs[-1].gains[:, 0]
        expected = {"painted": [0, 0, 0, 1, 0], "unpainted": [0, 0, 0, 0, 1]}
        np.testing.assert_array_equal(gains, expected.get(hearing, [0, 1, 1, 0, 0]))


def test_the_wand_paints_what_is_around_a_click(session, project):
    document, song_id = project
    session.editor.settings = replace(session.editor.settings, tool="wand", target="rest")
    session.click(1.5, 1_000.0)
    session._finding.close()
    (layer,) = document.project.song(song_id).layers
    stroke = document.media.stroke(layer.strokes[0])
    assert isinstance(stroke.shape, Cells)
    assert stroke.target == "rest"
    frame = round(1.5 / session.editor.grid.frame_seconds)
    assert abs(stroke.shape.runs[:, 0] - frame).min() <= 1


def test_a_region_is_painted_though_the_layer_was_removed_meanwhile(session, project, monkeypatch):
    document, song_id = project
    paint(session)
    kept = document.media.keep_stroke
    meanwhile = [document.undo]

    def keep(stroke):
        blob = kept(stroke)
        while meanwhile:
            meanwhile.pop()()
        return blob

    monkeypatch.setattr(document.media, "keep_stroke", keep)
    session.editor.settings = replace(session.editor.settings, tool="wand")
    failed = []
    session.failed.connect(failed.append)
    session.click(1.5, 1_000.0)
    session._finding.close()
    assert failed == []
    (layer,) = document.project.song(song_id).layers
    assert len(layer.strokes) == 1


def test_an_edit_that_is_refused_every_time_is_an_error():
    def refuse():
        tries.append(1)
        raise ValueError("no such layer")

    tries = []
    with pytest.raises(ValueError, match="no such layer"):
        again_if_changed(refuse)
    assert len(tries) == 5


def test_a_click_outside_the_song_finds_nothing(session):
    told = []
    session.not_found.connect(lambda: told.append(1))
    session.editor.settings = replace(session.editor.settings, tool="wand")
    session.click(100.0, 1_000.0)
    session._finding.close()
    assert told
    assert session.editor.song.layers == ()


def test_what_was_painted_on_one_model_is_not_heard_on_another(
    session, project, transport, monkeypatch
):
    document, song_id = project
    paint(session)
    first = session.editor.song.separation
    before = session._last.edit.edited.split
    with session.reader() as reader:
        assert reader.deltas is not None
    # The new model's edits take as long as they may.
    monkeypatch.setattr(session._sound, "render", lambda *arguments, **words: None)
    separate(document, document.project.song(song_id), noise(3.0, seed=9) / 3, "Other")
    assert session.editor.song.separation.id != first.id
    assert session._last.edit.edited.split == before
    told = []
    monkeypatch.setattr(transport, "set_edits", lambda *edits: told.append(edits))
    session.apply()
    assert told == [(None, None)]
    with session.reader() as reader:
        assert reader.deltas is None
