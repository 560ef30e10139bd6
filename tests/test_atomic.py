"""R1, R2, R3: a file is whole or as it was, whatever happens while it is written."""

from __future__ import annotations

import ast
import errno
import hashlib
import os
import random
import re
import signal
import stat
import sys
import time
from pathlib import Path

import pytest

from drumstudio import atomic
from drumstudio.core.errors import AudioWriteError, DiskFullError, DrumStudioError, ProjectError
from tests.disk_faults import WITH_REMOVE, failing_disk
from tests.promises import counts, record

POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="needs fork, kill -9 and Linux modes")


def test_a_file_is_written_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "song.json"
    atomic.write_text(path, "é\n")
    assert path.read_bytes() == "é\n".encode()
    atomic.write_bytes(path, b"\x00\r\n")
    assert path.read_bytes() == b"\x00\r\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_raises_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "song.wav"
    path.write_bytes(b"old")

    def interrupted():
        with atomic.writing(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_file_is_hidden_beside_the_target_and_short_enough(tmp_path):
    for name in ("a.wav", "x" * 255, "ä" * 127, "🥁" * 63):
        with atomic.writing(tmp_path / name) as temporary:
            assert temporary.parent == tmp_path
            assert temporary.name.startswith(".")
            assert temporary.name.endswith(".partial")
            assert len(os.fsencode(temporary.name)) <= 255
            assert atomic.is_temporary(temporary)
        assert (tmp_path / name).exists()
    assert not atomic.is_temporary(tmp_path / ".hidden.partial")


@pytest.fixture
def link(tmp_path):
    """A link to a file outside the link's folder."""
    (tmp_path / "real").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "real" / "settings.json").write_text("old")
    link = tmp_path / "here" / "settings.json"
    try:
        link.symlink_to(tmp_path / "real" / "settings.json")
    except OSError:
        pytest.skip("this system makes no links")
    return link


def test_only_who_asks_for_it_writes_through_a_link_that_leads_out_of_its_folder(link):
    with pytest.raises(AudioWriteError, match="leads out of its folder"):
        atomic.write_text(link, "new")
    assert link.read_text() == "old"
    atomic.write_text(link, "new", follow_link=True)
    assert link.is_symlink()
    assert link.resolve().read_text() == "new"


def test_a_link_that_leads_nowhere_makes_no_file_elsewhere(link):
    link.resolve().unlink()
    with pytest.raises(AudioWriteError, match="leads out of its folder"):
        atomic.write_text(link, "new")
    assert not link.resolve().exists()


def test_a_link_inside_its_folder_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "b").write_text("old")
    (tmp_path / "a").symlink_to("b")
    atomic.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "b").read_text() == "new"


@POSIX_ONLY
def test_a_folder_a_pipe_a_device_and_a_loop_of_links_are_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "null").symlink_to(os.devnull)
    for path in (*sorted(tmp_path.iterdir()), Path(os.devnull)):
        before = path.lstat()
        for write in (atomic.write_bytes, lambda path, _: atomic.put(tmp_path / "new", path)):
            (tmp_path / "new").write_bytes(b"new")
            with pytest.raises(AudioWriteError):
                write(path, b"new")
        with pytest.raises(AudioWriteError, match="not a file"):
            atomic.write_text(path, "new", follow_link=True)
        assert os.path.samestat(path.lstat(), before)
    (tmp_path / "new").unlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "loop", "null", "pipe"]


@pytest.mark.parametrize("way", ["itself", "through a folder", "second name", "link"])
def test_what_is_being_read_is_never_replaced_whatever_it_is_called(tmp_path, way):
    song = tmp_path / "song.wav"
    song.write_bytes(b"sound")
    target = {
        "itself": song,
        "through a folder": tmp_path / "again" / "song.wav",
        "second name": tmp_path / "second.wav",
        "link": tmp_path / "link.wav",
    }[way]
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "link.wav").symlink_to(song)
    os.link(song, tmp_path / "second.wav")
    with pytest.raises(AudioWriteError, match="being read"), atomic.writing(target, inputs=[song]):
        pass
    assert song.read_bytes() == b"sound"
    with atomic.writing(target, inputs=[tmp_path / "other.wav"]) as temporary:
        temporary.write_bytes(b"stem")
    assert target.read_bytes() == b"stem"


@POSIX_ONLY
def test_what_takes_the_name_while_it_is_written_is_not_replaced_either(tmp_path):
    path = tmp_path / "song.wav"

    def overtaken():
        with atomic.writing(path):
            os.mkfifo(path)

    with pytest.raises(AudioWriteError, match="not a file"):
        overtaken()
    assert list(tmp_path.iterdir()) == [path]


