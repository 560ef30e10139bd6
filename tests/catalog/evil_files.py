"""Files that would run code if they were loaded carelessly: each writes a canary when it runs."""

from __future__ import annotations

import io
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch


class Runs:
    """Pickles into a call of some function."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self):
        return self._call


class Module(torch.nn.Module):
    """A whole module, which carries its class by name and what it likes beside it."""

    def __init__(self, passenger: object) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))
        self.passenger = passenger


def evil_files(folder: Path, canary: Path) -> Iterator[Path]:
    """Yield thirty files; unpickled in full, each of most kinds leaves the canary behind."""
    state = {"weight": torch.zeros(3)}
    command = f"touch {canary}"
    source = f"open({str(canary)!r}, 'w').close()"
    calls = {
        "system": Runs(os.system, command),
        "exec": Runs(exec, source),
        "eval": Runs(eval, source),
        "open": Runs(open, str(canary), "w"),
        "mkdir": Runs(os.mkdir, str(canary)),
    }
    for name, call in calls.items():
        contents = {
            "bare": call,
            "value": state | {"weight": call},
            "beside": state | {"extra": call},
            "nested": {"state_dict": state, "optimizer": call},
        }
        for place, content in contents.items():
            path = folder / f"{name}-{place}.pt"
            legacy = place in ("bare", "nested")
            torch.save(content, path, _use_new_zipfile_serialization=not legacy)
            yield path
    plain = pickle.dumps(calls["exec"])
    yield _written(folder / "plain.pkl", plain)
    yield _written(folder / "protocol-0.pt", pickle.dumps(calls["exec"], protocol=0))
    torch.save(Module(calls["exec"]), folder / "module.pt")
    yield folder / "module.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated; its files are still about
        torch.jit.save(torch.jit.script(torch.nn.Linear(3, 3)), folder / "script.pt")
    yield folder / "script.pt"
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("archive/data.pkl", plain)
        archive.writestr("archive/version", "3\n")
    yield _written(folder / "zip.pt", inner.getvalue())
    with zipfile.ZipFile(folder / "nested-zip.pt", "w") as archive:
        archive.writestr("archive/data.pkl", plain)
        archive.writestr("archive/inner.pt", inner.getvalue())
    yield folder / "nested-zip.pt"
    yaml = f'!!python/object/apply:os.system ["{command}"]\n'
    yield _written(folder / "config.yaml", yaml.encode())
    np.save(folder / "objects.npy", np.array([calls["exec"]], dtype=object), allow_pickle=True)
    yield folder / "objects.npy"
    np.savez(folder / "objects.npz", a=np.array([calls["exec"]], dtype=object))
    yield folder / "objects.npz"
    yield _written(folder / "posing.safetensors", plain)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
