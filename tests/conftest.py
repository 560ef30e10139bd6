"""What every test may use: a home of its own, the audio pack, sounds that are never silent."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "studio", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("studio")


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch) -> Path:
    """Give the test its own settings, cache, data and reports; nothing of the user's is touched."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("DRUMSTUDIO_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def audio_pack() -> Path:
    """Return the audio pack's folder, or skip the test politely."""
    folder = os.environ.get("DRUMSTUDIO_AUDIO")
    if not folder or not Path(folder, "manifest.csv").is_file():
        pytest.skip("needs real music: set DRUMSTUDIO_AUDIO to the audio pack")
    return Path(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the audio pack, so that a machine without it can leave it out."""
    for item in items:
        if "audio_pack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_audio)


@pytest.fixture
def music() -> np.ndarray:
    """Return 3.1 s of music-like stereo, float32 (2, samples), 44.1 kHz, peak about 0.8."""
    generator = np.random.default_rng(20)
    time = np.arange(136_711) / 44_100
    tone = sum(0.2 * np.sin(2 * np.pi * f * time + f) for f in (55.0, 220.5, 661.0))
    hits = generator.standard_normal(time.size) * np.exp(-((time % 0.5) * 30)) * 0.3
    left = 0.7 * tone + hits
    right = 0.6 * np.roll(tone, 31) + 0.8 * hits
    both = np.stack([left, right])
    return (0.8 * both / np.abs(both).max()).astype(np.float32)
