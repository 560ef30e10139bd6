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

TINY = """
id = "tiny"
name = "Tiny"
engine = "band-path"
description = "As small as it gets: for tests."
hit_average = 0.0

[network]
n_fft = 1024
hop_length = 256
bands = 12
channels = 6
hidden = 4
blocks = 2
sample_rate = 44100

[train]
part = "masks"
steps = 2
batch = 2
crop_seconds = 0.5

[mix]
written = 0.5

[pool]

[pool.first]
stem = 2
song = 2
"""


@pytest.fixture
def card(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    recipe = read_recipe(str(tmp_path / "tiny.toml"))
    torch.manual_seed(4)
    net = NETWORKS[recipe.engine](**recipe.network)
    save_weights(net, tmp_path / "w.safetensors", {})
    write_card(tmp_path / "tiny", recipe, (tmp_path / "w.safetensors").read_bytes(), [])
    return read_card(tmp_path / "tiny")


def test_chunks_give_what_the_whole_song_gives(card, tmp_path):
    samples = 0.1 * np.random.default_rng(0).standard_normal((2, 400_000)).astype(np.float32)
    whole = run(card, tmp_path, samples, "whole", chunk_seconds=60.0)
    parts = run(card, tmp_path, samples, "parts", chunk_seconds=2.0)
    np.testing.assert_allclose(parts, whole, atol=1e-6)
    assert np.abs(whole).max() > 1e-3


def test_it_averages_hits_where_its_card_says_so(card):
    off, on = (build(card, card.check_settings({"hit_average": share})) for share in (0.0, 0.7))
    assert off.refined_samples == 0
    assert on.refined_samples > 0
