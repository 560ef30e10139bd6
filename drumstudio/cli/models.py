"""List the models, or show one with its parameters, scores and credits."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from drumstudio.catalog.catalog import Catalog, default_catalog
from drumstudio.catalog.model_card import CARD_NAME, ModelCard, read_card
from drumstudio.cli.terminal import DONE, print_error, print_json, print_table, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio models`."""
    parser.add_argument("id", nargs="?", metavar="ID")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def model_named(id_or_folder: str) -> ModelCard:
    """Return a model of the catalog, or the one that a training left in a folder."""
    folder = Path(id_or_folder)
    if (folder / CARD_NAME).is_file():
        return read_card(folder)
    return default_catalog().find(id_or_folder)


def card_to_dict(card: ModelCard, catalog: Catalog) -> dict[str, Any]:
    """Return what `--json` shows of a card; what was not measured is an empty list."""
    return {"ready": catalog.ready(card), **card.to_dict()}


def run(options: argparse.Namespace) -> int:
    """Print the list of models, or one of them whole."""
    catalog = default_catalog()
    cards = [catalog.find(options.id)] if options.id else catalog.cards()
    if options.json:
        print_json([card_to_dict(card, catalog) for card in cards])
        return DONE
    if options.id:
        _show(cards[0], catalog)
        return DONE
    print_table(
        ("id", "name", "stems", "ready", "MB", "mean drums SDR", "licence"),
        [
            (
                card.id,
                card.name,
                ", ".join(card.all_stems),
                "yes" if catalog.ready(card) else "no",
                round(card.bytes / 1e6, 1),
                _score(card),
                card.licence,
            )
            for card in cards
        ],
    )
    for problem in catalog.problems:
        print_error(problem)
    return DONE


def _score(card: ModelCard) -> str:
    ranking = card.ranking_score
    return f"{ranking:.2f} dB" if math.isfinite(ranking) else "not measured"


def _show(card: ModelCard, catalog: Catalog) -> None:
    tell(f"{card.name} ({card.id}): {card.description}")
    tell(f"  stems      {', '.join(card.all_stems)}")
    tell(f"  ready      {'yes' if catalog.ready(card) else 'no'}")
    tell(f"  licence    {card.licence}")
    tell(f"  folder     {card.folder}")
    for score in card.scores:
        tell(f"  score      {score.metric} {score.value:.2f} dB on {score.data}")
    for speed in card.speed:
        tell(f"  speed      {1 / speed.real_time_factor:.1f}x real time on {speed.device}")
    if not card.scores:
        tell("  score      not measured")
    if not card.speed:
        tell("  speed      not measured")
    for parameter in card.parameters:
        allowed = ", ".join(parameter.choices) or f"{parameter.minimum:g} to {parameter.maximum:g}"
        tell(f"  setting    {parameter.name}={parameter.default}  {parameter.label} ({allowed})")
    for source in card.trained_on:
        credit = f": {source.credit}" if source.credit else ""
        tell(f"  trained on {source.name} ({source.licence}){credit}")
