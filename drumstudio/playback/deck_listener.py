"""What a deck tells of itself, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from drumstudio.core.errors import DeviceError, DrumStudioError
from drumstudio.playback.output import OutputDevice


@dataclass(frozen=True, slots=True)
class OutputState:
    """What is played on.

    Parameters
    ----------
    name : str
        The device, for a person.
    silent : bool
        Whether nothing can be heard, because there is no device.
    sample_rate : int
        What it runs at, in hertz.
    latency_seconds : float
        From a change to its being heard: ring and device.
    reason : DeviceError or None
        Why it is not what was asked for, or not the one before.
    """

    name: str
    silent: bool
    sample_rate: int
    latency_seconds: float
    reason: DeviceError | None


class DeckListener(Protocol):
    """Who is told what happens; called on the deck's thread, must not block."""

    def deck_stopped(self, take: int, position: int, error: DrumStudioError | None) -> None:
        """Playing is over at a sample: paused, at the end, or because of an error.

        `take` is that of the last `Deck.play` before, so that who has asked for another
        meanwhile can tell. After a `DeviceError` of a device that was lost, the deck looks for
        one until it is asked for something else.
        """

    def deck_resumed(self, take: int) -> None:
        """Playing goes on by itself: a device is there again after a loss that was told."""

    def deck_breaks_up(self) -> None:
        """Playing has gaps: the computer is too busy for so short a buffer."""

    def deck_output(self, output: OutputState) -> None:
        """Another output was opened."""

    def deck_devices(self, devices: tuple[OutputDevice, ...], error: DeviceError | None) -> None:
        """Devices were listed; none and the reason if that was not possible."""
