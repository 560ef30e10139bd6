"""The job of separating one song: from its media file to a drums file of the same shape.

The mixture is brought to the model's rate, streamed through it chunk by chunk, joined, refined
where the separator does that, and brought back. All chunks that are finished lie in a work folder,
so that a run that was cut short, however hard, goes on where it was and ends with the same bits.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from drumstudio import atomic
from drumstudio.catalog.model_card import Value, read_card
from drumstudio.core.audio import Samples
from drumstudio.core.errors import AudioOpenError
from drumstudio.core.resample import StreamResampler, resampled_length
from drumstudio.core.speakers import names_of
from drumstudio.files.preview import PreviewWriter
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference import device as devices
from drumstudio.inference.base import SampleReader, Separator
from drumstudio.inference.chunk_store import ChunkStore
from drumstudio.inference.engines import Shelf
from drumstudio.inference.fed_song import FedSong, grouping_notes
from drumstudio.inference.ladder import Ladder, chunk_sizes, is_out_of_memory
from drumstudio.inference.streaming import (
    Chunk,
    Planner,
    joined,
    planner,
    playhead_first,
    refined,
    separate_chunks,
)
from drumstudio.inference.version import ENGINE_VERSION
from drumstudio.jobs.job import Checkpoint, portion

# A job is a plain function, so what outlives it belongs to the worker process: the last model.
_SHELF = Shelf()

_BLOCK_SAMPLES = 1 << 18
_HASH_BYTES = 16 << 20
# Samples of all channels together that are fed at once: 64 MB, whatever the song.
_MAX_FED_SAMPLES = 1 << 24

# Chunks worked at side by side: each takes memory, and more than four cores share them well enough.
_MOST_LANES = 4

_PREPARED, _SEPARATED = 0.03, 0.97
_RESAMPLED = 0.9  # of what is to be prepared


def separate(
    checkpoint: Checkpoint,
    *,
    mixture: str,
    drums: str,
    card_folder: str,
    settings: dict[str, Value],
    device: str,
    threads: int,
    work_folder: str,
    chunk_seconds: float | None = None,
    start_seconds: float = 0.0,
    preview: str | None = None,
) -> dict[str, object]:
    """Separate the drums of a song; the worker's job.

    Parameters
    ----------
    checkpoint : Checkpoint
        Called before each chunk; a cancelled run keeps its work folder and nothing else.
    mixture, drums : str
        Paths of media files: the song, and where its drums go (whole, or not at all), with
        the song's rate, channels and length.
    card_folder : str
        The model's folder.
    settings : dict
        The model's parameters; those left out take their defaults.
    device : str
        "auto", "cpu", "cuda" or "mps".
    threads : int
        How many threads the processor's part may use, at least 1. Up to four chunks are worked at
        side by side, each on an equal share of them.
    work_folder : str
        Where finished chunks are kept; this job's own while it runs. Taken up again if it is
        of the same song, model, settings, chunk length and engine; removed in the end.
    chunk_seconds : float, optional
        Length of the chunks to begin with; the separator's own without it.
    start_seconds : float
        The playhead: what follows it is separated first.
    preview : str, optional
        Path of a media file (`files.preview`) in which finished chunks can be heard at once,
        without the fades between them.

    Returns
    -------
    dict
        `device`: where it ran in the end; `chunk_seconds`: the chunk length then in force;
        `seconds`: how long this run took; `real_time_factor`: that per second of song (0 for
        an empty one); `model_hash`: SHA-256 of the card; `engine_version`; `settings`: complete;
        `notes`: what a person should know, in sentences; `resumed_chunks`: how many chunks
        were there already; `tries`: how many ways to run memory made necessary, 1 to 5.

    Raises
    ------
    DrumStudioError
        If song, model, device, memory or disk do not allow it; no drums file is left then.
    Cancelled
        From the checkpoint.
    """
    started = time.perf_counter()
    card = read_card(Path(card_folder))
    complete = card.check_settings(settings)
    chosen = devices.choose(device)
    separator = _SHELF.take(card, complete)
    if separator.processor_only:
        chosen = "cpu"
    with ExitStack() as stack:
        song = stack.enter_context(WavReader(Path(mixture)))
        rate = separator.sample_rate or song.sample_rate
        samples = resampled_length(song.samples, song.sample_rate, rate)
        sizes = _chunk_sizes(separator, song.channels, samples, rate, chunk_seconds)
        store = ChunkStore(
            Path(work_folder),
            {
                "mixture": _sha256(portion(checkpoint, 0.0, 0.5 * _PREPARED), Path(mixture)),
                "model": card.hash,
                "settings": complete,
                "engine": ENGINE_VERSION,
                "sample_rate": rate,
                "samples": samples,
                "channels": song.channels,
                "chunk_samples": sizes[0],
            },
            song.channels,
        )
        _require_room(song, samples, rate, store, Path(work_folder), Path(drums))
        reader: SampleReader = song
        if rate != song.sample_rate:
            preparing = portion(checkpoint, 0.5 * _PREPARED, _RESAMPLED * _PREPARED)
            _resample(preparing, song, rate, samples, store.mixture_path)
            reader = stack.enter_context(WavReader(store.mixture_path))
        fed = FedSong(
            *(reader, song.speakers, separator.channels),
            portion(checkpoint, _RESAMPLED * _PREPARED, _PREPARED),
        )
        ladder = Ladder(chosen, len(sizes))
        cutter = planner(separator, samples)
        chunks = cutter.plan(sizes, 0, store.finished)
        resumed = sum((chunk.start, chunk.stop) in store.finished for chunk in chunks)
        shown = None
        if preview is not None and _has_room_for_a_preview(song, Path(preview).parent):
            shape = (song.sample_rate, song.channels, song.samples)
            writer = stack.enter_context(PreviewWriter(Path(preview), *shape))
            shown = _preview(writer, song, rate, fed)
            for start, stop in sorted(store.finished):
                shown(start, store.read(start, stop))
        chunks = _separate_on_a_rung(
            portion(checkpoint, _PREPARED, _SEPARATED),
            *(separator, fed, cutter, sizes, ladder, store),
            playhead=int(start_seconds * rate),
            model_name=card.name,
            shown=shown,
            threads=threads,
        )
        blocks = joined(chunks, store.read)
        if separator.refined_samples:
            whole = (fed.filled(block) for block in blocks)
            blocks = refined(separator.refine, separator.refined_samples, fed, whole)
        blocks = (fed.restored(block) for block in blocks)
        joining = portion(checkpoint, _SEPARATED, 1.0)
        _write_drums(joining, blocks, rate, song, Path(drums))
        store.remove()
    seconds = time.perf_counter() - started
    length = song.samples / song.sample_rate
    chunk_length = sizes[ladder.rung.size] / rate
    return {
        "device": ladder.rung.device,
        "chunk_seconds": chunk_length,
        "seconds": seconds,
        "real_time_factor": seconds / length if length else 0.0,
        "model_hash": card.hash,
        "engine_version": ENGINE_VERSION,
        "settings": complete,
        "notes": [*_mapping_notes(separator, song, rate), *fed.notes, *ladder.notice(chunk_length)],
        "resumed_chunks": resumed,
        "tries": ladder.tries,
    }


def _separate_on_a_rung(
    checkpoint: Checkpoint,
    separator: Separator,
    reader: FedSong,
    cutter: Planner,
    sizes: Sequence[int],
    ladder: Ladder,
    store: ChunkStore,
    *,
    playhead: int,
    model_name: str,
    shown: Callable[[int, Samples], None] | None,
    threads: int,
) -> list[Chunk]:
    """Separate every unfinished chunk, with less memory each time it runs out; return the plan."""
    while True:
        side_by_side = ladder.rung.device == "cpu" and ladder.tries == 1
        lanes = min(threads, _MOST_LANES) if side_by_side else 1
        devices.set_up(threads // lanes)
        chunks = cutter.plan(
            sizes, ladder.rung.size, store.finished, None if shown is None else playhead
        )
        loaded = False
        try:
            separator.to(ladder.rung.device)
            if chunks:
                separator.prepare(reader)
            loaded = True
            order = playhead_first(chunks, playhead)
            separate_chunks(
                *(checkpoint, separator, reader, order, store, model_name, shown, lanes),
                reader.groups,
            )
            return chunks
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        # Only here has the error gone, and with it the frames that hold the tensors. A model
        # that got half-way onto the card would stay there if it were not taken back.
        separator.to("cpu")
        devices.release_memory()
        ladder.step_down(shorter_chunks_help=loaded)


def _preview(
    writer: PreviewWriter, song: SampleReader, rate: int, fed: FedSong
) -> Callable[[int, Samples], None]:
    """Return what shows a chunk, given at the model's rate, at the song's."""

    def show(start: int, samples: Samples) -> None:
        samples = fed.restored(samples)
        if rate != song.sample_rate:
            count = resampled_length(samples.shape[1], rate, song.sample_rate)
            stream = StreamResampler(rate, song.sample_rate, samples.shape[0], count)
            samples = np.concatenate([stream.push(samples), stream.finish()], axis=1)
        writer.add(round(start * song.sample_rate / rate), samples)

    return show


def _chunk_sizes(
    separator: Separator,
    channels: int,
    samples: int,
    sample_rate: int,
    chunk_seconds: float | None,
) -> list[int]:
    """Return the chunk lengths to go through as memory demands, in samples."""
    asked, minimum = separator.chunk_samples, separator.min_chunk_samples
    if chunk_seconds is not None:
        if not 0 < chunk_seconds < float("inf"):
            raise ValueError(f"chunk_seconds must be positive, got {chunk_seconds}")
        asked = int(chunk_seconds * sample_rate)
    asked = max(min(asked, _MAX_FED_SAMPLES // channels), minimum)
    if chunk_seconds is None:
        asked = planner(separator, samples).in_pairs(asked)
    return chunk_sizes(asked, minimum, separator.hop_length)


def _sha256(checkpoint: Checkpoint, path: Path) -> str:
    """Return the SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            while block := file.read(_HASH_BYTES):
                digest.update(block)
                checkpoint(min(file.tell() / max(size, 1), 1.0), "Checking the song")
    except OSError as error:
        raise atomic.explain_os_error(
            error, f"Cannot read {path.name}", path, kind=AudioOpenError
        ) from error
    return digest.hexdigest()


