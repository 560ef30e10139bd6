"""Joins the transport to what is seen of it: bar, playhead, meters, messages."""

from __future__ import annotations

import math

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QWidget

from drumstudio.application.time_view import clock
from drumstudio.application.transport import Transport
from drumstudio.application.transport_view import Listen, State
from drumstudio.core.song import Song
from drumstudio.core.tempo_map import TempoMap
from drumstudio.playback.deck_listener import OutputState
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.song_state import SongState
from drumstudio.ui.song_view import SongView
from drumstudio.ui.transport_bar import TransportBar

_FRAME_MS = 16
_BREAKS_UP = (
    "The sound breaks up: close other programs, or choose a longer buffer in the preferences"
)
_REST_FRAMES = 150  # after stopping, until the meters have fallen


class PlayerLink(QObject):
    """Shows the transport and asks it.

    Parameters
    ----------
    transport : Transport
        What plays.
    bridge : Bridge
        How its news comes to this thread.
    bar, view, state : TransportBar, SongView, SongState
        Where it is shown.
    parent : QWidget
        The window.
    """

    output_changed = Signal(object)
    noticed = Signal(str)

    def __init__(
        self,
        transport: Transport,
        bridge: Bridge,
        bar: TransportBar,
        view: SongView,
        state: SongState,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._transport = transport
        self._bar = bar
        self._view = view
        self._state = state
        self._tempo_map: TempoMap | None = None
        self._rest = 0
        self._peak_db = -math.inf
        self._lufs: float | None = None
        self.output: OutputState | None = None
        self._instead = ""  # why it is not the output that was asked for, as was told last
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._frame)
        bridge.listen(transport.changed, self._show)
        bridge.listen(transport.output_changed, self._show_output)
        bridge.listen(transport.breaks_up, lambda: self.noticed.emit(_BREAKS_UP))
        bar.play.clicked.connect(transport.toggle)
        bar.to_start.clicked.connect(self.to_start)
        bar.loop.clicked.connect(self.toggle_loop)
        bar.monitor_changed.connect(transport.set_monitor)
        view.listen_asked.connect(lambda value: transport.listen_to(Listen(value)))
        state.seek_asked.connect(self.seek)
        state.scrub_asked.connect(self._scrub)
        state.selection_asked.connect(self._select)
        self._show()

    def show_song(self, song: Song | None) -> None:
        """Show times in the bars of a song."""
        self._tempo_map = song.tempo_map if song is not None else None
        self._show_time()

    def close(self) -> None:
        """Show nothing more."""
        self._timer.stop()

    # --- asking --------------------------------------------------------------------------

    def seek(self, seconds: float) -> None:
        """Move the cursor."""
        self._transport.seek(seconds)
        self._show()  # what this thread asks for is seen at once
        self._state.timeline.reveal(seconds)

    def _scrub(self, seconds: float) -> None:
        self._transport.scrub(seconds)
        self._show()

    def nudge(self, seconds: float) -> None:
        """Move the cursor by some seconds."""
        self.seek(self._transport.heard_seconds() + seconds)

    def to_start(self) -> None:
        """Move the cursor to the beginning."""
        self.seek(0.0)

    def to_end(self) -> None:
        """Move the cursor to the end."""
        self.seek(self._transport.view.seconds)

    def toggle_loop(self) -> None:
        """Repeat the selection, or no more."""
        self._transport.set_looping(not self._transport.view.looping)

    def _select(self, selection: tuple[float, float] | None) -> None:
        if selection is None:
            self._transport.clear_selection()
        else:
            self._transport.select(*selection)
            if self._transport.view.looping:
                self._transport.set_loop(*selection)
        self._show()

    # --- showing -------------------------------------------------------------------------

    def _show(self) -> None:
        view = self._transport.view
        playing = view.state is State.PLAYING
        self._state.cursor = view.cursor_seconds
        self._state.playing = playing
        self._state.loop = view.looping
        self._state.selection = view.loop if view.looping and view.loop else view.selection
        self._state.changed.emit()
        self._bar.show_playing(playing)
        self._bar.show_loop(view.looping)
        self._bar.show_monitor(view.monitor_db)
        self._view.show_listen(view.listen.value, possible=len(self._state.lanes) > 1)
        if playing:
            self._peak_db = -math.inf if not self._timer.isActive() else self._peak_db
            self._rest = _REST_FRAMES
            self._timer.start()
        self._show_time()

    def _show_output(self, output: OutputState) -> None:
        self.output = output
        name = "No sound device" if output.silent else _short(output.name)
        tip = output.name if output.reason is None else f"{output.name}\n{output.reason}"
        self._bar.show_output(name, tip, warning=output.silent)
        self.output_changed.emit(output)
        instead = "" if output.silent or output.reason is None else output.reason.what
        if instead and instead != self._instead:
            self.noticed.emit(f"{instead}: playing on {output.name}")
        self._instead = instead

    def _frame(self) -> None:
        heard = self._transport.take_heard()
        if heard is None:
            silence = (0.0, 0.0)
            for header in self._view.headers.values():
                header.meter.show_peaks(*silence)
            self._bar.meter.show_peaks(*silence)
        else:
            peaks = heard.levels.peak
            headers = list(self._view.headers.values())
            for header, row in zip(headers, peaks, strict=False):
                header.meter.show_peaks(float(row[0]), float(row[1]))
            self._bar.meter.show_peaks(float(peaks[-1, 0]), float(peaks[-1, 1]))
            loudest = float(peaks[-1].max())
            if loudest > 0.0:
                self._peak_db = max(self._peak_db, 20 * math.log10(loudest))
            if heard.momentary_lufs is not None:
                self._lufs = heard.momentary_lufs
            self._show_level()
        if self._state.playing:
            seconds = self._transport.heard_seconds()
            self._state.show_playhead(seconds)
            self._state.timeline.follow(seconds)
            self._show_time()
            return
        self._rest -= 1
        if self._rest <= 0:
            self._timer.stop()

    def _show_level(self) -> None:
        lufs = f"{self._lufs:.1f} LUFS" if self._lufs is not None and self._lufs > -70 else ""
        peak = f"{self._peak_db:.1f} dB" if self._peak_db > -96 else ""
        self._bar.show_level(" · ".join(part for part in (lufs, peak) if part))

    def _show_time(self) -> None:
        seconds = self._transport.heard_seconds()
        grid = self._tempo_map
        bars = str(grid.position_at(seconds)) if grid is not None and grid.confirmed else ""
        self._bar.show_time(clock(seconds, 3), bars)


def _short(name: str) -> str:
    return name if len(name) <= 22 else name[:21] + "…"
