"""How fast training audio is rendered, beside a plain loop and beside a network that trains on it.

    studio benchmark renderer

One thread. Rounds alternate between the renderer, a plain loop over the same number of events
(numpy, the reference of the tests) and training steps of the network that the recipe `fast` trains.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from drumstudio.nets.tfc_tdf import TfcTdf
from drumstudio.synthesis.backing_clips import BackingClips
from drumstudio.synthesis.drum_clips import DrumClips
from drumstudio.synthesis.one_shots import OneShotBank
from drumstudio.synthesis.renderer import EventRenderer, Events
from drumstudio.training.recipes import read_recipe

ROUNDS = 3
CLIPS, SECONDS = 8, 12.0
BATCH, CROP_SECONDS = 4, 6.0


def timed(work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def loop_events(bank: OneShotBank, events: Events, rows: int, samples: int) -> None:
    """Render event by event in numpy, as one would write it first."""
    out = np.zeros((rows, samples), np.float32)
    for row, sound, onset, rate, gain, *_ in events.columns():
        start, length = bank.starts[int(sound)], bank.lengths[int(sound)]
        wave = bank.samples[start : start + length] / np.float32(32_767)
        position = np.arange(0, length - 1, rate)
        wave = np.interp(position, np.arange(length), wave).astype(np.float32) * np.float32(gain)
        first = int(onset)
        part = wave[: max(0, samples - first)]
        out[int(row), first : first + len(part)] += part


def main() -> None:
    torch.set_num_threads(1)
    bank_seconds = timed(lambda: OneShotBank({}, seed=1))
    bank = OneShotBank({}, drums_per_family=12, notes_per_family=8, seed=1)
    drums, backing = DrumClips(bank, 1), BackingClips(bank, 2)
    rng = np.random.default_rng(3)
    samples = int(SECONDS * 44_100)
    events = Events()
    for _ in range(400):
        sound, onset = int(rng.integers(len(bank.starts))), int(rng.integers(samples))
        events.add(int(rng.integers(8)), sound, onset, rate=rng.uniform(0.7, 1.4), gain=0.3)
    one_shots = EventRenderer(bank)
    network = TfcTdf(**read_recipe("fast").network).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters())

    def train_step() -> None:
        mixture = torch.randn(BATCH, 2, int(CROP_SECONDS * 44_100)) * 0.1
        loss = (network(mixture) - mixture).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    rendered = CLIPS * SECONDS
    speeds: dict[str, list[float]] = {name: [] for name in ("drums", "rest", "both", "training")}
    events_ratio = []
    for round_number in range(ROUNDS + 1):
        took = timed(lambda: drums.render(CLIPS, SECONDS))
        rest = timed(lambda: backing.render(CLIPS, SECONDS, bpm_and_grid=drums.grooves))
        batched = timed(lambda: one_shots.render(events, 8, samples))
        plain = timed(lambda: loop_events(bank, events, 8, samples))
        step = timed(train_step)
        if round_number == 0:
            continue
        speeds["drums"].append(rendered / took)
        speeds["rest"].append(rendered / rest)
        speeds["both"].append(rendered / (took + rest))
        speeds["training"].append(BATCH * CROP_SECONDS / step)
        events_ratio.append(plain / batched)
    median = {name: statistics.median(values) for name, values in speeds.items()}
    print(f"bank of synthesised sounds: {bank_seconds:.1f} CPU-s to build")
    for name in ("drums", "rest", "both"):
        print(f"{name:9} {median[name]:7.1f} s of stereo a CPU-second")
    print(f"training  {median['training']:7.1f} s of stereo a CPU-second (network of `fast`, fp32)")
    print(f"one-shot renderer against a plain loop: {statistics.median(events_ratio):.2f}x as fast")
    print(f"renderer against training: {median['both'] / median['training']:.1f}x (at least 3)")


if __name__ == "__main__":
    main()
