"""Training the low path of a dual-path network, which stands upon a trained simpler network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from drumstudio.catalog.model_card import read_card
from drumstudio.catalog.weights import load_weights
from drumstudio.core.errors import ModelCorruptError, SettingError
from drumstudio.jobs.job import no_checkpoint
from drumstudio.nets.dual_path import DualPath
from drumstudio.training.losses import low_path_loss
from drumstudio.training.recipes import read_recipe
from drumstudio.training.run import train_job
from tests.nets.test_tfc_tdf import SMALL
from tests.training.conftest import TINY_RECIPE

pytestmark = pytest.mark.robust  # too long for the fast ones

PATH = """path_bins = 6
path_bands = 4
path_channels = 6
path_hidden = 4
song_channels = 6
path_blocks = 1
"""


def recipe_upon(tmp_path, **changes: int):
    text = TINY_RECIPE.replace('id = "tiny"', 'id = "tiny-dual"')
    text = text.replace('"tfc-tdf"', '"dual-path"').replace("\n[train]", PATH + "\n[train]")
    text = text.replace("steps = 4\n", 'steps = 4\npart = "low path"\n', 1)
    for name, value in changes.items():
        text = re.sub(rf"(?m)^{name} = \d+$", f"{name} = {value}", text)
    path = tmp_path / "tiny-dual.toml"
    path.write_text(text)
    return str(path)


@pytest.fixture
def simple(songs, tiny_recipe_file, tmp_path):
    """Return the card of a simple network, trained for some steps."""
    report = train_job(
        no_checkpoint, recipe=str(tiny_recipe_file), data=[str(songs)], folder=str(tmp_path / "a")
    )
    return read_card(tmp_path / "a" / "tiny") if report["steps"] else None


def test_only_the_low_path_learns_and_the_rest_is_the_simpler_networks(songs, simple, tmp_path):
    report = train_job(
        no_checkpoint,
        recipe=recipe_upon(tmp_path),
        data=[str(songs)],
        folder=str(tmp_path / "b"),
        from_card=str(simple.folder),
    )
    card = read_card(tmp_path / "b" / "tiny-dual")
    assert report["steps"] == 4
    assert card.engine == "dual-path"
    before, after = load_weights(simple, simple.folder), load_weights(card, card.folder)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert any(name.startswith("path.") for name in after)


def test_a_network_of_another_size_is_no_start(songs, simple, tmp_path):
    with pytest.raises(ModelCorruptError, match="its network is not the one"):
        train_job(
            no_checkpoint,
            recipe=recipe_upon(tmp_path, channels=8),
            data=[str(songs)],
            folder=str(tmp_path / "c"),
            from_card=str(simple.folder),
        )


def hits_and_tone() -> tuple[torch.Tensor, torch.Tensor]:
    """Return mixtures of a tone at 500 Hz with and without hits at 200 Hz, and the hits."""
    time = torch.arange(66_150) / 44_100
    since = time % 0.25
    hits = 2.0 * torch.sin(2 * torch.pi * 200 * since) * torch.exp(-since * 15)
    tone = 0.3 * torch.sin(2 * torch.pi * 500 * time)
    drums = torch.stack([hits, torch.zeros_like(hits)])[:, None].expand(2, 2, -1)
    return drums + tone, drums


def test_the_low_path_learns_to_tell_hits_from_a_tone():
    torch.manual_seed(0)
    net = DualPath(**SMALL, path_bins=9, path_bands=6, path_channels=12, path_hidden=8)
    mixture, drums = hits_and_tone()
    optimiser = torch.optim.AdamW(net.path.parameters(), lr=5e-3)
    for _ in range(30):
        loss = low_path_loss(net, mixture, drums)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with_hits, without = torch.sigmoid(net.path(net.path.spectra(mixture))).detach()
    at_hits, between = [90, 176, 262], [84, 170, 256]
    assert float(with_hits[2, at_hits].min()) > 0.8
    assert float(with_hits[6, between].max()) < 0.2
    assert float(without[:, at_hits].max()) < 0.2


def test_the_loss_of_the_low_path_leaves_all_else_alone():
    net = DualPath(**SMALL, path_bins=9, path_bands=6, path_channels=8, path_hidden=4)
    low_path_loss(net, *hits_and_tone()).backward()
    moved = {name for name, tensor in net.named_parameters() if tensor.grad is not None}
    assert moved == {name for name, _ in net.named_parameters() if name.startswith("path.")}


def test_a_part_is_not_trained_upon_nothing(songs, tmp_path):
    with pytest.raises(SettingError, match="the rest would know nothing"):
        train_job(
            no_checkpoint,
            recipe=recipe_upon(tmp_path),
            data=[str(songs)],
            folder=str(tmp_path / "d"),
        )
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("was", "now"), [('"low path"', '"high path"'), ('"dual-path"', '"tfc-tdf"')]
)
def test_a_part_that_the_network_has_not_is_told(tmp_path, was, now):
    path = recipe_upon(tmp_path)
    text = Path(path).read_text()
    Path(path).write_text(text.replace(was, now))
    with pytest.raises(SettingError, match="no part"):
        read_recipe(path)
