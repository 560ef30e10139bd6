"""The list of shortcuts: a cheat sheet to read, and the place to change them."""

from __future__ import annotations

from itertools import groupby

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QKeySequenceEdit,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from drumstudio.application.commands import COMMANDS, KeyMap
from drumstudio.core.errors import DrumStudioError
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.parts import label, push_button, set_role

_COMMAND = Qt.ItemDataRole.UserRole


class ShortcutsDialog(Dialog):
    """Every command with its keys; a chosen one can be given another key.

    Parameters
    ----------
    parent : QWidget
        The window.
    keymap : KeyMap
        What is shown and changed.
    """

    keys_changed = Signal()

    def __init__(self, parent: QWidget, keymap: KeyMap) -> None:
        super().__init__(parent, "Keyboard shortcuts", 560)
        self.resize(560, 620)
        self._keymap = keymap
        self._search = QLineEdit()
        self._search.setPlaceholderText("Search")
        self._search.setAccessibleName("Search shortcuts")
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self._filter)
        self._tree = QTreeWidget()
        self._tree.setAccessibleName("Shortcuts")
        self._tree.setColumnCount(2)
        self._tree.setHeaderLabels(["Command", "Keys"])
        self._tree.setRootIsDecorated(False)
        self._tree.setIndentation(12)
        self._tree.header().setSectionResizeMode(0, self._tree.header().ResizeMode.Stretch)
        self._tree.currentItemChanged.connect(lambda *_: self._on_current())
        self._edit = QKeySequenceEdit()
        self._edit.setMaximumSequenceLength(1)
        self._edit.setAccessibleName("New key")
        self._give = push_button("Use this key", self._on_give)
        self._remove = push_button("No key", lambda: self._set(()))
        self._answer = label("Choose a command to change its key.", "muted", wrap=True)
        row = QHBoxLayout()
        row.addWidget(self._edit, 1)
        row.addWidget(self._give)
        row.addWidget(self._remove)
        self.content.addWidget(self._search)
        self.content.addWidget(self._tree, 1)
        self.content.addLayout(row)
        self.content.addWidget(self._answer)
        self.add_button(push_button("Reset all", self._on_reset))
        self.add_button(push_button("Close", self.accept, "primary"), default=True)
        self._fill()
        self._on_current()

    def _fill(self) -> None:
        chosen = self._chosen()
        self._tree.clear()
        for group, commands in groupby(COMMANDS, key=lambda command: command.group):
            heading = QTreeWidgetItem([group])
            heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
            font = heading.font(0)
            font.setBold(True)
            heading.setFont(0, font)
            self._tree.addTopLevelItem(heading)
            for command in commands:
                keys = " or ".join(native(key) for key in self._keymap.keys(command.name))
                item = QTreeWidgetItem([command.label.rstrip("…"), keys])
                item.setData(0, _COMMAND, command.name)
                heading.addChild(item)
                if command.name == chosen:
                    self._tree.setCurrentItem(item)
            heading.setExpanded(True)
        self._filter(self._search.text())

    def _filter(self, text: str) -> None:
        wanted = text.casefold()
        for place in range(self._tree.topLevelItemCount()):
            heading = self._tree.topLevelItem(place)
            shown = 0
            for number in range(heading.childCount()):
                item = heading.child(number)
                hit = wanted in (item.text(0) + " " + item.text(1)).casefold()
                item.setHidden(not hit)
                shown += hit
            heading.setHidden(not shown)

    def _chosen(self) -> str:
        item = self._tree.currentItem()
        return (item.data(0, _COMMAND) or "") if item is not None else ""

    def _on_current(self) -> None:
        chosen = self._chosen()
        for widget in (self._edit, self._give, self._remove):
            widget.setEnabled(bool(chosen))
        if chosen and self._keymap.keys(chosen):
            self._edit.setKeySequence(QKeySequence(self._keymap.keys(chosen)[0]))
        else:
            self._edit.clear()

    def _on_give(self) -> None:
        key = self._edit.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        others = self._keymap.keys(self._chosen())[1:]
        self._set((key, *others))

    def _set(self, keys: tuple[str, ...]) -> None:
        chosen = self._chosen()
        try:
            self._keymap.set_keys(chosen, keys)
        except DrumStudioError as error:
            self._tell(f"{error.what}: {error.why}", "error")
            return
        self._tell("Changed.", "good")
        self._fill()
        self.keys_changed.emit()

    def _on_reset(self) -> None:
        self._keymap.reset()
        self._tell("Every command has its first keys again.", "good")
        self._fill()
        self.keys_changed.emit()

    def _tell(self, text: str, role: str) -> None:
        self._answer.setText(text)
        set_role(self._answer, role)


def native(key: str) -> str:
    """Return a key as this system writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
