"""The window: puts the panes together and joins them to the application."""

from __future__ import annotations

from contextlib import ExitStack

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QMainWindow,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QToolBar,
)

from drumstudio.application.commands import KeyMap
from drumstudio.application.queue import OVER, State
from drumstudio.application.studio import Studio
from drumstudio.application.time_view import clock
from drumstudio.application.transport import Transport
from drumstudio.core.errors import DrumStudioError, ModelMissingError
from drumstudio.core.song import Song
from drumstudio.ui import panes, tokens
from drumstudio.ui.actions import Actions
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.dialogs import ErrorDialog
from drumstudio.ui.document_link import DocumentLink
from drumstudio.ui.drop_area import DropArea
from drumstudio.ui.editor_link import EditorLink
from drumstudio.ui.empty_state import EmptyState
from drumstudio.ui.export_link import ExportLink
from drumstudio.ui.file_link import FileLink
from drumstudio.ui.focus_keys import FocusKeys
from drumstudio.ui.grid_link import GridLink
from drumstudio.ui.import_link import ImportLink
from drumstudio.ui.log_dialog import Log
from drumstudio.ui.lower_half import LowerHalf
from drumstudio.ui.marker_link import MarkerLink
from drumstudio.ui.menus import Menus
from drumstudio.ui.model_panel import ModelPanel
from drumstudio.ui.parts import ElidedLabel, label
from drumstudio.ui.player_link import PlayerLink
from drumstudio.ui.queue_panel import QueuePanel
from drumstudio.ui.song_state import SongState
from drumstudio.ui.song_view import SongView
from drumstudio.ui.songs_panel import SongsPanel
from drumstudio.ui.spectrogram_pane import SpectrogramPane
from drumstudio.ui.stay_awake import StayAwake
from drumstudio.ui.theme import Theme, tabular
from drumstudio.ui.training_link import TrainingLink
from drumstudio.ui.training_page import TrainingPage
from drumstudio.ui.transport_bar import TransportBar
from drumstudio.ui.window_commands import WindowCommands

_NOTICE_MS = 8_000
_HINTS = (
    "Drag: select · Shift: no snap · Ctrl+drag: scrub · Ctrl+wheel: zoom · Middle button: move · "
    "Space: play"
)
_QUEUE_MS = 200  # times of running jobs are shown anew this often
_DONE_SECONDS = 6.0  # so long a job that is done stays in the queue to be read


