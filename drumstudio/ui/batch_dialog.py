"""Many files at once, straight to a folder: drums, drumless, or both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QWidget,
)

from drumstudio.core.stems import DRUMLESS
from drumstudio.files.formats import ALL_FORMATS
from drumstudio.files.sound_kinds import AUDIO_SUFFIXES
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.drop_area import DropArea
from drumstudio.ui.parts import label, push_button
from drumstudio.workflows.separate_song import ExportSettings

PRESETS = (
    ("Drums", ("drums",)),
    ("Drumless", (DRUMLESS,)),
    ("Drums and drumless", ("drums", DRUMLESS)),
)


class BatchDialog(Dialog):
    """Which files, what of them, and where to.

    Parameters
    ----------
    parent : QWidget
        The window.
    models : sequence of (str, str)
        Id and name of each model that can be used.
    chosen : str
        Id of the one that is used at first.
    folder : Path
        Where to, at first.
    """

    def __init__(
        self, parent: QWidget, models: Sequence[tuple[str, str]], chosen: str, folder: Path
    ) -> None:
        super().__init__(parent, "Separate files to a folder", 580)
        self.paths: list[Path] = []
        self.content.addWidget(
            label("Songs and folders; drop them here, too. They do not join the project.", "muted")
        )
        self._list = QListWidget()
        self._list.setAccessibleName("Songs and folders to separate")
        self._list.setMinimumHeight(120)
        self._list.setProperty("role", "field")
        self.content.addWidget(self._list, 1)
        row = QHBoxLayout()
        row.addWidget(push_button("Add files…", self._add_files))
        row.addWidget(push_button("Add folder…", self._add_folder))
        row.addWidget(push_button("Clear", self._clear))
        row.addStretch()
        self.content.addLayout(row)
        form = QFormLayout()
        form.setSpacing(10)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._preset = QComboBox()
        self._preset.setAccessibleName("What to write")
        for name, stems in PRESETS:
            self._preset.addItem(name, stems)
        self._preset.setCurrentIndex(len(PRESETS) - 1)
        form.addRow(label("Write"), self._preset)
        self._format = QComboBox()
        self._format.setAccessibleName("Format of the files")
        for name, kind in ALL_FORMATS.items():
            self._format.addItem(kind.label, name)
        self._format.setCurrentIndex(self._format.findData("wav24"))
        form.addRow(label("Format"), self._format)
        self._folder = QLineEdit(str(folder))
        self._folder.setAccessibleName("Folder to write to")
        self._folder.textChanged.connect(self._check)
        where = QHBoxLayout()
        where.addWidget(self._folder, 1)
        where.addWidget(push_button("Choose…", self._choose, name="Choose the folder to write to"))
        form.addRow(label("Folder"), where)
        self._model = QComboBox()
        self._model.setAccessibleName("Model")
        for identity, name in models:
            self._model.addItem(name, identity)
        self._model.setCurrentIndex(max(self._model.findData(chosen), 0))
        form.addRow(label("Model"), self._model)
        self.content.addLayout(form)
        self._replace = QCheckBox("Replace files that are there (else those songs are skipped)")
        self.content.addWidget(self._replace)
        self.add_button(push_button("Cancel", self.reject))
        self._start = self.add_button(push_button("Separate", self.accept, "primary"), default=True)
        DropArea(self).dropped.connect(lambda paths, _: self.add(paths))
        self._check()

    def add(self, paths: list[Path]) -> None:
        """Put files and folders on the list."""
        for path in paths:
            if path not in self.paths:
                self.paths.append(path)
                self._list.addItem(str(path))
        self._check()

    @property
    def model_id(self) -> str:
        """The model that is chosen."""
        return str(self._model.currentData())

    def export_settings(self) -> ExportSettings:
        """Return what is chosen."""
        return ExportSettings(
            folder=Path(self._folder.text()).expanduser(),
            stems=self._preset.currentData(Qt.ItemDataRole.UserRole),
            file_format=self._format.currentData(),
            overwrite="always" if self._replace.isChecked() else "never",
        )

    def _add_files(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(AUDIO_SUFFIXES))
        files, _ = QFileDialog.getOpenFileNames(
            self, "Add files", str(Path.home()), f"Sound files ({patterns});;All files (*)"
        )
        self.add([Path(file) for file in files])

    def _add_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Add a folder", str(Path.home()))
        if folder:
            self.add([Path(folder)])

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Write to", self._folder.text())
        if folder:
            self._folder.setText(folder)

    def _clear(self) -> None:
        self.paths.clear()
        self._list.clear()
        self._check()

    def _check(self) -> None:
        self._start.setEnabled(bool(self.paths) and bool(self._folder.text().strip()))
