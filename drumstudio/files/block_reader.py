"""The one way to read a song's samples: the mixture, its stems as edited, and what is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.core.closing import Closing
from drumstudio.core.errors import AudioOpenError
from drumstudio.core.stems import DRUMLESS, MIXTURE, check_stems, left_out
from drumstudio.files.wav_file import WavReader

PAINTED, UNPAINTED = "painted", "unpainted"
"""What is only listened to while painting."""


@dataclass(frozen=True, slots=True)
class SplitFiles:
    """The stored stems of a song as media files, and what the computed one is called.

    Parameters
    ----------
    stored : mapping of str to Path
        Stem to its file, in order; at least one.
    computed : str
        Name of the mixture minus the sum of them.
    drums : str
        The stored stem that serves as drums, or empty.
    """

    stored: Mapping[str, Path]
    computed: str
    drums: str = ""

    def __post_init__(self) -> None:
        check_stems(list(self.stored), self.computed, self.drums)

    @property
    def names(self) -> tuple[str, ...]:
        """All stems, the computed one last."""
        return (*self.stored, self.computed)

    @property
    def focus(self) -> str:
        """The stem that is looked at and painted unless another is chosen."""
        return self.drums or next(iter(self.stored))

    def to_plain(self) -> dict[str, Any]:
        """Return it as a job's argument."""
        stored = {name: str(path) for name, path in self.stored.items()}
        return {"stored": stored, "computed": self.computed, "drums": self.drums}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any] | None) -> SplitFiles | None:
        """Return what `to_plain` made plain; None for None."""
        if plain is None:
            return None
        stored = {name: Path(path) for name, path in plain["stored"].items()}
        return cls(stored, plain["computed"], plain["drums"])

    @classmethod
    def of_drums(cls, drums: Path) -> SplitFiles:
        """Return drums and what they leave, the rest."""
        return cls({"drums": drums}, "rest", "drums")


class Deltas(Protocol):
    """What edits add to samples."""

    def add_into(self, stem: str, start: int, out: Samples) -> None:
        """Add to the samples of a stem from `start` on, float32 (channels, samples)."""


class SongReader(Closing):
    """Read any stretch of a song's stems; only the mixture and the stored stems are files.

    Stored stems are the model's plus the deltas of the edits; the computed one is the mixture
    minus their sum, computed as it is read, here and nowhere else: so the stems sum to the
    mixture whatever is painted. Used by the player, the exporter and the command line alike,
    so that what is heard is what is written. One reader belongs to one thread at a time.

    Parameters
    ----------
    mixture : Path
        The song, in the media format of `files.wav_file`.
    stems : SplitFiles, optional
        Its stems: same rate, channels and length. Without them only the mixture can be read.

    Attributes
    ----------
    stems : SplitFiles or None
        The same.
    focus : str
        The stem that stands against all others where a tool looks for something: may be set.
    deltas : Deltas or None
        What the edits add to the stored stems; may be replaced between two calls.
    painted : Deltas or None
        The mixture's part that is painted, to be listened to alone ("painted") or left out
        ("unpainted").

    Raises
    ------
    AudioOpenError
        If a file can not be read, or a stem is not of this song; from reading, if a file
        has become shorter or its disk is gone.
    """

    def __init__(self, mixture: Path, stems: SplitFiles | None = None) -> None:
        self._mixture = WavReader(mixture)
        self._stored: dict[str, WavReader] = {}
        self.stems = stems
        self.focus = stems.focus if stems is not None else MIXTURE
        self.deltas: Deltas | None = None
        self.painted: Deltas | None = None
        self.sample_rate = self._mixture.sample_rate
        self.channels = self._mixture.channels
        self.speakers = self._mixture.speakers
        self.samples = self._mixture.samples
        self._scratch = np.empty((self.channels, 0), dtype=np.float32)
        try:
            for name, path in stems.stored.items() if stems is not None else ():
                self._stored[name] = WavReader(path)
                self._require_same_shape(Path(mixture), path, name)
        except AudioOpenError:
            self.close()
            raise

    def _require_same_shape(self, mixture: Path, path: Path, stem: str) -> None:
        reader = self._stored[stem]
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
            f"Cannot use {path.name} as the {stem} of {mixture.name}",
            why=f"it has another {' and another '.join(differing)}.",
            fix="Separate the song again.",
        )

    @property
    def has_stems(self) -> bool:
        """Whether more than the mixture can be read."""
        return self.stems is not None

    def read(self, stem: str, start: int, count: int) -> Samples:
        """Return a stretch of a stem as a new array.

        Parameters
        ----------
        stem : str
            "mixture"; a stem; `core.stems.all_but` of one; "drumless", all but what serves as
            drums; "painted" or "unpainted".
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
        if stem == MIXTURE:
            self._mixture.read_into(start, out)
            return
        if stem in (PAINTED, UNPAINTED):
            out[:] = 0.0
            if self.painted is not None:
                self.painted.add_into(PAINTED, start, out)
            if stem == UNPAINTED:
                self._complement(start, out)
            return
        if self.stems is None:
            raise ValueError(f"there is no {stem!r}: the song was opened without its stems")
        wanted = self.stems.drums if stem == DRUMLESS else left_out(stem) or stem
        if wanted in self._stored:
            self._read_stored(wanted, start, out)
        elif wanted == self.stems.computed:
            self._read_sum(start, out)
        else:
            raise ValueError(f"stem must be one of {self.stems.names}, got {stem!r}")
        # Now `out` is a stored stem or the sum of them all: turn it round if the rest is meant.
        asked_for_others = wanted != stem
        if asked_for_others == (wanted in self._stored):
            self._complement(start, out)

    def _read_stored(self, stem: str, start: int, out: Samples) -> None:
        self._stored[stem].read_into(start, out)
        if self.deltas is not None:
            self.deltas.add_into(stem, start, out)

    def _read_sum(self, start: int, out: Samples) -> None:
        """Fill `out` with the sum of the stored stems."""
        first, *others = self._stored
        self._read_stored(first, start, out)
        for stem in others:
            part = self._scratch_for(out.shape[1])
            self._read_stored(stem, start, part)
            out += part

    def _complement(self, start: int, out: Samples) -> None:
        """Turn what is in `out` into the mixture minus it."""
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
        for reader in self._stored.values():
            reader.close()
