"""List the models, or show one with its parameters, scores and credits."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from drumstudio.catalog.catalog import Catalog, default_catalog
from drumstudio.catalog.model_card import ModelCard
from drumstudio.cli.terminal import DONE, print_error, print_json, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio models`."""
    parser.add_argument("id", nargs="?", metavar="ID")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def card_to_dict(card: ModelCard, catalog: Catalog) -> dict[str, Any]:
    """Return what `--json` shows of a card; an absent score or speed is None."""
    return {
        "id": card.id,
        "name": card.name,
        "kind": card.kind,
        "ready": catalog.ready(card),
        "bytes": card.bytes,
        "licence": card.licence,
        "stems": list(card.stems),
        "scores": [score.to_dict() for score in card.scores],
        "speed": card.speed or None,
        "description": card.description,
        "sample_rate": card.sample_rate,
        "parameters": [parameter.to_dict() for parameter in card.parameters],
        "trained_on": [source.to_dict() for source in card.trained_on],
        "sha256": card.sha256 or None,
        "url": card.url or None,
    }


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
        ("id", "name", "stems", "ready", "MB", "drums SDR", "licence"),
        [
            (
                card.id,
                card.name,
                ", ".join(card.stems),
                "yes" if catalog.ready(card) else "no",
                round(card.bytes / 1e6, 1),
                card.scores[0].text() if card.scores else "not measured",
                card.licence,
            )
            for card in cards
        ],
    )
    for problem in catalog.problems:
        print_error(problem)
    return DONE


def _show(card: ModelCard, catalog: Catalog) -> None:
    print(f"{card.name} ({card.id}): {card.description}")
    print(f"  stems      {', '.join(card.stems)}")
    print(f"  ready      {'yes' if catalog.ready(card) else 'no'}")
    print(f"  licence    {card.licence}")
    print(f"  folder     {Path(card.folder)}")
    for score in card.scores or ():
        print(f"  score      {score.text()} on {score.data} ({score.protocol})")
    if not card.scores:
        print("  score      not measured")
    print(f"  speed      {card.speed or 'not measured'}")
    for parameter in card.parameters:
        print(
            f"  --set {parameter.name}={parameter.default}  {parameter.label} "
            f"({parameter.range_text()})"
        )
    for source in card.trained_on:
        print(f"  trained on {source.name}, {source.licence}: {source.credit}")
