from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QFileDialog,
    QHeaderView,
    QLabel,
    QMessageBox,
    QPushButton,
    QScrollBar,
    QWidget,
)

from drumstudio.application.commands import KeyMap
from drumstudio.application.queue import State
from drumstudio.application.recovery import Recoverable
from drumstudio.application.song_jobs import Doubted
from drumstudio.application.trainings import Start
from drumstudio.catalog.catalog import default_catalog
from drumstudio.core.errors import AudioOpenError
from drumstudio.core.separation import Media, Separation
from drumstudio.core.song import Marker, Song
from drumstudio.settings import Settings
from drumstudio.ui import export_choices
from drumstudio.ui.batch_dialog import BatchDialog
from drumstudio.ui.dialogs import ErrorDialog
from drumstudio.ui.drop_area import _Files
from drumstudio.ui.export_choices import ExportChoices, load_choices, store_choices
from drumstudio.ui.export_dialog import ExportDialog, ExportReport, Range
from drumstudio.ui.export_link import export_ranges
from drumstudio.ui.guide_dialog import GuideDialog
from drumstudio.ui.import_link import ImportQuestion
from drumstudio.ui.log_dialog import LogDialog
from drumstudio.ui.parameter_widgets import ParameterForm
from drumstudio.ui.preferences_dialog import PreferencesDialog
from drumstudio.ui.recovery_dialog import RecoveryDialog
from drumstudio.ui.shortcuts_dialog import ShortcutsDialog
from drumstudio.ui.training_setup import about
from drumstudio.workflows.stem_presence import NotInSongError
from tests.edited_songs import of_drums


def words(widget) -> str:
    return "\n".join(each.text() for each in widget.findChildren(QLabel))


def button(widget, text) -> QPushButton:
    return next(each for each in widget.findChildren(QPushButton) if each.text() == text)


MEDIA = Media("0" * 64, 1_000, 44_100, 2, 441_000)
SEPARATION = Separation("0" * 12, "Fast", origin="model", model_id="fast", **of_drums(MEDIA))
NIGHT_BUS = Song("1" * 12, "Night Bus", "x.wav", MEDIA, separations=(SEPARATION,), active="0" * 12)


@pytest.fixture
def export_dialog(qtbot, theme, tmp_path):
    dialog = ExportDialog(None, NIGHT_BUS, tmp_path, [Range("Selection", (1.0, 2.5))])
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_an_export_names_what_it_would_write(export_dialog):
    assert "Night Bus_drums.wav, Night Bus_rest.wav" in words(export_dialog)
    order = export_dialog.order()
    assert (order.stems, order.file_format, order.sample_rate, order.seconds) == (
        *(("drums", "rest"), "wav24"),
        *(None, None),
    )


def test_each_field_of_an_export_changes_what_it_says_and_nothing_else(export_dialog):
    first = export_dialog.order()
    combos = {each.accessibleName(): each for each in export_dialog.findChildren(QComboBox)}
    for name, place, field, value in (
        ("Range", 1, "seconds", (1.0, 2.5)),
        ("Format", combos["Format"].findData("flac"), "file_format", "flac"),
        ("Sample rate", 2, "sample_rate", 48_000),
        ("What to export", 1, "stems", ("mix",)),
    ):
        before = combos[name].currentIndex()
        combos[name].setCurrentIndex(place)
        assert export_dialog.order() == replace(first, **{field: value})
        combos[name].setCurrentIndex(before)


def test_a_mix_of_muted_tracks_is_refused(qtbot, theme, tmp_path):
    dialog = ExportDialog(None, NIGHT_BUS, tmp_path, silent_mix=True)
    qtbot.addWidget(dialog)
    assert button(dialog, "Export").isEnabled()
    dialog._source.setCurrentIndex(1)
    assert "Every track is muted" in words(dialog)
    assert not button(dialog, "Export").isEnabled()


def test_the_selection_and_what_lies_between_markers_can_be_exported():
    markers = (Marker("2" * 12, 6.0, "Chorus"), Marker("3" * 12, 2.0, "Verse"))
    ranges = export_ranges(replace(NIGHT_BUS, markers=markers), (1.0, 2.0))
    assert [(each.name, each.seconds) for each in ranges] == [
        ("Selection", (1.0, 2.0)),
        ("Verse", (2.0, 6.0)),
        ("Chorus", (6.0, 10.0)),
    ]


