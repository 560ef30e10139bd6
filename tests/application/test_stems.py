"""A song of several stems, from painting to export: any focus, any destination, one sum."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from drumstudio.application import stroke_layers
from drumstudio.application.document import Document
from drumstudio.application.editor import Editor
from drumstudio.application.project_edits import render_project, strokes_apply
from drumstudio.application.song_export import ExportOrder, export_song
from drumstudio.application.spectrogram_picture import ViewLook
from drumstudio.application.spectrogram_view import SpectrogramView
from drumstudio.cli.main import run
from drumstudio.core.errors import ProjectError
from drumstudio.core.view_axis import FrequencyAxis, Viewport
from drumstudio.files.encode import encode
from drumstudio.files.mixdown import mix_down
from drumstudio.jobs.job import no_checkpoint
from tests.edited_songs import (
    SAMPLE_RATE,
    a_song,
    noise,
    separate,
    split,
    without_waiting_for_the_disk,
)

SECONDS = 3.0
PARTS = {
    name: noise(SECONDS, seed=seed) / 4
    for seed, name in enumerate(("drums", "bass", "vocals", "strings"), 1)
}
NAMES = ("drums", "bass", "vocals", "other")


class DirectPool:
    def run(self, job, checkpoint, **arguments):
        return {"encode": encode, "mix_down": mix_down}[job](checkpoint, **arguments)


@pytest.fixture
def project(tmp_path, monkeypatch):
    without_waiting_for_the_disk(monkeypatch)
    document = Document.create(tmp_path / "P")
    song_id = a_song(document, sum(PARTS.values()), PARTS["drums"])
    stored = {name: PARTS[name] for name in NAMES[:3]}
    split(document, document.project.song(song_id), stored, "Four")
    yield document, song_id
    document.close()


@pytest.fixture
def editor(project):
    editor = Editor(*project)
    yield editor
    editor.close()


def paint(editor, target, seconds=(1.0, 2.0)):
    editor.settings = replace(editor.settings, tool="time range", target=target, hardness=1.0)
    editor.press(seconds[0], 100.0)
    editor.move(seconds[1], 200.0)
    editor.release()


def heard(project, folder, stems=(), form="wav-float"):
    document, song_id = project
    order = ExportOrder(stems, folder, form)
    song = document.project.song(song_id)
    report = export_song(song, document.media, order, DirectPool(), no_checkpoint)
    return report, {
        file["stem"]: soundfile.read(file["path"], dtype="float32", always_2d=True)[0].T
        for file in report["files"]
    }


INSIDE = slice(round(1.1 * SAMPLE_RATE), round(1.9 * SAMPLE_RATE))


def test_what_is_taken_from_a_focus_goes_to_the_destination(project, editor, tmp_path):
    editor.aim("bass", "vocals")
    paint(editor, "rest")
    assert project[0].history.undo_name == "Paint to vocals"
    report, stems = heard(project, tmp_path / "a", form="wav24")
    assert report["null_residual_dbfs"] <= -132
    assert np.abs(stems["bass"][:, INSIDE]).max() < 1e-5
    expected = PARTS["vocals"] + PARTS["bass"]
    np.testing.assert_allclose(stems["vocals"][:, INSIDE], expected[:, INSIDE], atol=1e-5)
    np.testing.assert_allclose(stems["drums"], PARTS["drums"], atol=1e-6)
    np.testing.assert_allclose(stems["other"], PARTS["strings"], atol=1e-5)


def test_what_a_focus_is_given_comes_from_all_others(project, editor, tmp_path):
    editor.aim("vocals")
    paint(editor, "drums")
    assert project[0].history.undo_name == "Paint to vocals"
    _, stems = heard(project, tmp_path / "a", (*NAMES, "drumless"))
    song = sum(PARTS.values())
    np.testing.assert_allclose(stems["vocals"][:, INSIDE], song[:, INSIDE], atol=1e-5)
    for name in ("drums", "bass", "other"):
        assert np.abs(stems[name][:, INSIDE]).max() < 1e-5
    np.testing.assert_allclose(stems["drumless"][:, INSIDE], song[:, INSIDE], atol=1e-5)


def test_the_computed_stem_can_be_painted_like_any_other(project, editor, tmp_path):
    editor.aim("other", "drums")
    paint(editor, "rest")
    _, stems = heard(project, tmp_path / "a")
    expected = PARTS["drums"] + PARTS["strings"]
    np.testing.assert_allclose(stems["drums"][:, INSIDE], expected[:, INSIDE], atol=1e-5)
    assert np.abs(stems["other"][:, INSIDE]).max() < 1e-5


def test_each_focus_and_destination_has_a_layer_of_its_own_and_undo_takes_it_back(
    project, editor, tmp_path
):
    before = heard(project, tmp_path / "before")[1]
    for ends in (("drums", ""), ("bass", "vocals"), ("bass", ""), ("other", "bass")):
        editor.aim(*ends)
        paint(editor, "rest")
        paint(editor, "drums", (0.2, 0.4))
    layers = editor.song.layers
    ends = [(layer.focus, layer.destination) for layer in layers]
    assert ends == [("", ""), ("bass", "vocals"), ("bass", ""), ("other", "bass")]
    assert [len(layer.strokes) for layer in layers] == [2, 2, 2, 2]
    report, _ = heard(project, tmp_path / "after")
    assert report["null_residual_dbfs"] <= -140
    for _ in range(8):
        project[0].undo()
    _, again = heard(project, tmp_path / "again")
    for name, sound in before.items():
        np.testing.assert_array_equal(again[name], sound)


def test_a_layer_rests_under_a_separation_without_its_stems_and_the_report_names_it(
    project, editor, tmp_path
):
    document, song_id = project
    editor.aim("bass", "vocals")
    paint(editor, "rest")
    editor.aim("")
    paint(editor, "rest")
    two = document.project.song(song_id).separations[0]
    with document.command("Choose separation") as edit:
        edit.set(("songs", song_id, "active"), two.id)
    song = document.project.song(song_id)
    assert [layer.focus for layer in stroke_layers.resting(song)] == ["bass"]
    assert editor.focus == "drums"
    report, stems = heard(project, tmp_path / "two")
    assert [note for note in report["notes"] if "rests" in note]
    # The layer of the song's own focus acts on the drums of the other model as well.
    assert np.abs(stems["drums"][:, INSIDE]).max() < 1e-5
    np.testing.assert_allclose(stems["rest"][:, INSIDE], sum(PARTS.values())[:, INSIDE], atol=1e-5)


def test_protection_keeps_all_stems_whatever_is_painted_later(project, editor, tmp_path):
    before = heard(project, tmp_path / "before")[1]
    paint(editor, "protect")
    editor.aim("bass", "vocals")
    paint(editor, "rest", (0.5, 2.5))
    _, after = heard(project, tmp_path / "after")
    for name in NAMES:
        np.testing.assert_allclose(after[name][:, INSIDE], before[name][:, INSIDE], atol=1e-5)
    outside = slice(round(0.6 * SAMPLE_RATE), round(0.9 * SAMPLE_RATE))
    assert np.abs(after["bass"][:, outside]).max() < 1e-5


def test_restore_acts_on_one_focus(project, editor, tmp_path):
    for focus in ("bass", "vocals"):
        editor.aim(focus)
        paint(editor, "rest")
    editor.restore([layer_area()])
    _, stems = heard(project, tmp_path / "a")
    np.testing.assert_allclose(stems["vocals"], PARTS["vocals"], atol=1e-5)
    assert np.abs(stems["bass"][:, INSIDE]).max() < 1e-5


def layer_area():
    from drumstudio.core.strokes import rectangle

    return rectangle(-1.0, 9.0, -9.0, 9e3)


def test_strokes_of_a_file_name_their_stems(project, tmp_path, capsys):
    document, _ = project
    document.save()
    document.close()
    strokes = tmp_path / "strokes.json"
    stroke = {"target": "destination", "time_range": [0.9, 2.1]}
    ends = {"focus": "bass", "destination": "vocals"}
    strokes.write_text(json.dumps({"strokes": [{**stroke, **ends}]}))
    path = document.folder.path
    strokes_apply(path, strokes)
    report = render_project(path, tmp_path / "o", DirectPool(), no_checkpoint)
    files = {file["stem"]: file["path"] for file in report["songs"][0]["files"]}
    bass = soundfile.read(files["bass"], dtype="float32")[0].T
    assert np.abs(bass[:, INSIDE]).max() < 1e-5
    for wrong in ({"focus": "oboe"}, {"focus": "bass", "destination": "bass"}):
        strokes.write_text(json.dumps({"strokes": [{**stroke, **wrong}]}))
        with pytest.raises(ProjectError, match="Cannot paint"):
            strokes_apply(path, strokes)
        assert run(["strokes", "apply", str(path), str(strokes)]) == 1
        assert len(capsys.readouterr().err.strip().splitlines()) == 3


def test_the_spectrogram_shows_the_focus_against_all_others(project, editor):
    axis = FrequencyAxis("linear", 0.0, SAMPLE_RATE / 2, 60)
    whole = Viewport(0, SECONDS / 100, 100, axis)
    with SpectrogramView(*project, editor) as view:
        view.look = ViewLook(1024, low_db=-100.0, high_db=0.0)

        def share():
            view.picture(whole)
            assert view.wait(20)
            return view.picture(whole).share[:, 40:60].astype(float).mean()

        drums = share()
        editor.aim("bass")
        bass = share()
        assert abs(drums - bass) < 25  # noises of one loudness
        paint(editor, "rest", (1.0, 2.0))
        assert share() < 5
        editor.aim("drums")
        assert abs(share() - drums) < 1  # nothing was painted on the drums
        editor.aim("other")
        assert share() > bass + 20  # to which the bass went


def test_another_separation_of_a_song_gives_lanes_to_its_stems(project):
    document, song_id = project
    song = document.project.song(song_id)
    assert [lane.stem for lane in song.lanes] == ["drums", "rest", "bass", "vocals", "other"]
    separate(document, song, PARTS["drums"] / 2, "Again")
    assert document.project.song(song_id).lanes == song.lanes
