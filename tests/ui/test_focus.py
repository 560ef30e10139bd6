"""Keys do what they say, wherever the focus is, on any layout; dialogs ask for the safe answer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPushButton,
    QWidget,
)

from drumstudio.application.recovery import Recoverable
from drumstudio.application.transport_view import State
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.focus_keys import latin_letter
from drumstudio.ui.recovery_dialog import RecoveryDialog

LINUX = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="evdev's numbers of keys")


def test_space_plays_wherever_the_focus_is_where_no_text_is_typed(window, song, qtbot):
    window.actions_["spectrogram"].trigger()
    window.models._show_more(True)
    qtbot.wait(20)
    tried = 0
    for widget in window.findChildren(QWidget):
        takes = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if not (takes and widget.isVisible() and widget.isEnabled()):
            continue
        if isinstance(widget, QLineEdit) and not isinstance(widget.parent(), QAbstractSpinBox):
            continue
        widget.setFocus(Qt.FocusReason.MouseFocusReason)
        before = window.transport.view.state
        QTest.keyClick(widget, Qt.Key.Key_Space)
        name = f"{type(widget).__name__} {widget.accessibleName()}"
        assert window.transport.view.state is not before, name
        tried += isinstance(widget, QAbstractSpinBox | QComboBox | QPushButton)
    assert tried > 6


def test_letters_call_commands_from_a_field_of_numbers_and_digits_do_not(window, song, qtbot):
    window.actions_["spectrogram"].trigger()
    spin = window.spectrogram.tools._octaves
    spin.setFocus(Qt.FocusReason.MouseFocusReason)
    QTest.keyClick(spin, Qt.Key.Key_X)
    assert window.spectrogram.tools.settings.target == "rest"
    QTest.keyClick(spin, Qt.Key.Key_3)
    assert window.spectrogram.tools.settings.tool == "brush"


def test_nothing_moves_the_focus_into_a_field_unasked(window, song, qtbot):
    window.actions_["spectrogram"].trigger()
    tools = window.spectrogram.tools
    tools._octaves.setFocus(Qt.FocusReason.MouseFocusReason)
    assert QApplication.focusWidget() is tools._octaves
    tools._octaves.setFocus(Qt.FocusReason.OtherFocusReason)  # as when what had it was hidden
    window.spectrogram.canvas.setFocus()
    tools._ms.setFocus(Qt.FocusReason.OtherFocusReason)
    assert QApplication.focusWidget() is window.view.canvas
    tools._ms.setFocus(Qt.FocusReason.TabFocusReason)
    tools.choose("wand")  # hides the field that has the focus
    qtbot.wait(10)
    focus = QApplication.focusWidget()
    assert not isinstance(focus, QAbstractSpinBox | QLineEdit), focus


def cyrillic(kind, letter, code, modifiers=Qt.KeyboardModifier.NoModifier):
    key = ord(letter.upper())
    return QKeyEvent(kind, key, modifiers, code, key, 0, letter)


@LINUX
def test_a_key_of_a_layout_without_latin_letters_calls_its_latin_letter(window, song):
    event = cyrillic(QEvent.Type.KeyPress, "й", 24)  # where Q is
    assert latin_letter(event) == "Q"
    assert not window.spectrogram.isVisible()
    QApplication.sendEvent(window.view.canvas, event)
    assert window.spectrogram.isVisible()
    modifiers = Qt.KeyboardModifier.ControlModifier
    QApplication.sendEvent(window.view.canvas, cyrillic(QEvent.Type.KeyPress, "ф", 38, modifiers))
    assert window.state.selection == (0.0, window.state.seconds)


@LINUX
def test_a_key_of_another_layout_is_text_in_a_field(window, song):
    field = QLineEdit(window)
    field.show()
    field.setFocus(Qt.FocusReason.MouseFocusReason)
    QApplication.sendEvent(field, cyrillic(QEvent.Type.KeyPress, "й", 24))
    assert field.text() == "й"
    assert not window.spectrogram.isVisible()


@pytest.mark.parametrize(("letter", "code"), [("ü", 34), ("q", 24), ("1", 10)])
def test_a_latin_letter_stays_what_it_is(letter, code):
    assert latin_letter(cyrillic(QEvent.Type.KeyPress, letter, code)) is None


def test_recovery_puts_the_focus_on_recover(window, qtbot):
    projects = [
        Recoverable(Path("a"), "Broken", True, 1, "", (), problem="it is damaged."),
        Recoverable(Path("b"), "Night Bus", True, 3, "Paint", ("Night Bus",)),
    ]
    dialog = RecoveryDialog(window, projects)
    dialog.open()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is dialog._likely)
    assert dialog._likely.text() == "Recover"
    QTest.keyClick(dialog._likely, Qt.Key.Key_Return)
    assert dialog.recovered is projects[1]


def test_a_dialog_takes_the_keyboard(window, qtbot):
    dialog = Dialog(window, "Question")
    asked = dialog.add_button(QPushButton("Yes"), default=True)
    dialog.open()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is dialog)
    assert QApplication.focusWidget() is asked


def test_space_plays_beside_a_dialog_that_leaves_the_window_usable(window, song, qtbot):
    dialog = Dialog(window, "Review")
    button = dialog.add_button(QPushButton("Fix"), default=True)
    pressed = []
    button.clicked.connect(lambda: pressed.append(1))
    dialog.show()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is dialog)
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert window.transport.view.state is State.PLAYING
    QTest.keyClick(button, Qt.Key.Key_Return)
    assert pressed == [1]
