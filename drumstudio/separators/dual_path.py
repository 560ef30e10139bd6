"""The dual-path network as a separator."""

from __future__ import annotations

from drumstudio.nets.dual_path import DualPath
from drumstudio.separators.tfc_tdf import TfcTdfSeparator


class DualPathSeparator(TfcTdfSeparator):
    """Mask the drums out of the mixture with a trained `DualPath`.

    Its recurrent layers see as far as a chunk goes, so chunks are cross-faded and, context
    included, not bit-equal to the song in one piece.
    """

    network = DualPath
    overlap = 0.05
    field_is_finite = False
