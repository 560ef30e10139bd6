"""Fix this everywhere: the hits that are like a corrected one, to be ticked and corrected."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from drumstudio.application.alike import Review
from drumstudio.application.time_view import clock
from drumstudio.ui.parts import label, push_button

_WIDTH_PX, _HEIGHT_PX = 300, 420


class ReviewDialog(QDialog):
    """Lists hits with a tick each; the window can be used while it is open.

    Parameters
    ----------
    parent : QWidget
        The window.
    """

    hit_chosen = Signal(float)  # its seconds: to be shown and heard
    ticks_changed = Signal(object)  # list of (seconds, ticked)
    fix_asked = Signal(object, object)  # the Review, and the set of hits that are ticked

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Fix this everywhere")
        self.setModal(False)
        self._review: Review | None = None
        self._showing = False
        self._words = label("", "muted", wrap=True)
        self._progress = QProgressBar()
        self._progress.setRange(0, 100)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName("Looking for hits")
        self._list = QListWidget()
        self._list.setAccessibleName("Hits like this one")
        self._list.currentRowChanged.connect(self._on_row)
        self._list.itemChanged.connect(self._on_tick)
        self._fix = push_button("Fix", self._ask, "primary", "Fix the ticked hits")
        ticks = QHBoxLayout()
        ticks.setSpacing(6)
        self._tickers = [
            push_button("All", lambda: self._tick(lambda _: True), name="Tick all hits"),
            push_button("Alike", self._tick_suggested, name="Tick the hits that are alike"),
            push_button("None", lambda: self._tick(lambda _: False), name="Tick no hit"),
        ]
        for button in self._tickers:
            ticks.addWidget(button)
        ticks.addStretch(1)
        ends = QHBoxLayout()
        ends.addStretch(1)
        ends.addWidget(push_button("Cancel", self.reject))
        ends.addWidget(self._fix)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 12, 12)
        box.setSpacing(8)
        box.addWidget(self._words)
        box.addWidget(self._progress)
        box.addWidget(self._list, 1)
        box.addLayout(ticks)
        box.addLayout(ends)
        self.resize(_WIDTH_PX, _HEIGHT_PX)
        self.show_looking(0.0)

    def show_looking(self, fraction: float) -> None:
        """Show that hits are being looked for, and the share that is done."""
        if self._review is None:
            self._words.setText("Looking for hits like the one that you corrected.")
            self._progress.setValue(round(100 * fraction))
            self._show_possible()

    def show_review(self, review: Review) -> None:
        """Show what was found, with the hits ticked that are very like the corrected one."""
        self._review = review
        self._showing = True
        self._list.clear()
        for hit, ticked in zip(review.hits, review.suggested, strict=True):
            likeness = f"{max(hit.likeness, 0.0):.0%}".replace("%", " %")
            item = QListWidgetItem(f"{clock(hit.seconds, 3)}   {likeness} alike")
            item.setFlags(
                Qt.ItemFlag.ItemIsEnabled
                | Qt.ItemFlag.ItemIsSelectable
                | Qt.ItemFlag.ItemIsUserCheckable
            )
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            self._list.addItem(item)
        self._showing = False
        found = "No other hit" if not review.hits else f"{len(review.hits)} hits"
        where = clock(review.onset_seconds, 3)
        self._words.setText(f"{found} like the one at {where}. Choose one to see and hear it.")
        self._show_possible()
        self._tell()

    @property
    def ticked(self) -> set[int]:
        """Which hits are ticked."""
        checked = Qt.CheckState.Checked
        return {n for n in range(self._list.count()) if self._list.item(n).checkState() == checked}

    def _tick(self, wanted: Callable[[int], bool]) -> None:
        self._showing = True
        for number in range(self._list.count()):
            state = Qt.CheckState.Checked if wanted(number) else Qt.CheckState.Unchecked
            self._list.item(number).setCheckState(state)
        self._showing = False
        self._on_tick()

    def _tick_suggested(self) -> None:
        if self._review is not None:
            suggested = self._review.suggested
            self._tick(lambda number: suggested[number])

    def _on_tick(self) -> None:
        if not self._showing:
            self._show_possible()
            self._tell()

    def _on_row(self, row: int) -> None:
        if not self._showing and self._review is not None and row >= 0:
            self.hit_chosen.emit(self._review.hits[row].seconds)

    def _show_possible(self) -> None:
        looked = self._review is not None
        self._progress.setVisible(not looked)
        for button in self._tickers:
            button.setEnabled(looked and self._list.count() > 0)
        count = len(self.ticked)
        self._fix.setEnabled(count > 0)
        self._fix.setText("Fix" if not count else f"Fix {count} hit{'s' if count > 1 else ''}")

    def _tell(self) -> None:
        if self._review is not None:
            ticked = self.ticked
            pairs = [(hit.seconds, n in ticked) for n, hit in enumerate(self._review.hits)]
            self.ticks_changed.emit(pairs)

    def _ask(self) -> None:
        if self._review is not None and self.ticked:
            self.fix_asked.emit(self._review, self.ticked)
            self.accept()
