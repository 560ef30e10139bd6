"""Which keys belong to the control that has the focus, and which to the program."""

from __future__ import annotations

import sys
import unicodedata

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from drumstudio.ui.actions import Actions

_KEYPAD = Qt.KeyboardModifier.KeypadModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier
_UP_AND_DOWN = (Qt.Key.Key_Up, Qt.Key.Key_Down)
_OWN_KEYS = (
    (
        QAbstractSlider,
        (*_UP_AND_DOWN, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End),
    ),
    ((QAbstractItemView, QAbstractSpinBox, QComboBox), _UP_AND_DOWN),
)
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_ASKED_FOR = (
    Qt.FocusReason.MouseFocusReason,
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
    Qt.FocusReason.PopupFocusReason,
    Qt.FocusReason.MenuBarFocusReason,
)
_ROWS = ("QWERTYUIOP[]", "ASDFGHJKL;'", "ZXCVBNM,./")
# Where the rows of letters begin, as each system counts keys (Linux: evdev's number and 8).
_FIRST_CODES = {"linux": (24, 38, 52), "win32": (16, 30, 44)}
# macOS numbers its keys in no order: kVK_ANSI_Q, W, E, ... row by row.
_MAC_CODES = (
    (12, 13, 14, 15, 17, 16, 32, 34, 31, 35, 33, 30),
    (0, 1, 2, 3, 5, 4, 38, 40, 37, 41, 39),
    (6, 7, 8, 9, 11, 45, 46, 43, 47, 44),
)


class FocusKeys(QObject):
    """Sees every key before the widgets do.

    Return presses a button, for Space belongs to the transport wherever no text is typed. Arrow
    keys move a slider and choose in a list, though elsewhere they move the cursor and change the
    track. On a layout without Latin letters, a key calls what the Latin letter on it would.
    The focus never comes into a field of the window unasked: then Space would be text.

    Parameters
    ----------
    actions : Actions
        What keys call.
    home : QWidget
        Where the focus goes instead.
    """

    def __init__(self, actions: Actions, home: QWidget) -> None:
        super().__init__()
        self._actions = actions
        self._home = home

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Keep keys from shortcuts, or for them; click on Return; send the focus home."""
        if isinstance(event, QFocusEvent):
            if event.type() == QEvent.Type.FocusIn and isinstance(watched, QWidget):
                self._on_focus(watched, event.reason())
            return False
        if not isinstance(event, QKeyEvent):
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            return self._override(watched, event)
        if event.type() == QEvent.Type.KeyPress:
            return self._press(watched, event)
        return False

    def _override(self, watched: QObject, event: QKeyEvent) -> bool:
        """Return whether it is settled who gets a key: the control, or a shortcut."""
        modifiers = event.modifiers() & ~_KEYPAD
        if not modifiers:
            for kind, keys in _OWN_KEYS:
                if isinstance(watched, kind) and event.key() in keys:
                    event.accept()
                    return True
        if _is_number_field(watched) and not modifiers & ~_SHIFT and _no_number(event):
            event.ignore()
            return True
        return False

    def _press(self, watched: QObject, event: QKeyEvent) -> bool:
        if not isinstance(watched, QWidget):
            return False
        modifiers = event.modifiers() & ~_KEYPAD
        button = isinstance(watched, QAbstractButton) and watched.isEnabled()
        if button and not modifiers and event.key() in _ENTER:
            watched.click()
            return True
        if watched.window() is not self._home.window() or _is_text_field(watched):
            return False
        letter = latin_letter(event)
        if letter is None:
            return False
        action = self._actions.called_by(QKeySequence(modifiers.value | ord(letter)))
        if action is None:
            return False
        action.trigger()
        return True

    def _on_focus(self, widget: QWidget, reason: Qt.FocusReason) -> None:
        if reason in _ASKED_FOR or not isinstance(widget.window(), QMainWindow):
            return
        if isinstance(widget.parentWidget(), QAbstractItemView) or _is_in_view(widget):
            return  # a name that is edited in its list
        if (_is_text_field(widget) or _is_number_field(widget)) and self._home.isVisible():
            self._home.setFocus(Qt.FocusReason.OtherFocusReason)


def latin_letter(event: QKeyEvent) -> str | None:
    """Return the Latin letter on a key that typed one of another script; else None."""
    typed = event.key()
    if not 0x80 <= typed < 0x01000000 or not chr(typed).isalpha():
        return None
    if unicodedata.name(chr(typed), "").startswith("LATIN"):
        return None
    if sys.platform == "darwin":
        code = event.nativeVirtualKey()
        rows = zip(_MAC_CODES, _ROWS, strict=True)
        return next(
            (row[codes.index(code)] for codes, row in rows if code in codes),
            None,
        )
    code = event.nativeScanCode()
    firsts = _FIRST_CODES["win32" if sys.platform == "win32" else "linux"]
    for first, row in zip(firsts, _ROWS, strict=True):
        if first <= code < first + len(row):
            return row[code - first]
    return None


def _is_number_field(widget: QObject) -> bool:
    parent = widget.parent()
    return isinstance(widget, QAbstractSpinBox) or (
        isinstance(widget, QLineEdit) and isinstance(parent, QAbstractSpinBox)
    )


def _is_text_field(widget: QObject) -> bool:
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    kinds = (QLineEdit, QPlainTextEdit, QTextEdit)
    return isinstance(widget, kinds) and not _is_number_field(widget)


def _is_in_view(widget: QWidget) -> bool:
    above = widget.parentWidget()
    return above is not None and isinstance(above.parentWidget(), QAbstractItemView)


def _no_number(event: QKeyEvent) -> bool:
    """Return whether a key types what is in no number: a letter, or Space."""
    text = event.text()
    return text == " " or (text.isalpha() and text.lower() != "e")
