"""The picture of a spectrogram: nothing vanishes, paint is seen at once, sound stays as it is."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from drumstudio.application import field_pixels, spectrogram_view, stroke_layers
from drumstudio.application.backlog import Backlog
from drumstudio.application.document import Document
from drumstudio.application.editor import Editor
from drumstudio.application.field_pixels import FULL, FieldPixels
from drumstudio.application.spectrogram_picture import ViewLook
from drumstudio.application.spectrogram_tiles import (
    LIMIT_BYTES,
    Detail,
    SpectrogramTiles,
    TileKey,
)
from drumstudio.application.spectrogram_view import SpectrogramView
from drumstudio.core.errors import AudioOpenError
from drumstudio.core.levels import LOWEST_DB, drums_share
from drumstudio.core.strokes import Stroke, rectangle
from drumstudio.core.view_axis import FrequencyAxis, Viewport, spans
from drumstudio.files.block_reader import SongReader
from drumstudio.files.overview import build_overview, levels_of, overview_path
from drumstudio.files.stroke_list import PlacedStroke
from drumstudio.jobs.job import no_checkpoint
from tests.edited_songs import SAMPLE_RATE, a_song, an_edited_project, noise, separate

SECONDS = 12.0
AXIS = FrequencyAxis("mel", 0.0, 4_000.0, 90)
LOUD = {"low_db": LOWEST_DB, "high_db": 7.5}  # brightness is the level itself
FAR = Viewport(0, 0.2, 60, AXIS)
NEAR = Viewport(250, 0.02, 130, AXIS)


def clicks(seconds=SECONDS):
    samples = noise(seconds) / 200
    for place in (9_000, 30_001, 61_234):
        samples[:, place] = 0.8
    return samples


@pytest.fixture
def project(tmp_path):
    document, song_id = an_edited_project(tmp_path, SECONDS)
    with document:
        yield document, song_id


@pytest.fixture
def editor(project):
    editor = Editor(*project)
    yield editor
    editor.close()


@pytest.fixture
def view(project, editor):
    with SpectrogramView(*project, editor) as view:
        view.look = ViewLook(1024, **LOUD)
        yield view


def paths_of(project):
    document, song_id = project
    song = document.project.song(song_id)
    return document.media.sound(song)


def files_of(project):
    mixture, stems = paths_of(project)
    return mixture, stems.stored["drums"]


def overview_of(project):
    song = project[0].project.song(project[1])
    return overview_path(song.mixture.sha256, song.separation.split, "drums")


def build(project):
    mixture, stems = paths_of(project)
    build_overview(
        no_checkpoint,
        mixture=str(mixture),
        stems=stems.to_plain(),
        focus="drums",
        output=str(overview_of(project)),
    )


def exact(view, viewport, **part):
    view.picture(viewport)
    assert view.wait(20)
    picture = view.picture(viewport, **part)
    assert picture.complete
    return picture


def expected(project, viewport, detail, count):
    """Return the model's levels in pixels, the slow and simple way."""
    with SongReader(*paths_of(project)) as reader:
        cells = levels_of(reader, "drums", detail.n_fft, detail.step, 0, count)
    edges = viewport.seconds_at(0) + np.arange(viewport.columns + 1) * viewport.seconds_per_pixel
    step, offset = detail.step / SAMPLE_RATE, detail.offset / SAMPLE_RATE
    columns = spans(edges, step, count, offset)
    rows = spans(viewport.axis.edges_hz(), SAMPLE_RATE / detail.n_fft, cells.shape[2])
    out = np.zeros((3, viewport.axis.rows, viewport.columns), dtype=np.uint8)
    for column, (first, last) in enumerate(zip(columns.first, columns.last, strict=True)):
        for row, (low, high) in enumerate(zip(rows.first, rows.last, strict=True)):
            out[:, row, column] = cells[:, first:last, low:high].max(axis=(1, 2))
    return out


