"""Promises R4, R6 and R18: killed editors, two windows, hostile projects; each with a control."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from drumstudio.application.document import Document
from drumstudio.application.recovery import recoverable_projects, unsaved_folder
from drumstudio.core.errors import DrumStudioError
from drumstudio.files.plain_file import read_plain
from drumstudio.files.project_folder import LIMIT_BYTES, ProjectFolder
from drumstudio.files.strict_json import parse
from tests.projects import project_hash, random_command
from tests.promises import counts, record

pytestmark = [
    pytest.mark.robust,
    pytest.mark.skipif(sys.platform == "win32", reason="forks and kills as POSIX does"),
]
CONTEXT = multiprocessing.get_context("fork" if sys.platform != "win32" else "spawn")


# --- R4: killed while editing ----------------------------------------------------------


def edits(seed):
    """Yield what an editing session does, the same for the same seed: edits, undo, saves."""
    generator = random.Random(seed)
    while True:
        yield generator.choices(["edit", "undo", "redo", "save"], [12, 3, 1, 1])[0], generator


def hashes_of(seed, count):
    """Return the hash of the project after each step of a session, without any file."""
    from drumstudio.core.history import Edited
    from drumstudio.core.song import Project

    edited = Edited(Project(f"{seed:012x}"))
    hashes = [project_hash(edited.project)]
    for (kind, generator), _ in zip(edits(seed), range(count), strict=False):
        if kind == "edit":
            edited = edited.perform(random_command(edited.project, generator))
        elif kind == "undo" and edited.history.undo_name:
            edited = edited.undo()
        elif kind == "redo" and edited.history.redo_name:
            edited = edited.redo()
        hashes.append(project_hash(edited.project))
    return hashes


def edit_for_ever(path, seed, pipe):
    """Edit a project and tell of every step that is in the journal."""
    document = Document.open(path)
    for kind, generator in edits(seed):
        if kind == "edit":
            document.perform(random_command(document.project, generator))
        elif kind == "undo" and document.history.undo_name:
            document.undo()
        elif kind == "redo" and document.history.redo_name:
            document.redo()
        elif kind == "save" and not document.is_never_saved:
            document.save()
        document.flush()
        pipe.send_bytes(b".")


def edit_without_care(path, seed, pipe):
    """Only edit, and keep the journal as most programs would: written, never flushed."""
    document = Document.open(path)
    generator = random.Random(seed)
    with (path / "careless.jsonl").open("w", buffering=1 << 20, encoding="utf-8") as lines:
        while True:
            command = random_command(document.project, generator)
            document._edited = document._edited.perform(command)
            lines.write(json.dumps(command.to_plain()) + "\n")
            pipe.send_bytes(b".")


def killed_after(target, path, seed, steps):
    """Run an editor until it told of some steps, kill it, return how many it told of."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    child = CONTEXT.Process(target=target, args=(path, seed, theirs))
    child.start()
    theirs.close()
    told = 0
    while told < steps:
        ours.recv_bytes()
        told += 1
    time.sleep(random.Random(seed).random() * 0.003)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    while ours.poll():
        try:
            ours.recv_bytes()
        except EOFError:
            break
        told += 1
    return told


def with_id(document, seed):
    """Give a new project the id that `hashes_of` uses."""
    path = document.folder.path
    document.close()
    text = (path / "project.json").read_text("utf-8")
    (path / "project.json").write_text(text.replace(document.project.id, f"{seed:012x}"), "utf-8")
    return path


def test_a_killed_editor_loses_at_most_the_last_gesture(tmp_path):
    generator = random.Random(4)
    kills = counts(50, 500)
    lost, offered = 0, 0
    for seed in range(kills):
        # Empty projects without a name are removed by close: make them where they stay.
        folder = tmp_path / "seed" / str(seed)
        path = with_id(Document.create(folder / "P"), seed)
        if seed % 2 == 0:
            unsaved_folder().mkdir(parents=True, exist_ok=True)
            moved = unsaved_folder() / f"Untitled {seed}.drumstudio"
            path = path.rename(moved)
        told = killed_after(edit_for_ever, path, seed, generator.randrange(1, 30))
        if seed % 2 == 0:
            offered += path in [project.path for project in recoverable_projects()]
        with Document.open(path) as document:
            found = project_hash(document.project)
            assert not document.is_read_only
            assert document.notes == ()
        allowed = hashes_of(seed, told + 1)[told:]
        lost += found not in allowed
    control = _edits_lost_without_care(tmp_path)
    record(
        "R4",
        what="kill -9 at a random edit, saved and never-saved projects",
        count=kills,
        failures=lost,
        figure=f"{lost} of {kills} lost an edit that was in the journal",
        control=f"a journal written without flush: {control} of 5 lost edits",
        control_failed=control > 0,
    )
    assert lost == 0
    assert offered >= kills // 2 * 0.8  # a session may undo all it did
    assert control == 5


