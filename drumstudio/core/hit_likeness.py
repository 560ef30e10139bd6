"""How like a hit is to another one, whatever else sounds at the time and however loud each is.

The example is kept as power that it adds to what was there before, in a few stretches of time and
in bands. Anywhere else it is laid upon what is there before, at the gain that fits best, and
compared with what follows: what is missing speaks against it, what is too much less so, for
another drum may be struck too. Bands in which the example could not be heard do not count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drumstudio.core.bands import Bands, Levels, decibels

SUGGESTED = 0.45
"""From this likeness on a hit is suggested. Ours, measured by benchmarks/hits.py."""

LISTED = 0.1
"""Less like ones are not offered at all."""

# All ours, measured by benchmarks/hits.py.
BANDS = 40
STEP_SECONDS, WINDOW_SECONDS = 0.0058, 0.0232
_BEFORE = (-7, -3)  # steps before a hit that tell what was there
_STRETCHES = ((-1, 0), (0, 1), (1, 2), (2, 4), (4, 7), (7, 12), (12, 18))
AFTER_STEPS = 18
BEFORE_STEPS = 7
_GAINS_DB = np.arange(-18.0, 13.0, 1.5)
_SHIFTS = (-1, 0, 1)
_MOST_DB = 15.0
_TOO_MUCH_DB = 10.0
_NOTHING_HEARD = 0.02
_OTHER_GAIN = 0.02  # of likeness, for each decibel of gain
_OTHER_BANDS = 0.05  # of likeness, for each decibel that bands rise in which the example does not
_OCTAVES, _FAR_BANDS = 1.2, 0.25
_RISE_LAG = 2
_MOST_RISE_DB = 18.0
_LEAST_RISE_DB = 0.5
_NEIGHBOURS = 3
_AT_ONCE = 512
_SILENCE = 1e-8  # of the loudest band around the example


@dataclass(frozen=True, slots=True, eq=False)
class HitExample:
    """A hit that others are compared with.

    Parameters
    ----------
    added : ndarray, float32, shape (stretches, bands)
        The power that it adds to what was there before.
    weights : ndarray, float32, shape (stretches, bands)
        How much each counts.
    silence : float
        Power below which nothing is heard.
    """

    added: NDArray[np.float32]
    weights: NDArray[np.float32]
    silence: float


def example_at(
    power: NDArray[np.float32],
    step: int,
    bands: Bands,
    hertz: float | None = None,
    painted: NDArray[np.float32] | None = None,
) -> HitExample | None:
    """Return the hit at a place as an example.

    Parameters
    ----------
    power : ndarray, float32, shape (steps, bands)
        Around it; at least `BEFORE_STEPS` before and `AFTER_STEPS` after it.
    step : int
        Where it begins.
    bands : Bands
        What `power` is in.
    hertz : float, optional
        The frequency that was clicked: bands near it count most.
    painted : ndarray, float32, shape (steps, bands), optional
        How much of each was painted, in [0, 1], as long as `power`: the rest hardly counts.

    Returns
    -------
    HitExample or None
        None if nothing is added there.
    """
    at = np.array([step])
    before = _means(power, at, (_BEFORE,))[0, 0]
    added = np.maximum(_means(power, at, _STRETCHES)[0] - before, 0.0)
    loudest = float(power.max(initial=0.0))
    silence = max(loudest * _SILENCE, 1e-20)
    if not added.max() > silence:
        return None
    above = decibels(added, silence) - decibels(before, silence)
    weights = np.clip((above + 3.0) / 12.0, 0.0, 1.0)
    strongest = added.max(axis=0)
    heard = decibels(strongest / strongest.max(), 1e-9)
    weights *= np.clip((heard + 50.0) / 30.0, 0.0, 1.0)
    if hertz is not None:
        weights *= _FAR_BANDS + bands.near(hertz, _OCTAVES)
    if painted is not None:
        weights *= np.clip(2.0 * _means(painted, at, _STRETCHES)[0], 0.02, 1.0)
    if not weights.max() > 0.0:
        return None
    return HitExample(added.astype(np.float32), weights.astype(np.float32), silence)


def rises(power: NDArray[np.float32], example: HitExample) -> Levels:
    """Return how much begins at each step in the bands of an example, in decibels.

    Parameters
    ----------
    power : ndarray, float32, shape (steps, bands)
        Of a stretch of a song.
    example : HitExample
        In whose bands.

    Returns
    -------
    ndarray, float32, shape (steps,)
        0 at both ends.
    """
    out = np.zeros(len(power), dtype=np.float32)
    if len(power) <= 2 * _RISE_LAG:
        return out
    levels = decibels(power, example.silence + power.max(axis=0) * 1e-4)
    rise = np.clip(levels[2 * _RISE_LAG :] - levels[: -2 * _RISE_LAG], 0.0, _MOST_RISE_DB)
    weights = 0.02 + example.weights[1:4].max(axis=0)
    out[_RISE_LAG:-_RISE_LAG] = rise @ (weights / weights.sum())
    return out


def beginnings(rise: Levels) -> NDArray[np.intp]:
    """Return the steps at which something begins: as many as there may be."""
    padded = np.pad(rise, _NEIGHBOURS, constant_values=-1.0)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    first = around.argmax(axis=1) == _NEIGHBOURS
    return np.flatnonzero(first & (rise > _LEAST_RISE_DB))


def likeness(
    power: NDArray[np.float32], steps: NDArray[np.intp], example: HitExample
) -> NDArray[np.float32]:
    """Return how like an example what begins at some places is.

    Parameters
    ----------
    power : ndarray, float32, shape (steps, bands)
        Of a stretch of a song.
    steps : ndarray, int, shape (places,)
        Where to look; a step earlier or later is looked at too.
    example : HitExample
        What to look for.

    Returns
    -------
    ndarray, float32, shape (places,)
        At most 1, for the same hit alone; around 0 where nothing speaks for it, or less.
    """
    best = np.full(len(steps), -1.0, dtype=np.float32)
    for first in range(0, len(steps), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        for shift in _SHIFTS:
            np.maximum(best[part], _likeness(power, steps[part] + shift, example), out=best[part])
    return best


def _likeness(
    power: NDArray[np.float32], steps: NDArray[np.intp], example: HitExample
) -> NDArray[np.float32]:
    silence, weights = example.silence, example.weights
    before = _means(power, steps, (_BEFORE,))
    after = _means(power, steps, _STRETCHES)
    levels_before, levels_after = decibels(before, silence), decibels(after, silence)
    best = np.full(len(steps), -1.0, dtype=np.float32)
    for gain_db in _GAINS_DB:
        gain = np.float32(10 ** (gain_db / 10))
        expected = decibels(gain * example.added + before, silence)
        adds = np.minimum(expected - levels_before, _MOST_DB)
        off = levels_after - expected
        wrong = np.where(off < 0, np.minimum(-off, _MOST_DB), np.minimum(off, _TOO_MUCH_DB))
        right = np.einsum("sb,nsb->n", weights, adds - wrong)
        heard = np.einsum("sb,nsb->n", weights, adds)
        share = right / (heard + _NOTHING_HEARD * weights.sum() * _MOST_DB)
        np.maximum(best, share - _OTHER_GAIN * abs(gain_db), out=best)
    # What begins in bands that the example leaves alone.
    free = decibels(example.added, silence) - decibels(before, silence) < -6.0
    more = np.clip(levels_after - levels_before, 0.0, 12.0)
    elsewhere = np.where(free, more, np.float32(0.0)).mean(axis=(1, 2))
    found: NDArray[np.float32] = (best - np.float32(_OTHER_BANDS) * elsewhere).astype(np.float32)
    return found


def _means(
    values: NDArray[np.float32], steps: NDArray[np.intp], stretches: tuple[tuple[int, int], ...]
) -> NDArray[np.float32]:
    """Return the means over stretches of time beside each step: (steps, stretches, bands)."""
    first, last = stretches[0][0], stretches[-1][1]
    places = np.clip(steps[:, np.newaxis] + np.arange(first, last), 0, len(values) - 1)
    around = values[places]
    parts = [
        around[:, begin - first : end - first].mean(axis=1, keepdims=True)
        for begin, end in stretches
    ]
    means: NDArray[np.float32] = np.concatenate(parts, axis=1).astype(np.float32)
    return means
