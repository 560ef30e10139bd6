"""The network with a low path of its own as a separator."""

from __future__ import annotations

from drumstudio.nets.dual_path import DualPath
from drumstudio.separators.tfc_tdf import TfcTdfSeparator


class DualPathSeparator(TfcTdfSeparator):
    """Mask the drums out of the mixture with a trained `DualPath`, then average their low hits."""

    network = DualPath
