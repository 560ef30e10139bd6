"""Samples with their rate: the one form in which sound travels between functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Audio:
    """A stretch of sound in memory.

    Parameters
    ----------
    samples : ndarray, float32, shape (channels, samples)
        Full scale is 1.0; values beyond it are allowed (nothing clips before an export).
    sample_rate : int
        Samples per second, in hertz; positive.

    Raises
    ------
    ValueError
        If the array has another shape or dtype, or the rate is not positive.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise ValueError(
                "samples must be float32 of shape (channels, samples), "
                f"got {self.samples.dtype} of shape {self.samples.shape}"
            )
        if self.sample_rate <= 0:
            raise ValueError(f"sample_rate must be positive, got {self.sample_rate}")

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[1]) / self.sample_rate