class MainWindow(QMainWindow):
    """The program's one window.

    Parameters
    ----------
    studio : Studio
        What it shows and asks; closed with the window.
    transport : Transport
        What plays; closed with the window.
    keymap : KeyMap
        The keys.
    theme : Theme
        The colours.
    """

    ended = Signal()  # nothing runs behind the window any more
    _playing_recovered = Signal()

    def __init__(self, studio: Studio, transport: Transport, keymap: KeyMap, theme: Theme) -> None:
        super().__init__()
        self.studio = studio
        self.transport = transport
        self.keymap = keymap
        self.theme = theme
        self.log = Log()
        self._states: dict[int, State] = {}
        self._closed = False
        self._asks = True  # before it closes, if there is something to lose
        self.bridge = Bridge(self)
        self.state = SongState(self)
        self._build()
        self.player = PlayerLink(transport, self.bridge, self.bar, self.view, self.state, self)
        self.document = DocumentLink(
            *(studio, transport, self.bridge, self.songs, self.view, self.models, self.state),
            self,
        )
        self.grid = GridLink(studio, self.bridge, self.bar, self.state, self)
        self.markers = MarkerLink(studio, self.view.ruler, self.state, self)
        self.files = FileLink(studio, self.bridge, self.show_error, self)
        self.exports = ExportLink(studio, self.bridge, self)
        self.imports = ImportLink(studio, self.bridge, self)
        self.actions_ = Actions(self, keymap)
        self.commands = WindowCommands(self)
        self.editing = EditorLink(
            *(studio, transport, self.bridge, self.spectrogram, self.work, self.state), self
        )
        self.editing.connect_actions(self.actions_)
        self.training = TrainingLink(
            *(studio, transport, self.bridge, self.train_page, self.lower, self.models),
            self.editing,
            self,
        )
        self.training.connect_actions(self.actions_)
        self.menus = Menus(self, self.actions_, list(self.panes.values()))
        self.commands.connect_menus(self.menus)
        self._connect()
        self._focus_keys = FocusKeys(self.actions_, self.view.canvas)
        QApplication.instance().installEventFilter(self._focus_keys)
        if not panes.restore_layout(self):
            self.resize(*tokens.FIRST_WINDOW)
        panes.fit_to_screen(self)
        self._choose_model()
        self.document.refresh()
        self._show_queue()
        for note in (studio.startup_note, *studio.settings.notes):
            if note:
                self.notice(note)

    def _build(self) -> None:
        self.setMinimumSize(*tokens.SMALLEST_WINDOW)
        self.bar = TransportBar(self.theme)
        self.songs = SongsPanel(self.theme)
        self.models = ModelPanel(self.studio.catalog, self.theme)
        self.queue = QueuePanel(self.theme)
        self.view = SongView(self.state, self.theme)
        self.empty = EmptyState(self.theme)
        self._upper = QStackedWidget()
        self._upper.addWidget(self.empty)
        self._upper.addWidget(self.view)
        self.spectrogram = SpectrogramPane(self.state, self.theme, self.bridge)
        self.train_page = TrainingPage(self.theme)
        self.lower = LowerHalf(self.spectrogram, self.train_page)
        self.work = QSplitter(Qt.Orientation.Vertical)
        self.work.setChildrenCollapsible(False)
        self.work.addWidget(self._upper)
        self.work.addWidget(self.lower)
        self.setCentralWidget(self.work)
        tools = QToolBar("Transport")
        tools.setObjectName("Transport")
        tools.setMovable(False)
        tools.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        tools.addWidget(self.bar)
        self.addToolBar(tools)
        for corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner):
            self.setCorner(corner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.panes: dict[str, panes.Pane] = {}
        across, upright = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        for title, content, area, size, direction, folds_below in (
            ("Songs", self.songs, Qt.DockWidgetArea.LeftDockWidgetArea, 216, across, 0),
            ("Model", self.models, Qt.DockWidgetArea.RightDockWidgetArea, 264, across, 1160),
            ("Queue", self.queue, Qt.DockWidgetArea.BottomDockWidgetArea, 118, upright, None),
        ):
            more = self.queue.head if content is self.queue else ()
            pane = panes.Pane(title, content, self.theme, self, more, folds_below)
            self.addDockWidget(area, pane)
            self.panes[title] = pane
            self.resizeDocks([pane], [size], direction)
        self.statusBar().setSizeGripEnabled(False)
        self._hints = ElidedLabel("small")
        self._hints.setContentsMargins(0, 0, 12, 0)
        self.statusBar().addWidget(self._hints, 1)
        self._selected = label("", "small")
        self._selected.setFont(tabular(self.font()))
        self._selected.setAccessibleName("Selection")
        self.statusBar().addPermanentWidget(self._selected)
        self._queue_timer = QTimer(self)
        self._queue_timer.setInterval(_QUEUE_MS)
        self.awake = StayAwake(self)

    def _connect(self) -> None:
        studio, bridge = self.studio, self.bridge
        bridge.listen(studio.queue_changed, self._show_queue)
        bridge.listen(studio.failed, self.show_error)
        bridge.listen(studio.noticed, self.notice)
        bridge.listen(studio.trainings.changed, self._keep_awake)
        bridge.listen(self.transport.failed, self._show_playing_failed)
        bridge.listen(self.transport.recovered, self._show_playing_recovered)
        self.player.noticed.connect(self.notice)
        self._queue_timer.timeout.connect(self._on_queue_timer)
        self.document.song_changed.connect(self._on_song)
        self.document.problem.connect(self.show_error)
        self.editing.problem.connect(self.show_error)
        self.training.problem.connect(self.show_error)
        self.editing.lanes_folded.connect(self._fold_lanes)
        self.editing.edits_drawn.connect(self.document.show_edits)
        self.editing.hint_changed.connect(lambda hint: self._hints.setText(hint or _HINTS))
        self.document.refreshed.connect(self._show_title)
        drop = DropArea(self)
        drop.dropped.connect(lambda paths, _: self.commands.add_paths(paths))
        self.songs.dropped.connect(self.commands.drop_on_song)
        lanes = DropArea(self.view.canvas)
        lanes.dropped.connect(lambda paths, _: self.commands.drop_on_song(self.songs.chosen, paths))
        drop.hovering.connect(self.empty.show_hovering)
        queue = self.queue
        queue.cancel_asked.connect(studio.queue.cancel)
        queue.pause_asked.connect(studio.queue.pause)
        queue.retry_asked.connect(studio.queue.retry)
        queue.retry_on_cpu_asked.connect(studio.jobs.retry_on_cpu)
        queue.remove_asked.connect(studio.queue.remove)
        queue.move_asked.connect(studio.queue.move)
        queue.height_asked.connect(self._fit_queue)
        queue.clear_asked.connect(studio.queue.clear_finished)
        self.theme.changed.connect(self.document.refresh)
        self.state.changed.connect(self._show_selected)

    # --- showing ---------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Fold what a narrow window has no room for; a low one shows less of the queue."""
        super().resizeEvent(event)
        for pane in self.panes.values():
            pane.fit_width(event.size().width())
        self.queue.fit_window(event.size().height())

    def _on_song(self, song: Song | None) -> None:
        self._upper.setCurrentWidget(self.view if song is not None else self.empty)
        self.lower.show_song(there=song is not None)
        self._hints.setText(_HINTS if song is not None else "")
        self.player.show_song(song)
        self.grid.show_song(song)
        self.markers.show_song(song)
        self.commands.show_song(song)
        self.editing.show_song(song)
        self._show_button()

    def _show_selected(self) -> None:
        selection, words = self.state.selection, ""
        if selection is not None:
            start, stop = selection
            length = clock(stop - start, 3)
            words = f"Selected {clock(start, 3)} to {clock(stop, 3)}, {length} long"
        if words != self._selected.text():
            self._selected.setText(words)

    def _fold_lanes(self, folded: bool) -> None:
        self._upper.setMaximumHeight(self.view.fold_lanes(folded))

    def _show_title(self) -> None:
        document = self.studio.document
        name = "New project" if document.is_never_saved else document.name
        notes = " (read only)" if document.is_read_only else ""
        self.setWindowTitle(f"{name}{notes}[*] - DrumStudio")
        self.setWindowModified(document.is_modified)
        self.commands.show_history(document.history.undo_name, document.history.redo_name)

    def _show_queue(self) -> None:
        rows = self.studio.queue.rows()
        self.queue.show_rows(rows, self._device_words())
        for row in rows:
            if self._states.get(row.number) is not row.state:
                self._states[row.number] = row.state
                if row.state in OVER:
                    self.log.add(f"{row.title}: {row.state.value}")
                if row.error is not None:
                    self.log.add_error(row.error)
        self.models.show_speeds(self.studio.speeds.real_time)
        moving = any(row.state in (State.RUNNING, State.DONE) for row in rows)
        if moving != self._queue_timer.isActive():
            (self._queue_timer.start if moving else self._queue_timer.stop)()
        self._keep_awake()
        self._show_button()

    def _on_queue_timer(self) -> None:
        self.studio.queue.clear_done(_DONE_SECONDS)
        self._show_queue()

    def _keep_awake(self) -> None:
        rows = self.studio.queue.rows()
        working = any(row.state is State.RUNNING for row in rows)
        self.awake.keep(working or bool(self.studio.trainings.running))

    def _fit_queue(self, height: int) -> None:
        pane = self.panes["Queue"]
        title = pane.titleBarWidget().sizeHint().height()
        self.resizeDocks([pane], [height + title], Qt.Orientation.Vertical)

    def _show_button(self) -> None:
        song = self.document.song
        words = "Separate again" if song is not None and song.separations else "Separate drums"
        tip = "Separate the drums of this song (Ctrl+Return)"
        if song is not None and self.studio.jobs.is_separating(song.id):
            words = "Preview here"
            tip = "It is being separated: go on from where you listen (Ctrl+Shift+Return)"
        self.models.show_ready(words, tip, enabled=song is not None and bool(self.models.model_id))
        self.models.show_device(f"Device: {self._device_words()}")

    def _device_words(self) -> str:
        wanted = self.studio.settings.device
        if wanted != "auto":
            return wanted.upper()
        found = self.studio.last_device
        return f"{found} (automatic)" if found else "automatic"

    def _choose_model(self) -> None:
        try:
            self.models.choose(self.studio.catalog.best().id)
        except ModelMissingError as error:
            self.notice(f"{error.what}: {error.why}")

    def notice(self, text: str) -> None:
        """Show a sentence in passing."""
        self.log.add(text)
        self.statusBar().showMessage(text, _NOTICE_MS)

    def show_error(self, error: DrumStudioError) -> ErrorDialog:
        """Show an error that a person should see now; return the dialog."""
        self.log.add_error(error)
        dialog = ErrorDialog(self, self.theme, error)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def _show_playing_failed(self, error: DrumStudioError) -> None:
        dialog = self.show_error(error)
        # Its words are no longer true when playing goes on by itself.
        self._playing_recovered.connect(dialog.accept)

    def _show_playing_recovered(self) -> None:
        self._playing_recovered.emit()
        self.notice("There is a sound device again: playing goes on")

    # --- the end ---------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 (Qt's name)
        """Close, after at most one question."""
        # Later, because a window that is about to close can not be closed once more.
        close = lambda: self.bridge.post(self.close_now)  # noqa: E731
        if self._asks and not self._closed and not self.files.may_close(close):
            event.ignore()
            return
        self.finish()
        event.accept()

    def close_now(self) -> None:
        """Close without asking, and with it every question that is open."""
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible():
                widget.reject()
        # Closed while it is seen: a program ends with its last window, not with a hidden one.
        self._asks = False
        self.close()

    def finish(self) -> None:
        """Stop everything that runs behind the window; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        application = QApplication.instance()
        steps = (
            lambda: panes.store_layout(self),
            self.hide,
            self.bridge.close,
            self._queue_timer.stop,
            self.awake.close,
            self.player.close,
            self.imports.close,
            self.editing.close,
            self.training.close,
            self.document.close,
            lambda: application.removeEventFilter(self._focus_keys),
            self.transport.close,
            self.studio.close,
            self.ended.emit,
        )
        with ExitStack() as stack:  # a step that fails must not keep a hidden program running
            for step in reversed(steps):
                stack.callback(step)
