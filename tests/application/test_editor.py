"""The mask editor: a gesture is a stroke, a stroke is a step of undo, and nothing else moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drumstudio.application import stroke_layers
from drumstudio.application.document import Document
from drumstudio.application.edit_sound import EditSound
from drumstudio.application.editor import Editor
from drumstudio.core.errors import DrumStudioError, ProjectError
from drumstudio.core.strokes import Path, Polygon, rectangle
from drumstudio.files.block_reader import SongReader
from drumstudio.files.delta_store import DeltaStore
from drumstudio.jobs.job import no_checkpoint
from drumstudio.tools.table import TOOLS
from drumstudio.tools.tool import ToolSettings
from drumstudio.workflows.render_edits import EditRenderer
from tests.edited_songs import a_song, an_edited_project, noise, separate


@pytest.fixture
def project(tmp_path):
    document, song_id = an_edited_project(tmp_path)
    with document:
        yield document, song_id


@pytest.fixture
def editor(project):
    editor = Editor(*project)
    yield editor
    editor.close()


def drag(editor, *points, release=True, **settings):
    editor.settings = replace(editor.settings, **settings)
    editor.press(*points[0])
    for point in points[1:]:
        editor.move(*point)
    if release:
        editor.release()


def field(editor, channel=0):
    grid = editor.grid
    out = np.empty((grid.frames, grid.bins), dtype=np.float32)
    for column in range(grid.columns):
        for row in range(grid.rows):
            place = slice(*grid.frame_range(column)), slice(*grid.bin_range(row))
            out[place] = editor.field_tile(channel, (column, row))
    return out


def stroke_of(project, layer=-1, number=-1):
    document, song_id = project
    return document.media.stroke(document.project.song(song_id).layers[layer].strokes[number])


def test_a_stroke_is_one_step_of_undo_and_makes_its_layer(editor, project):
    document, song_id = project
    drag(editor, (1.0, 900.0), (1.2, 1_200.0))
    song = document.project.song(song_id)
    assert [layer.name for layer in song.layers] == ["Paint 1"]
    assert len(song.layers[0].strokes) == 1
    assert document.history.undo_name == "Paint to drums"
    painted = field(editor)
    assert painted.max() == 1.0
    document.undo()
    assert document.project.song(song_id).layers == ()
    assert not field(editor).any()
    document.redo()
    np.testing.assert_array_equal(field(editor), painted)


def test_what_is_seen_while_painting_is_what_stands_afterwards(editor):
    points = [(0.5 + n / 40, 1_000 + 300 * np.sin(n), 0.4 + n / 100) for n in range(40)]
    drag(editor, *points, release=False, strength=0.8)
    seen = [field(editor, channel) for channel in range(2)]
    editor.release()
    for channel in range(2):
        np.testing.assert_array_equal(field(editor, channel), seen[channel])
    drag(editor, *points[10:20], release=False, target="rest", channels="right")
    seen = [field(editor, channel) for channel in range(2)]
    assert (seen[0] != seen[1]).any()
    editor.release()
    for channel in range(2):
        np.testing.assert_array_equal(field(editor, channel), seen[channel])


def test_a_stroke_that_was_undone_under_the_brush_does_not_come_back(editor, project):
    document, song_id = project
    drag(editor, (1.0, 900.0), (1.2, 1_200.0))
    drag(editor, (2.0, 900.0), (2.2, 1_200.0), release=False)
    document.undo()
    editor.release()
    (layer,) = document.project.song(song_id).layers
    assert len(layer.strokes) == 1
    frame = round(1.1 / editor.grid.frame_seconds)
    assert not editor.edit.field(0, frame, frame + 1).any()


def test_an_aborted_gesture_leaves_nothing(editor, project):
    document, _ = project
    before = len(document.history.commands)
    for tool in TOOLS:
        drag(editor, (1.0, 900.0), (1.5, 2_000.0), (1.2, 2_500.0), release=False, tool=tool)
        editor.abort()
        editor.release()
        editor.move(2.0, 200.0)
        assert not editor.is_drawing
        assert not editor.outline
    assert len(document.history.commands) == before
    assert not field(editor).any()


def test_the_window_is_told_which_tiles_to_draw_again(editor, project):
    told = []
    editor.looks_changed.connect(told.append)
    drag(editor, (1.0, 900.0), release=False)
    assert told
    assert all(index in told[0] for index in [(0, 0)])
    column = editor.grid.columns - 1
    editor.move(2.9, 900.0)
    assert any((column, 0) in tiles for tiles in told)
    told.clear()
    editor.release()
    assert {(0, 0), (column, 0)} <= frozenset().union(*told)
    told.clear()
    project[0].undo()
    assert {(0, 0), (column, 0)} <= frozenset().union(*told)


def test_the_sound_changes_at_release_and_undo_not_while_painting(editor, project):
    document, song_id = project
    told = []
    editor.edited.connect(lambda: told.append(1))
    drag(editor, (1.0, 900.0), (1.1, 900.0), release=False)
    assert not told
    editor.release()
    assert len(told) == 1
    document.undo()
    assert len(told) == 2
    stroke_layers.add_layer(document, song_id)
    with document.command("Set gain") as edit:
        edit.set(("songs", song_id, "lanes", "drums", "strip", "gain_db"), -3.0)
    assert len(told) == 2
    with document.command("Set amount") as edit:
        edit.set(("songs", song_id, "amount"), 0.5)
    assert len(told) == 3


def test_each_tool_paints_exactly_its_cells(editor, project):
    grid = editor.grid
    times, hertz = grid.frame_times(0, grid.frames), grid.bin_frequencies(0, grid.bins)
    expected = {
        "rectangle": ((1.003, 510.0), (1.997, 1_490.0)),
        "time range": ((1.003, 510.0), (1.997, 1_490.0)),
        "frequency range": ((1.003, 510.0), (1.997, 1_490.0)),
    }
    for tool, points in expected.items():
        drag(editor, *points, tool=tool, hardness=1.0)
        inside_time = (times > 1.003) & (times < 1.997)
        inside_hertz = (hertz > 510) & (hertz < 1_490)
        if tool == "time range":
            inside_hertz[:] = True
        if tool == "frequency range":
            inside_time[:] = True
        np.testing.assert_array_equal(field(editor), np.outer(inside_time, inside_hertz))
        project[0].undo()


def test_a_lasso_takes_what_it_surrounds_and_an_eraser_takes_it_back(editor, project):
    turn = np.linspace(0, 2 * np.pi, 60)
    circle = [(1.5 + 0.5 * np.cos(a), 2_000 + 800 * np.sin(a)) for a in turn]
    drag(editor, *circle, tool="lasso", hardness=1.0)
    area = field(editor).sum() * editor.grid.frame_seconds * editor.grid.bin_hz
    assert area == pytest.approx(np.pi * 0.5 * 800, rel=0.03)
    drag(editor, (1.5, 2_000.0), tool="eraser", size_seconds=0.4, size_hz=400.0, hardness=1.0)
    assert project[0].history.undo_name == "Erase"
    middle = round(1.5 / editor.grid.frame_seconds), round(2_000 / editor.grid.bin_hz)
    assert field(editor)[middle] == 0.0


def test_an_eraser_with_nothing_to_erase_does_nothing(editor, project):
    before = len(project[0].history.commands)
    drag(editor, (1.5, 2_000.0), (1.6, 2_000.0), tool="eraser")
    assert len(project[0].history.commands) == before


def test_a_click_with_an_area_tool_is_no_stroke(editor, project):
    before = len(project[0].history.commands)
    for tool in ("rectangle", "lasso", "time range", "frequency range"):
        drag(editor, (1.5, 2_000.0), tool=tool)
        drag(editor, (1.5, 2_000.0), (1.5, 2_000.0), tool=tool)
    assert len(project[0].history.commands) == before


def test_shift_draws_a_straight_line(editor, project):
    editor.press(0.5, 500.0)
    editor.move(1.0, 3_000.0)
    editor.move(2.0, 600.0, straight=True)
    seen = field(editor)
    editor.release()
    shape = stroke_of(project).shape
    assert isinstance(shape, Path)
    np.testing.assert_array_equal(shape.points[:, :2], [(0.5, 500.0), (2.0, 600.0)])
    np.testing.assert_array_equal(field(editor), seen)


def test_a_slow_mouse_leaves_few_points(editor, project):
    drag(editor, *[(1.0 + n / 100_000, 900.0) for n in range(5_000)])
    assert len(stroke_of(project).shape.points) < 40


def test_keys_swap_drums_and_rest_and_size_the_brush():
    settings = ToolSettings()
    assert settings.swapped().target == "rest"
    assert settings.swapped().swapped() == settings
    assert replace(settings, target="protect").swapped().target == "protect"
    assert settings.scaled(1).size_hz > settings.size_hz > settings.scaled(-1).size_hz
    assert settings.scaled(1_000).size_seconds == 10.0
    assert settings.scaled(-1_000).size_hz == 10.0
    assert replace(settings, hardness=1.0).feather == (0.0, 0.0)
    with pytest.raises(ValueError, match="target must be"):
        ToolSettings(target="sky")


def test_a_tool_that_is_not_in_the_table_paints_nothing(editor, project):
    before = len(project[0].history.commands)
    editor.settings = ToolSettings(tool="spray")
    with pytest.raises(ValueError, match="tool must be"):
        editor.press(1.0, 900.0)
    assert not editor.is_drawing
    assert len(project[0].history.commands) == before


def test_strokes_go_to_the_layer_that_was_chosen(editor, project):
    document, song_id = project
    low, high = (stroke_layers.add_layer(document, song_id) for _ in range(2))
    editor.layer_id = low
    drag(editor, (1.0, 900.0))
    editor.layer_id = None
    drag(editor, (1.0, 900.0), target="rest")
    layers = {layer.id: layer for layer in document.project.song(song_id).layers}
    assert len(layers[low].strokes) == len(layers[high].strokes) == 1


def test_a_layer_that_is_off_is_not_painted_on_unseen(editor, project):
    document, song_id = project
    layer = stroke_layers.add_layer(document, song_id)
    stroke_layers.set_layer_on(document, song_id, layer, False)
    editor.layer_id = layer
    with pytest.raises(ProjectError, match="switched off"):
        editor.press(1.0, 900.0)
    assert not editor.is_drawing


def test_layers_go_on_off_up_and_down_and_away(editor, project):
    document, song_id = project
    drag(editor, (1.0, 900.0))
    first = document.project.song(song_id).layers[0].id
    second = stroke_layers.add_layer(document, song_id)
    editor.layer_id = second
    drag(editor, (1.0, 900.0), target="rest", strength=0.5)
    stroke_layers.set_layer_opacity(document, song_id, second, 0.5)
    assert field(editor).max() == pytest.approx(0.75)
    stroke_layers.move_layer(document, song_id, second, 0)
    stroke_layers.rename_layer(document, song_id, second, "Bleed")
    assert [layer.name for layer in document.project.song(song_id).layers] == ["Bleed", "Paint 1"]
    stroke_layers.set_layer_on(document, song_id, first, False)
    assert field(editor).min() == pytest.approx(-0.25)
    stroke_layers.delete_layer(document, song_id, second)
    assert not field(editor).any()
    while document.history.undo_name != "Separate with Model":
        document.undo()
    assert not field(editor).any()


def drums_of(document, song_id, store_folder):
    """Return a song's drums as they are heard."""
    song = document.project.song(song_id)
    editor = Editor(document, song_id)
    with EditRenderer(song, document.media, DeltaStore(store_folder)) as renderer:
        deltas = renderer.deltas(editor.edit, no_checkpoint)
    editor.close()
    files = document.media.sound(song)
    with SongReader(*files) as reader:
        reader.deltas = deltas
        drums, rest, mixture = (
            reader.read(stem, 0, reader.samples) for stem in ("drums", "rest", "mixture")
        )
        np.testing.assert_allclose(drums + rest, mixture, atol=1e-6)
    return drums


