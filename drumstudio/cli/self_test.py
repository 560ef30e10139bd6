"""The self-test: whether everything here works, told model by model."""

from __future__ import annotations

from drumstudio import __version__
from drumstudio import settings as user_settings
from drumstudio.catalog.catalog import default_catalog
from drumstudio.cli.terminal import DONE, FAILED, ProgressBar, print_json, say, tell
from drumstudio.workflows.self_test import self_test
from drumstudio.workflows.workshop import Workshop


def run_self_test(*, as_json: bool) -> int:
    """Run the self-test, print a line a model, return 0 if all passed and 1 if not."""
    catalog = default_catalog()
    with Workshop(user_settings.load()) as workshop:
        bar = ProgressBar("self-test")
        try:
            rows = self_test(catalog, workshop, bar)
        finally:
            bar.close()
    problems = [f"{row.model}: {row.problem}" for row in rows if row.problem]
    problems += [f"{error.what}: {error.why}" for error in catalog.problems]
    if not rows:
        problems.append("no model is ready")
    if as_json:
        print_json(
            {
                "version": __version__,
                "passed": not problems,
                "problems": problems,
                "models": [row.to_dict() for row in rows],
            }
        )
    else:
        for row in rows:
            tell(
                f"{'failed' if row.problem else 'passed'}  {row.model}: drums {_decibels(row.sdr)} "
                f"(stored: {_decibels(row.expected_sdr)}), "
                f"null {_decibels(row.null_residual_dbfs)}, on {row.device}"
            )
        for problem in problems:
            say(f"failed: {problem}")
    return FAILED if problems else DONE


def _decibels(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f} dB"
