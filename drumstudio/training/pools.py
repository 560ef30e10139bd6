"""Clips rendered ahead: training draws random crops of them, a renderer refreshes them.

A pool is a folder of int16 arrays, one file a clip, named
`<kind>~<tempo in hundredths of a beat a minute, 0 where unknown>~<number>.npy`. Clips of one
tempo begin on a downbeat, so that drums and layers can be laid on one grid. A clip of the kind
"together" is a song as it is: four channels, its drums and then its rest. One of the kind "written"
holds drums and then the bass that was written for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumstudio import atomic
from drumstudio.training.augment import MixRules, mix, mix_together, repitched
from drumstudio.training.data import SAMPLE_RATE, to_float, to_int16

Samples = NDArray[np.float32]

DRUM_KINDS = {"rendered": 0.62, "loop": 0.22, "stem": 0.16}
"""Kinds of drum clips and their share of the mixtures."""

BASE_KINDS = {"song": 0.34, "backing": 0.36, "music": 0.3}
"""What carries the rest of a mixture: real stems, rendered parts, real drumless music."""


class ClipPool:
    """The clips of a folder, drawn at random.

    Parameters
    ----------
    folder : Path
        Holds clips; more may arrive while it is used, see `refresh`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clips: dict[str, list[tuple[int, Path]]] = {}
        self._open: dict[Path, NDArray[np.int16]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look again what is there."""
        clips = defaultdict(list)
        for path in sorted(self._folder.glob("*~*~*.npy")):
            kind, tempo, _ = path.stem.split("~")
            clips[kind].append((int(tempo), path))
        self._clips = dict(clips)
        present = {path for entries in clips.values() for _, path in entries}
        self._open = {path: clip for path, clip in self._open.items() if path in present}

    @property
    def minutes(self) -> dict[str, float]:
        """Minutes of every kind."""
        return {
            kind: sum(self._samples(path).shape[1] for _, path in entries) / SAMPLE_RATE / 60
            for kind, entries in self._clips.items()
        }

    def kind_among(self, rng: np.random.Generator, shares: Mapping[str, float]) -> str | None:
        """Draw one of the kinds that are there, by share; None if none is."""
        there = [kind for kind in shares if self._clips.get(kind)]
        if not there:
            return None
        weights = np.array([shares[kind] for kind in there])
        return there[int(rng.choice(len(there), p=weights / weights.sum()))]

    def crop(
        self,
        rng: np.random.Generator,
        kind: str,
        count: int,
        *,
        tempo: int = 0,
        start: int | None = None,
    ) -> tuple[Samples, int, int] | None:
        """Return a random crop, its tempo and where it starts; None if the kind is not there.

        Parameters
        ----------
        rng : numpy.random.Generator
        kind : str
        count : int
            Samples.
        tempo : int
            Hundredths of a beat a minute: draw among clips of this tempo, where there are any.
        start : int, optional
            Sample of another crop of this tempo, which this one shall start in step with.
        """
        entries = self._clips.get(kind)
        if not entries:
            return None
        alike = [entry for entry in entries if tempo and entry[0] == tempo]
        found = alike or entries
        clip_tempo, path = found[int(rng.integers(len(found)))]
        clip = self._samples(path)
        last = max(0, clip.shape[1] - count)
        if alike and start is not None:
            bar = round(4 * 60 * SAMPLE_RATE * 100 / tempo)
            places = np.arange(start % bar, last + 1, bar)
            first = int(rng.choice(places)) if len(places) else min(start, last)
        else:
            first = int(rng.integers(last + 1))
        crop = to_float(clip[:, first : first + count])
        if crop.shape[1] < count:
            crop = np.pad(crop, ((0, 0), (0, count - crop.shape[1])))
        return crop, clip_tempo, first

    def _samples(self, path: Path) -> NDArray[np.int16]:
        if path not in self._open:
            self._open[path] = np.load(path, mmap_mode="r")
        return self._open[path]


def write_clip(folder: Path, kind: str, tempo: int, number: int, clip: Samples) -> None:
    """Add a clip, float32 (2 or 4, samples), to a pool's folder; one of that name is replaced."""
    peak = float(np.abs(clip).max(initial=0.0))
    scale = np.float32(min(1.0, 0.98 / peak)) if peak > 0 else np.float32(1)
    with atomic.writing(folder / f"{kind}~{tempo}~{number}.npy") as path, path.open("wb") as file:
        np.save(file, to_int16(clip * scale))


def draw_mixture(
    rng: np.random.Generator, pool: ClipPool, count: int, rules: MixRules
) -> tuple[Samples, Samples]:
    """Return one mixture and its drums, float32 (2, count) each, from crops of a pool.

    Parameters
    ----------
    rng : numpy.random.Generator
    pool : ClipPool
    count : int
        Samples.
    rules : MixRules
    """
    if rules.together and rng.random() < rules.together:
        song = pool.crop(rng, "together", count)
        if song is not None:
            return mix_together(rng, song[0][:2], song[0][2:], rules)
    length = _length_before_repitching(rng, count, rules)
    written = rules.written and rng.random() < rules.written
    pair = pool.crop(rng, "written", length) if written else None
    if pair is None:
        drums, tempo, start = _drums(rng, pool, length)
    else:
        drums, tempo, start = pair[0][:2], pair[1], pair[2]
    # Three of five layers that can share the drums' grid do.
    shared = {"tempo": tempo, "start": start} if tempo and rng.random() < 0.6 else {}
    layers: list[tuple[Samples, float]] = []

    def add(kind: str | None, gain_db: float, **place: int) -> None:
        drawn = pool.crop(rng, kind, length, **place) if kind else None
        if drawn is not None:
            layers.append((drawn[0], gain_db))

    base = pool.kind_among(rng, BASE_KINDS)
    add(base, 0.0, **shared)
    bass_gain_db = float(np.clip(rng.normal(1, 5), -9, 10))
    if pair is not None:
        layers.append((pair[0][2:], bass_gain_db))
    elif rng.random() < 0.6:
        add("bass", bass_gain_db, **shared)
    # Rendered parts stand in most mixtures, twice in some.
    if rng.random() < (0.25 if base == "backing" else 0.66):
        add("backing", rng.normal(-3, 4), **shared)
    if rng.random() < 0.28:
        add("voice", rng.normal(-2, 4))
    if rng.random() < 0.15:
        add("music", rng.normal(-5, 4))
    mixture, drums = mix(rng, drums, layers, rules)
    if length != count:
        mixture, drums = repitched(np.stack([mixture, drums]), count)
    return mixture, drums


def _length_before_repitching(rng: np.random.Generator, count: int, rules: MixRules) -> int:
    """Draw how many samples are mixed, to be played in the time of `count`."""
    if rng.random() >= rules.repitch:
        return count
    import scipy.fft  # slow to import, and only training comes here

    octaves = rng.uniform(-1, 1) * rules.repitch_semitones / 12
    return int(scipy.fft.next_fast_len(round(count * 2**octaves), real=True))


def _drums(rng: np.random.Generator, pool: ClipPool, count: int) -> tuple[Samples, int, int]:
    """Draw a crop of drums that is not silent, where there is one within a few tries."""
    kind = pool.kind_among(rng, DRUM_KINDS)
    if kind is None:
        raise ValueError("the pool holds no drums")
    for _ in range(4):
        drawn = pool.crop(rng, kind, count)
        if drawn is not None and np.abs(drawn[0]).max() > 1e-3:
            break
    assert drawn is not None
    return drawn
