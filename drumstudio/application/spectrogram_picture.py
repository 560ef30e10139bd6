"""What is seen of a spectrogram: how it is shown, and what paint makes of levels and shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drumstudio.application.field_pixels import FULL, Bytes
from drumstudio.core import check
from drumstudio.core.levels import (
    HIGHEST_DB,
    LOWEST_DB,
    STEMS,
    STEPS_PER_DB,
    Levels,
    edited_share,
    level_of_share,
)

N_FFTS = (1024, 2048, 4096, 8192)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ViewLook:
    """How the spectrogram is shown; none of it changes sound.

    Parameters
    ----------
    n_fft : int
        One of `N_FFTS`.
    stem : {"mixture", "drums", "rest"}
        Whose levels; the mixture's where the song has not been separated.
    low_db, high_db : float
        What is black and what is brightest; a sine at full scale has 0 dB.
    show_share : bool
        Whether the drums' share is wanted.
    """

    n_fft: int = 2048
    stem: str = "mixture"
    low_db: float = -90.0
    high_db: float = 0.0
    show_share: bool = True

    def __post_init__(self) -> None:
        if self.n_fft not in N_FFTS:
            raise ValueError(f"n_fft must be one of {N_FFTS}, got {self.n_fft}")
        check.one_of("stem", self.stem, STEMS)
        check.within("low_db", self.low_db, LOWEST_DB, 0.0)
        check.within("high_db", self.high_db, self.low_db + 1.0, HIGHEST_DB)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What is seen; arrays are uint8 of shape (rows, columns), highest frequency first.

    Parameters
    ----------
    level : ndarray
        0 at the lowest level of the look or below, 255 at the highest or above.
    share : ndarray or None
        Of the drums as they are painted, 255 where all is drums; None if not wanted or
        the song has not been separated.
    protected : ndarray or None
        255 where the drums are kept; None where nothing in view is.
    painted : ndarray, int8, or None
        The edit field, +-127 for +-1; None where nothing in view is painted.
    selected, previewed : ndarray, int8, or None
        How much of it is selected, and what a click would take, 127 for all of it.
    complete : bool
        Whether all of it is computed; `SpectrogramView.changed` tells when more is.
    """

    level: Pixels
    share: Pixels | None
    protected: Pixels | None
    painted: Bytes | None
    selected: Bytes | None
    previewed: Bytes | None
    complete: bool


@dataclass(frozen=True, slots=True)
class ReadOut:
    """What is under the pointer.

    Parameters
    ----------
    seconds, hertz : float
        Where.
    note : str
        The nearest note, with cents.
    db : float or None
        Level of the stem that is shown, the loudest channel's; None while it is not known.
    share : float or None
        The drums' share of amplitude, in [0, 1], as painted; None where it is not known.
    """

    seconds: float
    hertz: float
    note: str
    db: float | None
    share: float | None


def painted_share(share: Pixels, field: Bytes | None, amount: float) -> Pixels:
    """Return the drums' share as it is painted.

    Parameters
    ----------
    share : ndarray, uint8, shape (rows, columns)
        Of the model's drums.
    field : ndarray, int8, of the same shape, or None
        e, +-127 for +-1; None where nothing is painted.
    amount : float
        In [-1, 1].
    """
    if field is None and not amount:
        return share
    table = _shares(amount)
    now: Pixels = np.take(table[FULL], share)
    if field is not None:
        places = np.nonzero(field)
        now[places] = table[field[places].astype(np.intp) + FULL, share[places]]
    return now


def kept_share(share: Pixels, keep: Bytes, kept: Pixels) -> Pixels:
    """Return a share with another one where that is kept, to the part that it is kept.

    Parameters
    ----------
    share, kept : ndarray, uint8
        Of what stands now, and of what was kept.
    keep : ndarray, int8, of the same shape
        In [0, 127].
    """
    difference = kept.astype(np.int32) - share
    mixed: Pixels = (share + np.rint(difference * (keep / FULL))).astype(np.uint8)
    return mixed


def stem_level(levels: Levels, before: Pixels, now: Pixels, stem: str) -> Levels:
    """Return a stem's levels as they are painted.

    Parameters
    ----------
    levels : ndarray, uint8, shape (stems, rows, columns)
        The model's.
    before, now : ndarray, uint8, shape (rows, columns)
        The drums' share as the model left it, and as it is painted.
    stem : str
        One of `core.levels.STEMS`.
    """
    level: Levels = levels[STEMS.index(stem)]
    if stem == "mixture" or now is before:
        return level
    changed = now != before
    mine = now[changed] if stem == "drums" else 255 - now[changed]
    level = level.copy()
    level[changed] = level_of_share(levels[1][changed], levels[2][changed], mine)
    return level


def brightness(levels: Levels, low_db: float, high_db: float) -> Pixels:
    """Return how bright levels are, from 0 at the lower end of a range to 255 at the upper."""
    return np.take(_brightness(low_db, high_db), levels)


@lru_cache(maxsize=8)
def _brightness(low_db: float, high_db: float) -> Pixels:
    """Return the brightness of every level, uint8 of shape (256,)."""
    decibels = LOWEST_DB + np.arange(256) / STEPS_PER_DB
    shares = np.clip((decibels - low_db) / (high_db - low_db), 0.0, 1.0)
    table: Pixels = np.rint(255 * shares).astype(np.uint8)
    return table


@lru_cache(maxsize=2)
def _shares(amount: float) -> Pixels:
    """Return what becomes of a share by field and amount, uint8 of shape (field + 127, share)."""
    fields = (np.arange(-FULL, FULL + 1) / FULL).astype(np.float32)
    shares = np.broadcast_to(np.arange(256, dtype=np.uint8), (len(fields), 256))
    return edited_share(shares, np.broadcast_to(fields[:, np.newaxis], shares.shape), amount)
