"""Exports of a project's songs: stems and mix, edits and all, the whole song or a range of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from drumstudio.application.document import Document
from drumstudio.application.project_edits import render_project
from drumstudio.application.song_export import ExportOrder, export_song
from drumstudio.cli.main import run
from drumstudio.core.errors import AudioWriteError, ProjectError
from drumstudio.core.song import Lane, Strip
from drumstudio.files.encode import encode
from drumstudio.files.mixdown import mix_down
from drumstudio.jobs.job import no_checkpoint
from tests.edited_songs import SAMPLE_RATE, an_edited_project, without_waiting_for_the_disk


class DirectPool:
    """Does the jobs here: what a worker adds is tested elsewhere."""

    def run(self, job, checkpoint, **arguments):
        return {"encode": encode, "mix_down": mix_down}[job](checkpoint, **arguments)


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    without_waiting_for_the_disk(monkeypatch)


@pytest.fixture
def document(tmp_path):
    made, _ = an_edited_project(tmp_path)
    yield made
    made.close()


def exported(document, folder, stems, song=None, **options):
    song = song or document.project.songs[0]
    order = ExportOrder(stems, folder, "wav-float", **options)
    report = export_song(song, document.media, order, DirectPool(), no_checkpoint)
    return {
        file["stem"]: soundfile.read(file["path"], dtype="float32", always_2d=True)[0].T
        for file in report["files"]
    }


def test_the_mix_at_rest_is_the_song_and_follows_the_strips(document, tmp_path):
    parts = exported(document, tmp_path / "a", ("drums", "rest", "mixture"))
    mix = exported(document, tmp_path / "b", ("mix",))["mix"]
    np.testing.assert_allclose(mix, parts["mixture"], atol=1e-6)
    song = replace(
        document.project.songs[0],
        lanes=(Lane("drums", Strip(gain_db=-6.0)), Lane("rest", Strip(mute=True))),
    )
    mix = exported(document, tmp_path / "c", ("mix",), song)["mix"]
    np.testing.assert_allclose(mix, parts["drums"] * 10 ** (-6 / 20), atol=1e-6)


def test_an_amount_is_in_the_export_and_the_stems_still_sum_up(document, tmp_path):
    song = document.project.songs[0]
    plain = exported(document, tmp_path / "a", ("drums", "rest", "mixture"))
    changed = exported(document, tmp_path / "b", ("drums", "rest"), replace(song, amount=0.5))
    assert np.abs(changed["drums"] - plain["drums"]).max() > 0.01
    np.testing.assert_allclose(changed["drums"] + changed["rest"], plain["mixture"], atol=1e-6)


@pytest.mark.parametrize("stems", [("drums", "rest"), ("mix",)])
def test_a_range_is_that_part_of_the_whole(document, tmp_path, stems):
    whole = exported(document, tmp_path / "a", stems)
    part = exported(document, tmp_path / "b", stems, seconds=(0.5, 1.25))
    for stem in stems:
        first, last = round(0.5 * SAMPLE_RATE), round(1.25 * SAMPLE_RATE)
        np.testing.assert_array_equal(part[stem], whole[stem][:, first:last])


def test_what_can_not_be_exported_is_refused_and_leaves_nothing(document, tmp_path):
    song = document.project.songs[0]
    with pytest.raises(ProjectError, match="not been separated"):
        exported(document, tmp_path / "a", ("drums",), replace(song, active=None))
    silent = replace(song, lanes=tuple(Lane(stem, Strip(mute=True)) for stem in ("drums", "rest")))
    with pytest.raises(AudioWriteError, match="muted"):
        exported(document, tmp_path / "a", ("mix",), silent)
    assert not (tmp_path / "a").exists() or not list((tmp_path / "a").iterdir())


def test_a_project_s_mix_can_be_written_from_the_command_line(document, tmp_path, monkeypatch):
    document.save()
    document.close()
    asked = []

    def render(*arguments, **options):
        asked.append(options)
        return render_project(arguments[0], arguments[1], DirectPool(), no_checkpoint, **options)

    monkeypatch.setattr("drumstudio.cli.render.render_project", render)
    out = tmp_path / "out"
    words = ["render", str(document.folder.path), "--out", str(out)]
    assert run([*words, "--mix", "--range", "0.5-1.25"], lambda _: None) == 0
    assert [path.name for path in out.iterdir()] == ["Song_mix.wav"]
    assert soundfile.info(out / "Song_mix.wav").frames == 0.75 * SAMPLE_RATE
    assert asked[0]["seconds"] == (0.5, 1.25)
    assert run([*words, "--stems", "Bass!"], lambda _: None) == 2
    assert run([*words, "--stems", "bass"], lambda _: None) == 1
    assert run([*words, "--range", "9"], lambda _: None) == 2
    with Document.open(document.folder.path) as untouched:
        assert not untouched.is_modified
