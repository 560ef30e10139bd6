"""A window to test: offscreen, silent, with a song that needed no worker."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Skipped where PySide6 or the system libraries of a window are missing.
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

from drumstudio import settings as user_settings
from drumstudio.application import projects
from drumstudio.application.commands import KeyMap
from drumstudio.application.song_work import peaks_paths
from drumstudio.application.studio import Studio
from drumstudio.application.transport import Transport
from drumstudio.catalog.catalog import default_catalog
from drumstudio.core.separation import Media, Separation
from drumstudio.core.song import Song, new_id
from drumstudio.files.peaks import build_peaks
from drumstudio.files.project_media import MIXTURES, SEPARATIONS
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from drumstudio.ui.main_window import MainWindow
from drumstudio.ui.theme import Theme
from drumstudio.workflows.workshop import Workshop
from tests.edited_songs import of_drums

RATE = 44_100


class SilentDeck:
    """A deck that plays nothing and notes what it was asked."""

    def __init__(self, listener):
        self.listener = listener
        self.asked: list[str] = []
        self.program = None

    def load(self, program, retired=()):
        self.program = program
        for files in retired:
            files.close()

    def play(self, take, position, stop=None):
        self.asked.append("play")

    def pause(self):
        self.asked.append("pause")

    def choose(self, choice):
        self.asked.append(f"choose {choice.device}")

    def list_devices(self):
        self.listener.deck_devices((), None)

    def position(self):
        return None

    def take_heard(self):
        return None

    def missed_samples(self):
        return 0

    def close(self):
        self.asked.append("close")


@pytest.fixture
def theme(qapp) -> Theme:
    return Theme(qapp, "dark")


@pytest.fixture
def make_transport():
    """Return what makes the window's transport: here one that plays nothing."""
    return lambda: Transport(SilentDeck)


@pytest.fixture
def window(qtbot, theme, home, make_transport):
    """Return the window of a new project; its workers start only if a test needs them."""
    settings = user_settings.load()
    studio = Studio(settings, default_catalog(), Workshop(settings))
    made = MainWindow(studio, make_transport(), KeyMap(), theme)
    made.resize(1440, 900)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.finish()
    made.deleteLater()
    qtbot.wait(1)
    gc.collect()


def write_wav(path: Path, samples: np.ndarray) -> Path:
    with WavWriter(path, RATE, samples.shape[0]) as writer:
        writer.write(samples.astype(np.float32))
    return path


def put_song(window: MainWindow, samples: np.ndarray, name: str = "Night Bus") -> Song:
    """Give the project a separated song, with its waveforms, as a finished job would."""
    document = window.studio.document
    drums = np.where(np.abs(samples) > 0.3, samples, 0.0).astype(np.float32)
    kept = []
    for folder, sound in ((MIXTURES, samples), (SEPARATIONS, drums)):
        with document.media.incoming(folder) as incoming:
            write_wav(incoming, sound)
            sha256, size = document.media.keep(incoming, folder)
        kept.append(Media(sha256, size, RATE, sound.shape[0], sound.shape[1]))
    song = Song(new_id(), name, f"{name}.wav", kept[0])
    projects.add_song(document, song)
    separation = Separation(
        new_id(), "Fast", origin="model", model_id="fast", device="cpu", **of_drums(kept[1])
    )
    projects.add_separation(document, song.id, separation)
    song = document.project.song(song.id)
    mixture, stems = document.media.sound(song)
    build_peaks(
        no_checkpoint,
        mixture=str(mixture),
        stems=stems.to_plain(),
        outputs={stem: str(path) for stem, path in peaks_paths(song).items()},
    )
    window.document.refresh()
    return song


@pytest.fixture
def song(window, music) -> Song:
    return put_song(window, music)
