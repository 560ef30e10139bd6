"""The finished chunks of a separation, one checked file each, so that a cut-short run goes on.

A chunk's file is written in one go under its final name. It holds a checksum of its samples, so
a file that a kill, a full disk or a power cut left half-written is found out and never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from drumstudio import atomic
from drumstudio.core.audio import Samples
from drumstudio.core.errors import AudioOpenError

_MANIFEST = "manifest.json"
_MIXTURE = "mixture.wav"
_NAME = re.compile(r"(\d{1,15})-(\d{1,15})\.chunk")
_HEADER = struct.Struct("<8sQQI32s")  # magic, start, stop, channels, checksum
_MAGIC = b"DSchunk1"
_MAX_MANIFEST_BYTES = 64 * 1024


class ChunkStore:
    """The work folder of one separation.

    Parameters
    ----------
    folder : Path
        Made if it is not there. One program at a time may use it: its caller sees to that.
    identity : mapping of str to plain values
        What the chunks depend on: hashes of song and model, settings, rate, ... Chunks of
        another identity are removed.
    channels : int
        Number of channels of every chunk.

    Attributes
    ----------
    finished : set of (int, int)
        Start and stop of every chunk that is there and whole, in samples.

    Raises
    ------
    DrumStudioError
        If the folder can not be written.
    """

    def __init__(self, folder: Path, identity: Mapping[str, object], channels: int) -> None:
        self._folder = folder
        self._channels = channels
        self.finished: set[tuple[int, int]] = set()
        text = json.dumps({"format": 1, **identity}, sort_keys=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            atomic.remove_leftovers(folder)
            if self._manifest() == text:
                self._find_finished()
            else:
                self._remove_files()
                atomic.write_text(folder / _MANIFEST, text)
        except OSError as error:
            raise atomic.explain_os_error(error, "Cannot use the work folder", folder) from error

    @property
    def mixture_path(self) -> Path:
        """Where the mixture at the model's rate is kept, if it has to be made."""
        return self._folder / _MIXTURE

    @property
    def stored_bytes(self) -> int:
        """How much room the finished chunks take."""
        return sum((stop - start) * self._channels * 4 for start, stop in self.finished)

    def write(self, start: int, samples: Samples) -> None:
        """Keep a chunk, float32 (channels, samples), that begins at sample `start`.

        Raises
        ------
        DrumStudioError
            If the disk does not take it.
        """
        stop = start + samples.shape[1]
        data = np.ascontiguousarray(samples, dtype="<f4")
        path = self._path(start, stop)
        try:
            with path.open("wb") as file:
                file.write(
                    _HEADER.pack(_MAGIC, start, stop, samples.shape[0], _checksum(data.data))
                )
                file.write(data.data)
        except OSError as error:
            raise atomic.explain_os_error(error, "Cannot keep a separated chunk", path) from error
        self.finished.add((start, stop))

    def read(self, start: int, stop: int) -> Samples:
        """Return a finished chunk, float32 (channels, stop - start).

        Its checksum was compared when this run found it, or this run wrote it.

        Raises
        ------
        AudioOpenError
            If it was cut or removed since.
        """
        stored = self._read(start, stop)
        if stored is None:
            raise AudioOpenError(
                "Cannot join the separated chunks",
                why=f"{self._path(start, stop).name} was damaged or removed meanwhile.",
                fix="Separate the song again; what is whole will be used.",
            )
        return np.frombuffer(stored[1], dtype="<f4").reshape(self._channels, -1)

    def remove(self) -> None:
        """Remove all that was kept, and the folder if it holds nothing else.

        What can not be removed stays: the result is there, and that is what counts.
        """
        with contextlib.suppress(OSError):
            self._remove_files()
            self._folder.rmdir()

    def _manifest(self) -> str:
        path = self._folder / _MANIFEST
        try:
            with path.open("rb") as file:
                return file.read(_MAX_MANIFEST_BYTES).decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def _find_finished(self) -> None:
        for path in list(self._folder.iterdir()):
            name = _NAME.fullmatch(path.name)
            if name is None:
                continue
            start, stop = int(name[1]), int(name[2])
            stored = self._read(start, stop)
            if stored is not None and stored[0] == _checksum(stored[1]):
                self.finished.add((start, stop))
            else:
                path.unlink()

    def _read(self, start: int, stop: int) -> tuple[bytes, bytes] | None:
        """Return a chunk's checksum and its samples, if the file is one and has its length."""
        expected = (stop - start) * self._channels * 4
        try:
            with self._path(start, stop).open("rb") as file:
                # Its length comes first: a name can promise more than there is memory.
                if os.fstat(file.fileno()).st_size != _HEADER.size + expected:
                    return None
                fields = _HEADER.unpack(file.read(_HEADER.size))
                data = file.read(expected)
        except OSError:
            return None
        whole = fields[:4] == (_MAGIC, start, stop, self._channels) and len(data) == expected
        return (fields[4], data) if whole else None

    def _path(self, start: int, stop: int) -> Path:
        return self._folder / f"{start:012d}-{stop:012d}.chunk"

    def _remove_files(self) -> None:
        """Remove our own files; whatever else lies in the folder is not ours to touch."""
        for path in list(self._folder.iterdir()):
            if path.name in (_MANIFEST, _MIXTURE) or _NAME.fullmatch(path.name):
                path.unlink()


def _checksum(data: bytes | memoryview) -> bytes:
    return hashlib.sha256(data).digest()
