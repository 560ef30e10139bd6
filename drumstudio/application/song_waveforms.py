"""The waveforms of a song's stems, and the files they are read from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drumstudio.application.edited_waveforms import EditedBlocks, EditedPeaks
from drumstudio.application.song_preview import PreviewPeaks, SongPreview
from drumstudio.application.song_work import peaks_paths
from drumstudio.core.audio import Samples
from drumstudio.core.errors import AudioOpenError
from drumstudio.core.song import Song
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.peaks import BUCKET_SAMPLES, FACTOR, LEVELS, PeaksReader, Waveform

SILENT_DB = -90.0
"""The lane of a computed stem below this is hidden."""


class SongWaveforms:
    """Open files of a song, to be drawn; belongs to one thread.

    Parameters
    ----------
    song : Song
        Which.
    mixture, stems : Path, SplitFiles or None
        Its media files.
    preview : SongPreview, optional
        What is finished of its stems, where it is being separated; instead of `stems`.

    Attributes
    ----------
    stems : dict of str to Waveform
        What can be drawn now.
    complete : bool
        Whether that is everything; if not, peaks are still to be built.

    Raises
    ------
    AudioOpenError
        If the media can not be read.
    """

    def __init__(
        self,
        song: Song,
        mixture: Path,
        stems: SplitFiles | None,
        preview: SongPreview | None = None,
    ) -> None:
        self.stems: dict[str, Waveform] = {}
        self.complete = True
        self._reader = SongReader(mixture, stems if preview is None else preview.stems)
        self._peaks: list[PeaksReader] = []
        self._edited: dict[str, EditedPeaks] = {}
        self._silent: dict[str, bool] = {}
        for stem, path in peaks_paths(song).items():
            try:
                peaks = PeaksReader(path)
            except AudioOpenError:
                self.complete = False
                continue
            self._peaks.append(peaks)
            edited = EditedPeaks(peaks, stem)
            self._edited[stem] = edited
            self.stems[stem] = Waveform(edited, _StemSource(self._reader, stem))
        if preview is not None:
            for stem in preview.stems.names:
                parts = PreviewPeaks(preview, stem, self._reader)
                self.stems[stem] = Waveform(parts, _StemSource(self._reader, stem))

    def show_edits(self, edits: EditedBlocks | None) -> None:
        """Draw the stems as they were edited, or as the model made them."""
        self._reader.deltas = None if edits is None else edits.deltas
        for peaks in self._edited.values():
            if peaks.edits is not edits:
                peaks.edits = edits
                self._silent.clear()

    def is_silent(self, stem: str) -> bool:
        """Return whether nothing in a stem, as edited, comes up to `SILENT_DB`; not if unknown."""
        peaks = self._edited.get(stem)
        if peaks is None:
            return False
        if stem not in self._silent:
            count = -(-peaks.samples // (BUCKET_SAMPLES * FACTOR ** (LEVELS - 1)))
            loudest = np.abs(peaks.read(LEVELS - 1, 0, count)[..., :2]).max(initial=0.0)
            self._silent[stem] = bool(loudest < 10 ** (SILENT_DB / 20))
        return self._silent[stem]

    def close(self) -> None:
        """Close the files; nothing can be drawn any more."""
        self.stems = {}
        for peaks in self._peaks:
            peaks.close()
        self._reader.close()


class _StemSource:
    """One stem of a reader, for drawing single samples."""

    def __init__(self, reader: SongReader, stem: str) -> None:
        self._reader = reader
        self._stem = stem

    def read(self, start: int, count: int) -> Samples:
        """Return a stretch, float32 of shape (channels, count)."""
        return self._reader.read(self._stem, start, count)
