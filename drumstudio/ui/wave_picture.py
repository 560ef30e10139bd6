"""A waveform as a picture: columns of lowest, highest and root mean square to pixels."""

from __future__ import annotations

from dataclasses import dataclass

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
        return [
            _mixed(self.ground, colour, step / _STEPS).rgb()
            for colour in (self.peak, self.core)
            for step in range(_STEPS + 1)
        ]


def _mixed(first: QColor, second: QColor, share: float) -> QColor:
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
    pixels = np.zeros((height, padded), dtype=np.uint8)
    places = strips(channels, height)
    if len(places) == 1 and channels > 1:
        columns = Columns(
            columns.low.min(axis=0, keepdims=True),
            columns.high.max(axis=0, keepdims=True),
            columns.rms.max(axis=0, keepdims=True),
        )
    for channel, (top, strip_height) in enumerate(places):
        _paint_strip(
            pixels[top : top + strip_height, :count],
            columns.low[channel],
            columns.high[channel],
            columns.rms[channel],
        )
    image = QImage(pixels.data, count, height, padded, QImage.Format.Format_Indexed8)
    image.setColorTable(shades.table())
    # Converting copies: the picture outlives the array, and is drawn without a look-up.
    return image.convertToFormat(QImage.Format.Format_RGB32)


def _paint_strip(
    pixels: NDArray[np.uint8],
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    rms: NDArray[np.float32],
) -> None:
    height = pixels.shape[0]
    middle = height / 2
    scale = middle * _HEADROOM
    top = middle - np.clip(high, -1.0, 1.0) * scale
    bottom = middle - np.clip(low, -1.0, 1.0) * scale
    thin = bottom - top < 1.0  # silence is a line, not nothing
    centre = (top + bottom) / 2
    top = np.where(thin, centre - 0.5, top)
    bottom = np.where(thin, centre + 0.5, bottom)
    first = np.ceil(top).astype(np.int16)
    last = np.floor(bottom).astype(np.int16)
    rows = np.arange(height, dtype=np.int16)[:, None]
    pixels[(rows >= first) & (rows < last)] = _STEPS
    across = np.arange(pixels.shape[1])
    upper = np.clip(first - 1, 0, height - 1)
    lower = np.clip(last, 0, height - 1)
    pixels[upper, across] = np.maximum(pixels[upper, across], _coverage(first - top))
    pixels[lower, across] = np.maximum(pixels[lower, across], _coverage(bottom - last))
    half = np.minimum(rms * scale, (bottom - top) / 2)
    core = (rows >= np.ceil(middle - half).astype(np.int16)) & (
        rows < np.floor(middle + half).astype(np.int16)
    )
    pixels[core & (pixels == _STEPS)] = 2 * _STEPS + 1


def _coverage(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.round(np.clip(share, 0.0, 1.0) * _STEPS).astype(np.uint8)
