"""A song's stems as sources for the deck."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.core.mix import to_stereo
from drumstudio.files.block_reader import Deltas, SongReader, SplitFiles

Edits = tuple[Deltas | None, Deltas | None]
"""What edits add to the stems, and what of the mixture is painted."""


class SongStems:
    """The stems of a song, whose files are opened when they are first read.

    So it is the deck's thread that waits for a slow disk, and that learns of a missing file.

    Parameters
    ----------
    mixture : Path
        The song's media file.
    stems : SplitFiles or None
        Its stems; without them there is only the mixture.
    """

    def __init__(self, mixture: Path, stems: SplitFiles | None) -> None:
        self._mixture = mixture
        self._stems = stems
        self._reader: SongReader | None = None
        self.speakers = 0
        self._wanted: Edits = (None, None)
        self._heard: Edits = (None, None)
        self._leaving: Edits = (None, None)
        self._fade = (0, 0)
        self._stretch = (0, 0)
        self._read_of_it: set[str] = set()

    def set_edits(self, deltas: Deltas | None, painted: Deltas | None = None) -> None:
        """Have other edits heard from the next stretch on, faded in over it.

        A stretch that is read anew from its middle on ends its fade first. May be called from any
        thread.
        """
        self._wanted = (deltas, painted)

    def source(self, stem: str) -> StemSource:
        """Return what `files.block_reader.SongReader.read` knows as a source."""
        return StemSource(self, stem)

    def read(self, stem: str, start: int, count: int) -> Samples:
        """Return a stretch of a stem, float32 of shape (channels, count).

        Raises
        ------
        AudioOpenError
            If a file can not be read; the next call tries again.
        """
        if self._reader is None:
            self._reader = SongReader(self._mixture, self._stems)
            self._heard = self._wanted
            self.speakers = self._reader.speakers
        if (start, count) != self._stretch or stem in self._read_of_it:
            # All stems of one stretch change over together, so that they still sum up.
            if not self._is_amid_fade(start):
                self._leaving, self._heard = self._heard, self._wanted
                self._fade = (start, count)
            self._stretch = (start, count)
            self._read_of_it.clear()
        self._read_of_it.add(stem)
        samples = _read_with(self._reader, self._heard, stem, start, count)
        if self._leaving is self._heard or stem == "mixture":
            return samples
        before = _read_with(self._reader, self._leaving, stem, start, count)
        first, length = self._fade
        steps = np.arange(start - first + 1, start - first + count + 1, dtype=np.float32)
        share = np.minimum(steps / np.float32(length), np.float32(1))
        faded: Samples = before + share * (samples - before)
        return faded

    def _is_amid_fade(self, start: int) -> bool:
        """Return whether what is read next goes on inside a fade of what was read last."""
        first, length = self._fade
        fading = self._leaving is not self._heard and first < start < first + length
        return fading and self._stretch[0] < start < sum(self._stretch)

    def close(self) -> None:
        """Close the files; reading opens them again."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class StemSource:
    """One stem of a song.

    Parameters
    ----------
    stems : SongStems
        The song.
    stem : str
        Which.
    """

    def __init__(self, stems: SongStems, stem: str) -> None:
        self._stems = stems
        self._stem = stem

    def read(self, start: int, count: int) -> Samples:
        """Return a stretch as it is heard, float32 of shape (2, count), zero beyond the ends.

        Raises
        ------
        AudioOpenError
            If a file can not be read.
        """
        samples = self._stems.read(self._stem, start, count)
        return to_stereo(samples, self._stems.speakers)


def _read_with(reader: SongReader, edits: Edits, stem: str, start: int, count: int) -> Samples:
    reader.deltas, reader.painted = edits
    return reader.read(stem, start, count)
