from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.model_card import read_card
from drumstudio.catalog.weights import save_weights
from drumstudio.inference.engines import build
from drumstudio.separators.hit_average import with_hit_average
from drumstudio.training.cards import write_card
from drumstudio.training.recipes import read_recipe
from drumstudio.training.run import NETWORKS
from tests.separators.test_hit_average import RATE, kick, line
from tests.separators.test_tfc_tdf import run
from tests.training.test_low_path import recipe_upon


@pytest.fixture
def card(tmp_path):
    recipe = replace(read_recipe(recipe_upon(tmp_path)), hit_average=0.0)
    torch.manual_seed(4)
    net = NETWORKS[recipe.engine](**recipe.network)
    save_weights(net, tmp_path / "w.safetensors", {})
    write_card(tmp_path / "tiny", recipe, (tmp_path / "w.safetensors").read_bytes(), [])
    return read_card(tmp_path / "tiny")


def test_chunks_give_what_the_whole_song_gives(card, tmp_path):
    samples = 0.1 * np.random.default_rng(0).standard_normal((2, 1_500_000)).astype(np.float32)
    whole = run(card, tmp_path, samples, "whole", chunk_seconds=120.0)
    parts = run(card, tmp_path, samples, "parts", chunk_seconds=18.0)
    np.testing.assert_allclose(parts, whole, atol=1e-6)
    assert np.abs(whole).max() > 1e-3


def test_the_hit_average_is_a_setting_that_can_be_turned_off(card):
    off, on = (build(card, card.check_settings({"hit_average": share})) for share in (0.0, 0.7))
    assert (off.refined_samples, on.refined_samples) == (0, 60 * RATE)
    times = np.arange(0.1, 19.5, 0.5)
    drums = line([kick()] * len(times), times)
    mixture, estimate = drums + 0.1, 0.5 * drums
    assert off.refine(mixture, estimate) is estimate
    refined = on.refine(mixture, estimate)
    assert np.array_equal(refined, with_hit_average(mixture, estimate, RATE, 0.7))
    assert not np.array_equal(refined, estimate)


@pytest.mark.parametrize("model", ["fast", "flagship"])
def test_the_models_that_ship_average_hits(model):
    card = default_catalog().find(model)
    assert build(card, card.check_settings({})).refined_samples > 0