@POSIX_ONLY
def test_a_new_file_has_the_rights_that_the_user_gives_new_files(tmp_path):
    mask = os.umask(0o027)
    try:
        atomic.write_bytes(tmp_path / "a", b"")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_write_protected_file_is_refused_though_a_rename_could_replace_it(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    # Asked of the system as somebody who is not root, whoever runs the test.
    monkeypatch.setattr(os, "access", lambda asked, mode: asked != path or mode != os.W_OK)
    with pytest.raises(AudioWriteError, match="permission"):
        atomic.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("number", "kind", "word"),
    [
        (errno.ENOSPC, DiskFullError, "full"),
        (errno.EDQUOT, DiskFullError, "full"),
        (errno.EACCES, ProjectError, "permission"),
        (errno.EROFS, ProjectError, "only be read"),
        (errno.EISDIR, ProjectError, "is a folder"),
        (errno.ENAMETOOLONG, ProjectError, "too long"),
        (errno.EFBIG, ProjectError, "larger"),
        (errno.EIO, ProjectError, "fault"),
        (errno.EMFILE, ProjectError, "too many files"),
        (errno.ELOOP, ProjectError, "says"),
    ],
)
def test_every_answer_of_the_system_becomes_three_plain_lines(tmp_path, number, kind, word):
    error = OSError(number, os.strerror(number))
    told = atomic.explain_os_error(error, "Cannot save", tmp_path / "x", kind=ProjectError)
    assert type(told) is kind
    assert word in told.why
    assert told.what == "Cannot save"
    assert told.fix.endswith(".")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(AudioWriteError, match="nowhere is not there"):
        atomic.write_bytes(tmp_path / "nowhere" / "a.wav", b"")


def test_room_is_asked_for_before_a_job_also_where_the_folder_is_yet_to_come(tmp_path):
    folder = tmp_path / "to" / "come"
    assert atomic.free_bytes(folder) == pytest.approx(atomic.free_bytes(tmp_path), rel=0.01)
    atomic.require_free(folder, 1, "Cannot export")
    with pytest.raises(DiskFullError, match=r"needs 1000000000\.0 GB") as caught:
        atomic.require_free(folder, 10**18, "Cannot export")
    assert caught.value.what == "Cannot export"


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can not be renamed there")
def test_only_what_no_living_writer_holds_is_removed_from_a_shared_folder(tmp_path):
    abandoned = tmp_path / f".song.wav.{'a' * 12}.partial"
    young = tmp_path / f".song.wav.{'b' * 12}.partial"
    mine = tmp_path / "mine.partial"
    for path in (abandoned, young, mine):
        path.write_bytes(b"x")
        os.utime(path, (0, 0) if path != young else None)
    with atomic.writing(tmp_path / "song.wav") as living:
        os.utime(living, (0, 0))
        assert atomic.remove_abandoned(tmp_path) == 1
        assert living.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, mine.name, "song.wav"]
    assert atomic.remove_abandoned(tmp_path / "nowhere") == 0


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path):
    kept = [tmp_path / name for name in (".hidden", "a.partial", ".a.partial", "song.wav")]
    for path in kept:
        path.write_bytes(b"x")
    (tmp_path / ".song.wav.0123456789ab.partial").write_bytes(b"half")
    assert atomic.remove_leftovers(tmp_path) == 1
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    assert atomic.remove_leftovers(tmp_path / "nowhere") == 0


# --- R2: the k-th call fails ------------------------------------------------------------