def _edits_lost_without_care(tmp_path):
    lost = 0
    for seed in range(5):
        path = with_id(Document.create(tmp_path / f"Careless {seed}"), seed)
        told = killed_after(edit_without_care, path, seed, 10)
        lost += (path / "careless.jsonl").read_bytes().count(b"\n") < told - 1
    return lost


def test_any_journal_leaves_a_good_state(tmp_path):
    document = Document.create(tmp_path / "P")
    generator = random.Random(8)
    states = [project_hash(document.project)]
    for _ in range(40):
        document.perform(random_command(document.project, generator))
        states.append(project_hash(document.project))
    document.close()
    path = document.folder.path
    data = document.folder.journal_path.read_bytes()
    lines = data.splitlines(keepends=True)
    tries = counts(200, 2_000)
    bad = 0
    for number in range(tries):
        place, damaged = _mutated(data, lines, generator)
        document.folder.journal_path.write_bytes(damaged)
        with Document.open(path) as again:
            intact = data[:place].count(b"\n")
            bad += project_hash(again.project) not in states[intact:]
            if number % 4:
                continue
            again.perform(random_command(again.project, generator))
            kept = project_hash(again.project)
        with Document.open(path) as once_more:
            bad += project_hash(once_more.project) != kept or once_more.notes != ()
    trusting = sum(_replayed_by_trust(_mutated(data, lines, generator)[1]) for _ in range(50))
    record(
        "R4",
        what="mutated and truncated journals",
        count=tries,
        failures=bad,
        figure=f"{tries - bad} of {tries} opened with a good state",
        control=f"json.loads of every line without checks: {trusting} of 50 broke or took lies",
        control_failed=trusting > 0,
    )
    assert bad == 0
    assert trusting > 10


def _mutated(data, lines, generator):
    """Return (where the damage begins, the damaged journal)."""
    kind = generator.randrange(6)
    place = generator.randrange(len(data))
    damaged = bytearray(data)
    if kind == 0:
        return place, bytes(data[:place])
    if kind == 1:
        damaged[place] ^= 1 << generator.randrange(8)
        return place, bytes(damaged)
    if kind == 2:
        damaged[place : place + generator.randrange(1, 500)] = b""
        return place, bytes(damaged)
    if kind == 3:
        damaged[place:place] = generator.randbytes(generator.randrange(1, 200))
        return place, bytes(damaged)
    number = generator.randrange(len(lines) - 1)
    before = b"".join(lines[:number])
    if kind == 4:
        return len(before), b"".join(lines[:number] + lines[number + 1 :])
    swapped = [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]
    return len(before), b"".join(swapped)


def _replayed_by_trust(damaged):
    """Return whether a reader without checks breaks, or takes what is not a beginning."""
    from drumstudio.core.history import command_from_plain
    from drumstudio.core.song import Project

    project = Project("0" * 12)
    try:
        for line in damaged.decode("utf-8").splitlines():
            project = command_from_plain(json.loads(line)["edit"]["do"]).apply(project)
    except (ValueError, KeyError, TypeError):
        return True
    return False


def save_for_ever(path, seed, pipe):
    """Set the sample rate to 10001, 10002, ... and save each; tell of every save."""
    with Document.open(path) as document:
        while True:
            with document.command("Set rate") as edit:
                edit.set(("sample_rate",), (document.project.sample_rate or 10_000) + 1)
            document.save()
            pipe.send_bytes(b".")


def save_plainly_for_ever(path, seed, pipe):
    """Write a project of 4 MB as most programs would."""
    while True:
        path.write_bytes(b"{" + b" " * 4_000_000 + b"}")
        pipe.send_bytes(b".")


def save_as_for_ever(path, seed, pipe):
    """Save the project under one name after the other; tell of every copy."""
    with Document.open(path) as document:
        number = 0
        while True:
            number += 1
            with document.command("Set rate") as edit:
                edit.set(("sample_rate",), 10_000 + number)
            document.save_as(path.with_name(f"Copy {number}"))
            pipe.send_bytes(b".")


