"""Songs and separators for the measurements."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

import numpy as np
import torch

from drumstudio.files.wav_file import WavWriter, header_bytes
from drumstudio.inference import engines
from drumstudio.inference.base import Separator
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import no_checkpoint

SAMPLE_RATE = 44_100
ROOT = Path(__file__).resolve().parents[1]

_CARD = """id = "{id}"
name = "{id}"
kind = "separator"
engine = "{id}"
description = "For measurements."
stems = ["drums"]
sample_rate = 0
channels = 0
licence = "MIT"
"""


class Identity(Separator):
    """Gives back what it gets, with context and cross-fade: what is left is the engine."""

    sample_rate = 0
    channels = 0
    hop_length = 1024
    chunk_samples = 1 << 20
    min_chunk_samples = 1 << 17
    context_samples = 16 * 1024
    overlap = 0.1
    field_is_finite = False

    @classmethod
    def from_card(cls, card, settings, weights) -> Self:
        """Return one; there is nothing to set."""
        return cls()

    def to(self, device: str) -> None:
        """Stay: there are no weights."""

    def separate(self, mixture: torch.Tensor) -> torch.Tensor:
        """Return the mixture."""
        return mixture


class HalfSpectrum(Identity):
    """A mask of one half over an STFT: as much memory as a small spectrogram net."""

    def separate(self, mixture: torch.Tensor) -> torch.Tensor:
        """Return half of the mixture."""
        window = torch.hann_window(4096)
        spectrum = torch.stft(mixture[0], 4096, 1024, window=window, return_complex=True)
        spectrum *= 0.5
        return torch.istft(spectrum, 4096, 1024, window=window, length=mixture.shape[-1])[None]


STUBS = {"identity": Identity, "half-spectrum": HalfSpectrum}


def music(seconds: float, channels: int = 2) -> np.ndarray:
    """Return chords, a bass and hits, float32 (channels, samples), at 44.1 kHz."""
    generator = np.random.default_rng(7)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * f * time) for f in (55.0, 220.5, 277.2, 330.4)) * 0.1
    hits = np.exp(-(time % 0.5) * 30) * generator.standard_normal((channels, time.size)) * 0.3
    return (tones + hits).astype(np.float32)


def write_song(path: Path, samples: np.ndarray) -> None:
    """Write a media file at 44.1 kHz."""
    with WavWriter(path, SAMPLE_RATE, samples.shape[0]) as writer:
        writer.write(samples)


def write_long_song(path: Path, seconds: float) -> None:
    """Write `music` over and over, stereo."""
    minute = music(60.0)
    left = int(seconds * SAMPLE_RATE)
    with WavWriter(path, SAMPLE_RATE, minute.shape[0]) as writer:
        while left:
            writer.write(minute[:, :left])
            left -= min(left, minute.shape[1])


def write_sparse_song(path: Path, seconds: float, channels: int = 2) -> None:
    """Write a media file of silence that takes no room on the disk."""
    samples = int(seconds * SAMPLE_RATE)
    header = header_bytes(SAMPLE_RATE, channels, samples)
    path.write_bytes(header)
    os.truncate(path, len(header) + samples * channels * 4)


def model_folder(folder: Path, model: str) -> Path:
    """Return the folder of a model that ships, or of one of the stubs here, made below `folder`."""
    if model not in STUBS:
        return ROOT / "models" / model
    engines.ENGINES[model] = f"{STUBS[model].__module__}:{STUBS[model].__name__}"
    made = folder / model
    made.mkdir(exist_ok=True)
    (made / "model.toml").write_text(_CARD.format(id=model))
    return made


def run(folder: Path, song: Path, model: str) -> dict:
    """Separate a song on one thread of the processor into `folder`/drums.wav."""
    return separate(
        no_checkpoint,
        mixture=str(song),
        drums=str(folder / "drums.wav"),
        card_folder=str(model_folder(folder, model)),
        settings={},
        device="cpu",
        threads=1,
        work_folder=str(folder / "work"),
    )
