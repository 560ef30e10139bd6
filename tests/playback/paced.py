"""Playing against a clock that notes lateness, beside whatever a window and workers do."""

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from drumstudio.core.mix import TrackMix, track_gains
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.playback.deck import Deck
from drumstudio.playback.feeder import Program
from drumstudio.playback.silent_clock import SilentClock
from tests.playback.sounds import RATE, Opens

BLOCK = 512
LATE_SECONDS = 2 * BLOCK / RATE
STEMS = 8
SONG_SECONDS = 20

# What a worker does while it separates, at a worker's priority, until its input ends.
SEPARATION = """
import os, sys, threading
os.nice(10)
import torch
torch.set_num_threads(2)
net = torch.nn.Conv2d(8, 8, 5, padding=2)
picture = torch.randn(1, 8, 256, 256)
print("ready", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
with torch.inference_mode():
    while True:
        net(picture)
"""

# A process with nothing else to do that wakes as often as the callback: where even this one is
# late, the machine is too busy for the measurement to mean anything.
BYSTANDER = """
import sys, threading, time
block, limit = float(sys.argv[1]), float(sys.argv[2])
late = 0
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
due = time.perf_counter()
print("ready", flush=True)
while not stop.is_set():
    time.sleep(max(due - time.perf_counter(), 0.0))
    late += time.perf_counter() - due > limit
    due += block
print(late)
"""


class Silent:
    """Hears nothing of the deck."""

    def deck_stopped(self, take, position, error):
        pass

    def deck_resumed(self, take):
        pass

    def deck_breaks_up(self):
        pass

    def deck_output(self, output):
        pass


@contextmanager
def written_stems(folder):
    """Write stems of noise into a folder; yield their readers."""
    generator = np.random.default_rng(3)
    readers = []
    for number in range(STEMS):
        path = folder / f"{number}.wav"
        with WavWriter(path, RATE, 2) as writer:
            for _ in range(SONG_SECONDS):
                writer.write((0.05 * generator.standard_normal((2, RATE))).astype(np.float32))
        readers.append(WavReader(path))
    try:
        yield tuple(readers)
    finally:
        for reader in readers:
            reader.close()


@contextmanager
def running(code, *arguments):
    """Run Python code in a process until the block ends; yield its last words in a list."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().strip() == "ready"
    said = []
    try:
        yield said
    finally:
        said.append(process.communicate(timeout=20)[0])


def waited_seconds():
    """Return how long all threads of this process have waited for a processor; 0 if untold.

    Notes
    -----
    Second field of /proc/PID/task/TID/schedstat, in nanoseconds (proc(5), sched-stats of Linux).
    """
    total = 0
    for task in Path("/proc/self/task").glob("*/schedstat"):
        try:
            total += int(task.read_text().split()[1])
        except (OSError, IndexError):  # the thread has just ended
            continue
    return total / 1e9


def play(stems, seconds, window, note=lambda: None):
    """Play eight stems while `window(stop, deck)` runs on this thread; return what was late.

    `note` is called after every block, on the clock's thread.
    """
    lateness = []

    def tap(block, late):
        lateness.append(late)
        note()

    def open_output(choice, rate):
        return SilentClock(rate, BLOCK, tap), None

    deck = Deck(Silent(), Opens(open_output))
    samples = SONG_SECONDS * RATE
    gains = track_gains([TrackMix(gain_db=-3.0)] * STEMS)
    deck.load(Program(stems, gains, RATE, samples, loop=(0, samples)))
    deck.play(1, 0)
    stop = threading.Timer(seconds, lambda: None)
    stop.start()
    window(stop, deck)
    missed = deck.missed_samples()
    deck.close()
    return np.array(lateness), missed


def drawing(stop, deck, note=lambda: None):
    """Do what a window does while it plays: some milliseconds of Python for every picture.

    `note` is called before each.
    """
    while stop.is_alive():
        note()
        begun = time.perf_counter()
        deck.position()
        deck.take_heard()
        while time.perf_counter() - begun < 0.006:
            sum(range(200))
        time.sleep(0.010)


def parsing(stop, deck):
    """Do what no window may: one call that keeps the interpreter for a long time."""
    document = json.dumps([{"points": list(range(1_000))}] * 4_500)
    assert len(document) > 17_000_000
    while stop.is_alive():
        json.loads(document)
