"""The layers of a trained `TfcTdf` as they run: fed some frames at a time, norms folded in.

A layer that sees neighbouring frames gives what it can and holds the rest back until more come,
so that a song of any length goes through in pieces that fit into a processor's cache, and no frame
is computed twice. Pieces are float32 (rows, frames, channels) in memory, which is what convolutions
like best, and along which a linear layer over the rows is one product of matrices.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Memory:
    """What the layers hold back of one song: frames that came in and are needed again."""

    def __init__(self) -> None:
        self._held: dict[object, Tensor] = {}

    def join(self, key: object, frames: Tensor) -> Tensor:
        """Return what is held for a key and these frames behind it; nothing is held then."""
        held = self._held.pop(key, None)
        return frames if held is None else torch.cat([held, frames], 1)

    def hold(self, key: object, frames: Tensor) -> None:
        """Hold frames back, as a copy, so that what they are a part of can go."""
        if frames.shape[1]:
            self._held[key] = frames.clone(memory_format=torch.contiguous_format)

    def around(self, key: object, frames: Tensor, reach: int, *, last: bool) -> tuple[Tensor, int]:
        """Return frames with `reach` more on both sides, and how many lie between those.

        Silence stands before a song's first frame and, if they are the `last`, behind these.
        """
        rows, _, channels = frames.shape
        silent = frames.new_zeros(rows, reach, channels)
        parts = [self._held.pop(key, silent), frames] + [silent] * last
        whole = torch.cat(parts, 1)
        count = max(0, whole.shape[1] - 2 * reach)
        self.hold(key, whole[:, count:])
        return whole, count

    def add_delayed(self, key: object, frames: Tensor, out: Tensor) -> Tensor:
        """Add to `out` as many of all frames that came for a key; hold the others back."""
        count = out.shape[1]
        held = self._held.pop(key, frames[:, :0])
        there = min(held.shape[1], count)
        out[:, :there] += held[:, :there]
        out[:, there:] += frames[:, : count - there]
        left = frames[:, count - there :]
        self.hold(key, left if there == held.shape[1] else torch.cat([held[:, there:], left], 1))
        return out


def folded(layer: nn.Module, norm: nn.Module | None) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a layer with its norm, in the layer's own order of dimensions."""
    weight = layer.weight.detach().double()
    bias = torch.zeros(weight.shape[0]) if layer.bias is None else layer.bias.detach()
    bias = bias.double().to(weight.device)
    if norm is not None:
        gain, shift = gain_and_shift(norm)
        weight = weight * gain.view(-1, *[1] * (weight.dim() - 1))
        bias = bias * gain + shift
    return weight.float(), bias.float()