@pytest.mark.parametrize("viewport", [FAR, NEAR, replace(NEAR, seconds_per_pixel=0.003)])
@pytest.mark.parametrize("with_overview", [False, True])
def test_every_pixel_shows_the_largest_of_its_cells(project, view, viewport, with_overview):
    if with_overview:
        build(project)
    tiles = SpectrogramTiles(view.grid, *paths_of(project), "drums", overview_of(project))
    detail = tiles.detail(1024, viewport.seconds_per_pixel * SAMPLE_RATE)
    model = expected(project, viewport, detail, tiles.columns(detail))
    tiles.close()
    for number, stem in enumerate(("mixture", "drums", "rest")):
        view.look = replace(view.look, stem=stem)
        picture = exact(view, viewport)
        np.testing.assert_array_equal(picture.level, model[number])
        np.testing.assert_array_equal(picture.share, drums_share(model[1], model[2]))


def test_the_overview_shows_the_whole_song_before_anything_is_computed(project, editor):
    build(project)
    with SpectrogramView(*project, editor) as view:
        assert view.has_overview
        picture = view.picture(FAR)
        assert picture.complete
        assert picture.level.any(axis=0).all()
        near = view.picture(NEAR)
        assert not near.complete
        assert near.level.any(axis=0).all()
        finer = exact(view, NEAR)
        assert (finer.level != near.level).any()


def test_without_an_overview_the_picture_comes_in_and_that_is_told(view):
    told = []
    view.changed.connect(told.append)
    first = view.picture(FAR)
    assert not first.complete
    assert not first.level.any()
    assert exact(view, FAR).level.any(axis=0).all()
    areas = [area for area in told if area is not None]
    assert min(area.start_seconds for area in areas) <= 0
    assert max(area.stop_seconds for area in areas) >= SECONDS


@pytest.mark.parametrize("first_column", [200, 251, 302, 337, 390])
def test_a_window_that_draws_only_what_it_is_told_of_is_complete_in_the_end(
    project, view, first_column, monkeypatch
):
    build(project)  # until all of a strip is there, it is shown coarse
    monkeypatch.setattr(spectrogram_view, "_TELL_SECONDS", 0.0)
    viewport = replace(NEAR, first_column=first_column, columns=150, seconds_per_pixel=0.012)
    drawn = np.zeros((AXIS.rows, viewport.columns), dtype=np.uint8)

    def draw(area):
        seen = None if area is None else viewport.pixels_of(area)
        if seen is not None:
            first, last, top, bottom = seen
            part = view.picture(viewport, (first, last), (top, bottom)).level
            drawn[top:bottom, first:last] = part

    view.changed.connect(draw)  # at once, while the window waits
    view.picture(viewport)
    assert view.wait(20)
    np.testing.assert_array_equal(drawn, exact(view, viewport).level)


def test_an_overview_that_is_missing_is_made_once_all_else_is_done(project, view):
    view.picture(NEAR)
    assert view.wait(20)
    assert overview_of(project).exists()
    assert view.has_overview
    assert view.picture(FAR).complete


def test_a_cache_that_can_not_be_written_is_no_trouble(project, view):
    folder = overview_of(project).parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("not a folder")
    failures = []
    view.failed.connect(failures.append)
    assert exact(view, NEAR).level.any()
    assert not failures
    assert not view.has_overview


def test_an_overview_that_comes_later_is_taken(project, view):
    assert not view.has_overview
    build(project)
    assert view.has_overview
    assert view.picture(FAR).complete


def test_no_click_vanishes_at_any_zoom(tmp_path):
    with Document.create(tmp_path / "Clicks") as document:
        song_id = a_song(document, clicks(), clicks() / 2)
        build((document, song_id))
        with SpectrogramView(document, song_id) as view:
            view.look = ViewLook(**LOUD)
            for seconds_per_pixel in (0.001, 0.0047, 0.03, 0.21, 1.7):
                for place in (9_000, 30_001, 61_234):
                    middle = place / SAMPLE_RATE / seconds_per_pixel
                    near = Viewport(int(middle) - 40, seconds_per_pixel, 80, AXIS)
                    seen = exact(view, near).level.min(axis=0)  # a click is in every row
                    assert seen[36:45].max() > 120
                    if 0.004 < seconds_per_pixel < 0.1:  # alone in the window, and in view
                        assert seen[36:45].max() > seen[:10].max() + 15


