"""A training as it goes: the curve, how long it still takes, what it sounds like, how to end it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from drumstudio.application.time_view import clock
from drumstudio.files.training_folder import EXAMPLE_FOLDER, TrainingView
from drumstudio.ui.parts import icon_button, label, push_button, set_role
from drumstudio.ui.theme import Theme, tabular
from drumstudio.ui.training_curve import TrainingCurve

_SIDE_PX = 300
_PERMILLE = 1000

STATES = {
    "starting": ("clock", "muted", "Starting"),
    "preparing": ("clock", "muted", "Preparing"),
    "training": ("play", "good", "Training"),
    "pausing": ("clock", "muted", "Pausing"),
    "stopping": ("clock", "muted", "Stopping"),
    "paused": ("pause", "muted", "Paused"),
    "interrupted": ("warning", "warning", "Interrupted"),
    "stopped": ("check", "good", "Stopped"),
    "done": ("check", "good", "Done"),
    "failed": ("error", "error", "Failed"),
}
"""State of a training to icon, colour and word."""

EXAMPLES = (
    ("mixture", "Mixture", "The song as it is"),
    ("before", "Before", "The drums of the model that it began with"),
    ("now", "Now", "The drums as they come out so far"),
    ("true", "True", "The true drums"),
)


class TrainingWatch(QWidget):
    """Shows one training and offers what can be done with it.

    Parameters
    ----------
    theme : Theme
        The icons.
    """

    pause_asked = Signal()
    resume_asked = Signal()
    stop_asked = Signal()
    remove_asked = Signal()
    example_asked = Signal(object)  # a Path; None to stop

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._view: TrainingView | None = None
        self.curve = TrainingCurve(theme)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(12, 6, 0, 8)
        whole.setSpacing(12)
        whole.addWidget(self.curve, 1)
        whole.addWidget(self._build_side())

    def _build_side(self) -> QWidget:
        self._bar = QProgressBar()
        self._bar.setRange(0, _PERMILLE)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Share of the training that is done")
        self._facts = label("", "small", wrap=True)
        self._facts.setFont(tabular(self.font()))
        self._score = label("", "small", wrap=True)
        self._notice = label("", "warning", wrap=True)
        self._example_words = label("", "small", wrap=True)
        self._heading = label("LISTEN TO AN EXAMPLE", "heading")
        grid = QGridLayout()
        grid.setSpacing(4)
        self.examples: dict[str, QToolButton] = {}
        for place, (name, words, tip) in enumerate(EXAMPLES):
            button = QToolButton()
            button.setText(words)
            button.setToolTip(tip)
            button.setAccessibleName(f"Hear the example: {words.lower()}")
            button.setCheckable(True)
            button.setProperty("role", "small")
            button.clicked.connect(lambda _=False, name=name: self._on_example(name))
            self.examples[name] = button
            grid.addWidget(button, 0, place)
        grid.setColumnStretch(len(EXAMPLES), 1)
        body = QWidget()
        box = QVBoxLayout(body)
        box.setContentsMargins(0, 0, 12, 0)
        box.setSpacing(6)
        for widget in (self._bar, self._facts, self._score, self._notice):
            box.addWidget(widget)
        box.addSpacing(2)
        box.addWidget(self._heading)
        box.addWidget(self._example_words)
        box.addLayout(grid)
        box.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(body)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.pause = push_button("Pause", self._pause_or_resume)
        self.stop = push_button("Stop and keep the best", self.stop_asked.emit)
        self.stop.setToolTip("End the training; its best model comes among yours")
        self.remove = icon_button(
            self._theme, "trash", "Remove this training (its model stays)", self.remove_asked.emit
        )
        foot = QHBoxLayout()
        foot.setContentsMargins(0, 0, 12, 0)
        foot.setSpacing(6)
        foot.addWidget(self.pause)
        foot.addWidget(self.stop)
        foot.addStretch(1)
        foot.addWidget(self.remove)
        side = QWidget()
        side.setFixedWidth(_SIDE_PX)
        whole = QVBoxLayout(side)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        whole.addWidget(scroll, 1)
        whole.addLayout(foot)
        return side

    def show_view(self, view: TrainingView) -> None:
        """Show a training as it stands."""
        before, self._view = self._view, view
        if before is None or before.folder != view.folder:
            self.show_playing("")
        progress = view.progress
        self.curve.show_progress(progress)
        self._bar.setValue(round(progress.fraction * _PERMILLE))
        self._bar.setVisible(view.state not in ("done", "stopped"))
        self._facts.setText(_facts(view))
        self._score.setText(_score_words(view))
        notice, role = _notice(view)
        self._notice.setText(notice)
        self._notice.setVisible(bool(notice))
        set_role(self._notice, role)
        self._show_examples(view)
        over = view.state in ("done", "stopped")
        self.pause.setText("Pause" if view.running else "Go on")
        self.pause.setVisible(view.running or view.resumable)
        self.pause.setEnabled(view.state not in ("pausing", "stopping"))
        self.stop.setVisible(not over and (view.running or view.keepable))
        early = view.state in ("starting", "preparing") and progress.best is None
        self.stop.setEnabled(view.state != "stopping" and not early)
        self.remove.setEnabled(not view.running)

    def _show_examples(self, view: TrainingView) -> None:
        there = {name: self._example_file(name).exists() for name in self.examples}
        for name, button in self.examples.items():
            button.setEnabled(there[name])
            button.setVisible(name != "before" or there[name])
        shown = any(there.values())
        self._heading.setVisible(shown)
        self._example_words.setVisible(shown)
        self._example_words.setText(f"From {view.progress.example}" if shown else "")
        for button in self.examples.values():
            button.setVisible(shown and not button.isHidden())

    def show_playing(self, name: str) -> None:
        """Show which example is heard; none for an empty name."""
        for other, button in self.examples.items():
            button.setChecked(other == name)

    def _example_file(self, name: str) -> Path:
        assert self._view is not None
        return self._view.folder / EXAMPLE_FOLDER / f"{name}.wav"

    def _on_example(self, name: str) -> None:
        wanted = self.examples[name].isChecked()
        self.show_playing(name if wanted else "")
        self.example_asked.emit(self._example_file(name) if wanted else None)

    def _pause_or_resume(self) -> None:
        running = self._view is not None and self._view.running
        (self.pause_asked if running else self.resume_asked).emit()


def _facts(view: TrainingView) -> str:
    progress = view.progress
    parts = [progress.material] if progress.material else []
    if progress.step:
        parts.append(f"step {progress.step:,}")
    if progress.device:
        parts.append({"cpu": "CPU", "cuda": "CUDA"}.get(progress.device, progress.device))
    lines = [" · ".join(parts)] if parts else []
    if view.state == "training" and progress.seconds_left is not None:
        lines.append(f"About {clock(progress.seconds_left)} left")
    elif view.running and progress.message:
        lines.append(progress.message)
    return "\n".join(lines)


def _score_words(view: TrainingView) -> str:
    progress = view.progress
    if not progress.score_data:
        return ""
    if not progress.scores:
        # With songs held out the first score comes with the first save.
        none = progress.mixture_score is None
        return f"Score: not measured ({progress.score_data})." if none else ""
    latest = f"Drums SDR {progress.scores[-1][1]:.2f} dB"
    best = progress.best[1] if progress.best is not None else None
    parts = [latest if best is None else f"{latest}, best {best:.2f}"]
    if progress.start_score is not None:
        parts.append(f"{progress.start_score:.2f} before")
    if progress.mixture_score is not None:
        parts.append(f"{progress.mixture_score:.2f} for the mixture itself")
    return "; ".join(parts) + f". On {progress.score_data}."


def _notice(view: TrainingView) -> tuple[str, str]:
    error = view.progress.error
    if view.state == "failed" and error is not None:
        return f"{error['what']}: {error['why']} {error['fix']}", "error"
    if view.state == "interrupted":
        return "Its process ended without a word. Go on from what was saved last.", "warning"
    best, before = view.progress.best, view.progress.start_score
    if view.installed and view.state in ("done", "stopped"):
        if best is not None and best[1] is not None and before is not None and best[1] <= before:
            return "It is among your models, but scores no better than the one before.", "warning"
        return "The model is among yours, at the right.", "good"
    if view.state == "stopped":
        return "It was stopped before it had a model.", "warning"
    if view.order is None:
        return "Its order can not be read.", "error"
    return "", "warning"
