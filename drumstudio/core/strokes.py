"""Strokes: what a person painted, in seconds and hertz, independent of view and model.

The layer of a stroke is the one whose list it stands in (`core.song.StrokeLayer`). How a
stroke becomes weights on cells is in `core.raster`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drumstudio.core import check
from drumstudio.core.separation import MAX_SECONDS

TARGETS = {"drums": 1.0, "rest": -1.0, "erase": 0.0, "protect": 1.0}
"""What a stroke pulls a cell of its layer to, by the name of its target."""

CHANNELS = ("both", "left", "right")
MAX_POINTS = 20_000
MAX_CORNERS = 5_000
MAX_RUNS = 500_000
MAX_CELLS = 4_000_000
MAX_HZ = 1e7
OCTAVES = (0.05, 6.0)
"""From edge to edge, what a brush may be high whose height goes with frequency."""
RATIOS = (1.001, 1_000.0)
"""What a brush may be high whose height goes with frequency, as a ratio to its middle."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A brush drawn along a line.

    Parameters
    ----------
    points : ndarray, float64, shape (points, 3)
        Seconds, hertz and pressure in [0, 1] of each; at least one point.
    radius_seconds, radius_hz : float
        Half the size of the brush, positive.
    hardness : float
        In [0, 1]: the share of the radius up to which the brush has its full strength.
    radius_ratio : float
        Where the brush's height goes with frequency: around a frequency f it reaches from f
        over this ratio to f times it, above 1, and `radius_hz` says nothing. 0 where it does not.
    """

    points: Numbers
    radius_seconds: float
    radius_hz: float
    hardness: float = 0.5
    radius_ratio: float = 0.0

    def __post_init__(self) -> None:
        _require_points(self.points, 3, 1, MAX_POINTS)
        _require_range("pressure", self.points[:, 2], 0.0, 1.0)
        check.within("radius_seconds", self.radius_seconds, 1e-6, MAX_SECONDS)
        check.within("radius_hz", self.radius_hz, 1e-6, MAX_HZ)
        check.within("hardness", self.hardness, 0.0, 1.0)
        if self.radius_ratio:
            check.within("radius_ratio", self.radius_ratio, *RATIOS)


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """An area: rectangle, time range, frequency range or lasso.

    Parameters
    ----------
    corners : ndarray, float64, shape (corners, 2)
        Seconds and hertz of each; the last is joined with the first. What lies inside an odd
        number of turns is inside.
    feather_seconds, feather_hz : float
        How far the soft edge reaches to either side of the line; both positive, or both 0
        for a hard edge.
    """

    corners: Numbers
    feather_seconds: float = 0.0
    feather_hz: float = 0.0

    def __post_init__(self) -> None:
        _require_points(self.corners, 2, 3, MAX_CORNERS)
        check.within("feather_seconds", self.feather_seconds, 0.0, MAX_SECONDS)
        check.within("feather_hz", self.feather_hz, 0.0, MAX_HZ)
        if (self.feather_seconds > 0) != (self.feather_hz > 0):
            raise ValueError(
                "a feather has a size in seconds and one in hertz, "
                f"got {self.feather_seconds} and {self.feather_hz}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells of the edit STFT that were found in the sound, with a weight each.

    Parameters
    ----------
    runs : ndarray, int32, shape (runs, 3)
        Frame, first bin and number of bins of each run, ordered by frame, then bin; runs do
        not overlap.
    weights : ndarray, float16, shape (cells,)
        In [0, 1], of all the runs behind each other.
    """

    runs: NDArray[np.int32]
    weights: NDArray[np.float16]

    def __post_init__(self) -> None:
        runs, weights = self.runs, self.weights
        if runs.dtype != np.int32 or runs.ndim != 2 or runs.shape[1] != 3:
            raise ValueError(
                f"runs must be int32 of shape (runs, 3), got {runs.dtype}, {runs.shape}"
            )
        if weights.dtype != np.float16 or weights.ndim != 1:
            raise ValueError(
                f"weights must be float16 of shape (cells,), got {weights.dtype}, {weights.shape}"
            )
        check.within("runs", len(runs), 1, MAX_RUNS)
        check.within("cells", len(weights), 1, MAX_CELLS)
        _require_range("frame", runs[:, 0], 0, 2**30)
        _require_range("first bin", runs[:, 1], 0, 2**24)
        _require_range("bins", runs[:, 2], 1, 2**24)
        _require_range("weight", weights, 0.0, 1.0)
        if int(runs[:, 2].sum(dtype=np.int64)) != len(weights):
            raise ValueError(f"the runs do not hold as many cells as there are: {len(weights)}")
        starts = runs[:, 0].astype(np.int64) * 2**26 + runs[:, 1]
        if np.any(starts[:-1] + runs[:-1, 2] > starts[1:]):
            raise ValueError("the runs are out of order or overlap")


