"""The rules of the architecture that a machine can check."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from drumstudio.cli.main import VERBS
from drumstudio.workers.roles import JOBS

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "librosa", "scipy", "numba", "PySide6", "pyqtgraph", "sounddevice", "matplotlib")


def loaded_after(code: str) -> set[str]:
    """Return which heavy libraries a fresh process has loaded after running some code."""
    probe = f"{code}\nimport sys\nprint('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=120
    )
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("LOADED")
    return set(last.split()[1:])


def test_the_probe_sees_a_heavy_library_that_is_loaded():
    assert "scipy" in loaded_after("import scipy")


def test_modules_import_only_from_below_their_own_layer():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["models"],
        ["models", "--json"],
        ["models", "hpss"],
        *([verb, "--help"] for verb in VERBS),
    ],
    ids=" ".join,
)
def test_the_command_line_answers_without_loading_heavy_libraries(arguments):
    code = (
        "import contextlib, io\nfrom drumstudio.cli.main import run\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    assert run({arguments!r}) == 0"
    )
    assert loaded_after(code) == set()


def test_the_application_and_the_file_workers_code_load_nothing_heavy():
    code = (
        "import drumstudio.application.document, drumstudio.workflows.separate_song\n"
        "import drumstudio.workflows.project, drumstudio.files.decode, drumstudio.files.encode\n"
        "import drumstudio.workers.pool, drumstudio.jobs.queue, drumstudio.catalog.catalog"
    )
    assert loaded_after(code) == set()


def test_every_named_job_and_engine_resolves():
    from drumstudio.inference.engines import ENGINES

    targets = [job.function for job in JOBS.values()] + list(ENGINES.values())
    assert targets
    for target in targets:
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(module), name)), target


def test_only_the_workers_package_starts_processes():
    words = ("subprocess", "multiprocessing", "os.fork", "Popen", "concurrent.futures")
    allowed = {"workers", "__main__.py"}
    for path in sorted((ROOT / "drumstudio").rglob("*.py")):
        if path.relative_to(ROOT / "drumstudio").parts[0] in allowed:
            continue
        code = path.read_text(encoding="utf-8")
        assert not [word for word in words if f"import {word}" in code or f"{word}(" in code], path


def test_there_are_no_modules_named_for_nothing():
    names = {"utils", "helpers", "common", "misc", "manager"}
    assert not [p for p in (ROOT / "drumstudio").rglob("*") if p.stem in names]


def test_no_sound_file_stands_in_the_repository():
    try:
        listed = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if listed.returncode:
        pytest.skip("not a git checkout")
    sounds = {".wav", ".flac", ".ogg", ".mp3", ".opus", ".m4a", ".aiff"}
    assert not [line for line in listed.stdout.splitlines() if Path(line).suffix in sounds]
