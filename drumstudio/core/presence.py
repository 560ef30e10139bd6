"""Whether a stem sounds in a mixture: what tells one of another song, or of another cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mono = NDArray[np.float32]

REACH_SECONDS = 20.0
"""How far apart stem and mixture may be and still be found."""

_HERE, _ELSEWHERE = 6.0, 15.0  # times the spread: by chance 4, and 9 among a million places
_AROUND_SECONDS = 0.05
_NEAR_SECONDS = 0.003  # what an encoder may shift


@dataclass(frozen=True, slots=True)
class Presence:
    """What was found.

    Parameters
    ----------
    sounds : bool
        Whether the stem sounds in the mixture, where it is.
    later_seconds : float or None
        How much later it would have to be to sound in it, where that is so; negative is earlier.
    """

    sounds: bool
    later_seconds: float | None = None


def presence(mixture: Mono, stem: Mono, sample_rate: int) -> Presence:
    """Return whether a stem sounds in a mixture.

    Parameters
    ----------
    mixture, stem : ndarray, float32, shape (samples,)
        One stretch of both, of one length.
    sample_rate : int
        Hertz.

    Returns
    -------
    Presence
        A stem or a mixture that is silent counts as sounding: nothing can be said.

    Notes
    -----
    The cross-correlation with the phase transform (C. Knapp and G. Carter, "The generalized
    correlation method for estimation of time delay", 1976): every frequency counts alike, so that
    a stem that is 30 dB below the others stands out at one place, and rhythm or key that two songs
    share does not: that is broad, and measured against the values within 50 ms (ours).
    """
    count = len(mixture)
    if count < sample_rate or not mixture.any() or not stem.any():
        return Presence(True)
    size = 1 << (2 * count - 1).bit_length()
    # Faded: two stretches that begin and end at once would share their edges, whatever they are.
    fade = np.hanning(count)
    product = np.fft.rfft(mixture * fade, size)
    product *= np.conj(np.fft.rfft(stem * fade, size))
    strength = np.abs(product)
    heard = strength > 1e-9 * float(strength.max())
    product[~heard] = 0.0
    product[heard] /= strength[heard]
    away = _standing_out(np.fft.irfft(product, size), round(_AROUND_SECONDS * sample_rate))
    near = max(round(_NEAR_SECONDS * sample_rate), 1)
    # A stem of the other polarity is one of this song, too.
    here = max(float(np.abs(away[: near + 1]).max()), float(np.abs(away[-near:]).max()))
    if here >= _HERE:
        return Presence(True)
    reach = min(round(REACH_SECONDS * sample_rate), count - 1)
    around = np.concatenate([away[-reach:], away[: reach + 1]])
    place = int(np.argmax(around))
    if around[place] >= _ELSEWHERE:
        return Presence(False, (place - reach) / sample_rate)
    return Presence(False)


def _standing_out(values: NDArray[np.float64], around: int) -> NDArray[np.float64]:
    """Return each value over the spread of those around it, on a circle.

    What two songs of one tempo share is broad: all of a neighbourhood is larger. What a stem
    and its mixture share is one sample.
    """
    padded = np.concatenate([values[-around:], values, values[:around]])
    sums = np.concatenate([[0.0], np.cumsum(np.square(padded))])
    width = 2 * around + 1
    spread = np.sqrt(np.maximum(sums[width:] - sums[:-width], 0.0) / width)
    out: NDArray[np.float64] = values / np.maximum(spread, np.finfo(np.float64).tiny)
    return out
