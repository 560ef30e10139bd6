"""The magic wand: from one cell to the region around it that is about as loud and as drum-like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.levels import STEPS_PER_DB, Levels
from drumstudio.core.strokes import MAX_CELLS, MAX_RUNS, Cells

_NEAR = (1, 3)  # frames and bins around a click in which the loudest cell is what was meant
_SHARE_OF_TOLERANCE = 255 / 40  # 40 dB of tolerance take every share


def region(
    level: Levels, share: Levels, frame: int, first_bin: int, tolerance_db: float
) -> NDArray[np.float32]:
    """Return the region that is connected with a cell and like it.

    Parameters
    ----------
    level, share : ndarray, uint8, shape (frames, bins)
        As `core.levels` gives them.
    frame, first_bin : int
        The cell that was clicked.
    tolerance_db : float
        How much quieter or louder than the cell a part of the region may be; with it grows
        how far the drums' share may be from the cell's.

    Returns
    -------
    ndarray, float32, shape (frames, bins)
        1 in the region, less in the cells around it, 0 elsewhere.

    Raises
    ------
    ValueError
        If the cell is outside.
    """
    frames, bins = level.shape
    if not (0 <= frame < frames and 0 <= first_bin < bins):
        raise ValueError(f"the cell ({frame}, {first_bin}) is not in {level.shape}")
    import scipy.ndimage  # 0.1 s to load: only who uses the wand waits for it

    top, left = max(frame - _NEAR[0], 0), max(first_bin - _NEAR[1], 0)
    near = level[top : frame + _NEAR[0] + 1, left : first_bin + _NEAR[1] + 1]
    row, column = np.unravel_index(int(np.argmax(near)), near.shape)
    seed = (top + int(row), left + int(column))
    away = np.abs(level.astype(np.int16) - int(level[seed]))
    unlike = np.abs(share.astype(np.int16) - int(share[seed]))
    alike = (away <= tolerance_db * STEPS_PER_DB) & (unlike <= tolerance_db * _SHARE_OF_TOLERANCE)
    labels, _ = scipy.ndimage.label(alike)
    inside = (labels == labels[seed]).astype(np.float32)
    # A soft edge of one cell: hard edges between cells ring.
    soft: NDArray[np.float32] = scipy.ndimage.uniform_filter(inside, size=3, mode="nearest")
    soft[soft < 1e-3] = 0.0  # what running sums leave behind
    weights: NDArray[np.float32] = np.maximum(inside, np.clip(soft, 0.0, 1.0))
    return weights


def found_cells(weights: NDArray[np.float32], first_frame: int = 0) -> Cells | None:
    """Return weights of cells as the shape of a stroke; None if there are none or too many.

    Parameters
    ----------
    weights : ndarray, float32, shape (frames, bins)
        In [0, 1]; cells of weight 0 are left out.
    first_frame : int
        The song's frame that the first one is.
    """
    there = np.zeros((weights.shape[0], weights.shape[1] + 2), dtype=np.int8)
    there[:, 1:-1] = weights.astype(np.float16) > 0
    steps = np.diff(there, axis=1)
    frames, begins = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    runs = np.stack([frames + first_frame, begins, ends - begins], axis=1).astype(np.int32)
    kept = weights.astype(np.float16)[there[:, 1:-1] > 0]
    if not 0 < len(runs) <= MAX_RUNS or len(kept) > MAX_CELLS:
        return None
    return Cells(runs, kept)
