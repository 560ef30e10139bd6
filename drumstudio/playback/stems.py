"""A song's stems as sources for the deck."""

from __future__ import annotations

from pathlib import Path

from drumstudio.core.audio import Samples
from drumstudio.files.block_reader import SongReader


class SongStems:
    """The stems of a song, whose files are opened when they are first read.

    So it is the deck's thread that waits for a slow disk, and that learns of a missing file.

    Parameters
    ----------
    mixture : Path
        The song's media file.
    drums : Path or None
        Its drums; without them there is only the mixture.
    """

    def __init__(self, mixture: Path, drums: Path | None) -> None:
        self._mixture = mixture
        self._drums = drums
        self._reader: SongReader | None = None

    def source(self, stem: str) -> StemSource:
        """Return a stem, "mixture", "drums" or "rest", as a source."""
        return StemSource(self, stem)

    def read(self, stem: str, start: int, count: int) -> Samples:
        """Return a stretch of a stem, float32 of shape (channels, count).

        Raises
        ------
        AudioOpenError
            If a file can not be read; the next call tries again.
        """
        if self._reader is None:
            self._reader = SongReader(self._mixture, self._drums)
        return self._reader.read(stem, start, count)

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
        """Return a stretch, float32 of shape (channels, count), zero beyond the ends.

        Raises
        ------
        AudioOpenError
            If a file can not be read.
        """
        return self._stems.read(self._stem, start, count)