def gain_and_shift(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Return what a trained norm multiplies by and adds, float64 (channels,) each."""
    gain = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    return gain, norm.bias.detach().double() - norm.running_mean.double() * gain


class Convolution(nn.Module):
    """A two-dimensional convolution and what its norm did, then perhaps a rectifier.

    Parameters
    ----------
    layer : nn.Conv2d or nn.ConvTranspose2d
        Padded over frames by as much as it reaches; one without padding strides.
    norm : nn.BatchNorm2d, optional
    rectified : bool
    """

    def __init__(
        self, layer: nn.Module, norm: nn.Module | None = None, *, rectified: bool = True
    ) -> None:
        super().__init__()
        weight, bias = folded(layer, norm)
        self.register_buffer("weight", weight.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", bias)
        self.rectified = rectified
        self.transposed = isinstance(layer, nn.ConvTranspose2d)
        self.stride, self.dilation = layer.stride, layer.dilation
        self.row_padding, self.reach = layer.padding

    def forward(self, frames: Tensor, memory: Memory, *, last: bool) -> Tensor:
        """Return what can be said of the frames so far, and not yet was."""
        if self.reach:
            frames, count = memory.around(self, frames, self.reach, last=last)
        else:
            count = frames.shape[1] // self.stride[1] if not self.transposed else frames.shape[1]
        if not count:
            return frames.new_zeros(self._rows(frames.shape[0]), 0, self.bias.shape[0])
        picture = frames.permute(2, 0, 1)[None]
        if self.transposed:
            out = torch.conv_transpose2d(picture, self.weight, self.bias, self.stride)
        else:
            padding = (self.row_padding, 0)
            out = torch.conv2d(picture, self.weight, self.bias, self.stride, padding, self.dilation)
        if self.rectified:
            out = torch.relu_(out)
        return out[0].permute(1, 2, 0).contiguous()

    def _rows(self, rows: int) -> int:
        return rows * self.stride[0] if self.transposed else rows // self.stride[0]


class AlongFrequency(nn.Module):
    """Two linear layers over the rows around a narrow one, each with a norm and a rectifier.

    The second norm's gain is taken before its layer, on an eighth of the numbers, and its shift is
    one more row of that, so that the product of matrices adds it.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        narrow, first, _, wide, second, _ = layers
        gain, shift = gain_and_shift(first)
        later_gain, later_shift = gain_and_shift(second)
        ones = torch.ones(wide.weight.shape[0], 1, device=wide.weight.device)
        self.register_buffer("narrow", narrow.weight.detach().clone())
        self.register_buffer("wide", torch.cat([wide.weight.detach(), ones], 1))
        for name, value in (("gain", gain), ("shift", shift)):
            self.register_buffer(name, value.float())
        for name, value in (("later_gain", later_gain), ("later_shift", later_shift)):
            self.register_buffer(name, value.float())

    def forward(self, frames: Tensor) -> Tensor:
        """Return as many rows, frames and channels as are given."""
        rows, count, channels = frames.shape
        hidden = frames.new_empty(self.narrow.shape[0] + 1, count, channels)
        flat = hidden.view(-1, count * channels)
        torch.mm(self.narrow, frames.reshape(rows, -1), out=flat[:-1])
        torch.addcmul(self.shift, hidden[:-1], self.gain, out=hidden[:-1])
        hidden[:-1].relu_().mul_(self.later_gain)
        hidden[-1] = self.later_shift
        return torch.relu_(self.wide @ flat).view(rows, count, channels)


class Block(nn.Module):
    """A block of the U-Net: see `tfc_tdf._Block`."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.first = Convolution(block.first[0], block.first[1])
        self.along_frequency = AlongFrequency(block.along_frequency)
        self.second = Convolution(block.second[0], block.second[1])

    def forward(self, frames: Tensor, memory: Memory, *, last: bool) -> Tensor:
        """Return what can be said of the frames so far, and not yet was."""
        y = self.first(frames, memory, last=last)
        if y.shape[1]:
            y = y.add_(self.along_frequency(y))
        y = self.second(y, memory, last=last)
        return memory.add_delayed(self, frames, y)


class UNet(nn.Module):
    """The U-Net of a `TfcTdf`: folded magnitudes in, logits out, (rows, frames, channels) each."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        entry, (weight, bias) = folded(net.entry[0], net.entry[1]), folded(net.exit, None)
        channels = entry[0].shape[0]
        for name, value in {
            "entry_weight": entry[0].flatten(1),
            "entry_bias": entry[1],
            "exit_weight": weight[:, :channels].flatten(1).contiguous(),
            "exit_beside": weight[:, channels:].flatten(1).contiguous(),
            "exit_bias": bias,
        }.items():
            self.register_buffer(name, value)
        self.down = nn.ModuleList(Block(block) for block in net.down)
        self.shrink = nn.ModuleList(Convolution(layers[0], layers[1]) for layers in net.shrink)
        self.middle = nn.ModuleList(Block(block) for block in net.middle)
        # Named as they are passed: the outermost level first.
        self.grow = nn.ModuleList(Convolution(layer, rectified=False) for layer in net.grow)
        self.up = nn.ModuleList(Block(block) for block in net.up)

    def forward(self, frames: Tensor, memory: Memory, *, last: bool) -> Tensor:
        """Return the logits that can be told of the frames so far; all of them with the last.

        Parameters
        ----------
        frames : Tensor, float32, shape (rows, frames, channels)
            In all a multiple of the net's `time_factor`.
        memory : Memory
            The song's.
        last : bool
            Whether no more come.
        """
        linear = nn.functional.linear
        x = linear(frames, self.entry_weight, self.entry_bias).relu_()
        x = self._level(0, x, memory, last=last)
        beside = linear(frames, self.exit_beside, self.exit_bias)
        return memory.add_delayed(self, beside, linear(x, self.exit_weight))

    def _level(self, level: int, x: Tensor, memory: Memory, *, last: bool) -> Tensor:
        if level == len(self.down):
            for block in self.middle:
                x = block(x, memory, last=last)
            return x
        shrink, grow = self.shrink[level], self.grow[level]
        x = self.down[level](x, memory, last=last)
        pairs = memory.join(shrink, x)
        even = pairs.shape[1] // 2 * 2
        memory.hold(shrink, pairs[:, even:])
        y = shrink(pairs[:, :even], memory, last=last)
        y = grow(self._level(level + 1, y, memory, last=last), memory, last=last)
        y = memory.add_delayed(grow, x, y)
        return self.up[level](y, memory, last=last)


class TimePath(nn.Module):
    """The chain of dilated convolutions over time of a `TfcTdf`, (1, frames, features) in and out.

    What a moment and its two neighbours hold goes into one product of matrices.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.dilations = tuple(net.low_dilations)
        pairs = [folded(net.low_entry[0], net.low_entry[1])]
        for block in net.low_path:
            convolution, norm, _, then, last_norm = block.net
            weight, bias = folded(convolution, norm)
            pairs += [(weight.permute(0, 2, 1), bias), folded(then, last_norm)]
        pairs.append(folded(net.low_exit, None))
        for number, (weight, bias) in enumerate(pairs):
            self.register_buffer(f"weight_{number}", weight.flatten(1).contiguous())
            self.register_buffer(f"bias_{number}", bias)

    def forward(self, features: Tensor, memory: Memory, *, last: bool) -> Tensor:
        """Return the logits that can be told of the frames so far; all of them with the last."""
        x = self._linear(0, features).relu_()
        for number, reach in enumerate(self.dilations):
            key = (self, number)
            near, count = memory.around((*key, "near"), x, reach, last=last)
            taps = torch.cat([near[:, tap * reach :][:, :count] for tap in range(3)], 2)
            y = self._linear(2 * number + 2, self._linear(2 * number + 1, taps).relu_())
            x = memory.add_delayed(key, x, y).relu_()
        return self._linear(2 * len(self.dilations) + 1, x)

    def _linear(self, number: int, x: Tensor) -> Tensor:
        weight, bias = getattr(self, f"weight_{number}"), getattr(self, f"bias_{number}")
        return nn.functional.linear(x, weight, bias)
