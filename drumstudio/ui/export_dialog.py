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
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from drumstudio.application.song_export import ExportOrder, exportable
from drumstudio.application.time_view import clock
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.song import Song
from drumstudio.core.stems import DRUMLESS, MIXTURE, looks
from drumstudio.files.formats import ALL_FORMATS, STEM_FORMATS
from drumstudio.ui.dialogs import Dialog
from drumstudio.ui.drop_area import drag_files
from drumstudio.ui.export_choices import ExportChoices
from drumstudio.ui.parts import label, push_button, set_role

EXACT_DB = -200.0
"""What `files.encode` reports where the stems sum to the song to the last bit."""

_TICKS_A_ROW = 5

RATES = (None, 44_100, 48_000, 88_200, 96_000)


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of the song that can be exported.

    Parameters
    ----------
    name : str
        "Selection", or a section's name.
    seconds : tuple of float
        Start and stop.
    """

    name: str
    seconds: tuple[float, float]


class ExportDialog(Dialog):
    """The choices; names of files that would be replaced are listed before anything happens.

    Parameters
    ----------
    parent : QWidget
        The window.
    song : Song
        What is exported.
    folder : Path
        Where to, at first.
    ranges : sequence of Range
        What can be exported instead of the whole song.
    silent_mix : bool
        Whether every track is muted, so that there is no mix.
    """

    def __init__(
        self,
        parent: QWidget,
        song: Song,
        folder: Path,
        ranges: Sequence[Range] = (),
        *,
        silent_mix: bool = False,
    ) -> None:
        super().__init__(parent, f"Export {song.name}", 560)
        self._song = song
        self._silent_mix = silent_mix
        form = QFormLayout()
        form.setSpacing(10)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._source = QComboBox()
        self._source.setAccessibleName("What to export")
        if song.separation is not None:
            self._source.addItem("Stems, a file each", "stems")
            self._source.addItem("Mix, as it is heard", "mix")
        else:
            self._source.addItem("The original", "stems")
        self._source.currentIndexChanged.connect(self._check)
        form.addRow(label("Export"), self._source)
        self._ticks = QWidget()
        ticks = QGridLayout(self._ticks)
        ticks.setContentsMargins(0, 0, 0, 0)
        ticks.setHorizontalSpacing(14)
        self._stems: dict[str, QCheckBox] = {}
        separation = song.separation
        ticked = separation.stem_names if separation is not None else (MIXTURE,)
        two = separation is not None and len(separation.stems) == 1  # drumless is the other
        choices = [stem for stem in exportable(separation) if not (two and stem == DRUMLESS)]
        for place, stem in enumerate(choices):
            box = QCheckBox("Drumless" if stem == DRUMLESS else looks(stem).label)
            box.setChecked(stem in ticked)
            box.toggled.connect(self._check)
            self._stems[stem] = box
            ticks.addWidget(box, place // _TICKS_A_ROW, place % _TICKS_A_ROW)
        ticks.setColumnStretch(_TICKS_A_ROW, 1)
        self._stems_label = label("Stems")
        form.addRow(self._stems_label, self._ticks)
        self._range = QComboBox()
        self._range.setAccessibleName("Range")
        self._range.addItem(f"Whole song, {clock(song.mixture.seconds)}", None)
        for each in ranges:
            start, stop = (clock(seconds, 1) for seconds in each.seconds)
            self._range.addItem(f"{each.name}, {start} to {stop}", each.seconds)
        self._range.setEnabled(bool(ranges))
        self._range.setToolTip("Select a range in the ruler, or set markers, to export a part")
        form.addRow(label("Range"), self._range)
        self._format = QComboBox()
        self._format.setAccessibleName("Format")
        for name, kind in ALL_FORMATS.items():
            self._format.addItem(kind.label, name)
        self._format.setCurrentIndex(self._format.findData("wav24"))
        self._format.currentIndexChanged.connect(self._check)
        form.addRow(label("Format"), self._format)
        self._rate = QComboBox()
        self._rate.setAccessibleName("Sample rate")
        for rate in RATES:
            own = f"The song's own, {song.mixture.sample_rate / 1000:g} kHz"
            self._rate.addItem(own if rate is None else f"{rate / 1000:g} kHz", rate)
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
        self._template.setToolTip("{song}, {stem} and {model} are filled in")
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

    def choices(self) -> ExportChoices:
        """Return what the next export may begin with."""
        ticked = " ".join(stem for stem, box in self._stems.items() if box.isChecked())
        return ExportChoices(
            self._source.currentData(),
            ticked,
            self._format.currentData(),
            self._rate.currentData() or 0,
            self._folder.text(),
            self._template.text(),
        )

    def show_choices(self, choices: ExportChoices) -> None:
        """Begin with what was chosen before, as far as it fits this song and this computer."""
        for combo, value in (
            (self._source, choices.source),
            (self._format, choices.file_format),
            (self._rate, choices.sample_rate or None),
        ):
            place = combo.findData(value)
            if place >= 0:
                combo.setCurrentIndex(place)
        ticked = [stem for stem in choices.stems.split() if stem in self._stems]
        if ticked:
            for stem, box in self._stems.items():
                box.setChecked(stem in ticked)
        if choices.folder and Path(choices.folder).is_dir():
            self._folder.setText(choices.folder)
        if choices.template:
            self._template.setText(choices.template)
        self._check()

    def order(self) -> ExportOrder:
        """Return what is chosen."""
        ticked = tuple(stem for stem, box in self._stems.items() if box.isChecked())
        return ExportOrder(
            stems=("mix",) if self._source.currentData() == "mix" else ticked,
            folder=Path(self._folder.text()).expanduser(),
            file_format=self._format.currentData(),
            template=self._template.text(),
            sample_rate=self._rate.currentData(),
            seconds=self._range.currentData(),
            overwrite=self._replace.isChecked(),
        )

    def _on_choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Export to", self._folder.text())
        if folder:
            self._folder.setText(folder)

    def _check(self) -> None:
        order = self.order()
        one_file = order.file_format in STEM_FORMATS
        as_stems = order.stems != ("mix",) and len(self._stems) > 1 and not one_file
        self._rate.setEnabled(not one_file)
        self._ticks.setVisible(not one_file)  # a stem file holds them all
        self._stems_label.setVisible(not one_file)
        if one_file and (order.stems == ("mix",) or self._song.separation is None):
            self._refuse(
                "A stem file holds a song's stems: separate it, and export stems.", "warning"
            )
            return
        self._ticks.setEnabled(as_stems)
        self._stems_label.setEnabled(as_stems)
        if order.stems == ("mix",) and self._silent_mix:
            self._refuse("Every track is muted, so there is no mix to hear.", "warning")
            return
        if not order.stems and not one_file:
            self._refuse("Choose at least one stem.", "warning")
            return
        try:
            files = list(order.paths(self._song).values())
        except DrumStudioError as error:
            self._refuse(f"{error.what}: {error.why}", "error")
            return
        there = [path for path in files if path.exists()]
        self._replace.setVisible(bool(there))
        if there:
            names = ", ".join(path.name for path in there)
            self._show(f"There already: {names}", "warning", possible=self._replace.isChecked())
        else:
            self._show("Writes " + ", ".join(path.name for path in files), "muted", possible=True)

    def _refuse(self, text: str, role: str) -> None:
        self._replace.hide()
        self._show(text, role, possible=False)

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
        table = _Files([Path(file["path"]) for file in files])
        table.setAccessibleName("Files written")
        table.setHorizontalHeaderLabels(["File", "Peak", "True peak", "Loudness", "Size"])
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setToolTip("Drag a file out of the window to take it elsewhere")
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
                # Room between columns, which only the text itself can have.
                item = QTableWidgetItem(f"    {text}" if column else text)
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                table.setItem(row, column, item)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        table.horizontalHeaderItem(0).setTextAlignment(left)
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


class _Files(QTableWidget):
    """A table of files that can be dragged out of the window."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__(len(paths), 5)
        self._paths = paths
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setDragEnabled(True)

    def startDrag(self, actions: Qt.DropAction) -> None:  # noqa: N802, ARG002 (Qt's name)
        """Carry the chosen files."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        drag_files(self, [self._paths[row] for row in rows])


def decibels(value: float | None, unit: str) -> str:
    """Return a level in words; "silent" where there is none."""
    return "silent" if value is None else f"{value:.1f} {unit}"


def sum_line(report: dict[str, Any]) -> QWidget:
    """Return the line that says how exactly the stems add up to the song."""
    residual = report.get("null_residual_dbfs")
    if residual is None:
        return label("Whether the stems add up: not applicable here.", "muted")
    stems = " + ".join(report["sums"][0]).capitalize()
    if residual <= EXACT_DB:
        return label(f"{stems} = song, exactly", "good")
    return label(f"{stems} = song, to {residual:.0f} dB", "good")
