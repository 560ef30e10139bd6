"""Score models on a folder of excerpts whose drums are known.

FOLDER/<excerpt>/ holds drums.* and rest.* (the mixture is their sum, or mix.*). The mixture
itself, median-filter HPSS and the oracle Wiener mask are always scored beside the models.
With --set, FOLDER is the audio pack, and the excerpts are those of one of the two sets by which
the models that ship are judged: choose by steer, report on check. All models are compared with
the first one named.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from drumstudio import settings as user_settings
from drumstudio.cli.models import model_named
from drumstudio.cli.terminal import DONE, FAILED, ProgressBar, print_error, print_json, say, tell
from drumstudio.core.errors import SettingError, error_from_dict
from drumstudio.training.card_scores import write_scores
from drumstudio.training.evaluation_sets import SET_NAMES, require_a_reason
from drumstudio.training.score_table import write_table
from drumstudio.workflows.workshop import Workshop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio evaluate`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--model", action="append", default=[], metavar="ID|FOLDER", dest="models")
    parser.add_argument("--set", choices=SET_NAMES, dest="set_name", help="excerpts of the pack")
    parser.add_argument("--why", metavar="TEXT", help="what a run on check is for: written down")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="where; default: beside the models that ship"
    )
    parser.add_argument(
        "--cards", action="store_true", help="put the scores on a set into the models' cards"
    )
    parser.add_argument("--device", default=None, choices=["auto", "cpu", "cuda", "mps"])
    parser.add_argument("--quick", action="store_true", help="leave out rest and drums alone")
    parser.add_argument(
        "--report", type=Path, metavar="FOLDER", help="write JSON, .md and .png there"
    )
    parser.add_argument(
        "--table",
        type=Path,
        metavar="FILE",
        help="put the table between the marks of a text: <!-- scores -->, with a set "
        "<!-- scores steer -->, and the same with a slash",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Score, then print a table of drums SDR, or everything as JSON."""
    require_a_reason(options.set_name, options.why)
    if options.cards and options.set_name is None:
        raise SettingError(
            "Cannot put scores into cards",
            why="cards state scores on the sets, and no set was named.",
            fix="Add --set steer or --set check.",
        )
    stored = user_settings.load()
    cards = [model_named(model) for model in options.models]
    with Workshop(stored) as workshop:
        bar = ProgressBar("evaluate")
        try:
            result = workshop.pool.run(
                "evaluate",
                bar,
                folder=str(options.folder),
                card_folders=[str(card.folder) for card in cards],
                device=options.device or stored.device,
                threads=stored.processor_threads,
                full=not options.quick,
                report_folder=str(options.report) if options.report else None,
                set_name=options.set_name,
                reason=options.why,
                log=str(options.log) if options.log else None,
            )
        finally:
            bar.close()
    if options.cards:
        for card in cards:
            write_scores(card.folder, result)
    if options.table:
        write_table(options.table, result)
    code = FAILED if result["errors"] else DONE
    if options.json:
        print_json(result)
        return code
    for note in result["notes"]:
        say(f"note: {note}")
    for error in result["errors"].values():
        print_error(error_from_dict(error))
    for line in result["table"].splitlines():
        tell(line)
    return code