def test_an_export_replaces_nothing_unless_told_to(export_dialog, tmp_path):
    (tmp_path / "Night Bus_rest.wav").touch()
    export_dialog._check()
    assert "There already: Night Bus_rest.wav" in words(export_dialog)
    assert not button(export_dialog, "Export").isEnabled()
    export_dialog._replace.setChecked(True)
    assert button(export_dialog, "Export").isEnabled()


def test_an_export_of_nothing_and_a_bad_name_are_refused(export_dialog):
    for box in export_dialog._stems.values():
        box.setChecked(False)
    assert not button(export_dialog, "Export").isEnabled()
    for box in export_dialog._stems.values():
        box.setChecked(True)
    for template, said in (("same", "the same name"), ("{nothing}", "nothing")):
        export_dialog._template.setText(template)
        assert said in words(export_dialog)
        assert not button(export_dialog, "Export").isEnabled()


@pytest.mark.parametrize(
    ("residual", "said"),
    [(-141.2, "to -141 dB"), (-200.0, "exactly"), (None, "not applicable")],
)
def test_the_report_says_how_exactly_the_stems_add_up(qtbot, theme, residual, said):
    file = {"path": "/x/a_drums.wav", "bytes": 5_000_000, "peak_db": -1.0, "lufs": None}
    report = {
        "files": [file | {"true_peak_db": -0.9}],
        "null_residual_dbfs": residual,
        "sums": [["drums", "rest"]],
        "gain_db": -0.5,
        "notes": ["resampled to 48 kHz"],
    }
    dialog = ExportReport(None, report, lambda path: None)
    qtbot.addWidget(dialog)
    assert said in words(dialog)
    assert "0.50 dB quieter" in words(dialog)
    assert "resampled" in words(dialog)


def test_an_error_is_three_lines_that_can_be_copied(qtbot, theme):
    error = AudioOpenError("Cannot open x.wav", why="it is text.", fix="Choose a sound.")
    dialog = ErrorDialog(None, theme, error)
    qtbot.addWidget(dialog)
    shown = [line for line in words(dialog).split("\n") if line]  # the icon has no words
    assert shown == ["Cannot open x.wav", "It is text.", "Choose a sound."]
    button(dialog, "Copy").click()
    assert QApplication.clipboard().text() == str(error)


def test_a_key_that_is_taken_is_not_given_twice(qtbot, theme):
    keymap = KeyMap()
    dialog = ShortcutsDialog(None, keymap)
    qtbot.addWidget(dialog)
    item = dialog._tree.findItems("Play or stop", Qt.MatchFlag.MatchRecursive)[0]
    dialog._tree.setCurrentItem(item)
    dialog._edit.setKeySequence("L")
    with qtbot.assertNotEmitted(dialog.keys_changed):
        button(dialog, "Use this key").click()
    assert "it calls “Loop” already" in words(dialog)
    dialog._edit.setKeySequence("F9")
    with qtbot.waitSignal(dialog.keys_changed):
        button(dialog, "Use this key").click()
    assert keymap.keys("play") == ("F9",)


def test_the_cheat_sheet_can_be_searched(qtbot, theme):
    dialog = ShortcutsDialog(None, KeyMap())
    qtbot.addWidget(dialog)
    dialog._search.setText("transient")
    shown = [
        heading.child(number).text(0)
        for heading in map(dialog._tree.topLevelItem, range(dialog._tree.topLevelItemCount()))
        for number in range(heading.childCount())
        if not heading.child(number).isHidden()
    ]
    assert shown == ["To previous transient", "To next transient"]


def test_every_setting_has_a_widget_and_is_changed_at_once(qtbot, theme):
    changes = []
    dialog = PreferencesDialog(
        None, Settings(), lambda *change: changes.append(change), [], lambda: None
    )
    qtbot.addWidget(dialog)
    combos = {combo.accessibleName(): combo for combo in dialog.findChildren(QComboBox)}
    combos["Theme"].setCurrentIndex(2)
    combos["Theme"].activated.emit(2)
    assert changes == [("theme", "light")]
    dialog.show_outputs([("ALSA: x", "x (ALSA)")], "gone")
    assert combos["Sound output"].currentText() == "gone (not connected)"
    dialog.show_cache(1_234_567)
    assert "1 MB" in words(dialog)


