"""What the transport plays: a song's original and the tracks it was separated into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drumstudio.playback.deck import Closable
from drumstudio.playback.feeder import Source
from drumstudio.playback.stems import SongStems


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
    """

    original: Source
    tracks: tuple[Source, ...]
    sample_rate: int
    samples: int
    files: Closable

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate


def song_material(mixture: Path, drums: Path | None, sample_rate: int, samples: int) -> Material:
    """Return a song's original and, where it has drums, the tracks drums and rest."""
    stems = SongStems(mixture, drums)
    tracks = () if drums is None else (stems.source("drums"), stems.source("rest"))
    return Material(stems.source("mixture"), tracks, sample_rate, samples, stems)