Shape = Path | Polygon | Cells


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One gesture, from press to release.

    Parameters
    ----------
    target : {"drums", "rest", "erase", "protect"}
        Where it moves the sound; "protect" belongs on a protect layer, "drums" and "rest" on
        a paint layer.
    shape : Path, Polygon or Cells
        Where it acts.
    strength : float
        In [0, 1], a share of amplitude.
    channels : {"both", "left", "right"}
        Left is a song's first channel, right its second, both are all it has.
    """

    target: str
    shape: Shape
    strength: float = 1.0
    channels: str = "both"

    def __post_init__(self) -> None:
        check.one_of("target", self.target, tuple(TARGETS))
        check.one_of("channels", self.channels, CHANNELS)
        check.within("strength", self.strength, 0.0, 1.0)

    def acts_on(self, channel: int) -> bool:
        """Return whether it acts on a channel of a song, counted from 0."""
        return self.channels == "both" or channel == (0 if self.channels == "left" else 1)


def rectangle(
    start_seconds: float,
    stop_seconds: float,
    low_hz: float,
    high_hz: float,
    *,
    feather_seconds: float = 0.0,
    feather_hz: float = 0.0,
) -> Polygon:
    """Return the rectangle between two times and two frequencies."""
    corners = [
        (start_seconds, low_hz),
        (stop_seconds, low_hz),
        (stop_seconds, high_hz),
        (start_seconds, high_hz),
    ]
    return Polygon(np.array(corners, dtype=np.float64), feather_seconds, feather_hz)


def lasso(
    points: Sequence[tuple[float, float]], feather_seconds: float, feather_hz: float
) -> Polygon:
    """Return the area inside a line of (seconds, hertz)."""
    return Polygon(np.array(points, dtype=np.float64), feather_seconds, feather_hz)


def _require_points(points: Numbers, fields: int, least: int, most: int) -> None:
    if points.dtype != np.float64 or points.ndim != 2 or points.shape[1] != fields:
        raise ValueError(
            f"points must be float64 of shape (points, {fields}), "
            f"got {points.dtype}, {points.shape}"
        )
    check.within("points", len(points), least, most)
    _require_range("seconds", points[:, 0], -MAX_SECONDS, MAX_SECONDS)
    _require_range("hertz", points[:, 1], -MAX_HZ, MAX_HZ)


def _require_range(
    name: str, values: NDArray[np.floating] | NDArray[np.int32], low: float, high: float
) -> None:
    """Raise ValueError unless all values are in [low, high]; NaN never is."""
    if not bool(np.all((values >= low) & (values <= high))):
        raise ValueError(f"every {name} must be in [{low}, {high}]")


def span_seconds(shape: Shape, frame_seconds: float) -> tuple[float, float]:
    """Return when a shape begins and ends.

    Parameters
    ----------
    shape : Path, Polygon or Cells
        Of a stroke.
    frame_seconds : float
        Distance of the edit STFT's frames, which cells are counted in.
    """
    if isinstance(shape, Cells):
        first, last = int(shape.runs[0, 0]), int(shape.runs[-1, 0])
        return first * frame_seconds, last * frame_seconds
    if isinstance(shape, Path):
        times, reach = shape.points[:, 0], shape.radius_seconds
    else:
        times, reach = shape.corners[:, 0], 0.0
    return float(times.min()) - reach, float(times.max()) + reach


def moved(stroke: Stroke, seconds: float, frame_seconds: float, frames: int) -> Stroke | None:
    """Return a stroke at another time; None if nothing of it is left in the song.

    Parameters
    ----------
    stroke : Stroke
        What to copy.
    seconds : float
        How much later; negative is earlier. Cells move by whole frames.
    frame_seconds : float
        Distance of the edit STFT's frames.
    frames : int
        How many the song has.
    """
    shape: Shape = stroke.shape
    if isinstance(shape, Cells):
        runs = shape.runs.copy()
        runs[:, 0] += round(seconds / frame_seconds)
        inside = (runs[:, 0] >= 0) & (runs[:, 0] < frames)
        if not inside.any():
            return None
        shape = Cells(runs[inside], shape.weights[np.repeat(inside, runs[:, 2])])
    else:
        begin, end = span_seconds(shape, frame_seconds)
        if end + seconds < 0.0 or begin + seconds > frames * frame_seconds:
            return None
        later = (seconds, 0.0, 0.0)
        if isinstance(shape, Path):
            shape = replace(shape, points=shape.points + later)
        else:
            shape = replace(shape, corners=shape.corners + later[:2])
    return replace(stroke, shape=shape)
