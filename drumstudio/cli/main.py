"""The command line's grammar, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from drumstudio import __version__, atomic
from drumstudio.cli.terminal import (
    CANCELLED,
    DONE,
    FAILED,
    WRONG_USAGE,
    OutputError,
    drop_output,
    finish_output,
    let_everything_be_printed,
    print_error,
    print_json,
    say,
)
from drumstudio.core.errors import Cancelled, DrumStudioError, SettingError
from drumstudio.workflows.temporary_cache import need_temporary_cache

# Each verb's module is imported when the verb runs, so that --help needs none of them.
VERBS = {
    "separate": ("drumstudio.cli.separate", "separate songs into drums and rest"),
    "models": ("drumstudio.cli.models", "list the models, or show one"),
    "evaluate": ("drumstudio.cli.evaluate", "score models on excerpts whose drums are known"),
    "demo": ("drumstudio.cli.demo", "render the demo song with its true stems"),
    "project": ("drumstudio.cli.project", "make, fill, inspect and recover projects"),
    "strokes": ("drumstudio.cli.strokes", "paint strokes of a file on a song of a project"),
    "render": ("drumstudio.cli.render", "write a project's stems as they were edited"),
    "cache": ("drumstudio.cli.cache", "show or free the cache of separations"),
    "train": ("drumstudio.cli.train", "train a model from folders of stems"),
    "benchmark": ("drumstudio.cli.benchmark", "measure speed and memory (in a checkout)"),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the top level: a verb, or the flags that stand alone."""
    verbs = "\n".join(f"  {verb:<10} {about}" for verb, (_, about) in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="studio",
        usage="studio [VERB ...] | [PROJECT | SONG ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="DrumStudio: separate, touch up and remix the drums of any song.",
        epilog=f"verbs:\n{verbs}\n\n`studio VERB --help` tells more. For a start:\n"
        "  studio separate SONG --out FOLDER\n"
        "Without a verb the window opens, with the project or the songs that are named.",
    )
    parser.add_argument("--version", action="version", version=f"DrumStudio {__version__}")
    parser.add_argument(
        "--self-test", action="store_true", help="separate the demo song with every ready model"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("verb", nargs="?", metavar="VERB", help="what to do (see below)")
    return parser


Window = Callable[[list[Path]], int | None]


def no_window(paths: list[Path]) -> None:
    """Stand in for the window where only the command line is wanted."""


def run(arguments: list[str], window: Window = no_window) -> int:
    """Run the command line; return the exit code.

    Parameters
    ----------
    arguments : list of str
        The words after the program's name.
    window : callable
        Opens the window with songs or a project and returns the exit code, or None where
        there is no screen; used when no verb is named.

    Returns
    -------
    int
        0 done, 1 at least one failure, 2 wrong usage, 130 cancelled.
    """
    let_everything_be_printed()
    try:
        code = _run(arguments, window)
        finish_output()
        return code
    except DrumStudioError as error:
        return _failed(arguments, error)
    except (Cancelled, KeyboardInterrupt):
        say("Cancelled. What was finished is kept; the same command goes on from there.")
        return CANCELLED
    except BrokenPipeError:
        # The reader of our output has gone (`studio models | head`): nobody is left to tell.
        drop_output()
        return DONE
    except OSError as error:
        # Where a disk refuses what no verb has foreseen; what was being written is not left.
        place = Path(os.fsdecode(error.filename)) if error.filename else Path.cwd()
        what = f"Cannot finish studio {arguments[0] if arguments else ''}".strip()
        return _failed(arguments, atomic.explain_os_error(error, what, place))


def _failed(arguments: list[str], error: DrumStudioError) -> int:
    print_error(error)
    if "--json" in arguments and not isinstance(error, OutputError):
        try:
            print_json({"error": error.to_dict()})
            finish_output()
        except (OutputError, BrokenPipeError):
            drop_output()
    return WRONG_USAGE if isinstance(error, SettingError) else FAILED


def _run(arguments: list[str], window: Window) -> int:
    parser = build_parser()
    if arguments and arguments[0] in VERBS:
        module = importlib.import_module(VERBS[arguments[0]][0])
        verb_parser = argparse.ArgumentParser(
            prog=f"studio {arguments[0]}", description=module.__doc__
        )
        module.add_arguments(verb_parser)
        options = verb_parser.parse_args(arguments[1:])
        note = need_temporary_cache()
        if note:
            say(note)
        return int(module.run(options))
    if all(not word.startswith("-") and os.path.exists(word) for word in arguments):
        code = window([Path(word) for word in arguments])
        if code is not None:
            return code
        if arguments:
            parser.print_help(sys.stderr)
            say("studio: there is no screen to open a window on")
            return WRONG_USAGE
    options = parser.parse_args(arguments)
    if options.self_test:
        from drumstudio.cli.self_test import run_self_test

        return run_self_test(as_json=options.json)
    if options.verb is None:
        parser.print_help()
        return DONE
    parser.print_usage(sys.stderr)
    say(f"studio: there is no verb {options.verb!r}; studio --help lists them")
    return WRONG_USAGE
