"""Make, fill, inspect and recover projects (folders called Name.drumstudio)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drumstudio import settings as user_settings
from drumstudio.application import projects
from drumstudio.catalog.catalog import default_catalog
from drumstudio.cli.separate import add_refine, parse_refinements
from drumstudio.cli.terminal import DONE, FAILED, ProgressBar, clock, print_error, print_json, tell
from drumstudio.core.errors import SettingError, error_from_dict
from drumstudio.workflows.separation_settings import separation_settings
from drumstudio.workflows.workshop import Workshop

Report = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the words after `studio project`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")

    def action(name: str, run_it: Callable[[argparse.Namespace], Report], about: str):
        words = actions.add_parser(name, help=about, description=about)
        words.add_argument("--json", action="store_true", help="print one JSON document")
        words.set_defaults(run_action=run_it)
        return words

    new = action("new", _new, "make a project, and put songs into it")
    add = action("add", _add, "put songs into a project")
    separate = action("separate", _separate, "separate every song of a project")
    stems = action("import-stems", _import_stems, "take stems made elsewhere for a song")
    refine = action("refine", _refine, "make the drums of a song's separation better")
    relink = action("relink", _relink, "find a project's missing files in a folder")
    info = action("info", _info, "show what a project holds")
    recover = action("recover", _recover, "list projects with unsaved work, or bring one back")
    restore = action("restore", _restore, "go back to an earlier save")
    clean = action("clean", _clean, "delete files that nothing in the project needs")
    for words in (new, add, separate, stems, refine, relink, info, restore, clean):
        words.add_argument("project", type=Path, metavar="PROJECT")
    new.add_argument("songs", nargs="*", type=Path, metavar="SONG")
    add.add_argument("songs", nargs="+", type=Path, metavar="SONG")
    separate.add_argument("--model", metavar="ID", help="default: the best that ships")
    separate.add_argument("--device", default=None, choices=["auto", "cpu", "cuda", "mps"])
    add_refine(separate)
    refine.add_argument("song", metavar="SONG", help="the song's name or id")
    refine.add_argument(
        "refinements",
        nargs="*",
        default=["hit-average"],
        metavar="ID[,PARAMETER=VALUE]",
        help="default: hit-average",
    )
    stems.add_argument("song", metavar="SONG", help="the song's name or id")
    stems.add_argument(
        "--anyway", action="store_true", help="take stems that do not sound in the song, too"
    )
    stems.add_argument(
        "--later",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how much later than in their files they sound; negative is earlier",
    )
    stems.add_argument(
        "stems",
        nargs="+",
        metavar="STEM=FILE|FOLDER",
        help="such as drums=a.wav bass=b.wav; or a folder whose files' names say it",
    )
    relink.add_argument("folder", type=Path, metavar="FOLDER")
    recover.add_argument("project", nargs="?", type=Path, metavar="PROJECT")
    recover.add_argument("--save-as", type=Path, metavar="PROJECT")
    restore.add_argument("generation", type=int, metavar="GENERATION")


def run(options: argparse.Namespace) -> int:
    """Do what was asked and tell what happened."""
    return told(options.action, options.run_action(options), as_json=options.json)


def told(action: str, report: Report, *, as_json: bool) -> int:
    """Print what an action reports; return the exit code."""
    failures = [song for song in _songs(report) if song.get("error")]
    if as_json:
        print_json(report)
    else:
        _tell(action, report)
        for song in failures:
            print_error(error_from_dict(song["error"]))
    return FAILED if failures else DONE


def _songs(report: Report) -> list[Report]:
    songs = report.get("songs", [])
    return songs if isinstance(songs, list) else []


def _new(options: argparse.Namespace) -> Report:
    return with_workshop(
        "new",
        lambda shop, bar: projects.project_new(options.project, options.songs, shop.pool, bar),
    )


def _add(options: argparse.Namespace) -> Report:
    return with_workshop(
        "add",
        lambda shop, bar: projects.project_add(options.project, options.songs, shop.pool, bar),
    )


def _separate(options: argparse.Namespace) -> Report:
    stored = user_settings.load()
    settings = separation_settings(
        default_catalog(),
        options.model,
        {},
        options.device or stored.device,
        stored.processor_threads,
        parse_refinements(options.refine),
    )
    return with_workshop(
        "separate",
        lambda shop, bar: projects.project_separate(
            options.project, settings, shop.pool, shop.cache, bar
        ),
    )


def _import_stems(options: argparse.Namespace) -> Report:
    sources = _sources(options.stems)
    return with_workshop(
        "import",
        lambda shop, bar: projects.project_import_stems(
            *(options.project, options.song, sources, shop.pool, bar),
            anyway=options.anyway,
            later_seconds=options.later,
        ),
    )


def _sources(words: list[str]) -> dict[str, Path] | Path:
    if len(words) == 1 and os.path.isdir(words[0]):
        return Path(words[0])
    sources: dict[str, Path] = {}
    for word in words:
        name, equals, file = word.partition("=")
        name = name.strip().lower()
        if not (name and equals and file) or name in sources:
            twice = name in sources
            raise SettingError(
                f"Cannot read {word[:80]}",
                why=f"{name} is named twice." if twice else "a stem is given as name=file.",
                fix="Write for example drums=a.wav bass=b.wav, or name one folder.",
            )
        sources[name] = Path(file)
    return sources


def _refine(options: argparse.Namespace) -> Report:
    wanted = parse_refinements(options.refinements)
    return with_workshop(
        "refine",
        lambda shop, bar: projects.project_refine(
            options.project, options.song, default_catalog(), wanted, shop.pool, bar
        ),
    )


def _relink(options: argparse.Namespace) -> Report:
    return with_workshop(
        "relink",
        lambda shop, bar: projects.project_relink(options.project, options.folder, shop.pool, bar),
    )


def _info(options: argparse.Namespace) -> Report:
    return projects.project_info(options.project)


def _recover(options: argparse.Namespace) -> Report:
    if options.project is None:
        return projects.project_recover()
    return projects.project_recover_one(options.project, options.save_as)


def _restore(options: argparse.Namespace) -> Report:
    return projects.project_restore(options.project, options.generation)


def _clean(options: argparse.Namespace) -> Report:
    return projects.project_clean(options.project)


def with_workshop(label: str, work: Callable[[Workshop, ProgressBar], Report]) -> Report:
    """Return what work with a workshop and a progress bar of that label reports."""
    with Workshop(user_settings.load()) as workshop:
        bar = ProgressBar(label)
        try:
            return work(workshop, bar)
        finally:
            bar.close()


def _tell(action: str, report: Report) -> None:
    if action == "recover" and "projects" in report:
        for project in report["projects"]:
            tell("  ".join(f"{name}: {value}" for name, value in project.items()))
        if not report["projects"]:
            tell("no project has unsaved work")
        return
    tell(report["project"])
    for song in _songs(report):
        if song.get("error"):
            continue
        length = f" ({clock(song['seconds'])})" if "seconds" in song else ""
        made = song.get("separation_name") or ", ".join(
            separation["separation_name"] for separation in song.get("separations", [])
        )
        there = ", was there already" if song.get("already_there") else ""
        tell(f"  {song['name']}{length}{': ' + made if made else ''}{there}")
        for file in song.get("files", []):
            tell(f"    {file['path']}")
        if song.get("null_residual_dbfs") is not None:
            for stems in song["sums"]:
                tell(f"    {' + '.join(stems)} = song to {song['null_residual_dbfs']:.1f} dB")
        for note in song.get("notes", []):
            tell(f"    note: {note}")
    for name in (
        *("unsaved_edits", "recovered_edits", "missing", "found", "files", "bytes"),
        *("separation_name", "stems", "left_out"),
    ):
        if report.get(name):
            value = report[name]
            told = ", ".join(map(str, value)) if isinstance(value, list) else value
            tell(f"  {name.replace('_', ' ')}: {told}")
    for version in report.get("versions", []):
        tell(f"  version {version['generation']}: {version['last_edit']}, {version['saved_at']}")
    for note in [*report.get("notes", []), *report.get("separation_notes", [])]:
        tell(f"  note: {note}")
