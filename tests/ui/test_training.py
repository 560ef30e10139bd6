"""The training page: set up by dropping, watched, steered, closed; partly with real processes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMessageBox,
    QTreeWidget,
)

from drumstudio.application import trainings as application_trainings
from drumstudio.application.trainings import Material, Start, Trainings
from drumstudio.application.transport_view import State
from drumstudio.core.errors import SettingError
from drumstudio.files.training_folder import (
    EXAMPLE_FOLDER,
    Order,
    Progress,
    TrainingView,
    trainings_folder,
    view_of,
    write_order,
    write_progress,
)
from drumstudio.ui.dialogs import ErrorDialog
from drumstudio.ui.training_page import TrainingPage
from drumstudio.ui.training_watch import STATES
from tests.training.conftest import TINY_RECIPE, drums, tone, write
from tests.ui.conftest import write_wav

pytestmark = pytest.mark.robust  # too long for the fast ones

LONG_MS = 180_000


def wait_until(qtbot, condition) -> None:
    """Wait as long as a busy machine may need."""
    qtbot.waitUntil(condition, timeout=LONG_MS)


@pytest.fixture
def songs(tmp_path) -> Path:
    folder = tmp_path / "band"
    for number in range(2):
        song = folder / f"song {number}"
        write(song / "drums.wav", drums(2.0, number))
        write(song / "bass.wav", tone(2.0, 60 + number))
    write(folder / "loose" / "idea.wav", tone(2.0, 300))
    return folder


@pytest.fixture
def page(window, qtbot):
    window.activateWindow()
    wait_until(qtbot, window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    wait_until(qtbot, lambda: bool(window.studio.trainings.starts))
    wait_until(qtbot, lambda: window.train_page.setup.start_with.count() > 0)
    return window.train_page


@pytest.fixture
def lone_page(qtbot, theme):
    """Return a page without a window: quick to make."""
    page = TrainingPage(theme)
    qtbot.addWidget(page)
    page.resize(900, 420)
    page.show()
    return page


def drop_on(widget, paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    arguments = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton)
    none = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QDragEnterEvent(QPoint(9, 9), *arguments, none))
    QApplication.sendEvent(widget, QDropEvent(QPointF(9, 9), *arguments, none))


def tree_words(page) -> list[str]:
    tree = page.setup._tree
    tops = [tree.topLevelItem(place) for place in range(tree.topLevelItemCount())]
    rows = [row for top in tops for row in (top, *(top.child(n) for n in range(top.childCount())))]
    return [" | ".join(row.text(column) for column in range(4)).strip(" |") for row in rows]


# --- its place ---------------------------------------------------------------------------


def test_the_page_opens_without_a_song_and_closes_again(window, page, qtbot):
    assert page.isVisible()
    assert window.empty.isVisible()
    # The best model that there is comes first.
    assert page.setup.start_with.currentText() == "Improve Flagship with my stems"
    assert page.setup.name.text() == "Flagship, my stems"
    QTest.keyClick(window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert not page.isVisible()
    assert not window.lower.isVisible()


def test_spectrogram_and_training_share_the_lower_half_as_tabs(window, song, page):
    assert page.isVisible()
    assert not window.spectrogram.isVisible()
    QTest.keyClick(window, Qt.Key.Key_Q)
    assert window.spectrogram.isVisible()
    assert not page.isVisible()
    window.lower._tabs.setCurrentIndex(1)
    assert page.isVisible()
    assert not window.spectrogram.isVisible()
    window.lower._tabs.setCurrentIndex(0)
    assert window.spectrogram.isVisible()
    # Closing one shows the other; closing both leaves the lanes alone.
    QTest.keyClick(window, Qt.Key.Key_Q)
    assert page.isVisible()
    window.training.close_page()
    assert not window.lower.isVisible()


def test_the_spectrogram_comes_back_when_the_page_is_closed(window, song, qtbot):
    window.editing.show_pane(True)
    window.training.open_page()
    assert not window.spectrogram.isVisible()
    window.training.close_page()
    assert window.spectrogram.isVisible()
    assert not window.lower._tabs.isVisible()


def test_tab_reaches_every_control_of_the_page_and_each_says_what_it_is(page, tmp_path, qtbot):
    for folder in (None, tmp_path):
        if folder is not None:
            page.watch.show_view(a_view(folder, "paused"))
            page._stack.setCurrentWidget(page.watch)
            page.watch.pause.setFocus()
        else:
            page.setup.show_material(Material((tmp_path,)))
            page.setup.name.setFocus()
        kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QTreeWidget)
        shown = {
            widget
            for kind in kinds
            for widget in page.findChildren(kind)
            if widget.isVisible()
            and widget.isEnabled()
            and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
            and not isinstance(widget.parentWidget(), QAbstractSpinBox)
        }
        assert len(shown) > 4
        names = [widget.accessibleName() for widget in shown]
        assert all(names)
        assert len(set(names)) == len(names)
        reached = set()
        for _ in range(60):
            QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
            reached.add(QApplication.focusWidget())
        assert [widget.accessibleName() for widget in shown - reached] == []


def test_the_page_fits_into_the_smallest_window(window, page, song, qtbot):
    window.resize(1100, 680)
    QTest.qWait(20)
    assert (window.width(), window.height()) == (1100, 680)
    for widget in (page.setup.start, page.setup.add, page.setup.start_with):
        corner = widget.mapTo(window, QPoint(widget.width(), widget.height()))
        edge = page.mapTo(window, QPoint(page.width(), page.height()))
        assert corner.x() <= edge.x(), widget.accessibleName()
        assert corner.y() <= edge.y(), widget.accessibleName()


# --- setting up --------------------------------------------------------------------------


@pytest.mark.robust
def test_dropped_folders_are_understood_in_a_worker_and_removed_again(page, songs, window, qtbot):
    assert not page.setup.start.isEnabled()
    drop_on(page, [songs, songs / "song 0" / "drums.wav"])
    trainings = window.studio.trainings
    wait_until(qtbot, lambda: trainings.material.ready)
    wait_until(qtbot, lambda: len(tree_words(page)) == 5)
    assert "song 1 | bass, drums | 0:02 | train" in tree_words(page)
    words = tree_words(page)
    assert words[0] == "1 problem"
    assert words[1].startswith("loose: Sound files without drums")
    assert page.setup._words.text() == "2 songs, 0.1 minutes; 1 problem"
    assert page.setup.start.isEnabled()
    # What was dropped on the page is no song for the project.
    assert window.studio.queue.rows() == ()
    page.setup.name.clear()
    assert not page.setup.start.isEnabled()
    assert "name" in page.setup.start.toolTip()
    QTest.keyClick(page.setup._tree, Qt.Key.Key_Delete)
    wait_until(qtbot, lambda: not trainings.material.folders)
    wait_until(qtbot, page.setup._empty.isVisible)
    # A folder with nothing in it says so.
    drop_on(page, [songs / "loose"])
    wait_until(qtbot, lambda: trainings.material.error is not None)
    wait_until(qtbot, lambda: "nothing to train from" in page.setup._words.text())
    assert not page.setup.start.isEnabled()


def test_what_is_ordered_is_what_is_chosen_and_typed(page, songs, window):
    setup = page.setup
    setup.show_material(Material((songs,), songs=(), minutes=1.0))
    orders = []
    setup.start_asked.disconnect()
    setup.start_asked.connect(orders.append)
    setup.start_with.setCurrentIndex(setup.start_with.findText("New model"))
    assert setup.name.text() == "My model"
    setup.name.selectAll()
    QTest.keyClicks(setup.name, "Club kit")
    setup.minutes.setValue(45)
    setup.device.setCurrentIndex(setup.device.findData("cpu"))
    setup.start.click()
    threads = window.studio.settings.processor_threads
    assert orders == [Order("fast", (str(songs),), "Club kit", 45.0, device="cpu", threads=threads)]
    assert not setup.start.isEnabled()  # one press, one training
    setup.start_with.setCurrentIndex(setup.start_with.findText("Improve Fast with my stems"))
    assert setup.name.text() == "Club kit"
    assert setup.order().recipe == "improve"
    assert Path(setup.order().from_card).name == "fast"


def test_a_name_that_is_taken_is_told_and_what_was_typed_stays(page, songs, window, qtbot):
    setup = page.setup
    setup.show_material(Material((songs,)))
    setup.name.selectAll()
    QTest.keyClicks(setup.name, "Fast")
    with qtbot.waitSignal(window.training.problem) as told:
        setup.start.click()
    assert isinstance(told.args[0], SettingError)
    assert "Fast 2" in told.args[0].fix
    assert setup.name.text() == "Fast"
    assert setup.start.isEnabled()
    assert not trainings_folder().exists()
    for dialog in window.findChildren(ErrorDialog):
        dialog.reject()


# --- watching ----------------------------------------------------------------------------

HALFWAY = Progress(
    state="training", fraction=0.5, message="Step 40", step=40, seconds_left=125.0,
    losses=tuple((n, 1.0 / n) for n in range(1, 41)), scores=((20, 3.0), (40, 4.5)),
    score_data="your songs held out: Kite (up to 20 s each)", mixture_score=-2.0, start_score=3.2,
    best=(40, 4.5), songs=9, minutes=31.0, material="9 songs, 31.0 minutes",
    example="Kite (held out)", device="cpu",
)  # fmt: skip


def a_view(folder: Path, state: str, **changes) -> TrainingView:
    installed = changes.pop("installed", "")
    return TrainingView(
        folder, Order("fast", (), name="Mine"), replace(HALFWAY, **changes), state, installed
    )


def words_of(watch) -> str:
    labels = (watch._facts, watch._score, watch._notice, watch._example_words)
    return "\n".join(one.text() for one in labels if not one.isHidden())


def test_a_training_is_told_in_numbers_and_words(lone_page, tmp_path):
    watch = lone_page.watch
    watch.show_view(a_view(tmp_path, "training"))
    words = words_of(watch)
    for part in ("9 songs, 31.0 minutes", "step 40", "CPU", "About 2:05 left", "4.50 dB"):
        assert part in words, part
    assert "3.20 before" in words
    assert "Kite" in words
    assert "score 4.50 dB" in watch.curve.accessibleDescription()


def test_a_training_without_a_score_says_why(lone_page, tmp_path):
    page = lone_page
    why = "no song is held out: of fewer than 10, all are trained on"
    page.watch.show_view(
        a_view(tmp_path, "training", scores=(), score_data=why, mixture_score=None)
    )
    assert why in words_of(page.watch)
    assert "dB" not in words_of(page.watch)


def test_every_state_offers_what_can_be_done_in_it(lone_page, tmp_path):
    for state in STATES:
        offers_what_can_be_done(lone_page.watch, tmp_path, state)


def offers_what_can_be_done(watch, tmp_path, state):
    error = {"what": "Cannot go on", "why": "the disk is full.", "fix": "Free some."}
    error = error if state == "failed" else None
    over = state in ("done", "stopped")
    watch.show_view(a_view(tmp_path, state, error=error, installed="mine" if over else ""))
    running = state in ("starting", "preparing", "training", "pausing", "stopping")
    assert watch.pause.text() == ("Pause" if running else "Go on")
    assert watch.pause.isHidden() == (state == "done")
    assert watch.stop.isHidden() == over
    assert watch.remove.isEnabled() == (not running)
    told = {"failed": "the disk is full", "interrupted": "without a word", "done": "among yours"}
    assert told.get(state, "") in words_of(watch)


def test_a_model_that_became_no_better_is_not_praised(lone_page, tmp_path):
    page = lone_page
    page.watch.show_view(a_view(tmp_path, "done", best=(40, 3.1), installed="mine"))
    assert "no better" in words_of(page.watch)


def painted(curve) -> np.ndarray:
    image = curve.grab().toImage()
    return np.array(
        [[image.pixel(x, y) for x in range(0, image.width(), 2)] for y in range(image.height())]
    )


def test_the_curve_draws_losses_and_scores_and_only_what_there_is(lone_page, tmp_path, theme):
    page = lone_page
    curve = page.watch.curve
    page.watch.show_view(a_view(tmp_path, "training"))
    page._stack.setCurrentWidget(page.watch)
    accent = theme.colour("accent").rgb()
    assert (painted(curve) == accent).sum() > 10
    page.watch.show_view(a_view(tmp_path, "training", scores=(), start_score=None))
    assert (painted(curve) == accent).sum() == 0
    page.watch.show_view(a_view(tmp_path, "starting", losses=(), scores=()))
    painted(curve)


@pytest.fixture
def example(tmp_path, music) -> Path:
    (tmp_path / EXAMPLE_FOLDER).mkdir()
    for name in ("mixture", "now"):
        write_wav(tmp_path / EXAMPLE_FOLDER / f"{name}.wav", music)
    return tmp_path


def test_an_example_is_heard_and_the_song_is_not(page, example, window, song, qtbot):
    watch = page.watch
    page._stack.setCurrentWidget(watch)
    watch.show_view(a_view(example, "training"))
    assert watch.examples["now"].isEnabled()
    assert watch.examples["before"].isHidden()
    assert not watch.examples["true"].isEnabled()
    window.transport.play()
    watch.examples["now"].click()
    assert window.transport.view.state is State.STOPPED
    player = window.training._example._player
    assert player.view.state is State.PLAYING
    watch.examples["mixture"].click()
    assert player.view.state is State.PLAYING
    assert not watch.examples["now"].isChecked()
    # The song ends it, and the button comes up again.
    window.transport.play()
    wait_until(qtbot, lambda: not watch.examples["mixture"].isChecked())
    assert player.view.state is State.STOPPED


def test_an_example_that_has_gone_is_told(page, example, window, qtbot):
    page.watch.show_view(a_view(example, "training"))
    (example / EXAMPLE_FOLDER / "now.wav").unlink()
    with qtbot.waitSignal(window.training.problem):
        page.watch.examples["now"].click()
    wait_until(qtbot, lambda: not page.watch.examples["now"].isChecked())
    for dialog in window.findChildren(ErrorDialog):
        dialog.reject()


# --- the whole way, in real processes ----------------------------------------------------


@pytest.mark.robust
def test_a_training_is_started_watched_paused_and_kept_from_the_window(
    window, page, songs, qtbot, monkeypatch, tmp_path
):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY_RECIPE.replace("steps = 4\n", "steps = 0\nsave_minutes = 0.005\n"))
    tiny = Start("Tiny", str(recipe), None, "Night drums", 600.0)
    monkeypatch.setattr(application_trainings, "_starts", lambda _catalog: [tiny])
    window.studio.trainings.starts = ()
    window.studio.trainings.look()
    wait_until(qtbot, lambda: page.setup.name.text() == "Night drums")
    drop_on(page, [songs])
    wait_until(qtbot, page.setup.start.isEnabled)
    page.setup.start.click()
    watch = page.watch
    wait_until(qtbot, watch.isVisible)
    folder = trainings_folder() / "Night drums"
    assert page.chosen == folder

    def state():
        return page._state.text()

    wait_until(qtbot, lambda: state() == "Training" and "step" in watch._facts.text())
    wait_until(qtbot, lambda: watch.examples["now"].isEnabled())
    assert "2 songs" in watch._facts.text()
    assert "trained on" in watch._example_words.text()
    watch.pause.click()
    wait_until(qtbot, lambda: state() == "Paused")
    # Another window sees it, goes on with it, and this one follows.
    other = Trainings(
        window.studio.catalog, window.studio.workshop.pool, window.studio.background, pytest.fail
    )
    other.look()
    wait_until(qtbot, lambda: bool(other.views))
    other.resume(folder)
    wait_until(qtbot, lambda: state() == "Training")
    watch.stop.click()
    wait_until(qtbot, lambda: state() == "Stopped")
    wait_until(qtbot, lambda: "night-drums" in [card.id for card in window.models.ready_cards()])
    other.close()
    window.models.choose("night-drums")
    card = window.studio.catalog.find("night-drums")
    assert card.trained_on[0].credit == "2 songs, 0.1 minutes"
    answer(monkeypatch, "Remove")
    watch.remove.click()
    wait_until(qtbot, lambda: not folder.exists())
    wait_until(qtbot, page.setup.isVisible)
    assert "night-drums" in [card.id for card in window.models.ready_cards()]


# --- closing the window ------------------------------------------------------------------


def answer(monkeypatch, wanted):
    """Have the next questions answered; return what was asked and offered."""
    asked = []

    def run(box):
        offered = {button.text() for button in box.buttons()}  # in the system's order
        asked.append((box.text(), offered, box.checkBox().text() if box.checkBox() else ""))
        for button in box.buttons():
            if button.text() == wanted:
                monkeypatch.setattr(QMessageBox, "clickedButton", lambda _self, b=button: b)
        return 0

    monkeypatch.setattr(QMessageBox, "exec", run)
    return asked


class FakeProcess:
    running = True


@pytest.fixture
def begun(window, qtbot):
    """Give the window a training that it began, and whose process is only said to run."""
    folder = trainings_folder() / "Mine"
    write_order(folder, Order("fast", ("/music",), name="Mine"))
    write_progress(folder, Progress(state="starting"))
    window.studio.trainings._ours[folder] = FakeProcess()
    window.studio.trainings.look()
    wait_until(qtbot, lambda: bool(window.studio.trainings.ours))
    return folder


@pytest.mark.parametrize(
    ("wanted", "closes", "state"),
    [
        ("Keep training in the background", True, "starting"),
        ("Pause it", True, "pausing"),
        ("Cancel", False, "starting"),
    ],
)
def test_closing_asks_what_shall_become_of_a_training(
    window, begun, monkeypatch, qtbot, wanted, closes, state
):
    asked = answer(monkeypatch, wanted)
    window.close()
    if closes:
        wait_until(qtbot, lambda: not window.isVisible())
    else:
        qtbot.wait(50)
    assert window.isVisible() != closes
    assert asked == [
        (
            "Mine is being trained. Keep training in the background?",
            {"Keep training in the background", "Pause it", "Cancel"},
            "",
        )
    ]
    assert view_of(begun).state == state


def test_unsaved_work_and_a_training_are_one_question(window, song, begun, monkeypatch, qtbot):
    asked = answer(monkeypatch, "Discard")
    window.close()
    wait_until(qtbot, lambda: not window.isVisible())
    assert len(asked) == 1
    assert asked[0][0] == "Save this project?"
    assert "Keep training Mine in the background" in asked[0][2]
    assert view_of(begun).state == "starting"  # the box is ticked unless it is cleared


def test_a_window_that_is_shut_down_pauses_what_it_began(window, begun):
    window.close_now()
    assert view_of(begun).state == "pausing"


def test_a_training_of_another_window_is_none_of_this_ones_business(
    window, begun, monkeypatch, qtbot
):
    asked = answer(monkeypatch, "Cancel")
    window.studio.trainings._ours.clear()
    window.close()
    assert asked == []
    assert not window.isVisible()
    assert view_of(begun).state == "starting"
