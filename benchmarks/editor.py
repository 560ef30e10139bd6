"""The mask editor in a real window, 1440 x 900, offscreen: on a 10 min and on a 10 s song.

    studio benchmark editor [--json] [--rounds N] [--minutes N]
    studio benchmark editor --stems 6    # a song of so many stems beside one of two, in turns

move_to_pixel_ms    from a mouse move with the brush until the widget has been painted
stroke_to_sound_ms  from the release of a 1 s stroke, in a loop that plays, until the first
                    samples of it stand in the playback ring (its length is printed beside)
undo_ms             state and delta blocks, from copies; undo_redrawn_ms: nothing kept
first_tiles_ms      from the key Q until the spectrogram of the song is painted
scroll_ms, zoom_ms  until the spectrogram has been painted

Beside them an empty pyqtgraph view's repaint and a bare numpy render of the stroke's frames.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.measurement import show

RATE = 44_100
STROKE_SECONDS = 1.0
BLOCK_SECONDS = 10
PAINTED = 1_000  # strokes, for the memory of tiles


# --- the songs -------------------------------------------------------------------------


STEMS = ("drums", "bass", "vocals", "guitar", "piano")


def make_project(folder: Path, seconds: float, stems: int = 2) -> tuple[Path, str]:
    """Write a project with a song of hits over chords; return its path and the song's id.

    Of its stems one is computed, so that `stems` - 1 are files.
    """
    from drumstudio.application.document import Document
    from drumstudio.application.projects import add_separation, add_song
    from drumstudio.core.separation import Media, Separation, Stem
    from drumstudio.core.song import Song, new_id
    from drumstudio.files.overview import build_overview, overview_path
    from drumstudio.files.project_media import MIXTURES, SEPARATIONS
    from drumstudio.files.wav_file import WavWriter
    from drumstudio.jobs.job import no_checkpoint

    generator = np.random.default_rng(1)
    beat = np.exp(-np.arange(RATE // 2) / RATE * 20)
    hits = np.tile(beat, 2 * BLOCK_SECONDS) * generator.standard_normal((2, BLOCK_SECONDS * RATE))
    chord = sum(
        np.sin(2 * np.pi * hertz * np.arange(BLOCK_SECONDS * RATE) / RATE)
        for hertz in (110.0, 220.0, 330.0, 1_760.0)
    )
    drums = (0.2 * hits).astype(np.float32)
    mixture = drums + (0.05 * chord).astype(np.float32)
    sounds = {"": mixture, "drums": drums}
    for number, name in enumerate(STEMS[1 : stems - 1], 1):
        sounds[name] = (0.05 / (number + 1) * chord).astype(np.float32) * np.ones(
            (2, 1), np.float32
        )
    with Document.create(folder / f"Song of {seconds:.0f} s, {stems} stems") as document:
        media = {}
        for name, block in sounds.items():
            kind = SEPARATIONS if name else MIXTURES
            with document.media.incoming(kind) as incoming:
                with WavWriter(incoming, RATE, 2) as writer:
                    for number in range(round(seconds / BLOCK_SECONDS)):
                        # The drums begin later in the block that is painted on: silence there.
                        silent = kind == SEPARATIONS and number == round(seconds / 20)
                        writer.write(np.zeros_like(block) if silent else block)
                sha256, size = document.media.keep(incoming, kind)
            media[name] = Media(sha256, size, RATE, 2, round(seconds) * RATE)
        song = Song(new_id(), "Song", "song.wav", media.pop(""))
        stored = tuple(Stem(name, sound) for name, sound in media.items())
        separation = Separation(new_id(), "Model", stored, "rest", "import", "drums")
        add_song(document, song)
        add_separation(document, song.id, separation)
        song = document.project.song(song.id)
        build_overview(
            no_checkpoint,
            mixture=str(document.media.mixture_file(song)),
            stems=document.media.split_files(song, separation).to_plain(),
            focus="drums",
            output=str(overview_path(song.mixture.sha256, separation.split, "drums")),
        )
        document.save()
        return document.folder.path, song.id


# --- in the window ---------------------------------------------------------------------


class PaintCount:
    """Counts the paintings of a widget."""

    def __init__(self, widget: Any) -> None:
        from PySide6.QtCore import QEvent, QObject

        class Filter(QObject):
            painted = 0

            def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802
                self.painted += event.type() == QEvent.Type.Paint
                return False

        self._filter = Filter(widget)
        widget.installEventFilter(self._filter)

    def seconds(self, act: Callable[[], object]) -> float:
        """Return how long it takes from an act until the widget has been painted."""
        from PySide6.QtWidgets import QApplication

        before, started = self._filter.painted, time.perf_counter()
        act()
        while self._filter.painted == before:
            QApplication.processEvents()
            if time.perf_counter() - started > 10:
                raise RuntimeError("the widget was not painted")
        QApplication.processEvents()
        return time.perf_counter() - started


def in_window(project: Path, seconds: float, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of everything that is measured with a song in a window."""
    from PySide6.QtCore import QPointF, Qt
    from PySide6.QtTest import QTest

    from drumstudio import paths
    from tests.ui.lone_window import build, wait

    (paths.user_config_folder() / "spectrogram.json").unlink(missing_ok=True)
    application, window = build()
    window.resize(1440, 900)
    window.studio.open_project(project)
    wait(lambda: window.document.song is not None and len(window.state.lanes) >= 3)
    wait(lambda: all(lane.waveform for lane in window.state.lanes))
    settled = time.monotonic() + 0.3
    wait(lambda: time.monotonic() > settled)
    canvas, timeline = window.spectrogram.canvas, window.state.timeline
    found: dict[str, list[float]] = {}
    started = time.perf_counter()
    window.editing.toggle_pane()  # what the key does
    wait(lambda: canvas.isVisible() and canvas.pixels_drawn > 0)
    application.processEvents()
    found["first_tiles"] = [time.perf_counter() - started]
    assert canvas._pixels.std() > 0, "nothing is seen"
    count = PaintCount(canvas)
    middle = 10 * round(seconds / 20)
    timeline.to_range(middle - 2.0, middle + 6.0)
    wait(lambda: (application.processEvents(), canvas.complete)[1])
    found["scroll"] = [
        count.seconds(lambda way=way: timeline.scroll(37 * way))
        for way in (1, -1) * (rounds // 2)
        for _ in range(5)
    ]
    found["zoom"] = [
        count.seconds(lambda way=way: timeline.zoom(1.25**way, 500))
        for way in (1, -1) * (rounds // 2)
        for _ in range(2)
    ]
    timeline.to_range(middle - 2.0, middle + 6.0)
    wait(lambda: (application.processEvents(), canvas.complete)[1])
    session = window.editing.session
    window.spectrogram.tools.choose("brush")

    def place(at_seconds: float, hertz: float) -> Any:
        across = timeline.view.pixel_at(at_seconds)
        return QPointF(across, canvas.axis.row_at(hertz)).toPoint()

    def drawn(number: int) -> Iterator[float]:
        points = [
            (middle + 0.5 + STROKE_SECONDS * t / 60, 2_000 + 1_500 * np.sin(t / 7 + number))
            for t in range(61)
        ]
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=place(*points[0]))
        for pixel in [place(*point) for point in points[1:]]:
            yield count.seconds(lambda pixel=pixel: QTest.mouseMove(canvas, pixel))

    found["move_to_pixel"] = []
    found["stroke_to_sound"] = []
    with heard_first(window) as heard:
        window.transport.set_loop(middle + 0.6, middle + 0.6 + 0.8 * STROKE_SECONDS)
        window.transport.set_looping(True)
        window.transport.play()
        for number in range(rounds):
            found["move_to_pixel"] += drawn(number)
            heard.wait_for_silence(session)
            started = time.perf_counter()
            QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton)
            wait(lambda: heard.at is not None)
            found["stroke_to_sound"].append(heard.at - started)
            window.studio.document.undo()
        window.transport.stop()
    state = window.player.output
    found["ring"] = [state.latency_seconds]
    peer = empty_view(canvas.width(), canvas.height())
    found["empty_repaint"] = [peer(step) for step in range(10 * rounds)]
    window.finish()
    return found


