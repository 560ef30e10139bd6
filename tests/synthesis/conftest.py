"""A small bank of synthesised and made-up recorded sounds for every test of this package."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.synthesis.one_shots import OneShotBank


def burst(seed: int, channels: int = 1, seconds: float = 0.3) -> np.ndarray:
    """Return decaying noise, float32, (samples,) or (2, samples)."""
    count = int(seconds * 44_100)
    noise = np.random.default_rng(seed).standard_normal((channels, count))
    noise *= np.exp(-np.arange(count) / (0.1 * count)) * 0.3
    return (noise if channels == 2 else noise[0]).astype(np.float32)


@pytest.fixture(scope="session")
def bank() -> OneShotBank:
    """Return a bank with one of everything."""
    microphones = {"close": burst(1), "oh": burst(2, 2), "room": burst(3, 2)}
    kit = {
        "kick": [[{k: v * 0.2 for k, v in microphones.items()}, microphones]],
        "snare": [[microphones]],
    }
    recorded = {"kick": [burst(4)], "conga": [burst(5, 2)], "sax": [burst(6, 1, 0.8)]}
    return OneShotBank(recorded, kits=[kit], drums_per_family=1, notes_per_family=1, seed=3)
