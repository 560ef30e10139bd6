"""The network over all bands as a separator, with what the song's own repetitions add to it."""

from __future__ import annotations

from drumstudio.nets.band_path import BandPath
from drumstudio.separators.dual_path import DualPathSeparator


class BandPathSeparator(DualPathSeparator):
    """Mask the drums out of the mixture with a trained `BandPath`, then average their low hits."""

    network = BandPath
