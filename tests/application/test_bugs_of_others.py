"""What went wrong in other editors of spectrograms (numbers: audacity/audacity), and not here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drumstudio.application.document import Document
from drumstudio.application.editor import Editor
from drumstudio.core.song import Clip, Track, new_id
from drumstudio.core.tiles import TileCache
from drumstudio.files.block_reader import SongReader
from drumstudio.files.delta_store import DeltaStore
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workflows.render_edits import EditRenderer
from tests.edited_songs import SAMPLE_RATE, a_song, an_edited_project, noise

TONE_HZ = 500.0


@pytest.fixture
def project(tmp_path):
    document, song_id = an_edited_project(tmp_path)
    with document:
        yield document, song_id


def opened(document, mixture, drums):
    return Editor(document, a_song(document, mixture, drums, name="Other"))


def draw(editor, *points, **settings):
    editor.settings = replace(editor.settings, **settings)
    editor.press(*points[0])
    for point in points[1:]:
        editor.move(*point)
    editor.release()


def field(editor, channel=0):
    grid = editor.grid
    tiles = ((column, row) for column in range(grid.columns) for row in range(grid.rows))
    return [editor.field_tile(channel, index).tobytes() for index in tiles]


def stems(editor, document, folder, *names):
    """Return stems as they are heard with the strokes."""
    song, media = editor.song, document.media
    with EditRenderer(song, media, DeltaStore(folder)) as renderer:
        deltas = renderer.deltas(editor.edit, no_checkpoint)
        painted = renderer.painted(editor.edit, no_checkpoint)
    with SongReader(*media.sound(song)) as reader:
        reader.deltas, reader.painted = deltas, painted
        return [reader.read(name, 0, reader.samples) for name in names]


def test_the_edges_of_a_stroke_do_not_click_1714(project, tmp_path):
    document, _ = project
    tone = np.sin(2 * np.pi * TONE_HZ * np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE)
    tone = np.stack([tone, tone]).astype(np.float32) * 0.5
    editor = opened(document, tone, tone)
    draw(editor, (1.0, 0.0), (2.0, 1.0), tool="time range", target="rest", hardness=1.0)
    (drums,) = stems(editor, document, tmp_path, "drums")
    editor.close()
    # Where a tone is cut off, it is heard at frequencies that it does not have.
    cut = tone.copy()
    cut[:, SAMPLE_RATE : 2 * SAMPLE_RATE] = 0.0
    assert np.abs(drums[:, 9_000:15_000]).max() < 1e-4
    assert splatter(drums) < splatter(cut) / 100


def splatter(samples):
    """Return how much of a sound is an octave and more above the tone, as a share of power."""
    power = np.abs(np.fft.rfft(samples[0] * np.hanning(samples.shape[1]))) ** 2
    hertz = np.fft.rfftfreq(samples.shape[1], 1 / SAMPLE_RATE)
    return power[hertz > 2 * TONE_HZ].sum() / power.sum()


def test_strokes_stay_where_they_are_when_a_clip_moves_1715(project, tmp_path):
    document, song_id = project
    editor = Editor(document, song_id)
    draw(editor, (1.0, 900.0), (1.4, 1_500.0))
    before, sound = field(editor), stems(editor, document, tmp_path, "drums", "rest")
    clip = Clip(new_id(), song_id, "drums", 0.5, 2.0, 4.0)
    track = Track(new_id(), "Track", clips=(clip,))
    with document.command("Add track") as edit:
        edit.insert(("tracks",), track)
    at = ("tracks", track.id, "clips", clip.id)
    for name, value in (("position_seconds", 9.0), ("stretch", 1.7), ("start_seconds", 1.2)):
        with document.command("Change clip") as edit:
            edit.set((*at, name), value)
        assert field(editor) == before
    for one, other in zip(stems(editor, document, tmp_path, "drums", "rest"), sound, strict=True):
        np.testing.assert_array_equal(one, other)
    editor.close()


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_brush_paints_every_channel_3784(project, tmp_path, channels):
    document, _ = project
    mixture = noise(2.0, channels)
    editor = opened(document, mixture, mixture / 4)
    draw(editor, (0.5, 0.0), (1.5, 1.0), tool="time range", target="drums", hardness=1.0)
    (drums,) = stems(editor, document, tmp_path, "drums")
    inside = slice(5_000, 11_000)
    np.testing.assert_allclose(drums[:, inside], mixture[:, inside], atol=1e-6)
    draw(editor, (0.5, 0.0), (1.5, 1.0), target="rest", channels="left")
    (left_out,) = stems(editor, document, tmp_path, "drums")
    assert np.abs(left_out[0, inside]).max() < 1e-6
    np.testing.assert_array_equal(left_out[1:], drums[1:])
    editor.close()


def test_what_is_selected_can_be_heard_by_itself_6194(project, tmp_path):
    document, song_id = project
    editor = Editor(document, song_id)
    draw(editor, (0.0, 1_000.0), (1.0, 2_000.0), tool="frequency range", hardness=1.0)
    painted, other, mixture = stems(editor, document, tmp_path, "painted", "unpainted", "mixture")
    editor.close()
    np.testing.assert_allclose(painted + other, mixture, atol=1e-6)
    hertz = np.fft.rfftfreq(mixture.shape[1], 1 / SAMPLE_RATE)
    inside = (hertz > 1_050) & (hertz < 1_950)
    outside = (hertz < 900) | (hertz > 2_100)
    alone, rest = (np.abs(np.fft.rfft(sound[0])) ** 2 for sound in (painted, other))
    assert alone[outside].sum() < 1e-3 * alone.sum()
    assert rest[inside].sum() < 1e-3 * rest.sum()


def test_redo_brings_a_soft_stroke_back_to_the_bit(project):
    document, song_id = project
    editor = Editor(document, song_id, TileCache(20_000))  # too small to keep a tile
    editor.settings = replace(editor.settings, hardness=0.0, strength=0.7)
    editor.press(0.7, 800.0, 0.2)
    for step in range(30):
        editor.move(0.7 + 0.03 * step, 800.0 + 60 * step, 0.2 + 0.02 * step)
    editor.release()
    draw(editor, (1.0, 900.0), (1.5, 2_000.0), target="rest", hardness=0.3)
    painted = [field(editor, channel) for channel in range(2)]
    for _ in range(2):
        document.undo()
        document.undo()
        assert field(editor) != painted[0]
        document.redo()
        document.redo()
        assert [field(editor, channel) for channel in range(2)] == painted
    editor.close()
    document.undo()
    document.undo()
    document.save()
    path = document.folder.path
    document.close()
    with Document.open(path) as again:
        again.redo()
        again.redo()
        reopened = Editor(again, song_id)
        assert [field(reopened, channel) for channel in range(2)] == painted
        reopened.close()