def test_all_layers_off_are_the_models_drums_bit_by_bit(editor, project, tmp_path):
    document, song_id = project
    before = drums_of(document, song_id, tmp_path)
    drag(editor, (0.5, 900.0), (2.5, 2_000.0))
    drag(editor, (0.5, 900.0), (2.5, 2_000.0), target="protect")
    painted = drums_of(document, song_id, tmp_path)
    assert (painted != before).any()
    for layer in document.project.song(song_id).layers:
        stroke_layers.set_layer_on(document, song_id, layer.id, False)
    np.testing.assert_array_equal(
        drums_of(document, song_id, tmp_path).view(np.int32), before.view(np.int32)
    )


def test_what_is_protected_stays_when_another_model_comes(editor, project, tmp_path):
    document, song_id = project
    drag(editor, (1.0, 500.0), (2.0, 3_000.0), tool="rectangle", strength=0.5)
    whole = {"tool": "time range", "strength": 1.0, "hardness": 1.0}
    drag(editor, (0.5, 0.0), (2.5, 1.0), target="protect", **whole)
    stood = drums_of(document, song_id, tmp_path)
    assert [layer.kind for layer in document.project.song(song_id).layers] == ["paint", "protect"]
    separate(document, document.project.song(song_id), noise(3.0, seed=9) / 3, "Other")
    now = drums_of(document, song_id, tmp_path)
    inside, outside = slice(4_500, 19_500), slice(0, 3_500)
    np.testing.assert_allclose(now[:, inside], stood[:, inside], atol=2e-6)
    assert np.abs(now[:, outside] - stood[:, outside]).max() > 0.05
    # Painted over meanwhile: what was protected is not touched either.
    drag(editor, (1.5, 0.0), (2.0, 1.0), tool="time range", target="rest")
    over = drums_of(document, song_id, tmp_path)
    np.testing.assert_allclose(over[:, inside], stood[:, inside], atol=2e-6)
    # What is protected now joins the same layer only if the same drums stand.
    drag(editor, (1.0, 900.0), target="protect", tool="brush")
    kinds = [layer.kind for layer in document.project.song(song_id).layers]
    assert kinds == ["paint", "protect", "protect"]


