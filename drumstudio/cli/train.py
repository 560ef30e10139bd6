"""Train a model from folders of stems, or see what would be understood of them.

A folder may hold songs in MUSDB layout, folders of stems under any names, NI .stem.mp4 files,
drums alone, or music without drums. A training can be stopped at any moment and goes on when
the same command is given again, or with `resume`. When it is over, its model is among yours,
unless it has a folder of its own (--out).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from drumstudio import settings as user_settings
from drumstudio.cli.models import model_named
from drumstudio.cli.terminal import DONE, ProgressBar, clock, print_json, print_table, say, tell
from drumstudio.core.errors import SettingError
from drumstudio.files.training_folder import ORDER_NAME, Order, read_order, read_progress
from drumstudio.workflows import trainings
from drumstudio.workflows.workshop import Workshop

# A step, a score and a save on a slow computer.
_WAIT_SECONDS = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio train`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    train = actions.add_parser("run", help="train, or go on with a training that was stopped")
    train.add_argument(
        "--recipe",
        required=True,
        metavar="ID|FILE",
        help="ours: fast; flagship and improve (with --from)",
    )
    train.add_argument("--data", action="append", default=[], metavar="FOLDER")
    train.add_argument(
        "--from", dest="start", metavar="ID|FOLDER", help="begin with a model's weights"
    )
    train.add_argument("--minutes", type=float, help="how long; default: as the recipe says")
    train.add_argument("--seed", type=int, help="another seed than the recipe's")
    train.add_argument("--name", help="the model's name; default: the recipe's")
    train.add_argument("--device", default=None, choices=["auto", "cpu", "cuda"])
    train.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="the training's own folder; its model is then put among yours only by `install`",
    )
    mean = actions.add_parser("mean", help="the mean of trainings that began with one model")
    mean.add_argument("folders", nargs="+", metavar="FOLDER", help="models, each with its card")
    mean.add_argument("--recipe", required=True, metavar="ID|FILE", help="what trained them")
    mean.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    check = actions.add_parser("check", help="show what was understood of training folders")
    check.add_argument("--data", action="append", required=True, metavar="FOLDER")
    listed = actions.add_parser("list", help="list your trainings and how far they are")
    resume = actions.add_parser("resume", help="go on with a training that was paused or cut off")
    steering = [
        resume,
        actions.add_parser("pause", help="have a training save its state and end its process"),
        actions.add_parser("stop", help="end a training and keep its best model among yours"),
        actions.add_parser("install", help="put the best model of a training among yours now"),
        actions.add_parser("remove", help="remove a training; a model that came of it stays"),
    ]
    for words in steering:
        words.add_argument("training", metavar="FOLDER|NAME")
    for words in (train, resume):
        words.add_argument(
            "--background", action="store_true", help="go on when this terminal is closed"
        )
    # For the process that works in the background: whoever started it made all ready.
    resume.add_argument("--prepared", action="store_true", help=argparse.SUPPRESS)
    for words in (train, mean, check, listed, *steering):
        words.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Do what was asked, then tell what came of it."""
    if options.action == "run":
        return _run(options)
    if options.action == "resume":
        return _resume(options)
    if options.action == "list":
        return _list(options)
    if options.action in ("pause", "stop", "install", "remove"):
        return _steer(options)
    stored = user_settings.load()
    with Workshop(stored) as workshop:
        bar = ProgressBar(f"train {options.action}")
        try:
            if options.action == "check":
                report = workshop.pool.run("check_training_data", bar, folders=options.data)
            else:
                report = workshop.pool.run(
                    "mean_of_models",
                    bar,
                    recipe=options.recipe,
                    card_folders=options.folders,
                    folder=str(options.out),
                )
        finally:
            bar.close()
    if options.json:
        print_json(report)
    elif options.action == "check":
        _tell_check(report)
    else:
        tell(f"{report['model']}: the mean of {report['models']} models")
    return DONE