def in_child(project: Path, seconds: float, rounds: int) -> dict[str, list[float]]:
    """Return what `in_window` does, from a process of its own."""
    words = [sys.executable, __file__, "--window", str(project), str(seconds), str(rounds)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def empty_view(width: int, height: int) -> Callable[[int], float]:
    """Return what times the repaint of an empty pyqtgraph view of the same size."""
    import pyqtgraph
    from PySide6.QtWidgets import QApplication

    peer = pyqtgraph.PlotWidget()
    peer.resize(width, height)
    peer.show()
    QApplication.processEvents()

    def repaint(step: int) -> float:
        peer.setXRange(step, step + 100.0, padding=0)
        started = time.perf_counter()
        peer.viewport().repaint()
        return time.perf_counter() - started

    return repaint


class heard_first:  # noqa: N801 (used as a with block)
    """Notes when the first sound is written into the ring of a window's playing.

    The drums are silent where the stroke is, and only they are heard.
    """

    def __init__(self, window: Any) -> None:
        self.at: float | None = None
        self._quiet = 0
        self._window = window

    def __enter__(self) -> heard_first:
        from drumstudio.playback.ring import Ring

        self._write = write = Ring.write

        def watched(ring: Ring, samples: np.ndarray) -> int:
            written = write(ring, samples)
            loud = bool(written) and float(np.abs(samples[:written]).max()) > 1e-5
            if loud and self.at is None:
                self.at = time.perf_counter()
            self._quiet = 0 if loud else self._quiet + written
            return written

        Ring.write = watched
        if not self._window.document.strips()["drums"].solo:  # kept from the time before
            self._window.document.toggle_solo("drums")
        return self

    def __exit__(self, *_: object) -> None:
        from drumstudio.playback.ring import Ring

        Ring.write = self._write

    def wait_for_silence(self, session: Any) -> None:
        """Wait until the stroke before is no longer heard."""
        from tests.ui.lone_window import wait

        assert session.wait(10)
        self._quiet = 0
        wait(lambda: self._quiet > RATE // 4)
        self.at = None


# --- without a window ------------------------------------------------------------------


def undone(project: Path, song_id: str, seconds: float, rounds: int) -> dict[str, list[float]]:
    """Return how long an undo takes, from copies and redrawn; and the strokes' rendering."""
    from drumstudio.application.document import Document
    from drumstudio.application.edit_sound import EditSound
    from drumstudio.application.editor import Editor
    from drumstudio.core.tiles import TileCache
    from drumstudio.files.delta_store import DeltaStore
    from drumstudio.jobs.job import no_checkpoint
    from drumstudio.workflows.render_edits import EditRenderer

    names = ("undo", "undo_redrawn", "render", "bare_render")
    found: dict[str, list[float]] = {name: [] for name in names}
    middle = 10 * round(seconds / 20)
    with Document.open(project) as document, tempfile.TemporaryDirectory() as folder:
        cache = TileCache()
        editor = Editor(document, song_id, cache)
        store = DeltaStore(Path(folder) / "edits")
        sound = EditSound(editor.song, document.media, store)
        generator = np.random.default_rng(2)
        for _ in range(50):
            paint(editor, middle + 1.0, generator)
        for number in range(rounds):
            sound.render(editor.song, editor.edit)
            assert sound.wait(30)
            paint(editor, middle + 1.0, generator)
            sound.render(editor.song, editor.edit)
            assert sound.wait(30)
            edit = editor.edit
            started = time.perf_counter()
            document.undo()
            sound.render(editor.song, editor.edit)
            assert sound.wait(30)
            look_at_tiles(editor, edit)
            found["undo"].append(time.perf_counter() - started)
            document.redo()
            cache.clear()
            fresh = DeltaStore(Path(folder) / f"edits {number}")
            with EditRenderer(editor.song, document.media, fresh) as renderer:
                before = renderer.deltas(editor.edit, no_checkpoint)
                cache.clear()
                fresh._memory.clear()
                for file in (Path(folder) / f"edits {number}").iterdir():
                    file.unlink()
                started = time.perf_counter()
                document.undo()
                look_at_tiles(editor, edit)
                after = renderer.deltas(editor.edit, no_checkpoint)
                found["undo_redrawn"].append(time.perf_counter() - started)
                assert before.keys != after.keys
            alone = DeltaStore(Path(folder) / f"alone {number}")
            with EditRenderer(editor.song, document.media, alone) as renderer:
                started = time.perf_counter()
                renderer.deltas(editor.edit, no_checkpoint)
                found["render"].append(time.perf_counter() - started)
            found["bare_render"].append(bare_render(document, editor))
        sound.close()
        editor.close()
    return found


def paint(editor: Any, start: float, generator: np.random.Generator) -> None:
    editor.settings = replace(editor.settings, target=str(generator.choice(["drums", "rest"])))
    points = 1_000 + 500 * generator.standard_normal(30).cumsum()
    editor.press(start, float(points[0]))
    for number, hertz in enumerate(points[1:], 1):
        editor.move(start + STROKE_SECONDS * number / 30, float(hertz))
    editor.release()


def look_at_tiles(editor: Any, other: Any) -> None:
    """Draw the tiles that another edit changed."""
    for index in editor.edit.tiles_unlike(other):
        for channel in range(2):
            editor.field_tile(channel, index)


def bare_render(document: Any, editor: Any) -> float:
    """Return how long numpy takes for the frames of a stroke: two STFTs, a mask, one back."""
    from drumstudio.files.wav_file import WavReader

    grid, song = editor.grid, editor.song
    blocks = sorted(editor.edit.changed_blocks())
    start = blocks[0] * grid.block_samples
    count = (blocks[-1] + 1) * grid.block_samples - start + grid.n_fft
    window = np.hanning(grid.n_fft + 1)[:-1]
    mask = np.full((1, grid.bins), 0.5)
    mixture, stems = document.media.sound(song)
    paths = mixture, stems.stored["drums"]
    started = time.perf_counter()
    spectra = []
    for path in paths:
        with WavReader(path) as reader:
            samples = reader.read(start - grid.n_fft // 2, count)
        frames = np.lib.stride_tricks.sliding_window_view(samples, grid.n_fft, axis=-1)
        spectra.append(np.fft.rfft(frames[:, :: grid.hop_length] * window))
    change = np.fft.irfft(mask * (spectra[0] - spectra[1])) * window
    out = np.zeros((2, count + grid.n_fft))
    for number in range(change.shape[1]):
        place = number * grid.hop_length
        out[:, place : place + grid.n_fft] += change[:, number]
    return time.perf_counter() - started


def painted_bytes(project: Path, song_id: str, seconds: float) -> dict[str, int]:
    """Return what tiles and copies take after many strokes all over the song, all looked at."""
    from drumstudio.application.document import Document
    from drumstudio.application.editor import Editor
    from drumstudio.core.tiles import TileCache

    with Document.open(project) as document:
        cache = TileCache()
        editor = Editor(document, song_id, cache)
        generator = np.random.default_rng(3)
        for _ in range(PAINTED):
            before = editor.edit
            paint(editor, float(generator.uniform(0, seconds - 2)), generator)
            look_at_tiles(editor, before)
        result = {"strokes": PAINTED, "tile_bytes": cache.bytes}
        editor.close()
    return result


# --- all together ----------------------------------------------------------------------


def spread(seconds: list[float]) -> dict[str, float]:
    return {
        "median": round(1e3 * float(np.median(seconds)), 3),
        "p95": round(1e3 * float(np.quantile(seconds, 0.95)), 3),
    }


def of_many_stems(stems: int, seconds: float, rounds: int) -> dict[str, object]:
    """Return what a song of many stems takes beside one of two, measured in turns."""
    figures = ("move_to_pixel", "stroke_to_sound")
    found: dict[int, dict[str, list[float]]] = {2: {}, stems: {}}
    with tempfile.TemporaryDirectory() as name:
        os.environ["DRUMSTUDIO_HOME"] = str(Path(name) / "home")
        songs = {count: make_project(Path(name), seconds, count)[0] for count in found}
        for count in (2, stems, stems, 2):
            for figure, values in in_child(songs[count], seconds, -(-rounds // 2)).items():
                found[count].setdefault(figure, []).extend(values)
    result: dict[str, object] = {"song_minutes": seconds / 60, "stems": stems}
    for figure in figures:
        for count, values in found.items():
            result[f"{figure}_{count}_stems_ms"] = spread(values[figure])
        ratio = np.median(found[stems][figure]) / np.median(found[2][figure])
        result[f"{figure}_ratio_of_stems"] = round(float(ratio), 3)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--stems", type=int, default=2, choices=range(2, len(STEMS) + 2))
    parser.add_argument("--window", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.window:
        project, seconds, rounds = options.window
        print(json.dumps(in_window(Path(project), float(seconds), int(rounds))), flush=True)
        os._exit(0)
    if options.stems > 2:
        result = of_many_stems(options.stems, 60 * options.minutes, options.rounds)
        show(result, as_json=options.json)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DRUMSTUDIO_HOME"] = str(folder / "home")
        short, _ = make_project(folder, 10.0)
        long, song_id = make_project(folder, 60 * options.minutes)
        small = in_child(short, 10.0, options.rounds)
        large = in_child(long, 60 * options.minutes, options.rounds)
        state = undone(long, song_id, 60 * options.minutes, options.rounds)
        memory = painted_bytes(long, song_id, 60 * options.minutes)
    result = {"song_minutes": options.minutes}
    for figure in ("move_to_pixel", "stroke_to_sound"):
        result[f"{figure}_ms"] = spread(large[figure])
        result[f"{figure}_10_s_song_ms"] = spread(small[figure])
        ratio = np.median(large[figure]) / np.median(small[figure])
        result[f"{figure}_ratio_of_songs (at most 1.3)"] = round(float(ratio), 3)
    result["ring_and_device_ms"] = round(1e3 * large["ring"][0], 1)
    for figure in ("undo", "undo_redrawn", "render", "bare_render"):
        result[f"{figure}_ms"] = spread(state[figure])
    result["first_tiles_ms (at most 300)"] = round(1e3 * large["first_tiles"][0], 1)
    for figure in ("scroll", "zoom", "empty_repaint"):
        result[f"{figure}_ms"] = spread(large[figure])
    show(result | memory, as_json=options.json)


if __name__ == "__main__":
    main()
