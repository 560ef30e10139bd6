"""What a person waits for, on a quiet machine and beside two busy processes.

    studio benchmark waiting [--json] [--rounds N] [--model ID]

export       stems of a finished 30 s song, written while nothing else is done; and while a 4 min
             song is being separated and two processes of another session keep a core busy each
first_drums  from the order to separate a 4 min song that is open until the first of its drums can
             be heard, with a worker that has separated before; quiet, and beside the busy processes

The program without its window does the work, as the window asks for it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.commands import busy
from benchmarks.measurement import show
from benchmarks.songs import write_long_song

BUSY = 2


def until(condition: Callable[[], object], seconds: float = 600.0) -> float:
    """Wait for something; return how long it took."""
    started = time.perf_counter()
    while not condition():
        if time.perf_counter() - started > seconds:
            raise RuntimeError("it did not happen")
        time.sleep(0.005)
    return time.perf_counter() - started


class Desk:
    """The program without its window, with a short song that is separated and a long one."""

    def __init__(self, folder: Path, model: str) -> None:
        from drumstudio import settings as user_settings
        from drumstudio.application.studio import Studio
        from drumstudio.catalog.catalog import default_catalog
        from drumstudio.workflows.workshop import Workshop

        settings = user_settings.load()
        self.studio = Studio(settings, default_catalog(), Workshop(settings))
        self.studio.change_setting("opening", "only open")
        self.folder, self.model, self._number = folder, model, 0
        for name, seconds in (("short", 30.0), ("long", 240.0)):
            write_long_song(folder / f"{name}.wav", seconds)
            self.studio.jobs.add_paths([folder / f"{name}.wav"], model, {})
            until(lambda name=name: self.song(name) is not None)
        until(lambda: not self.studio.queue.busy)
        self.studio.jobs.separate(self.song("short").id, model, {})
        until(lambda: self.song("short").separation is not None)
        until(lambda: not self.studio.queue.busy)

    def song(self, name: str):
        """Return a song by its name; None before it is open."""
        return next((song for song in self.studio.songs if song.name == name), None)

    def export(self) -> float:
        """Return how long an export of the short song's stems takes."""
        from drumstudio.application.song_export import ExportOrder

        self._number += 1
        over = threading.Event()
        order = ExportOrder((), self.folder / f"export {self._number}")
        started = time.perf_counter()
        self.studio.stems.export(self.song("short"), order, over=over)
        over.wait(600)
        return time.perf_counter() - started

    def first_drums(self) -> float:
        """Return how long the first drums of the long song take; its separation goes on."""
        song = self.song("long")
        self.studio.jobs.separate(song.id, self.model, {})
        return until(lambda: self.studio.previews.get(song.id) is not None)

    def stop(self) -> None:
        """Cancel the separation, and forget what is finished of it."""
        for row in self.studio.queue.rows():
            self.studio.queue.cancel(row.number)
        until(lambda: not self.studio.queue.busy)
        self.studio.queue.clear_finished()
        freed = threading.Event()
        self.studio.free_cache(lambda *_: freed.set())
        freed.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="flagship")
    options = parser.parse_args()
    names = ("export_quiet", "export_loaded", "first_drums_quiet", "first_drums_loaded")
    found: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as name:
        os.environ["DRUMSTUDIO_HOME"] = str(Path(name, "home"))
        desk = Desk(Path(name), options.model)
        desk.export()  # starts the worker that writes
        for _ in range(options.rounds):
            found["export_quiet"].append(desk.export())
            found["first_drums_quiet"].append(desk.first_drums())
            desk.stop()
            with busy(BUSY, own_session=True):
                found["first_drums_loaded"].append(desk.first_drums())
                found["export_loaded"].append(desk.export())
                desk.stop()
        desk.studio.close()
    result: dict[str, object] = {"rounds": options.rounds, "model": options.model}
    for name, seconds in found.items():
        result[f"{name}_seconds"] = statistics.median(seconds)
    for what in ("export", "first_drums"):
        pairs = zip(found[f"{what}_loaded"], found[f"{what}_quiet"], strict=True)
        result[f"{what}_loaded_to_quiet"] = statistics.median(a / b for a, b in pairs)
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