def test_recovery_offers_each_project_and_deletes_nothing_by_itself(qtbot, theme):
    good = Recoverable(Path("/a"), "Album", False, 2, "Solo drums", ("A",))
    bad = Recoverable(Path("/b"), "Broken", False, 0, "", (), "it is damaged.")
    dialog = RecoveryDialog(None, [good, bad])
    qtbot.addWidget(dialog)
    assert "2 edits, the last: Solo drums" in words(dialog)
    recover = [each for each in dialog.findChildren(QPushButton) if each.text() == "Recover"]
    assert [each.isEnabled() for each in recover] == [True, False]
    assert dialog.discarded == []
    recover[0].click()
    assert dialog.recovered is good


def test_a_model_s_parameters_are_widgets_with_its_defaults(qtbot, theme):
    card = default_catalog().find("hpss")
    form = ParameterForm(card, {})
    qtbot.addWidget(form)
    assert form.values() == card.check_settings({})
    assert card.check_settings(form.values()) == form.values()


def test_a_batch_writes_exactly_the_ticked_set(qtbot, theme, tmp_path):
    dialog = BatchDialog(None, [("fast", "Fast"), ("hpss", "HPSS")], "hpss", tmp_path)
    qtbot.addWidget(dialog)
    assert not button(dialog, "Separate").isEnabled()
    dialog.add([tmp_path / "a.wav", tmp_path / "a.wav", tmp_path / "b"])
    assert len(dialog.paths) == 2
    assert button(dialog, "Separate").isEnabled()
    for place, stems in enumerate([("drums",), ("drumless",), ("drums", "drumless")]):
        dialog._preset.setCurrentIndex(place)
        settings = dialog.export_settings()
        assert (settings.stems, settings.overwrite) == (stems, "never")


def answer(monkeypatch, words_wanted):
    asked = []

    def run(box):
        asked.append(box.text())
        for each in box.buttons():
            if each.text() == words_wanted:
                monkeypatch.setattr(QMessageBox, "clickedButton", lambda _self, each=each: each)
        return 0

    monkeypatch.setattr(QMessageBox, "exec", run)
    return asked


@pytest.mark.parametrize("words_wanted", ["Cancel", "Discard"])
def test_closing_with_unsaved_work_asks_one_question(
    window, song, qtbot, monkeypatch, words_wanted
):
    asked = answer(monkeypatch, words_wanted)
    folder = window.studio.document.folder.path
    window.close()
    assert asked == ["Save this project?"]
    if words_wanted == "Cancel":
        assert window.isVisible()
        assert folder.exists()
    else:
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=10_000)
        assert not folder.exists()
        moved = folder.parents[1] / "discarded" / folder.name
        assert (moved / "project.json").exists()


def test_closing_with_nothing_to_lose_asks_nothing(window, monkeypatch):
    asked = answer(monkeypatch, "Cancel")
    window.close()
    assert asked == []
    assert not window.isVisible()


def test_saving_asks_for_a_name_once_and_fills_the_recent_menu(
    window, song, qtbot, monkeypatch, tmp_path
):
    names = []

    def name(*arguments):
        names.append(arguments)
        return str(tmp_path / "Album"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", name)
    QTest.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.studio.document.name == "Album", timeout=10_000)
    window.document.toggle_mute("rest")
    assert window.studio.document.is_modified
    QTest.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not window.studio.document.is_modified, timeout=10_000)
    assert len(names) == 1
    qtbot.waitUntil(lambda: window.files.recent() == [tmp_path / "Album.drumstudio"])
    window.commands._fill_versions(window.menus.versions)
    assert window.menus.versions.actions()[0].isEnabled()


def test_a_failed_job_is_a_row_with_details_to_copy(window, qtbot):
    def fails(_checkpoint):
        raise AudioOpenError("Cannot open x.wav", why="it is text.", fix="Choose a sound.")

    window.studio.queue.add("x.wav", fails)
    qtbot.waitUntil(lambda: window.studio.queue.rows()[0].state is State.FAILED)
    qtbot.waitUntil(lambda: bool(window.queue._rows) and "it is text" in words(window.queue))
    (row,) = window.queue._rows.values()
    qtbot.waitUntil(lambda: button(row, "Try again").isVisible())
    button(row, "Details").click()
    button(row, "Copy").click()
    assert QApplication.clipboard().text().splitlines()[2] == "Choose a sound."
    assert "it is text" in window.log.text()