def test_columns_outside_the_song_are_dark(view):
    picture = exact(view, Viewport(-30, 0.2, 200, AXIS))
    inside = slice(30, 90)
    assert picture.level[:, inside].any(axis=0).all()
    assert not picture.level[:, :30].any()
    assert not picture.level[:, 90:].any()
    assert not picture.share[:, 90:].any()


def test_a_part_of_the_picture_is_that_part(view, editor):
    editor.press(5.5, 1_500.0)
    whole = exact(view, NEAR)
    part = view.picture(NEAR, (17, 101), (5, 60))
    np.testing.assert_array_equal(part.level, whole.level[5:60, 17:101])
    np.testing.assert_array_equal(part.share, whole.share[5:60, 17:101])
    scrolled = exact(view, replace(NEAR, first_column=NEAR.first_column + 13))
    np.testing.assert_array_equal(scrolled.level[:, :-13], whole.level[:, 13:])


def test_paint_is_seen_while_it_is_painted_and_gone_when_undone(project, view, editor):
    told = []
    before = exact(view, NEAR)
    view.changed.connect(told.append)
    editor.settings = replace(editor.settings, hardness=1.0, size_seconds=0.3, size_hz=600.0)
    editor.press(5.7, 1_500.0)
    editor.move(6.2, 1_500.0)
    assert told
    rect = NEAR.pixels_of(told[-1])
    assert rect is not None
    column, row = int(NEAR.column_at(6.0)), int(AXIS.row_at(1_500.0))
    assert rect[0] <= column < rect[1]
    assert rect[2] <= row < rect[3]
    during = view.picture(NEAR)
    assert during.share[row, column] == 255
    changed = during.share != before.share
    assert changed[rect[2] : rect[3], rect[0] : rect[1]].any()
    changed[rect[2] : rect[3], rect[0] : rect[1]] = False
    assert not changed.any()
    np.testing.assert_array_equal(during.level, before.level)  # the mixture is what it was
    editor.release()
    np.testing.assert_array_equal(view.picture(NEAR).share, during.share)
    project[0].undo()
    np.testing.assert_array_equal(view.picture(NEAR).share, before.share)


def test_a_painted_stem_looks_as_it_sounds(view, editor):
    area = {"tool": "rectangle", "hardness": 1.0}
    levels = {}
    for stem in ("mixture", "drums", "rest"):
        view.look = replace(view.look, stem=stem)
        levels[stem] = exact(view, NEAR).level
    editor.settings = replace(editor.settings, target="rest", **area)
    editor.press(5.5, 1_000.0)
    editor.move(6.5, 2_000.0)
    editor.release()
    columns = slice(int(NEAR.column_at(5.6)), int(NEAR.column_at(6.4)))
    rows = slice(int(AXIS.row_at(1_900.0)) + 1, int(AXIS.row_at(1_100.0)))
    view.look = replace(view.look, stem="drums")
    assert not exact(view, NEAR).level[rows, columns].any()
    view.look = replace(view.look, stem="rest")
    rest = exact(view, NEAR).level[rows, columns]
    assert (rest >= levels["rest"][rows, columns]).all()
    assert rest.mean() > levels["rest"][rows, columns].mean() + 1


def test_what_is_protected_is_marked_and_not_painted_over(view, editor):
    area = {"tool": "time range", "hardness": 1.0}
    before = exact(view, NEAR)
    assert before.protected is None
    editor.settings = replace(editor.settings, target="protect", **area)
    editor.press(5.5, 1_000.0)
    editor.move(6.0, 1_000.0)
    editor.release()
    editor.settings = replace(editor.settings, target="drums", **area)
    editor.press(5.2, 1_000.0)
    editor.move(6.5, 1_000.0)
    editor.release()
    after = exact(view, NEAR)
    kept = slice(int(NEAR.column_at(5.55)), int(NEAR.column_at(5.95)))
    free = slice(int(NEAR.column_at(6.05)), int(NEAR.column_at(6.45)))
    assert (after.protected[:, kept] >= 254).all()
    assert not after.protected[:, free].any()
    np.testing.assert_array_equal(after.share[:, kept], before.share[:, kept])
    assert (after.share[:, free] == 255).all()


