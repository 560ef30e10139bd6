from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from drumstudio.core.errors import Cancelled
from drumstudio.jobs.job import no_checkpoint
from drumstudio.nets.band_path import BandPath
from drumstudio.training.losses import mask_loss, separation_loss
from drumstudio.training.plots import plot_curve
from drumstudio.training.trainer import (
    CURVE_NAME,
    STATE_NAME,
    WEIGHTS_NAME,
    Plan,
    Trainer,
    TrainingError,
)

PLAN = Plan(steps=8, batch=2, warm_up_steps=2, averaging=0.5)


class Gain(torch.nn.Module):
    """The smallest network: a gain for each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(2, 1))
        self.mixing = torch.nn.Parameter(torch.eye(2))

    def forward(self, mixture):
        return (self.mixing @ mixture) * self.gain


def batch(step: int) -> tuple[np.ndarray, np.ndarray]:
    mixture = np.random.default_rng(step).standard_normal((2, 2, 8192)).astype(np.float32) * 0.1
    return mixture, 0.3 * mixture


def trainer(folder: Path, plan: Plan = PLAN, draw=batch) -> Trainer:
    folder.mkdir(exist_ok=True)
    return Trainer(Gain(), plan, draw, folder)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_loss_falls_to_the_floor_of_a_perfect_estimate():
    mixture = torch.randn(2, 2, 8192)
    good = separation_loss(0.3 * mixture, 0.3 * mixture, mixture)
    bad = separation_loss(0.5 * mixture, 0.3 * mixture, mixture)
    assert float(good) == pytest.approx(0.05 * np.log(1e-3), abs=1e-4)
    assert float(bad) > float(good) + 0.1


def test_the_loss_does_not_depend_on_the_level():
    mixture, drums = torch.randn(2, 2, 8192), torch.randn(2, 2, 8192)
    quiet = separation_loss(0 * drums, 0.1 * drums, 0.1 * mixture)
    torch.testing.assert_close(separation_loss(0 * drums, drums, mixture), quiet)


def test_silence_has_a_finite_loss():
    silence = torch.zeros(1, 2, 8192)
    assert torch.isfinite(separation_loss(silence, silence, silence))


def test_one_batch_is_learnt_by_heart(tmp_path):
    one = trainer(tmp_path, Plan(steps=300, learning_rate=0.02, warm_up_steps=5))
    losses = [one.train_step(batch(0))["loss"] for _ in range(300)]
    assert losses[-1] < losses[0] - 0.5
    assert torch.allclose(
        one.net.gain * one.net.mixing.diagonal()[:, None], torch.tensor(0.3), atol=0.05
    )


def test_the_rate_warms_up_and_follows_one_cosine(tmp_path):
    plan = Plan(steps=100, warm_up_steps=10, learning_rate=1e-3, final_rate=1e-5)
    one = trainer(tmp_path, plan)
    rates = []
    for step in range(101):
        one.step = step
        rates.append(one.learning_rate())
    assert rates[0] < 2e-4
    assert max(rates) == pytest.approx(1e-3, rel=0.05)
    assert rates[100] == pytest.approx(1e-5)
    assert all(a > b for a, b in zip(rates[11:], rates[12:], strict=False))


def test_a_resumed_training_gives_the_bits_of_an_unbroken_one(tmp_path):
    whole = trainer(tmp_path / "whole")
    whole.run(no_checkpoint)

    def stop(fraction, message):
        if fraction >= 3 / 8:
            raise Cancelled

    first = trainer(tmp_path / "broken")
    with pytest.raises(Cancelled):
        first.run(stop)
    second = trainer(tmp_path / "broken")
    assert second.resume()
    assert second.step == 3
    second.run(no_checkpoint)
    assert same(whole.net, second.net)
    assert same(whole.average, second.average)


def test_another_batch_would_give_other_bits(tmp_path):
    one, other = trainer(tmp_path / "a"), trainer(tmp_path / "b", draw=lambda step: batch(step + 1))
    one.run(no_checkpoint)
    other.run(no_checkpoint)
    assert not same(one.net, other.net)


def test_a_step_that_is_not_finite_changes_nothing(tmp_path):
    one = trainer(tmp_path)
    before = [p.clone() for p in one.net.parameters()]
    mixture, drums = batch(0)
    drums[0, 0, 0] = np.nan
    one.train_step((mixture, drums))
    assert one.skipped == 1
    assert all(torch.equal(a, b) for a, b in zip(before, one.net.parameters(), strict=True))
    one.train_step(batch(1))
    assert not torch.equal(before[0], one.net.gain)


def test_a_processor_may_compute_in_half_the_bits(tmp_path):
    full = trainer(tmp_path / "full")
    half = trainer(tmp_path / "half", replace(PLAN, processor_bfloat16=True))
    full.run(no_checkpoint)
    half.run(no_checkpoint)
    assert half.net.gain.dtype == torch.float32
    assert not same(full.net, half.net)
    torch.testing.assert_close(half.net.gain, full.net.gain, rtol=0.05, atol=0.05)


def test_weights_can_ship_after_every_save(tmp_path):
    shipped = []
    one = trainer(tmp_path)
    one.after_save = lambda it: shipped.append(it.step)
    one.run(no_checkpoint)
    state = safetensors.torch.load_file(tmp_path / WEIGHTS_NAME)
    assert state["gain"].dtype == torch.float16
    assert shipped == [8]
    assert (tmp_path / STATE_NAME).exists()


def test_the_curve_has_a_line_for_each_step_and_a_picture(tmp_path):
    one = trainer(tmp_path)
    one.run(no_checkpoint)
    lines = (tmp_path / CURVE_NAME).read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 9))
    plot_curve(tmp_path / CURVE_NAME, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_progress_tells_what_is_left(tmp_path):
    told = []
    trainer(tmp_path).run(lambda fraction, message: told.append((fraction, message)))
    assert told[-1][0] == 1.0
    assert "min left" in told[0][1]


def test_a_state_of_another_network_is_told(tmp_path):
    trainer(tmp_path).run(no_checkpoint)
    other = Trainer(torch.nn.Linear(2, 2), PLAN, batch, tmp_path)
    with pytest.raises(TrainingError, match="does not fit"):
        other.resume()


def test_masks_are_drawn_towards_the_best_ones(tmp_path):
    torch.manual_seed(0)
    net = BandPath(n_fft=512, hop_length=128, bands=10, channels=8, hidden=4, blocks=1)
    mixture = torch.randn(2, 2, 8_000)
    drums = torch.where(torch.arange(8_000) % 4_000 < 1_500, mixture, 0.0)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.03)
    losses = []
    for _ in range(45):
        loss = mask_loss(net, mixture, drums)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.15
    # What there is nothing to learn from stays as far away as chance.
    aimless = mask_loss(net, mixture, torch.randn(2, 2, 8_000))
    assert float(aimless.detach()) > losses[-1] + 0.2
