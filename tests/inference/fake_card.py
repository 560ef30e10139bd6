"""An NVIDIA card that is not there: tensors "on cuda" that the processor computes.

They keep apart what a real card keeps apart: a tensor on the card and one in the computer's memory
are not taken together, and one on the card can not be read by numpy. Memory is counted and ends
where it is said to.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from unittest import mock

import torch
from torch.utils._pytree import tree_leaves, tree_map

from drumstudio.inference import separate as separate_module
from drumstudio.inference.engines import Shelf
from drumstudio.inference.separate import separate

_FACTORIES = (
    *("arange", "as_tensor", "empty", "eye", "full", "hann_window", "linspace", "ones", "rand"),
    *("randn", "tensor", "zeros"),
)
# What takes tensors of two devices on a real card too: copies, and places given by the processor.
_MAY_MIX = ("copy_", "_to_copy", "index", "index_put", "index_put_")


class Memory:
    """How much of the card is in use, and the most that was."""

    def __init__(self) -> None:
        self.limit = float("inf")
        self.used = 0
        self.most = 0
        self._lock = threading.RLock()
        self._users: Counter[int] = Counter()

    def take(self, tensor: OnCard) -> None:
        """Count a tensor as long as it lives; tensors that share their memory count once."""
        storage = tensor.inner.untyped_storage()
        place, size = storage.data_ptr(), storage.nbytes()
        with self._lock:
            if not self._users[place]:
                if self.used + size > self.limit:
                    raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {size} B")
                self.used += size
                self.most = max(self.most, self.used)
            self._users[place] += 1
        weakref.finalize(tensor, self._give_back, place, size)

    def _give_back(self, place: int, size: int) -> None:
        with self._lock:
            self._users[place] -= 1
            if not self._users[place]:
                del self._users[place]
                self.used -= size


MEMORY = Memory()
_to = torch.Tensor.to


class OnCard(torch.Tensor):
    """A tensor that says it is on "cuda:0"; `inner` holds its values."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> OnCard:
        with torch.inference_mode(False):
            made = torch.Tensor._make_wrapper_subclass(
                cls,
                inner.size(),
                strides=inner.stride(),
                storage_offset=inner.storage_offset(),
                dtype=inner.dtype,
            )
        made.inner = inner
        MEMORY.take(made)
        return made

    def __init__(self, inner: torch.Tensor) -> None: ...

    device = property(lambda self: torch.device("cuda", 0))

    def __repr__(self, **_: object) -> str:
        return f"OnCard({tuple(self.shape)})"

    def cpu(self, *_: object, **__: object) -> torch.Tensor:
        return self.inner.clone()

    def to(self, *places: object, **how: object) -> torch.Tensor:
        device, dtype, *_ = torch._C._nn._parse_to(*places, **how)
        moved = self if device is None or device.type == "cuda" else self.inner.clone()
        return moved if dtype is None or dtype == moved.dtype else _to(moved, dtype)

    def numpy(self, *_: object, **__: object) -> None:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu()")

    __array__ = numpy

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        for leaf in tree_leaves((args, kwargs)):
            apart = isinstance(leaf, torch.Tensor) and not isinstance(leaf, OnCard)
            if apart and leaf.dim() and name not in _MAY_MIX:
                raise RuntimeError(
                    "Expected all tensors to be on the same device, but found at least two "
                    f"devices, cuda:0 and cpu! ({func})"
                )
        plain_args, plain_kwargs = tree_map(_plain, (args, kwargs))
        with torch.inference_mode(False), torch.no_grad():
            result = func(*plain_args, **plain_kwargs)
        written = {id(_plain(leaf)): leaf for leaf in tree_leaves((args, kwargs))}

        def on_card(value: object) -> object:
            if not isinstance(value, torch.Tensor):
                return value
            return written.get(id(value)) if id(value) in written else OnCard(value)

        return tree_map(on_card, result)


def _plain(value: object) -> object:
    return value.inner if isinstance(value, OnCard) else value


def _is_card(device: object) -> bool:
    return device is not None and torch.device(device).type == "cuda"


@contextlib.contextmanager
def fake_card(limit_bytes: float = float("inf")) -> Iterator[Memory]:
    """Have an NVIDIA card of so many bytes in this process; yield its memory."""

    def to(self: torch.Tensor, *places: object, **how: object) -> torch.Tensor:
        device, dtype, *_ = torch._C._nn._parse_to(*places, **how)
        if not _is_card(device):
            return _to(self, *places, **how)
        with torch.inference_mode(False), torch.no_grad():
            return OnCard((self if dtype is None else _to(self, dtype)).clone())

    def made_on_card(make):
        @functools.wraps(make)
        def wrapped(*args, device=None, **kwargs):
            if not _is_card(device):
                place = {} if device is None else {"device": device}  # None is the default's
                return make(*args, **place, **kwargs)
            return OnCard(make(*args, **kwargs))

        return wrapped

    MEMORY.limit, MEMORY.most = limit_bytes, MEMORY.used
    overwrites = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    with torch.device("meta"):
        torch.empty(1)  # once: torch keeps which functions make tensors, and ours are none of them
    with contextlib.ExitStack() as patches:
        for name in _FACTORIES:
            patches.enter_context(
                mock.patch.object(torch, name, made_on_card(getattr(torch, name)))
            )
        # A model that was loaded before has no place on this card, nor one of it afterwards.
        patches.enter_context(mock.patch.object(separate_module, "_SHELF", Shelf()))
        patches.enter_context(mock.patch.object(torch.Tensor, "to", to))
        patches.enter_context(mock.patch.object(torch.cuda, "is_available", return_value=True))
        patches.enter_context(mock.patch.object(torch.cuda, "empty_cache"))
        try:
            yield MEMORY
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(overwrites)
            MEMORY.limit = float("inf")


LIMIT = "TEST_CARD_BYTES"
"""Variable with the memory of the card of `separate_on_a_card`."""


def separate_on_a_card(checkpoint, **arguments) -> dict[str, object]:
    """Do the worker's job "separate" on a computer with an NVIDIA card."""
    with fake_card(float(os.environ.get(LIMIT, "inf"))):
        return separate(checkpoint, **arguments)
