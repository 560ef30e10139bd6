"""The network over all bands as a separator."""

from __future__ import annotations

from drumstudio.nets.band_path import BandPath
from drumstudio.separators.tfc_tdf import TfcTdfSeparator


class BandPathSeparator(TfcTdfSeparator):
    """Mask the drums out of the mixture with a trained `BandPath`, then average their low hits."""

    network = BandPath

    @staticmethod
    def ready(net: BandPath) -> BandPath:
        """Return the network as it runs: the module that was trained."""
        return net.eval().requires_grad_(False)
