"""The queue at the bottom: a row a job, with state, progress, time left and what can be done."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from drumstudio.application.queue import OVER, Row, State
from drumstudio.application.time_view import clock
from drumstudio.ui import tokens
from drumstudio.ui.parts import icon_button, label, push_button, set_role
from drumstudio.ui.theme import Theme, tabular

MOST_ROWS = 60
_NEW_AT_ONCE = 5
_HIGHEST_PX = 148  # beyond it the rows scroll, unless a person makes the pane higher
_HIGHEST_SHARE = 0.12  # of a low window, in which nobody makes it higher
_LOW_PX = 700
_ANY_HEIGHT = 16_777_215  # Qt's own "no limit"

ICONS = {
    State.WAITING: ("clock", "muted"),
    State.RUNNING: ("wave", "accent"),
    State.PAUSED: ("pause", "muted"),
    State.DONE: ("check", "good"),
    State.FAILED: ("error", "error"),
    State.CANCELLED: ("close", "muted"),
}


class QueuePanel(QWidget):
    """Shows the queue's rows and tells what a person asks of them.

    Parameters
    ----------
    theme : Theme
        The icons.
    """

    cancel_asked = Signal(int)
    pause_asked = Signal(int)
    retry_asked = Signal(int)
    retry_on_cpu_asked = Signal(int)
    remove_asked = Signal(int)
    move_asked = Signal(int, int)
    clear_asked = Signal()
    height_asked = Signal(int)  # in pixels, when what is shown has become higher or lower

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: dict[int, JobRow] = {}
        self._highest = _HIGHEST_PX
        self._summary = label("", "small")
        self._clear = push_button("Clear finished", self.clear_asked.emit, "flat")
        self.head = (self._summary, self._clear)
        body = QWidget()
        self._box = QVBoxLayout(body)
        self._box.setContentsMargins(4, 0, 4, 4)
        self._box.setSpacing(0)
        self._left_out = label("", "muted")
        self._left_out.setContentsMargins(32, 4, 0, 4)
        self._left_out.hide()
        self._box.addWidget(self._left_out)
        self._box.addStretch(1)
        self._later: tuple[tuple[Row, ...], str] = ((), "")
        self._more_rows = QTimer(self)
        self._more_rows.setSingleShot(True)
        self._more_rows.timeout.connect(lambda: self.show_rows(*self._later))
        scroll = self._scroll = QScrollArea()
        scroll.setWidget(body)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)

    def _fit_height(self) -> None:
        """Have room for a few rows; without jobs the pane is its title, not an empty space."""
        wanted = sum(view.sizeHint().height() for view in self._rows.values())
        self.setMinimumHeight(min(wanted + 8, self._highest) if wanted else 0)
        most = _ANY_HEIGHT if self._highest == _HIGHEST_PX else self._highest
        self.setMaximumHeight(most if wanted else 0)

    def fit_window(self, height: int) -> None:
        """Take no more of a window of that height, in pixels, than leaves room for the song."""
        low = max(round(_HIGHEST_SHARE * height), tokens.ROW_PX + 8)
        self._highest = low if height < _LOW_PX else _HIGHEST_PX
        self._fit_height()

    def show_details(self, row: JobRow) -> None:
        """Make room for the details of a failure and bring them into view, or give it back."""
        self._fit_height()
        self.height_asked.emit(self.minimumHeight())
        self._scroll.ensureWidgetVisible(row)

    def show_rows(self, rows: tuple[Row, ...], device: str) -> None:
        """Show the queue as it is; of a very long one what matters most."""
        picked = most_wanted(rows)
        numbers = {row.number for row in picked}
        for number in [n for n in self._rows if n not in numbers]:
            self._rows.pop(number).deleteLater()
        missing = [row.number for row in picked if row.number not in self._rows]
        for number in missing[:_NEW_AT_ONCE]:
            self._rows[number] = JobRow(number, self._theme, self)
        if missing[_NEW_AT_ONCE:]:  # a folder of songs must not hold the window up
            self._later = (rows, device)
            self._more_rows.start()
        seen = [row for row in picked if row.number in self._rows]
        for place, row in enumerate(seen):
            view = self._rows[row.number]
            if self._box.indexOf(view) != place:
                self._box.insertWidget(place, view)
            view.show_row(row, device)
        left_out = len(rows) - len(picked)
        self._left_out.setVisible(bool(left_out))
        self._left_out.setText(f"and {left_out} more")
        self._summary.setText(summary(rows))
        self._fit_height()
        self._clear.setVisible(any(row.state in (State.DONE, State.CANCELLED) for row in rows))


class JobRow(QWidget):
    """One job.

    Parameters
    ----------
    number : int
        The job's.
    theme : Theme
        The icons.
    panel : QueuePanel
        Whose signals its buttons raise.
    """

    def __init__(self, number: int, theme: Theme, panel: QueuePanel) -> None:
        super().__init__()
        self._theme = theme
        self._panel = panel
        self._state: State | None = None
        self._shown: tuple[Row, str] | None = None
        self._icon = QLabel()
        self._title = label("", "strong")
        self._title.setMinimumWidth(120)
        self._title.setMaximumWidth(260)
        self._message = label("", "muted")
        self._message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(150)
        self._times = label("", "small")
        self._times.setFont(tabular(self.font()))
        self._times.setFixedWidth(150)
        self._details_button = push_button("Details", self._toggle_details, "flat")
        self._again = push_button("Try again", lambda: panel.retry_asked.emit(number), "flat")
        self._on_cpu = push_button(
            "Try on CPU", lambda: panel.retry_on_cpu_asked.emit(number), "flat"
        )
        self._pause = icon_button(
            theme, "pause", "Pause", lambda: panel.pause_asked.emit(number), token="muted"
        )
        self._resume = icon_button(
            theme, "play", "Go on", lambda: panel.retry_asked.emit(number), token="muted"
        )
        self._up = icon_button(
            theme, "up", "Earlier", lambda: panel.move_asked.emit(number, -1), token="muted"
        )
        self._down = icon_button(
            theme, "down", "Later", lambda: panel.move_asked.emit(number, 1), token="muted"
        )
        self._cancel = icon_button(
            theme, "close", "Cancel", lambda: panel.cancel_asked.emit(number), token="muted"
        )
        self._remove = icon_button(
            theme, "close", "Take off the list", lambda: panel.remove_asked.emit(number),
            token="muted",
        )  # fmt: skip
        self._details: _Details | None = None  # made when somebody asks for them
        row = QHBoxLayout()
        row.setContentsMargins(8, 0, 4, 0)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self._title)
        row.addWidget(self._message, 1)
        row.addWidget(self._bar)
        row.addWidget(self._times)
        buttons: list[QWidget] = [
            *(self._details_button, self._again, self._on_cpu, self._pause, self._resume),
            *(self._up, self._down, self._cancel, self._remove),
        ]
        for button in buttons:
            if isinstance(button, QToolButton):
                button.setFixedSize(24, 24)
            row.addWidget(button)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(0)
        holder = QWidget()
        holder.setFixedHeight(tokens.ROW_PX)
        holder.setLayout(row)
        self._box.addWidget(holder)
        theme.changed.connect(self._retint)

    def show_row(self, row: Row, device: str) -> None:
        """Show the job as it is."""
        if (row, device) == self._shown:
            return
        self._shown = (row, device)
        if row.state is not self._state:
            self._state = row.state
            self._show_state(row)
        self._title.setText(self._title.fontMetrics().elidedText(
            row.title, Qt.TextElideMode.ElideMiddle, 250
        ))  # fmt: skip
        self._title.setToolTip(row.title)
        stopping = "Stopping…" if row.asked_to_stop else row.message
        if row.error is not None:
            stopping = f"{row.message}: {row.error.why}"
        computes = row.state is State.RUNNING and row.lane == "separate"
        self._message.setText(f"{stopping} · {device}" if computes else stopping)
        self._message.setToolTip(stopping)
        self._bar.setValue(round(row.fraction * 1000))
        self._times.setText(times(row))
        self._cancel.setEnabled(not row.asked_to_stop)
        if row.error is not None and self._details is not None:
            self._details.show_text(str(row.error))

    def _show_state(self, row: Row) -> None:
        state = row.state
        name = state.value.capitalize()
        self.setAccessibleName(f"{row.title}: {name}")
        self._retint()
        set_role(self._message, "error" if state is State.FAILED else "muted")
        self._bar.setVisible(state in (State.RUNNING, State.PAUSED))
        self._details_button.setVisible(state is State.FAILED)
        self._on_cpu.setVisible(state is State.FAILED and type(row.error).__name__ == "DeviceError")
        self._again.setVisible(state in (State.FAILED, State.CANCELLED))
        self._pause.setVisible(state is State.RUNNING)
        self._resume.setVisible(state is State.PAUSED)
        self._up.setVisible(state is State.WAITING)
        self._down.setVisible(state is State.WAITING)
        self._cancel.setVisible(state not in OVER)
        self._remove.setVisible(state in OVER)
        if state is not State.FAILED and self._details is not None:
            self._details.hide()
        for button in self.findChildren(QToolButton):
            button.setAccessibleName(f"{button.toolTip()}: {row.title}")

    def _retint(self) -> None:
        if self._state is not None:
            self._icon.setPixmap(self._theme.pixmap(*ICONS[self._state]))
            self._icon.setToolTip(self._state.value.capitalize())

    def _toggle_details(self) -> None:
        if self._details is None:
            self._details = _Details()
            self._box.addWidget(self._details)
            row = self._shown[0] if self._shown is not None else None
            if row is not None and row.error is not None:
                self._details.show_text(str(row.error))
        self._details.setVisible(self._details.isHidden())
        self.layout().activate()
        self._panel.show_details(self)


class _Details(QWidget):
    """Why a job failed, to be read and copied."""

    def __init__(self) -> None:
        super().__init__()
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setFixedHeight(74)
        self._text.setAccessibleName("Details of the failure")
        row = QHBoxLayout(self)
        row.setContentsMargins(32, 2, 8, 6)
        row.addWidget(self._text, 1)
        row.addWidget(push_button("Copy", self._copy), 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def show_text(self, text: str) -> None:
        """Show the three lines of an error."""
        if text != self._text.toPlainText():
            self._text.setPlainText(text)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text.toPlainText())


def most_wanted(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the rows of a queue that are shown: what is over comes last, the newest first."""
    open_ones = [row for row in rows if row.state not in OVER]
    failed = [row for row in rows if row.state is State.FAILED]
    done = [row for row in reversed(rows) if row.state in (State.DONE, State.CANCELLED)]
    return tuple([*open_ones, *failed, *done][:MOST_ROWS])


def times(row: Row) -> str:
    """Return elapsed and left in words: "0:12, 0:21 left"."""
    if row.state is State.WAITING or (row.state is State.CANCELLED and not row.elapsed_seconds):
        return ""
    spent = clock(row.elapsed_seconds)
    if row.state is not State.RUNNING:
        return f"took {spent}" if row.state is State.DONE else spent
    return f"{spent}, {clock(row.left_seconds)} left" if row.left_seconds is not None else spent


def summary(rows: tuple[Row, ...]) -> str:
    """Return the queue in a few words: "1 running, 3 waiting, 1 failed"."""
    if not rows:
        return "Nothing to do"
    counts = [(state, sum(row.state is state for row in rows)) for state in State]
    return ", ".join(f"{count} {state.value}" for state, count in counts if count)
