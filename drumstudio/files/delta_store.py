"""Deltas of edited stems on disk, by the hash of all that decides about them.

They are beside the separations, in the user's cache: rendered from the strokes whenever one is
missing. A file is written in one go under its final name and holds a checksum, so that one
which was left half-written is never heard.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import struct
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from drumstudio import atomic, paths
from drumstudio.core.audio import Samples
from drumstudio.core.edit_render import Delta, DeltaRun
from drumstudio.core.errors import AudioOpenError
from drumstudio.files.oldest_first import remove_oldest
from drumstudio.files.plain_file import read_plain

CACHE_LIMIT_BYTES = 4 * 10**9
MEMORY_BYTES = 24 * 2**20
"""What the blocks that were used last may take in memory."""

SUFFIX = ".delta"
_KEY = re.compile(r"[0-9a-z]{1,60}")
_HEADER = struct.Struct("<4sHHI32s")  # magic, version, channels, runs, checksum of the rest
_RUN = struct.Struct("<qI")
_MAGIC, _VERSION = b"DSDE", 1
_MAX_FILE_BYTES = 2**30


def delta_folder() -> Path:
    """Return the folder of the cache."""
    return paths.user_cache_folder() / "edits"


class DeltaStore:
    """Deltas of blocks, by key. May be used from any thread.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    memory_bytes : int
        What may be kept in memory besides.

    Raises
    ------
    DrumStudioError
        If the folder can not be made.
    """

    def __init__(self, folder: Path, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._guard = threading.Lock()
        self._memory: OrderedDict[str, Delta] = OrderedDict()
        self._bytes = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise atomic.explain_os_error(error, "Cannot keep what was painted", folder) from error

    def has(self, key: str) -> bool:
        """Return whether a delta is there; its file counts as used."""
        with self._guard:
            if key in self._memory:
                return True
        try:
            os.utime(self._path(key))
        except OSError:
            return False
        return self.get(key) is not None

    def put(self, key: str, delta: Delta) -> None:
        """Keep a delta.

        Raises
        ------
        DrumStudioError
            If the disk does not take it.
        """
        channels = delta[0].samples.shape[0] if delta else 1
        body = b"".join(
            [_RUN.pack(run.start, run.samples.shape[1]) for run in delta]
            + [np.ascontiguousarray(run.samples, dtype="<f4").tobytes() for run in delta]
        )
        checksum = hashlib.sha256(body).digest()
        path = self._path(key)
        try:
            with path.open("wb") as file:
                file.write(_HEADER.pack(_MAGIC, _VERSION, channels, len(delta), checksum))
                file.write(body)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            raise atomic.explain_os_error(error, "Cannot keep what was painted", path) from error
        self._remember(key, delta)

    def get(self, key: str) -> Delta | None:
        """Return a delta, if it is there and whole."""
        with self._guard:
            delta = self._memory.get(key)
            if delta is not None:
                self._memory.move_to_end(key)
                return delta
        try:
            data = read_plain(self._path(key), _MAX_FILE_BYTES)
        except OSError:
            return None
        delta = _parsed(data)
        if delta is not None:
            self._remember(key, delta)
        return delta

    def remove_oldest(self, limit_bytes: int = CACHE_LIMIT_BYTES) -> None:
        """Remove the files that were not used for longest until a limit is kept."""
        remove_oldest(self._folder.glob(f"*{SUFFIX}"), limit_bytes)

    def _remember(self, key: str, delta: Delta) -> None:
        with self._guard:
            old = self._memory.pop(key, ())
            self._memory[key] = delta
            self._bytes += _size(delta) - _size(old)
            while self._bytes > self._memory_bytes and len(self._memory) > 1:
                self._bytes -= _size(self._memory.popitem(last=False)[1])

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"a key is made of digits and small letters, got {key[:80]!r}")
        return self._folder / (key + SUFFIX)


def stem_key(block_key: str, stem: str) -> str:
    """Return the key of one stem's delta of a block, from the key that all of them share."""
    return block_key + hashlib.sha256(stem.encode()).hexdigest()[:12]


class SongDeltas:
    """What the edits add to a song's stems, wherever they are read.

    Never changed: other edits are another object.

    Parameters
    ----------
    store : DeltaStore
        Where the deltas are.
    block_samples : int
        Length of a block.
    keys : mapping of int to str
        The key of every block that has deltas.
    stems : tuple of str
        The stems that have one in each of those blocks.
    """

    def __init__(
        self,
        store: DeltaStore,
        block_samples: int,
        keys: Mapping[int, str],
        stems: tuple[str, ...],
    ) -> None:
        self.keys = keys
        self.stems = stems
        self._store = store
        self._block_samples = block_samples

    def add_into(self, stem: str, start: int, out: Samples) -> None:
        """Add to a stretch of a stored stem, float32 (channels, samples), that begins at `start`.

        Samples that no edit reaches are not written to.

        Raises
        ------
        AudioOpenError
            If a block was removed from the cache meanwhile.
        """
        if stem not in self.stems:
            return
        stop = start + out.shape[1]
        for block in range(start // self._block_samples, -(-stop // self._block_samples)):
            key = self.keys.get(block)
            if key is None:
                continue
            delta = self._store.get(stem_key(key, stem))
            if delta is None:
                raise AudioOpenError(
                    "Cannot play what was painted",
                    why="a part of it was removed from the program's cache.",
                    fix="Close the project and open it again: it is rendered anew.",
                )
            for run in delta:
                first = max(run.start, start)
                last = min(run.start + run.samples.shape[1], stop)
                if first < last:
                    part = run.samples[:, first - run.start : last - run.start]
                    out[:, first - start : last - start] += part


def _size(delta: Delta) -> int:
    return sum(run.samples.nbytes for run in delta)


def _parsed(data: bytes) -> Delta | None:
    """Return the delta that a file's content is; None if it is damaged."""
    if len(data) < _HEADER.size:
        return None
    magic, version, channels, count, checksum = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if (magic, version) != (_MAGIC, _VERSION) or hashlib.sha256(body).digest() != checksum:
        return None
    place = count * _RUN.size
    if place > len(body):
        return None
    spans = list(_RUN.iter_unpack(body[:place]))
    if len(body) != place + 4 * channels * sum(length for _, length in spans):
        return None
    runs = []
    for start, length in spans:
        size = 4 * channels * length
        samples = np.frombuffer(body[place : place + size], dtype="<f4")
        runs.append(DeltaRun(start, samples.reshape(channels, length)))
        place += size
    return tuple(runs)
