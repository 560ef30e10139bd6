"""The desk: identities, panning, level, compression, silence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drumstudio.synthesis.rooms import (
    Desk,
    Room,
    compress,
    impulse_responses,
    mix_down,
    pan_gains,
    saturate,
    set_level,
    widen,
)

CPU = torch.device("cpu")


@pytest.fixture
def rows() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 5000, generator=generator) * 0.1


def test_a_flat_dry_desk_is_a_plain_sum(rows):
    mix = mix_down(rows, Desk.flat(2, 3), torch.zeros(2, 2, 10))
    expected = rows.sum(1) * np.sqrt(0.5)
    torch.testing.assert_close(mix[:, 0], expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(mix[:, 1], expected, atol=1e-6, rtol=0)


def test_a_room_is_a_convolution_of_what_is_sent(rows):
    desk = Desk.flat(2, 3)
    desk.pan[:] = 0
    desk.send[:, 1] = 0.5
    answers = torch.zeros(2, 2, 50)
    answers[:, :, 7] = 2.0
    mix = mix_down(rows, desk, answers)
    torch.testing.assert_close(mix[:, 0, 7:], rows[:, 1, :-7], atol=1e-6, rtol=0)
    assert mix[:, :, :7].abs().max() < 1e-6


def test_an_equaliser_moves_its_band_by_its_decibels():
    time = torch.arange(44_100) / 44_100
    tone = torch.sin(2 * np.pi * 45 * time)[None, None]
    desk = Desk.flat(1, 1)
    desk.eq_db[0, 0, 0] = -9
    mix = mix_down(tone, desk, torch.zeros(1, 2, 1))
    change = 20 * torch.log10(mix[0, 0, 5000:-5000].std() / tone.std() / np.sqrt(0.5))
    assert change == pytest.approx(-9, abs=0.5)


def test_a_low_pass_takes_the_top_only():
    time = torch.arange(44_100) / 44_100
    for hertz, loss in ((300, 0), (9000, -24)):
        tone = torch.sin(2 * np.pi * hertz * time)[None, None]
        desk = Desk.flat(1, 1)
        desk.low_pass_hz[0, 0] = 4500
        mix = mix_down(tone, desk, torch.zeros(1, 2, 1))
        change = 20 * torch.log10(mix[0, 0, 5000:-5000].std() / tone.std() / np.sqrt(0.5))
        assert change == pytest.approx(loss, abs=1)


def test_panning_keeps_the_power():
    for position in (-1, -0.3, 0, 0.8, 1):
        left, right = pan_gains(position)
        assert left**2 + right**2 == pytest.approx(1)


def test_a_room_falls_by_60_db_in_its_time():
    room = Room(seconds=0.5, early=0.0, tail=1.0, spread=1.0)
    answer = impulse_responses([room], np.random.default_rng(0), CPU)[0, 0].numpy()
    early = np.sqrt(np.mean(answer[2205:4410] ** 2))
    late = np.sqrt(np.mean(answer[11_025:13_230] ** 2))
    assert 20 * np.log10(late / early) == pytest.approx(-24, abs=2)


def test_compression_at_ratio_one_and_saturation_at_drive_zero_change_nothing(rows):
    stereo = rows[:, :2]
    one, zero = torch.ones(2), torch.zeros(2)
    torch.testing.assert_close(compress(stereo, zero - 20, one, 0.1), stereo)
    torch.testing.assert_close(saturate(stereo, zero), stereo)
    torch.testing.assert_close(widen(stereo, one), stereo)


def test_compression_brings_loud_and_soft_nearer():
    stereo = torch.full((1, 2, 44_100), 0.05)
    stereo[:, :, 22_050:] = 0.8
    pressed = compress(stereo, torch.tensor([-20.0]), torch.tensor([4.0]), 0.05)
    before, after = 0.8 / 0.05, pressed[0, 0, -1] / pressed[0, 0, 10_000]
    assert 1 < after < before / 2


def test_levels_are_set_peaks_are_kept_down_and_silence_stays(rows):
    stereo = torch.cat([rows[:1, :2], torch.zeros(1, 2, 5000), rows[1:, :2] * 1e-3])
    stereo[2, 0, 10] = 1.0
    levelled = set_level(stereo, torch.full((3,), -20.0))
    assert 20 * torch.log10(levelled[0].square().mean().sqrt()) == pytest.approx(-20, abs=0.01)
    assert torch.count_nonzero(levelled[1]) == 0
    assert levelled.abs().max() <= 0.98 + 1e-6


def test_width_zero_is_mono(rows):
    mono = widen(rows[:, :2], torch.zeros(2))
    torch.testing.assert_close(mono[:, 0], mono[:, 1])
