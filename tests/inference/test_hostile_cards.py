"""Cards from strangers: whatever they ask for is refused before it takes memory."""

from __future__ import annotations

import multiprocessing
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from drumstudio import paths
from drumstudio.catalog.model_card import ModelCard, read_card
from drumstudio.core.errors import DrumStudioError, ModelCorruptError
from drumstudio.inference.engines import build
from drumstudio.nets.dual_path import DualPath
from drumstudio.nets.tfc_tdf import TfcTdf
from tests.promises import record

HUGE = 1 << 20


def shipped(model_id) -> ModelCard:
    return read_card(paths.shipped_folder("models") / model_id)


def with_network(model_id, **changed) -> ModelCard:
    card = shipped(model_id)
    return replace(card, network={**card.network, **changed})


NETWORKS = [
    ("fast", {"n_fft": HUGE}), ("fast", {"n_fft": 16384, "hop_length": 16}),
    ("fast", {"hop_length": 1}), ("fast", {"hop_length": 0}), ("fast", {"hop_length": 5000}),
    ("fast", {"channels": HUGE}), ("fast", {"channels": 16.5}), ("fast", {"channels": True}),
    ("fast", {"channels": [16]}), ("fast", {"growth": HUGE}), ("fast", {"levels": 60}),
    ("fast", {"levels": 0}), ("fast", {"low_channels": HUGE}), ("fast", {"bands": HUGE}),
    ("fast", {"bottleneck": 0}), ("fast", {"sub_bands": 0}), ("fast", {"sample_rate": 0}),
    ("fast", {"unknown": 1}), ("flagship", {"path_bins": HUGE}),
    ("flagship", {"path_blocks": HUGE}),
    ("flagship", {"path_hidden": HUGE}), ("flagship", {"song_channels": 0}),
    ("flagship", {"path_channels": "many"}),
]  # fmt: skip

SETTINGS = [
    ("hpss", {"kernel": 10**9}), ("hpss", {"kernel": 0}), ("hpss", {"power": 0.0}),
    ("hpss", {"power": 1e12}), ("hpss", {"margin": 0.0}), ("fast", {"isolation": 1e12}),
    ("fast", {"level": -1e12}), ("flagship", {"hit_average": 2.0}),
]  # fmt: skip

STFTS = [
    {"n_fft": 0, "hop_length": 0}, {"n_fft": 4096, "hop_length": 0},
    {"n_fft": 4096, "hop_length": 64}, {"n_fft": HUGE, "hop_length": HUGE},
    {"n_fft": 65536, "hop_length": 65536},
]  # fmt: skip


def hostile_cards():
    """Yield (card, settings); every one asks for what no network of ours can be."""
    for model_id, changed in NETWORKS:
        card = with_network(model_id, **changed)
        yield card, card.check_settings({})
    for model_id, changed in SETTINGS:
        card = shipped(model_id)
        yield card, {**card.check_settings({}), **changed}
    for changed in STFTS:
        card = replace(shipped("hpss"), **changed)
        kernel = 101 if changed["n_fft"] != 65536 else 31
        yield card, {**card.check_settings({}), "kernel": kernel}


def highest_mb():
    """Return the most memory this process has held since `forget_highest`."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def forget_highest():
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): the mark begins anew
    return highest_mb()


def believe(results):
    """Make what a card says, as a trusting program does; the negative control."""
    torch.zeros(1)
    before = forget_highest()
    nn.Linear(4096, 8192)
    results.put(highest_mb() - before)


def refuse_all(results):
    for model_id in ("hpss", "fast", "flagship"):
        card = shipped(model_id)
        build(card, card.check_settings({}))
    before = forget_highest()
    wrong = []
    for card, settings in hostile_cards():
        try:
            build(card, settings)
            wrong.append((card.id, settings, card.network, "was built"))
        except DrumStudioError as error:
            if "\n" in error.why or len(error.why) > 400:
                wrong.append((card.id, error.why))
        except Exception as error:  # noqa: BLE001 (anything else is what we look for)
            wrong.append((card.id, settings, card.network, repr(error)))
    results.put((wrong, highest_mb() - before))


def in_a_child(target):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    child = context.Process(target=target, args=(results,))
    child.start()
    found = results.get(timeout=240)
    child.join()
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux tells it")
def test_no_card_takes_more_memory_than_those_that_ship():
    wrong, grown = in_a_child(refuse_all)
    believed = in_a_child(believe)
    record(
        "R20",
        what="cards that ask for networks, transforms and settings beyond all measure",
        count=len(list(hostile_cards())),
        failures=len(wrong) + (grown >= 64),
        figure=f"{len(wrong)} not refused in three lines, {grown:.0f} MB taken",
        control=f"one layer made as a card says: {believed:.0f} MB",
        control_failed=believed >= 64,
    )
    assert wrong == []
    assert grown < 64
    assert believed >= 64


@pytest.mark.parametrize("network", [TfcTdf, DualPath])
def test_the_largest_network_that_is_allowed_keeps_a_bounded_number_of_cells(network):
    with torch.device("meta"):
        network(channels=64, growth=64, levels=5, low_channels=1024)
        with pytest.raises(ValueError, match="numbers a sample"):
            network(channels=256, hop_length=256)


def test_a_card_s_network_is_refused_by_its_weights_before_it_is_built():
    card = with_network("fast", low_channels=1024)
    with pytest.raises(ModelCorruptError, match="shape"):
        build(card, card.check_settings({}))