def test_restoring_an_area_brings_the_models_drums_back(editor, project, tmp_path):
    document, song_id = project
    before = drums_of(document, song_id, tmp_path)
    drag(editor, (0.2, 900.0), (2.8, 2_000.0))
    drag(editor, (0.2, 900.0), (2.8, 2_000.0), target="protect")
    steps = len(document.history.commands)
    editor.restore([rectangle(1.0, 2.0, -1.0, 9_000.0)])
    assert len(document.history.commands) == steps + 1
    assert document.history.undo_name == "Restore the model's drums here"
    after = drums_of(document, song_id, tmp_path)
    inside = slice(8_000 + 512, 16_000 - 512)
    np.testing.assert_array_equal(after[:, inside], before[:, inside])
    assert (after[:, :8_000] != before[:, :8_000]).any()


def test_strokes_survive_saving_and_undo_works_after_opening(editor, project):
    document, song_id = project
    drag(editor, (1.0, 900.0), (1.2, 1_200.0), channels="left")
    drag(editor, (1.1, 900.0), (1.4, 700.0), target="rest", strength=0.3, channels="both")
    fields = [field(editor, channel) for channel in range(2)]
    document.save()
    document.undo()
    before = [field(editor, channel) for channel in range(2)]
    document.redo()
    document.save()
    path = document.folder.path
    editor.close()
    document.close()
    with Document.open(path) as again:
        reopened = Editor(again, song_id)
        for channel in range(2):
            np.testing.assert_array_equal(field(reopened, channel), fields[channel])
        again.undo()
        for channel in range(2):
            np.testing.assert_array_equal(field(reopened, channel), before[channel])
        reopened.close()


