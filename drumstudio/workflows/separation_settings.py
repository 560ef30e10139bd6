"""What decides how a separation sounds: the model, its parameters, the refinements behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumstudio.catalog.catalog import Catalog
from drumstudio.catalog.model_card import ModelCard
from drumstudio.core.errors import SettingError
from drumstudio.core.separation import Refined
from drumstudio.files.block_reader import SplitFiles
from drumstudio.inference.version import ENGINE_VERSION


@dataclass(frozen=True, slots=True)
class RefinementSettings:
    """A refinement behind a separator.

    Parameters
    ----------
    card : ModelCard
        Of the kind "refinement".
    parameters : dict
        Its parameters, checked by the card and complete.
    """

    card: ModelCard
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SeparationSettings:
    """What decides how a separation sounds, and where it is computed.

    Parameters
    ----------
    card : ModelCard
        The model.
    parameters : dict
        Its parameters, checked by the card and complete.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.
    threads : int
        Threads on a processor, at least 1.
    refinements : tuple of RefinementSettings
        What comes behind the model, in order.
    """

    card: ModelCard
    parameters: dict[str, Any]
    device: str = "auto"
    threads: int = 1
    refinements: tuple[RefinementSettings, ...] = ()


def separation_settings(
    catalog: Catalog,
    model_id: str | None,
    parameters: dict[str, Any],
    device: str,
    threads: int,
    refinements: Mapping[str, dict[str, Any]] | None = None,
) -> SeparationSettings:
    """Return checked settings for a model; without an id, the best that ships.

    A model that refines by itself with a parameter of the same name as a refinement leaves that
    to the refinement.

    Parameters
    ----------
    refinements : mapping of str to dict, optional
        Ids of refinements to their parameters, in order.

    Raises
    ------
    ModelMissingError
        If there is no such model or its weights are not here.
    SettingError
        If a parameter is unknown or out of range.
    """
    card = catalog.find(model_id) if model_id else catalog.best()
    if card.kind != "separator":
        raise SettingError(
            f"Cannot separate with {card.name}",
            why=f"it is a {card.kind}, which needs drums that a model has separated.",
            fix=f"Name a model, and {card.id} behind it: --refine {card.id}.",
        )
    if len(card.stems) > 1:
        raise SettingError(
            f"Cannot separate with {card.name}",
            why=f"it gives {len(card.stems)} stems, and its engine here gives one.",
            fix="Choose another model.",
        )
    chain = refinement_settings(catalog, refinements or {}, card.name, card.drums)
    own = {one.card.id.replace("-", "_") for one in chain}
    off = {one.name: 0.0 for one in card.parameters if one.name in own}
    checked = card.check_settings({**parameters, **off})
    return SeparationSettings(card, checked, device, threads, chain)


def refinement_settings(
    catalog: Catalog, refinements: Mapping[str, dict[str, Any]], behind: str, drums: str
) -> tuple[RefinementSettings, ...]:
    """Return checked settings of refinements.

    Parameters
    ----------
    catalog : Catalog
        The models.
    refinements : mapping of str to dict
        Their ids to their parameters, in order.
    behind, drums : str
        What they come behind, for a person, and its stem that serves as drums, or empty.

    Raises
    ------
    ModelMissingError
        If there is no such card.
    SettingError
        If one is no refinement, there are no drums to refine, or a parameter is wrong.
    """
    found = []
    for model_id, parameters in refinements.items():
        card = catalog.find(model_id)
        if card.kind != "refinement":
            raise SettingError(
                f"Cannot refine with {card.name}",
                why=f"it is a {card.kind}, no refinement.",
                fix="Name a refinement; studio models lists them.",
            )
        if not drums:
            raise SettingError(
                f"Cannot refine {behind} with {card.name}",
                why="none of its stems serves as drums.",
                fix="Refine what gives drums.",
            )
        found.append(RefinementSettings(card, card.check_settings(parameters)))
    return tuple(found)


def records_of(chain: Sequence[RefinementSettings]) -> tuple[Refined, ...]:
    """Return what a separation keeps of the refinements behind it."""
    return tuple(
        Refined(one.card.id, one.card.hash, ENGINE_VERSION, dict(one.parameters)) for one in chain
    )


def split_of(card: ModelCard, drums: Path) -> SplitFiles:
    """Return the stems that a model's result is."""
    return SplitFiles({card.stems[0]: drums}, card.computed, card.drums)
