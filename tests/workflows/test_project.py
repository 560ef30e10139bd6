"""What comes into a project: songs, separations, drums made elsewhere, files found again."""

from __future__ import annotations

import random
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from drumstudio import atomic
from drumstudio.application.document import Document
from drumstudio.application.projects import (
    project_add,
    project_clean,
    project_import_stems,
    project_info,
    project_new,
    project_recover,
    project_recover_one,
    project_relink,
    project_restore,
    project_separate,
)
from drumstudio.core.errors import AudioOpenError, Cancelled, DrumStudioError, ProjectError
from drumstudio.files.decode import decode
from drumstudio.files.result_cache import ResultCache
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.version import ENGINE_VERSION
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workflows.separation_settings import SeparationSettings
from tests.projects import random_command


class InlinePool:
    """Does the jobs of a worker in this process: decoding for real, halving for separating."""

    def __init__(self):
        self.separated = 0

    def run(self, job, checkpoint, **arguments):
        return {"decode": decode, "separate": self.separate}[job](checkpoint, **arguments)

    def separate(self, checkpoint, *, mixture, drums, settings, device, **_):
        checkpoint(0.5, "Separating")
        self.separated += 1
        with WavReader(mixture) as reader:
            samples = reader.read(0, reader.samples)
            with WavWriter(drums, reader.sample_rate, reader.channels) as writer:
                writer.write(samples * np.float32(settings["share"]))
        return {
            "device": device,
            "chunk_seconds": 1.0,
            "seconds": 0.1,
            "real_time_factor": 0.1,
            "engine_version": ENGINE_VERSION,
            "notes": ["halved"],
        }


@pytest.fixture
def pool():
    return InlinePool()


@pytest.fixture
def cache(tmp_path):
    return ResultCache(tmp_path / "cache")


def settings(share=0.5):
    stems = {"stems": ("drums",), "computed": "rest", "drums": "drums"}
    card = SimpleNamespace(id="half", name="Half", hash="a" * 64, folder="models/half", **stems)
    return SeparationSettings(card, {"share": share}, device="cpu")


def noise(samples=4_000, channels=2, seed=0):
    generator = np.random.default_rng(seed)
    return (0.1 * generator.standard_normal((channels, samples))).astype(np.float32)


def write(path, samples, sample_rate=44_100):
    path.parent.mkdir(parents=True, exist_ok=True)
    with WavWriter(path, sample_rate, samples.shape[0]) as writer:
        writer.write(samples)
    return path


def read(path):
    with WavReader(path) as reader:
        return reader.read(0, reader.samples)


@pytest.fixture
def song_file(tmp_path):
    return write(tmp_path / "music" / "Söng.wav", noise())


@pytest.fixture
def project(tmp_path, song_file, pool):
    project_new(tmp_path / "P", [song_file], pool, no_checkpoint)
    return tmp_path / "P.drumstudio"


def test_a_new_project_holds_its_songs_and_has_the_first_ones_rate(tmp_path, pool):
    sources = [
        write(tmp_path / "a.wav", noise(seed=1), 48_000),
        write(tmp_path / "b.wav", noise(seed=2, channels=1), 44_100),
    ]
    report = project_new(tmp_path / "P", sources, pool, no_checkpoint)
    assert [song["error"] for song in report["songs"]] == [None, None]
    info = project_info(tmp_path / "P.drumstudio")
    assert info["sample_rate"] == 48_000
    assert [song["name"] for song in info["songs"]] == ["a", "b"]
    assert [song["channels"] for song in info["songs"]] == [2, 1]
    assert (info["missing"], info["unsaved_edits"], info["last_edit"]) == ([], 0, "Add b")
    with Document.open(tmp_path / "P.drumstudio") as document:
        first = document.project.songs[0]
        np.testing.assert_array_equal(read(document.media.mixture_file(first)), noise(seed=1))


def test_a_song_that_can_not_be_read_costs_one_message_and_the_others_are_added(tmp_path, pool):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    good = write(tmp_path / "good.wav", noise())
    report = project_new(tmp_path / "P", [bad, good, tmp_path / "none"], pool, no_checkpoint)
    assert [bool(song["error"]) for song in report["songs"]] == [True, False, True]
    assert set(report["songs"][0]["error"]) == {"kind", "what", "why", "fix"}
    assert len(project_info(tmp_path / "P.drumstudio")["songs"]) == 1
    media = tmp_path / "P.drumstudio" / "media"
    assert [path.suffix for path in media.iterdir()] == [".wav"]


def test_the_same_song_again_is_not_added_twice_and_another_name_shares_the_file(
    tmp_path, project, song_file, pool
):
    shutil.copy(song_file, tmp_path / "other name.wav")
    report = project_add(project, [song_file, tmp_path / "other name.wav"], pool, no_checkpoint)
    assert [song["already_there"] for song in report["songs"]] == [True, False]
    assert len(project_info(project)["songs"]) == 2
    assert len(list((project / "media").iterdir())) == 1


