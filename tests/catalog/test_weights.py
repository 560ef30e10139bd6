"""R20, R21, R22: a model file runs nothing, a damaged one is refused, a foreign one is searched."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import hashlib
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from torch import nn

import drumstudio
from drumstudio.catalog.model_card import read_card
from drumstudio.catalog.weights import (
    check_tensors,
    filled,
    load_foreign_checkpoint,
    load_weights,
    save_weights,
)
from drumstudio.core.errors import DrumStudioError, ModelCorruptError, ModelMissingError
from tests.catalog.evil_files import evil_files
from tests.catalog.test_model_card import CARD
from tests.promises import counts, record

PACKAGE = Path(drumstudio.__file__).parent


def net() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))


def card_for(path: Path):
    """Return a card that names a file with its true hash and size."""
    folder = path.parent / "toy"
    folder.mkdir(exist_ok=True)
    (folder / "model.toml").write_text(CARD)
    content = path.read_bytes()
    return dataclasses.replace(
        read_card(folder),
        weights=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
    )


@pytest.fixture
def weights(tmp_path) -> Path:
    path = tmp_path / "toy.safetensors"
    save_weights(net(), path, {"made_by": "a test"})
    return path


def test_weights_go_out_in_half_and_come_back_in_single_precision(weights):
    state = load_weights(card_for(weights), weights.parent)
    original = net().state_dict()
    assert state.keys() == original.keys()
    for name, tensor in state.items():
        torch.testing.assert_close(tensor, original[name], rtol=1e-3, atol=1e-3)
    assert state["0.weight"].dtype == torch.float32
    assert state["1.num_batches_tracked"].dtype == torch.int64
    with safetensors.safe_open(weights, "pt") as file:
        assert file.metadata() == {"made_by": "a test"}
        assert file.get_tensor("0.weight").dtype == torch.float16


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_weights_that_half_precision_can_not_hold_are_not_written(tmp_path, value):
    module = net()
    with torch.no_grad():
        module[0].weight[0, 0] = value
    with pytest.raises(ValueError, match="0.weight is not finite"):
        save_weights(module, tmp_path / "x.safetensors", {})
    assert not list(tmp_path.iterdir())


def test_200_turned_bits_are_200_refusals(weights):
    card, content = card_for(weights), weights.read_bytes()
    generator = np.random.default_rng(21)
    refused = parsed = 0
    for _ in range(200):
        damaged = bytearray(content)
        damaged[generator.integers(len(content))] ^= 1 << generator.integers(8)
        weights.write_bytes(damaged)
        try:
            load_weights(card, weights.parent)
        except ModelCorruptError:
            refused += 1
        with contextlib.suppress(safetensors.SafetensorError):
            safetensors.torch.load(bytes(damaged))
            parsed += 1
    record(
        "R21",
        what="single turned bits in a weights file",
        count=200,
        failures=200 - refused,
        figure=f"{refused} of 200 refused",
        control=f"without the hash {parsed} of 200 load",
        control_failed=parsed > 0,
    )
    assert refused == 200
    assert parsed > 0


def test_a_file_of_another_length_is_refused_before_it_is_read(weights):
    card = card_for(weights)
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(ModelCorruptError, match="bytes, the model card says"):
        load_weights(card, weights.parent)


def test_missing_weights_are_said(weights):
    card = card_for(weights)
    weights.unlink()
    with pytest.raises(ModelMissingError):
        load_weights(card, weights.parent)


def test_weights_behind_a_link_out_of_the_folder_are_refused(weights, tmp_path):
    card = card_for(weights)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / weights.name).symlink_to(weights)
    with pytest.raises(ModelCorruptError, match="leads out"):
        load_weights(card, elsewhere)


def test_a_name_with_a_true_hash_that_is_no_safetensors_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(ModelCorruptError, match="safetensors format"):
        load_weights(card_for(path), tmp_path)


# --- what fits the network --------------------------------------------------------------


def changed(name: str, tensor: torch.Tensor | None) -> dict:
    state = dict(net().state_dict())
    if tensor is None:
        del state[name]
    else:
        state[name] = tensor
    return state


@pytest.mark.parametrize(
    "state",
    [
        {},
        changed("0.bias", None),
        changed("9.bias", torch.zeros(5)),
        changed("0.bias", torch.zeros(6)),
        changed("0.bias", torch.zeros(5, dtype=torch.int32)),
        changed("0.bias", torch.zeros(5, dtype=torch.complex64)),
        changed("0.bias", torch.full((5,), torch.nan)),
        changed("0.bias", torch.zeros(5).to_sparse()),
    ],
)
def test_tensors_that_are_not_the_network_s_are_refused(state):
    with pytest.raises(ModelCorruptError):
        check_tensors(state, net())


def test_a_filled_network_gives_what_the_first_one_gave():
    module = net().eval()
    same = filled(net, module.state_dict())
    x = torch.randn(4, 6)
    torch.testing.assert_close(same(x), module(x))
    assert not same.training
    assert not any(parameter.requires_grad for parameter in same.parameters())


def test_a_card_s_monstrous_width_is_refused_before_it_takes_memory():
    with pytest.raises(ModelCorruptError):
        filled(lambda: nn.Linear(1 << 20, 1 << 20), {"weight": torch.zeros(1)})


# --- checkpoints from elsewhere ---------------------------------------------------------


@pytest.mark.parametrize("key", [None, "state", "state_dict", "best_state"])
def test_a_foreign_checkpoint_gives_its_tensors(tmp_path, key):
    state = net().state_dict()
    content = state if key is None else {key: state, "epoch": 3, "optimizer": {"lr": 0.1}}
    torch.save(content, tmp_path / "x.pt")
    loaded = load_foreign_checkpoint(tmp_path / "x.pt", net())
    for name, tensor in loaded.items():
        torch.testing.assert_close(tensor, state[name])


@pytest.mark.parametrize("content", [[torch.zeros(3)], torch.zeros(3), {"state": 3}, {}, {1: 2}])
def test_a_foreign_checkpoint_that_is_no_table_of_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ModelCorruptError):
        load_foreign_checkpoint(tmp_path / "x.pt", net())


def test_a_foreign_checkpoint_far_too_large_is_not_even_opened(tmp_path):
    path = tmp_path / "x.pt"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ModelCorruptError, match="far more than"):
        load_foreign_checkpoint(path, net())
    with pytest.raises(ModelMissingError):
        load_foreign_checkpoint(tmp_path / "none.pt", net())


def test_a_model_file_can_not_run_code(tmp_path):
    canary = tmp_path / "canary"
    count = refused = ran = ran_in_control = 0
    for path in evil_files(tmp_path, canary):
        count += 1
        copy = path.with_name("evil.safetensors")
        for load in (
            lambda: load_foreign_checkpoint(path, nn.Linear(3, 3)),  # noqa: B023
            lambda: load_weights(card_for(copy), copy.parent),  # noqa: B023
        ):
            copy.write_bytes(path.read_bytes())
            with pytest.raises(ModelCorruptError):
                load()
            refused += 1
            ran += canary_fell(canary)
        ran_in_control += naive_load_runs_code(path, canary)
    record(
        "R20",
        what="evil files through both loaders",
        count=2 * count,
        failures=ran,
        figure=f"{ran} canaries, {refused} refusals",
        control=f"weights_only=False ran {ran_in_control} of {count}",
        control_failed=ran_in_control > 0,
    )
    assert count == 30
    assert ran == 0
    assert ran_in_control >= 20


def canary_fell(canary: Path) -> bool:
    if not canary.exists():
        return False
    canary.rmdir() if canary.is_dir() else canary.unlink()
    return True


def naive_load_runs_code(path: Path, canary: Path) -> bool:
    """Load as one must not, and return whether code in the file ran: the negative control."""
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        torch.load(path, weights_only=False)
    return canary_fell(canary)


MUTATION_CHILD = """
import sys
from pathlib import Path
import numpy as np
from drumstudio.catalog.weights import load_foreign_checkpoint
from drumstudio.core.errors import ModelCorruptError
from tests.catalog.test_weights import mutant, net

