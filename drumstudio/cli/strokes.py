"""Paint strokes of a file on a song of a project: one step of undo."""

from __future__ import annotations

import argparse
from pathlib import Path

from drumstudio.application.project_edits import strokes_apply
from drumstudio.cli.terminal import DONE, print_json, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio strokes`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    about = "paint the strokes of a JSON file and save the project"
    words = actions.add_parser("apply", help=about, description=about)
    words.add_argument("project", type=Path, metavar="PROJECT")
    words.add_argument("file", type=Path, metavar="FILE.json")
    words.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Paint, and tell what is on the song's layers now."""
    report = strokes_apply(options.project, options.file)
    if options.json:
        print_json(report)
        return DONE
    tell(f"{report['project']}: {report['strokes']} strokes painted")
    for layer in report["layers"]:
        tell(f"  {layer['name']} ({layer['kind']}): {layer['strokes']} strokes")
    for note in report["notes"]:
        tell(f"  note: {note}")
    return DONE
