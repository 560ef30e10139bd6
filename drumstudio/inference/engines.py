"""The engines by name, and how a model card becomes a separator that runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from drumstudio.catalog.model_card import ModelCard
from drumstudio.catalog.weights import load_weights
from drumstudio.core.errors import ModelCorruptError, ModelMissingError
from drumstudio.inference.base import Refinement, Separator
from drumstudio.inference.ladder import is_out_of_memory

# A card can name one of these and nothing else: a file from a stranger never imports code.
ENGINES = {
    "band-path": "drumstudio.separators.band_path:BandPathSeparator",
    "dual-path": "drumstudio.separators.dual_path:DualPathSeparator",
    "hpss": "drumstudio.separators.hpss:HpssSeparator",
    "tfc-tdf": "drumstudio.separators.tfc_tdf:TfcTdfSeparator",
}

REFINEMENTS = {"hit-average": "drumstudio.separators.hit_average:HitAverage"}
"""The engines of refinements: drums and mixture to better drums, behind any separator."""


def build_refinement(card: ModelCard, settings: Mapping[str, object]) -> Refinement:
    """Return the refinement of a card; parameters and errors as of `build`."""
    return cast(Refinement, _built(card, settings, REFINEMENTS))


def build(card: ModelCard, settings: Mapping[str, object]) -> Separator:
    """Return the separator of a card, with its weights checked, on the CPU.

    Parameters
    ----------
    card : ModelCard
        Any card; its weights lie beside it.
    settings : mapping
        A value for every parameter, as `ModelCard.check_settings` returns them.

    Raises
    ------
    ModelMissingError
        If this version has no such engine, or the weights are not there.
    ModelCorruptError
        If the weights are not the ones that the card names, do not fit the network, or the
        card's arguments are none of the network's.
    """
    return cast(Separator, _built(card, settings, ENGINES))


def _built(card: ModelCard, settings: Mapping[str, object], engines: Mapping[str, str]) -> object:
    if card.engine not in engines:
        raise ModelMissingError(
            f"Cannot run {card.name}",
            why=f"it needs the engine {card.engine}, which this version does not have.",
            fix="Update DrumStudio, or choose another model.",
        )
    module_name, _, class_name = engines[card.engine].partition(":")
    engine = getattr(import_module(module_name), class_name)
    weights = load_weights(card, card.folder) if card.weights else None
    try:
        return engine.from_card(card, dict(settings), weights)
    except (TypeError, ValueError, LookupError, ArithmeticError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise ModelCorruptError(
            f"Cannot run {card.name}",
            why=f"its card describes no such network: {error}.",
            fix="Install the model again, or choose another one.",
        ) from error


class Shelf:
    """Keeps the last separator that was built, so that a row of songs loads a model once."""

    def __init__(self) -> None:
        self._key: tuple[str, ...] | None = None
        self._separator: Separator | None = None

    def take(self, card: ModelCard, settings: Mapping[str, object]) -> Separator:
        """Return the separator of a card, built now or kept, on whichever device; as `build`."""
        key = (card.hash, repr(sorted(settings.items())), ENGINES.get(card.engine, ""))
        if self._separator is None or key != self._key:
            self._key, self._separator = None, None  # never two models in memory
            self._separator = build(card, settings)
            self._key = key
        return self._separator
