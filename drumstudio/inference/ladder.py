"""What to try next when memory runs out: shorter chunks, then the processor."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from drumstudio.core.errors import DeviceError
from drumstudio.inference.device import NAMES

MAX_TRIES = 5

# How torch says it where it raises a bare RuntimeError: the processor's allocator on Linux
# and Windows, and Apple's.
_OUT_OF_MEMORY_WORDS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on whichever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in _OUT_OF_MEMORY_WORDS)


def chunk_sizes(chunk_samples: int, minimum: int, hop_length: int) -> list[int]:
    """Return the chunk lengths to try, each about half of the one before, down to the minimum.

    Parameters
    ----------
    chunk_samples : int
        The first; at least `minimum`.
    minimum : int
        The separator's shortest useful chunk.
    hop_length : int
        Every length but the minimum is rounded down to a multiple of it.
    """
    sizes = [chunk_samples]
    while sizes[-1] > minimum:
        half = sizes[-1] // 2 // hop_length * hop_length
        sizes.append(max(half, minimum))
    return sizes


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to run: where, and with which entry of the chunk sizes."""

    device: str
    size: int = 0


class Ladder:
    """Steps down from one way to run to the next cheaper one, at most five ways in all.

    Parameters
    ----------
    device : str
        Where to begin.
    size_count : int
        How many chunk sizes there are to step down through.

    Attributes
    ----------
    rung : Rung
        The way in force.
    tries : int
        How many ways were in force so far, this one included.
    """

    def __init__(self, device: str, size_count: int) -> None:
        self._first = Rung(device)
        self._last_size = size_count - 1
        self.rung = self._first
        self.tries = 1

    def step_down(self, *, shorter_chunks_help: bool) -> None:
        """Take the next rung.

        Parameters
        ----------
        shorter_chunks_help : bool
            False if the model itself did not fit, before any chunk.

        Raises
        ------
        DeviceError
            If there is none left.
        """
        on_processor = self.rung.device == "cpu"
        # The last try on a graphics card is kept for the processor.
        may_halve = on_processor or self.tries < MAX_TRIES - 1
        if self.tries < MAX_TRIES:
            if shorter_chunks_help and may_halve and self.rung.size < self._last_size:
                self._take(Rung(self.rung.device, self.rung.size + 1))
                return
            if not on_processor:
                self._take(Rung("cpu", self.rung.size))
                return
        raise DeviceError(
            "There is not enough memory to separate this song",
            why="it ran out even with the shortest chunks, on the processor.",
            fix="Close other programs, or choose a smaller model.",
        )

    def _take(self, rung: Rung) -> None:
        self.rung = rung
        self.tries += 1

    def notice(self, chunk_seconds: float) -> list[str]:
        """Return the one sentence that says what was changed; nothing if nothing was."""
        if self.rung == self._first:
            return []
        changes = []
        if self.rung.size:
            changes.append(f"in chunks of {chunk_seconds:.1f} s")
        if self.rung.device != self._first.device:
            changes.append(f"on {NAMES[self.rung.device]}")
        return [
            f"The memory of {NAMES[self._first.device]} was too small; went on "
            f"{' and '.join(changes)}."
        ]