def recover_for_ever(path, seed, pipe):
    """Damage the journal's end and open the project, again and again."""
    while True:
        with ProjectFolder(path).journal_path.open("ab") as file:
            file.write(b'{"torn')
        Document.open(path).close()
        pipe.send_bytes(b".")


def test_killed_while_it_saves_a_project_is_the_old_one_or_the_new_one(tmp_path):
    generator = random.Random(2)
    kills = counts(30, 300)
    bad = 0
    path = Document.create(tmp_path / "P").folder.path
    for seed in range(kills):
        with Document.open(path) as document:
            before = document.project.sample_rate or 10_000
        told = killed_after(save_for_ever, path, seed, generator.randrange(1, 5))
        with Document.open(path) as document:
            rate = document.project.sample_rate
            bad += not before + told <= rate <= before + told + 1
            # Killed before the oldest was removed, one more stays until the next save.
            bad += len(document.folder.versions()) > 6
    plain = tmp_path / "plain.json"
    control = 0
    for seed in range(10):
        killed_after(save_plainly_for_ever, plain, seed, 1 + seed % 3)
        control += not plain.read_bytes().endswith(b"}")
    record(
        "R1",
        what="kill -9 during a loop of project saves",
        count=kills,
        failures=bad,
        figure=f"{bad} of {kills} unreadable or older than the last save told of",
        control=f"plain open('wb'): {control} of 10 unreadable",
        control_failed=control > 0,
    )
    assert bad == 0
    assert control > 0


def test_killed_while_it_is_copied_the_project_stays_and_a_copy_is_whole_or_absent(tmp_path):
    for seed in range(counts(12, 100)):
        place = tmp_path / str(seed)
        path = Document.create(place / "P").folder.path
        with Document.open(path) as document:
            with document.media.incoming("media") as incoming:
                incoming.write_bytes(b"sound" * 1_000)
                document.media.keep(incoming, "media")
            kept = project_hash(document.project)
        told = killed_after(save_as_for_ever, path, seed, random.Random(seed).randrange(1, 4))
        with Document.open(path) as document:
            assert project_hash(document.project) == kept
        copies = sorted(place.glob("Copy*.drumstudio"))
        assert told <= len(copies) <= told + 1
        for number, copy in enumerate(copies, 1):
            with Document.open(copy) as document:
                assert document.project.sample_rate in (10_000 + number, 10_001 + number)


def test_killed_while_it_recovers_a_project_recovers_again(tmp_path):
    with Document.create(tmp_path / "P") as document:
        generator = random.Random(3)
        for _ in range(12):
            document.perform(random_command(document.project, generator))
        kept, path = project_hash(document.project), document.folder.path
    for seed in range(counts(15, 150)):
        killed_after(recover_for_ever, path, seed, random.Random(seed).randrange(1, 4))
        with Document.open(path) as document:
            assert project_hash(document.project) == kept
            assert document.recovered_edits == 12


# --- R6: two windows -------------------------------------------------------------------


def open_and_tell(path, begin, results, hold):
    begin.wait()
    document = Document.open(path)
    if not document.is_read_only:
        with document.command("Race") as edit:
            edit.set(("sample_rate",), 40_000 + os.getpid() % 1_000)
        document.flush()
    results.put(document.is_read_only)
    hold.wait()


def open_by_pid_file(path, begin, results, hold):
    """Lock as many programs do: look for a file, then write it."""
    begin.wait()
    owner = path / "owner.pid"
    free = not owner.exists()
    time.sleep(0.001)
    if free:
        owner.write_text(str(os.getpid()))
    results.put(not free)
    hold.wait()


def race(target, path):
    """Let two processes open one project at the same moment; return how many may write."""
    begin, hold, results = CONTEXT.Barrier(2), CONTEXT.Event(), CONTEXT.Queue()
    children = [CONTEXT.Process(target=target, args=(path, begin, results, hold)) for _ in range(2)]
    for child in children:
        child.start()
    read_only = [results.get(timeout=30) for _ in children]
    for child in children:
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    return read_only.count(False)


