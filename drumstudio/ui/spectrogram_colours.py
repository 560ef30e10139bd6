"""The spectrogram's colours as tables: one look-up for each pixel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from drumstudio.ui.theme import Theme

Table = NDArray[np.uint32]
Pixels = NDArray[np.uint8]

MAPS = {
    "stems": "Drums warm, rest cool",
    "safe": "Drums yellow, rest blue (colour-blind safe)",
    "glow": "Level alone",
}
"""Names of the colour maps, with what a person calls them."""

_Colour = NDArray[np.float64]

# Stops by level, dark grounds: black through purple and orange to pale yellow.
_GLOW = ("#0B0714", "#2B1055", "#7A1F6D", "#CF3F52", "#F98A3C", "#FDE7A8")
_SAFE = {True: ("#3D8BFF", "#8C8C94", "#FFD23F"), False: ("#1D5FD0", "#77777F", "#A87B00")}
PAINTED = 6
"""From which a pixel of the edit field, +-127 for +-1, counts as painted."""

SELECTED = 63
"""From which a pixel counts as selected, 127 for all of it."""

_HATCH_PX = 7
_DASH_PX = 4
_KEPT = 128  # from which protection on a pixel is hatched


def table(name: str, theme: Theme) -> Table:
    """Return the colours of a map, uint32 of shape (65536,), by 256 * level + share.

    Parameters
    ----------
    name : str
        One of `MAPS`.
    theme : Theme
        Whose ground is the colour of silence.
    """
    return _MAPS[name](theme).reshape(-1)


def coloured(level: Pixels, share: Pixels | None, colours: Table) -> NDArray[np.uint32]:
    """Return the pixels of a picture, uint32 of its shape.

    Parameters
    ----------
    level, share : ndarray, uint8, of the same shape
        Without a share every pixel is between drums and rest.
    colours : ndarray
        As `table` gives them.
    """
    places = level.astype(np.uint16)
    places <<= 8
    places |= np.uint16(128) if share is None else share
    return np.take(colours, places)


def hatch(pixels: NDArray[np.uint32], kept: Pixels, place: tuple[int, int], colour: int) -> None:
    """Draw thin lines over what is protected.

    Parameters
    ----------
    pixels : ndarray, uint32
        Is written to.
    kept : ndarray, uint8, of the same shape
        How much is kept, 255 for all.
    place : tuple of int
        Row and column of the first pixel, so that parts of a picture meet.
    colour : int
        Of the lines, as 0xffRRGGBB.
    """
    rows = np.arange(place[0], place[0] + kept.shape[0])[:, np.newaxis]
    columns = np.arange(place[1], place[1] + kept.shape[1])[np.newaxis]
    pixels[((rows + columns) % _HATCH_PX == 0) & (kept >= _KEPT)] = colour


def tint(pixels: NDArray[np.uint32], inside: NDArray[np.bool_], colour: int) -> None:
    """Mix a quarter of a colour into a region.

    Parameters
    ----------
    pixels : ndarray, uint32
        Is written to.
    inside : ndarray, bool, of the same shape
        The region.
    colour : int
        As 0xffRRGGBB.
    """
    halves = np.uint32(0xFEFEFE)
    there = pixels[inside]
    mean = ((there & halves) >> 1) + ((np.uint32(colour) & halves) >> 1)
    mean = ((there & halves) >> 1) + ((mean & halves) >> 1)
    pixels[inside] = mean | np.uint32(0xFF000000)


def outline(
    pixels: NDArray[np.uint32],
    inside: NDArray[np.bool_],
    colour: int,
    dashes: tuple[int, int] | None = None,
) -> None:
    """Draw a line one pixel wide along the edge of a region, in it.

    Parameters
    ----------
    pixels : ndarray, uint32, shape (rows, columns)
        Is written to.
    inside : ndarray, bool, of the same shape
        The region; where it reaches beyond the picture there is no line.
    colour : int
        Of the line, as 0xffRRGGBB.
    dashes : tuple of int, optional
        Row and column of the first pixel, so that the line is dashed and parts of a picture meet.
    """
    if not inside.any():
        return
    edge = np.zeros(inside.shape, dtype=bool)
    edge[1:] |= ~inside[:-1]
    edge[:-1] |= ~inside[1:]
    edge[:, 1:] |= ~inside[:, :-1]
    edge[:, :-1] |= ~inside[:, 1:]
    edge &= inside
    if dashes is not None:
        rows = np.arange(dashes[0], dashes[0] + inside.shape[0])[:, np.newaxis]
        columns = np.arange(dashes[1], dashes[1] + inside.shape[1])[np.newaxis]
        edge &= (rows + columns) % (2 * _DASH_PX) < _DASH_PX
    pixels[edge] = colour


def _by_share(theme: Theme, rest: QColor, middle: QColor, drums: QColor) -> Table:
    """Return ground to a hue that the share chooses, then on to what stands out most."""
    level = np.linspace(0.0, 1.0, 256)[:, np.newaxis, np.newaxis]
    share = np.linspace(0.0, 1.0, 256)[:, np.newaxis]
    # Around the middle it stays grey for longer: what is neither should look like neither.
    side = np.clip(np.abs(2.0 * share - 1.0), 0.0, 1.0) ** 0.8
    ends = np.where(share >= 0.5, _rgb(drums), _rgb(rest))
    hue = _rgb(middle) + side * (ends - _rgb(middle))
    ground = _rgb(theme.colour("ground"))
    extreme = np.full(3, 255.0) if theme.dark else np.zeros(3)
    bright = hue + 0.72 * (extreme - hue)
    rising = np.clip(level / 0.72, 0.0, 1.0) ** 1.15
    low = ground + rising * (hue - ground)
    high = hue + (level - 0.72) / 0.28 * (bright - hue)
    return _packed(np.where(level < 0.72, low, high))


def _stems(theme: Theme) -> Table:
    middle = QColor("#8A8F99") if theme.dark else QColor("#7A808B")
    return _by_share(theme, theme.colour("rest"), middle, theme.colour("drums"))


def _safe(theme: Theme) -> Table:
    return _by_share(theme, *(QColor(colour) for colour in _SAFE[theme.dark]))


def _glow(theme: Theme) -> Table:
    stops = np.stack([_rgb(QColor(colour)) for colour in _GLOW])
    if not theme.dark:
        stops = np.concatenate([[_rgb(theme.colour("ground"))], stops[::-1][1:]])
    level = np.linspace(0.0, 1.0, 256)
    place = np.linspace(0.0, 1.0, len(stops))
    ramp = np.stack([np.interp(level, place, stops[:, part]) for part in range(3)], axis=-1)
    return _packed(np.broadcast_to(ramp[:, np.newaxis], (256, 256, 3)))


_MAPS: dict[str, Callable[[Theme], Table]] = {"stems": _stems, "safe": _safe, "glow": _glow}


def _rgb(colour: QColor) -> _Colour:
    return np.array([colour.red(), colour.green(), colour.blue()], dtype=np.float64)


def _packed(colours: _Colour) -> Table:
    parts = np.clip(np.rint(colours), 0, 255).astype(np.uint32)
    packed: Table = parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2]
    return packed | np.uint32(0xFF000000)
