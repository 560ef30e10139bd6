"""Painting while a loop plays: the strokes are heard, and neither a click nor a gap is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drumstudio.application.document import Document
from drumstudio.application.edit_session import EditSession
from drumstudio.application.material import song_material
from drumstudio.application.transport import Transport
from drumstudio.application.transport_view import State
from drumstudio.core.mix import TrackMix
from drumstudio.playback.deck import Deck
from tests.edited_songs import a_song
from tests.playback.sounds import RATE, HandOutput, Opens, until

PERIOD = 210  # samples of the tone; loops hold whole periods, so that they have no step
TONE = 0.3 * np.sin(2 * np.pi * np.arange(3 * RATE) / PERIOD).astype(np.float32)
STEP = 0.3 * 2 * np.pi / PERIOD  # from sample to sample, where nothing clicks
RING = 6_000  # what may still come from before a change: the ring, a page, a fade


@pytest.fixture
def playing(tmp_path):
    """Return session, transport and output of a looping song whose drums are half of it."""
    document = Document.create(tmp_path / "Project")
    mixture = np.stack([TONE, -TONE])
    song_id = a_song(document, mixture, mixture / 2, RATE)
    song = document.project.song(song_id)
    output = HandOutput()
    transport = Transport(
        lambda listener: Deck(listener, Opens(lambda choice, rate: (output, None)))
    )
    paths = document.media.sound(song)
    transport.open(song_material(*paths, RATE, song.mixture.samples))
    transport.set_tracks([TrackMix(solo=True), TrackMix()])
    transport.set_loop(1.0, 1.0 + 105 * PERIOD / RATE)
    transport.set_looping(True)
    transport.play()
    output.pull(RING)
    session = EditSession(document, song_id, transport)
    told(session, transport)
    yield session, transport, output
    session.close()
    transport.close()
    document.close()


def paint(session, first, last, target="drums"):
    editor = session.editor
    editor.settings = replace(editor.settings, tool="time range", target=target)
    editor.press(first, 0.0)
    editor.move(last, 1_000.0)
    editor.release()


def told(session, transport):
    """Wait until what was painted is rendered, and the deck knows."""
    assert session.wait(20)
    until(lambda: not transport._deck._commands)


def swell(samples):
    """Return how loud the tone is: its largest sample in every period."""
    periods = samples.shape[1] // PERIOD
    return np.abs(samples[0, : periods * PERIOD]).reshape(periods, PERIOD).max(axis=1)


def test_strokes_are_heard_while_the_loop_goes_on(playing):
    session, transport, output = playing
    parts = [output.pull(20_480)]
    assert swell(parts[0]) == pytest.approx(0.15, abs=0.002)
    for target, expected in (("drums", 0.3), ("rest", 0.0), ("drums", 0.3)):
        paint(session, 0.5, 2.0, target)
        parts.append(output.pull(2_048))  # the window paints, the loop plays
        told(session, transport)
        parts.append(output.pull(25_600 + RING))
        assert swell(parts[-1][:, RING:]) == pytest.approx(expected, abs=0.002)
    session.document.undo()
    told(session, transport)
    parts.append(output.pull(25_600 + RING))
    assert swell(parts[-1][:, RING:]) == pytest.approx(0.0, abs=0.002)
    heard = np.concatenate(parts, axis=1)
    assert np.abs(np.diff(heard, axis=1)).max() < 1.2 * STEP
    assert transport.missed_samples() == 0
    assert transport.view.state is State.PLAYING


def test_a_stroke_inside_the_loop_fades_where_its_edge_is_not_where_it_was_swapped(playing):
    session, transport, output = playing
    paint(session, 1.1, 1.3)
    told(session, transport)
    output.pull(RING)
    loudness = swell(output.pull(105 * PERIOD))
    assert loudness.max() == pytest.approx(0.3, abs=0.005)
    assert loudness.min() == pytest.approx(0.15, abs=0.005)


def test_what_is_listened_to_while_painting_changes_without_a_click(playing):
    session, transport, output = playing
    paint(session, 0.5, 2.0)
    told(session, transport)
    parts = [output.pull(RING)]
    for hearing, expected in (
        ("painted", 0.3),
        ("unpainted", 0.0),
        ("model", 0.15),
        ("edited", 0.3),
    ):
        session.hear(hearing)
        told(session, transport)
        parts.append(output.pull(8_192 + RING))
        assert swell(parts[-1][:, RING:]) == pytest.approx(expected, abs=0.002), hearing
    heard = np.concatenate(parts, axis=1)
    assert np.abs(np.diff(heard, axis=1)).max() < 1.2 * STEP
    assert transport.missed_samples() == 0


def test_a_swap_without_a_fade_would_be_found_out(playing):
    _, _, output = playing
    before = output.pull(8_192)
    loudest = 4_000 + np.abs(before[0, 4_000:4_210]).argmax()
    hard = np.concatenate([before[:, :loudest], 2 * before[:, loudest:]], axis=1)
    assert np.abs(np.diff(before, axis=1)).max() < 1.2 * STEP
    assert np.abs(np.diff(hard, axis=1)).max() > 1.2 * STEP
