"""Write the stems or the mix of a project's songs, as they were edited."""

from __future__ import annotations

import argparse
from pathlib import Path

from drumstudio.application.project_edits import render_project
from drumstudio.cli.project import told, with_workshop
from drumstudio.core.errors import SettingError
from drumstudio.core.separation import MAX_SECONDS
from drumstudio.core.stems import DRUMLESS, MIXTURE, ORIGINAL, is_name
from drumstudio.files.formats import ALL_FORMATS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio render`."""
    parser.add_argument("project", type=Path, metavar="PROJECT")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--song", metavar="SONG", help="name or id; default: all that are separated"
    )
    parser.add_argument(
        "--stems", help="names of stems, drumless, original (default: all stems there are)"
    )
    parser.add_argument(
        "--mix", action="store_true", help="one file of what is heard: gains, pans, mutes, solos"
    )
    parser.add_argument("--format", default="wav24", choices=list(ALL_FORMATS), dest="file_format")
    parser.add_argument("--rate", type=int, metavar="HZ", help="default: the song's own")
    parser.add_argument("--range", metavar="START-STOP", help="in seconds, such as 8-12.5")
    parser.add_argument("--name", default="{song}_{stem}", help="default: {song}_{stem}")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Render, and tell what was written."""
    stems = ("mix",) if options.mix else _stems(options.stems)
    report = with_workshop(
        "render",
        lambda shop, bar: render_project(
            options.project,
            options.out,
            shop.pool,
            bar,
            song_name=options.song,
            stems=stems,
            file_format=options.file_format,
            name_template=options.name,
            sample_rate=options.rate,
            seconds=_range(options.range),
            overwrite=options.overwrite,
        ),
    )
    return told("render", report, as_json=options.json)


def _stems(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    words = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    unknown = [word for word in words if not (is_name(word) or word in (ORIGINAL, DRUMLESS))]
    if unknown or not words:
        raise SettingError(
            f"Cannot export the stems {text[:80]!r}",
            why=f"{unknown[0][:80]!r} can be no stem." if unknown else "it names none.",
            fix="Write for example --stems drums,drumless; studio project info lists the stems.",
        )
    return tuple(MIXTURE if word == ORIGINAL else word for word in words)


def _range(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    first, _, last = text.partition("-")
    try:
        start, stop = float(first), float(last)
    except ValueError:
        start = stop = 0.0
    if not 0.0 <= start < stop <= MAX_SECONDS:
        raise SettingError(
            f"Cannot export the range {text!r}",
            why="a range is its start and its end in seconds.",
            fix="Write for example --range 8-12.5.",
        )
    return start, stop
