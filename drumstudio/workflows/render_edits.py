"""Edits of a song's stems, rendered to deltas: only blocks that changed, each only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from drumstudio import atomic
from drumstudio.core.audio import Samples
from drumstudio.core.closing import Closing
from drumstudio.core.edit_render import Delta, deltas_of_block, masked_block
from drumstudio.core.errors import ProjectError
from drumstudio.core.song import Song
from drumstudio.core.song_edit import SongEdit
from drumstudio.files.block_reader import PAINTED, SongReader, SplitFiles
from drumstudio.files.delta_store import DeltaStore, SongDeltas, stem_key
from drumstudio.files.project_media import ProjectMedia
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.jobs.job import Checkpoint, portion

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
        """Return what an edit adds to the model's stems, with all of its blocks rendered.

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
            edit.changed_stems(),
            lambda block: deltas_of_block(edit, block, self._read),
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

        def render(block: int) -> dict[str, Delta]:
            return {PAINTED: masked_block(edit.tiles.grid, block, edit.painted, self._read)}

        keys = {block: "m" + edit.key(block) for block in edit.painted_blocks()}
        return self._rendered(
            edit,
            keys,
            (PAINTED,),
            render,
            checkpoint,
            before,
            0,
        )

    def _rendered(
        self,
        edit: SongEdit,
        keys: dict[int, str],
        stems: tuple[str, ...],
        render: Callable[[int], Mapping[str, Delta]],
        checkpoint: Checkpoint,
        before: SongDeltas | None,
        first: int,
    ) -> SongDeltas:
        grid = edit.tiles.grid
        known = before.keys if before is not None and before.stems == stems else {}
        fresh = [block for block, key in keys.items() if known.get(block) != key]
        missing = [
            block
            for block in fresh
            if not all(self._store.has(stem_key(keys[block], stem)) for stem in stems)
        ]
        for number, block in enumerate(_outwards(missing, first // grid.block_samples)):
            checkpoint(number / len(missing), "Rendering what was painted")
            for stem, delta in render(block).items():
                self._store.put(stem_key(keys[block], stem), delta)
        return SongDeltas(self._store, grid.block_samples, keys, stems)

    def _read(self, sha256: str, start: int, count: int) -> Samples:
        reader = self._readers.get(sha256)
        if reader is None:
            reader = self._readers[sha256] = WavReader(self._file(sha256))
        return reader.read(start, count)

    def _file(self, sha256: str) -> Path:
        if not sha256:
            return self._media.mixture_file(self.song)
        for separation in self.song.separations:
            for stem in separation.stems:
                if stem.media.sha256 == sha256:
                    return self._media.split_files(self.song, separation).stored[stem.name]
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


def write_edited_stems(
    mixture: Path, stems: SplitFiles, deltas: SongDeltas, folder: Path, checkpoint: Checkpoint
) -> SplitFiles:
    """Write those stored stems of a song that were edited to media files; return all of them.

    Parameters
    ----------
    mixture, stems : Path, SplitFiles
        The song, as the model split it.
    deltas : SongDeltas
        What was painted.
    folder : Path
        Where to: each stem that changed becomes a file of a number.
    checkpoint : Checkpoint
        Called for every block.

    Raises
    ------
    DrumStudioError
        If sound can not be read or the disk refuses; nothing is left then.
    Cancelled
        If the person asked to stop.
    """
    stored = dict(stems.stored)
    with SongReader(mixture, stems) as reader:
        reader.deltas = deltas
        for number, stem in enumerate(deltas.stems):
            part = portion(checkpoint, number / len(deltas.stems), (number + 1) / len(deltas.stems))
            stored[stem] = folder / f"{number}.wav"
            _write(reader, stem, stored[stem], part)
    return replace(stems, stored=stored)


def _write(reader: SongReader, stem: str, target: Path, checkpoint: Checkpoint) -> None:
    with (
        atomic.writing(target, what="Cannot write what was painted") as temporary,
        WavWriter(temporary, reader.sample_rate, reader.channels) as writer,
    ):
        for start in range(0, reader.samples, _BLOCK_SAMPLES):
            checkpoint(start / reader.samples, "Writing what was painted")
            writer.write(reader.read(stem, start, min(_BLOCK_SAMPLES, reader.samples - start)))


def _outwards(blocks: Iterable[int], middle: int) -> list[int]:
    """Return blocks in the order of their distance from one."""
    return sorted(blocks, key=lambda block: (abs(block - middle), block))
