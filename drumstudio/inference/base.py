"""What the streaming engine asks of a separator, and what it gives to one."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from drumstudio.core.audio import Samples


class SampleReader(Protocol):
    """A song that is read in blocks; `files.wav_file.WavReader` is one.

    Parameters
    ----------
    sample_rate : int
        Samples per second, in hertz.
    channels : int
        Number of channels, at least 1.
    samples : int
        Length in samples.
    """

    @property
    def sample_rate(self) -> int: ...  # noqa: D102 - told in the class docstring

    @property
    def channels(self) -> int: ...  # noqa: D102

    @property
    def samples(self) -> int: ...  # noqa: D102

    def read(self, start: int, count: int) -> Samples:
        """Return float32 (channels, count) from sample `start`; zero beyond the song's ends."""
        ...


class Separator(Protocol):
    """A method that gives the drums of a mixture; subclass it and say what it needs.

    The engine reads the song in chunks, gives each to `separate`, throws the context away
    and joins the rest. It does so with one item in the batch, from several threads at once, and
    asks in any order: what a chunk becomes may depend on that chunk and on `prepare`, on nothing
    else (no state from chunk to chunk, no random numbers).

    Parameters
    ----------
    sample_rate : int
        The rate it works at, in hertz; 0 takes any. The engine resamples.
    channels : int
        The number of channels it takes at once; 0 takes any number, each on its own.
    hop_length : int
        Every chunk starts at a multiple of this many samples, counted from the song's start.
        For a network of finite field it is the STFT's hop times the network's own strides
        over time: then a chunk sees the very frames that the whole song would have.
    chunk_samples : int
        Length of the stretch fed at once, its context included, in samples.
    min_chunk_samples : int
        The shortest useful stretch, in samples: two contexts, three cross-fades and two hops
        at least. The engine halves the chunk down to it when memory runs out, and fills a
        shorter song with zeros up to it.
    context_samples : int
        What is thrown away at each seam (never at the song's own ends), in samples: at
        least half of the receptive field if that is finite.
    overlap : float
        How much of it is cross-faded with its neighbour, as a share of the shortest chunk,
        in [0, 0.3]; 0 joins hard.
    field_is_finite : bool
        True if no output sample depends on input farther away than `context_samples`; such
        a separator gives the same bits whatever the chunk size, so `overlap` is 0.
    processor_only : bool
        True if it never runs on a graphics card; then `to` is only called with "cpu".
    refined_samples : int
        Length of the stretches that `refine` is given, in samples; 0 does without it.
    """

    sample_rate: int
    channels: int
    hop_length: int
    chunk_samples: int
    min_chunk_samples: int
    context_samples: int
    overlap: float
    field_is_finite: bool
    processor_only: bool = False
    refined_samples: int = 0

    def to(self, device: str) -> None:
        """Move the weights to "cpu", "cuda" or "mps", also if an earlier move got stuck midway."""
        ...

    def prepare(self, reader: SampleReader) -> None:
        """Learn what must be known of the whole song before its first chunk; default: nothing.

        Called once a run, also of one that is taken up again, with the mixture at the
        separator's rate and all of the song's channels. Reads in blocks, keeps a few
        numbers, and comes to the same ones each time.
        """
        return

    def separate(self, mixture: torch.Tensor) -> torch.Tensor:
        """Return the drums of a stretch of the mixture.

        Parameters
        ----------
        mixture : Tensor, float32, shape (batch, channels, samples)
            On the CPU; moving it to where the weights are is the separator's part. Any length
            from `min_chunk_samples` on. Not to be written in place.

        Returns
        -------
        Tensor, float32, shape (batch, channels, samples)
            The drums, on any device; finite.
        """
        ...

    def refine(self, mixture: Samples, drums: Samples) -> Samples:
        """Return better drums of a long stretch, now that all of them are known.

        Called with all of the song's channels, for stretches that overlap by half, which the
        engine cross-fades. What comes back depends on nothing but what is given; default: the same.

        Parameters
        ----------
        mixture, drums : ndarray, float32, shape (channels, samples)
            Not to be written in place. A song shorter than `refined_samples` comes whole.

        Returns
        -------
        ndarray, float32, shape (channels, samples)
            Finite.
        """
        return drums


class Refinement(Protocol):
    """A method that makes better drums of a mixture and a first estimate of them.

    Parameters
    ----------
    stretch_seconds : float
        Length of the stretches that `refine` is given; they overlap by half and are cross-faded.
    """

    stretch_seconds: float

    def refine(self, mixture: Samples, drums: Samples, sample_rate: int) -> Samples:
        """Return better drums of a stretch; nothing else may decide about them.

        Parameters
        ----------
        mixture, drums : ndarray, float32, shape (channels, samples)
            Not to be written in place. A song shorter than a stretch comes whole.
        sample_rate : int
            Hertz; any.

        Returns
        -------
        ndarray, float32, shape (channels, samples)
            Finite.
        """
        ...


def as_tensor(samples: Samples) -> torch.Tensor:
    """Return (channels, samples) as the Tensor (1, channels, samples) that shares its memory."""
    return torch.from_numpy(np.ascontiguousarray(samples)).unsqueeze(0)
