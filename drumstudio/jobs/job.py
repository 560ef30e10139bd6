"""What a job is given to report how far it is and to learn that it should stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Parameters
    ----------
    fraction : float
        Share done, in [0, 1].
    message : str
        What is being done now, for a person: "Separating 1:12 of 4:03".
    """

    fraction: float
    message: str


class Checkpoint(Protocol):
    """A place where a job reports and may be stopped; called between chunks of work."""

    def __call__(self, fraction: float, message: str) -> None:
        """Report; `fraction` is the share done, in [0, 1].

        Raises
        ------
        Cancelled
            If the person asked the job to stop.
        """


def no_checkpoint(fraction: float, message: str) -> None:
    """Report to nobody and never stop: for tests and for work too short to cancel."""


def portion(checkpoint: Checkpoint, start: float, stop: float) -> Checkpoint:
    """Return a checkpoint for one part of a job: its [0, 1] is the whole's [start, stop]."""

    def report(fraction: float, message: str) -> None:
        checkpoint(start + (stop - start) * fraction, message)

    return report


def phase(checkpoint: Checkpoint, start: float, stop: float, name: str) -> Checkpoint:
    """Return a checkpoint for one part of a job that is told by one name, whatever it says."""

    def report(fraction: float, message: str) -> None:  # noqa: ARG001 (a checkpoint's shape)
        checkpoint(start + (stop - start) * fraction, name)

    return report
