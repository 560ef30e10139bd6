"""The linters, as tests: what they forbid is forbidden here and in CI alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", ".")],
    ids=" ".join,
)
def test_ruff_has_nothing_to_say(command):
    _run_clean(command)


@pytest.mark.robust
def test_mypy_has_nothing_to_say():
    _run_clean(("mypy",))


def _run_clean(command):
    tool = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [tool, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
