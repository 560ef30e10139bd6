"""Separators for tests: small nets with known fields, an identity, some that fail on purpose.

They are reached as a person's models are, through a card; only the table of engines is changed
by the test. What a stub is to do wrong is set on the class by the `stubs` fixture.
"""

from __future__ import annotations

import time
from typing import Self

import torch
from torch import nn

from drumstudio.inference.base import Separator

RATE = 8_000


class Stub(Separator):
    sample_rate = RATE
    channels = 2
    hop_length = 16
    chunk_samples = 8_192
    min_chunk_samples = 1_024
    context_samples = 256
    overlap = 0.0
    field_is_finite = True

    def __init__(self) -> None:
        self.place = "cpu"

    @classmethod
    def from_card(cls, card, settings, weights) -> Self:
        return cls()

    def to(self, device: str) -> None:
        self.place = device

    def separate(self, mixture: torch.Tensor) -> torch.Tensor:
        return mixture.clone()


class Identity(Stub):
    """Gives back what it gets; cross-fades."""

    overlap = 0.15
    field_is_finite = False


class AnyRate(Stub):
    """Takes any rate and any number of channels; halves."""

    sample_rate = 0
    channels = 0

    def separate(self, mixture):
        return 0.5 * mixture


class PerChannel(Stub):
    channels = 1

    def separate(self, mixture):
        assert mixture.shape[:2] == (1, 1)
        return 0.5 * mixture


class SwapsSides(Stub):
    """Gives the left channel for the right one: shows which channels went in together."""

    def separate(self, mixture):
        return mixture.flip(1)


def weights(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator) / (shape[1] * shape[2]) ** 0.5


def convolved(x: torch.Tensor, kernel: torch.Tensor, dilation: int = 1) -> torch.Tensor:
    """Return x, (channels, samples), convolved with (outputs, channels, odd width), same length.

    By sums of shifted copies: a library's convolution picks its order of summation by the
    length of what it gets, and would give other last bits for a chunk than for a song.
    """
    reach = kernel.shape[2] // 2 * dilation
    padded = nn.functional.pad(x, (reach, reach))
    out = torch.zeros(kernel.shape[0], x.shape[1])
    for channel in range(kernel.shape[1]):
        for tap in range(kernel.shape[2]):
            shifted = padded[channel, tap * dilation : tap * dilation + x.shape[1]]
            out += kernel[:, channel, tap, None] * shifted
    return out


class ConvolutionNet(Stub):
    """Convolutions with biases and a stride of 16; a field of 211 samples on either side."""

    stride = 16

    def __init__(self) -> None:
        super().__init__()
        self.first = weights(4, 2, 9, seed=1)
        self.wide = weights(6, 4 * self.stride, 3, seed=2)
        self.wider = weights(6, 6, 3, seed=3)
        self.last = weights(2 * self.stride, 6, 1, seed=4)

    def separate(self, mixture):
        count = mixture.shape[-1]
        x = nn.functional.pad(mixture[0], (0, -count % self.stride))
        x = torch.relu(convolved(x, self.first) + 0.05)
        x = x.unflatten(1, (-1, self.stride)).transpose(1, 2).flatten(0, 1)
        x = torch.relu(convolved(x, self.wide, dilation=4) + 0.05)
        x = convolved(x, self.wider, dilation=8) - 0.05
        x = convolved(x / (1 + x.abs()), self.last)
        x = x.unflatten(0, (2, self.stride)).transpose(1, 2).flatten(1)
        return x[None, :, :count]


class ConvolutionNetWithoutContext(ConvolutionNet):
    """The negative control: hard chunks."""

    context_samples = 0


