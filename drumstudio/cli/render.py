"""Write the stems or the mix of a project's songs, as they were edited."""

from __future__ import annotations

import argparse

from drumstudio.cli.project import add_export_arguments, export, told


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio render`."""
    add_export_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Render, and tell what was written."""
    return told("export", export(options), as_json=options.json)