def test_a_stem_can_be_carried_out_as_a_file_with_a_good_name(window, song, qtbot):
    path, over = window.studio.stems.stem_file(song, "drums")
    qtbot.waitUntil(over.is_set, timeout=20_000)
    assert window.studio.stems.stem_file(song, "drums")[1].is_set()
    assert path.name == "Night Bus_drums.wav"
    drums = window.studio.document.media.sound(song)[1].stored["drums"]
    np.testing.assert_array_equal(soundfile.read(path)[0], soundfile.read(drums)[0])
    path.write_bytes(b"what another program left")
    assert drums.read_bytes()[:4] == b"RIFF"


def test_missing_sound_is_said_once_and_comes_back_when_it_is_found(window, song, qtbot):
    mixture, _ = window.studio.document.media.sound(song)
    hidden = mixture.with_suffix(".away")
    errors = []
    window.document.problem.disconnect()
    window.document.problem.connect(errors.append)
    window.document.choose("")
    mixture.rename(hidden)
    window.document._sound = ()
    window.document._close_waveforms()
    window.document.refresh()
    window.document.refresh()
    assert len(errors) == 1
    assert all(lane.waveform is None for lane in window.state.lanes)
    hidden.rename(mixture)
    window.document.refresh()
    assert all(lane.waveform is not None for lane in window.state.lanes)


def test_closing_without_asking_closes_an_open_question_too(window, qtbot):
    """As when the system shuts down: a dialog must not keep the program alive."""
    QTimer.singleShot(200, window.close_now)
    window.actions_["preferences"].trigger()  # returns when the dialog is closed
    assert not window.isVisible()


def test_every_control_of_every_dialog_says_what_it_is(window, song, export_dialog, tmp_path):
    projects = [Recoverable(Path(f"/{n}"), n, False, 1, "Solo", ()) for n in "ab"]
    report = {"files": [{"path": "/x/a.wav", "bytes": 1}], "null_residual_dbfs": None}
    dialogs = [
        export_dialog,
        BatchDialog(window, [("hpss", "HPSS")], "hpss", tmp_path),
        ShortcutsDialog(window, KeyMap()),
        PreferencesDialog(window, Settings(), lambda *_: None, [], lambda: None),
        RecoveryDialog(window, projects),
        ExportReport(window, report, lambda _: None),
        LogDialog(window, window.log, "/x", lambda: None),
        window.grid._popup,
    ]
    for dialog in dialogs:
        names = [
            widget.accessibleName() or getattr(widget, "text", str)()
            for widget in dialog.findChildren(QWidget)
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            and not widget.isHidden()
            and not isinstance(widget, QHeaderView | QLabel | QScrollBar)
            and widget.window() is dialog  # not the list of a combo box
            and not widget.objectName().startswith("qt_")
        ]
        assert names, dialog
        assert all(names), (dialog, names)
        assert len(names) == len(set(names)), (dialog, sorted(names))


def test_a_stem_that_is_still_written_is_there_for_who_takes_it(window, song, qtbot, monkeypatch):
    taken = []

    def carry(source, paths, ready):
        mime = _Files(paths, ready)
        assert mime.hasUrls()
        taken.extend(mime.urls())  # as whoever it is dropped on asks for it: at once

    monkeypatch.setattr("drumstudio.ui.export_link.drag_files", carry)
    window.exports.drag(song.id, "drums")
    (url,) = taken
    drums = window.studio.document.media.sound(song)[1].stored["drums"]
    np.testing.assert_array_equal(soundfile.read(url.toLocalFile())[0], soundfile.read(drums)[0])


def test_who_takes_a_stem_that_could_not_be_written_gets_nothing(tmp_path):
    assert _Files([tmp_path / "x.wav"], lambda: False).urls() == []


def test_an_export_begins_with_what_was_chosen_at_the_last_one(tmp_path, home, qtbot):
    assert load_choices() == ExportChoices()
    dialog = ExportDialog(None, NIGHT_BUS, tmp_path)
    qtbot.addWidget(dialog)
    chosen = ExportChoices("stems", "rest", "flac", 48_000, str(tmp_path), "{stem} of {song}")
    dialog.show_choices(chosen)
    order = dialog.order()
    assert (order.stems, order.file_format, order.sample_rate) == (("rest",), "flac", 48_000)
    assert order.template == "{stem} of {song}"
    store_choices(dialog.choices())
    assert load_choices() == chosen
    again = ExportDialog(None, NIGHT_BUS, tmp_path)
    qtbot.addWidget(again)
    again.show_choices(replace(chosen, folder="/gone", file_format="no such", stems="bass"))
    assert again.order().folder == tmp_path
    assert again.order().file_format == "wav24"
    assert again.order().stems == ("drums", "rest")


