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
    places = strips(channels, height)
    if len(places) == 1 and channels > 1:
        columns = Columns(
            columns.low.min(axis=0, keepdims=True),
            columns.high.max(axis=0, keepdims=True),
            columns.rms.max(axis=0, keepdims=True),
        )
    image = QImage(count, height, QImage.Format.Format_Indexed8)
    image.setColorTable(shades.table())
    pixels = np.frombuffer(image.bits(), dtype=np.uint8).reshape(height, image.bytesPerLine())
    pixels[:] = 0
    _fill(pixels[:, :count], places, columns)
    # Drawn as it is, Qt would look every pixel up in a slower way.
    return image.convertToFormat(QImage.Format.Format_RGB32)


def _fill(pixels: NDArray[np.uint8], places: list[tuple[int, int]], columns: Columns) -> None:
    """Write each strip's shades; the pixels are 0."""
    heights = np.array([[height] for _, height in places], dtype=np.float32)
    middle = heights / 2
    scale = middle * _HEADROOM
    upper = middle - np.clip(columns.high, -1.0, 1.0) * scale
    lower = middle - np.clip(columns.low, -1.0, 1.0) * scale
    # Silence is a line, not nothing.
    missing = np.maximum(1.0 - (lower - upper), 0.0) / 2
    upper -= missing
    lower += missing
    half = np.minimum(columns.rms * scale, (lower - upper) / 2)
    first = np.ceil(upper)
    last = np.maximum(np.floor(lower), first)
    core_first = np.clip(np.ceil(middle - half), first, last)
    core_last = np.clip(np.floor(middle + half), core_first, last)
    kind = np.uint8 if pixels.shape[0] <= 0xFF else np.uint16
    across = np.arange(pixels.shape[1])
    for channel, (top, height) in enumerate(places):
        strip = pixels[top : top + height]
        rows = np.arange(height, dtype=kind)[:, np.newaxis]
        for begin, end, shade in ((first, last, _STEPS), (core_first, core_last, _STEPS + 1)):
            begun = begin[channel].astype(kind)
            # What lies above wraps and is large: one comparison tells both ends.
            inside = rows - begun < end[channel].astype(kind) - begun
            strip += inside.view(np.uint8) * np.uint8(shade)
    for edge_rows, shares in ((first - 1, first - upper), (last, lower - last)):
        rows = np.clip(edge_rows, 0, heights - 1).astype(np.intp)
        at = (rows + np.array([[top] for top, _ in places]), across)
        pixels[at] = np.maximum(pixels[at], _coverage(shares))


def _coverage(share: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(np.clip(share, 0.0, 1.0) * _STEPS).astype(np.uint8)
