"""How the command line ends: by a signal, on a full disk, without a home; what it never prints."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import drumstudio
from drumstudio import paths
from drumstudio.cli import terminal
from drumstudio.workflows.temporary_cache import need_temporary_cache
from tests.cli.test_separate import gone, wait_until
from tests.promises import record

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs signals, devices and modes of POSIX")


# --- signals -----------------------------------------------------------------------------


def separating(tmp_path, music, home, *, ignored=()):
    """Start a separation of minutes; return its process once it computes, and its output folder."""
    song, out = tmp_path / "long.wav", tmp_path / "out"
    sf.write(song, np.tile(music.T, (120, 1)), 44_100)

    def as_from_a_shell():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, "-m", "drumstudio", "separate", song, "--out", out, "--model", "hpss"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=as_from_a_shell,
    )
    wait_until(lambda: list(home.glob("cache/separations/work/*/*")) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process, out


@POSIX
@pytest.mark.robust
@pytest.mark.parametrize(
    "numbers",
    [
        (signal.SIGTERM,),
        (signal.SIGHUP,),  # a terminal that is closed tells all of its processes, some twice
        (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM),  # a shutdown
    ],
)
def test_a_shutdown_and_a_closed_terminal_end_it_as_ctrl_c_does(tmp_path, music, home, numbers):
    process, out = separating(tmp_path, music, home)
    for number in numbers:
        os.killpg(process.pid, number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Cancelled" in told
    assert "Traceback" not in told
    assert not out.exists()
    assert gone(process.pid, within_seconds=30)


@POSIX
@pytest.mark.robust
def test_what_nohup_ignores_stays_ignored(tmp_path, music, home):
    process, _ = separating(tmp_path, music, home, ignored=(signal.SIGHUP,))
    os.killpg(process.pid, signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2.0)
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130


# --- what is printed ------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize("words", [["models"], ["models", "--json"]])
def test_a_full_disk_on_standard_output_costs_three_lines(words):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "drumstudio", *words],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120,
        )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 3
    assert "No space left" in done.stderr


@POSIX
def test_a_reader_that_goes_away_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "drumstudio", "models", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 0


def test_a_closed_terminal_hears_nothing_and_nothing_breaks(monkeypatch):
    class Closed:
        def write(self, text):
            raise OSError(5, "Input/output error")

        flush = write

        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Closed())
    terminal.say("Cancelled")
    bar = terminal.ProgressBar("song")
    bar(0.5, "half")
    bar.close()


EVIL = "a\x1b[2J\x9b1m\u202e\r\nb"


def test_no_line_table_or_document_holds_what_a_terminal_obeys(capsys):
    terminal.tell(EVIL)
    terminal.say(EVIL)
    terminal.print_table(("name",), [(EVIL,)])
    terminal.print_json({"name": EVIL})
    captured = capsys.readouterr()
    for line in (captured.out + captured.err).split("\n"):
        assert line.isprintable()
    document = captured.out[captured.out.index("{") :]
    assert json.loads(document)["name"] == EVIL


def test_every_verb_prints_through_the_terminal_s_own_functions():
    folder = Path(drumstudio.__file__).parent / "cli"
    for path in sorted(folder.glob("*.py")):
        if path.name == "terminal.py":
            continue
        calls = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
        ]
        names = {getattr(call.func, "id", "") for call in calls}
        assert "print" not in names, path.name


# --- without a home -------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize("below", ["", "data/deeper"])
def test_without_a_cache_another_one_is_used_and_told(tmp_path, monkeypatch, below):
    file = tmp_path / "a file where the home should be"
    file.touch()
    monkeypatch.setenv("DRUMSTUDIO_HOME", str(file / below))
    monkeypatch.setenv(paths.CACHE_INSTEAD, "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    note = need_temporary_cache()
    assert str(file) in note
    assert paths.user_cache_folder().is_dir()
    assert paths.user_cache_folder().parent == tmp_path
    assert str(paths.user_cache_folder()) in note
    assert need_temporary_cache() == ""


def test_a_cache_that_is_yet_to_be_made_is_no_reason_for_another(home, monkeypatch):
    monkeypatch.setenv("DRUMSTUDIO_HOME", str(home / "to" / "come"))
    assert need_temporary_cache() == ""
    assert not (home / "to").exists()


def without(module, folder):
    """Return an environment in which a module can not be loaded, as without its library."""
    missing = folder / f"without {module}"
    missing.mkdir()
    (missing / f"{module}.py").write_text("raise OSError('library not found')\n")
    return {"PYTHONPATH": os.pathsep.join([str(missing), os.environ.get("PYTHONPATH", "")])}


def separated_in(environment, song, out):
    """Return what came of a separation in an environment, and the names of the stems."""
    done = subprocess.run(
        [sys.executable, "-m", "drumstudio", "separate", song, "--out", out, "--model", "hpss"],
        capture_output=True, text=True, check=False, timeout=240,
        env={**os.environ, "TMPDIR": str(song.parent / "tmp"), **environment},
    )  # fmt: skip
    return done, sorted(path.name for path in out.glob("*.wav"))


@POSIX
@pytest.mark.robust
def test_r32_the_command_line_separates_whatever_is_missing(tmp_path, music):
    song = tmp_path / "song.wav"
    sf.write(song, music.T[:40_000], 44_100)
    (tmp_path / "tmp").mkdir()
    no_home = tmp_path / "a file where the home should be"
    no_home.touch()
    nothing = "http://127.0.0.1:9"
    launches = {
        "sound library": (without("sounddevice", tmp_path), ""),
        "network": ({"http_proxy": nothing, "https_proxy": nothing}, ""),
        "home to write to": ({"DRUMSTUDIO_HOME": str(no_home)}, "only until the end"),
        "screen and graphics processor": ({"QT_QPA_PLATFORM": "", "CUDA_VISIBLE_DEVICES": ""}, ""),
        "a language": ({"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, ""),
    }
    broken = {}
    for number, (name, (environment, words)) in enumerate(launches.items()):
        done, stems = separated_in(environment, song, tmp_path / f"out {number}")
        good = done.returncode == 0 and stems == ["song_drums.wav", "song_rest.wav"]
        if not good or words not in done.stderr or "Traceback" in done.stderr:
            broken[name] = (done.returncode, stems, done.stderr[-1_000:])
    left = list((tmp_path / "tmp").glob("drumstudio*"))
    control, _ = separated_in(without("numpy", tmp_path), song, tmp_path / "none")
    record(
        "R32",
        what="`studio separate` without " + ", without ".join(launches),
        count=len(launches),
        failures=len(broken) + len(left),
        figure=f"{len(launches) - len(broken)} of {len(launches)} give both stems and say what is "
        "missing",
        control=f"without numpy: exit code {control.returncode}",
        control_failed=control.returncode != 0,
    )
    assert broken == {}
    assert left == []
    assert control.returncode != 0
