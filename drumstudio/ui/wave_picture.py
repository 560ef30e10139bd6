"""A waveform as a picture: columns of lowest, highest and root mean square to pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from drumstudio.files.peaks import Columns

_STEPS = 64  # shades between the ground and a colour, for smooth edges
_LEAST_HALF_PX = 14  # a channel gets a strip of its own only if half of it is this high
_HEADROOM = 0.94  # full scale stops short of the strip's edge


@dataclass(frozen=True, slots=True)
class Shades:
    """The colours of a waveform.

    Parameters
    ----------
    ground, peak, core : QColor
        Behind it; between lowest and highest; within the root mean square.
    """

    ground: QColor
    peak: QColor
    core: QColor

    def table(self) -> list[int]:
        """Return the image's colours: ground to peak, then ground to core."""
        return _table(self.ground.rgb(), self.peak.rgb(), self.core.rgb())


@cache
def _table(ground: int, peak: int, core: int) -> list[int]:
    return [
        blend(QColor(ground), QColor(colour), step / _STEPS).rgb()
        for colour in (peak, core)
        for step in range(_STEPS + 1)
    ]


def blend(first: QColor, second: QColor, share: float) -> QColor:
    """Return a colour between two; `share` of the second, in [0, 1]."""
    pairs = zip(first.getRgb()[:3], second.getRgb()[:3], strict=True)
    return QColor(*(round(a + (b - a) * share) for a, b in pairs))


def strips(channels: int, height: int) -> list[tuple[int, int]]:
    """Return top and height of each channel's strip; one strip if they would be too low."""
    shown = channels if channels * 2 * _LEAST_HALF_PX <= height else 1
    edges = [round(height * n / shown) for n in range(shown + 1)]
    return [(top, bottom - top) for top, bottom in zip(edges, edges[1:], strict=False)]


def wave_image(columns: Columns, height: int, shades: Shades) -> QImage:
    """Return the picture of a waveform, one pixel a column.

    Parameters
    ----------
    columns : Columns
        What is seen, float32 of shape (channels, columns).
    height : int
        In device pixels; positive.
    shades : Shades
        Its colours.
    """
    channels, count = columns.low.shape
    padded = -(-count // 4) * 4  # the lines of an image begin on whole words
    places = strips(channels, height)
    if len(places) == 1 and channels > 1:
        columns = Columns(
            columns.low.min(axis=0, keepdims=True),
            columns.high.max(axis=0, keepdims=True),
            columns.rms.max(axis=0, keepdims=True),
        )
    # Each column is written as its steps and summed downwards: one pass over the pixels.
    steps = np.zeros((height + 1, padded), dtype=np.uint8)
    edges = [
        _mark_strip(steps, top, strip_height, columns, channel)
        for channel, (top, strip_height) in enumerate(places)
    ]
    pixels = np.add.accumulate(steps[:height], axis=0, dtype=np.uint8)
    for rows, shares in (edge for pair in edges for edge in pair):
        across = np.arange(count)
        pixels[rows, across] = np.maximum(pixels[rows, across], shares)
    image = QImage(pixels.data, count, height, padded, QImage.Format.Format_Indexed8)
    image.setColorTable(shades.table())
    # Converting copies: the picture outlives the array, and is drawn without a look-up.
    return image.convertToFormat(QImage.Format.Format_RGB32)


_Edge = tuple[NDArray[np.intp], NDArray[np.uint8]]


def _mark_strip(
    steps: NDArray[np.uint8], top: int, height: int, columns: Columns, channel: int
) -> tuple[_Edge, _Edge]:
    """Mark where the shades of a strip begin and end; return its smooth edges."""
    middle = top + height / 2
    scale = height / 2 * _HEADROOM
    upper = middle - np.clip(columns.high[channel], -1.0, 1.0) * scale
    lower = middle - np.clip(columns.low[channel], -1.0, 1.0) * scale
    thin = lower - upper < 1.0  # silence is a line, not nothing
    centre = (upper + lower) / 2
    upper = np.where(thin, centre - 0.5, upper)
    lower = np.where(thin, centre + 0.5, lower)
    first = np.ceil(upper).astype(np.intp)
    last = np.maximum(np.floor(lower).astype(np.intp), first)
    half = np.minimum(columns.rms[channel] * scale, (lower - upper) / 2)
    core_first = np.clip(np.ceil(middle - half).astype(np.intp), first, last)
    core_last = np.clip(np.floor(middle + half).astype(np.intp), core_first, last)
    across = np.arange(first.size)
    steps[first, across] += _STEPS
    steps[core_first, across] += _STEPS + 1
    steps[core_last, across] -= _STEPS + 1  # wraps, as the sum does
    steps[last, across] -= _STEPS
    bounds = (top, top + height - 1)
    return (
        (np.clip(first - 1, *bounds), _coverage(first - upper)),
        (np.clip(last, *bounds), _coverage(lower - last)),
    )


def _coverage(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.round(np.clip(share, 0.0, 1.0) * _STEPS).astype(np.uint8)
