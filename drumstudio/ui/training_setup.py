"""A new training: which music, what to begin with, how long."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from drumstudio.application.time_view import clock
from drumstudio.application.trainings import Material, Start
from drumstudio.files.training_folder import Order
from drumstudio.ui.parts import label, push_button, roomy, set_role
from drumstudio.ui.theme import Theme

_FOLDER = Qt.ItemDataRole.UserRole
_MOST_MINUTES = 100_000
_FORM_PX, _FORM_LEAST_PX = 344, 216
_DEVICES = (("Automatic", "auto"), ("CPU", "cpu"), ("CUDA", "cuda"))
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_STEMS_SHARE = 0.24  # of the table's width; what does not fit is in a tip
_SIDES = {"train": "train", "valid": "score"}
_EMPTY = (
    "Drop folders of stems here: each song in a folder of its own, with drums.wav and its other "
    "stems, or .stem.mp4 files."
)


class TrainingSetup(QWidget):
    """Shows what was understood of the music, and asks what to make of it.

    Parameters
    ----------
    theme : Theme
        The icons.
    """

    folders_added = Signal(list)  # of Path
    folder_removed = Signal(object)  # a Path
    start_asked = Signal(object)  # the Order

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._material = Material()
        self._starts: tuple[Start, ...] = ()
        self._threads = 1
        self._typed_name = self._typed_minutes = False
        self._waits = False  # for the start that was asked for
        whole = QHBoxLayout(self)
        whole.setContentsMargins(12, 6, 0, 8)
        whole.setSpacing(12)
        whole.addLayout(self._build_material(), 3)
        whole.addWidget(self._build_form(), 2)
        self.show_material(self._material)

    def _build_material(self) -> QVBoxLayout:
        self._tree = _Folders()
        self._tree.setAccessibleName("Songs to train on")
        self._tree.setHeaderLabels(["Song", "Stems", "Length", "Use"])
        self._tree.headerItem().setTextAlignment(2, _RIGHT)
        self._tree.setRootIsDecorated(True)
        self._tree.setIndentation(12)
        self._tree.setUniformRowHeights(True)
        header = self._tree.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(0, header.ResizeMode.Stretch)
        header.setSectionResizeMode(1, header.ResizeMode.Fixed)
        for column in (2, 3):
            header.setSectionResizeMode(column, header.ResizeMode.ResizeToContents)
        self._tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._tree.setMinimumHeight(60)
        self._tree.currentItemChanged.connect(lambda *_: self._show_possible())
        self._tree.removal_asked.connect(self._remove)
        self._empty = label(_EMPTY, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words = label("", "small", wrap=True)
        self.add = push_button("Add folders…", self._ask_folder)
        self.remove = push_button("Remove folder", self._remove)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.add)
        row.addWidget(self.remove)
        row.addStretch(1)
        box = QVBoxLayout()
        box.setSpacing(6)
        box.addWidget(self._empty, 1)
        box.addWidget(self._tree, 1)
        box.addWidget(self._words)
        box.addLayout(row)
        return box

    def _build_form(self) -> QWidget:
        self.start_with = QComboBox()
        self.start_with.setAccessibleName("What to begin with")
        self.start_with.setMinimumContentsLength(8)
        self.start_with.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.start_with.currentIndexChanged.connect(lambda _: self._take_start())
        self.name = QLineEdit()
        self.name.setAccessibleName("Name of the new model")
        self.name.setMaxLength(60)
        self.name.textEdited.connect(self._on_name)
        self.name.textChanged.connect(lambda _: self._show_possible())
        self.minutes = QSpinBox()
        self.minutes.setAccessibleName("Minutes to train")
        self.minutes.setRange(1, _MOST_MINUTES)
        self.minutes.setSuffix(" min")
        self.minutes.setToolTip("Time of computing; pauses do not count")
        self.minutes.lineEdit().textEdited.connect(self._on_minutes)
        self.minutes.valueChanged.connect(lambda _: self._on_minutes())
        roomy(self.minutes)
        self.device = QComboBox()
        self.device.setAccessibleName("Device to train on")
        for words, value in _DEVICES:
            self.device.addItem(words, value)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 12, 0)
        form.setSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(label("Make"), self.start_with)
        form.addRow(label("Name"), self.name)
        form.addRow(label("Time"), self.minutes)
        form.addRow(label("Device"), self.device)
        self._about = label("", "small", wrap=True)
        self._about.setAccessibleName("What this training does")
        form.addRow(self._about)
        body = QWidget()
        body.setLayout(form)
        scroll = QScrollArea()
        scroll.setWidget(body)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.start = push_button("Start training", self._ask_start, "primary")
        self.start.setMinimumHeight(30)
        foot = QHBoxLayout()
        foot.setContentsMargins(0, 0, 12, 0)
        foot.addWidget(self.start)
        side = QWidget()
        side.setMinimumWidth(_FORM_LEAST_PX)
        side.setMaximumWidth(_FORM_PX)
        box = QVBoxLayout(side)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(scroll, 1)
        box.addLayout(foot)
        return side

    # --- showing -------------------------------------------------------------------------

    def show_starts(self, starts: Sequence[Start], device: str, threads: int) -> None:
        """Show what a training may begin with; what was typed stays."""
        self._threads = threads
        if tuple(starts) == self._starts:
            return
        first = not self._starts
        chosen = self.start_with.currentText()
        self._starts = tuple(starts)
        self.start_with.blockSignals(True)
        self.start_with.clear()
        for start in starts:
            self.start_with.addItem(start.title)
        self.start_with.setCurrentIndex(max(self.start_with.findText(chosen), 0))
        self.start_with.blockSignals(False)
        if first:
            self.device.setCurrentIndex(max(self.device.findData(device), 0))
        self._take_start()

    def show_material(self, material: Material) -> None:
        """Show what was understood of the folders."""
        self._material = material
        self._empty.setVisible(not material.folders)
        self._tree.setVisible(bool(material.folders))
        self._tree.clear()
        if material.problems:
            self._add_problems(material)
        for place, folder in enumerate(material.folders):
            item = self._folder_item(folder, material)
            self._tree.addTopLevelItem(item)
            if place == 0:
                self._tree.setCurrentItem(item)
        self._tree.expandAll()
        self._tree.scrollToTop()
        self._words.setText(_summary(material))
        self._words.setVisible(bool(material.folders))
        set_role(self._words, "error" if material.error is not None else "small")
        self._words.setToolTip(str(material.error) if material.error is not None else "")
        self._show_possible()

    def _folder_item(self, folder: Path, material: Material) -> QTreeWidgetItem:
        songs = [song for song in material.songs if song["folder"] == str(folder)]
        seconds = sum(float(song["seconds"]) for song in songs)
        words = "looking…" if material.checking else ""
        item = QTreeWidgetItem([folder.name or str(folder), words, clock(seconds) if songs else ""])
        item.setIcon(0, self._theme.icon("folder", "muted"))
        item.setToolTip(0, str(folder))
        item.setData(0, _FOLDER, str(folder))
        for song in songs:
            stems = ", ".join(sorted(set(song["stems"]), key=song["stems"].index))
            side = _SIDES.get(song["split"], song["split"])
            row = QTreeWidgetItem([song["song"], stems, clock(float(song["seconds"])), side])
            row.setData(0, _FOLDER, str(folder))
            row.setToolTip(0, song["song"])
            row.setToolTip(1, stems)
            row.setTextAlignment(2, _RIGHT)
            item.addChild(row)
        item.setTextAlignment(2, _RIGHT)
        return item

    def _add_problems(self, material: Material) -> None:
        count = len(material.problems)
        item = QTreeWidgetItem([f"{count} problem{'s' if count != 1 else ''}"])
        item.setIcon(0, self._theme.icon("warning", "warning"))
        self._tree.addTopLevelItem(item)
        item.setFirstColumnSpanned(True)
        for name, sentence in material.problems:
            row = QTreeWidgetItem([f"{name}: {sentence}"])
            row.setToolTip(0, f"{name}: {sentence}")
            item.addChild(row)
            row.setFirstColumnSpanned(True)  # only once it is in the tree

    def show_started(self) -> None:
        """Forget what was typed: the training it was for has begun, or could not."""
        self._waits = False
        self._typed_name = self._typed_minutes = False
        self._take_start()

    def show_refused(self) -> None:
        """Keep what was typed: it can be changed and tried again."""
        self._waits = False
        self._show_possible()

    def _show_possible(self) -> None:
        item = self._tree.currentItem()
        self.remove.setEnabled(item is not None and bool(item.data(0, _FOLDER)))
        named = bool(self.name.text().strip())
        ready = self._material.ready and bool(self._starts) and named and not self._waits
        self.start.setEnabled(ready)
        why = ""
        if not self._material.folders:
            why = "Add folders of stems first"
        elif self._material.checking:
            why = "The folders are being looked at"
        elif not named:
            why = "Give the model a name"
        self.start.setToolTip(why)

    # --- asking --------------------------------------------------------------------------

    def _take_start(self) -> None:
        place = self.start_with.currentIndex()
        if 0 <= place < len(self._starts):
            start = self._starts[place]
            if not self._typed_name:
                self.name.setText(start.name)
            if not self._typed_minutes:
                self.minutes.blockSignals(True)
                self.minutes.setValue(round(start.minutes))
                self.minutes.blockSignals(False)
        self._show_about()
        self._show_possible()

    def _show_about(self) -> None:
        place = self.start_with.currentIndex()
        if 0 <= place < len(self._starts):
            self._about.setText(about(self._starts[place], self.minutes.value()))

    def _on_name(self, text: str) -> None:
        self._typed_name = bool(text)

    def _on_minutes(self, _text: str = "") -> None:
        self._typed_minutes = True
        self._show_about()

    def order(self) -> Order:
        """Return what is chosen."""
        start = self._starts[max(self.start_with.currentIndex(), 0)]
        return Order(
            start.recipe,
            tuple(str(folder) for folder in self._material.folders),
            name=self.name.text().strip(),
            minutes=float(self.minutes.value()),
            device=self.device.currentData(),
            threads=self._threads,
            from_card=start.from_card,
        )

    def _ask_start(self) -> None:
        self._waits = True
        self._show_possible()
        self.start_asked.emit(self.order())

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Add a folder of stems", str(Path.home()))
        if folder:
            self.folders_added.emit([Path(folder)])

    def _remove(self) -> None:
        item = self._tree.currentItem()
        folder = item.data(0, _FOLDER) if item is not None else None
        if folder:
            self.folder_removed.emit(Path(folder))


class _Folders(QTreeWidget):
    """The tree; Delete removes a folder."""

    removal_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(4)
        self.setIconSize(QSize(14, 14))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Share the width."""
        super().resizeEvent(event)
        self.header().resizeSection(1, int(self.viewport().width() * _STEMS_SHARE))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        """Remove the folder at hand."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removal_asked.emit()
        else:
            super().keyPressEvent(event)


def _summary(material: Material) -> str:
    if material.error is not None:
        return f"{material.error.what}: {material.error.why}"
    if material.checking:
        return "Looking at the folders…"
    if not material.folders:
        return ""
    count = len(material.songs)
    held = sum(song["split"] == "valid" for song in material.songs)
    parts = [f"{count} song{'s' if count != 1 else ''}, {material.minutes:.1f} minutes"]
    if held:
        parts.append(f"{held} held out to score")
    if material.problems:
        troubles = len(material.problems)
        parts.append(f"{troubles} problem{'s' if troubles != 1 else ''}")
    return "; ".join(parts)


def about(start: Start, minutes: int) -> str:
    """Return what a training does and how long it takes, in a few sentences."""
    does = (
        "Goes on from a model that is there, so that it fits music like yours better."
        if start.from_card
        else "Teaches a new network from nothing, with your stems."
    )
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else ""]
    length = " ".join(part for part in parts if part)
    return (
        f"{does} It computes for {length}, pauses left out, at low priority: you can go on "
        "working, pause it, or close the window. What comes of it is one more model in the list; "
        "none is replaced."
    )
