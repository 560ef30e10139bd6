"""The commands as Qt actions: one place that joins a command, its keys and what it does."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QWidget,
)

from drumstudio.application.commands import COMMANDS, KeyMap

_KEYPAD = Qt.KeyboardModifier.KeypadModifier
_UP_AND_DOWN = (Qt.Key.Key_Up, Qt.Key.Key_Down)
_OWN_KEYS = (
    (
        QAbstractSlider,
        (*_UP_AND_DOWN, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End),
    ),
    ((QAbstractItemView, QAbstractSpinBox, QComboBox), _UP_AND_DOWN),
)


class Actions:
    """An action for each command that something does.

    Parameters
    ----------
    window : QWidget
        Where the keys work.
    keymap : KeyMap
        Which keys.
    """

    def __init__(self, window: QWidget, keymap: KeyMap) -> None:
        self._window = window
        self._keymap = keymap
        self._labels = {command.name: command.label for command in COMMANDS}
        self._actions: dict[str, QAction] = {}

    def connect(self, name: str, function: Callable[[], object]) -> QAction:
        """Say what a command does; return its action."""
        action = QAction(self._labels[name], self._window)
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(lambda: function())
        self._window.addAction(action)
        self._actions[name] = action
        self._give_keys(name)
        return action

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __contains__(self, name: str) -> bool:
        return name in self._actions

    def refresh_keys(self) -> None:
        """Take the keys of the map anew."""
        for name in self._actions:
            self._give_keys(name)

    def _give_keys(self, name: str) -> None:
        keys = [QKeySequence(key) for key in self._keymap.keys(name)]
        self._actions[name].setShortcuts(keys)


class FocusKeys(QObject):
    """Gives the control that has the focus the keys that are its own.

    Return presses a button, for Space belongs to the transport. Arrow keys move a slider and
    choose in a list, though elsewhere they move the cursor and change the track.
    """

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Keep keys from the shortcuts; click on Return."""
        if not isinstance(event, QKeyEvent) or event.modifiers() & ~_KEYPAD:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            for kind, keys in _OWN_KEYS:
                if isinstance(watched, kind) and event.key() in keys:
                    event.accept()
                    return True
        elif (
            event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and isinstance(watched, QAbstractButton)
            and watched.isEnabled()
        ):
            watched.click()
            return True
        return False
