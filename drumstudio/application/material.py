"""What the transport plays: a song's original and the tracks it was separated into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drumstudio.playback.deck import Closable
from drumstudio.playback.feeder import Source
from drumstudio.playback.stems import SongStems

AUDITIONS = ("painted", "unpainted")
"""What is painted alone, and everything but that."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What can be played.

    Parameters
    ----------
    original : Source
        The song as given.
    tracks : tuple of Source
        What it was separated into; empty before that.
    sample_rate : int
        Hertz, of all of them.
    samples : int
        Their length.
    files : object with `close`
        What they read from.
    auditions : mapping of str to Source
        What can be listened to instead, while painting.
    stems : SongStems or None
        What takes edits.
    """

    original: Source
    tracks: tuple[Source, ...]
    sample_rate: int
    samples: int
    files: Closable
    auditions: Mapping[str, Source] = field(default_factory=dict)
    stems: SongStems | None = None

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate


def song_material(mixture: Path, drums: Path | None, sample_rate: int, samples: int) -> Material:
    """Return a song's original and, where it has drums, the tracks drums and rest."""
    stems = SongStems(mixture, drums)
    tracks = () if drums is None else (stems.source("drums"), stems.source("rest"))
    auditions = {} if drums is None else {name: stems.source(name) for name in AUDITIONS}
    return Material(stems.source("mixture"), tracks, sample_rate, samples, stems, auditions, stems)
