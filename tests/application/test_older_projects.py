"""Projects of schema 1: they open whole, sound as they did, and are rewritten by the first edit.

`fixtures/schema_1_heard.zip` was made by the last program of that schema (commit 0e8ade8): a
project with strokes of both kinds, layers, protection, two separations, a song removed and edits
that a crash left in the journal; what that program rendered of each song after every undo, as
hashes; and what it rendered at last, as samples.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.fft

from drumstudio.application.document import Document
from drumstudio.core.errors import DiskFullError, ProjectError
from drumstudio.files import project_folder
from drumstudio.files.block_reader import SongReader
from drumstudio.files.project_folder import ProjectFolder
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workflows.edited_stems import edited_stems
from tests.edited_songs import without_waiting_for_the_disk

FIXTURE = Path(__file__).parent.parent / "fixtures" / "schema_1_heard.zip"


@pytest.fixture
def old(tmp_path, monkeypatch):
    without_waiting_for_the_disk(monkeypatch)
    with zipfile.ZipFile(FIXTURE) as packed:
        packed.extractall(tmp_path)
    return tmp_path


def the_truth(old):
    truth = json.loads((old / "truth.json").read_text("utf-8"))
    noise = np.random.default_rng(5).standard_normal((64, 512)).astype(np.float32)
    spectrum = scipy.fft.rfft(noise, axis=-1)
    spectrum = np.abs(spectrum) ** np.float32(0.231) * spectrum
    sound = scipy.fft.irfft(spectrum, axis=-1).astype("<f4").tobytes()
    # Another processor may round a transform differently: then only what is heard counts.
    return truth, hashlib.sha256(sound).hexdigest() == truth["probe"]


def heard(document, song):
    with edited_stems(song, document.media, no_checkpoint) as stems:
        if stems is None:
            return None
        with SongReader(document.media.mixture_file(song), stems) as reader:
            return np.stack([reader.read(stem, 0, reader.samples) for stem in ("drums", "rest")])


def digest(sound):
    if sound is None:
        return ""
    return hashlib.sha256(np.ascontiguousarray(sound, dtype="<f4").tobytes()).hexdigest()


def tree(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_an_old_project_sounds_as_it_did_bit_by_bit_back_to_its_first_step(old):
    truth, exact = the_truth(old)
    samples = np.load(old / "heard.npz")
    with Document.open(old / "Crashed.drumstudio") as document:
        assert document.notes == ()
        assert document.recovered_edits == 11
        for song in document.project.songs:
            now = heard(document, song)
            np.testing.assert_allclose(now, samples[song.name], atol=1e-6)
            if exact:
                np.testing.assert_array_equal(now, samples[song.name])
        strips = [
            [song.strip("drums").gain_db, *_rest(song.strip("rest"))]
            for song in document.project.songs
        ]
        assert strips == truth["strips"]
        undone = []
        for expected in truth["steps"]:
            assert [song.name for song in document.project.songs] == list(expected)
            if exact:
                for song in document.project.songs:
                    assert digest(heard(document, song)) == expected[song.name], undone[-1:]
            if document.history.position:
                undone.append(document.history.undo_name)
                document.undo()
        assert undone == truth["undone"]
        while document.history.redo_name:
            document.redo()
        np.testing.assert_allclose(
            heard(document, document.project.songs[0]), samples["Night"], atol=1e-6
        )


def _rest(strip):
    return [strip.gain_db, strip.mute, strip.colour]


def test_looking_changes_nothing_and_the_first_edit_writes_the_schema_of_today(old):
    path = old / "Crashed.drumstudio"
    before = tree(path)
    with Document.open(path) as document:
        generation, project = document.generation, document.project
    assert tree(path) == before
    with Document.open(path) as document:
        document.undo()
        document.flush()
        shutil.copytree(path, old / "Killed.drumstudio", ignore=shutil.ignore_patterns("lock"))
        assert document.generation == generation + 1
        plain = json.loads((path / "project.json").read_text("utf-8"))
        assert plain["schema"] == 2
        assert document.is_modified
        kept = path / "versions" / f"project-{generation}.json"
        assert kept.read_bytes() == before["project.json"]
    with Document.open(old / "Killed.drumstudio") as killed:
        assert killed.notes == ()
        assert killed.recovered_edits == 12
        killed.redo()
        assert killed.project == project
        killed.discard_edits()  # what was saved is still what was saved
        assert [song.name for song in killed.project.songs] == ["Night", "Day"]
        assert killed.project.songs[0].strip("rest").mute
    with Document.open_version(old / "Killed.drumstudio", generation) as earlier:
        assert earlier.project == killed.project


def test_a_disk_that_refuses_the_rewriting_refuses_the_edit_and_nothing_is_lost(old, monkeypatch):
    path = old / "Crashed.drumstudio"
    with Document.open(path) as document:
        project = document.project
        with monkeypatch.context() as broken:
            broken.setattr(ProjectFolder, "commit", _full)
            with pytest.raises(DiskFullError):
                document.undo()
        assert document.project == project
        assert json.loads((path / "project.json").read_text("utf-8"))["schema"] == 1
        document.undo()
        document.redo()
    with Document.open(path) as again:
        assert again.project == project


def _full(*_):
    raise DiskFullError("Cannot save", why="the disk is full.", fix="Make room.")


def test_an_older_program_refuses_a_project_of_today_and_leaves_it_alone(old, monkeypatch):
    path = old / "Crashed.drumstudio"
    with Document.open(path) as document:
        document.save()
    before = tree(path)
    monkeypatch.setattr(project_folder, "SCHEMA", 1)
    with pytest.raises(ProjectError, match="newer DrumStudio") as caught:
        Document.open(path)
    assert "has not been changed" in caught.value.fix
    assert tree(path) == before
