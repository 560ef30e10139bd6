"""Where a cursor lands: on the grid, on a hit, on the one before or after."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal

from drumstudio.core.tempo_map import TempoMap

SnapTo = Literal["off", "bar", "beat", "sixteenth", "hit"]

_SAME_SECONDS = 1e-3  # a cursor this near to a hit stands on it, and steps to the next one


def snap(seconds: float, to: SnapTo, tempo_map: TempoMap | None, hits: Sequence[float]) -> float:
    """Return where a time is drawn to.

    Parameters
    ----------
    seconds : float
        Where the pointer is.
    to : {"off", "bar", "beat", "sixteenth", "hit"}
        What draws.
    tempo_map : TempoMap or None
        The grid, if there is one.
    hits : sequence of float
        Onsets in seconds, in order.

    Returns
    -------
    float
        Seconds; unchanged where there is nothing that draws, never negative.
    """
    if to == "hit":
        return nearest_hit(seconds, hits)
    if to == "off" or tempo_map is None:
        return seconds
    snapped = tempo_map.nearest(seconds, to)
    return snapped if snapped >= 0.0 else seconds


def nearest_hit(seconds: float, hits: Sequence[float]) -> float:
    """Return the hit nearest to a time, the earlier of two; the time itself without hits."""
    place = bisect_left(hits, seconds)
    around = hits[max(place - 1, 0) : place + 1]
    return min(around, key=lambda hit: abs(hit - seconds), default=seconds)


def previous_hit(seconds: float, hits: Sequence[float]) -> float | None:
    """Return the last hit before a time, None if there is none."""
    place = bisect_left(hits, seconds - _SAME_SECONDS)
    return hits[place - 1] if place > 0 else None


def next_hit(seconds: float, hits: Sequence[float]) -> float | None:
    """Return the first hit after a time, None if there is none."""
    place = bisect_right(hits, seconds + _SAME_SECONDS)
    return hits[place] if place < len(hits) else None
