"""The layers of strokes: on or off, how much, in which order, under which name."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from drumstudio.core.song import StrokeLayer
from drumstudio.ui.parts import icon_button, label
from drumstudio.ui.theme import Theme

_ID = Qt.ItemDataRole.UserRole
_ROW_PX = 24
_RESTS = "; rests: this separation has no such stems"


class LayersPanel(QWidget):
    """Shows a song's layers, the topmost first, and asks for their changes.

    Parameters
    ----------
    theme : Theme
        The icons.
    """

    chosen = Signal(str)  # the id of the layer that is painted on
    add_asked = Signal(str)  # "paint" or "protect"
    delete_asked = Signal(str)
    switch_asked = Signal(str, bool)
    rename_asked = Signal(str, str)
    move_asked = Signal(str, int)
    opacity_asked = Signal(str, float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._layers: dict[str, StrokeLayer] = {}
        self._order: list[str] = []  # the lowest first
        self._showing = False
        self._list = QListWidget()
        self._list.setAccessibleName("Layers")
        self._list.setMinimumHeight(_ROW_PX + 2)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._list.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemChanged.connect(self._on_item)
        self._list.currentItemChanged.connect(self._on_current)
        self._empty = label("Paint, and a layer appears here.", "small", wrap=True)
        self._opacity = QSlider(Qt.Orientation.Horizontal)
        self._opacity.setRange(0, 100)
        self._opacity.setPageStep(10)
        self._opacity.setAccessibleName("Opacity of the layer")
        self._opacity.setToolTip("How much the layer acts")
        self._opacity.valueChanged.connect(self._on_opacity)
        self._opacity.sliderReleased.connect(self._ask_opacity)
        self._percent = label("", "small")
        self._percent.setFixedWidth(34)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 4, 2, 4)
        box.setSpacing(2)
        head = QHBoxLayout()
        head.setSpacing(0)
        head.addWidget(label("LAYERS", "heading"))
        head.addStretch(1)
        self._add = icon_button(theme, "plus", "Add layer", lambda: self.add_asked.emit("paint"))
        self._up = icon_button(theme, "up", "Layer up", lambda: self._move(1))
        self._down = icon_button(theme, "down", "Layer down", lambda: self._move(-1))
        self._delete = icon_button(theme, "trash", "Delete layer", self._ask_delete)
        for button in (self._add, self._up, self._down, self._delete):
            button.setProperty("role", "tiny")
            button.setFixedSize(18, 20)
            button.setIconSize(QSize(12, 12))
            head.addWidget(button)
        box.addLayout(head)
        box.addWidget(self._list, 1)
        box.addWidget(self._empty)
        box.addStretch(0)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self._opacity, 1)
        row.addWidget(self._percent)
        box.addLayout(row)
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.customContextMenuRequested.connect(self._open_menu)
        self.show_layers((), None)

    def show_layers(self, layers: tuple[StrokeLayer, ...], chosen: str | None) -> None:
        """Show layers, the lowest first, with the one that is painted on."""
        current = self.current if self.current in {layer.id for layer in layers} else None
        chosen = chosen or current or (layers[-1].id if layers else None)
        if layers == tuple(self._layers.values()) and chosen == self.current:
            return
        self._showing = True
        self._layers = {layer.id: layer for layer in layers}
        self._order = [layer.id for layer in layers]
        self._list.clear()
        for layer in reversed(layers):
            item = QListWidgetItem(layer.name)
            item.setData(_ID, layer.id)
            item.setFlags(
                Qt.ItemFlag.ItemIsEnabled
                | Qt.ItemFlag.ItemIsSelectable
                | Qt.ItemFlag.ItemIsEditable
                | Qt.ItemFlag.ItemIsUserCheckable
            )
            item.setCheckState(Qt.CheckState.Checked if layer.on else Qt.CheckState.Unchecked)
            item.setSizeHint(QSize(0, _ROW_PX))
            strokes = f"{len(layer.strokes)} stroke{'' if len(layer.strokes) == 1 else 's'}"
            ends = f", on {layer.focus}" if layer.focus else ""
            ends += f" to {layer.destination}" if layer.destination else ""
            keeps = ", keeps what stood" if layer.kind == "protect" else ""
            item.setToolTip(f"{layer.name}: {strokes}{ends}{keeps}")
            self._list.addItem(item)
            if layer.id == chosen:
                self._list.setCurrentItem(item)
        self._list.setVisible(bool(layers))
        self._empty.setVisible(not layers)
        self._show_current()
        self._showing = False

    def show_resting(self, layers: set[str]) -> None:
        """Show which layers do nothing because the song's separation lacks their stems."""
        self._showing = True
        for place in range(self._list.count()):
            item = self._list.item(place)
            rests = item.data(_ID) in layers
            font = item.font()
            font.setItalic(rests)
            item.setFont(font)
            about = item.toolTip().removesuffix(_RESTS)
            item.setToolTip(about + _RESTS if rests else about)
        self._showing = False

    @property
    def current(self) -> str | None:
        """The id of the layer that is painted on."""
        item = self._list.currentItem()
        return None if item is None else item.data(_ID)

    def _show_current(self) -> None:
        layer = self._layers.get(self.current or "")
        for widget in (self._delete, self._opacity, self._up, self._down):
            widget.setEnabled(layer is not None)
        place = self._order.index(layer.id) if layer is not None else 0
        self._up.setEnabled(layer is not None and place < len(self._order) - 1)
        self._down.setEnabled(layer is not None and place > 0)
        showing, self._showing = self._showing, True
        if layer is not None and not self._opacity.isSliderDown():
            self._opacity.setValue(round(layer.opacity * 100))
        self._percent.setText(f"{self._opacity.value()} %" if layer is not None else "")
        self._showing = showing

    def _on_current(self) -> None:
        if not self._showing and self.current is not None:
            self._show_current()
            self.chosen.emit(self.current)

    def _on_item(self, item: QListWidgetItem) -> None:
        layer = self._layers.get(item.data(_ID))
        if self._showing or layer is None:
            return
        on = item.checkState() == Qt.CheckState.Checked
        if on != layer.on:
            self.switch_asked.emit(layer.id, on)
        elif item.text().strip() and item.text() != layer.name:
            self.rename_asked.emit(layer.id, item.text())
        else:
            self._showing = True
            item.setText(layer.name)
            self._showing = False

    def _on_opacity(self, value: int) -> None:
        self._percent.setText(f"{value} %")
        if not self._showing and not self._opacity.isSliderDown():
            self._ask_opacity()

    def _ask_opacity(self) -> None:
        layer = self._layers.get(self.current or "")
        if layer is not None and round(layer.opacity * 100) != self._opacity.value():
            self.opacity_asked.emit(layer.id, self._opacity.value() / 100)

    def _ask_delete(self) -> None:
        if self.current is not None:
            self.delete_asked.emit(self.current)

    def _move(self, step: int) -> None:
        if self.current is not None:
            self.move_asked.emit(self.current, self._order.index(self.current) + step)

    def _open_menu(self) -> None:
        menu = QMenu(self)
        menu.addAction("Add layer").triggered.connect(lambda: self.add_asked.emit("paint"))
        protect = menu.addAction("Add layer that protects")
        protect.triggered.connect(lambda: self.add_asked.emit("protect"))
        item = self._list.currentItem()
        if item is not None:
            menu.addSeparator()
            menu.addAction("Rename layer").triggered.connect(lambda: self._list.editItem(item))
            menu.addAction("Delete layer").triggered.connect(self._ask_delete)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._list.mapToGlobal(self._list.rect().center()))
