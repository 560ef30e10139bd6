"""What a training is judged by while it runs: excerpts of songs that it does not train on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from drumstudio.catalog.model_card import read_card
from drumstudio.core import scores
from drumstudio.inference.engines import build
from drumstudio.training.data import SAMPLE_RATE, SampleCache, Source, to_float

Samples = NDArray[np.float32]

MOST_SONGS = 6
LONGEST_SECONDS = 20.0
_SHORTEST_SECONDS = 2.0
_PLACES = (0.5, 0.25, 0.75)
_SILENT = 1e-3


@dataclass(frozen=True, slots=True)
class SongExcerpt:
    """A stretch of a song with its true drums.

    Parameters
    ----------
    song : str
    mixture, drums : ndarray, float32, shape (2, samples)
        At 44.1 kHz.
    """

    song: str
    mixture: Samples
    drums: Samples


def song_excerpts(
    sources: Iterable[Source], cache: SampleCache, split: str, most: int = MOST_SONGS
) -> Iterator[SongExcerpt]:
    """Yield an excerpt of each song of one side that has drums and something else.

    Parameters
    ----------
    sources : iterable of Source
    cache : SampleCache
    split : str
        "valid" for the songs that are held out, "train" for the others.
    most : int
        After so many songs it ends.

    Raises
    ------
    TrainingDataError
        If a file can not be decoded.
    """
    songs: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        if source.song and source.split == split and source.role in ("drums", "rest"):
            songs[source.song].append(source)
    found = 0
    for song, stems in sorted(songs.items()):
        excerpt = _excerpt(song, stems, cache)
        if excerpt is not None:
            yield excerpt
            found += 1
            if found == most:
                return


def _excerpt(song: str, stems: list[Source], cache: SampleCache) -> SongExcerpt | None:
    drums = [source for source in stems if source.role == "drums" and source.kind == "stem"]
    rest = [source for source in stems if source.role == "rest"]
    # A rest that was mixed already holds what its stems hold.
    rest = [source for source in rest if source.kind == "mix"] or rest
    if not drums or not rest:
        return None
    length = min(cache.samples(source).shape[1] for source in drums + rest)
    count = min(length, round(LONGEST_SECONDS * SAMPLE_RATE))
    if count < _SHORTEST_SECONDS * SAMPLE_RATE:
        return None
    for place in _PLACES:
        first = int(place * (length - count))
        true = _sum(drums, cache, first, count)
        if np.abs(true).max() > _SILENT:
            return SongExcerpt(song, true + _sum(rest, cache, first, count), true)
    return None


def _sum(stems: list[Source], cache: SampleCache, first: int, count: int) -> Samples:
    total = np.zeros((2, count), np.float32)
    for source in stems:
        total += to_float(cache.samples(source)[:2, first : first + count])
    return total


def drums_by(model: Path, excerpts: Iterable[SongExcerpt], device: str) -> list[Samples]:
    """Return the drums of excerpts as a model gives them, by its card and with its defaults.

    Parameters
    ----------
    model : Path
        Its folder.
    excerpts : iterable of SongExcerpt
    device : str
        "cpu" or "cuda".

    Raises
    ------
    DrumStudioError
        If the model can not be loaded.
    """
    card = read_card(model)
    separator = build(card, card.check_settings({}))
    separator.to(device)
    estimates = []
    for excerpt in excerpts:
        drums = separator.separate(torch.from_numpy(excerpt.mixture[None]))[0]
        estimates.append(separator.refine(excerpt.mixture, drums.float().cpu().numpy()))
    return estimates


def mean_sdr(excerpts: Iterable[SongExcerpt], estimates: Iterable[Samples]) -> float:
    """Return the mean drums SDR of estimates, in dB."""
    pairs = zip(excerpts, estimates, strict=True)
    return float(np.mean([scores.sdr(excerpt.drums, estimate) for excerpt, estimate in pairs]))
