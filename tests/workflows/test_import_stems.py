"""Stems that were made elsewhere: any names, any files, and what they leave is a stem too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from drumstudio.application.document import Document
from drumstudio.application.project_edits import render_project
from drumstudio.application.projects import project_add, project_import_stems, project_info
from drumstudio.cli.main import run
from drumstudio.core.errors import AudioOpenError, ProjectError
from drumstudio.core.separation import Media
from drumstudio.core.song import Song
from drumstudio.files.decode import decode
from drumstudio.files.encode import encode
from drumstudio.files.mixdown import mix_down
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workflows.import_stems import are_stems, named_stems
from drumstudio.workflows.stem_presence import NotInSongError
from tests.edited_songs import noise, without_waiting_for_the_disk

RATE = 44_100
PARTS = {
    name: noise(0.3, seed=seed, sample_rate=RATE) / 2
    for seed, name in enumerate(("drums", "bass", "vocals", "hiss"), 1)
}


class DirectPool:
    """Runs a worker's jobs here."""

    def run(self, job, checkpoint, **arguments):
        jobs = {"decode": decode, "encode": encode, "mix_down": mix_down}
        return jobs[job](checkpoint, **arguments)


@pytest.fixture
def project(tmp_path, monkeypatch):
    without_waiting_for_the_disk(monkeypatch)
    song = write(tmp_path / "Night.wav", sum(PARTS.values()))
    Document.create(tmp_path / "P").close()
    project_add(tmp_path / "P.drumstudio", [song], DirectPool(), no_checkpoint)
    return tmp_path / "P.drumstudio"


def write(path, samples, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.T, rate, subtype="FLOAT")
    return path


def files(tmp_path, *names):
    return {name: write(tmp_path / "in" / f"{name}.wav", PARTS[name]) for name in names}


def taken(project, sources):
    return project_import_stems(project, "Night", sources, DirectPool(), no_checkpoint)


def rendered(project, out, *stems, form="wav-float", **options):
    report = render_project(
        *(project, out, DirectPool(), no_checkpoint), stems=stems, file_format=form, **options
    )
    (song,) = report["songs"]
    assert song["error"] is None, song["error"]
    return song, {
        file["stem"]: soundfile.read(file["path"], dtype="float32", always_2d=True)[0].T
        for file in song["files"]
    }


def test_three_stems_give_four_that_sum_to_the_song(project, tmp_path):
    report = taken(project, files(tmp_path, "vocals", "bass", "drums"))
    assert report["stems"] == ["drums", "bass", "vocals", "other"]
    assert report["separation_notes"][-1].startswith("what they leave of the song, other, peaks")
    song, heard = rendered(project, tmp_path / "all")
    assert list(heard) == ["drums", "bass", "vocals", "other"]
    assert song["sums"] == [["drums", "bass", "vocals", "other"]]
    assert song["null_residual_dbfs"] <= -140
    for name in ("drums", "bass", "vocals"):
        np.testing.assert_array_equal(heard[name], PARTS[name])
    np.testing.assert_allclose(heard["other"], PARTS["hiss"], atol=1e-6)


@pytest.mark.parametrize("form", ["wav16", "wav24", "flac"])
def test_they_sum_to_the_song_in_whole_numbers_too(project, tmp_path, form):
    taken(project, files(tmp_path, "drums", "bass", "vocals"))
    names = ("drums", "bass", "vocals", "other", "drumless", "mixture")
    song, heard = rendered(project, tmp_path / "all", *names, form=form)
    assert song["sums"] == [["drums", "bass", "vocals", "other"], ["drums", "drumless"]]
    assert song["null_residual_dbfs"] <= (-90 if form == "wav16" else -132)
    whole = np.float64(1) * heard["mixture"]
    for stems in song["sums"]:
        assert np.array_equal(sum(np.float64(1) * heard[stem] for stem in stems), whole)


def test_drumless_and_the_mix_follow_whatever_stems_there_are(project, tmp_path):
    taken(project, files(tmp_path, "drums", "bass"))
    assert project_info(project)["songs"][0]["separations"][0]["stems"][-1] == "residual"
    _, heard = rendered(project, tmp_path / "a", "drumless", "bass")
    without = sum(PARTS[name] for name in ("bass", "vocals", "hiss"))
    np.testing.assert_allclose(heard["drumless"], without, atol=1e-6)
    with Document.open(project) as document:
        (song,) = document.project.songs
        assert [lane.stem for lane in song.lanes] == ["drums", "bass", "residual"]
        with document.command("Mute bass") as edit:
            edit.set(("songs", song.id, "lanes", "bass", "strip", "mute"), True)
        document.save()
    _, heard = rendered(project, tmp_path / "b", "mix")
    muted = sum(PARTS[name] for name in ("drums", "vocals", "hiss"))
    np.testing.assert_allclose(heard["mix"], muted, atol=1e-6)


