"""How long the command line takes to answer, beside importing numpy and soundfile alone.

    studio benchmark startup [--json] [--rounds N]

Whole processes, interleaved rounds, median of the ratios.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

from benchmarks.measurement import interleaved, ratio, show

COMMANDS = {
    "help": ["-m", "drumstudio", "--help"],
    "models": ["-m", "drumstudio", "models"],
    "imports": ["-c", "import numpy, soundfile"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()

    def command(words: list[str]):
        return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)

    seconds = interleaved(options.rounds, {name: command(w) for name, w in COMMANDS.items()})
    show(
        {
            **{f"{name}_ms": 1000 * statistics.median(seconds[name]) for name in COMMANDS},
            "help_ratio": ratio(seconds, "help", "imports"),
            "models_ratio": ratio(seconds, "models", "imports"),
        },
        as_json=options.json,
    )


if __name__ == "__main__":
    main()