class LibraryNet(Stub):
    """The same kind of net as torch makes it: 204 samples on either side."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.net = nn.Sequential(
                nn.Conv1d(2, 8, 9, padding=4),
                nn.ReLU(),
                nn.Conv1d(8, 16, 16, stride=16),
                nn.Tanh(),
                nn.Conv1d(16, 16, 3, padding=12, dilation=12),
                nn.ReLU(),
                nn.ConvTranspose1d(16, 2, 16, stride=16),
            ).eval()

    def separate(self, mixture):
        count = mixture.shape[-1]
        whole = nn.functional.pad(mixture, (0, -count % 16))
        return self.net(whole)[..., :count]


class SpectrogramNet(Stub):
    """A mask from a small convolution over an STFT of 256 / 64: 4 frames on either side."""

    hop_length = 64
    context_samples = 4 * 64 + 2 * 256 // 2 + 64
    min_chunk_samples = 2_048

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(4)
            self.net = nn.Sequential(
                nn.Conv2d(2, 4, 5, padding=2),
                nn.ReLU(),
                nn.Conv2d(4, 2, 5, padding=2),
                nn.Sigmoid(),
            ).eval()
        self.window = torch.hann_window(256)

    def separate(self, mixture):
        batch, channels, count = mixture.shape
        flat = mixture.reshape(-1, count)
        spectrum = torch.stft(
            flat, 256, 64, window=self.window, pad_mode="constant", return_complex=True
        )
        shape = (batch, channels, *spectrum.shape[1:])
        mask = self.net(spectrum.abs().reshape(shape)).reshape(spectrum.shape)
        back = torch.istft(spectrum * mask, 256, 64, window=self.window, length=count)
        return back.reshape(batch, channels, count)


class RecurrentNet(Stub):
    """A net that remembers for ever: no context makes it exact, so it cross-fades."""

    overlap = 0.15
    field_is_finite = False

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(5)
            self.net = nn.GRU(32, 32, batch_first=True).eval()

    def separate(self, mixture):
        count = mixture.shape[-1]
        frames = nn.functional.pad(mixture, (0, -count % 16)).unfold(-1, 16, 16)
        frames = frames.transpose(1, 2).flatten(2)
        out, _ = self.net(frames)
        return out.unflatten(2, (2, 16)).transpose(1, 2).flatten(2)[..., :count]


class LevelOfTheChunk(Identity):
    """Neighbouring chunks disagree: the gain hangs on the level of what is fed."""

    def separate(self, mixture):
        return mixture * (0.5 + mixture.square().mean().sqrt())


class Dithered(Stub):
    """Does what no separator may: it uses the global generator of random numbers."""

    def separate(self, mixture):
        return mixture + 1e-4 * torch.rand_like(mixture)


class LevelNet(ConvolutionNet):
    """Needs the whole song's level before its first chunk."""

    def prepare(self, reader):
        total = 0.0
        for start in range(0, reader.samples, 4_096):
            total += float((reader.read(start, 4_096).astype("float64") ** 2).sum())
        self.level = (total / reader.samples / reader.channels) ** 0.5

    def separate(self, mixture):
        return super().separate(mixture / self.level) * self.level


class Faulty(ConvolutionNet):
    """Fails as it is told: `plan` maps the number of a call of `separate` to what it raises."""

    plan: dict[int, BaseException] = {}
    refuses = ""  # the device that the weights do not fit on
    calls = 0
    fed: list[tuple[str, int]] = []

    def to(self, device):
        super().to(device)
        if device == type(self).refuses:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    def separate(self, mixture):
        number = type(self).calls
        type(self).calls += 1
        error = type(self).plan.get(number)
        if error is not None:
            raise error
        type(self).fed.append((self.place, mixture.shape[-1]))
        return super().separate(mixture)


class FaultyRecurrent(RecurrentNet):
    """A net of infinite field that does not fit when it is fed more than `room` samples."""

    room = 1 << 40

    def separate(self, mixture):
        if mixture.shape[-1] > type(self).room:
            raise MemoryError
        return super().separate(mixture)


class NeverFits(Stub):
    def separate(self, mixture):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 GB")


class NotANumber(Stub):
    """Breaks in one place of the song: where the mixture is louder than 5."""

    def separate(self, mixture):
        return torch.where(mixture > 5.0, torch.nan, mixture)


class WrongShape(Stub):
    def separate(self, mixture):
        return mixture[..., :-1]


class Stumbles(Stub):
    """Raises what has nothing to do with memory."""

    def separate(self, mixture):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


class Slow(ConvolutionNet):
    """Takes 30 ms a chunk, so that a kill finds it at work."""

    def separate(self, mixture):
        time.sleep(0.03)
        return super().separate(mixture)


class SlowRecurrent(RecurrentNet):
    def separate(self, mixture):
        time.sleep(0.03)
        return super().separate(mixture)


class ProcessorOnly(Stub):
    processor_only = True

    def to(self, device):
        assert device == "cpu"
