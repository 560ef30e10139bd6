"""Score models on a folder of excerpts whose drums are known.

FOLDER/<excerpt>/ holds drums.* and rest.* (the mixture is their sum, or mix.*). The mixture
itself, median-filter HPSS and the oracle Wiener mask are always scored beside the models.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from drumstudio import settings as user_settings
from drumstudio.catalog.catalog import default_catalog
from drumstudio.cli.terminal import DONE, FAILED, ProgressBar, print_error, print_json, say, tell
from drumstudio.core.errors import error_from_dict
from drumstudio.training.score_table import write_table
from drumstudio.workflows.workshop import Workshop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio evaluate`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--model", action="append", default=[], metavar="ID", dest="models")
    parser.add_argument("--device", default=None, choices=["auto", "cpu", "cuda", "mps"])
    parser.add_argument("--quick", action="store_true", help="leave out rest and drums alone")
    parser.add_argument(
        "--report", type=Path, metavar="FOLDER", help="write evaluation.json, .md and .png there"
    )
    parser.add_argument(
        "--table",
        type=Path,
        metavar="FILE",
        help="put the table between the <!-- scores --> marks of a text",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Score, then print a table of drums SDR, or everything as JSON."""
    stored = user_settings.load()
    catalog = default_catalog()
    cards = [catalog.find(model_id) for model_id in options.models]
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
            )
        finally:
            bar.close()
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
