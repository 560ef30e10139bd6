"""What is seen of the transport at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Whether it plays."""

    STOPPED = "stopped"
    PLAYING = "playing"
    PAUSED = "paused"


class Listen(StrEnum):
    """What is heard of a song."""

    ORIGINAL = "original"
    STEMS = "stems"


@dataclass(frozen=True, slots=True)
class TransportView:
    """Everything that is seen of the transport, at one moment.

    Parameters
    ----------
    state : State
        Whether it plays.
    cursor_seconds : float
        Where play begins.
    selection : tuple of float, or None
        Start and stop in seconds.
    loop : tuple of float, or None
        The range that is repeated while `looping`, in seconds.
    looping : bool
        Whether it is.
    listen : Listen
        What is heard; the original wherever there are no stems.
    monitor_db : float
        Volume of what is heard, in decibels; no part of any export.
    seconds : float
        Length of the song.
    audition : str
        What is heard instead of original or stems, one of `material.AUDITIONS`; or empty.
    """

    state: State = State.STOPPED
    cursor_seconds: float = 0.0
    selection: tuple[float, float] | None = None
    loop: tuple[float, float] | None = None
    looping: bool = False
    listen: Listen = Listen.STEMS
    monitor_db: float = 0.0
    seconds: float = 0.0
    audition: str = ""