def test_what_is_kept_of_another_model_looks_as_it_did(project, view, editor):
    document, song_id = project
    area = {"tool": "time range", "hardness": 1.0}
    editor.settings = replace(editor.settings, target="rest", strength=0.5, **area)
    editor.press(5.6, 1_000.0)
    editor.move(5.9, 1_000.0)
    editor.release()
    stood = exact(view, NEAR)
    editor.settings = replace(editor.settings, target="protect", strength=1.0, **area)
    editor.press(5.5, 1_000.0)
    editor.move(6.0, 1_000.0)
    editor.release()
    first = document.project.song(song_id).active
    other = noise(SECONDS, seed=9) / 50
    separate(document, document.project.song(song_id), other, "Other")
    after = exact(view, NEAR)
    kept = slice(int(NEAR.column_at(5.55)), int(NEAR.column_at(5.95)))
    free = slice(int(NEAR.column_at(6.05)), int(NEAR.column_at(6.45)))
    assert stood.share[:, kept].mean() > after.share[:, free].mean() + 20
    np.testing.assert_allclose(
        after.share[:, kept].astype(int), stood.share[:, kept].astype(int), atol=1
    )
    # Both again, and what was kept of it is what it is.
    with document.command("Change the model") as edit:
        edit.set(("songs", song_id, "active"), first)
    again = exact(view, NEAR)
    np.testing.assert_array_equal(again.share, stood.share)


def test_painting_one_channel_is_half_of_painting_both(view, editor):
    editor.settings = replace(editor.settings, tool="time range", hardness=1.0, channels="left")
    before = exact(view, NEAR).share.astype(float)
    editor.press(5.5, 1_000.0)
    editor.move(6.5, 1_000.0)
    editor.release()
    after = exact(view, NEAR).share.astype(float)
    column = int(NEAR.column_at(6.0))
    expected = before[:, column] + 0.5 * (255 - before[:, column])
    np.testing.assert_allclose(after[:, column], expected, atol=2)


def test_the_amount_is_seen(project, view):
    document, song_id = project
    before = exact(view, NEAR)
    told = []
    view.changed.connect(told.append)
    with document.command("Set amount") as edit:
        edit.set(("songs", song_id, "amount"), 1.0)
    assert None in told
    after = exact(view, NEAR)
    assert after.share.mean() < before.share.mean() - 20
    np.testing.assert_array_equal(after.level, before.level)


def test_many_painted_tiles_are_brought_to_the_screen_in_the_background(project, view, monkeypatch):
    monkeypatch.setattr(field_pixels, "_QUICK_SECONDS", 0.0)
    document, song_id = project
    bands = [rectangle(0.0, SECONDS, 200.0 * n, 200.0 * n + 150) for n in range(18)]
    stroke_layers.apply_strokes(
        document, song_id, [PlacedStroke(Stroke("drums", band)) for band in bands], "Paint bands"
    )
    tall = replace(FAR, axis=FrequencyAxis("linear", 0.0, 4_000.0, 200))
    part = view.picture(tall, (0, tall.columns), (0, 200))  # what a window asks for after a stroke
    assert not part.complete
    assert view.wait(20)
    assert view.picture(tall, (10, 50), (0, 200)).share.max() == 255
    assert (exact(view, tall).share[:, 3:-3] == 255).mean() > 0.5


def test_another_model_is_another_picture(project, view):
    document, song_id = project
    before = exact(view, NEAR)
    separate(document, document.project.song(song_id), noise(SECONDS, seed=9) / 50, "Other")
    after = exact(view, NEAR)
    assert after.share.mean() < before.share.mean() / 3
    np.testing.assert_array_equal(after.level, before.level)


def test_a_song_that_was_not_separated_shows_its_levels(project):
    document, song_id = project
    with document.command("Forget") as edit:
        edit.set(("songs", song_id, "active"), None)
    with SpectrogramView(document, song_id) as view:
        view.look = ViewLook(stem="drums", **LOUD)
        picture = exact(view, NEAR)
        assert picture.share is None
        assert picture.protected is None
        assert picture.level.any()
        assert view.read_out(6.0, 1_000.0).share is None


