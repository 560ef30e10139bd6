"""Tiny songs, a tiny network and a recipe for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from drumstudio.training.augment import MixRules
from drumstudio.training.recipes import Recipe, read_recipe

RATE = 44_100

TINY_RECIPE = """
id = "tiny"
name = "Tiny"
engine = "tfc-tdf"
description = "As small as it gets: for tests."

[network]
n_fft = 512
hop_length = 256
sub_bands = 4
channels = 4
growth = 2
levels = 1
bottleneck = 4
low_bins = 8
low_channels = 8
bands = 4
sample_rate = 44100

[train]
steps = 4
batch = 2
crop_seconds = 0.5
warm_up_steps = 2
averaging = 0.5

[pool]
refresh_steps = 3

[pool.first]
stem = 2
song = 2
bass = 2

[pool.refresh]
bass = 1

[pool.most]
bass = 2
"""


def drums(seconds: float, seed: int = 0) -> np.ndarray:
    """Return bursts of noise every half second, float32 (2, samples)."""
    time = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal((2, time.size))
    return (0.2 * noise * np.exp(-(time % 0.5) * 25)).astype(np.float32)


def tone(seconds: float, hertz: float) -> np.ndarray:
    """Return a steady tone, float32 (2, samples)."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = 0.2 * np.sin(2 * np.pi * hertz * time)
    return np.stack([wave, wave]).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), samples.T, rate, subtype="PCM_16")


@pytest.fixture
def songs(tmp_path) -> Path:
    """Return a folder with two songs in MUSDB's layout."""
    folder = tmp_path / "songs"
    for number in range(2):
        song = folder / "train" / f"song {number}"
        write(song / "drums.wav", drums(3.0, number))
        write(song / "bass.wav", tone(3.0, 60 + 20 * number))
        write(song / "other.wav", tone(3.0, 300 + 50 * number))
        write(song / "mixture.wav", drums(3.0, number) + tone(3.0, 60 + 20 * number))
    return folder


@pytest.fixture
def tiny_recipe_file(tmp_path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_RECIPE)
    return path


@pytest.fixture
def tiny_recipe(tiny_recipe_file) -> Recipe:
    return read_recipe(str(tiny_recipe_file))


@pytest.fixture
def rules() -> MixRules:
    """Return rules under which every mixture has drums and something else."""
    return MixRules(silent_drums=0, only_drums=0, low_pass=0, limit=0, mono=0, equalise=0)