def test_an_import_that_is_cancelled_keeps_what_was_added_before(tmp_path, project, pool):
    sources = [write(tmp_path / f"{n}.wav", noise(seed=n)) for n in range(3)]

    def cancel_at_the_third(fraction, message):
        if fraction > 0.7:
            raise Cancelled

    with pytest.raises(Cancelled):
        project_add(project, sources, pool, cancel_at_the_third)
    assert [song["name"] for song in project_info(project)["songs"]] == ["Söng", "0", "1"]
    report = project_add(project, sources, pool, no_checkpoint)
    assert [song["already_there"] for song in report["songs"]] == [True, True, False]
    assert not [path for path in project.rglob("*.partial")]


def test_every_song_is_separated_once_and_the_drums_belong_to_the_project(
    project, pool, cache, song_file
):
    report = project_separate(project, settings(), pool, cache, no_checkpoint)
    assert [song["error"] for song in report["songs"]] == [None]
    again = project_separate(project, settings(), pool, cache, no_checkpoint)
    assert again["songs"][0]["already_there"]
    assert pool.separated == 1
    cache.free()
    with Document.open(project) as document:
        (song,) = document.project.songs
        separation = song.separation
        assert (separation.model_id, separation.origin) == ("half", "model")
        assert separation.settings == {"share": 0.5}
        assert separation.notes == ("halved",)
        assert document.history.undo_name == "Separate with Half"
        drums = read(document.media.sound(song)[1].stored["drums"])
    np.testing.assert_allclose(drums, 0.5 * noise(), atol=1e-7)


def test_another_setting_is_another_separation_and_becomes_the_active_one(project, pool, cache):
    project_separate(project, settings(0.5), pool, cache, no_checkpoint)
    project_separate(project, settings(0.25), pool, cache, no_checkpoint)
    (song,) = project_info(project)["songs"]
    assert [separation["active"] for separation in song["separations"]] == [False, True]


def test_what_was_separated_before_comes_from_the_cache(tmp_path, project, song_file, pool, cache):
    project_separate(project, settings(), pool, cache, no_checkpoint)
    project_new(tmp_path / "Q", [song_file], pool, no_checkpoint)
    project_separate(tmp_path / "Q.drumstudio", settings(), pool, cache, no_checkpoint)
    assert pool.separated == 1


def test_a_failed_separation_is_told_and_the_others_are_done(tmp_path, project, pool, cache):
    project_add(project, [write(tmp_path / "b.wav", noise(seed=5))], pool, no_checkpoint)
    (first, _) = project_info(project)["songs"]
    with Document.open(project) as document:
        document.media.mixture_file(document.project.song(first["id"])).unlink()
    report = project_separate(project, settings(), pool, cache, no_checkpoint)
    assert [bool(song["error"]) for song in report["songs"]] == [True, False]


def test_a_project_on_a_full_disk_is_told_before_anything_is_computed(
    project, pool, cache, monkeypatch
):
    monkeypatch.setattr(atomic, "free_bytes", lambda folder: 1_000)
    report = project_separate(project, settings(), pool, cache, no_checkpoint)
    assert report["songs"][0]["error"]["kind"] == "DiskFullError"
    assert str(project) in report["songs"][0]["error"]["why"]
    assert pool.separated == 0


@pytest.mark.parametrize(
    ("samples", "channels", "rate", "noted"),
    [
        (4_000, 2, 44_100, []),
        (3_000, 2, 44_100, ["filled with silence for 0.023 s"]),
        (5_000, 2, 44_100, ["cut at the song's end by 0.023 s"]),
        (4_000, 1, 44_100, ["made of 1 channels into 2"]),
        (2_000, 2, 22_050, ["resampled from 22050 to 44100 Hz"]),
        (8_707, 2, 96_000, ["resampled from 96000 to 44100 Hz"]),
        (1, 2, 44_100, ["filled with silence for 0.091 s"]),
        (200_000, 1, 44_100, ["made of 1 channels into 2", "cut at the song's end by 4.444 s"]),
    ],
)
def test_drums_made_elsewhere_get_the_songs_shape(
    tmp_path, project, pool, samples, channels, rate, noted
):
    drums = write(tmp_path / "my drums.wav", noise(samples, channels, seed=7), rate)
    report = project_import_stems(project, "Söng", {"drums": drums}, pool, no_checkpoint)
    assert report["separation_notes"] == ["imported from my drums.wav", *noted]
    with Document.open(project) as document:
        (song,) = document.project.songs
        assert (song.separation.origin, song.separation.name) == ("import", "my drums")
        kept = read(document.media.sound(song)[1].stored["drums"])
        shape = song.separation.stems[0].media
    assert (shape.channels, shape.samples, shape.sample_rate) == (2, 4_000, 44_100)
    if rate == 44_100:
        common = min(samples, 4_000)
        given = np.broadcast_to(noise(samples, channels, seed=7), (2, samples))
        np.testing.assert_array_equal(kept[:, :common], given[:, :common])
        assert not kept[:, common:].any()
    assert not [path for path in project.rglob("*.partial")]


