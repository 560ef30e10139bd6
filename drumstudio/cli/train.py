"""Train a model from folders of stems, or see what would be understood of them.

A folder may hold songs in MUSDB layout, folders of stems under any names, NI .stem.mp4 files,
drums alone, or music without drums. A training can be stopped at any moment and goes on when
the same command is given again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from drumstudio import paths
from drumstudio import settings as user_settings
from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.model_card import CARD_NAME, ModelCard, read_card
from drumstudio.cli.terminal import DONE, ProgressBar, print_json, print_table, say
from drumstudio.core.names import safe_name
from drumstudio.workflows.workshop import Workshop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio train`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    train = actions.add_parser("run", help="train, or go on with a training that was stopped")
    train.add_argument(
        "--recipe", required=True, metavar="ID|FILE", help="ours: fast; improve (with --from)"
    )
    train.add_argument("--data", action="append", default=[], metavar="FOLDER")
    train.add_argument(
        "--from", dest="start", metavar="ID|FOLDER", help="begin with a model's weights"
    )
    train.add_argument("--minutes", type=float, help="how long; default: as the recipe says")
    train.add_argument("--seed", type=int, help="another seed than the recipe's")
    train.add_argument("--name", help="the model's name; default: the recipe's")
    train.add_argument("--device", default=None, choices=["auto", "cpu", "cuda"])
    train.add_argument("--out", type=Path, metavar="FOLDER", help="the training's own folder")
    mean = actions.add_parser("mean", help="the mean of trainings that began with one model")
    mean.add_argument("folders", nargs="+", metavar="FOLDER", help="models, each with its card")
    mean.add_argument("--recipe", required=True, metavar="ID|FILE", help="what trained them")
    mean.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    check = actions.add_parser("check", help="show what was understood of training folders")
    check.add_argument("--data", action="append", required=True, metavar="FOLDER")
    for words in (train, mean, check):
        words.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Train or check, then tell what came of it."""
    stored = user_settings.load()
    with Workshop(stored) as workshop:
        bar = ProgressBar(f"train {options.action}")
        try:
            if options.action == "check":
                report = workshop.pool.run("check_training_data", bar, folders=options.data)
            elif options.action == "mean":
                report = workshop.pool.run(
                    "mean_of_models",
                    bar,
                    recipe=options.recipe,
                    card_folders=options.folders,
                    folder=str(options.out),
                )
            else:
                name = safe_name(options.name or Path(options.recipe).stem)
                folder = options.out or paths.user_data_folder() / "trainings" / name
                start = _model(options.start) if options.start else None
                report = workshop.pool.run(
                    "train",
                    bar,
                    recipe=options.recipe,
                    data=options.data,
                    folder=str(folder),
                    minutes=options.minutes,
                    device=options.device or "auto",
                    threads=stored.processor_threads,
                    from_card=str(start.folder) if start else None,
                    seed=options.seed,
                    name=options.name,
                )
        finally:
            bar.close()
    if options.json:
        print_json(report)
    elif options.action == "check":
        _tell_check(report)
    elif options.action == "mean":
        print(f"{report['model']}: the mean of {report['models']} models")
    else:
        print(f"{report['model']}: {report['steps']} steps in {report['minutes']:.1f} minutes")
        say("Put that folder among your models to use it: " + str(paths.user_models_folder()))
    return DONE


def _model(id_or_folder: str) -> ModelCard:
    """Return a model of the catalog, or the one that another training left in a folder."""
    folder = Path(id_or_folder)
    if (folder / CARD_NAME).is_file():
        return read_card(folder)
    return default_catalog().find(id_or_folder)


def _tell_check(report: dict[str, Any]) -> None:
    print_table(
        ("song", "stems", "seconds", "used to"),
        [
            (
                song["song"],
                ", ".join(song["stems"]),
                song["seconds"],
                {"train": "train", "valid": "score"}.get(song["split"], song["split"]),
            )
            for song in report["songs"]
        ],
    )
    for kind, minutes in report["minutes"].items():
        print(f"{minutes:8.1f} min  {kind}")
    print(f"{report['files']} files")
    for song, problems in report["problems"].items():
        for problem in problems:
            say(f"{song}: {problem}")
