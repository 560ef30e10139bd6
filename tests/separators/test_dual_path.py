from __future__ import annotations

import numpy as np
import pytest
import torch

from drumstudio.catalog.model_card import read_card
from drumstudio.catalog.weights import save_weights
from drumstudio.inference.engines import build
from drumstudio.training.cards import write_card
from drumstudio.training.recipes import read_recipe
from drumstudio.training.run import NETWORKS
from tests.separators.test_tfc_tdf import run
from tests.training.test_low_path import recipe_upon


@pytest.fixture
def card(tmp_path):
    recipe = read_recipe(recipe_upon(tmp_path))
    torch.manual_seed(4)
    net = NETWORKS[recipe.engine](**recipe.network)
    save_weights(net, tmp_path / "w.safetensors", {})
    write_card(tmp_path / "tiny", recipe, (tmp_path / "w.safetensors").read_bytes(), [])
    return read_card(tmp_path / "tiny")


def decibels(difference: np.ndarray, reference: np.ndarray) -> float:
    return float(10 * np.log10(np.square(difference).sum() / np.square(reference).sum() + 1e-20))


def test_chunks_give_nearly_what_the_whole_song_gives(card, tmp_path):
    samples = 0.1 * np.random.default_rng(0).standard_normal((2, 2_500_000)).astype(np.float32)
    whole = run(card, tmp_path, samples, "whole", chunk_seconds=120.0)
    parts = run(card, tmp_path, samples, "parts", chunk_seconds=30.0)
    assert not np.array_equal(parts, whole)
    assert decibels(parts - whole, whole) < -60


def test_its_memory_is_given_its_context(card):
    separator = build(card, card.check_settings({}))
    assert separator.context_samples >= 4 * separator.sample_rate
    assert separator.context_samples % separator.hop_length == 0
    assert separator.overlap > 0
