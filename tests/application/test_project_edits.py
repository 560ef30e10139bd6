"""Painting and rendering from the command line: what is painted is in the files, and they sum."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from drumstudio.application.document import Document
from drumstudio.application.project_edits import render_project, strokes_apply
from drumstudio.application.stroke_layers import apply_strokes
from drumstudio.core.errors import DrumStudioError, ProjectError
from drumstudio.files.encode import encode
from drumstudio.files.stroke_list import PlacedStroke
from drumstudio.jobs.job import no_checkpoint
from tests.edited_songs import a_song, an_edited_project, noise, without_waiting_for_the_disk
from tests.strokes import a_grid, a_stroke


class DirectPool:
    """Does the encode job here: what a worker adds is tested elsewhere."""

    def run(self, job, checkpoint, **arguments):
        assert job == "encode"
        return encode(checkpoint, **arguments)


@pytest.fixture
def path(tmp_path):
    document, _ = an_edited_project(tmp_path)
    document.save()
    document.close()
    return document.folder.path


def strokes_file(tmp_path, *strokes, **fields):
    file = tmp_path / "strokes.json"
    file.write_text(json.dumps({"strokes": strokes, **fields}))
    return file


def rendered(path, out, **options):
    options = {"file_format": "wav-float", **options}
    return render_project(path, out, DirectPool(), no_checkpoint, **options)


def sound(report, stem):
    (file,) = [file for file in report["files"] if file["stem"] == stem]
    return soundfile.read(file["path"], dtype="float32")[0].T


def test_songs_of_one_name_do_not_write_over_each_other(tmp_path):
    document, song_id = an_edited_project(tmp_path)
    other = a_song(document, noise(1.0, seed=3), noise(1.0, seed=4))
    assert document.project.song(other).name == document.project.song(song_id).name
    document.save()
    document.close()
    report = rendered(document.folder.path, tmp_path / "out", overwrite=True)
    names = [Path(file["path"]).name for song in report["songs"] for file in song["files"]]
    assert names == ["Song_drums.wav", "Song_rest.wav", "Song (2)_drums.wav", "Song (2)_rest.wav"]


def test_strokes_of_a_file_are_painted_and_rendered(path, tmp_path):
    before = rendered(path, tmp_path / "before")["songs"][0]
    strokes = [
        {"target": "drums", "time_range": [1.0, 2.0]},
        {"target": "rest", "layer": "Left", "channels": "left", "time_range": [0.25, 0.5]},
        {"target": "erase", "layer": "Left", "time_range": [0.4, 0.45]},
    ]
    report = strokes_apply(path, strokes_file(tmp_path, *strokes))
    assert report["strokes"] == 3
    assert report["layers"] == [
        {"name": "Paint 1", "kind": "paint", "strokes": 1},
        {"name": "Left", "kind": "paint", "strokes": 2},
    ]
    after = rendered(path, tmp_path / "after")["songs"][0]
    assert after["strokes"] == 3
    assert after["null_residual_dbfs"] <= -140
    drums, rest = sound(after, "drums"), sound(after, "rest")
    mixture = sound(before, "drums") + sound(before, "rest")
    np.testing.assert_allclose(drums + rest, mixture, atol=1e-7)
    assert np.abs(rest[:, 8_300:15_700]).max() < 1e-6
    np.testing.assert_array_equal(drums[1, :7_000], sound(before, "drums")[1, :7_000])
    assert (drums[0, :7_000] != sound(before, "drums")[0, :7_000]).any()
    with Document.open(path) as document:
        assert document.history.undo_name == "Apply strokes of strokes.json"
        document.undo()
        assert document.project.songs[0].layers == ()


def test_nothing_painted_renders_the_models_drums(path, tmp_path):
    report = rendered(path, tmp_path / "out")["songs"][0]
    np.testing.assert_array_equal(sound(report, "drums"), noise(3.0, seed=2) / 2)


@pytest.mark.robust
def test_the_null_holds_after_500_strokes_in_every_format(tmp_path, monkeypatch):
    without_waiting_for_the_disk(monkeypatch)
    document, song_id = an_edited_project(tmp_path)
    generator = np.random.default_rng(3)
    grid = a_grid()
    targets = ("drums", "rest", "erase", "protect")
    strokes = [PlacedStroke(a_stroke(generator, grid, targets)) for _ in range(500)]
    apply_strokes(document, song_id, strokes, "Paint a lot")
    with document.command("Set amount") as edit:
        edit.set(("songs", song_id, "amount"), -0.3)
    document.save()
    document.close()
    limits = {"wav-float": -140, "wav24": -132, "wav16": -90}
    for file_format, limit in limits.items():
        report = rendered(document.folder.path, tmp_path / file_format, file_format=file_format)
        (song,) = report["songs"]
        assert song["strokes"] == 500
        assert song["null_residual_dbfs"] <= limit
        # The control: the model's drums in the place of the edited ones would not sum up.
        rest = sound(song, "rest")
        assert np.abs(noise(3.0, seed=2) / 2 + rest - noise(3.0)).max() > 0.05


def test_files_that_are_there_are_kept_and_told(path, tmp_path):
    rendered(path, tmp_path / "out")
    again = rendered(path, tmp_path / "out")["songs"][0]
    assert again["error"]["kind"] == "OutputExistsError"
    assert rendered(path, tmp_path / "out", overwrite=True)["songs"][0]["error"] is None


def test_a_song_is_named_where_there_are_several(path, tmp_path):
    with Document.open(path) as document:
        a_song(document, noise(1.0), noise(1.0) / 3, name="Other")
        document.save()
    stroke = {"target": "drums", "time_range": [0.2, 0.4]}
    with pytest.raises(ProjectError, match="holds 2 songs"):
        strokes_apply(path, strokes_file(tmp_path, stroke))
    with pytest.raises(DrumStudioError, match="Cannot find the song"):
        strokes_apply(path, strokes_file(tmp_path, stroke, song="None"))
    strokes_apply(path, strokes_file(tmp_path, stroke, song="Other"))
    names = [song["name"] for song in rendered(path, tmp_path / "out")["songs"]]
    assert names == ["Song", "Other"]
    only = rendered(path, tmp_path / "one", song_name="Other", stems=["rest"])["songs"]
    assert [song["strokes"] for song in only] == [1]


def test_songs_without_drums_are_refused(tmp_path):
    with Document.create(tmp_path / "Empty") as document:
        pass
    with pytest.raises(ProjectError, match="none of its songs"):
        rendered(document.folder.path, tmp_path)


def test_a_wrong_layer_changes_nothing(path, tmp_path):
    strokes = [
        {"target": "drums", "layer": "A", "time_range": [0.2, 0.4]},
        {"target": "protect", "layer": "A", "time_range": [0.2, 0.4]},
    ]
    with pytest.raises(ProjectError, match="does not belong on a paint layer"):
        strokes_apply(path, strokes_file(tmp_path, *strokes))
    with Document.open(path) as document:
        assert document.project.songs[0].layers == ()
