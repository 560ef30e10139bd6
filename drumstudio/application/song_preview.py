"""A song's drums while they are separated: what is finished can be heard and drawn already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drumstudio.application.listeners import Listeners
from drumstudio.core.audio import Samples
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.song import Song
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.peaks import BUCKET_SAMPLES, FACTOR, LEVELS, summarise
from drumstudio.files.preview import read_ranges
from drumstudio.files.result_cache import ResultCache
from drumstudio.jobs.job import Checkpoint

_KEPT_FROM = 2  # finer levels are summed up when they are looked at
_TOP_SAMPLES = BUCKET_SAMPLES * FACTOR ** (LEVELS - 1)


class SongPreview:
    """What is finished of a song's drums.

    `refresh` belongs to one thread, all else to any.

    Parameters
    ----------
    mixture : Path
        The song's media file.
    stems : SplitFiles
        One stored stem, the file of which holds as much of it as there is.

    Attributes
    ----------
    path : Path
        That file.
    ranges : tuple of (int, int)
        The finished stretches, in samples, in order.
    """

    def __init__(self, mixture: Path, stems: SplitFiles) -> None:
        self.mixture = mixture
        self.stems = stems
        (self.path,) = stems.stored.values()
        self.ranges: tuple[tuple[int, int], ...] = ()
        self._levels: dict[str, list[NDArray[np.float32]]] = {}

    def refresh(self) -> bool:
        """Look for more; return whether there is.

        Raises
        ------
        AudioOpenError
            If the sound can not be read.
        """
        ranges = read_ranges(self.path)
        if ranges == self.ranges:
            return False
        with SongReader(self.mixture, self.stems) as reader:
            for start, stop in ranges:
                if not any(first <= start and stop <= last for first, last in self.ranges):
                    self._summarise(reader, start, stop)
        self.ranges = ranges
        return True

    def _summarise(self, reader: SongReader, start: int, stop: int) -> None:
        first = start // _TOP_SAMPLES * _TOP_SAMPLES
        last = min(-(-stop // _TOP_SAMPLES) * _TOP_SAMPLES, reader.samples)
        for stem in self.stems.names:
            levels = self._levels.setdefault(stem, _empty_levels(reader))
            for position in range(first, last, 8 * _TOP_SAMPLES):
                count = min(8 * _TOP_SAMPLES, last - position)
                summed = summarise(reader.read(stem, position, count))[_KEPT_FROM:]
                for level, (kept, buckets) in enumerate(zip(levels, summed, strict=True)):
                    at = position // (BUCKET_SAMPLES * FACTOR ** (level + _KEPT_FROM))
                    kept[at : at + len(buckets)] = buckets

    def buckets(self, stem: str, level: int, first: int, count: int) -> NDArray[np.float32] | None:
        """Return buckets of a level as `files.peaks` counts them; None for the finest levels."""
        if level < _KEPT_FROM:
            return None
        return self._levels[stem][level - _KEPT_FROM][first : first + count]


def _empty_levels(reader: SongReader) -> list[NDArray[np.float32]]:
    sizes = [BUCKET_SAMPLES * FACTOR**level for level in range(_KEPT_FROM, LEVELS)]
    shapes = [(-(-reader.samples // size), reader.channels, 3) for size in sizes]
    return [np.zeros(shape, dtype=np.float32) for shape in shapes]


class PreviewPeaks:
    """A preview's stem, to be drawn like what `files.peaks` has read; belongs to one thread.

    Parameters
    ----------
    preview : SongPreview
        What is drawn; something of it is finished.
    stem : str
        Which stem.
    reader : SongReader
        Its sound.
    """

    def __init__(self, preview: SongPreview, stem: str, reader: SongReader) -> None:
        self._preview = preview
        self._stem = stem
        self._reader = reader
        self.channels = reader.channels
        self.samples = reader.samples

    def read(self, level: int, first: int, count: int) -> NDArray[np.float32]:
        """Return buckets of a level, float32 of shape (count, channels, 3)."""
        kept = self._preview.buckets(self._stem, level, first, count)
        if kept is not None:
            return kept
        size = BUCKET_SAMPLES * FACTOR**level
        last = min((first + count) * size, self.samples)
        samples: Samples = self._reader.read(self._stem, first * size, last - first * size)
        return summarise(samples)[level]


@dataclass(frozen=True, slots=True)
class Following:
    """A separation that is followed.

    Parameters
    ----------
    path : Path or None
        Where its preview is to be written; None if nobody needs one.
    checkpoint : Checkpoint
        Where it reports; looks for what is finished by the way.
    """

    path: Path | None
    checkpoint: Checkpoint


class Previews:
    """The previews of songs that are being separated: one after the other.

    Parameters
    ----------
    cache : ResultCache
        On whose disk they lie.

    Attributes
    ----------
    changed : Listeners
        Called with a song's id when more of it is finished, or it has no preview any more.
    """

    def __init__(self, cache: ResultCache) -> None:
        self.changed: Listeners[[str]] = Listeners()
        self._cache = cache
        self._found: dict[str, SongPreview] = {}
        self._folder = ExitStack()

    def get(self, song_id: str) -> SongPreview | None:
        """Return what is finished of a song that is being separated, if anything is."""
        return self._found.get(song_id)

    @contextmanager
    def following(
        self,
        song: Song,
        mixture: Path,
        checkpoint: Checkpoint,
        split: Callable[[Path], SplitFiles] = SplitFiles.of_drums,
    ) -> Iterator[Following]:
        """Follow a separation until the context ends.

        The files stay until the next one is followed, for somebody may still listen to them. A
        song that has a separation already is listened to with that one, and has no preview.

        Parameters
        ----------
        song : Song
            Which.
        mixture : Path
            Its media file.
        checkpoint : Checkpoint
            Where the separation reports.
        split : callable
            From the file that is written to the stems that it is.

        Raises
        ------
        DrumStudioError
            If there is no room for its files.
        """
        if song.separation is not None:
            yield Following(None, checkpoint)
            return
        self._folder.close()
        path = self._folder.enter_context(self._cache.scratch()) / "preview.wav"
        preview = SongPreview(mixture, split(path))

        def follow(fraction: float, message: str) -> None:
            checkpoint(fraction, message)
            try:
                if preview.refresh():
                    self._found[song.id] = preview
                    self.changed(song.id)
            except DrumStudioError:
                return  # the separation itself will say what is wrong with the song's sound

        try:
            yield Following(path, follow)
        finally:
            if self._found.pop(song.id, None) is not None:
                self.changed(song.id)

    def close(self) -> None:
        """Remove what is left."""
        self._folder.close()
