"""The batched one-shot renderer against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drumstudio.synthesis.one_shots import OneShotBank
from drumstudio.synthesis.renderer import EventRenderer, Events


def plain_loop(bank: OneShotBank, events: Events, rows: int, samples: int) -> np.ndarray:
    """Render one event after the other in float64: what the renderer must equal."""
    out = np.zeros((rows, samples))
    sounds = bank.samples.astype(np.float64) / 32_767
    for row, sound, onset, rate, gain, wanted, decay, dull, attack, release in events.columns():
        rate = max(1, round(rate * 2**15)) / 2**15
        length = int(bank.lengths[int(sound)] / rate)
        if wanted >= 0:
            length = min(length, int(wanted))
        time = np.arange(-7, length)
        position = time * rate
        whole = np.floor(position).astype(int)
        place = int(bank.starts[int(sound)]) + whole
        share = position - whole
        wave = sounds[place] * (1 - share) + sounds[place + 1] * share
        for apart in (1, 2, 4):
            wave = (1 - dull / 2) * wave[apart:] + dull / 2 * wave[:-apart]
        time = time[7:]
        wave = wave * gain * 10 ** (-decay * time / 44_100 / 20)
        wave *= np.clip((length - time) / release, 0, 1)
        wave *= np.clip((time + 1) / max(attack, 1), 0, 1)
        first, last = max(0, -int(onset)), min(length, samples - int(onset))
        if last > first:
            out[int(row), int(onset) + first : int(onset) + last] += wave[first:last]
    return out


def random_events(bank: OneShotBank, seed: int, number: int, rows: int, samples: int) -> Events:
    """Draw events of every kind, some beyond the ends."""
    rng = np.random.default_rng(seed)
    events = Events()
    for _ in range(number):
        events.add(
            int(rng.integers(rows)),
            int(rng.integers(len(bank.starts))),
            int(rng.integers(-9000, samples + 500)),
            rate=float(np.exp(rng.uniform(-1.5, 1.5))),
            gain=float(rng.uniform(-1, 1)) / 4,
            length=None if rng.random() < 0.5 else int(rng.integers(1, 9000)),
            decay=float(rng.choice([0, rng.uniform(1, 100)])),
            dullness=float(rng.choice([0, rng.random()])),
            attack=int(rng.choice([0, 1, 300])),
            release=int(rng.integers(1, 2000)),
        )
    return events


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_renderer_equals_a_plain_loop(bank, seed):
    events = random_events(bank, seed, 60, 3, 20_000)
    rendered = EventRenderer(bank).render(events, 3, 20_000).numpy()
    np.testing.assert_allclose(rendered, plain_loop(bank, events, 3, 20_000), atol=1e-6)


def test_the_comparison_notices_a_wrong_rate(bank):
    events, wrong = Events(), Events()
    events.add(0, 0, 100, rate=1.0)
    wrong.add(0, 0, 100, rate=1.001)
    rendered = EventRenderer(bank).render(wrong, 1, 20_000).numpy()
    assert np.max(np.abs(rendered - plain_loop(bank, events, 1, 20_000))) > 1e-3


def test_long_sounds_stay_in_tune_to_the_last_sample():
    ramp = np.sin(np.arange(400_000) * 0.01).astype(np.float32)
    bank = OneShotBank({"sax": [ramp]}, drums_per_family=0, notes_per_family=0)
    events = Events()
    events.add(0, 0, 0, rate=1.25, release=1)
    rendered = EventRenderer(bank).render(events, 1, 320_000).numpy()[0]
    expected = np.sin(np.arange(319_000) * 1.25 * 0.01) * 0.98
    np.testing.assert_allclose(rendered[:319_000], expected, atol=2e-4)


def test_rows_without_events_are_exactly_silent(bank):
    events = Events()
    events.add(1, 0, 50)
    rendered = EventRenderer(bank).render(events, 3, 5000)
    assert torch.count_nonzero(rendered[0]) == 0
    assert torch.count_nonzero(rendered[2]) == 0
    assert torch.count_nonzero(rendered[1, :50]) == 0
    assert torch.count_nonzero(rendered[1]) > 0


def test_no_events_at_all_render_to_silence(bank):
    assert torch.count_nonzero(EventRenderer(bank).render(Events(), 2, 100)) == 0


@pytest.mark.parametrize("rate", [0.0, -1.0, 16.0])
def test_a_rate_the_fixed_point_can_not_hold_is_refused(rate):
    with pytest.raises(ValueError, match="rate must be in"):
        Events().add(0, 0, 0, rate=rate)
