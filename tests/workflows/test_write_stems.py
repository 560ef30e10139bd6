"""One stem file from the command line and from a song of a project; its names and colours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from drumstudio.cli.main import run
from drumstudio.core.stems import KNOWN, looks
from drumstudio.files.stem_box import read_stem_box
from drumstudio.workflows.find_songs import find_songs
from drumstudio.workflows.write_stems import _COLOURS, STEMS, file_names

av = pytest.importorskip("av")


def test_a_stem_file_has_the_name_of_its_song():
    def names(template, form):
        return file_names(template, {"drums": "drums"}, form, song="Night", model="fast")

    assert names("{song}_{stem}", "ni-stems") == {STEMS: "Night.stem.mp4"}
    assert names("{song} {model}", "ni-stems") == {STEMS: "Night fast.stem.mp4"}
    assert names("{song}_{stem}", "flac") == {"drums": "Night_drums.flac"}


def test_every_stem_has_its_colour_of_the_window():
    tokens = pytest.importorskip("drumstudio.ui.tokens")
    for name in (*KNOWN, "didgeridoo"):
        colour = looks(name).colour
        assert _COLOURS[colour] == tokens.DARK[colour]


def test_a_song_becomes_a_stem_file_that_is_no_song_of_the_next_run(tmp_path, music, capsys):
    song = tmp_path / "Night.wav"
    soundfile.write(song, music.T, 44_100)
    out = tmp_path / "out"
    words = [str(song), "--out", str(out), "--model", "hpss", "--format", "ni-stems"]
    assert run(["separate", *words, "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    path = out / "Night.stem.mp4"
    assert [Path(file["path"]) for file in report["files"]] == [path]
    with path.open("rb") as file:
        assert [stem.name for stem in read_stem_box(file)][:2] == ["Drums", "Rest"]
    with av.open(str(path)) as container:
        assert container.metadata["title"] == "Night"
        sound = container.streams.audio[0]
        mix = np.concatenate([frame.to_ndarray() for frame in container.decode(sound)], axis=1)
    length = music.shape[1]
    error = np.square(mix[:, 2_048:length] - music[:, 2_048:]).sum() / np.square(music).sum()
    assert 10 * np.log10(error) < -15
    found = find_songs([out])
    assert found.songs == ()
    assert "a STEMS file" in found.passed_over[0].why
    path.rename(out / "Night.mp4")  # whatever it is called
    assert find_songs([out]).songs == ()
