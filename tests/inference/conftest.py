"""A bench to run stub separators on, from a card to a drums file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference import engines
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import no_checkpoint
from tests.inference import stub_separators
from tests.inference.stub_separators import RATE

CARD = """
id = "{id}"
name = "Stub {engine}"
kind = "separator"
engine = "{engine}"
description = "A stub."
stems = ["drums"]
sample_rate = {rate}
channels = 2
licence = "MIT"

[[parameters]]
name = "amount"
type = "float"
minimum = 0
maximum = 1
default = 0.5
label = "Amount"
"""


def engine_id(stub: type) -> str:
    return stub.__name__.lower()


def register_stubs(table: dict[str, str]) -> None:
    """Add every stub to the table of engines, by its name in small letters."""
    for name, stub in vars(stub_separators).items():
        if isinstance(stub, type) and issubclass(stub, stub_separators.Stub):
            table[engine_id(stub)] = f"{stub_separators.__name__}:{name}"


@dataclass
class Bench:
    """A folder with a song, cards of stubs, and `run`, which separates the one with the other."""

    folder: Path

    def write_song(self, samples: np.ndarray, rate: int = RATE, speakers: int = 0) -> None:
        path = self.folder / "mixture.wav"
        with WavWriter(path, rate, samples.shape[0], speakers) as writer:
            writer.write(samples.astype(np.float32))

    def card(self, stub: type, comment: str = "") -> Path:
        folder = self.folder / "models" / engine_id(stub)
        folder.mkdir(parents=True, exist_ok=True)
        text = CARD.format(id=folder.name, engine=engine_id(stub), rate=stub.sample_rate)
        (folder / "model.toml").write_text(text + comment)
        return folder

    def arguments(self, stub: type, **changed) -> dict:
        arguments = {
            "mixture": str(self.folder / "mixture.wav"),
            "drums": str(self.folder / "drums.wav"),
            "card_folder": str(self.card(stub)),
            "settings": {},
            "device": "cpu",
            "threads": 1,
            "work_folder": str(self.folder / "work"),
        }
        return arguments | changed

    def run(self, stub: type, checkpoint=no_checkpoint, **changed) -> dict:
        return separate(checkpoint, **self.arguments(stub, **changed))

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def drums_path(self) -> Path:
        return self.folder / "drums.wav"

    def drums(self) -> np.ndarray:
        with WavReader(self.drums_path) as reader:
            return reader.read(0, reader.samples)

    def chunk_files(self) -> list[Path]:
        return sorted(self.work.glob("*.chunk"))


@pytest.fixture
def bench(tmp_path, monkeypatch) -> Bench:
    table = dict(engines.ENGINES)
    register_stubs(table)
    monkeypatch.setattr(engines, "ENGINES", table)
    monkeypatch.setattr(stub_separators.Faulty, "plan", {})
    monkeypatch.setattr(stub_separators.Faulty, "refuses", "")
    monkeypatch.setattr(stub_separators.Faulty, "calls", 0)
    monkeypatch.setattr(stub_separators.Faulty, "fed", [])
    return Bench(tmp_path)


def noise(samples: int, channels: int = 2, seed: int = 1) -> np.ndarray:
    """Return float32 noise with hits, (channels, samples), that is nowhere silent."""
    generator = np.random.default_rng(seed)
    level = 0.05 + 0.4 * np.exp(-(np.arange(samples) % 2_000) / 150)
    return (generator.standard_normal((channels, samples)) * level).astype(np.float32)


def dbfs(difference: np.ndarray) -> float:
    """Return the peak of a difference in decibels to full scale, -999 if there is none."""
    peak = float(np.abs(difference).max(initial=0.0))
    return float(20 * np.log10(peak)) if peak else -999.0
