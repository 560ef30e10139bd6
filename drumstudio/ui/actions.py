"""The commands as Qt actions: one place that joins a command, its keys and what it does."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QWidget

from drumstudio.application.commands import COMMANDS, KeyMap


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


class ReturnPresses(QObject):
    """Lets Return press the button that has the focus: Space belongs to the transport."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Click on Return."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            and isinstance(watched, QAbstractButton)
            and watched.isEnabled()
        ):
            watched.click()
            return True
        return False
