"""Weights: read only when every byte is the one the model card names, and only as tensors.

A damaged checkpoint often still loads (a third to a half of random damage passes the formats'
own checks), so the whole SHA-256 is compared before anything is parsed, each time. Our own
files are safetensors, which hold numbers and nothing that runs. A checkpoint made elsewhere
goes through torch's restricted loader and comes out as a bare table of tensors.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import UnpicklingError  # the exception's name only; nothing here unpickles
from typing import TypeVar

import safetensors
import safetensors.torch
import torch

from drumstudio import atomic
from drumstudio.catalog.model_card import ModelCard
from drumstudio.core.errors import ModelCorruptError, ModelMissingError

State = dict[str, torch.Tensor]
Network = TypeVar("Network", bound=torch.nn.Module)

_NESTED_KEYS = ("state", "state_dict", "best_state")
# A foreign checkpoint may carry optimiser state, two more copies of the weights, in float64.
_FOREIGN_SIZE_FACTOR = 8
_FOREIGN_SIZE_MARGIN = 16 << 20

LOAD_ERRORS = (
    UnpicklingError,
    safetensors.SafetensorError,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What damaged and hostile files were seen to raise inside torch.load."""


def load_weights(card: ModelCard, folder: Path) -> State:
    """Return a model's tensors, every floating-point one as float32 on the CPU.

    Parameters
    ----------
    card : ModelCard
        A card that names weights.
    folder : Path
        Where the file lies.

    Raises
    ------
    ModelMissingError
        If the file is not there or can not be read.
    ModelCorruptError
        If its size or SHA-256 is not the card's, or it is not safetensors.
    """
    path = folder / card.weights
    if not card.weights:
        raise ValueError(f"the card of {card.id} names no weights")
    if path.resolve().parent != folder.resolve():
        raise _corrupt(path, "the file is a link that leads out of the model's folder")
    try:
        size = path.stat().st_size
        if size != card.bytes:
            raise _corrupt(path, f"it has {size:,} bytes, the model card says {card.bytes:,}")
        content = path.read_bytes()
    except OSError as error:
        raise ModelMissingError(
            f"Cannot find the weights of {card.name}",
            why=f"{card.weights} can not be read: {error.strerror or error}.",
            fix="Install the model again, or choose another one.",
        ) from error
    actual = hashlib.sha256(content).hexdigest()
    if actual != card.sha256:
        raise _corrupt(
            path,
            f"its SHA-256 is {actual[:12]}..., the model card says {card.sha256[:12]}...",
        )
    try:
        state = safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, RuntimeError, KeyError) as error:
        raise _corrupt(path, "it does not hold tensors in the safetensors format") from error
    return {name: _widened(tensor) for name, tensor in state.items()}


