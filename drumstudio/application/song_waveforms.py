"""The waveforms of a song's stems, and the files they are read from."""

from __future__ import annotations

from pathlib import Path

from drumstudio.application.edited_waveforms import EditedBlocks, EditedPeaks
from drumstudio.application.song_preview import PreviewPeaks, SongPreview
from drumstudio.application.song_work import peaks_paths
from drumstudio.core.audio import Samples
from drumstudio.core.errors import AudioOpenError
from drumstudio.core.song import Song
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.peaks import PeaksReader, Waveform


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
        self._edited: list[EditedPeaks] = []
        for stem, path in peaks_paths(song).items():
            try:
                peaks = PeaksReader(path)
            except AudioOpenError:
                self.complete = False
                continue
            self._peaks.append(peaks)
            edited = EditedPeaks(peaks, stem)
            self._edited.append(edited)
            self.stems[stem] = Waveform(edited, _StemSource(self._reader, stem))
        if preview is not None:
            for stem in preview.stems.names:
                parts = PreviewPeaks(preview, stem, self._reader)
                self.stems[stem] = Waveform(parts, _StemSource(self._reader, stem))

    def show_edits(self, edits: EditedBlocks | None) -> None:
        """Draw the stems as they were edited, or as the model made them."""
        self._reader.deltas = None if edits is None else edits.deltas
        for peaks in self._edited:
            peaks.edits = edits

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