def test_drums_with_more_channels_than_the_song_are_refused(tmp_path, project, pool):
    drums = write(tmp_path / "d.wav", noise(channels=6))
    with pytest.raises(AudioOpenError, match="6 channels"):
        project_import_stems(project, "Söng", {"drums": drums}, pool, no_checkpoint)
    mono = write(tmp_path / "mono.wav", noise(channels=1))
    project_add(project, [mono], pool, no_checkpoint)
    report = project_import_stems(project, "mono", {"drums": drums}, pool, no_checkpoint)
    assert "made of 6 channels into 1" in report["separation_notes"]


def test_a_song_that_is_not_there_is_named_with_those_that_are(tmp_path, project, song_file, pool):
    with pytest.raises(DrumStudioError, match="Söng"):
        project_import_stems(project, "Song", {"drums": song_file}, pool, no_checkpoint)


def test_missing_files_are_found_by_content_whatever_they_are_called(
    tmp_path, project, pool, cache
):
    project_separate(project, settings(), pool, cache, no_checkpoint)
    elsewhere = tmp_path / "backup" / "deep"
    elsewhere.mkdir(parents=True)
    for number, path in enumerate([*project.glob("media/*"), *project.glob("separations/*")]):
        shutil.move(path, elsewhere / f"renamed {number}.bak")
    (elsewhere / "decoy.bak").write_bytes((elsewhere / "renamed 0.bak").read_bytes()[::-1])
    assert project_info(project)["missing"] == ["Söng", "Half of Söng"]
    report = project_relink(project, tmp_path / "backup", pool, no_checkpoint)
    assert (report["found"], report["missing"]) == (["Söng", "Half of Söng"], [])
    assert project_info(project)["missing"] == []
    assert len(list(elsewhere.iterdir())) == 3


def test_a_missing_song_is_made_again_from_the_file_it_came_from(
    tmp_path, project, song_file, pool
):
    for path in project.glob("media/*"):
        path.unlink()
    (tmp_path / "wrong").mkdir()
    write(tmp_path / "wrong" / "Söng.wav", noise(seed=9))
    report = project_relink(project, tmp_path / "wrong", pool, no_checkpoint)
    assert (report["found"], report["missing"]) == ([], ["Söng"])
    report = project_relink(project, song_file.parent, pool, no_checkpoint)
    assert (report["found"], report["missing"]) == (["Söng"], [])
    with pytest.raises(ProjectError, match="not a folder"):
        project_relink(project, tmp_path / "nowhere", pool, no_checkpoint)


def test_a_project_that_is_open_elsewhere_is_refused_before_any_work(
    tmp_path, project, song_file, pool, cache
):
    with Document.open(project):
        for verb in (
            lambda: project_add(project, [song_file], None, no_checkpoint),
            lambda: project_separate(project, settings(), None, cache, no_checkpoint),
            lambda: project_import_stems(
                project, "Söng", {"drums": song_file}, None, no_checkpoint
            ),
            lambda: project_relink(project, tmp_path, None, no_checkpoint),
            lambda: project_clean(project),
        ):
            with pytest.raises(ProjectError, match="another window"):
                verb()
        assert project_info(project)["name"] == "P"


def test_info_changes_nothing(project):
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*")}
    info = project_info(project / "project.json")
    assert info["bytes"] == sum(path.stat().st_size for path in project.glob("media/*"))
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == before


def test_unsaved_work_is_listed_recovered_and_saved(tmp_path, project):
    generator = random.Random(1)
    document = Document.new()
    for _ in range(3):
        document.perform(random_command(document.project, generator))
    document.close()
    (found,) = project_recover()["projects"]
    assert found["never_saved"]
    with pytest.raises(ProjectError, match="no name"):
        project_recover_one(document.folder.path)
    report = project_recover_one(document.folder.path, tmp_path / "Saved")
    assert report["recovered_edits"] == 3
    assert project_recover() == {"projects": []}
    with Document.open(tmp_path / "Saved.drumstudio") as saved:
        assert saved.project == document.project


def test_an_earlier_save_is_restored(tmp_path, project, pool):
    project_add(project, [write(tmp_path / "b.wav", noise(seed=5))], pool, no_checkpoint)
    assert [version["generation"] for version in project_info(project)["versions"]] == [2, 1]
    project_restore(project, 2)
    assert [song["name"] for song in project_info(project)["songs"]] == ["Söng"]


def test_clean_deletes_only_what_nothing_needs(project, pool):
    (project / "media" / ("0" * 64 + ".wav")).write_bytes(b"stray")
    report = project_clean(project)
    assert (report["files"], report["bytes"]) == (1, 5)
    assert project_info(project)["missing"] == []


def test_a_name_that_is_no_text_becomes_text(tmp_path, pool):
    source = write(tmp_path / "a.wav", noise())
    strange = source.rename(tmp_path / ("x" * 200 + "\udcff.wav"))
    project_new(tmp_path / "P", [strange], pool, no_checkpoint)
    (song,) = project_info(tmp_path / "P.drumstudio")["songs"]
    assert song["name"] == "x" * 200 + "?"
