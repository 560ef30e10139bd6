"""Refinements behind any separator: the chain, its keys in the cache, an import refined."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.application.document import Document
from drumstudio.application.projects import (
    project_add,
    project_import_stems,
    project_refine,
    project_separate,
)
from drumstudio.catalog.catalog import default_catalog
from drumstudio.cli.main import run
from drumstudio.core.errors import ModelMissingError, ProjectError, SettingError
from drumstudio.core.scores import sdr
from drumstudio.files.decode import decode
from drumstudio.files.result_cache import ResultCache
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.refine import refine
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import no_checkpoint
from drumstudio.separators.hit_average import with_hit_average
from drumstudio.workflows.separation_settings import separation_settings
from tests.edited_songs import without_waiting_for_the_disk
from tests.separators.test_hit_average import RATE, _with_bass, kick, line


class Here:
    """Does the worker's jobs in this process and counts them."""

    def __init__(self):
        self.done = []

    def run(self, job, checkpoint, **arguments):
        self.done.append(job)
        return {"decode": decode, "separate": separate, "refine": refine}[job](
            checkpoint, **arguments
        )


@pytest.fixture(scope="module")
def sounds():
    rng = np.random.default_rng(5)
    times = np.arange(0.1, 19.5, 0.5) + rng.uniform(-0.02, 0.02, 39)
    return _with_bass(0.5 * line([kick()] * len(times), times))


def write(path, samples):
    with WavWriter(path, RATE, samples.shape[0]) as writer:
        writer.write(samples)
    return path


@pytest.fixture
def project(tmp_path, monkeypatch, sounds):
    without_waiting_for_the_disk(monkeypatch)
    Document.create(tmp_path / "P").close()
    song = write(tmp_path / "Night.wav", sounds[0])
    project_add(tmp_path / "P.drumstudio", [song], Here(), no_checkpoint)
    return tmp_path / "P.drumstudio"


def settings(**refinements):
    chain = {name.replace("_", "-"): given for name, given in refinements.items()}
    return separation_settings(default_catalog(), "hpss", {}, "cpu", 1, chain)


def active(project):
    with Document.open(project) as document:
        song = document.project.songs[0]
        files = document.media.sound(song)[1]
        with WavReader(files.stored[files.drums]) as reader:
            return song.separation, reader.read(0, reader.samples)


def test_a_changed_refinement_never_costs_a_new_separation(project, tmp_path, sounds):
    cache, pool = ResultCache(tmp_path / "cache"), Here()
    for wanted, jobs in (
        (settings(), ["separate"]),
        (settings(hit_average={}), ["refine"]),
        (settings(hit_average={"share": 0.3}), ["refine"]),
        (settings(hit_average={}), []),
    ):
        pool.done.clear()
        report = project_separate(project, wanted, pool, cache, no_checkpoint)
        assert report["songs"][0]["error"] is None
        assert pool.done == jobs
    with Document.open(project) as document:
        made = document.project.songs[0].separations
        assert [one.name for one in made] == ["HPSS", "HPSS + hit average", "HPSS + hit average"]
        chains = [[(r.model_id, r.settings["share"]) for r in one.refinements] for one in made]
        assert chains == [[], [("hit-average", 0.7)], [("hit-average", 0.3)]]
        sound = {one.id: document.media.split_files(document.project.songs[0], one) for one in made}
        heard = []
        for files in sound.values():
            with WavReader(files.stored["drums"]) as reader:
                heard.append(reader.read(0, reader.samples))
    expected = with_hit_average(sounds[0], heard[0], RATE, 0.7)
    np.testing.assert_array_equal(heard[1], expected)
    assert np.abs(heard[2] - heard[0]).max() > 1e-4
    assert not np.array_equal(heard[2], heard[1])


def test_an_import_is_refined_and_its_other_stems_are_left_alone(project, tmp_path, sounds):
    mixture, drums, estimate = sounds
    sources = {
        "drums": write(tmp_path / "d.wav", estimate),
        "bass": write(tmp_path / "b.wav", 0.1 * mixture),
    }
    project_import_stems(project, "Night", sources, Here(), no_checkpoint)
    catalog = default_catalog()
    wanted = {"hit-average": {}}
    report = project_refine(project, "Night", catalog, wanted, Here(), no_checkpoint)
    assert report["stems"] == ["drums", "bass", "residual"]
    separation, refined = active(project)
    assert separation.refinements[0].model_id == "hit-average"
    assert sdr(drums, refined) > sdr(drums, estimate) + 3.5
    with Document.open(project) as document:
        first, second = document.project.songs[0].separations
        assert first.stems[1] == second.stems[1]
        document.undo()
        assert document.project.songs[0].active == first.id


def test_what_can_not_be_refined_is_refused_before_any_work(project, tmp_path, sounds, capsys):
    catalog, nothing = default_catalog(), None
    with pytest.raises(ProjectError, match="not been separated|Cannot refine"):
        project_refine(project, "Night", catalog, {"hit-average": {}}, nothing, no_checkpoint)
    voice = {"vocals": write(tmp_path / "v.wav", sounds[2])}
    project_import_stems(project, "Night", voice, Here(), no_checkpoint)
    for refinements, kind in (
        ({"hit-average": {}}, SettingError),
        ({"hpss": {}}, SettingError),
        ({"none": {}}, ModelMissingError),
    ):
        with pytest.raises(kind):
            project_refine(project, "Night", catalog, refinements, nothing, no_checkpoint)
    for words in (
        ["--model", "hit-average"],
        ["--model", "hpss", "--refine", "fast"],
        ["--model", "hpss", "--refine", "hit-average,share=2"],
        ["--model", "hpss", "--stems", "vocals"],
    ):
        song = str(tmp_path / "Night.wav")
        assert run(["separate", song, "--out", str(tmp_path / "o"), *words]) != 0
        assert len(capsys.readouterr().err.strip().splitlines()) == 3


def test_a_model_that_averages_by_itself_leaves_it_to_the_refinement():
    wanted = separation_settings(
        default_catalog(), "flagship", {}, "cpu", 1, {"hit-average": {"share": 0.7}}
    )
    assert wanted.parameters["hit_average"] == 0.0
    own = separation_settings(default_catalog(), "flagship", {}, "cpu", 1)
    assert own.parameters["hit_average"] == 0.7


@pytest.mark.robust
def test_the_flagships_own_average_is_the_refinement_bit_by_bit(tmp_path, sounds):
    """At the model's own rate: the stage behind it and the parameter in it are the same method."""
    mixture = write(tmp_path / "m.wav", sounds[0])
    catalog, heard = default_catalog(), []
    for name, chain in (("own", {}), ("behind", {"hit-average": {}})):
        wanted = separation_settings(catalog, "flagship", {}, "cpu", 1, chain)
        target = tmp_path / f"{name}.wav"
        (tmp_path / name).mkdir()
        separate(
            no_checkpoint,
            mixture=str(mixture),
            drums=str(target),
            card_folder=str(wanted.card.folder),
            settings=wanted.parameters,
            device="cpu",
            threads=1,
            work_folder=str(tmp_path / name),
        )
        for one in wanted.refinements:
            better = tmp_path / "better.wav"
            refine(
                no_checkpoint,
                mixture=str(mixture),
                drums=str(target),
                target=str(better),
                card_folder=str(one.card.folder),
                settings=one.parameters,
            )
            target = better
        with WavReader(target) as reader:
            heard.append(reader.read(0, reader.samples))
    np.testing.assert_array_equal(*heard)
