"""What plays a ring: what every output has in common, and how a person chooses one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from drumstudio.core.errors import DeviceError
from drumstudio.playback.ring import Ring

BLOCK_CHOICES = (128, 256, 512, 1_024, 2_048, 4_096)
DEFAULT_BLOCK_SAMPLES = 512


@dataclass(frozen=True, slots=True)
class OutputDevice:
    """A device that can play.

    Parameters
    ----------
    id : str
        Names it from one session to the next: its host interface and name.
    name : str
        For a person.
    sample_rate : int
        What it runs at by itself, in hertz.
    channels : int
        How many it has.
    is_default : bool
        Whether the system prefers it.
    """

    id: str
    name: str
    sample_rate: int
    channels: int
    is_default: bool


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """What a person wants to listen with.

    Parameters
    ----------
    device : str or None
        The `OutputDevice.id`; None for the system's own choice.
    block_samples : int
        The buffer: one of `BLOCK_CHOICES`. Short ones answer faster, long ones are safer.

    Raises
    ------
    ValueError
        If the buffer is none of the choices.
    """

    device: str | None = None
    block_samples: int = DEFAULT_BLOCK_SAMPLES

    def __post_init__(self) -> None:
        if self.block_samples not in BLOCK_CHOICES:
            raise ValueError(
                f"block_samples must be one of {BLOCK_CHOICES}, got {self.block_samples}"
            )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an output no longer plays.

    Parameters
    ----------
    why : str
        For a person, without a full stop.
    at_seconds : float
        When it was last known to play, on the clock of `time.perf_counter`.
    """

    why: str
    at_seconds: float


class Output(Protocol):
    """Something that takes samples from a ring in real time; one thread calls it."""

    name: str
    sample_rate: int
    channels: int
    block_samples: int
    silent: bool
    latency_seconds: float
    """About how long a sample that was taken takes to be heard; `Taken` has it exactly."""
    underflows: int
    """How often the device ran dry since it was opened."""

    @property
    def failure(self) -> Failure | None:
        """Why it no longer plays although nobody closed it; None if all is well."""

    def start(self, ring: Ring) -> None:
        """Begin to take samples from a ring of as many channels.

        Raises
        ------
        DeviceError
            If the device refuses.
        """

    def stop(self) -> None:
        """Take no more; what was taken is still heard. A second call does nothing."""

    def close(self) -> None:
        """Stop and give the device back; a second call does nothing."""


class Sound(Protocol):
    """Where outputs come from; any thread may call it."""

    def open(
        self, choice: OutputChoice, sample_rate: int, *, look_again: bool = False
    ) -> tuple[Output, DeviceError | None]:
        """Open the chosen device, else the system's own.

        Parameters
        ----------
        choice : OutputChoice
            What is wanted.
        sample_rate : int
            The rate that would suit, in hertz.
        look_again : bool
            Whether to look for devices that were connected meanwhile.

        Returns
        -------
        tuple of (Output, DeviceError or None)
            The output, and why it is not the one that was asked for.

        Raises
        ------
        DeviceError
            If none can be opened.
        """

    def devices(self) -> tuple[OutputDevice, ...]:
        """Look for devices and return those that can play; the system's own choice first.

        Raises
        ------
        DeviceError
            If the sound system does not answer.
        """
