"""A song of any stems in the window: its lanes, what is painted, what is dropped on it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QCheckBox

from drumstudio.application.song_work import peaks_paths
from drumstudio.core.song import Song, new_id
from drumstudio.files.peaks import build_peaks
from drumstudio.files.project_media import MIXTURES
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from drumstudio.ui.export_dialog import ExportDialog
from tests.edited_songs import keep_sound, split
from tests.ui.conftest import RATE
from tests.ui.screens import outside

NAMES = ("drums", "bass", "vocals")


@pytest.fixture
def parts(music):
    generator = np.random.default_rng(3)
    noise = (0.05 * generator.standard_normal(music.shape)).astype(np.float32)
    bass, vocals = (music * share for share in (0.3, 0.2))
    return {"drums": noise, "bass": bass, "vocals": vocals, "other": 0.1 * music[:, ::-1]}


def put(window, mixture, stored):
    document = window.studio.document
    song = Song(new_id(), "Night", "night.wav", keep_sound(document, MIXTURES, mixture, RATE))
    with document.command("Add Night") as edit:
        edit.insert(("songs",), song)
    split(document, song, stored, "Four stems")
    song = document.project.song(song.id)
    where, stems = document.media.sound(song)
    build_peaks(
        no_checkpoint,
        mixture=str(where),
        stems=stems.to_plain(),
        outputs={stem: str(path) for stem, path in peaks_paths(song).items()},
    )
    window.document.choose(song.id)
    window.document.refresh()
    return song


@pytest.fixture
def song(window, parts):
    return put(window, sum(parts.values()), {name: parts[name] for name in NAMES})


def lanes(window):
    return [lane.stem for lane in window.state.lanes]


def test_every_stem_has_a_lane_that_can_be_muted_and_soloed(window, song):
    assert lanes(window) == ["mixture", *NAMES, "other"]
    assert [lane.name for lane in window.state.lanes][-2:] == ["Vocals", "Other"]
    assert len(window.transport._material.tracks) == 4
    window.document.toggle_solo("bass")
    window.document.toggle_mute("other")
    assert [lane.stem for lane in window.state.lanes if lane.dimmed] == [
        "mixture", "drums", "vocals", "other",
    ]  # fmt: skip
    strips = window.document.song.lanes
    assert [lane.stem for lane in strips if lane.strip.solo] == ["bass"]
    assert [track.mute for track in window.transport._tracks] == [False, False, False, True]


def test_the_lane_of_a_computed_stem_that_is_silent_is_hidden(window, parts):
    stored = {name: parts[name] for name in NAMES}
    put(window, sum(stored.values()), stored)
    assert lanes(window) == ["mixture", *NAMES]
    assert len(window.transport._tracks) == 4  # it is mixed nevertheless


def test_the_chosen_lane_is_the_stem_that_is_painted(window, song, qtbot):
    window.editing.show_pane(True)
    editor, tools = window.editing.session.editor, window.editing._pane.tools
    assert (editor.focus, editor.destination) == ("drums", "other")
    window.state.choose_lane("bass")
    assert (editor.focus, editor.destination) == ("bass", "other")
    assert [words for _, words, _ in tools.target_words()] == ["To bass", "To other", "Protect"]
    menu = tools._targets["rest"].menu()
    assert [action.text() for action in menu.actions()] == ["Drums", "Vocals", "Other"]
    menu.actions()[1].trigger()
    assert (editor.focus, editor.destination) == ("bass", "vocals")
    window.state.choose_lane("mixture")
    assert editor.focus == "bass"
    editor.settings = tools.settings
    editor.press(1.0, 500.0)
    editor.move(1.5, 600.0)
    editor.release()
    window.state.choose_lane("drums")
    assert (editor.focus, editor.destination) == ("drums", "vocals")
    layers = window.editing._pane.layers
    qtbot.waitUntil(lambda: layers._list.count() == 1)
    layers._list.setCurrentRow(-1)
    layers._list.setCurrentRow(0)
    assert (editor.focus, editor.destination) == ("bass", "vocals")
    assert "on bass to vocals" in layers._list.item(0).toolTip()


@pytest.mark.parametrize("size", [(960, 540), (1280, 720), (1440, 900)])
def test_four_stems_fit_the_window(window, song, qtbot, size):
    window.resize(*size)
    window.editing.show_pane(True)
    window.state.choose_lane("vocals")
    qtbot.wait(300)
    assert outside(window) == []
    folder = os.environ.get("DRUMSTUDIO_PICTURES")
    if folder:
        qtbot.wait(1_500)
        window.grab().save(str(Path(folder, f"stems_{size[0]}x{size[1]}.png")))


def test_any_stem_and_drumless_can_be_ticked_for_export(window, song, qtbot, tmp_path):
    dialog = ExportDialog(window, song, tmp_path)
    qtbot.addWidget(dialog)
    boxes = {box.text(): box for box in dialog.findChildren(QCheckBox)}
    ticked = [name for name, box in boxes.items() if box.isChecked()]
    assert ticked == ["Drums", "Bass", "Vocals", "Other"]
    boxes["Drumless"].setChecked(True)
    assert dialog.order().stems == (*NAMES, "other", "drumless")


def test_a_folder_of_stems_dropped_on_a_song_is_a_separation_of_it(
    window, song, parts, qtbot, tmp_path
):
    folder = tmp_path / "Stems"
    folder.mkdir()
    for name in ("drums", "bass"):
        with WavWriter(folder / f"Night - {name}.wav", RATE, 2) as writer:
            writer.write(parts[name])
    tree = window.songs._tree
    place = tree.visualItemRect(tree.topLevelItem(0)).center()
    window.songs._on_dropped([folder], place)
    qtbot.waitUntil(lambda: len(window.document.song.separations) == 2, timeout=30_000)
    qtbot.waitUntil(lambda: lanes(window) == ["mixture", "drums", "bass", "residual"])
    assert len(window.studio.songs) == 1


def test_songs_dropped_beside_the_songs_are_songs(window, song, qtbot):
    dropped = []
    window.songs.dropped.disconnect()
    window.songs.dropped.connect(lambda *what: dropped.append(what))
    window.songs._on_dropped([Path("/x.wav")], QPoint(5, window.songs._tree.height() - 5))
    assert dropped == [("", [Path("/x.wav")])]
