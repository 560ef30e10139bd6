"""Edits of a song's drums, rendered to deltas: only blocks that changed, each only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from drumstudio import atomic
from drumstudio.core.audio import Samples
from drumstudio.core.closing import Closing
from drumstudio.core.edit_field import SongEdit
from drumstudio.core.edit_render import Delta, delta_of_block, masked_block
from drumstudio.core.errors import ProjectError
from drumstudio.core.song import Song
from drumstudio.files.block_reader import SongReader
from drumstudio.files.delta_store import DeltaStore, SongDeltas
from drumstudio.files.project_media import ProjectMedia
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.jobs.job import Checkpoint

_BLOCK_SAMPLES = 65_536


class EditRenderer(Closing):
    """Renders the edits of one song. Belongs to one thread at a time.

    Parameters
    ----------
    song : Song
        Any state of it that holds the separations which its edits need.
    media : ProjectMedia
        Where its sound is.
    store : DeltaStore
        Where deltas are kept.
    """

    def __init__(self, song: Song, media: ProjectMedia, store: DeltaStore) -> None:
        self.song = song
        """May be replaced by a later state."""
        self._media = media
        self._store = store
        self._readers: dict[str, WavReader] = {}

    def deltas(
        self,
        edit: SongEdit,
        checkpoint: Checkpoint,
        before: SongDeltas | None = None,
        first: int = 0,
    ) -> SongDeltas:
        """Return what an edit adds to the model's drums, with all of its blocks rendered.

        Parameters
        ----------
        edit : SongEdit
            What was painted.
        checkpoint : Checkpoint
            Called for every block that has to be rendered.
        before : SongDeltas, optional
            Of an edit before; what both share is there already.
        first : int
            The sample around which to begin.

        Raises
        ------
        DrumStudioError
            If sound can not be read or the disk refuses.
        Cancelled
            If the person asked to stop; what was rendered is kept.
        """
        keys = {block: edit.key(block) for block in edit.changed_blocks()}
        keys = {block: key for block, key in keys.items() if key}
        return self._rendered(
            edit,
            keys,
            lambda block: delta_of_block(edit, block, self._read),
            checkpoint,
            before,
            first,
        )

    def painted(
        self, edit: SongEdit, checkpoint: Checkpoint, before: SongDeltas | None = None
    ) -> SongDeltas:
        """Return the mixture's part that is painted, as much of it as is painted.

        Errors as in `deltas`.
        """

        def mask(channel: int, first: int, last: int) -> np.ndarray:
            return np.abs(edit.field(channel, first, last))

        blocks = set().union(*(layer.strokes.blocks for layer in edit.edited.layers))
        keys = {block: "m" + edit.key(block) for block in blocks}
        return self._rendered(
            edit,
            keys,
            lambda block: masked_block(edit.tiles.grid, block, mask, self._read),
            checkpoint,
            before,
            0,
        )

    def _rendered(
        self,
        edit: SongEdit,
        keys: dict[int, str],
        render: Callable[[int], Delta],
        checkpoint: Checkpoint,
        before: SongDeltas | None,
        first: int,
    ) -> SongDeltas:
        grid = edit.tiles.grid
        known = before.keys if before is not None else {}
        fresh = [block for block, key in keys.items() if known.get(block) != key]
        missing = [block for block in fresh if not self._store.has(keys[block])]
        for number, block in enumerate(_outwards(missing, first // grid.block_samples)):
            checkpoint(number / len(missing), "Rendering what was painted")
            self._store.put(keys[block], render(block))
        return SongDeltas(self._store, grid.block_samples, keys)

    def _read(self, drums: str, start: int, count: int) -> Samples:
        reader = self._readers.get(drums)
        if reader is None:
            reader = self._readers[drums] = WavReader(self._file(drums))
        return reader.read(start, count)

    def _file(self, drums: str) -> Path:
        if not drums:
            return self._media.mixture_file(self.song)
        for separation in self.song.separations:
            if separation.drums.sha256 == drums:
                return self._media.drums_file(self.song, separation)
        raise ProjectError(
            f"Cannot render the edits of {self.song.name}",
            why="a separation that they keep is no longer there.",
            fix="Undo its removal, or delete the protect layer.",
        )

    def close(self) -> None:
        """Close the files; rendering opens them again."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()


def write_edited_drums(
    mixture: Path, drums: Path, deltas: SongDeltas, target: Path, checkpoint: Checkpoint
) -> None:
    """Write a song's drums as edited to a media file.

    Raises
    ------
    DrumStudioError
        If sound can not be read or the disk refuses; nothing is left then.
    Cancelled
        If the person asked to stop.
    """
    with (
        SongReader(mixture, drums) as reader,
        atomic.writing(target, what="Cannot write the edited drums") as temporary,
        WavWriter(temporary, reader.sample_rate, reader.channels) as writer,
    ):
        reader.deltas = deltas
        for start in range(0, reader.samples, _BLOCK_SAMPLES):
            checkpoint(start / reader.samples, "Writing the edited drums")
            writer.write(reader.read("drums", start, min(_BLOCK_SAMPLES, reader.samples - start)))


def _outwards(blocks: Iterable[int], middle: int) -> list[int]:
    """Return blocks in the order of their distance from one."""
    return sorted(blocks, key=lambda block: (abs(block - middle), block))