def plain_save(path: Path, data: bytes) -> None:
    """Save as a careless program does; the negative control."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        atomic.write_all(descriptor, data)
    finally:
        atomic.close(descriptor)


def fail_every_call(folder: Path, save) -> tuple[int, int]:
    """Fail the k-th call for every k, in every way; return tries and broken promises."""
    old, new = b"old" * 1000, b"new" * 1000
    path = folder / "project.json"
    tries = failures = 0
    ways = [
        (number, permanently, calls)
        for number in (errno.ENOSPC, errno.EIO, errno.EACCES)
        for permanently in (False, True)
        for calls in (None, WITH_REMOVE)
    ]
    for number, permanently, calls in ways:
        options = {"number": number, "permanently": permanently}
        if calls is not None:
            options["calls"] = calls
        for k in range(1000):
            path.write_bytes(old)
            said = None
            with failing_disk(k, **options) as disk:
                try:
                    save(path, new)
                except (DrumStudioError, OSError) as error:
                    said = error
            tries += 1
            if len(disk.log) <= k:  # it never came to a k-th call: all have been failed
                assert said is None
                break
            # Where removing failed too, the next start cleans up.
            if calls is not None:
                atomic.remove_leftovers(folder)
            whole = path.read_bytes() in (old, new)
            alone = list(folder.iterdir()) == [path]
            told = isinstance(said, DrumStudioError)
            failures += not (whole and alone and told)
    return tries, failures


def test_r2_a_failing_disk_never_hurts_the_old_file(tmp_path):
    (tmp_path / "ours").mkdir()
    (tmp_path / "control").mkdir()
    tries, failures = fail_every_call(tmp_path / "ours", atomic.write_bytes)
    control_tries, control_failures = fail_every_call(tmp_path / "control", plain_save)
    record(
        "R2",
        what="fail the k-th disk call of a save, for every k, once and for ever, three errors",
        count=tries,
        failures=failures,
        figure=f"{failures} of {tries} neither old nor new, left over, or silent",
        control=f"open and write in place: {control_failures} of {control_tries} broken",
        control_failed=control_failures > 0,
    )
    assert failures == 0
    assert control_failures > 0


# --- R3: the order ----------------------------------------------------------------------

SAFE_ORDER = ["write_all", "sync", "replace", "sync_folder"]


def order_of(save, path: Path) -> list[str]:
    with failing_disk() as disk:
        save(path, b"x")
    return [call for call in disk.log if call in SAFE_ORDER]


def renamed_unsynced(path: Path, data: bytes) -> None:
    """Write and rename without forcing anything to the disk; the negative control."""
    temporary = path.with_suffix(".tmp")
    descriptor = atomic.create_file(temporary)
    atomic.write_all(descriptor, data)
    atomic.close(descriptor)
    atomic.replace(temporary, path)


def test_r3_what_is_written_reaches_the_disk_before_the_name_does(tmp_path):
    data = random.Random(3).randbytes(2_000_000)
    count, failures, times = counts(20, 200), 0, []
    for index in range(count):
        path = tmp_path / f"{index % 3}.json"
        failures += order_of(atomic.write_bytes, path) != SAFE_ORDER
        started = time.perf_counter()
        atomic.write_bytes(path, data)
        times.append(time.perf_counter() - started)
    p95 = sorted(times)[int(0.95 * count)]
    control = order_of(renamed_unsynced, tmp_path / "control")
    record(
        "R3",
        what="recorded order of the disk calls of a save; time of a 2 MB save",
        count=count,
        failures=failures,
        figure=f"{count - failures} of {count} {' > '.join(SAFE_ORDER)}; p95 {1000 * p95:.1f} ms",
        control=f"rename without fsync: {' > '.join(control)}",
        control_failed=control != SAFE_ORDER,
    )
    assert failures == 0
    assert control != SAFE_ORDER


@POSIX_ONLY
def test_the_calls_reach_the_system_in_that_order(tmp_path, monkeypatch):
    log = []
    for name in ("write", "fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *args, name=name, real=real: (log.append(name), real(*args))[1]
        )
    atomic.write_bytes(tmp_path / "a", b"x")
    if sys.platform == "darwin":
        assert log[:2] == ["write", "replace"]  # F_FULLFSYNC stands in for the file's fsync
    else:
        assert log == ["write", "fsync", "replace", "fsync"]


# --- R1: kill -9 during saves -----------------------------------------------------------


def document(generation: int, size: int) -> bytes:
    """Return a document that knows its own hash."""
    body = generation.to_bytes(8, "big") + random.Random(generation).randbytes(size)
    return hashlib.sha256(body).digest() + body


def generation_of(data: bytes) -> int | None:
    """Return a document's generation; None if it is not whole."""
    whole = len(data) > 40 and hashlib.sha256(data[32:]).digest() == data[:32]
    return int.from_bytes(data[32:40], "big") if whole else None


