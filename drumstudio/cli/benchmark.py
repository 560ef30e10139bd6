"""Run one of the speed and memory measurements of a checkout."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

import drumstudio
from drumstudio.cli.terminal import DONE
from drumstudio.core.errors import SettingError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio benchmark`."""
    parser.add_argument("name", help="the measurement's name")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments")


def run(options: argparse.Namespace) -> int:
    """Run benchmarks/NAME.py as if it had been called itself.

    Raises
    ------
    SettingError
        If this is no checkout, or there is no such measurement.
    """
    folder = Path(drumstudio.__file__).parents[1] / "benchmarks"
    there = sorted(path.stem for path in folder.glob("[a-z]*.py"))
    if options.name not in there:
        raise SettingError(
            f"Cannot run the benchmark {options.name}",
            why=f"{folder} holds {', '.join(there) or 'no measurements'}.",
            fix="Name one of those; they come with a checkout, not with an installed program.",
        )
    script = folder / f"{options.name}.py"
    sys.argv = [str(script), *options.arguments]
    runpy.run_path(str(script), run_name="__main__")
    return DONE
