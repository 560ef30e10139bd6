"""What a tool of the mask editor is, and what a person sets on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from drumstudio.core import check
from drumstudio.core.hit_shape import HitLimits
from drumstudio.core.raster import Weights
from drumstudio.core.strokes import CHANNELS, OCTAVES, Cells, Shape
from drumstudio.core.tiles import Grid, TileIndex
from drumstudio.files.block_reader import SongReader

TARGETS = ("drums", "rest", "protect")
OPTIONS = ("target", "size", "hardness", "tolerance", "hit limits")
"""What can be set on some tools and not on others; strength and channels hold for all."""
CURSORS = ("brush", "cross", "hand")

_SIZE_STEP = 1.25
_SECONDS = (0.001, 10.0)
_HZ = (10.0, 20_000.0)
_TOLERANCE_DB = (1.0, 40.0)

Point = tuple[float, float]
"""Seconds and hertz."""


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """What a person paints with.

    Parameters
    ----------
    tool : str
        The name of a tool in `tools.table.TOOLS`.
    target : {"drums", "rest", "protect"}
        Where the sound goes, unless the tool itself says so.
    size_seconds, size_hz : float
        The brush, from edge to edge.
    size_octaves : float
        The brush's height instead, if `in_octaves`.
    in_octaves : bool
        Whether the height is one of octaves: where frequencies are shown so that one looks as
        high as the other.
    strength : float
        In [0, 1], a share of amplitude.
    hardness : float
        In [0, 1]; of areas, 1 has no soft edge.
    channels : {"both", "left", "right"}
        What is painted on.
    tolerance_db : float
        How much quieter or louder than the clicked cell a region may be, in [1, 40] dB.
    hit_limits : HitLimits
        What one hit may take.
    selecting : bool
        Whether tools that select do so, and nothing is painted yet.
    """

    tool: str = "brush"
    target: str = "drums"
    size_seconds: float = 0.06
    size_hz: float = 1_200.0
    size_octaves: float = 1.0
    in_octaves: bool = False
    strength: float = 1.0
    hardness: float = 0.5
    channels: str = "both"
    tolerance_db: float = 15.0
    hit_limits: HitLimits = HitLimits()
    selecting: bool = False

    def __post_init__(self) -> None:
        check.one_of("target", self.target, TARGETS)
        check.within("size_seconds", self.size_seconds, *_SECONDS)
        check.within("size_hz", self.size_hz, *_HZ)
        check.within("size_octaves", self.size_octaves, *OCTAVES)
        check.within("strength", self.strength, 0.0, 1.0)
        check.within("hardness", self.hardness, 0.0, 1.0)
        check.one_of("channels", self.channels, CHANNELS)
        check.within("tolerance_db", self.tolerance_db, *_TOLERANCE_DB)

    def swapped(self) -> ToolSettings:
        """Return them with drums and rest exchanged."""
        other = {"drums": "rest", "rest": "drums"}.get(self.target, self.target)
        return replace(self, target=other)

    def scaled(self, steps: int) -> ToolSettings:
        """Return them with a brush so many steps larger, or smaller."""
        factor = _SIZE_STEP**steps
        return replace(
            self,
            size_seconds=min(max(self.size_seconds * factor, _SECONDS[0]), _SECONDS[1]),
            size_hz=min(max(self.size_hz * factor, _HZ[0]), _HZ[1]),
            size_octaves=min(max(self.size_octaves * factor, OCTAVES[0]), OCTAVES[1]),
        )

    @property
    def radius_ratio(self) -> float:
        """How far the brush reaches from its middle, as a ratio; 0 if its height is in hertz."""
        return float(2.0 ** (self.size_octaves / 2)) if self.in_octaves else 0.0

    def at(self, hertz: float) -> ToolSettings:
        """Return them with the height in hertz that they mean at a frequency, for soft edges."""
        if not self.in_octaves:
            return self
        height = max(hertz, 0.0) * (self.radius_ratio - 1.0 / self.radius_ratio)
        return replace(self, size_hz=min(max(height, _HZ[0]), _HZ[1]))

    @property
    def feather(self) -> tuple[float, float]:
        """The soft edge of an area: the brush's own, in seconds and hertz."""
        soft = (1.0 - self.hardness) / 2
        return (self.size_seconds * soft, self.size_hz * soft) if soft else (0.0, 0.0)


class Gesture(Protocol):
    """What a person draws, from press to release, and the shape that comes of it."""

    @property
    def shape(self) -> Shape | None:
        """What was drawn so far; None if it is nothing yet."""

    @property
    def outline(self) -> list[Point]:
        """The corners of what is being spanned; empty where the paint itself is shown."""

    @property
    def tiles(self) -> frozenset[TileIndex]:
        """The tiles whose paint is shown while it is drawn."""

    def weights(self, index: TileIndex) -> Weights | None:
        """Return the weights on a tile as `core.raster.Raster` gives them; None if untouched."""

    def draw(
        self, seconds: float, hertz: float, pressure: float, *, straight: bool = False
    ) -> frozenset[TileIndex]:
        """Draw on to a point; return the tiles that look different now.

        Parameters
        ----------
        seconds, hertz : float
            Where to; anywhere, also outside the song.
        pressure : float
            In [0, 1].
        straight : bool
            Whether to leave out everything between the first point and this one.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a tool found in the sound.

    Parameters
    ----------
    cells : Cells
        What belongs to the place of the click.
    onset_seconds : float or None
        Where the hit begins, if it is one.
    """

    cells: Cells
    onset_seconds: float | None = None


Begin = Callable[[ToolSettings, Grid], Gesture]
Find = Callable[[SongReader, Grid, float, float, ToolSettings], Found | None]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the mask editor: it either draws a gesture or finds what a click means.

    Parameters
    ----------
    name : str
        Its identity: settings and commands name it so.
    label, icon, keys, hint : str
        What it is called, its icon in `resources/icons`, the keys that choose it (joined by
        " | "), what the modifiers do.
    options : frozenset of str
        Of `OPTIONS`: what can be set on it.
    cursor : {"brush", "cross", "hand"}
        What the pointer looks like; "brush" shows its outline.
    begin : callable, optional
        From the settings and the song's grid to the gesture that a press begins.
    find : callable, optional
        From the song's sound, its grid, the click's seconds and hertz, and the settings to what
        belongs to that place, or None.
    target : str
        What it does whatever the settings say ("erase"); empty if they say it.
    does : str
        What it does, in a sentence for its button.
    by_corners : bool
        Whether a click sets a corner, so that a gesture may go on after it.

    Raises
    ------
    ValueError
        If it neither draws nor finds, or both, or an option or cursor is unknown.
    """

    name: str
    label: str
    icon: str
    keys: str
    hint: str
    options: frozenset[str]
    cursor: str
    begin: Begin | None = None
    find: Find | None = None
    target: str = ""
    by_corners: bool = False
    does: str = ""

    def __post_init__(self) -> None:
        check.one_of("cursor", self.cursor, CURSORS)
        for option in self.options:
            check.one_of("option", option, OPTIONS)
        if (self.begin is None) == (self.find is None):
            raise ValueError(f"{self.name} must either draw or find")

    @property
    def selects(self) -> bool:
        """Whether what it draws or finds can be selected first: brushes paint at once."""
        return self.cursor != "brush"

    @property
    def command(self) -> str:
        """The name of the command that chooses it."""
        return f"tool_{self.name.replace(' ', '_')}"
