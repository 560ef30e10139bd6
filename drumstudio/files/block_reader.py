"""The one way to read a song's samples: the mixture, its drums as edited, the rest between."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.core.closing import Closing
from drumstudio.core.errors import AudioOpenError
from drumstudio.files.wav_file import WavReader

STEMS = ("mixture", "drums", "rest")
READABLE = (*STEMS, "painted", "unpainted")
"""The stems, and what is only listened to while painting."""


class Deltas(Protocol):
    """What edits add to samples."""

    def add_into(self, start: int, out: Samples) -> None:
        """Add to the samples from `start` on, float32 (channels, samples)."""


class SongReader(Closing):
    """Read any stretch of a song's stems; only mixture, drums and what was edited are stored.

    Drums are the model's plus the deltas of the edits; the rest is mixture - drums, computed
    as it is read. Used by the player, the exporter and the command line alike, so that what
    is heard is what is written. One reader belongs to one thread at a time.

    Parameters
    ----------
    mixture : Path
        The song, in the media format of `files.wav_file`.
    drums : Path, optional
        Its drums: same rate, channels and length. Without it only the mixture can be read.

    Attributes
    ----------
    deltas : Deltas or None
        What the edits add to the drums; may be replaced between two calls.
    painted : Deltas or None
        The mixture's part that is painted, to be listened to alone ("painted") or left out
        ("unpainted").

    Raises
    ------
    AudioOpenError
        If a file can not be read, or the drums are not of this song; from reading, if a file
        has become shorter or its disk is gone.
    """

    def __init__(self, mixture: Path, drums: Path | None = None) -> None:
        self._mixture = WavReader(mixture)
        self._drums: WavReader | None = None
        self.deltas: Deltas | None = None
        self.painted: Deltas | None = None
        self.sample_rate = self._mixture.sample_rate
        self.channels = self._mixture.channels
        self.speakers = self._mixture.speakers
        self.samples = self._mixture.samples
        self._scratch = np.empty((self.channels, 0), dtype=np.float32)
        if drums is None:
            return
        try:
            self._drums = WavReader(drums)
            self._require_same_shape(Path(mixture), Path(drums), self._drums)
        except AudioOpenError:
            self.close()
            raise

    def _require_same_shape(self, mixture: Path, drums: Path, reader: WavReader) -> None:
        shape = (self.sample_rate, self.channels, self.samples)
        other = (reader.sample_rate, reader.channels, reader.samples)
        if shape == other:
            return
        names = ("rate", "number of channels", "length in samples")
        differing = [
            f"{name} ({theirs}, the song's is {ours})"
            for name, ours, theirs in zip(names, shape, other, strict=True)
            if ours != theirs
        ]
        raise AudioOpenError(
            f"Cannot use {drums.name} as the drums of {mixture.name}",
            why=f"it has another {' and another '.join(differing)}.",
            fix="Separate the song again.",
        )

    @property
    def has_drums(self) -> bool:
        """Whether drums and rest can be read."""
        return self._drums is not None

    def read(self, stem: str, start: int, count: int) -> Samples:
        """Return a stretch of a stem as a new array.

        Parameters
        ----------
        stem : {"mixture", "drums", "rest", "painted", "unpainted"}
            Which stem.
        start : int
            First sample; may be negative or beyond the end.
        count : int
            Number of samples; not negative.

        Returns
        -------
        ndarray, float32, shape (channels, count)
            Zero where the song has no samples.
        """
        out = np.empty((self.channels, count), dtype=np.float32)
        self.read_into(stem, start, out)
        return out

    def read_into(self, stem: str, start: int, out: Samples) -> None:
        """Fill `out`, float32 of shape (channels, count), with a stem from `start` on.

        As `read`; allocates nothing once the largest stretch has been seen.

        Raises
        ------
        ValueError
            If there is no such stem, or `out` has another dtype or number of channels.
        """
        if stem not in READABLE:
            raise ValueError(f"stem must be one of {READABLE}, got {stem!r}")
        if stem == "mixture":
            self._mixture.read_into(start, out)
            return
        if stem in ("painted", "unpainted"):
            out[:] = 0.0
            if self.painted is not None:
                self.painted.add_into(start, out)
        elif self._drums is None:
            raise ValueError(f"there is no {stem}: the song was opened without its drums")
        else:
            self._drums.read_into(start, out)
            if self.deltas is not None:
                self.deltas.add_into(start, out)
        if stem in ("rest", "unpainted"):
            mixture = self._scratch_for(out.shape[1])
            self._mixture.read_into(start, mixture)
            np.subtract(mixture, out, out=out)

    def _scratch_for(self, count: int) -> Samples:
        if self._scratch.shape[1] < count:
            self._scratch = np.empty((self.channels, count), dtype=np.float32)
        return self._scratch[:, :count]

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._mixture.close()
        if self._drums is not None:
            self._drums.close()
