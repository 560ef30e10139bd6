from __future__ import annotations

import pytest
import torch

from drumstudio.catalog.model_card import Training, read_card
from drumstudio.catalog.weights import load_weights, save_weights
from drumstudio.core.errors import ModelCorruptError, SettingError
from drumstudio.jobs.job import no_checkpoint
from drumstudio.training.cards import write_card
from drumstudio.training.means import mean_job
from drumstudio.training.run import NETWORKS


def model(folder, recipe, seed):
    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    net = NETWORKS[recipe.engine](**recipe.network)
    save_weights(net, folder / "w.safetensors", {})
    weights = (folder / "w.safetensors").read_bytes()
    write_card(folder / recipe.id, recipe, weights, [Training(f"songs {seed}", "CC0", "")])
    return str(folder / recipe.id)


def weights(folder):
    card = read_card(folder)
    return load_weights(card, card.folder)


def test_the_mean_lies_half_way_and_credits_all(tmp_path, tiny_recipe, tiny_recipe_file):
    folders = [model(tmp_path / str(seed), tiny_recipe, seed) for seed in (1, 2)]
    told = mean_job(
        no_checkpoint, recipe=str(tiny_recipe_file), card_folders=folders,
        folder=str(tmp_path / "mean"),
    )  # fmt: skip
    assert told["models"] == 2
    card = read_card(tmp_path / "mean" / "tiny")
    assert [entry.name for entry in card.trained_on] == ["songs 1", "songs 2"]
    one, other = (weights(tmp_path / name / "tiny") for name in ("1", "2"))
    for name, value in weights(card.folder).items():
        half = (one[name].double() + other[name].double()) / 2
        # Weights are kept in half precision.
        torch.testing.assert_close(value.double(), half, rtol=2e-3, atol=1e-4)
    assert not torch.equal(one["exit.weight"], other["exit.weight"])


def test_models_of_another_network_are_refused(tmp_path, tiny_recipe, tiny_recipe_file):
    folder = model(tmp_path / "one", tiny_recipe, 1)
    wider = tmp_path / "wider.toml"
    wider.write_text(tiny_recipe_file.read_text().replace("channels = 4\n", "channels = 8\n", 1))
    with pytest.raises(ModelCorruptError, match="into the mean"):
        mean_job(
            no_checkpoint, recipe=str(wider), card_folders=[folder], folder=str(tmp_path / "mean")
        )
    with pytest.raises(SettingError):
        mean_job(no_checkpoint, recipe=str(wider), card_folders=[], folder=str(tmp_path / "mean"))
    assert not (tmp_path / "mean").exists()