def test_of_two_windows_exactly_one_writes_and_a_killed_one_does_not_lock_for_ever(tmp_path):
    path = tmp_path / "P.drumstudio"
    Document.create(path).close()
    races = counts(40, 200)
    wrong, not_reclaimed = 0, 0
    for number in range(races):
        wrong += race(open_and_tell, path) != 1
        # Both were killed: whoever comes now may write, without being asked.
        with Document.open(path) as document:
            not_reclaimed += document.is_read_only
            assert document.recovered_edits == 1, number
            document.discard_edits()
    control = 0
    for number in range(5):
        naive = tmp_path / f"Naive {number}"
        naive.mkdir()
        control += race(open_by_pid_file, naive) != 1 or (naive / "owner.pid").exists()
    record(
        "R6",
        what="two windows open one project at once; then both are killed",
        count=races,
        failures=wrong + not_reclaimed,
        figure=f"{races - wrong} of {races} with one writer, {races - not_reclaimed} reclaimed",
        control=f"a file with the owner's number: {control} of 5 with two writers or locked out",
        control_failed=control > 0,
    )
    assert (wrong, not_reclaimed) == (0, 0)
    assert control == 5


# --- R18: hostile projects -------------------------------------------------------------


def a_rich_project(path):
    document = Document.create(path)
    generator = random.Random(18)
    for _ in range(60):
        document.perform(random_command(document.project, generator))
    document.save()
    for _ in range(15):
        document.perform(random_command(document.project, generator))
    document.close()
    return document.folder


_POISON = [
    *("NaN", "Infinity", "-Infinity", "1e400", "-1", "0", "1e308", "null", "true", "[]", "{}"),
    *('""', '"../../../../etc/passwd"', '"/etc/passwd"', '"C:\\\\Windows\\\\x"', '"\\u0000"'),
    *('"' + "x" * 5_000 + '"', "[" * 200 + "]" * 200, "9" * 400, '"\\ud800"'),
    *('{"a":1,"a":2}', "18446744073709551616", "\"__import__('os').system('id')\""),
]


