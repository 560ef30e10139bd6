"""Render the demo song (ours, CC0) with its true stems, so that a separation can be scored."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from drumstudio import settings as user_settings
from drumstudio.cli.terminal import DONE, ProgressBar, print_json, tell
from drumstudio.core.errors import OutputExistsError, SettingError
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.formats import FORMATS
from drumstudio.jobs.job import portion
from drumstudio.workflows.demo_song import demo_song
from drumstudio.workflows.workshop import Workshop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio demo`."""
    parser.add_argument(
        "--render",
        type=Path,
        metavar="FILE",
        help="write the song to FILE and its stems beside it (FILE_drums, FILE_rest); "
        "without it the song is rendered into the cache and its place is printed",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Render the song, print where it is.

    Raises
    ------
    SettingError
        If the file's suffix is no format we write.
    OutputExistsError
        If a file is there and may not be replaced.
    """
    target = options.render
    if target is not None:
        file_format = _format_of(target)
        files = {
            "mixture": target,
            "drums": target.with_stem(f"{target.stem}_drums"),
            "rest": target.with_stem(f"{target.stem}_rest"),
        }
        _require_absent(() if options.overwrite else files.values())
    with Workshop(user_settings.load()) as workshop:
        bar = ProgressBar("demo song")
        try:
            song = demo_song(workshop.pool, portion(bar, 0.0, 0.8))
            if target is None:
                files = {"mixture": song.mixture, "drums": song.drums, "rest": song.rest}
            else:
                workshop.pool.run(
                    "encode",
                    portion(bar, 0.8, 1.0),
                    mixture=str(song.mixture),
                    stems=SplitFiles.of_drums(song.drums).to_plain(),
                    outputs=[{"stem": stem, "path": str(path)} for stem, path in files.items()],
                    format=file_format,
                    sample_rate=None,
                    overwrite=options.overwrite,
                )
        finally:
            bar.close()
    if options.json:
        print_json({stem: str(path) for stem, path in files.items()})
        return DONE
    for path in files.values():
        tell(path)
    return DONE


def _require_absent(paths: Iterable[Path]) -> None:
    for path in paths:
        if os.path.lexists(path):
            raise OutputExistsError(
                f"Cannot write {path.name}",
                why=f"{path.parent} holds a file of that name already.",
                fix="Choose another name, or say --overwrite.",
            )


def _format_of(path: Path) -> str:
    # Where several formats share a suffix (three of WAV), the best one that is not float.
    by_suffix = {FORMATS[name].suffix: name for name in ("wav-float", *FORMATS, "wav24")}
    if path.suffix.lower() not in by_suffix:
        raise SettingError(
            f"Cannot write {path.name}",
            why=f"{path.suffix or 'a name without suffix'} is no format DrumStudio writes.",
            fix=f"End the name with one of {', '.join(sorted(by_suffix))}.",
        )
    return by_suffix[path.suffix.lower()]
