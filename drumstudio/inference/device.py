"""Where a network runs: which devices there are, which is meant, and how it is set up."""

from __future__ import annotations

import gc

import torch

from drumstudio.core.errors import DeviceError

CHOICES = ("auto", "cpu", "cuda", "mps")

NAMES = {"cpu": "the processor", "cuda": "the NVIDIA graphics card", "mps": "the Apple GPU"}


def available() -> tuple[str, ...]:
    """Return the devices of this computer, the fastest first; "cpu" is always the last."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def choose(asked: str) -> str:
    """Return the device meant by "auto", "cpu", "cuda" or "mps".

    Raises
    ------
    DeviceError
        If the one asked for is not there.
    ValueError
        If it is none of these words.
    """
    if asked not in CHOICES:
        raise ValueError(f"device must be one of {CHOICES}, got {asked!r}")
    there = available()
    if asked == "auto":
        return there[0]
    if asked not in there:
        raise DeviceError(
            f"Cannot use {NAMES[asked]}",
            why=f"this computer offers DrumStudio only {', '.join(there)}.",
            fix="Choose the device auto, or install the driver and the torch build for it.",
        )
    return asked


def set_up(threads: int) -> None:
    """Make torch use so many processor threads, and give the same bits each time.

    Parameters
    ----------
    threads : int
        At least 1.

    Notes
    -----
    TensorFloat-32 is off because its 10-bit mantissa alone puts a GPU's result 60 dB from
    the processor's; cuDNN's trial runs are off because their winner changes from run to run.
    """
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def release_memory() -> None:
    """Give memory that nothing uses any more back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