@pytest.mark.parametrize("content", ["[]", "{", '{"sample_rate": "x", "folder": 3}'])
def test_what_is_wrong_with_the_remembered_export_is_as_at_first(home, content):
    store_choices(ExportChoices())
    export_choices._file().write_text(content)
    assert load_choices() == ExportChoices()


def test_the_batch_lets_one_choose_the_model(qtbot, tmp_path):
    dialog = BatchDialog(None, [("fast", "Fast"), ("hpss", "HPSS")], "hpss", tmp_path)
    qtbot.addWidget(dialog)
    assert dialog.model_id == "hpss"
    dialog._model.setCurrentIndex(0)
    assert dialog.model_id == "fast"


def test_every_combo_box_has_a_name_for_who_can_not_see_it(window, song, qtbot, tmp_path):
    window.actions_["spectrogram"].trigger()
    window.actions_["training"].trigger()
    window.models._show_more(True)
    tops = [
        window,
        ExportDialog(window, NIGHT_BUS, tmp_path),
        BatchDialog(window, [("hpss", "HPSS")], "hpss", tmp_path),
        PreferencesDialog(window, window.studio.settings, lambda *_: None, [], lambda: None),
        window.spectrogram.popup,
    ]
    combos = [combo for top in tops for combo in top.findChildren(QComboBox)]
    assert len(combos) > 12
    assert [combo for combo in combos if not combo.accessibleName()] == []


def test_the_guide_is_one_page_with_its_pictures_and_needs_no_network(window, qtbot):
    window.actions_["guide"].trigger()
    (dialog,) = window.findChildren(GuideDialog)
    page = dialog.page
    assert "Drop songs" in page.toPlainText()
    text = Path(page.source().toLocalFile()).read_text(encoding="utf-8")
    pictures = re.findall('src="([^"]+)"', text)
    assert len(pictures) >= 3
    for name in pictures:
        picture = page.loadResource(QTextDocument.ResourceType.ImageResource.value, QUrl(name))
        assert picture is not None, name
    assert "http" not in text
    for letter, command in (("Q", "spectrogram"), ("V", "select_mode"), ("I", "invert_selection")):
        assert letter in window.keymap.keys(command)  # the keys that the page names
        assert f"<i>{letter}</i>" in text


def test_a_training_says_what_it_does_and_how_long():
    fresh = Start("New model", "fast", None, "Mine", 60.0)
    assert "computes for 1 h 30 min" in about(fresh, 90)
    assert "from nothing" in about(fresh, 90)
    better = replace(fresh, from_card="models/fast")
    assert "Goes on from a model" in about(better, 20)
    assert "computes for 20 min" in about(better, 20)


@pytest.mark.parametrize(
    ("later", "words", "expected"),
    [
        (None, "Do not import", []),
        (None, "Import as they are", [{"anyway": True}]),
        (-0.25, "Import 0.250 s earlier", [{"later_seconds": -0.25}]),
    ],
)
def test_stems_that_are_not_in_the_song_are_asked_about(
    window, song, qtbot, monkeypatch, tmp_path, later, words, expected
):
    asked = []
    monkeypatch.setattr(
        window.studio.jobs, "import_stems", lambda song_id, sources, **how: asked.append(how)
    )
    error = NotInSongError("Drums: not in Night Bus", why="it would fit.", fix="Choose others.")
    error.later_seconds = later
    doubted = Doubted(song.id, {"drums": tmp_path / "drums.wav"}, error)
    window.studio.import_doubted(doubted)
    qtbot.waitUntil(lambda: bool(window.findChildren(ImportQuestion)))
    (question,) = window.findChildren(ImportQuestion)
    default = next(one for one in question.findChildren(QPushButton) if one.isDefault())
    assert default.text() == ("Do not import" if later is None else words)  # the safe, likely one
    button(question, words).click()
    assert asked == expected
