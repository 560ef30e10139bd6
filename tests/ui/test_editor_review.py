"""Fix this everywhere in the window: hits are offered, ticked, shown, and corrected in one step."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from drumstudio.application.alike import Correction, Review
from drumstudio.core.strokes import Stroke, rectangle
from drumstudio.ui.editor_review import ReviewDialog
from drumstudio.workflows.find_alike import AlikeHit


def review(*likeness):
    stroke = Stroke("drums", rectangle(0.0, 0.1, 100.0, 5_000.0))
    hits = tuple(AlikeHit(1.0 + number, alike) for number, alike in enumerate(likeness))
    return Review(Correction((("layer", stroke),)), 0.05, hits)


@pytest.fixture
def dialog(qtbot, theme):
    made = ReviewDialog(None)
    qtbot.addWidget(made)
    made.show()
    return made


def test_nothing_can_be_fixed_while_hits_are_looked_for(dialog):
    dialog.show_looking(0.4)
    assert dialog._progress.isVisible()
    assert not dialog._fix.isEnabled()


def test_hits_that_are_alike_are_ticked_and_the_others_offered(dialog, qtbot):
    told = []
    dialog.ticks_changed.connect(told.append)
    dialog.show_review(review(0.95, 0.1, 0.9))
    assert dialog.ticked == {0, 2}
    assert told[-1] == [(1.0, True), (2.0, False), (3.0, True)]
    assert dialog._fix.text() == "Fix 2 hits"
    dialog._list.item(1).setCheckState(Qt.CheckState.Checked)
    assert told[-1][1] == (2.0, True)
    dialog._tickers[2].click()
    assert dialog.ticked == set()
    assert not dialog._fix.isEnabled()
    dialog._tickers[1].click()
    assert dialog.ticked == {0, 2}


def test_choosing_a_hit_asks_to_show_it(dialog):
    asked = []
    dialog.hit_chosen.connect(asked.append)
    dialog.show_review(review(0.95, 0.1))
    dialog._list.setCurrentRow(1)
    assert asked == [2.0]


def test_what_is_ticked_is_what_is_fixed(dialog):
    asked = []
    dialog.fix_asked.connect(lambda *arguments: asked.append(arguments))
    found = review(0.95, 0.1, 0.9)
    dialog.show_review(found)
    dialog._list.item(0).setCheckState(Qt.CheckState.Unchecked)
    dialog._fix.click()
    assert asked == [(found, {2})]
    assert not dialog.isVisible()


def test_the_window_offers_hits_like_a_painted_one_and_fixes_them_in_one_step(window, song, qtbot):
    editing, document = window.editing, window.studio.document
    editing.show_pane(True)
    editor = editing.session.editor
    editor.press(1.01, 3_000.0)
    editor.move(1.05, 3_000.0)
    editor.release()
    window.actions_["fix_everywhere"].trigger()
    qtbot.waitUntil(
        lambda: editing._review is not None and editing._review._review is not None,
        timeout=20_000,
    )
    dialog = editing._review
    assert dialog._list.count() >= 4  # music has a hit every half second
    assert window.spectrogram.canvas._hits
    dialog._tickers[0].click()
    count = len(dialog.ticked)
    dialog._fix.click()
    qtbot.waitUntil(lambda: document.history.undo_name.startswith("Fix everywhere"), timeout=20_000)
    layer = window.studio.song(song.id).layers[0]
    assert len(layer.strokes) == 1 + count
    qtbot.waitUntil(lambda: window.spectrogram.canvas._hits == [])
    window.commands.undo()
    assert len(window.studio.song(song.id).layers[0].strokes) == 1


def test_without_anything_painted_it_tells_what_to_do_first(window, song, qtbot):
    told = []
    window.editing.show_pane(True)
    window.editing.problem.disconnect()
    window.editing.problem.connect(told.append)
    window.actions_["fix_everywhere"].trigger()
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    assert "Correct one hit first" in told[0].fix
    assert window.editing._review is None
