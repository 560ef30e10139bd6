"""A song through a separator in chunks, in any order, in memory that its length does not change.

Every chunk is fed with context on both sides, which is thrown away, and kept in a file of its
own until all are joined. At the song's ends nothing is added and nothing thrown away: there the
separator sees what it would see of the whole song.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
import torch

from drumstudio.core.audio import Samples
from drumstudio.core.errors import ModelCorruptError
from drumstudio.inference.base import SampleReader, Separator, as_tensor
from drumstudio.inference.chunk_store import ChunkStore
from drumstudio.inference.fed_song import channel_groups
from drumstudio.inference.memory import give_back_freed_memory
from drumstudio.jobs.job import Checkpoint
from drumstudio.workers.priority import lower_this_thread


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of the song that is fed at once, and the part of it that is kept.

    Parameters
    ----------
    read_start, read_stop : int
        What is fed, in samples; the start is a multiple of the separator's hop.
    start, stop : int
        What is kept, in samples.
    """

    read_start: int
    read_stop: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Planner:
    """Cuts a song into chunks for a separator.

    Parameters
    ----------
    total : int
        Length of the song, in samples.
    hop, context, fade, minimum : int
        What the separator asks for, in samples: see `planner`.
    """

    total: int
    hop: int
    context: int
    fade: int
    minimum: int

    def cover(self, start: int, stop: int, chunk_samples: int) -> list[Chunk]:
        """Return chunks of at most `chunk_samples` that keep [start, stop) between them.

        Neighbours overlap by the fade. All keep about the same length, so that no net is fed
        a stump.

        Parameters
        ----------
        start, stop : int
            Multiples of the hop, or the song's end.
        chunk_samples : int
            At least the separator's minimum.
        """
        if self._fed(start, stop) <= chunk_samples:
            return [self._chunk(start, stop)]
        longest_step = _down(chunk_samples - 2 * self.context - self.fade, self.hop)
        length = stop - start - self.fade
        count = -(-length // longest_step)
        firsts = [start + _down(length * piece // count, self.hop) for piece in range(count)]
        stops = [first + self.fade for first in firsts[1:]] + [stop]
        return [self._chunk(first, stop) for first, stop in zip(firsts, stops, strict=True)]

    def in_pairs(self, chunk_samples: int) -> int:
        """Return the longest chunks, at most so long, that cut the song into an even number.

        Two threads then end together. A song of less than two of the shortest chunks is not cut
        for that: its context would cost more than the second thread gains.
        """
        if self.total < 2 * self.minimum:
            return chunk_samples
        count = len(self.cover(0, self.total, chunk_samples))
        if count % 2 == 0:
            return chunk_samples
        kept = _up(-(-(self.total - self.fade) // (count + 1)), self.hop)
        return max(self.minimum, kept + 2 * self.context + self.fade)

    def plan(
        self,
        sizes: Sequence[int],
        in_force: int,
        finished: Collection[tuple[int, int]],
        listened_at: int | None = None,
    ) -> list[Chunk]:
        """Return chunks that cover the song in order, those that are finished among them.

        It begins with the first size and cuts every unfinished chunk into smaller ones, down
        to the size in force: so what is finished fits, whatever happened since. A chunk that
        an earlier run had to cut and got some pieces of stays cut.

        Parameters
        ----------
        sizes : sequence of int
            Chunk lengths, the longest first.
        in_force : int
            Index of the size that fits into memory.
        finished : collection of (int, int)
            Start and stop of finished chunks.
        listened_at : int, optional
            A sample that somebody waits for: it gets the shortest chunk, and those around it are
            longer and longer.
        """

        def cut(chunk: Chunk, index: int) -> Iterator[Chunk]:
            if (chunk.start, chunk.stop) in finished or index + 1 == len(sizes):
                yield chunk
            elif (
                index < in_force
                or (listened_at is not None and chunk.start <= listened_at < chunk.stop)
                or any(chunk.start <= start and stop <= chunk.stop for start, stop in finished)
            ):
                for piece in self.cover(chunk.start, chunk.stop, sizes[index + 1]):
                    yield from cut(piece, index + 1)
            else:
                yield chunk

        if self.total == 0:
            return []
        first_cut = self.cover(0, self.total, sizes[0])
        return [piece for chunk in first_cut for piece in cut(chunk, 0)]

    def _fed(self, start: int, stop: int) -> int:
        return min(self.total, stop + self.context) - max(0, start - self.context)

    def _chunk(self, start: int, stop: int) -> Chunk:
        read_start = max(0, start - self.context)
        read_stop = min(self.total, stop + self.context)
        # Where a chunk comes out short, more of the song is better than silence beside it.
        missing = self.minimum - (read_stop - read_start)
        if missing > 0:
            read_stop = min(self.total, read_stop + _up(missing, self.hop))
            missing = self.minimum - (read_stop - read_start)
            read_start = max(0, read_start - _up(max(missing, 0), self.hop))
        return Chunk(read_start, read_stop, start, stop)


def planner(separator: Separator, total: int) -> Planner:
    """Return the planner for a separator and a song of `total` samples.

    Raises
    ------
    ValueError
        If what the separator asks for contradicts itself.
    """
    hop = separator.hop_length
    context = _up(separator.context_samples, hop)
    fade = _up(int(separator.overlap * separator.min_chunk_samples), hop)
    # Halves of such a chunk still keep two fades, so that never more than two chunks overlap.
    shortest = 2 * context + 3 * fade + 2 * hop
    if separator.min_chunk_samples < shortest:
        raise ValueError(
            f"min_chunk_samples must be at least {shortest} for a context of {context} and a "
            f"fade of {fade} samples, got {separator.min_chunk_samples}"
        )
    return Planner(total, hop, context, fade, separator.min_chunk_samples)


def playhead_first(chunks: Sequence[Chunk], playhead: int) -> list[Chunk]:
    """Return the chunks from the one under sample `playhead` on, then those before it."""
    ahead = [chunk for chunk in chunks if chunk.stop > playhead]
    return ahead + [chunk for chunk in chunks if chunk.stop <= playhead]


def separate_chunks(
    checkpoint: Checkpoint,
    separator: Separator,
    song: SampleReader,
    chunks: Iterable[Chunk],
    store: ChunkStore,
    model_name: str,
    shown: Callable[[int, Samples], None] | None = None,
    lanes: int = 1,
    groups: Sequence[list[int]] | None = None,
) -> None:
    """Separate the chunks that are not finished yet, in the order given, and store each.

    Parameters
    ----------
    checkpoint : Checkpoint
        Told how much of the song is done, before each chunk.
    separator : Separator
        Prepared.
    song : SampleReader
        The mixture at the separator's rate.
    chunks : iterable of Chunk
        All of the plan, or some of it.
    store : ChunkStore
        Takes the drums of each chunk as soon as it is done.
    model_name : str
        For errors.
    shown : callable, optional
        Takes the start of each chunk and its drums as soon as they are stored. The first one is
        waited for then, and goes at normal priority.
    lanes : int
        How many chunks are worked at side by side, at least 1: threads that wait for nobody
        make the most of what a busy machine leaves them.
    groups : sequence of list of int, optional
        As for `separate_channels`.

    Raises
    ------
    ModelCorruptError
        If the model gives anything but finite samples of the right shape.
    """
    waiting = deque(chunk for chunk in chunks if (chunk.start, chunk.stop) not in store.finished)
    done = sum(stop - start for start, stop in store.finished)
    running: dict[Future[Samples], Chunk] = {}
    with (
        ThreadPoolExecutor(1) as awaited,
        ThreadPoolExecutor(lanes, initializer=lower_this_thread) as behind,
    ):
        lane = behind if shown is None else awaited
        while waiting or running:
            while waiting and len(running) < lanes:
                chunk = waiting.popleft()
                checkpoint(min(done / song.samples, 1.0), f"Separating {_place(chunk, song)}")
                mixture = song.read(chunk.read_start, chunk.read_stop - chunk.read_start)
                running[lane.submit(_drums_of, separator, chunk, mixture, groups)] = chunk
                lane = behind
                del mixture
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                chunk, kept = running.pop(future), future.result()
                if not np.isfinite(kept).all():
                    raise ModelCorruptError(
                        f"{model_name} failed at {_place(chunk, song)}",
                        why="it gave numbers that are no sound (infinite, or not a number).",
                        fix="Choose another model for this song.",
                    )
                store.write(chunk.start, kept)
                if shown is not None:
                    shown(chunk.start, kept)
                done += chunk.stop - chunk.start
                del kept  # not beside those of the next chunk
                give_back_freed_memory()


def _drums_of(
    separator: Separator, chunk: Chunk, mixture: Samples, groups: Sequence[list[int]] | None
) -> Samples:
    """Return what is kept of the drums of what a chunk is fed."""
    drums = separate_channels(separator, mixture, groups)
    return drums[:, chunk.start - chunk.read_start : chunk.stop - chunk.read_start]


def _place(chunk: Chunk, song: SampleReader) -> str:
    return f"{_clock(chunk.start, song.sample_rate)} of {_clock(song.samples, song.sample_rate)}"


def separate_channels(
    separator: Separator, mixture: Samples, groups: Sequence[list[int]] | None = None
) -> Samples:
    """Return the drums of a stretch, whatever its number of channels and however short.

    Where a channel stands in a group more than once, what comes back for it is averaged.

    Parameters
    ----------
    separator : Separator
        Prepared.
    mixture : ndarray, float32, shape (channels, samples)
    groups : sequence of list of int, optional
        Which channels go together, as of `FedSong`; what is in none stays silent.

    Returns
    -------
    ndarray, float32, shape (channels, samples)

    Raises
    ------
    ModelCorruptError
        If another shape or kind of number comes back.
    """
    channels, count = mixture.shape
    missing = max(separator.min_chunk_samples - count, 0)
    padded = np.pad(mixture, ((0, 0), (0, missing))) if missing else mixture
    drums = np.zeros_like(mixture)
    if groups is None:
        groups = channel_groups(channels, separator.channels)
    for group in groups:
        fed = padded if group == list(range(channels)) else padded[group]
        with torch.inference_mode():
            given = separator.separate(as_tensor(fed))
        if tuple(given.shape) != (1, *fed.shape) or not given.is_floating_point():
            raise ModelCorruptError(
                "The model does not give what it was asked for",
                why=f"for {fed.shape} samples it returned {given.dtype} {tuple(given.shape)}.",
                fix="Choose another model.",
            )
        back = given[0, :, :count].float().cpu().numpy()
        for channel in set(group):
            rows = [row for row, source in enumerate(group) if source == channel]
            drums[channel] = back[rows[0]] if len(rows) == 1 else back[rows].mean(axis=0)
    return drums


def joined(chunks: Sequence[Chunk], read: Callable[[int, int], Samples]) -> Iterator[Samples]:
    """Yield the whole song in order, neighbours cross-faded where they overlap.

    Parameters
    ----------
    chunks : sequence of Chunk
        A plan that covers the song, in order.
    read : callable
        Returns the kept samples of [start, stop), float32 (channels, samples).

    Yields
    ------
    ndarray, float32, shape (channels, some samples)
        The song's own ends do not fade. Where both neighbours agree, their bits are kept.
    """
    tail = np.zeros((0, 0), dtype=np.float32)  # what the chunk before shares with this one
    for chunk, after in zip(chunks, [*chunks[1:], None], strict=False):
        samples = read(chunk.start, chunk.stop)
        shared = tail.shape[1]
        if shared:
            rise = (np.arange(shared, dtype=np.float32) + np.float32(0.5)) / np.float32(shared)
            yield tail + rise * (samples[:, :shared] - tail)
        own_stop = samples.shape[1] if after is None else after.start - chunk.start
        yield samples[:, shared:own_stop]
        tail = samples[:, own_stop:]


def refined(
    refine: Callable[[Samples, Samples], Samples],
    longest: int,
    song: SampleReader,
    blocks: Iterator[Samples],
) -> Iterator[Samples]:
    """Yield the song's drums as they are refined, stretch by stretch.

    Parameters
    ----------
    refine : callable
        From mixture and drums of a stretch to better drums.
    longest : int
        Samples of a stretch.
    song : SampleReader
        The mixture at the drums' rate.
    blocks : iterator of ndarray, float32, shape (channels, some samples)
        The drums of the whole song, in order.

    Yields
    ------
    ndarray, float32, shape (channels, some samples)
        Cross-faded over half a stretch; the song's own ends do not fade.
    """
    start = 0
    held = np.zeros((song.channels, 0), dtype=np.float32)
    tail = held
    while start < song.samples:
        count = min(longest, song.samples - start)
        while held.shape[1] < count:
            held = np.concatenate([held, next(blocks)], axis=1)
        better = refine(song.read(start, count), held[:, :count])
        shared = tail.shape[1]
        rise = (np.arange(shared, dtype=np.float32) + np.float32(0.5)) / np.float32(max(shared, 1))
        faded = tail + rise * (better[:, :shared] - tail)
        step = count if start + count == song.samples else longest // 2
        yield np.concatenate([faded, better[:, shared:]], axis=1)[:, :step]
        tail, held = better[:, step:], held[:, step:]
        start += step


def _clock(samples: int, sample_rate: int) -> str:
    seconds = samples // sample_rate
    hours, minutes = seconds // 3600, seconds // 60 % 60
    start = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{start}:{seconds % 60:02d}"


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def _down(value: int, step: int) -> int:
    return value // step * step