def _require_room(
    song: SampleReader, samples: int, rate: int, store: ChunkStore, work: Path, drums: Path
) -> None:
    """Check that chunks, mixture at the model's rate and drums fit where they are to go.

    Raises
    ------
    DiskFullError
        If they do not.
    """
    what = f"Cannot separate {song.samples / song.sample_rate:.0f} s of sound"
    chunk_bytes = samples * song.channels * 4
    mixture_bytes = chunk_bytes if rate != song.sample_rate else 0
    work_bytes = max(chunk_bytes - store.stored_bytes, 0) + mixture_bytes
    drums_bytes = song.samples * song.channels * 4
    same_disk = work.stat().st_dev == drums.parent.stat().st_dev
    atomic.require_free(work, work_bytes + same_disk * drums_bytes, what)
    atomic.require_free(drums.parent, drums_bytes, what)


def _has_room_for_a_preview(song: SampleReader, folder: Path) -> bool:
    """Return whether a preview leaves room enough for what is not only for the moment."""
    try:
        return atomic.free_bytes(folder) > 5 * song.samples * song.channels * 4
    except OSError:
        return False


def _resample(
    checkpoint: Checkpoint, song: SampleReader, rate: int, samples: int, path: Path
) -> None:
    """Write the song at the model's rate, unless an earlier run did."""
    if path.exists():
        return
    stream = StreamResampler(song.sample_rate, rate, song.channels, samples)
    with atomic.writing(path) as temporary, WavWriter(temporary, rate, song.channels) as writer:
        for start in range(0, song.samples, _BLOCK_SAMPLES):
            checkpoint(start / song.samples, "Resampling the song for the model")
            count = min(_BLOCK_SAMPLES, song.samples - start)
            writer.write(stream.push(song.read(start, count)))
        writer.write(stream.finish())


