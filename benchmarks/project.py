"""How long a large project takes to open and save, beside json.load of the same file.

    studio benchmark project [--json] [--rounds N]

20 songs with 1,000 edits: once all of them saved (in the history), once all of them in the
journal only, as after a crash. Interleaved rounds, medians.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
from pathlib import Path

from benchmarks.measurement import interleaved, ratio, show
from drumstudio.application.document import Document
from tests.projects import a_song, random_command

SONGS, EDITS = 20, 1_000


def make(path: Path, *, saved: bool) -> Path:
    """Make a project of 20 songs; its edits are saved, or in the journal only."""
    generator = random.Random(1)
    with Document.create(path) as document:
        for number in range(SONGS):
            with document.command(f"Add Song {number}") as edit:
                edit.insert(("songs",), a_song(generator, f"Song {number}"))
        document.save()
        edits = 0
        while edits < EDITS:
            command = random_command(document.project, generator)
            if command.name != "remove song":
                document.perform(command)
                edits += 1
        if saved:
            document.save()
        return document.folder.path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["DRUMSTUDIO_HOME"] = str(Path(name) / "home")
        saved = make(Path(name) / "saved", saved=True)
        crashed = make(Path(name) / "crashed", saved=False)
        kept = Document.open(saved)
        copy = Document.open(make(Path(name) / "copy", saved=True))
        kept.close()
        file = saved / "project.json"

        def save() -> None:
            copy._commit(copy._edited)

        seconds = interleaved(
            options.rounds,
            {
                "open": lambda: Document.open(saved).close(),
                "recover": lambda: Document.open(crashed).close(),
                "save": save,
                "json_load": lambda: json.loads(file.read_text("utf-8")),
            },
        )
        copy.close()
        show(
            {
                "songs": SONGS,
                "edits": EDITS,
                "file_bytes": file.stat().st_size,
                **{f"{name}_ms": 1000 * statistics.median(s) for name, s in seconds.items()},
                "open_ratio": ratio(seconds, "open", "json_load"),
                "recover_ratio": ratio(seconds, "recover", "json_load"),
            },
            as_json=options.json,
        )


if __name__ == "__main__":
    main()
