"""What the transport plays: a song's original and the tracks it was separated into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drumstudio.core.stems import MIXTURE
from drumstudio.files.block_reader import PAINTED, UNPAINTED, SplitFiles
from drumstudio.playback.deck import Closable
from drumstudio.playback.feeder import Source
from drumstudio.playback.stems import SongStems

AUDITIONS = (PAINTED, UNPAINTED)
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


def song_material(
    mixture: Path, files: SplitFiles | None, sample_rate: int, samples: int
) -> Material:
    """Return a song's original and, where it has stems, a track for each."""
    stems = SongStems(mixture, files)
    tracks = () if files is None else tuple(stems.source(name) for name in files.names)
    auditions = {} if files is None else {name: stems.source(name) for name in AUDITIONS}
    return Material(stems.source(MIXTURE), tracks, sample_rate, samples, stems, auditions, stems)