def _write_drums(
    checkpoint: Checkpoint, blocks: Iterator[Samples], rate: int, song: SampleReader, path: Path
) -> None:
    """Write the drums at the song's rate and length, all or nothing."""
    if rate != song.sample_rate:
        blocks = _resampled(blocks, rate, song)
    with (
        atomic.writing(path) as temporary,
        WavWriter(temporary, song.sample_rate, song.channels) as writer,
    ):
        for block in blocks:
            checkpoint(min(writer.samples / song.samples, 1.0), "Joining the drums")
            writer.write(block)
        if writer.samples != song.samples:
            raise ValueError(f"joined {writer.samples} samples, the song has {song.samples}")


def _resampled(blocks: Iterator[Samples], rate: int, song: SampleReader) -> Iterator[Samples]:
    stream = StreamResampler(rate, song.sample_rate, song.channels, song.samples)
    for block in blocks:
        yield stream.push(block)
    yield stream.finish()


def _mapping_notes(separator: Separator, song: WavReader, rate: int) -> list[str]:
    """Return what was done to make the song fit the model, in sentences."""
    notes = []
    if rate != song.sample_rate:
        notes.append(f"Resampled from {song.sample_rate} to {rate} Hz for the model, and back.")
    names = names_of(song.speakers)
    return notes + grouping_notes(song.channels, separator.channels, song.speakers, names)
