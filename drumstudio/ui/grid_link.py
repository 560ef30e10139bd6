"""The beat grid: what ruler and lanes draw of it, what the cursor snaps to, how it is mended."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from drumstudio.application.studio import Studio
from drumstudio.core.snap import SnapTo, next_hit, previous_hit, snap
from drumstudio.core.song import Song
from drumstudio.core.tempo_map import FASTEST_BPM, SLOWEST_BPM, TempoMap, tapped_bpm
from drumstudio.ui.bridge import Bridge
from drumstudio.ui.parts import label, push_button, roomy
from drumstudio.ui.song_state import Mark, SongState
from drumstudio.ui.transport_bar import TransportBar

_FIRST_BPM = 120.0


class GridLink(QObject):
    """Shows the grid of the song at hand and changes it.

    Parameters
    ----------
    studio : Studio
        What is asked.
    bridge : Bridge
        How its news comes to this thread.
    bar, state : TransportBar, SongState
        Where it is shown.
    parent : QWidget
        The window.
    """

    def __init__(
        self,
        studio: Studio,
        bridge: Bridge,
        bar: TransportBar,
        state: SongState,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._studio = studio
        self._bar = bar
        self._state = state
        self._song: Song | None = None
        self._snap: SnapTo = "off"
        self._taps: list[float] = []
        self._hits: tuple[float, ...] | None = None
        self._popup = GridPopup(self, parent)
        bar.snap_chosen.connect(self._choose_snap)
        bar.tempo_clicked.connect(self._open)
        bar.show_snap("off")
        bridge.listen(studio.analysed, lambda _: self._read_hits())
        state.marks = self._marks
        state.snap = self._snapped

    def show_song(self, song: Song | None) -> None:
        """Show the grid of a song."""
        before = self._song.tempo_map if self._song is not None else None
        self._song = song
        self._read_hits()
        grid = song.tempo_map if song is not None else None
        self._bar.show_tempo(*_words(grid), shown=song is not None)
        self._popup.show_grid(grid)
        if grid != before:
            self._state.lanes_changed.emit()
            self._state.changed.emit()

    @property
    def grid(self) -> TempoMap | None:
        """The grid of the song at hand."""
        return self._song.tempo_map if self._song is not None else None

    def _read_hits(self) -> None:
        self._hits = self._studio.hits.get(self._song) if self._song is not None else None

    def step(self, *, forward: bool) -> None:
        """Move the cursor to the next hit or the one before; look for them first if needed."""
        if self._song is None:
            return
        if self._hits is None:
            self._studio.jobs.find_hits(self._song.id)
            self._studio.noticed("Looking for the hits; they are known in a moment")
            return
        find = next_hit if forward else previous_hit
        hit = find(self._state.cursor, self._hits)
        if hit is not None:
            self._state.seek(hit)

    # --- mending -------------------------------------------------------------------------

    def set_bpm(self, bpm: float) -> None:
        """Set the tempo; bar 1 stays where it is."""
        grid = self.grid
        if grid is None:
            self._change("Set tempo", TempoMap.constant(bpm))
        elif abs(grid.bpm_at(self._state.cursor) - bpm) > 1e-6:
            self._change("Set tempo", grid.with_bpm(bpm, self._state.cursor))

    def scale(self, factor: float) -> None:
        """Double or halve the tempo."""
        self._mend("Double tempo" if factor > 1 else "Halve tempo", lambda g: g.scaled(factor))

    def shift(self, beats: float) -> None:
        """Move the grid by some beats."""
        self._mend("Shift grid", lambda grid: grid.shifted(beats))

    def one_is_here(self) -> None:
        """Begin bar 1 at the cursor: this confirms the bars."""
        grid = self.grid or TempoMap.constant(_FIRST_BPM)
        self._change("Beat 1 is here", grid.one_at(self._state.cursor))

    def set_beats_per_bar(self, beats: int) -> None:
        """Set the metre."""
        grid = self.grid
        if grid is not None and grid.beats_per_bar != beats:
            fields = (grid.tempos, grid.origin_seconds, beats, grid.confidence, grid.confirmed)
            self._change("Set metre", TempoMap(*fields))

    def tap(self) -> None:
        """Take a tap; from the third on they are a tempo."""
        self._taps = [*self._taps[-31:], time.monotonic()]
        bpm = tapped_bpm(self._taps)
        if bpm is not None:
            self._popup.show_tapped(bpm)
            self.set_bpm(round(bpm, 1))

    def _mend(self, name: str, change: Callable[[TempoMap], TempoMap]) -> None:
        grid = self.grid
        if grid is None:
            return
        try:
            changed = change(grid)
        except ValueError:  # out of the range of tempos: the button has no effect
            return
        self._change(name, changed)

    def _change(self, name: str, grid: TempoMap) -> None:
        if self._song is not None:
            self._studio.edit_song(name, self._song.id, (("tempo_map",), grid))

    # --- drawing and snapping ------------------------------------------------------------

    def _marks(self, beat_pixels: float, bar_pixels: float) -> list[Mark]:
        grid, view = self.grid, self._state.timeline.view
        if grid is None:
            return []
        least = beat_pixels * view.seconds_per_pixel
        marks: list[Mark] = []
        labelled = -bar_pixels
        for line in grid.lines(view.start_seconds, view.stop_seconds, least):
            pixel = view.pixel_at(line.seconds)
            bar = line.kind == "bar"
            words = ""
            if bar and pixel - labelled >= bar_pixels:
                words, labelled = str(line.position.bar), pixel
            marks.append(Mark(pixel, bar, words))
        return marks

    def _snapped(self, seconds: float) -> float:
        return snap(seconds, self._snap, self.grid, self._hits or ())

    def _choose_snap(self, value: str) -> None:
        self._snap = value  # type: ignore[assignment] (one of the menu's values)
        self._bar.show_snap(value)

    def _open(self) -> None:
        place = self._bar.mapToGlobal(QPoint(self._bar.tempo_left(), self._bar.height()))
        self._popup.show_grid(self.grid)
        self._popup.move(place)
        self._popup.show()
        self._popup.setFocus()


class GridPopup(QFrame):
    """The tempo and what mends a grid.

    Parameters
    ----------
    link : GridLink
        What is asked.
    parent : QWidget
        The window.
    """

    def __init__(self, link: GridLink, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "card")
        self.setAccessibleName("Beat grid")
        self._bpm = QDoubleSpinBox()
        self._bpm.setRange(SLOWEST_BPM, FASTEST_BPM)
        self._bpm.setDecimals(2)
        self._bpm.setKeyboardTracking(False)
        self._bpm.setAccessibleName("Tempo in beats a minute")
        self._bpm.valueChanged.connect(self._on_bpm)
        self._metre = QSpinBox()
        self._metre.setRange(1, 16)
        self._metre.setSuffix(" beats a bar")
        self._metre.setAccessibleName("Beats a bar")
        self._metre.valueChanged.connect(link.set_beats_per_bar)
        self._hint = label("", "small", wrap=True)
        roomy(self._bpm)
        roomy(self._metre)
        self._link = link
        self._showing = False
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 10, 12, 12)
        box.setSpacing(8)
        box.addWidget(label("BEAT GRID", "heading"))
        row = QHBoxLayout()
        row.addWidget(self._bpm, 1)
        row.addWidget(label("bpm", "muted"))
        row.addWidget(push_button("Tap (T)", link.tap, name="Tap the tempo"))
        box.addLayout(row)
        box.addWidget(self._metre)
        grid = QGridLayout()
        grid.setSpacing(6)
        for place, (words, name, act) in enumerate(
            (
                ("× 2", "Double the tempo", lambda: link.scale(2.0)),
                ("÷ 2", "Halve the tempo", lambda: link.scale(0.5)),
                ("− ½ beat", "Half a beat earlier", lambda: link.shift(-0.5)),
                ("+ ½ beat", "Half a beat later", lambda: link.shift(0.5)),
                ("− 1 beat", "One beat earlier", lambda: link.shift(-1.0)),
                ("+ 1 beat", "One beat later", lambda: link.shift(1.0)),
            )
        ):
            button = push_button(words, act, name=name)
            button.setToolTip(name)
            grid.addWidget(button, place // 2, place % 2)
        box.addLayout(grid)
        box.addWidget(push_button("1 is here (at the cursor)", link.one_is_here, "primary"))
        box.addWidget(self._hint)
        self.setFixedWidth(270)

    def show_grid(self, grid: TempoMap | None) -> None:
        """Show the values of a grid."""
        self._showing = True
        self._bpm.setValue(grid.tempos[0].bpm if grid is not None else _FIRST_BPM)
        self._metre.blockSignals(True)
        self._metre.setValue(grid.beats_per_bar if grid is not None else 4)
        self._metre.setEnabled(grid is not None)
        self._metre.blockSignals(False)
        self._showing = False
        if grid is None:
            self._hint.setText("Type or tap the tempo, then put the cursor on a first beat.")
        elif not grid.confirmed:
            self._hint.setText("Only beats are drawn until you say where a bar begins.")
        else:
            self._hint.setText("Bars are confirmed.")

    def show_tapped(self, bpm: float) -> None:
        """Show what was tapped."""
        self._hint.setText(f"Tapped {bpm:.1f} bpm")

    def _on_bpm(self, value: float) -> None:
        if not self._showing:
            self._link.set_bpm(value)


def _words(grid: TempoMap | None) -> tuple[str, str]:
    if grid is None:
        return "Set tempo", "There is no beat grid yet: tap or type the tempo"
    words = f"{grid.tempos[0].bpm:.1f} bpm"
    if grid.confirmed:
        return f"{words}  {grid.beats_per_bar}/4", "The beat grid"
    return f"{words} ?", f"Estimated, {grid.confidence:.0%} sure; bars are not confirmed"
