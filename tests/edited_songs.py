"""Projects whose song has sound that can be edited: short, of a low rate, made from noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from drumstudio import atomic
from drumstudio.application.document import Document
from drumstudio.application.projects import add_separation, add_song
from drumstudio.core.separation import Media, Separation, Stem
from drumstudio.core.song import Song, new_id
from drumstudio.core.stems import computed_name, serving_as_drums
from drumstudio.files.project_media import MIXTURES, SEPARATIONS
from drumstudio.files.wav_file import WavWriter

SAMPLE_RATE = 8_000


def without_waiting_for_the_disk(monkeypatch) -> None:
    """Leave fsync out: power cuts are for other tests, and waiting is most of their time."""
    monkeypatch.setattr(atomic, "sync", lambda descriptor: None)
    monkeypatch.setattr(atomic, "sync_folder", lambda folder: None)


def noise(seconds, channels=2, seed=1, sample_rate=SAMPLE_RATE):
    generator = np.random.default_rng(seed)
    shape = (channels, round(seconds * sample_rate))
    return (0.2 * generator.standard_normal(shape)).astype(np.float32)


def keep_sound(document: Document, folder: str, samples, sample_rate=SAMPLE_RATE) -> Media:
    with document.media.incoming(folder) as incoming:
        with WavWriter(incoming, sample_rate, samples.shape[0]) as writer:
            writer.write(samples)
        sha256, size = document.media.keep(incoming, folder)
    return Media(sha256, size, sample_rate, samples.shape[0], samples.shape[1])


def separate(document: Document, song: Song, drums, name="Model") -> Separation:
    return split(document, song, {"drums": drums}, name)


def split(document: Document, song: Song, stored, name="Model") -> Separation:
    """Add a separation of some stored stems, by name, to a song."""
    rate = song.mixture.sample_rate
    stems = tuple(
        Stem(stem, keep_sound(document, SEPARATIONS, samples, rate))
        for stem, samples in stored.items()
    )
    computed, drums = computed_name(stored), serving_as_drums(stored)
    separation = Separation(new_id(), name, stems, computed, "import", drums)
    add_separation(document, song.id, separation)
    return separation


def of_drums(media: Media) -> dict[str, Any]:
    """Return the fields of a separation that stores drums and leaves the rest."""
    return {"stems": (Stem("drums", media),), "computed": "rest", "drums": "drums"}


def a_song(document: Document, mixture, drums, sample_rate=SAMPLE_RATE, name="Song") -> str:
    """Add a song with one separation to a project; return its id."""
    song = Song(new_id(), name, "song.wav", keep_sound(document, MIXTURES, mixture, sample_rate))
    add_song(document, song)
    separate(document, song, drums)
    return song.id


def an_edited_project(folder: Path, seconds=3.0, channels=2) -> tuple[Document, str]:
    document = Document.create(folder / "Project")
    mixture, drums = noise(seconds, channels), noise(seconds, channels, seed=2) / 2
    return document, a_song(document, mixture, drums)