def test_a_computed_stem_of_digital_silence_is_left_out_of_all_but_not_of_what_is_named(
    project, tmp_path
):
    # Few bits, so that their float sums have no rounding.
    parts = [np.rint(part * 1024).astype(np.float32) / 1024 for part in PARTS.values()]
    write(tmp_path / "Sum.wav", sum(parts))
    project_add(project, [tmp_path / "Sum.wav"], DirectPool(), no_checkpoint)
    sources = {
        name: write(tmp_path / "in" / f"{name}.wav", part)
        for name, part in zip(PARTS, parts, strict=True)
    }
    report = project_import_stems(project, "Sum", sources, DirectPool(), no_checkpoint)
    assert report["separation_notes"][-1] == "the stems sum to the song"
    _, heard = rendered(project, tmp_path / "a", song_name="Sum")
    assert list(heard) == ["drums", "bass", "vocals", "hiss"]
    _, heard = rendered(project, tmp_path / "b", "residual", song_name="Sum")
    assert not heard["residual"].any()


def test_stems_of_other_shapes_are_fitted_and_said_and_too_many_channels_are_refused(
    project, tmp_path
):
    sources = {
        "drums": write(tmp_path / "d.wav", PARTS["drums"][:, :9_000]),
        "bass": write(tmp_path / "b.wav", np.tile(PARTS["bass"], 2)),
        "vocals": write(tmp_path / "v.wav", PARTS["vocals"][:1, ::2], RATE // 2),
    }
    notes = taken(project, sources)["separation_notes"]
    assert "drums filled with silence for 0.096 s" in notes
    assert "bass cut at the song's end by 0.300 s" in notes
    assert "vocals made of 1 channels into 2" in notes
    assert "vocals resampled from 22050 to 44100 Hz" in notes
    before = sorted(path.name for path in project.rglob("*"))
    sources["vocals"] = write(tmp_path / "v6.wav", noise(0.1, channels=6))
    with pytest.raises(AudioOpenError, match="as the vocals of Night") as caught:
        taken(project, sources)
    assert "6 channels" in caught.value.why
    with Document.open(project) as document:
        assert len(document.project.songs[0].separations) == 1
    assert not [path for path in project.rglob("*.partial")]
    assert sorted(path.name for path in project.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["a/b", "x" * 300, "drumless", "mixture", "-drums", "a,b", "Ω/", ""]
)
def test_names_that_no_stem_can_have_are_refused_before_any_work(project, tmp_path, name):
    source = write(tmp_path / "x.wav", PARTS["drums"])
    with pytest.raises(ProjectError, match="Cannot take the stems of Night") as caught:
        project_import_stems(project, "Night", {name: source}, None, no_checkpoint)
    assert "can not be the name of a stem" in caught.value.why
    assert len(str(caught.value.why)) < 120


def test_unknown_names_of_any_alphabet_work_everywhere(project, tmp_path):
    names = ("con", "ベース", "lead vocals")
    sources = {
        name: write(tmp_path / f"{number}.wav", PARTS[part])
        for number, (name, part) in enumerate(zip(names, PARTS, strict=False))
    }
    assert taken(project, sources)["stems"] == ["con", "lead vocals", "ベース", "residual"]
    song, heard = rendered(project, tmp_path / "out")
    assert song["null_residual_dbfs"] <= -140
    np.testing.assert_array_equal(heard["ベース"], PARTS["bass"])


def test_a_folder_tells_its_stems_by_the_names_of_its_files(project, tmp_path, capsys):
    folder = tmp_path / "Night stems"
    write(folder / "01 Night - Drums.wav", PARTS["drums"])
    write(folder / "Night_Vox.wav", PARTS["vocals"])
    write(folder / "Night_bass DI.wav", PARTS["bass"])
    write(folder / "Night.wav", sum(PARTS.values()))
    (folder / "notes.txt").write_text("not sound")
    words = ["project", "import-stems", str(project), "Night", str(folder), "--json"]
    assert run(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["stems"] == ["drums", "bass", "vocals", "other"]
    assert [file.rpartition("/")[2] for file in report["left_out"]] == ["Night.wav"]


def test_what_is_wrong_on_the_command_line_is_told_in_three_lines(project, tmp_path, capsys):
    good = files(tmp_path, "drums")["drums"]
    for words, said in (
        ([f"drums={good}", f"Drums={good}"], "drums is named twice"),
        ([str(good)], "a stem is given as name=file"),
        ([f"dr/ums={good}"], "can not be the name of a stem"),
        ([f"drums={tmp_path / 'none.wav'}"], "none.wav"),
    ):
        assert run(["project", "import-stems", str(project), "Night", *words]) != 0
        out, err = capsys.readouterr()
        assert said in err
        assert len(err.strip().splitlines()) == 3, err


def test_stems_that_a_song_has_not_are_named_with_those_it_has(project, tmp_path, capsys):
    taken(project, files(tmp_path, "bass", "vocals"))
    for stems, said in (("drums", "gives bass, vocals, residual"), ("drumless", "serves as drums")):
        words = ["render", str(project), "--out", str(tmp_path / "o"), "--stems", stems]
        assert run(words) == 1
        assert said in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_songs_of_an_album_are_no_stems_of_a_song():
    media = Media("0" * 64, 1, RATE, 2, 100)
    song = Song("0" * 12, "Night", "night.wav", media)
    album = [Path("/x", name) for name in ("01 Opening.wav", "02 End.wav", "03 Bass Player.wav")]
    assert not are_stems(album, song)
    band = [Path("/x", name) for name in ("Night drums.wav", "Night bass.wav", "Night oud.wav")]
    assert are_stems(band, song)
    more = [*band, Path("/x/night.wav"), Path("/x/Zusatz Drums.wav")]
    stems, whole = named_stems(more, song)
    assert set(stems) == {"drums", "bass", "night oud", "zusatz drums"}
    assert whole == (Path("/x/night.wav"),)


# --- stems of another song -----------------------------------------------------------------


@pytest.fixture
def long_project(tmp_path, monkeypatch):
    """Return a project with a song of four seconds, its drums, and drums of another song."""
    without_waiting_for_the_disk(monkeypatch)
    own, other = (noise(4.0, seed=seed, sample_rate=RATE) / 2 for seed in (21, 22))
    band = noise(4.0, seed=23, sample_rate=RATE) / 2
    song = write(tmp_path / "Night.wav", own + band)
    Document.create(tmp_path / "P").close()
    project_add(tmp_path / "P.drumstudio", [song], DirectPool(), no_checkpoint)
    return tmp_path / "P.drumstudio", own, other


def test_stems_that_are_not_in_the_song_are_taken_only_if_that_is_said(long_project, tmp_path):
    project, own, other = long_project
    sources = {"drums": write(tmp_path / "other.wav", other)}
    with pytest.raises(NotInSongError, match="not in Night") as caught:
        taken(project, sources)
    assert caught.value.later_seconds is None
    assert project_info(project)["songs"][0]["separations"] == []
    project_import_stems(project, "Night", sources, DirectPool(), no_checkpoint, anyway=True)
    assert taken(project, {"drums": write(tmp_path / "own.wav", own)})["stems"][0] == "drums"


def test_stems_of_another_cut_can_be_moved_to_where_they_fit(long_project, tmp_path):
    project, own, _ = long_project
    early = own[:, RATE // 2 :]
    source = write(tmp_path / "early.wav", early)
    with pytest.raises(NotInSongError, match="0.500 s later") as caught:
        taken(project, {"drums": source})
    assert caught.value.later_seconds == pytest.approx(0.5)
    report = project_import_stems(
        project, "Night", {"drums": source}, DirectPool(), no_checkpoint, later_seconds=0.5
    )
    assert any("moved 0.500 s later" in note for note in report["separation_notes"])
    _, heard = rendered(project, tmp_path / "out", "drums")
    expected = np.concatenate([np.zeros((own.shape[0], RATE // 2), np.float32), early], axis=1)
    np.testing.assert_array_equal(heard["drums"], expected[:, : own.shape[1]])


def test_stems_that_are_moved_earlier_lose_their_beginning_and_end_in_silence(
    long_project, tmp_path
):
    project, own, _ = long_project
    late = np.concatenate([np.zeros((own.shape[0], RATE), np.float32), own], axis=1)
    source = write(tmp_path / "late.wav", late)
    project_import_stems(
        project, "Night", {"drums": source}, DirectPool(), no_checkpoint, later_seconds=-1.0
    )
    _, heard = rendered(project, tmp_path / "out", "drums")
    np.testing.assert_array_equal(heard["drums"], own)
    with pytest.raises(ProjectError, match="Cannot move"):
        project_import_stems(
            *(project, "Night", {"drums": source}, DirectPool(), no_checkpoint),
            later_seconds=float("nan"),
        )
