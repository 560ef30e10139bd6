"""From cells to pixels: the axes of a spectrogram on screen, and what falls into a pixel.

Only for the eye: nothing here changes sound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from drumstudio.core import check

SCALES = ("linear", "log", "mel")

Number = TypeVar("Number", bound=np.generic)

_LOWEST_LOG_HZ = 20.0
_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True, slots=True)
class FrequencyAxis:
    """Frequencies on rows of pixels, the lowest frequency in the last row.

    Parameters
    ----------
    scale : {"linear", "log", "mel"}
        How they are spread; a logarithmic scale begins at 20 Hz.
    low_hz, high_hz : float
        What is shown.
    rows : int
        How many pixels.

    Notes
    -----
    mel = 2595 log10(1 + f / 700): D. O'Shaughnessy, "Speech Communication" (1987).
    """

    scale: str
    low_hz: float
    high_hz: float
    rows: int

    def __post_init__(self) -> None:
        check.one_of("scale", self.scale, SCALES)
        check.within("rows", self.rows, 1, 100_000)
        check.within("low_hz", self.low_hz, 0.0, 1e7)
        if not max(self.low_hz, self._lowest) < self.high_hz <= 1e7:
            raise ValueError(
                f"high_hz must be above low_hz and the scale's beginning, got {self.high_hz}"
            )

    @property
    def _lowest(self) -> float:
        return _LOWEST_LOG_HZ if self.scale == "log" else 0.0

    def edges_hz(self) -> NDArray[np.float64]:
        """Return the frequencies at the rows' edges, falling, rows + 1 of them."""
        low, high = self._spread(np.array([max(self.low_hz, self._lowest), self.high_hz]))
        return self._hertz(np.linspace(high, low, self.rows + 1))

    def hz_at(self, row: float) -> float:
        """Return the frequency at a height, in rows from the top; 0.5 is in the first's middle."""
        low, high = self._spread(np.array([max(self.low_hz, self._lowest), self.high_hz]))
        return float(self._hertz(np.array([high + (low - high) * row / self.rows]))[0])

    def row_at(self, hertz: float) -> float:
        """Return the height of a frequency, in rows from the top; outside for one not shown."""
        ends = np.array([max(self.low_hz, self._lowest), self.high_hz, max(hertz, self._lowest)])
        low, high, here = self._spread(ends)
        return float((high - here) / (high - low) * self.rows)

    def _spread(self, hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.scale == "log":
            return np.log(hertz)
        if self.scale == "mel":
            return 2595.0 * np.log10(1.0 + hertz / 700.0)
        return hertz

    def _hertz(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.scale == "log":
            return np.exp(places)
        if self.scale == "mel":
            return 700.0 * (10.0 ** (places / 2595.0) - 1.0)
        return places


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of a song's spectrogram; may reach beyond the song.

    Parameters
    ----------
    start_seconds, stop_seconds : float
        In time.
    low_hz, high_hz : float
        In frequency.
    """

    start_seconds: float
    stop_seconds: float
    low_hz: float
    high_hz: float


@dataclass(frozen=True, slots=True)
class Viewport:
    """What a window shows of a spectrogram, pixel by pixel.

    Its columns lie on a grid that begins with the song, so that a column keeps its sound while
    the window is scrolled.

    Parameters
    ----------
    first_column : int
        The column at the left edge, counted from the song's beginning; may be negative.
    seconds_per_pixel : float
        The zoom, positive.
    columns : int
        The width, at least 1.
    axis : FrequencyAxis
        The height, and what is on it.
    """

    first_column: int
    seconds_per_pixel: float
    columns: int
    axis: FrequencyAxis

    def __post_init__(self) -> None:
        check.within("columns", self.columns, 1, 100_000)
        check.within("seconds_per_pixel", self.seconds_per_pixel, 1e-9, 1e6)
        check.within("first_column", self.first_column, -(2**52), 2**52)

    @classmethod
    def at(
        cls, start_seconds: float, seconds_per_pixel: float, columns: int, axis: FrequencyAxis
    ) -> Viewport:
        """Return the viewport whose left edge is nearest to a time."""
        return cls(round(start_seconds / seconds_per_pixel), seconds_per_pixel, columns, axis)

    @property
    def start_seconds(self) -> float:
        """The time at the left edge."""
        return self.first_column * self.seconds_per_pixel

    def seconds_at(self, column: float) -> float:
        """Return the time at a distance from the left edge; 0.5 is in the first's middle."""
        return (self.first_column + column) * self.seconds_per_pixel

    def column_at(self, seconds: float) -> float:
        """Return the distance of a time from the left edge, in columns; any time."""
        return seconds / self.seconds_per_pixel - self.first_column

    def pixels_of(self, area: Area) -> tuple[int, int, int, int] | None:
        """Return what is seen of an area, every pixel that it touches.

        Returns
        -------
        tuple of int, or None
            First column, the one after the last, first row, the one after the last; None if
            nothing of it is in view.
        """
        first = max(math.floor(self.column_at(area.start_seconds)), 0)
        last = min(math.ceil(self.column_at(area.stop_seconds)), self.columns)
        top = max(math.floor(self.axis.row_at(area.high_hz)), 0)
        bottom = min(math.ceil(self.axis.row_at(area.low_hz)), self.axis.rows)
        return (first, last, top, bottom) if first < last and top < bottom else None


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Which cells are shown in which pixel.

    Parameters
    ----------
    first, last : ndarray, intp, shape (pixels,)
        The first cell of each pixel and the one after its last; at least one cell each.
    """

    first: NDArray[np.intp]
    last: NDArray[np.intp]

    def pooled(self, values: NDArray[Number], axis: int) -> NDArray[Number]:
        """Return, for each pixel, the largest of its cells' values along an axis.

        Quick where another axis follows and a pixel has few cells.
        """
        out = np.take(values, self.first, axis=axis)
        for step in range(1, int((self.last - self.first).max(initial=0))):
            cells = np.minimum(self.first + step, self.last - 1)
            np.maximum(out, np.take(values, cells, axis=axis), out=out)
        return out


def spans(edges: NDArray[np.floating], step: float, count: int, offset: float = 0.0) -> Spans:
    """Return which cells fall between edges: those centred there, else the nearest one.

    Parameters
    ----------
    edges : ndarray, float64, shape (pixels + 1,)
        Rising or falling, in seconds or hertz.
    step : float
        Distance of cells.
    count : int
        How many cells there are, at least 1.
    offset : float
        Where the first cell is centred.
    """
    low, high = np.minimum(edges[:-1], edges[1:]), np.maximum(edges[:-1], edges[1:])
    first = np.ceil((low - offset) / step)
    last = np.ceil((high - offset) / step)
    nearest = np.round(((low + high) / 2 - offset) / step)
    empty = last <= first
    first, last = np.where(empty, nearest, first), np.where(empty, nearest + 1, last)
    first = np.clip(first, 0, count - 1).astype(np.intp)
    return Spans(first, np.clip(last, first + 1, count).astype(np.intp))


def note_name(hertz: float) -> str:
    """Return the nearest note with the distance to it: "A4 +3" for 440.8 Hz; cents follow it."""
    if hertz <= 0:
        return ""
    place = 69.0 + 12.0 * float(np.log2(hertz / 440.0))
    nearest = round(place)
    cents = round(100 * (place - nearest))
    name = f"{_NOTES[nearest % 12]}{nearest // 12 - 1}"
    return f"{name} {cents:+d}" if cents else name
