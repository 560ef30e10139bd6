"""What to export, how, and where; then what was written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from drumstudio.core.errors import DrumStudioError
from drumstudio.files.formats import FORMATS
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.parts import label, push_button, set_role

EXACT_DB = -200.0
"""What `files.encode` reports where drums + rest is the song to the last bit."""

RATES = (None, 44_100, 48_000, 88_200, 96_000)


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What a person chose to export.

    Parameters
    ----------
    stems : tuple of str
        "drums", "rest", "mixture".
    file_format : str
        A name in `files.formats.FORMATS`.
    sample_rate : int or None
        Hertz; None for the song's own.
    folder : Path
        Where to.
    template : str
        The files' names, with {song} and {stem}.
    overwrite : bool
        Whether files that are there are replaced.
    """

    stems: tuple[str, ...]
    file_format: str
    sample_rate: int | None
    folder: Path
    template: str
    overwrite: bool


class ExportDialog(Dialog):
    """The choices; names of files that would be replaced are listed before anything happens.

    Parameters
    ----------
    parent : QWidget
        The window.
    song : str
        The song's name.
    stems : sequence of (str, str)
        Which stems there are, each with its name on screen.
    folder : Path
        Where to, at first.
    output_paths : callable
        Takes a wish and returns the files it would write; raises `DrumStudioError`.
    """

    def __init__(
        self,
        parent: QWidget,
        song: str,
        stems: Sequence[tuple[str, str]],
        folder: Path,
        output_paths: Callable[[ExportWish], list[Path]],
    ) -> None:
        super().__init__(parent, f"Export {song}", 560)
        self._output_paths = output_paths
        form = QFormLayout()
        form.setSpacing(10)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        ticks = QHBoxLayout()
        ticks.setSpacing(14)
        self._stems: dict[str, QCheckBox] = {}
        for stem, name in stems:
            box = QCheckBox(name)
            box.setChecked(stem != "mixture")
            box.toggled.connect(self._check)
            self._stems[stem] = box
            ticks.addWidget(box)
        ticks.addStretch()
        form.addRow(label("Stems"), ticks)
        self._format = QComboBox()
        self._format.setAccessibleName("Format")
        for name, kind in FORMATS.items():
            self._format.addItem(kind.label, name)
        self._format.setCurrentIndex(self._format.findData("wav24"))
        self._format.currentIndexChanged.connect(self._check)
        form.addRow(label("Format"), self._format)
        self._rate = QComboBox()
        self._rate.setAccessibleName("Sample rate")
        for rate in RATES:
            self._rate.addItem("The song's own" if rate is None else f"{rate / 1000:g} kHz", rate)
        form.addRow(label("Sample rate"), self._rate)
        self._folder = QLineEdit(str(folder))
        self._folder.setAccessibleName("Folder")
        self._folder.textChanged.connect(self._check)
        where = QHBoxLayout()
        where.setSpacing(8)
        where.addWidget(self._folder, 1)
        where.addWidget(push_button("Choose…", self._on_choose, name="Choose the folder"))
        form.addRow(label("Folder"), where)
        self._template = QLineEdit("{song}_{stem}")
        self._template.setAccessibleName("File names")
        self._template.setToolTip("{song} and {stem} are filled in")
        self._template.textChanged.connect(self._check)
        form.addRow(label("File names"), self._template)
        self.content.addLayout(form)
        self._files = label("", "muted", wrap=True)
        self._files.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.content.addWidget(self._files)
        self._replace = QCheckBox("Replace the files that are there")
        self._replace.toggled.connect(self._check)
        self.content.addWidget(self._replace)
        self.content.addStretch()
        self.add_button(push_button("Cancel", self.reject))
        self._export = self.add_button(push_button("Export", self.accept, "primary"), default=True)
        self._check()

    def wish(self) -> ExportWish:
        """Return what is chosen."""
        return ExportWish(
            tuple(stem for stem, box in self._stems.items() if box.isChecked()),
            self._format.currentData(),
            self._rate.currentData(),
            Path(self._folder.text()).expanduser(),
            self._template.text(),
            self._replace.isChecked(),
        )

    def _on_choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Export to", self._folder.text())
        if folder:
            self._folder.setText(folder)

    def _check(self) -> None:
        wish = self.wish()
        if not wish.stems:
            self._show("Choose at least one stem.", "warning", possible=False)
            self._replace.hide()
            return
        try:
            files = self._output_paths(wish)
        except DrumStudioError as error:
            self._show(f"{error.what}: {error.why}", "error", possible=False)
            return
        there = [path for path in files if path.exists()]
        self._replace.setVisible(bool(there))
        if there:
            names = ", ".join(path.name for path in there)
            self._show(f"There already: {names}", "warning", possible=self._replace.isChecked())
        else:
            self._show("Writes " + ", ".join(path.name for path in files), "muted", possible=True)

    def _show(self, text: str, role: str, *, possible: bool) -> None:
        self._files.setText(text)
        set_role(self._files, role)
        self._export.setEnabled(possible)


class ExportReport(Dialog):
    """What was written: files with peak and loudness, and whether the stems add up.

    Parameters
    ----------
    parent : QWidget
        The window.
    report : dict
        As `files.encode.encode` returns it.
    open_folder : callable
        Shows a file in its folder.
    """

    def __init__(
        self, parent: QWidget, report: dict[str, Any], open_folder: Callable[[Path], None]
    ) -> None:
        super().__init__(parent, "Exported", 620)
        files = report["files"]
        self.content.addWidget(
            label(f"{len(files)} file{'s' if len(files) != 1 else ''} written", "strong")
        )
        table = QTableWidget(len(files), 5)
        table.setAccessibleName("Files written")
        table.setHorizontalHeaderLabels(["File", "Peak", "True peak", "Loudness", "Size"])
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for row, file in enumerate(files):
            cells = (
                Path(file["path"]).name,
                decibels(file.get("peak_db"), "dBFS"),
                decibels(file.get("true_peak_db"), "dBTP"),
                decibels(file.get("lufs"), "LUFS"),
                f"{file['bytes'] / 1e6:.1f} MB",
            )
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                table.setItem(row, column, item)
        table.horizontalHeaderItem(0).setTextAlignment(Qt.AlignmentFlag.AlignLeft)
        table.setFixedHeight(34 + 30 * len(files))
        self.content.addWidget(table)
        lines = QVBoxLayout()
        lines.setSpacing(4)
        lines.addWidget(sum_line(report))
        if report.get("gain_db"):
            lines.addWidget(
                label(
                    f"All stems are {abs(report['gain_db']):.2f} dB quieter, so that none "
                    "passes full scale.",
                    "warning",
                    wrap=True,
                )
            )
        for note in report.get("notes", []):
            lines.addWidget(label(note, "muted", wrap=True))
        self.content.addLayout(lines)
        self.content.addStretch()
        if files:
            first = Path(files[0]["path"])
            self.add_button(push_button("Open folder", lambda: open_folder(first)))
        self.add_button(push_button("Close", self.accept, "primary"), default=True)


def decibels(value: float | None, unit: str) -> str:
    """Return a level in words; "silent" where there is none."""
    return "silent" if value is None else f"{value:.1f} {unit}"


def sum_line(report: dict[str, Any]) -> QWidget:
    """Return the line that says how exactly drums and rest add up to the song."""
    residual = report.get("null_residual_dbfs")
    if residual is None:
        return label("Whether the stems add up: not applicable here.", "muted")
    if residual <= EXACT_DB:
        return label("Drums + rest = song, exactly", "good")
    return label(f"Drums + rest = song, to {residual:.0f} dB", "good")
