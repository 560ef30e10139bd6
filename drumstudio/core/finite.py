"""The gate against NaN, infinity and absurd levels; it stands after decode, model and mix."""

from __future__ import annotations

import numpy as np

from drumstudio.core.audio import Samples

ABSURD = np.float32(1e30)
"""No sound is this loud (600 dB above full scale): such a value is damage, and its sums and
squares would overflow float32 further down."""


def silence_non_finite(samples: Samples) -> int:
    """Set NaN, infinite and absurd samples to zero, in place; return how many there were.

    Parameters
    ----------
    samples : ndarray, float32, any shape
        Changed in place.
    """
    # A comparison with NaN is false, so that one test catches all three.
    good = np.abs(samples) < ABSURD
    if good.all():
        return 0
    samples[~good] = 0.0
    return int(good.size - np.count_nonzero(good))