folder, count = Path(sys.argv[1]), int(sys.argv[2])
seeds = [path.read_bytes() for path in sorted(folder.glob("seed*"))]
generator = np.random.default_rng(22)
loaded = refused = 0
for number in range(count):
    path = folder / "mutant.pt"
    path.write_bytes(mutant(seeds[number % len(seeds)], generator))
    try:
        load_foreign_checkpoint(path, net())
        loaded += 1
    except ModelCorruptError:
        refused += 1
print(loaded, refused)
"""


def mutant(seed: bytes, generator: np.random.Generator) -> bytes:
    """Return a file cut, with turned bits, with rubbish in it, or with a stretch moved."""
    content = bytearray(seed)
    kind = generator.integers(4)
    place, other = sorted(int(n) for n in generator.integers(len(seed), size=2))
    if kind == 0:
        return bytes(content[:place])
    if kind == 1:
        for _ in range(int(generator.integers(1, 9))):
            content[generator.integers(len(seed))] ^= 1 << generator.integers(8)
    elif kind == 2:
        content[place : place + 8] = generator.bytes(8)
    else:
        content[place:other] = content[place:other][::-1]
    return bytes(content)


@pytest.mark.robust
def test_no_mutant_of_a_checkpoint_crashes_or_raises_anything_untyped(tmp_path):
    count = counts(500, 2_000)
    torch.save(net().state_dict(), tmp_path / "seed0")
    torch.save(net().state_dict(), tmp_path / "seed1", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": net().state_dict(), "epoch": 1}, tmp_path / "seed2")
    done = subprocess.run(
        [sys.executable, "-c", MUTATION_CHILD, str(tmp_path), str(count)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    loaded, refused = map(int, done.stdout.split())
    raw = raw_exceptions(tmp_path, 60)
    record(
        "R22",
        what="mutants of third-party checkpoints, in a child process",
        count=count,
        failures=count - loaded - refused,
        figure=f"0 crashes, {refused} typed refusals, {loaded} with tensors that fit",
        control=f"bare torch.load raised {', '.join(sorted(raw))}",
        control_failed=len(raw) > 1,
    )
    assert loaded + refused == count
    assert refused > 0
    assert len(raw) > 1


def raw_exceptions(folder: Path, count: int) -> set[str]:
    """Return the names of what `torch.load` itself raises for mutants: the negative control."""
    generator = np.random.default_rng(22)
    raised = set()
    for number in range(count):
        path = folder / "mutant.pt"
        path.write_bytes(mutant((folder / f"seed{number % 3}").read_bytes(), generator))
        try:
            torch.load(path, weights_only=True)
        except DrumStudioError:
            raise
        except Exception as error:  # noqa: BLE001 - to name them all is the point
            raised.add(type(error).__name__)
    return raised


# --- what the code may not say ----------------------------------------------------------

BANNED_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve"}
BANNED_CALLS = ("hub.load", "hub.load_state_dict_from_url", "yaml.load", "jit.load")


def dangerous_calls(source: str) -> list[str]:
    """Return what a module's source says that could run code from a file."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
            found += sorted(names & BANNED_MODULES)
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[0]
            taken = [alias.name for alias in node.names]
            # An exception's name can not run anything.
            if module in BANNED_MODULES and taken != ["UnpicklingError"]:
                found.append(module)
            if node.module == "torch" and {"load", "hub"} & set(taken):
                found.append("torch")
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
            unrestricted = name == "torch.load" and keywords.get("weights_only") != "True"
            with_objects = keywords.get("allow_pickle", "False") != "False"
            if unrestricted or with_objects or name.endswith(BANNED_CALLS):
                found.append(name)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.hub":
            found.append("torch.hub")
    return found


def test_no_module_can_load_code_from_a_file():
    modules = sorted(PACKAGE.rglob("*.py"))
    assert len(modules) > 20
    for path in modules:
        assert dangerous_calls(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import os, pickle as p",
        "from pickle import loads",
        "from pickle import UnpicklingError, loads",
        "import joblib",
        "torch.load(path)",
        "from torch import load",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "yaml.load(text)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "torch.hub.load_state_dict_from_url(url)",
        "from torch import hub\nhub.load('a', 'b')",
        "torch.jit.load(path)",
    ],
)
def test_the_scan_finds_what_it_looks_for(source):
    assert dangerous_calls(source)


def test_the_scan_lets_the_safe_way_pass():
    source = "from pickle import UnpicklingError\ntorch.load(p, weights_only=True)\nnp.load(p)"
    assert dangerous_calls(source) == []
