"""`python -m drumstudio` and the `drumstudio` script."""

from __future__ import annotations

import sys
from multiprocessing import freeze_support
from pathlib import Path


def main() -> int:
    """Run the command line and return its exit code."""
    freeze_support()
    # Imported here, because every worker process imports this module again when it starts.
    from drumstudio.cli.main import run
    from drumstudio.cli.terminal import end_as_by_ctrl_c
    from drumstudio.jobs.reports import install_crash_reports

    install_crash_reports()
    end_as_by_ctrl_c()
    return run(sys.argv[1:], open_window)


def open_window(paths: list[Path]) -> int | None:
    """Open the window with songs or a project; return None where there is no screen."""
    from drumstudio.ui.display import has_display

    if not has_display():
        return None
    from drumstudio.app import run

    return run(paths)


if __name__ == "__main__":
    sys.exit(main())