def kill_while_saving(folder: Path, save, count: int, seed: int) -> tuple[int, int]:
    """Kill a saving process again and again; return unreadable and outdated files."""
    chance = random.Random(seed)
    path = folder / "project.json"
    documents = [document(generation, 200_000) for generation in range(60)]
    unreadable = outdated = 0
    for _ in range(count):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                while True:
                    for data in documents:
                        save(path, data)
                        os.write(writer, data[39:40])  # its generation
            finally:
                os._exit(1)
        os.close(writer)
        acknowledged = os.read(reader, 1)
        time.sleep(chance.uniform(0.002, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while block := os.read(reader, 65_536):
            acknowledged = block
        os.close(reader)
        found = generation_of(path.read_bytes())
        last = acknowledged[-1]
        unreadable += found is None
        outdated += found is not None and found not in (last, (last + 1) % len(documents))
        atomic.remove_leftovers(folder)
    return unreadable, outdated


def save_in_place(path: Path, data: bytes) -> None:
    """Save as a careless program does; the negative control."""
    with path.open("wb") as file:
        file.write(data)


def save_only_once(path: Path, data: bytes) -> None:
    """Acknowledge what was never saved; the negative control of "older than acknowledged"."""
    if not path.exists():
        save_in_place(path, data)


@POSIX_ONLY
@pytest.mark.robust
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # fork beside threads
def test_r1_saving_is_all_or_nothing_under_kill_9(tmp_path):
    count = counts(300, 5000)
    (tmp_path / "ours").mkdir()
    (tmp_path / "control").mkdir()
    unreadable, outdated = kill_while_saving(tmp_path / "ours", atomic.write_bytes, count, 1)
    tries = counts(100, 1000)
    broken, _ = kill_while_saving(tmp_path / "control", save_in_place, tries, 2)
    (tmp_path / "control" / "project.json").unlink()
    _, stale = kill_while_saving(tmp_path / "control", save_only_once, 10, 3)
    record(
        "R1",
        what="kill -9 during a save loop",
        count=count,
        failures=unreadable + outdated,
        figure=f"{unreadable} unreadable, {outdated} older than acknowledged, of {count}",
        control=f"plain open('wb'): {broken} of {tries} unreadable; "
        f"acknowledged unsaved: {stale} of 10 outdated",
        control_failed=broken >= 0.05 * tries and stale > 0,
    )
    assert (unreadable, outdated) == (0, 0)
    assert broken >= 0.05 * tries
    assert stale > 0


# --- every writer goes through it -------------------------------------------------------

# Modules that open a file for writing themselves, and why that destroys nothing.
WRITERS = {
    "atomic.py": "this is the gate",
    "catalog/install.py": "copies to a name from `writing`; moves a folder that this program made",
    "cli/terminal.py": "the null device, in place of an output that is gone",
    "files/decode.py": "the null device, for what libraries print",
    "files/delta_store.py": "folders of the cache, of names that nobody had before",
    "files/journal.py": "the journal goes on in its own plain file",
    "files/lock.py": "a lock holds nothing",
    "files/plain_file.py": "copies to a name from `writing`",
    "files/overview.py": "a name from `writing`",
    "files/peaks.py": "a name from `writing`",
    "files/preview.py": "a scratch folder of the cache",
    "files/project_media.py": "names from `writing` and `incoming`",
    "files/result_cache.py": "a name from `writing`",
    "files/stem_mp4.py": "a name from `writing`",
    "files/wav_file.py": "its caller has the name from `writing`",
    "inference/chunk_store.py": "a work folder of the cache",
    "jobs/reports.py": "a report of a name that nobody had before",
    "training/data.py": "a name from `writing`",
    "training/evaluation_sets.py": "the log of check runs goes on in its own file",
    "training/known_excerpts.py": "a name from `writing`",
    "training/evaluate.py": "the kernel's own file for the highest mark of the memory",
    "training/pools.py": "a name from `writing`",
    "training/session.py": "a name from `writing`",
    "training/trainer.py": "the curve goes on in its own plain file",
    "workers/detached.py": "the log, after asking the gate",
    "workflows/project.py": "a name from `incoming`",
}
FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"}


def writes(source: str) -> bool:
    """Return whether a module opens, copies or renames files for writing by itself."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in FLAGS:
            return True
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        owner = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
        words = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
        modes = [
            word for word in words if isinstance(word, str) and re.fullmatch("[rwaxbt+]+", word)
        ]
        if name in ("open", "fdopen") and any(set(mode) & set("wax+") for mode in modes):
            return True
        if name in ("write_text", "write_bytes", "touch") and owner != "atomic":
            return True
        if owner == "os" and name in ("replace", "rename", "link", "symlink", "truncate"):
            return True
        if owner == "shutil" and name.startswith(("copy", "move")):
            return True
    return False


def test_every_module_that_writes_goes_through_the_gate_or_says_why_not():
    package = Path(atomic.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if writes(path.read_text(encoding="utf-8"))
    }
    assert found == set(WRITERS)


@pytest.mark.parametrize(
    "line",
    [
        "path.open('wb')", "open(path, mode='a')", "path.write_text(text)", "path.touch()",
        "os.replace(a, b)", "shutil.copyfile(a, b)", "os.open(path, os.O_WRONLY)",
    ],
)  # fmt: skip
def test_the_search_finds_what_it_looks_for(line):
    assert writes(line)
    assert not writes("atomic.write_text(path, text); path.open('rb'); text.replace('a', 'b')")
