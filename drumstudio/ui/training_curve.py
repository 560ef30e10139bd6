"""How a training goes, as a plot: the loss as a line, the score as points, over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QSizePolicy, QStackedLayout, QWidget

from drumstudio.files.training_folder import Progress
from drumstudio.ui.parts import label
from drumstudio.ui.theme import Theme

_DOT_PX, _BEST_PX = 7.0, 10.0

Points = Sequence[tuple[int, float]]


class TrainingCurve(QWidget):
    """Draws what a training has come through so far.

    Parameters
    ----------
    theme : Theme
        The colours.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._progress = Progress()
        self._plot: _Plot | None = None
        self._layout = QStackedLayout(self)
        waiting = label("The curve begins after two steps", "small")
        waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._layout.addWidget(waiting)
        self.setAccessibleName("Loss and score over the steps")
        self.setMinimumSize(200, 110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self._draw)

    def show_progress(self, progress: Progress) -> None:
        """Draw another state of a training."""
        if progress != self._progress:
            self._progress = progress
            self.setAccessibleDescription(_words(progress))
            self._draw()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 (Qt's name)
        """Draw what came while it was hidden."""
        super().showEvent(event)
        self._draw()

    def _draw(self) -> None:
        if not self.isVisible():
            return
        if len(self._progress.losses) < 2:
            self._layout.setCurrentIndex(0)
            return
        if self._plot is None:
            self._plot = _Plot(self._theme)
            self._layout.addWidget(self._plot.widget)
        self._plot.show_progress(self._progress)
        self._layout.setCurrentWidget(self._plot.widget)


class _Plot:
    """The loss on the left axis, the score on the right one."""

    def __init__(self, theme: Theme) -> None:
        import pyqtgraph  # 0.1 s that the start of the program does not have

        self._pyqtgraph, self._theme = pyqtgraph, theme
        self.widget = pyqtgraph.PlotWidget()
        self.widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot = self._item = self.widget.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.showGrid(x=False, y=True, alpha=0.25)
        plot.setLabel("bottom", "step")
        plot.setLabel("left", "loss")
        plot.setLabel("right", "score, dB")
        for side in ("left", "right", "bottom"):
            plot.getAxis(side).enableAutoSIPrefix(False)
        self._scores_box = pyqtgraph.ViewBox(enableMenu=False)
        self._scores_box.setMouseEnabled(x=False, y=False)
        plot.scene().addItem(self._scores_box)
        plot.getAxis("right").linkToView(self._scores_box)
        self._scores_box.setXLink(plot.getViewBox())
        plot.getViewBox().sigResized.connect(self._lay_over)
        self._each = plot.plot()
        self._mean = plot.plot()
        self._scores = pyqtgraph.PlotDataItem()
        self._before = pyqtgraph.InfiniteLine(angle=0, label="before", labelOpts={"position": 0.1})
        for item in (self._scores, self._before):
            self._scores_box.addItem(item)
        self._legend = plot.addLegend(offset=(-8, 4), labelTextSize="8pt")

    def _lay_over(self) -> None:
        self._scores_box.setGeometry(self._item.getViewBox().sceneBoundingRect())

    def show_progress(self, progress: Progress) -> None:
        """Draw a state with at least two losses."""
        self._paint()
        losses, scores = progress.losses, progress.scores
        for item, points in ((self._each, losses), (self._mean, smoothed(losses))):
            item.setData(*_columns(points))
        best = progress.best[0] if progress.best is not None else -1
        sizes = [_BEST_PX if step == best else _DOT_PX for step, _ in scores]
        self._scores.setData(*_columns(scores), symbolSize=sizes or _DOT_PX)
        self._legend.clear()
        for item, words, is_there in (
            (self._mean, "Loss", True),
            (self._scores, "Score", bool(scores)),
        ):
            if is_there:
                self._legend.addItem(item, words)
        is_scored = bool(scores) or progress.start_score is not None
        self._item.showAxis("right", is_scored)
        self._before.setVisible(progress.start_score is not None)
        heights = [score for _, score in scores]
        if progress.start_score is not None:
            self._before.setValue(progress.start_score)
            heights.append(progress.start_score)
        last = max(losses[-1][0], scores[-1][0] if scores else 0)
        self._item.setXRange(0, last, padding=0.01)
        if heights:
            low, high = min(heights), max(heights)
            room = max(0.5, 0.06 * (high - low))
            self._scores_box.setYRange(low - room, high + room, padding=0)
        self._lay_over()

    def _paint(self) -> None:
        """Take the theme's colours."""
        make, colour = self._pyqtgraph.mkPen, self._theme.colour
        self.widget.setBackground(colour("ground"))
        for side in ("left", "bottom", "right"):
            axis = self._item.getAxis(side)
            axis.setPen(make(colour("line")))
            axis.setTextPen(make(colour("muted")))
        self._legend.setLabelTextColor(colour("muted"))
        # Each step has other music: what counts is the mean of many.
        self._each.setPen(make(colour("rest", 80)))
        self._mean.setPen(make(colour("rest"), width=2))
        accent = colour("accent")
        self._scores.setPen(make(accent))
        self._scores.setSymbol("o")
        self._scores.setSymbolBrush(accent)
        self._scores.setSymbolPen(make(colour("ground")))
        self._before.label.setColor(accent)
        self._before.setPen(make(accent, style=Qt.PenStyle.DashLine))


def _columns(points: Points) -> tuple[list[Any], list[Any]]:
    return [step for step, _ in points], [value for _, value in points]


def smoothed(points: Points) -> list[tuple[int, float]]:
    """Return points with the mean of each and those before it, a tenth of all but at least 3."""
    count = max(3, len(points) // 10)
    means, total = [], 0.0
    for place, (step, value) in enumerate(points):
        total += value - (points[place - count][1] if place >= count else 0.0)
        means.append((step, total / min(place + 1, count)))
    return means


def _words(progress: Progress) -> str:
    parts = [f"Step {progress.step}"]
    if progress.losses:
        parts.append(f"loss {progress.losses[-1][1]:.3f}")
    if progress.scores:
        parts.append(f"score {progress.scores[-1][1]:.2f} dB")
    return ", ".join(parts)
