from __future__ import annotations

import numpy as np
import pytest
import torch

from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.model_card import read_card
from drumstudio.catalog.weights import save_weights
from drumstudio.core.errors import ModelCorruptError
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.engines import build
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import no_checkpoint
from drumstudio.training.cards import write_card
from drumstudio.training.recipes import read_recipe
from drumstudio.training.run import NETWORKS
from tests.training.conftest import TINY_RECIPE


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_RECIPE)
    recipe = read_recipe(str(path))
    torch.manual_seed(4)
    net = NETWORKS[recipe.engine](**recipe.network)
    torch.nn.init.normal_(net.low_exit.weight, std=0.2)
    save_weights(net, tmp_path / "w.safetensors", {})
    write_card(tmp_path / "tiny", recipe, (tmp_path / "w.safetensors").read_bytes(), [])
    return read_card(tmp_path / "tiny")


def run(card, tmp_path, samples, name, **changes) -> np.ndarray:
    song = tmp_path / f"{name}.wav"
    with WavWriter(song, 44_100, samples.shape[0]) as writer:
        writer.write(samples)
    arguments = {"settings": {}, "device": "cpu", "threads": 1} | changes
    separate(
        no_checkpoint, mixture=str(song), drums=str(tmp_path / f"{name}_drums.wav"),
        card_folder=str(card.folder), work_folder=str(tmp_path / f"{name}_work"), **arguments,
    )  # fmt: skip
    with WavReader(tmp_path / f"{name}_drums.wav") as reader:
        return reader.read(0, reader.samples)


def test_chunks_give_what_the_whole_song_gives(card, tmp_path):
    samples = 0.1 * np.random.default_rng(0).standard_normal((2, 200_000)).astype(np.float32)
    whole = run(card, tmp_path, samples, "whole")
    parts = run(card, tmp_path, samples, "parts", chunk_seconds=1.0)
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    assert np.abs(whole).max() > 1e-3


def test_isolation_takes_less(card, tmp_path):
    samples = 0.1 * np.random.default_rng(0).standard_normal((2, 60_000)).astype(np.float32)
    plain = run(card, tmp_path, samples, "plain")
    isolated = run(card, tmp_path, samples, "isolated", settings={"isolation": 1.0})
    assert np.sum(isolated**2) < np.sum(plain**2)


def test_the_level_the_network_hears_is_the_cards_unless_told(card, tmp_path):
    samples = 0.1 * np.random.default_rng(0).standard_normal((2, 60_000)).astype(np.float32)
    plain = run(card, tmp_path, samples, "plain")
    told = run(card, tmp_path, samples, "told", settings={"level": -6.0})
    assert not np.array_equal(told, plain)
    text = (card.folder / "model.toml").read_text()
    before, name, after = text.partition('name = "level"')
    lowered = before + name + after.replace("default = 0.0", "default = -6.0", 1)
    (card.folder / "model.toml").write_text(lowered)
    np.testing.assert_array_equal(run(card, tmp_path, samples, "lowered"), told)


@pytest.mark.parametrize("channels", [1, 3])
def test_any_number_of_channels_is_taken(card, tmp_path, channels):
    samples = 0.1 * np.random.default_rng(0).standard_normal((channels, 60_000))
    assert run(card, tmp_path, samples.astype(np.float32), "many").shape == (channels, 60_000)


def test_the_shipped_model_loads():
    card = default_catalog().find("fast")
    separator = build(card, card.check_settings({}))
    mixture = torch.from_numpy(
        0.1 * np.random.default_rng(0).standard_normal((1, 2, 44_100)).astype(np.float32)
    )
    assert separator.separate(mixture).shape == mixture.shape


def test_weights_of_another_network_are_refused(card):
    text = (card.folder / "model.toml").read_text().replace("low_channels = 8", "low_channels = 4")
    (card.folder / "model.toml").write_text(text)
    broken = read_card(card.folder)
    with pytest.raises(ModelCorruptError):
        build(broken, broken.check_settings({}))
