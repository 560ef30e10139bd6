"""The commands as Qt actions: one place that joins a command, its keys and what it does."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from drumstudio.application.commands import COMMANDS, KeyMap

_ANYWHERE = ("play", "play_range")


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
        # Playing is wanted beside a dialog, too, that leaves the window usable.
        anywhere = name in _ANYWHERE
        context = Qt.ShortcutContext
        action.setShortcutContext(
            context.ApplicationShortcut if anywhere else context.WindowShortcut
        )
        action.triggered.connect(lambda: function())
        self._window.addAction(action)
        self._actions[name] = action
        self._give_keys(name)
        return action

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __contains__(self, name: str) -> bool:
        return name in self._actions

    def called_by(self, key: QKeySequence) -> QAction | None:
        """Return the action that a key calls, if it can be called now."""
        for action in self._actions.values():
            if action.isEnabled() and key in action.shortcuts():
                return action
        return None

    def refresh_keys(self) -> None:
        """Take the keys of the map anew."""
        for name in self._actions:
            self._give_keys(name)

    def _give_keys(self, name: str) -> None:
        keys = [QKeySequence(key) for key in self._keymap.keys(name)]
        self._actions[name].setShortcuts(keys)
