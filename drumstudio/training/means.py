"""The mean of trainings that began with the same weights: less chance in it than in any of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from drumstudio.catalog.model_card import ModelCard, read_card
from drumstudio.catalog.weights import check_tensors, load_weights, save_weights
from drumstudio.core.errors import ModelCorruptError, SettingError
from drumstudio.jobs.job import Checkpoint
from drumstudio.training.cards import WEIGHTS_NAME, write_card
from drumstudio.training.recipes import Recipe, read_recipe
from drumstudio.training.run import NETWORKS, going_on


def mean_job(
    checkpoint: Checkpoint, *, recipe: str, card_folders: Sequence[str], folder: str
) -> dict[str, Any]:
    """Write the model whose weights are the mean of other models' weights; the worker's job.

    Parameters
    ----------
    checkpoint : Checkpoint
    recipe : str
        Name of a recipe of ours, or a TOML file: the one that all of them were trained by.
    card_folders : sequence of str
        Folders of the models, each with its card. They have to have begun with the same weights
        and not gone far: the mean of strangers separates nothing.
    folder : str
        The new model is written into a folder of the recipe's id there.

    Returns
    -------
    dict
        `model` (the card's folder), `models` (how many).

    Raises
    ------
    DrumStudioError
        If a model is not of the recipe's network, or a file can not be read or written.

    Notes
    -----
    Wortsman et al., "Model soups" (ICML 2022).
    """
    if not card_folders:
        raise SettingError(
            "Cannot take the mean of no models",
            why="not one was named.",
            fix="Name the folders that trainings of one recipe left.",
        )
    book = read_recipe(recipe)
    cards = [read_card(Path(path)) for path in card_folders]
    if not book.engine:
        book = going_on(book, cards[0])
    net = NETWORKS[book.engine](**book.network)
    total: dict[str, torch.Tensor] = {}
    for number, card in enumerate(cards):
        checkpoint(number / len(cards), f"Reading {card.name}")
        for name, tensor in _weights(card, book, net).items():
            total[name] = total.get(name, torch.zeros_like(tensor)) + tensor
    # Counters of batches are whole numbers.
    net.load_state_dict(
        {
            name: value / len(cards) if value.is_floating_point() else value // len(cards)
            for name, value in total.items()
        }
    )
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    save_weights(net, target / WEIGHTS_NAME, {"mean_of": str(len(cards))})
    credits = list(dict.fromkeys(entry for card in cards for entry in card.trained_on))
    model = target / book.id
    write_card(model, book, (target / WEIGHTS_NAME).read_bytes(), credits)
    return {"model": str(model), "models": len(cards)}


def _weights(card: ModelCard, recipe: Recipe, net: torch.nn.Module) -> dict[str, torch.Tensor]:
    if card.engine != recipe.engine or card.network != recipe.network:
        raise ModelCorruptError(
            f"Cannot take {card.folder} into the mean",
            why=f"its network is not the one that the recipe {recipe.id} describes.",
            fix="Name models that this recipe trained.",
        )
    state = load_weights(card, card.folder)
    check_tensors(state, net)
    return dict(state)
