"""R33: a crash leaves one report on this computer, and nothing is sent."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import drumstudio
from drumstudio import paths
from drumstudio.jobs import reports

PRELUDE = "from drumstudio.jobs import reports\nreports.install_crash_reports('studio')\n"


def run(code: str) -> tuple[int, str, list[str]]:
    """Run a program that installs the reports; return its code, stderr and reports."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(drumstudio.__file__).parent.parent,
    )
    folder = paths.reports_folder()
    found = [path.read_text() for path in folder.iterdir()] if folder.exists() else []
    return done.returncode, done.stderr, found


def test_a_program_that_ends_well_leaves_no_report():
    assert run("print('fine')") == (0, "", [])


def test_an_error_that_nobody_caught_leaves_one_report_that_is_named():
    code, said, (report,) = run("1 // 0")
    assert code == 1
    assert "ZeroDivisionError" in report
    assert "stays on this computer" in report
    assert "A report of what went wrong is in" in said


def test_an_error_in_a_thread_leaves_one_report():
    code, _, (report,) = run("import threading; threading.Thread(target=lambda: 1 // 0).start()")
    assert code == 0
    assert "ZeroDivisionError" in report


@pytest.mark.skipif(os.name != "posix", reason="signals end a process otherwise there")
def test_a_native_crash_leaves_one_report():
    code, _, (report,) = run("import ctypes; ctypes.string_at(0)")
    assert code < 0
    assert "Segmentation fault" in report
    assert "stays on this computer" in report


def test_ctrl_c_is_no_crash():
    _, _, found = run("raise KeyboardInterrupt")
    assert found == []


def test_only_the_newest_twenty_are_kept():
    for index in range(30):
        path = reports.write_report("studio", f"crash {index}")
        os.utime(path, (1000 + index, 1000 + index))
    reports.prune()
    kept = sorted(path.read_text().split()[-1] for path in paths.reports_folder().iterdir())
    assert kept == [str(index) for index in range(10, 30)]


def test_a_folder_that_can_not_be_written_costs_the_report_only(home):
    (home / "data").write_text("in the way")
    assert reports.write_report("studio", "crash") is None
    code, said, _ = run("print('fine')")
    assert (code, said) == (0, "")


def test_nothing_in_the_reports_can_reach_the_network():
    code = Path(reports.__file__).read_text()
    assert not re.search(r"socket|urllib|http|requests|smtp|subprocess", code)