def _run(options: argparse.Namespace) -> int:
    # Absolute, because a training may go on in another process and on another day.
    recipe = options.recipe
    if recipe.endswith(".toml"):
        recipe = str(Path(recipe).absolute())
    start = model_named(options.start) if options.start else None
    order = Order(
        recipe=recipe,
        data=tuple(str(Path(folder).absolute()) for folder in options.data),
        name=options.name,
        minutes=options.minutes,
        device=options.device or "auto",
        threads=user_settings.load().processor_threads,
        from_card=str(start.folder.absolute()) if start else None,
        seed=options.seed,
    )
    name = options.name or Path(options.recipe).stem
    folder = options.out.absolute() if options.out else trainings.folder_for(name)
    _require_the_same(folder, order)
    trainings.require_idle(folder)
    trainings.write_order(folder, order)
    if options.background:
        return _start_in_background(folder, options)
    trainings.prepare(folder)
    return _train_here(folder, order, options)


def _require_the_same(folder: Path, order: Order) -> None:
    """Go on with what stands in a folder only if it was trained from the same."""
    if not (folder / ORDER_NAME).exists() or not read_progress(folder).step:
        return
    before = read_order(folder)
    if (before.recipe, before.data, before.from_card) != (
        order.recipe,
        order.data,
        order.from_card,
    ):
        raise SettingError(
            f"Cannot train in {folder.name}",
            why="the training there began with another recipe, model or other folders.",
            fix="Give this one a name of its own (--name), or remove the other: studio train "
            f"remove {folder.name}",
        )


def _resume(options: argparse.Namespace) -> int:
    folder = trainings.find(options.training)
    if options.background:
        return _start_in_background(folder, options)
    order = read_order(folder) if options.prepared else trainings.prepare(folder)
    return _train_here(folder, order, options)


def _start_in_background(folder: Path, options: argparse.Namespace) -> int:
    trainings.start_in_background(folder)
    view = trainings.view_of(folder)
    if options.json:
        print_json(view.to_dict())
    else:
        tell(f"{view.name}: training in the background, in {folder}")
        say("See how far it is: studio train list")
    return DONE


def _train_here(folder: Path, order: Order, options: argparse.Namespace) -> int:
    with Workshop(user_settings.load()) as workshop:
        bar = ProgressBar("train")
        try:
            report = trainings.train_here(workshop.pool, folder, order, bar)
        finally:
            bar.close()
    if options.json:
        print_json(report)
        return DONE
    tell(f"{report['model']}: {report['steps']} steps in {report['minutes']:.1f} minutes")
    if report["installed"]:
        say(f"It is among your models as {report['installed']}.")
    else:
        say(f"Put it among your models with: studio train install {folder}")
    return DONE


def _list(options: argparse.Namespace) -> int:
    views = trainings.all_trainings()
    if options.json:
        print_json([view.to_dict() for view in views])
        return DONE
    rows = []
    for view in views:
        progress = view.progress
        left = progress.seconds_left
        rows.append(
            (
                view.name,
                view.state,
                f"{progress.fraction:.0%}",
                progress.step,
                clock(left) if view.running and left is not None else "-",
                "-" if not progress.scores else f"{progress.scores[-1][1]:.2f}",
                view.installed or "-",
            )
        )
    if rows:
        print_table(("training", "state", "done", "steps", "left", "SDR, dB", "model"), rows)
    else:
        say("There are no trainings yet; begin one with: studio train run")
    for view in views:
        if view.progress.error is not None and view.state == "failed":
            say(f"{view.name}: {view.progress.error['what']}: {view.progress.error['why']}")
    return DONE


def _steer(options: argparse.Namespace) -> int:
    folder = trainings.find(options.training)
    view = trainings.view_of(folder)
    if options.action == "remove":
        trainings.remove(folder)
    elif options.action == "install":
        trainings.install(folder)
    else:
        (trainings.pause if options.action == "pause" else trainings.stop)(folder)
        trainings.wait_until_over(folder, _WAIT_SECONDS)
    if options.action != "remove":
        view = trainings.view_of(folder)
    if options.json:
        print_json(view.to_dict())
    elif options.action == "remove":
        tell(f"{view.name}: removed")
    else:
        model = f"; its model is {view.installed}" if view.installed else ""
        tell(f"{view.name}: {view.state}{model}")
    return DONE


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
        tell(f"{minutes:8.1f} min  {kind}")
    tell(f"{report['files']} files")
    for song, problems in report["problems"].items():
        for problem in problems:
            say(f"{song}: {problem}")
