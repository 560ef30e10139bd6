"""What the window shows of the song at hand, as Qt hears of its changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from drumstudio.files.peaks import Waveform
from drumstudio.ui.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the grid in the ruler and the lanes."""

    pixel: float
    strong: bool
    label: str


@dataclass(frozen=True, slots=True)
class MarkerView:
    """A marker as it is drawn."""

    id: str
    seconds: float
    name: str


@dataclass(slots=True)
class LaneView:
    """A lane as it is drawn.

    Parameters
    ----------
    stem : {"mixture", "drums", "rest"}
        What it shows.
    name : str
        Its name on screen.
    token : str
        Its colour's token.
    colour : str
        The user's own colour, "#rrggbb", instead of the token's; or empty.
    waveform : Waveform or None
        Its samples, once they can be drawn.
    dimmed, hatched : bool
        Not heard because of a solo or the Listen switch; muted.
    undone : tuple of (float, float)
        Where the song is not separated yet, in seconds.
    """

    stem: str
    name: str
    token: str
    colour: str = ""
    waveform: Waveform | None = None
    dimmed: bool = False
    hatched: bool = False
    undone: tuple[tuple[float, float], ...] = ()


class SongState(QObject):
    """The song shown: lanes, view, cursor, selection, grid. Widgets ask it, it asks on.

    Parameters
    ----------
    parent : QObject
        Who owns it.
    """

    changed = Signal()  # cursor, selection, loop, grid, markers, playing
    heights_changed = Signal()  # of lanes or waveforms
    lanes_changed = Signal()  # what the lanes show or how
    playhead_moved = Signal(float)  # where it was before, in seconds
    seek_asked = Signal(float)
    scrub_asked = Signal(float)
    selection_asked = Signal(object)
    lane_chosen = Signal(str)
    left_mode = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.timeline = Timeline(self)
        self.lanes: list[LaneView] = []
        self.cursor = 0.0
        self.playhead = 0.0
        self.playing = False
        self.loop = False
        self.selection: tuple[float, float] | None = None
        self.markers: tuple[MarkerView, ...] = ()
        self.chosen_lane = ""
        self.lane_height = 1.0  # how high lanes are, as a factor of what fits
        self.wave_height = 1.0  # how high waveforms are drawn, as a factor of full scale
        self.marks: Callable[[float, float], list[Mark]] = lambda _beat, _bar: []
        self.snap: Callable[[float], float] = lambda seconds: seconds

    @property
    def seconds(self) -> float:
        """Length of the song."""
        return self.timeline.view.length_seconds

    def snapped(self, seconds: float, *, free: bool = False) -> float:
        """Return a time drawn to the grid, within the song; `free` leaves it where it is."""
        inside = min(max(seconds, 0.0), self.seconds)
        return inside if free else min(max(self.snap(inside), 0.0), self.seconds)

    def seek(self, seconds: float) -> None:
        """Ask for the cursor to be elsewhere."""
        self.seek_asked.emit(min(max(seconds, 0.0), self.seconds))

    def select(self, selection: tuple[float, float] | None) -> None:
        """Ask for another selection, or none."""
        self.selection_asked.emit(selection)

    def show_playhead(self, seconds: float) -> None:
        """Draw the playhead elsewhere."""
        before, self.playhead = self.playhead, seconds
        self.playhead_moved.emit(before)

    def scale_lanes(self, factor: float) -> None:
        """Make lanes higher (above 1) or lower; what does not fit scrolls."""
        self.lane_height = min(max(self.lane_height * factor, 0.5), 4.0)
        self.heights_changed.emit()

    def scale_waves(self, factor: float) -> None:
        """Draw waveforms higher (above 1) or lower: for quiet songs."""
        self.wave_height = min(max(self.wave_height * factor, 1.0), 64.0)
        self.heights_changed.emit()

    def choose_lane(self, stem: str) -> None:
        """Make a lane the one that keys act on."""
        if stem != self.chosen_lane:
            self.chosen_lane = stem
            self.lane_chosen.emit(stem)
            self.changed.emit()
