"""The mix as one file: what is heard of a song's stems, for `files.encode` to write as asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.core.audio import Samples
from drumstudio.core.errors import AudioWriteError
from drumstudio.core.mix import TrackMix, is_audible, render, to_stereo
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.wav_file import WavWriter, header_bytes
from drumstudio.jobs.job import Checkpoint


class _Stem:
    """One stem of a song as a source of the mixer."""

    def __init__(self, reader: SongReader, stem: str) -> None:
        self._reader = reader
        self._stem = stem

    def read(self, start: int, count: int) -> Samples:
        samples = self._reader.read(self._stem, start, count)
        return to_stereo(samples, self._reader.speakers)


def mix_down(
    checkpoint: Checkpoint,
    *,
    mixture: str,
    stems: dict[str, Any] | None,
    tracks: dict[str, dict[str, Any]],
    target: str,
    start: int = 0,
    stop: int | None = None,
) -> dict[str, Any]:
    """Write what is heard of a song's stems as stereo media; the worker's job "mix_down".

    Parameters
    ----------
    checkpoint : Checkpoint
        Called for every block.
    mixture : str
        Media file.
    stems : dict or None
        Plain `files.block_reader.SplitFiles`; None if only the mixture is a track.
    tracks : dict of str to dict
        Stem, or "mixture", to the fields of its `core.mix.TrackMix`.
    target : str
        The media file to write. Bit for bit what playback sends to the device at a monitor
        volume of 0 dB.
    start, stop : int
        Range in samples; the whole song if left out.

    Returns
    -------
    dict
        sample_rate, samples.

    Raises
    ------
    AudioWriteError
        If every track is silent or the range is empty.
    DrumStudioError
        If the media can not be read, or the disk refuses.
    Cancelled
        If the person asked to stop; then there is no file.
    ValueError
        If a stem or a track's value does not exist.
    """
    path = Path(target)
    mixes = [TrackMix(**fields) for fields in tracks.values()]
    if not is_audible(mixes):
        raise AudioWriteError(
            "Cannot export the mix",
            why="every track is muted, so there is nothing to hear.",
            fix="Turn a track on, or export the stems instead.",
        )
    with SongReader(Path(mixture), SplitFiles.from_plain(stems)) as song:
        first, last = max(start, 0), song.samples if stop is None else min(stop, song.samples)
        if first >= last:
            raise AudioWriteError(
                "Cannot export the mix",
                why="there is no sound in the range.",
                fix="Choose another range, or the whole song.",
            )
        needed = len(header_bytes(song.sample_rate, 2, 0)) + (last - first) * 8
        atomic.require_free(path.parent, needed, "Cannot export the mix")
        sources = [_Stem(song, stem) for stem in tracks]
        with (
            atomic.writing(path, what="Cannot export the mix") as temporary,
            WavWriter(temporary, song.sample_rate, 2) as writer,
        ):
            for block in render(sources, mixes, first, last):
                checkpoint(writer.samples / (last - first), "Mixing")
                writer.write(block)
        return {"sample_rate": song.sample_rate, "samples": last - first}
