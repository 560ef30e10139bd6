"""Render the demo song (ours, CC0) with its true stems, so that a separation can be scored."""

from __future__ import annotations

import argparse
from pathlib import Path

from drumstudio import settings as user_settings
from drumstudio.cli.terminal import DONE, ProgressBar
from drumstudio.core.errors import SettingError
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


def run(options: argparse.Namespace) -> int:
    """Render the song, print where it is.

    Raises
    ------
    SettingError
        If the file's suffix is no format we write.
    """
    with Workshop(user_settings.load()) as workshop:
        bar = ProgressBar("demo song")
        try:
            song = demo_song(workshop.pool, portion(bar, 0.0, 0.8))
            if options.render is None:
                print(song.mixture)
                return DONE
            target = options.render
            outputs = {
                "mixture": target,
                "drums": target.with_stem(f"{target.stem}_drums"),
                "rest": target.with_stem(f"{target.stem}_rest"),
            }
            workshop.pool.run(
                "encode",
                portion(bar, 0.8, 1.0),
                mixture=str(song.mixture),
                drums=str(song.drums),
                outputs=[{"stem": stem, "path": str(path)} for stem, path in outputs.items()],
                format=_format_of(target),
                sample_rate=None,
                overwrite=options.overwrite,
            )
        finally:
            bar.close()
    for path in outputs.values():
        print(path)
    return DONE


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
