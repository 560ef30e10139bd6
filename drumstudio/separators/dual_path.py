"""The dual-path network as a separator, and what the song's own repetitions add to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch

from drumstudio.catalog.model_card import ModelCard
from drumstudio.core import check
from drumstudio.core.audio import Samples
from drumstudio.nets.dual_path import DualPath
from drumstudio.separators.hit_average import STRETCH_SECONDS, with_hit_average
from drumstudio.separators.tfc_tdf import TfcTdfSeparator


class DualPathSeparator(TfcTdfSeparator):
    """Mask the drums out of the mixture with a trained `DualPath`, then average their low hits.

    Attributes
    ----------
    hit_average : float
        In [0, 1], see `hit_average.with_hit_average`.
    """

    network = DualPath
    hit_average = 0.0

    @classmethod
    def from_card(
        cls,
        card: ModelCard,
        settings: Mapping[str, float | int],
        weights: Mapping[str, torch.Tensor] | None,
    ) -> Self:
        """Return the separator that a card, its checked settings and its weights describe."""
        separator = super().from_card(card, settings, weights)
        separator.hit_average = float(settings.get("hit_average", 0.0))
        check.within("hit_average", separator.hit_average, 0.0, 1.0)
        if separator.hit_average:
            separator.refined_samples = int(STRETCH_SECONDS * card.sample_rate)
        return separator

    def refine(self, mixture: Samples, drums: Samples) -> Samples:
        """Return the drums with their low hits drawn to what the mixture has at all of them."""
        return with_hit_average(mixture, drums, self.sample_rate, self.hit_average)