def mutate(text, generator):
    """Return a project.json that somebody or something has tampered with."""
    kind = generator.randrange(5)
    if kind == 0:
        place = generator.randrange(len(text))
        return text[:place].encode()
    if kind == 1:
        damaged = bytearray(text.encode())
        for _ in range(generator.randrange(1, 20)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        return bytes(damaged)
    if kind == 2:
        values = [m for m in range(len(text)) if text[m] == ":"]
        place = generator.choice(values)
        ends = [text.find(end, place) for end in ",}\n]"]
        end = min(e for e in ends if e > 0)
        return (text[: place + 1] + generator.choice(_POISON) + text[end:]).encode()
    plain = json.loads(text)
    holders = list(_holders(plain))
    for _ in range(generator.randrange(1, 4)):
        holder, key = generator.choice(holders)
        poison = generator.choice(_POISON)
        try:
            holder[key] = json.loads(poison)
        except (ValueError, RecursionError, IndexError, KeyError):
            continue
    if kind == 4:
        holder, key = generator.choice(holders)
        holder[key] = [json.loads(text)["project"]] * generator.randrange(2, 40)
    return json.dumps(plain).encode()


def _holders(value):
    """Yield every (container, key) of a plain value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        yield value, key
        if isinstance(item, dict | list):
            yield from _holders(item)


def corpus():
    """Yield projects made to hurt."""
    yield b""
    yield b"[" * LIMIT_BYTES
    yield b'{"a":' * (LIMIT_BYTES // 5)
    yield b'"' + b"\\" * (LIMIT_BYTES - 1)
    yield b'"' + b'\\"' * (LIMIT_BYTES // 2 - 1)
    yield b"9" * LIMIT_BYTES
    yield b" " * (LIMIT_BYTES + 1)
    yield b"[" + b"0," * (LIMIT_BYTES // 2 - 1) + b"0]"
    yield b"[" + b"{}," * (LIMIT_BYTES // 3 - 1) + b"0]"
    yield b"\xef\xbb\xbf{}"
    yield "{}".encode("utf-16")


def open_hostile(path, cases, results):
    """Open mutants in a process of its own that notes every file it touches."""
    outside = []
    inside = (os.fspath(path), os.environ["DRUMSTUDIO_HOME"])
    watched = {
        "open",
        "os.rename",
        "os.remove",
        "os.link",
        "os.symlink",
        "os.mkdir",
        "shutil.rmtree",
    }
    watching = []

    def watch(event, arguments):
        if watching and event in watched and isinstance(arguments[0], str | bytes | os.PathLike):
            touched = os.path.realpath(os.fsdecode(arguments[0]))
            if not touched.startswith(inside) and "/proc/" not in touched:
                outside.append((event, touched))

    sys.addaudithook(watch)
    folder = ProjectFolder(path)
    Document.open(path).close()  # whatever is imported late is imported now
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest, opened, untyped = 0.0, 0, []
    for number, data in enumerate(cases):
        folder.file.write_bytes(data)
        watching.append(True)
        started = time.monotonic()
        try:
            with Document.open(path) as document:
                opened += 1
                while document.history.undo_name and document.history.position > 50:
                    document.undo()
                document.media.missing(document.project)
        except DrumStudioError:
            pass
        except Exception as error:  # noqa: BLE001 (anything else is what we look for)
            untyped.append((number, repr(error)))
        slowest = max(slowest, time.monotonic() - started)
        watching.clear()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    results.put((outside, slowest, opened, untyped, grown, size))


def open_naively(path, results):
    """Open a project as a trusting program does; return what it reads outside."""
    reads = []
    sys.addaudithook(
        lambda event, arguments: reads.append(str(arguments[0])) if event == "open" else None
    )
    plain = json.loads((path / "project.json").read_text())
    for song in plain["project"]["songs"]:
        try:
            (path / "media" / song["mixture"]["sha256"]).read_bytes()
        except (OSError, ValueError):
            continue
    real = [os.path.realpath(read) for read in reads]
    results.put([read for read in real if not read.startswith(os.fspath(path))])


def test_a_hostile_project_neither_leaves_its_folder_nor_grows(tmp_path):
    folder = a_rich_project(tmp_path / "P")
    text = folder.file.read_text("utf-8")
    generator = random.Random(180)
    mutants = counts(400, 2_000)
    cases = [mutate(text, generator) for _ in range(mutants)] + list(corpus())
    results = CONTEXT.Queue()
    child = CONTEXT.Process(target=open_hostile, args=(folder.path, cases, results))
    child.start()
    outside, slowest, opened, untyped, grown, size = results.get(timeout=500)
    child.join()
    assert outside == []
    assert untyped == []
    assert slowest < 2.0
    assert grown < 256
    assert 0 < opened < len(cases)
    plain = json.loads(text)
    plain["project"]["songs"][0]["mixture"]["sha256"] = "../../secret"
    folder.file.write_text(json.dumps(plain), "utf-8")
    child = CONTEXT.Process(target=open_naively, args=(folder.path, results))
    child.start()
    read = results.get(timeout=30)
    child.join()
    record(
        "R18",
        what="mutated and made-up project files",
        count=len(cases),
        failures=len(outside) + len(untyped),
        figure=(
            f"0 outside the folder, slowest {slowest:.2f} s, {max(grown, 0):.0f} MB, "
            f"{opened} opened, {len(cases) - opened} refused"
        ),
        control=f"json.loads and a path as it is written: {len(read)} read outside",
        control_failed=len(read) > 0,
    )
    assert read
    assert size < 50 * LIMIT_BYTES


def test_links_in_a_project_lead_nowhere(tmp_path):
    folder = a_rich_project(tmp_path / "P")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    original = tmp_path / "copy"
    shutil.copytree(folder.path, original)
    for name in sorted(os.listdir(original)):
        shutil.rmtree(folder.path)
        shutil.copytree(original, folder.path)
        place = folder.path / name
        target = outside if place.is_dir() else outside / "precious"
        shutil.rmtree(place) if place.is_dir() else place.unlink()
        place.symlink_to(target)
        try:
            with Document.open(folder.path) as document:
                document.perform(random_command(document.project, random.Random(name)))
                document.save()
        except DrumStudioError:
            pass
        assert [path.name for path in outside.iterdir()] == ["precious"], name
        assert (outside / "precious").read_text() == "precious", name


def test_pipes_and_folders_in_the_place_of_files_block_nothing(tmp_path):
    folder = a_rich_project(tmp_path / "P")
    for path in (folder.lock_path, folder.journal_path, folder.file):
        path.unlink()
        os.mkfifo(path)
        if path == folder.file:
            with pytest.raises(DrumStudioError):
                Document.open(folder.path)
        else:
            Document.open(folder.path).close()
    with pytest.raises(OSError, match="plain"):
        read_plain(folder.file, 10)
    assert parse(b"1") == 1
