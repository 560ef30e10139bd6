"""Promise R18, gone on with: what a hostile project opens as can be saved, reopened, exported."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sys
import time

import pytest

from drumstudio import atomic
from drumstudio.application import stroke_layers
from drumstudio.application.document import Document
from drumstudio.application.song_export import ExportOrder, export_song
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.strokes import Stroke, rectangle
from drumstudio.files.project_folder import ProjectFolder
from drumstudio.files.stroke_list import PlacedStroke
from drumstudio.jobs.job import no_checkpoint
from tests.application.test_crashes import CONTEXT, mutate
from tests.application.test_song_export import DirectPool
from tests.edited_songs import an_edited_project
from tests.projects import project_hash, random_command
from tests.promises import counts, record

pytestmark = [
    pytest.mark.robust,
    pytest.mark.skipif(sys.platform == "win32", reason="forks as POSIX does"),
]
WATCHED = {"open", "os.rename", "os.remove", "os.link", "os.symlink", "os.mkdir", "shutil.rmtree"}
LARGE = 10**9


def a_project_to_export(path):
    """Return the folder of a project with songs, one of them edited and of real sound, saved."""
    document, song_id = an_edited_project(path, 0.4)
    with document:
        generator = random.Random(18)
        for _ in range(25):
            command = random_command(document.project, generator)
            if all(song_id not in change.at for change in command.changes):
                document.perform(command)
        stroke = Stroke("drums", rectangle(0.1, 0.2, 500.0, 2_000.0))
        stroke_layers.apply_strokes(document, song_id, [PlacedStroke(stroke)], "Paint")
        document.save()
        return document.folder


def later_numbers(text, generator):
    """Return a project whose count of saves, or another whole number, is very large."""
    plain = json.loads(text)
    large = generator.choice([10**9 - 1, 10**9, 2**53 - 1, 2**53, 2**63 - 1])
    plain["generation" if generator.random() < 0.5 else "schema"] = large
    return json.dumps(plain).encode()


def edit_save_reopen_export(path, out):
    """Return whether a project opened, and what was wrong if it could not be gone on with."""
    wrong = []
    with Document.open(path) as document:
        with document.command("Change the rate") as edit:
            edit.set(("sample_rate",), 96_000 if edit.project.sample_rate != 96_000 else 48_000)
        document.save()
        kept = project_hash(document.project)
    with Document.open(path) as document:  # raises if the save has made it unreadable
        if project_hash(document.project) != kept:
            wrong.append("another project came back")
        for number, song in enumerate(document.project.songs):
            order = ExportOrder(("drums", "rest"), out / str(number), overwrite=True)
            try:
                export_song(song, document.media, order, DirectPool(), no_checkpoint)
            except DrumStudioError:
                continue
    return wrong


def go_on_with(path, out, cases, results, commit=None):
    """Go on with mutants in a process of its own that notes every file it touches."""
    atomic.sync = atomic.sync_folder = lambda *_: None
    if commit is not None:
        ProjectFolder.commit = commit
    outside, watching = [], []
    inside = (os.fspath(path), os.fspath(out), os.environ["DRUMSTUDIO_HOME"], "/dev/null")

    def watch(event, arguments):
        if watching and event in WATCHED and isinstance(arguments[0], str | bytes | os.PathLike):
            name = os.fsdecode(arguments[0])
            if event == "os.remove" and not os.path.isabs(name):
                return  # by the descriptor of a folder, whose opening was seen
            touched = os.path.realpath(name)
            known = touched.startswith(inside) or "/proc/" in touched or touched.endswith(".py")
            if not known:
                outside.append((event, touched))

    sys.addaudithook(watch)
    folder, original = ProjectFolder(path), path.with_name("original")
    shutil.copytree(path, original)
    wrong = edit_save_reopen_export(path, out)  # whatever is imported late is imported now
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest, opened, exported = 0.0, 0, 0
    for number, data in enumerate(cases):
        for name in ("project.json", "journal.jsonl"):
            (path / name).unlink(missing_ok=True)
        folder.file.write_bytes(data)
        shutil.rmtree(out, ignore_errors=True)
        watching.append(True)
        started = time.monotonic()
        try:
            with Document.open(path):
                pass
        except DrumStudioError:
            continue
        finally:
            watching.clear()
        opened += 1
        watching.append(True)
        try:
            wrong += edit_save_reopen_export(path, out)
        except DrumStudioError as error:
            if "another name" not in error.fix:  # refused before anything was written
                wrong.append((number, str(error)))
        except Exception as error:  # noqa: BLE001 (anything else is what we look for)
            wrong.append((number, repr(error)))
        watching.clear()
        exported += any(out.rglob("*.wav")) if out.exists() else 0
        slowest = max(slowest, time.monotonic() - started)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    results.put((outside, wrong, opened, exported, slowest, grown))


def without_a_limit(self, edited, generation):
    """Save as a program does that does not look at how often it was saved."""
    data = json.loads(self.file.read_bytes())
    atomic.write_bytes(self.file, json.dumps({**data, "generation": generation + 1}).encode())
    return generation + 1


def found_by(path, out, cases, **words):
    results = CONTEXT.Queue()
    child = CONTEXT.Process(target=go_on_with, args=(path, out, cases, results), kwargs=words)
    child.start()
    found = results.get(timeout=500)
    child.join()
    return found


def test_what_a_hostile_project_opens_as_is_saved_reopened_and_exported(tmp_path):
    folder = a_project_to_export(tmp_path / "P")
    shutil.copytree(folder.path, tmp_path / "control" / "P.drumstudio")
    text = folder.file.read_text("utf-8")
    generator = random.Random(181)
    count = counts(150, 1_500)
    cases = [mutate(text, generator) for _ in range(count)]
    cases += [later_numbers(text, generator) for _ in range(30)]
    out = tmp_path / "out"
    outside, wrong, opened, exported, slowest, grown = found_by(folder.path, out, cases)
    control = found_by(
        tmp_path / "control" / "P.drumstudio", out, cases[-30:], commit=without_a_limit
    )[1]
    record(
        "R18",
        what="mutated projects that open: edited, saved, opened again, exported",
        count=len(cases),
        failures=len(outside) + len(wrong),
        figure=f"{opened} opened, saved and opened again, {exported} gave sound; 0 outside, "
        f"slowest {slowest:.2f} s, {max(grown, 0):.0f} MB",
        control=f"a save that counts on for ever: {len(control)} never opened again",
        control_failed=len(control) > 0,
    )
    assert outside == []
    assert wrong == []
    assert opened > count // 10
    assert exported > 0
    assert slowest < 5.0
    assert grown < 256
    assert control