def save_weights(module: torch.nn.Module, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a network's tensors as float16 safetensors, all or nothing.

    Parameters
    ----------
    module : Module
        Whole numbers (counters) keep their type; everything else becomes float16.
    path : Path
        The file, replaced if it is there.
    metadata : mapping of str to str
        Free notes kept in the file's header.

    Raises
    ------
    ValueError
        If a tensor is not finite, or not once it is float16.
    DrumStudioError
        If the file can not be written.
    """
    state = {}
    for name, tensor in module.state_dict().items():
        plain = tensor.detach().cpu().contiguous()
        narrow = plain.to(torch.float16) if plain.is_floating_point() else plain
        if narrow.is_floating_point() and not bool(torch.isfinite(narrow).all()):
            raise ValueError(f"{name} is not finite in float16")
        state[name] = narrow.clone()
    atomic.write_bytes(path, safetensors.torch.save(state, dict(metadata)))


def load_foreign_checkpoint(path: Path, module: torch.nn.Module) -> State:
    """Return the tensors of a checkpoint made elsewhere, checked against `module`.

    The file is parsed by torch's restricted loader, which knows tensors and plain
    containers only. The table of tensors may be the whole file or lie under one of the
    usual keys (`state`, `state_dict`, `best_state`).

    Parameters
    ----------
    path : Path
        The checkpoint: any size up to eight times the network's.
    module : Module
        The architecture that it claims to be for; on any device, the meta device included.

    Raises
    ------
    ModelMissingError
        If the file can not be read.
    ModelCorruptError
        If it is no such checkpoint, holds anything but tensors, or other ones.
    """
    limit = _FOREIGN_SIZE_FACTOR * _tensor_bytes(module.state_dict()) + _FOREIGN_SIZE_MARGIN
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ModelMissingError(
            f"Cannot open {path.name}",
            why=f"the file can not be read: {error.strerror or error}.",
            fix="Check the path.",
        ) from error
    if size > limit:
        raise _corrupt(path, f"it has {size:,} bytes, far more than this network needs")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old formats: nothing a person can act on
            content = torch.load(path, map_location="cpu", weights_only=True)
    except LOAD_ERRORS as error:
        raise _corrupt(path, "it is not a plain table of tensors") from error
    state = _tensor_table(content)
    if state is None:
        raise _corrupt(path, "it is not a plain table of tensors")
    try:
        check_tensors(state, module)
    except ModelCorruptError as error:
        raise _corrupt(path, error.why.rstrip(".")) from error
    return {name: _widened(tensor) for name, tensor in state.items()}


def check_tensors(state: Mapping[str, torch.Tensor], module: torch.nn.Module) -> None:
    """Check that a table of tensors is what a network's architecture declares.

    Parameters
    ----------
    state : mapping of str to Tensor
        The tensors, on the CPU.
    module : Module
        The architecture; on any device, the meta device included.

    Raises
    ------
    ModelCorruptError
        If a key is missing or too many, a shape or a kind of number differs, a number is
        not finite, or the tensors take more than twice the declared bytes.
    """
    declared = module.state_dict()
    missing, extra = sorted(declared.keys() - state.keys()), sorted(state.keys() - declared.keys())
    if missing or extra:
        raise _misfit(
            f"{len(missing)} tensors are missing and {len(extra)} are too many, "
            f"the first is {(missing + extra)[0][:80]}"
        )
    if _tensor_bytes(state) > 2 * _tensor_bytes(declared):
        raise _misfit("the tensors take more than twice the room that the network declares")
    for name, tensor in state.items():
        wanted = declared[name]
        if tensor.layout != torch.strided or tensor.shape != wanted.shape:
            raise _misfit(
                f"{name} has the shape {tuple(tensor.shape)}, "
                f"the network declares {tuple(wanted.shape)}"
            )
        if (tensor.is_floating_point(), tensor.is_complex()) != (
            wanted.is_floating_point(),
            wanted.is_complex(),
        ):
            raise _misfit(f"{name} holds {tensor.dtype}, the network declares {wanted.dtype}")
        if not bool(torch.isfinite(tensor).all()):
            raise _misfit(f"{name} holds numbers that are not finite")


def filled(make: Callable[[], Network], state: State) -> Network:
    """Return the network that `make` builds, holding `state`, ready to run.

    The network is first made without memory (on torch's meta device) and compared with the
    tensors, so that a card that declares a monstrous width is refused before it is built.

    Parameters
    ----------
    make : callable
        Builds the network with its own first weights.
    state : dict of str to Tensor
        As from `load_weights`.

    Raises
    ------
    ModelCorruptError
        If the tensors are not the network's (see `check_tensors`).
    """
    with torch.device("meta"):
        check_tensors(state, make())
    network = make()
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _tensor_table(content: object) -> State | None:
    """Return the one table of tensors in what was loaded, or None."""
    table = content if isinstance(content, dict) else {}
    for key in _NESTED_KEYS:
        if isinstance(table.get(key), dict):
            table = table[key]
            break
    names_and_tensors = all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in table.items()
    )
    return dict(table) if table and names_and_tensors else None


def _widened(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _tensor_bytes(state: Mapping[str, torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values())


def _corrupt(path: Path, why: str) -> ModelCorruptError:
    return ModelCorruptError(
        f"Cannot load {path.name}",
        why=f"{why}.",
        fix="Delete the file and install the model again, or choose another model.",
    )


def _misfit(why: str) -> ModelCorruptError:
    return ModelCorruptError(
        "The weights do not fit the network",
        why=f"{why}.",
        fix="Install the model again, or choose another model.",
    )
