"""Separate songs into drums and rest."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from drumstudio import settings as user_settings
from drumstudio.catalog.catalog import default_catalog
from drumstudio.cli.terminal import (
    DONE,
    FAILED,
    ProgressBar,
    clock,
    print_error,
    print_json,
    remark,
    say,
    tell,
)
from drumstudio.core.errors import DrumStudioError, SettingError
from drumstudio.files.formats import ALL_FORMATS
from drumstudio.workflows.find_songs import find_songs
from drumstudio.workflows.separate_song import (
    ExportSettings,
    SongReport,
    failed,
    output_paths,
    separate_song,
)
from drumstudio.workflows.separation_settings import SeparationSettings, separation_settings
from drumstudio.workflows.workshop import Workshop

_MOST_TOLD = 20  # files passed over, one a line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio separate`."""
    parser.add_argument("songs", nargs="+", type=Path, metavar="SONG|FOLDER")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="where to")
    parser.add_argument("--model", metavar="ID", help="default: the best that ships")
    parser.add_argument("--stems", help="stems of the model, drumless; default: all it gives")
    parser.add_argument(
        "--format",
        default="wav24",
        choices=list(ALL_FORMATS),
        dest="file_format",
        help="default: wav24",
    )
    parser.add_argument("--device", default=None, choices=["auto", "cpu", "cuda", "mps"])
    parser.add_argument(
        "--name",
        default="{song}_{stem}",
        metavar="TEMPLATE",
        help="fields {song}, {stem}, {model}; default: {song}_{stem}",
    )
    parser.add_argument("--overwrite", default="ask", choices=["ask", "never", "always"])
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="parameters",
        metavar="PARAMETER=VALUE",
        help="a parameter of the model (studio models ID lists them)",
    )
    add_refine(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def add_refine(parser: argparse.ArgumentParser) -> None:
    """Let a refinement be named behind the model; `parse_refinements` reads it."""
    parser.add_argument(
        "--refine",
        action="append",
        default=[],
        metavar="ID[,PARAMETER=VALUE]",
        help="what makes the model's drums better, such as hit-average (studio models lists them)",
    )


def parse_refinements(words: list[str]) -> dict[str, dict[str, str]]:
    """Return {"id": {"parameter": "value"}} of words such as "hit-average,share=0.5"."""
    return {
        name.strip(): parse_parameters(parameters)
        for name, *parameters in (word.split(",") for word in words)
    }


def parse_parameters(words: list[str]) -> dict[str, str]:
    """Return {"parameter": "value"} of words such as "power=2".

    Raises
    ------
    SettingError
        If a word has no equals sign.
    """
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise SettingError(
                f"Cannot read --set {word}",
                why="a parameter is given as name=value.",
                fix="Write for example --set power=2; studio models ID lists the names.",
            )
        pairs[name.strip()] = value.strip()
    return pairs


def parse_stems(text: str | None) -> tuple[str, ...]:
    """Return the stems named in "drums,rest", without repeats; none for all of them.

    Raises
    ------
    SettingError
        If a text names none.
    """
    if text is None:
        return ()
    stems = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not stems:
        raise SettingError(
            f"Cannot export the stems {text!r}",
            why="it names none.",
            fix="Write for example --stems drums,drumless.",
        )
    return stems


def run(options: argparse.Namespace) -> int:
    """Separate every song; a song that fails does not stop the others."""
    stored = user_settings.load()
    settings = separation_settings(
        default_catalog(),
        options.model,
        parse_parameters(options.parameters),
        options.device or stored.device,
        stored.processor_threads,
        parse_refinements(options.refine),
    )
    found = find_songs(options.songs, outside=options.out)
    export = ExportSettings(
        folder=options.out,
        stems=parse_stems(options.stems),
        file_format=options.file_format,
        name_template=options.name,
        overwrite="refuse" if options.overwrite == "ask" else options.overwrite,
        inputs=tuple(song for song, _ in found.songs),
    )
    output_paths(Path("song"), Path(), settings, export)  # a wrong --name costs no waiting
    if options.overwrite == "ask":
        export = _ask(export, settings, found.songs)
    reports = [failed(folder, settings, _no_songs(folder)) for folder in found.empty]
    reports += [
        failed(
            item.path,
            settings,
            DrumStudioError(
                f"Passed over {item.path}",
                why=f"it is {item.why}.",
                fix="Change its permissions or mend the link, then start again.",
            ),
        )
        for item in found.unreadable
    ]
    if not options.json:
        _tell_passed_over([(str(item.path), item.why) for item in found.ignored])
        for report in reports:
            _tell(report)
    taken: set[str] = set()
    try:
        with Workshop(stored) as workshop:
            for song, relative in found.songs:
                bar = ProgressBar(song.name)
                try:
                    export_here = _without_collision(song, relative, settings, export, taken)
                    report = separate_song(
                        song, relative, settings, export_here, workshop.pool, workshop.cache, bar
                    )
                except DrumStudioError as error:
                    report = failed(song, settings, error)
                finally:
                    bar.close()
                reports.append(report)
                if not options.json:
                    _tell(report)
    finally:
        if options.json:  # after a cancel too: what was finished
            reports += [
                SongReport(str(item.path), settings.card.id, passed_over=item.why)
                for item in found.ignored
            ]
            print_json([report.to_dict() for report in reports])
    return FAILED if any(report.error for report in reports) else DONE


def _no_songs(folder: Path) -> DrumStudioError:
    return DrumStudioError(
        f"No songs in {folder}",
        why="the folder holds no sound file or video that can be read.",
        fix="Name the song itself, or a folder that holds songs.",
    )


def _tell_passed_over(items: list[tuple[str, str]]) -> None:
    for path, why in items[:_MOST_TOLD]:
        say(f"Passed over {path}: it is {why}")
    if len(items) > _MOST_TOLD:
        say(f"Passed over {len(items) - _MOST_TOLD} more; --json names them all")


def _without_collision(
    song: Path,
    relative: Path,
    settings: SeparationSettings,
    export: ExportSettings,
    taken: set[str],
) -> ExportSettings:
    # a.wav and a.mp3 of one folder would write the same stems: the second keeps its suffix,
    # and what is still the same then (a.wav of two folders) is numbered.
    template = export.name_template
    number = 1
    while True:
        outputs = output_paths(song, relative, settings, export).values()
        keys = {os.path.abspath(path).casefold() for path in outputs}
        if not keys & taken:
            taken |= keys
            return export
        mark = song.suffix.replace(".", "_") if number == 1 else f" ({number})"
        mark = mark.replace("{", "{{").replace("}", "}}")
        marked = template.replace("{song}", "{song}" + mark)
        export = replace(export, name_template=marked if marked != template else template + mark)
        number += 1


def _ask(
    export: ExportSettings, settings: SeparationSettings, songs: tuple[tuple[Path, Path], ...]
) -> ExportSettings:
    there = [
        path
        for song, relative in songs
        for path in output_paths(song, relative, settings, export).values()
        if os.path.lexists(path)
    ]
    if not there or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return export
    say(f"{len(there)} files are there already:")
    for path in there[:20]:
        say(f"  {path}")
    if len(there) > 20:
        say(f"  ... and {len(there) - 20} more")
    remark("Replace them? [y]es, [s]kip those songs, anything else stops: ")
    answer = sys.stdin.readline().strip().lower()
    if answer in ("y", "yes"):
        return replace(export, overwrite="always")
    if answer in ("s", "skip"):
        return replace(export, overwrite="never")
    raise KeyboardInterrupt


def _tell(report: SongReport) -> None:
    if report.error is not None:
        print_error(
            DrumStudioError(report.error["what"], why=report.error["why"], fix=report.error["fix"])
        )
        return
    if report.skipped:
        tell(f"{report.song}: {report.notes[-1]}")
        return
    factor = report.real_time_factor
    speed = "from the cache" if report.from_cache or not factor else f"{1 / factor:.1f}x real time"
    seconds = clock(report.seconds or 0)
    tell(f"{report.song}: {report.model} on {report.device}, {seconds} ({speed})")
    for file in report.files:
        tell(f"  {file['path']}")
    for stems in report.sums:
        tell(f"  {' + '.join(stems)} = song to {report.null_residual_dbfs:.1f} dB")
    for note in report.notes:
        tell(f"  note: {note}")
