"""A tone and its overtones: from one cell to the partials that move and sound with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.levels import STEPS_PER_DB, Levels

_NEAR = (1, 3)  # frames and bins around a click in which the loudest cell is what was meant
_DRIFT_BINS = 1  # how far a tone may move from one frame to the next
_MOST = 40  # partials; what lies above is noise in any song


def harmonics(
    level: Levels, frame: int, first_bin: int, tolerance_db: float
) -> NDArray[np.float32]:
    """Return a tone and its overtones, from the fundamental that was clicked.

    Parameters
    ----------
    level : ndarray, uint8, shape (frames, bins)
        As `core.levels` gives them.
    frame, first_bin : int
        The cell that was clicked.
    tolerance_db : float
        How much quieter than at the click the tone may get before it has ended; an overtone
        is taken where it stands out of what lies between it and its neighbours.

    Returns
    -------
    ndarray, float32, shape (frames, bins)
        1 on the partials, 0.5 on the bins beside them, 0 elsewhere.

    Raises
    ------
    ValueError
        If the cell is outside.

    Notes
    -----
    Ours: the fundamental is followed from frame to frame to its loudest neighbour within one
    bin, its place is refined by a parabola through the levels of three bins, and partial k lies
    at k times that place.
    """
    frames, bins = level.shape
    if not (0 <= frame < frames and 0 <= first_bin < bins):
        raise ValueError(f"the cell ({frame}, {first_bin}) is not in {level.shape}")
    out = np.zeros(level.shape, dtype=np.float32)
    top, left = max(frame - _NEAR[0], 0), max(first_bin - _NEAR[1], 1)
    near = level[top : frame + _NEAR[0] + 1, left : first_bin + _NEAR[1] + 1]
    if not near.size:
        return out
    row, column = np.unravel_index(int(np.argmax(near)), near.shape)
    seed = top + int(row), left + int(column)
    least = int(level[seed]) - tolerance_db * STEPS_PER_DB
    for step in (1, -1):
        at, place = seed
        while 0 <= at < frames:
            low, high = max(place - _DRIFT_BINS, 1), min(place + _DRIFT_BINS + 1, bins - 1)
            if low >= high:
                break
            place = low + int(np.argmax(level[at, low:high]))
            if level[at, place] < least:
                break
            _take(level[at], out[at], _refined(level[at], place))
            at += step
    return out


def _refined(levels: NDArray[np.uint8], place: int) -> float:
    """Return where between bins a peak is."""
    before, here, after = (float(value) for value in levels[place - 1 : place + 2])
    bend = before - 2 * here + after
    return place + (0.5 * (before - after) / bend if bend < 0 else 0.0)


def _take(levels: NDArray[np.uint8], out: NDArray[np.float32], fundamental: float) -> None:
    """Mark the partials of one frame, in place."""
    for number in range(1, _MOST + 1):
        place = round(number * fundamental)
        if place + 1 >= len(levels):
            return
        half = round(fundamental / 2)
        between = (max(place - half, 0), min(place + half, len(levels) - 1))
        floor = max(int(levels[between[0]]), int(levels[between[1]]))
        peak = int(levels[place - 1 : place + 2].max())
        if number > 1 and peak <= floor:
            continue
        out[place] = 1.0
        for beside in (place - 1, place + 1):
            out[beside] = max(out[beside], 0.5)
