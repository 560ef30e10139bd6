"""The TFC-TDF network as a separator: chunks of a song in, the same drums as in one piece out.

What the song's own repetitions add comes after it, see `hit_average`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch

from drumstudio.catalog.model_card import ModelCard
from drumstudio.catalog.weights import filled
from drumstudio.core import check
from drumstudio.core.audio import Samples
from drumstudio.inference.base import SampleReader, Separator
from drumstudio.nets.streamed import Streamed
from drumstudio.nets.tfc_tdf import COMPRESSION, TfcTdf
from drumstudio.separators.hit_average import STRETCH_SECONDS, with_hit_average

_CHUNK_SECONDS = 60.0
_LONGEST_CHUNK_SAMPLES = 60 * 48_000
_PROFILE_SECONDS = 20.0


class TfcTdfSeparator(Separator):
    """Mask the drums out of the mixture with a trained `TfcTdf`.

    Parameters
    ----------
    net : TfcTdf
        With its weights.
    isolation : float
        0 takes the mask as it is; above, doubtful cells go to the rest, below, to the drums: the
        mask's exponent is ``2 ** isolation``.
    sample_rate : int
        The rate the network was trained at, in hertz.
    level_db : float
        Decibels by which the song seems louder to the network than it is; below 0, doubtful
        sounds below 200 Hz tend to go to the rest.
    hit_average : float
        In [0, 1]: how far low hits are drawn to their average, see `with_hit_average`.
    """

    channels = 2
    overlap = 0.0
    field_is_finite = True

    network = TfcTdf

    def __init__(
        self,
        net: TfcTdf,
        isolation: float,
        sample_rate: int,
        level_db: float = 0.0,
        hit_average: float = 0.0,
    ) -> None:
        check.within("isolation", isolation, -8.0, 8.0)
        check.within("level_db", level_db, -60.0, 60.0)
        check.whole("sample_rate", sample_rate, 8_000, 192_000)
        check.within("hit_average", hit_average, 0.0, 1.0)
        self._run = self.ready(net)
        self._exponent = 2.0**isolation
        self._scale = 10 ** (-COMPRESSION * level_db / 20)
        self._profile: torch.Tensor | None = None
        self._hit_average = hit_average
        self.refined_samples = int(STRETCH_SECONDS * sample_rate) if hit_average else 0
        self.device = "cpu"
        self.sample_rate = sample_rate
        self._shortest = net.n_fft
        self.hop_length = net.chunk_grid
        self.context_samples = net.context_samples
        self.min_chunk_samples = 4 * net.context_samples
        usual = min(int(_CHUNK_SECONDS * sample_rate), _LONGEST_CHUNK_SAMPLES)
        wanted = max(usual, self.min_chunk_samples)
        self.chunk_samples = -(-wanted // self.hop_length) * self.hop_length

    @classmethod
    def from_card(
        cls,
        card: ModelCard,
        settings: Mapping[str, float | int],
        weights: Mapping[str, torch.Tensor] | None,
    ) -> Self:
        """Return the separator that a card, its checked settings and its weights describe."""
        if weights is None:
            raise ValueError(f"{card.id} needs weights")
        return cls(
            filled(lambda: cls.network(**card.network), dict(weights)),
            float(settings.get("isolation", 0.0)),
            card.sample_rate,
            float(settings.get("level", 0.0)),
            float(settings.get("hit_average", 0.0)),
        )

    @staticmethod
    def ready(net: TfcTdf) -> torch.nn.Module:
        """Return what runs a trained network: its `profile`, and drums when it is called."""
        return Streamed(net)

    def to(self, device: str) -> None:
        """Move the network and what it knows of the song."""
        self._run.to(device)
        self.device = device
        if self._profile is not None:
            self._profile = self._profile.to(device)

    def prepare(self, reader: SampleReader) -> None:
        """Take the mean spectrum of the whole song, in blocks, over all pairs of channels."""
        block = int(_PROFILE_SECONDS * self.sample_rate)
        total, weight = torch.zeros(1), 0
        for start in range(0, max(1, reader.samples), block):
            count = min(block, max(1, reader.samples - start))
            pairs = _pairs(reader.read(start, max(count, self._shortest)))
            with torch.inference_mode():
                profile = self._run.profile(torch.from_numpy(pairs).to(self.device))
            total = total + profile.mean(0, keepdim=True).cpu().double() * count
            weight += count
        self._profile = (total / weight).float().to(self.device)

    def separate(self, mixture: torch.Tensor) -> torch.Tensor:
        """Return the drums; shapes as in `Separator.separate`, two channels."""
        samples = mixture.to(self.device)
        with torch.inference_mode():
            profile = self._run.profile(samples) if self._profile is None else self._profile
            profile = profile.expand(samples.shape[0], -1) * self._scale
            return self._run(samples, profile, self._exponent)

    def refine(self, mixture: Samples, drums: Samples) -> Samples:
        """Return the drums with their low hits drawn to what the mixture has at all of them."""
        return with_hit_average(mixture, drums, self.sample_rate, self._hit_average)


def _pairs(samples: Samples) -> Samples:
    """Return (channels, samples) as (pairs, 2, samples), an odd last channel with itself."""
    channels, count = samples.shape
    if channels % 2:
        samples = np.concatenate([samples, samples[-1:]])
    return np.ascontiguousarray(samples.reshape(-1, 2, count))