def test_the_range_of_levels_is_what_is_asked_for(view):
    wide = exact(view, NEAR).level.astype(int)
    view.look = replace(view.look, low_db=-60.0, high_db=-20.0)
    narrow = exact(view, NEAR).level
    decibels = LOWEST_DB + wide / 2
    np.testing.assert_allclose(narrow, np.clip((decibels + 60) / 40, 0, 1) * 255, atol=0.51)
    with pytest.raises(ValueError, match="n_fft"):
        ViewLook(n_fft=1000)
    with pytest.raises(ValueError, match="high_db"):
        ViewLook(low_db=-10.0, high_db=-10.0)


def test_the_read_out_says_what_is_under_the_pointer(project, view, editor):
    nothing = view.read_out(6.0, 440.0)
    assert (nothing.note, nothing.db, nothing.share) == ("A4", None, None)
    picture = exact(view, NEAR)
    hertz = AXIS.hz_at(40.5)
    read = view.read_out(NEAR.seconds_at(64.5), hertz)
    assert read.db is not None
    assert read.share is not None
    around = picture.level[38:43, 62:68]
    assert around.min() <= (read.db - LOWEST_DB) * 2 <= around.max()
    editor.settings = replace(editor.settings, tool="time range", hardness=1.0)
    editor.press(5.0, 0.0)
    editor.move(7.0, 0.0)
    editor.release()
    assert view.read_out(6.0, 1_000.0).share == 1.0
    assert view.read_out(-1.0, 1_000.0).db is None
    assert view.read_out(1.0, 1e6).db is None


def test_looking_changes_no_sound(project, view, editor):
    document, _ = project
    files = [path.read_bytes() for path in files_of(project)]
    before = document.project
    for n_fft in (1024, 2048, 4096, 8192):
        for scale in ("linear", "log", "mel"):
            view.look = replace(view.look, n_fft=n_fft)
            view.picture(replace(NEAR, axis=FrequencyAxis(scale, 0.0, 4_000.0, 60)))
    view.wait(20)
    assert document.project is before
    assert [path.read_bytes() for path in files_of(project)] == files
    assert not editor.edit.changed_blocks()


def test_a_missing_file_is_told_and_the_view_goes_on(project, view):
    failures = []
    view.failed.connect(failures.append)
    files_of(project)[1].unlink()
    picture = view.picture(NEAR)
    assert view.wait(20)
    assert isinstance(failures[0], AudioOpenError)
    assert not view.picture(NEAR).complete
    assert not picture.level.any()


def test_tiles_keep_to_their_limit(project):
    grid = Editor(*project).grid
    with SpectrogramTiles(
        grid, *paths_of(project), "drums", overview_of(project), 1_000_000
    ) as tiles:
        detail = Detail(1024, 64)
        for number in range(10):
            tiles.compute(TileKey(detail, number))
            assert tiles.bytes <= 1_000_000
        assert tiles.get(TileKey(detail, 0)) is None
        assert tiles.get(TileKey(detail, 9)) is not None
    # A view of 4,000 pixels at the longest window has room.
    assert LIMIT_BYTES > 2 * 4_000 * 4_097 * 3


def test_a_patch_that_was_painted_on_meanwhile_is_not_kept(editor):
    pixels: FieldPixels

    def tile(channel, index):
        pixels.forget([index])
        return np.ones(editor.grid.shape(index), dtype=np.float32)

    pixels = FieldPixels(editor.grid, tile)
    patch = pixels.make((0, 0), NEAR)
    assert (patch.values == FULL).all()
    assert pixels.get((0, 0), NEAR) is None


def test_a_backlog_does_only_what_is_wanted_last():
    backlog = Backlog("test")
    done, go = [], threading.Event()
    backlog.replace([go.wait, *(lambda n=n: done.append(n) for n in range(5))])
    assert not backlog.wait(0.01)
    backlog.replace([lambda: done.append("last")])
    go.set()
    assert backlog.wait(10)
    assert done in (["last"], [0, "last"])
    backlog.close()
    backlog.replace([lambda: done.append("never")])
    assert backlog.is_empty or done[-1] == "last"
