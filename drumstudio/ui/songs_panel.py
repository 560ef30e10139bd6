"""The list of songs with their stems, at the left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from drumstudio.ui.drop_area import DropArea
from drumstudio.ui.parts import label, push_button
from drumstudio.ui.theme import Theme

_SONG, _STEM = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True, slots=True)
class SongRow:
    """A song in the list.

    Parameters
    ----------
    id : str
        The song's.
    name : str
        For a person.
    length : str
        "4:03".
    stems : tuple of (str, str, str)
        Each stem's name in the program, its label, and its colour's token.
    """

    id: str
    name: str
    length: str
    stems: tuple[tuple[str, str, str], ...]


class SongsPanel(QWidget):
    """Shows the songs and tells what a person does with them.

    Parameters
    ----------
    theme : Theme
        The icons.
    """

    song_chosen = Signal(str)
    stem_chosen = Signal(str, str)
    renamed = Signal(str, str)
    menu_asked = Signal(str, str, QPoint)  # song, stem or "", where
    open_asked = Signal()
    drag_asked = Signal(str, str)  # song, stem
    dropped = Signal(str, list)  # song or "", files and folders

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: tuple[SongRow, ...] = ()
        self._filling = False
        self._tree = _Tree()
        self._tree.setAccessibleName("Songs")
        self._tree.setHeaderHidden(True)
        self._tree.setIndentation(14)
        self._tree.setIconSize(QSize(14, 14))
        self._tree.setColumnCount(2)
        self._tree.header().setStretchLastSection(False)
        self._tree.header().setSectionResizeMode(0, self._tree.header().ResizeMode.Stretch)
        self._tree.header().setSectionResizeMode(1, self._tree.header().ResizeMode.ResizeToContents)
        self._tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._tree.setEditTriggers(
            QTreeWidget.EditTrigger.DoubleClicked | QTreeWidget.EditTrigger.EditKeyPressed
        )
        self._tree.setDragEnabled(True)
        self._tree.currentItemChanged.connect(self._on_current)
        self._tree.itemChanged.connect(self._on_edited)
        self._tree.customContextMenuRequested.connect(self._on_menu)
        self._tree.stem_dragged.connect(self.drag_asked.emit)
        DropArea(self._tree.viewport()).dropped.connect(self._on_dropped)
        self._hint = label("Drop songs here", "muted")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setContentsMargins(8, 12, 8, 12)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 8, 8, 8)
        box.setSpacing(4)
        box.addWidget(self._hint)
        box.addWidget(self._tree, 1)
        box.addWidget(
            push_button("Open songs…", self.open_asked.emit, name="Open songs in the list")
        )
        theme.changed.connect(lambda: self._fill(self.chosen))

    @property
    def chosen(self) -> str:
        """The id of the chosen song, or empty."""
        item = self._tree.currentItem()
        return item.data(0, _SONG) if item is not None else ""

    def show_songs(self, rows: tuple[SongRow, ...], chosen: str) -> None:
        """Show the songs with one of them chosen."""
        if rows != self._rows or chosen != self.chosen:
            self._rows = rows
            self._fill(chosen)

    def _fill(self, chosen: str) -> None:
        self._filling = True
        self._tree.clear()
        for row in self._rows:
            item = QTreeWidgetItem([row.name, row.length])
            item.setData(0, _SONG, row.id)
            item.setData(0, _STEM, "")
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setIcon(0, self._theme.icon("note", "muted"))
            item.setForeground(1, self._theme.colour("muted"))
            item.setToolTip(0, row.name)
            self._tree.addTopLevelItem(item)
            for stem, name, token in row.stems:
                child = QTreeWidgetItem([name])
                child.setData(0, _SONG, row.id)
                child.setData(0, _STEM, stem)
                child.setFlags(child.flags() & ~Qt.ItemFlag.ItemIsEditable)
                child.setIcon(0, self._theme.icon("wave", token))
                child.setToolTip(0, "Drag it out of the window to have it as a file")
                item.addChild(child)
                child.setFirstColumnSpanned(True)
            item.setExpanded(row.id == chosen)
            if row.id == chosen:
                self._tree.setCurrentItem(item)
        self._hint.setVisible(not self._rows)
        self._filling = False

    def _on_current(self, item: QTreeWidgetItem | None) -> None:
        if item is None or self._filling:
            return
        song, stem = item.data(0, _SONG), item.data(0, _STEM)
        self.song_chosen.emit(song)
        if stem:
            self.stem_chosen.emit(song, stem)

    def _on_edited(self, item: QTreeWidgetItem) -> None:
        if not self._filling:
            self.renamed.emit(item.data(0, _SONG), item.text(0).strip())

    def _on_menu(self, place: QPoint) -> None:
        item = self._tree.itemAt(place)
        if item is not None:
            where = self._tree.viewport().mapToGlobal(place)
            self.menu_asked.emit(item.data(0, _SONG), item.data(0, _STEM), where)

    def _on_dropped(self, paths: list[Path], place: QPoint) -> None:
        item = self._tree.itemAt(place)
        self.dropped.emit(item.data(0, _SONG) if item is not None else "", paths)

    def edit_name(self) -> None:
        """Begin to rename the chosen song."""
        item = self._tree.currentItem()
        if item is not None and not self._tree.is_editing:
            self._tree.editItem(item.parent() or item, 0)


class _Tree(QTreeWidget):
    """A tree whose stems can be dragged out as files."""

    stem_dragged = Signal(str, str)

    @property
    def is_editing(self) -> bool:
        """Whether a name is being typed."""
        return self.state() == QTreeWidget.State.EditingState

    def startDrag(self, actions: Qt.DropAction) -> None:  # noqa: N802, ARG002 (Qt's name)
        """Ask for the file of the stem under the pointer."""
        item = self.currentItem()
        if item is not None and item.data(0, _STEM):
            self.stem_dragged.emit(item.data(0, _SONG), item.data(0, _STEM))
