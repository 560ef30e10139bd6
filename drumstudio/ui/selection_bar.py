"""What can be done with a selection of the spectrogram: given, taken, made quieter, inverted."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QToolButton, QWidget

from drumstudio.ui.parts import label, upright_line


class SelectionBar(QWidget):
    """One row of buttons, there while tools select."""

    give_asked = Signal(str)  # "drums", "rest" or "protect"
    quieter_asked = Signal(str, float)  # of which stem, by how many decibels
    invert_asked = Signal()
    none_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Selection")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 8, 4)
        row.setSpacing(5)
        row.addWidget(label("Selection", "small"))
        self._needing: list[QWidget] = []
        for words, tip, target in (
            ("Give to drums", "Move all that is selected to the drums (D)", "drums"),
            ("Give to rest", "Move all that is selected to the rest (Shift+D)", "rest"),
            ("Protect", "Keep the drums as they are in the selection", "protect"),
        ):
            button = self._button(words, tip)
            button.clicked.connect(lambda _=False, target=target: self.give_asked.emit(target))
            row.addWidget(button)
        row.addWidget(upright_line())
        self._db = QDoubleSpinBox()
        self._db.setRange(0.5, 60.0)
        self._db.setDecimals(1)
        self._db.setSingleStep(1.0)
        self._db.setValue(6.0)
        self._db.setPrefix("\N{MINUS SIGN}")
        self._db.setSuffix(" dB")
        self._db.setKeyboardTracking(False)
        self._db.setFixedSize(84, 24)
        self._db.setProperty("role", "small")
        self._db.setAccessibleName("How much quieter, in decibels")
        row.addWidget(self._db)
        for words, stem, other in (("of drums", "drums", "rest"), ("of rest", "rest", "drums")):
            tip = f"Make the {stem} quieter in the selection; the {other} get what they lose"
            button = self._button(words, tip)
            button.clicked.connect(
                lambda _=False, stem=stem: self.quieter_asked.emit(stem, self._db.value())
            )
            row.addWidget(button)
        row.addWidget(upright_line())
        invert = self._button("Invert", "Select everything else (I)", needs=False)
        invert.clicked.connect(lambda: self.invert_asked.emit())
        row.addWidget(invert)
        nothing = self._button("None", "Select nothing (Esc)")
        nothing.clicked.connect(lambda: self.none_asked.emit())
        row.addWidget(nothing)
        row.addStretch(1)

    def show_selected(self, selected: bool) -> None:
        """Allow what needs a selection only where there is one."""
        for widget in self._needing:
            widget.setEnabled(selected)

    def _button(self, words: str, tip: str, *, needs: bool = True) -> QToolButton:
        button = QToolButton()
        button.setText(words)
        button.setProperty("role", "small")
        button.setFixedHeight(24)
        button.setToolTip(tip)
        button.setAccessibleName(tip.split(" (")[0])
        if needs:
            self._needing.append(button)
        return button
