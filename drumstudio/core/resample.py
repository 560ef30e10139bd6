"""Change of sample rate in blocks: exact length, no offset, the same bits whatever the blocks."""

from __future__ import annotations

import numpy as np

from drumstudio.core.audio import Samples

_BLOCK_SAMPLES = 65_536


def resampled_length(samples: int, from_rate: int, to_rate: int) -> int:
    """Return how many samples a song of `samples` has at another rate, rounded half up."""
    return (2 * samples * to_rate + from_rate) // (2 * from_rate)


class StreamResampler:
    """Resample a song block by block, with soxr's best quality.

    Parameters
    ----------
    from_rate, to_rate : int
        Hertz, positive.
    channels : int
        Number of channels.
    length : int, optional
        How many samples the whole must have at `to_rate`; what is missing at the end is
        filled with zeros, what is beyond is left out. As `resampled_length` says of what was
        pushed, if not given.

    Raises
    ------
    ValueError
        If a rate is not positive.
    """

    def __init__(
        self, from_rate: int, to_rate: int, channels: int, length: int | None = None
    ) -> None:
        # Imported here: soxr takes 20 ms, and who needs no other rate need not pay.
        import soxr

        if from_rate <= 0 or to_rate <= 0:
            raise ValueError(f"rates must be positive, got {from_rate} and {to_rate}")
        self._stream = soxr.ResampleStream(
            from_rate, to_rate, channels, dtype="float32", quality="VHQ"
        )
        self._rates = (from_rate, to_rate)
        self._length = length
        self._pushed = self._returned = 0
        self._channels = channels

    def push(self, block: Samples) -> Samples:
        """Return what becomes of the next samples, float32 (channels, some samples, or none)."""
        self._pushed += block.shape[1]
        return self._cut(self._resampled(block, last=False))

    def finish(self) -> Samples:
        """Return the rest, float32 (channels, samples): after it the length is exact."""
        if self._length is None:
            self._length = resampled_length(self._pushed, *self._rates)
        empty = np.zeros((self._channels, 0), dtype=np.float32)
        rest = self._cut(self._resampled(empty, last=True))
        return np.pad(rest, ((0, 0), (0, max(0, self._length - self._returned))))

    def _resampled(self, block: Samples, *, last: bool) -> Samples:
        # soxr wants interleaved samples.
        out = self._stream.resample_chunk(np.ascontiguousarray(block.T), last=last)
        return np.asarray(out, dtype=np.float32).reshape(-1, self._channels).T

    def _cut(self, samples: Samples) -> Samples:
        if self._length is not None:
            samples = samples[:, : self._length - self._returned]
        self._returned += samples.shape[1]
        return samples


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """Return samples at another rate; the same array if the rate is the same.

    Parameters
    ----------
    samples : ndarray, float32, shape (channels, samples)
    from_rate, to_rate : int
        Hertz, positive.

    Returns
    -------
    ndarray, float32, shape (channels, resampled_length(samples, from_rate, to_rate))
    """
    if from_rate == to_rate:
        return samples
    channels, count = samples.shape
    length = resampled_length(count, from_rate, to_rate)
    stream = StreamResampler(from_rate, to_rate, channels, length)
    blocks = [
        stream.push(samples[:, start : start + _BLOCK_SAMPLES])
        for start in range(0, count, _BLOCK_SAMPLES)
    ]
    return np.concatenate([*blocks, stream.finish()], axis=1)