def test_painting_is_refused_where_it_could_not_be_kept(editor, project, tmp_path):
    document, song_id = project
    plain = noise(0.5)
    unseparated = a_song(document, plain, plain, name="Plain")
    with document.command("Forget") as edit:
        edit.set(("songs", unseparated, "active"), None)
    with pytest.raises(DrumStudioError, match="not been separated"):
        Editor(document, unseparated)
    document.close()
    with pytest.raises(ProjectError, match="has been closed"):
        editor.press(1.0, 900.0)


def test_a_gesture_goes_on_when_the_song_changes_under_it(editor, project):
    document, song_id = project
    drag(editor, (1.0, 900.0), (1.1, 900.0), release=False)
    other = stroke_layers.add_layer(document, song_id)
    editor.move(1.2, 900.0)
    seen = field(editor)
    editor.release()
    np.testing.assert_array_equal(field(editor), seen)
    document.undo()
    assert not field(editor).any()
    assert document.project.song(song_id).layers[0].id == other


def test_an_area_is_outlined_while_it_is_spanned(editor, project):
    drag(editor, (1.0, 900.0), (2.0, 1_500.0), tool="rectangle", release=False)
    assert editor.outline == [(1.0, 900.0), (2.0, 900.0), (2.0, 1_500.0), (1.0, 1_500.0)]
    editor.move(0.5, 700.0)
    assert editor.outline[0] == (0.5, 700.0)
    editor.release()
    assert isinstance(stroke_of(project).shape, Polygon)


def test_a_finished_stroke_is_rendered_and_only_the_newest_edit_counts(editor, project, tmp_path):
    document, song_id = project
    sound = EditSound(editor.song, document.media, DeltaStore(tmp_path / "edits"))
    ready = []
    sound.ready.connect(ready.append)
    editor.edited.connect(lambda: sound.render(editor.song, editor.edit, with_painted=True))
    try:
        drag(editor, (1.0, 900.0), (1.2, 1_200.0))
        assert sound.wait(10)
        for number in range(6):
            drag(editor, (0.4 * number, 900.0), (0.4 * number + 0.1, 1_000.0), target="rest")
        assert sound.wait(10)
        assert 2 <= len(ready) <= 7
        assert ready[-1].edit is editor.edit
        assert ready[-1].deltas.keys.keys() == editor.edit.changed_blocks()
        assert ready[-1].painted is not None
        for _ in range(7):
            document.undo()
        assert sound.wait(10)
        assert not ready[-1].deltas.keys
        document.media.mixture_file(editor.song).unlink()
        failures = []
        sound.failed.connect(failures.append)
        sound._renderer.close()
        drag(editor, (1.0, 3_000.0), (1.2, 1_200.0))
        assert sound.wait(10)
        assert len(failures) == 1
    finally:
        sound.close()
