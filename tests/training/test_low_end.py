from __future__ import annotations

import numpy as np
import pytest

from drumstudio.synthesis.grooves import Grid
from drumstudio.training.low_end import bass_line, kick_line

GRID = Grid(bpm=120.0)


def test_a_bass_line_is_low_and_long_enough():
    for seed in range(12):
        line = bass_line(np.random.default_rng(seed), GRID, 4.0)
        assert line.shape == (4 * 44_100,)
        assert line.dtype == np.float32
        assert np.abs(line).max() == pytest.approx(0.9, abs=1e-4)


def test_a_recorded_note_is_played_at_other_pitches():
    time = np.arange(44_100) / 44_100
    note = (np.sin(2 * np.pi * 100 * time) * np.exp(-3 * time)).astype(np.float32)
    lines = [bass_line(np.random.default_rng(s), GRID, 4.0, note) for s in range(4)]
    loudest = {int(np.abs(np.fft.rfft(line)).argmax()) // 4 for line in lines}
    assert len(loudest) > 1
    assert max(loudest) < 300


def test_long_kicks_sound_at_their_times_at_one_pitch():
    times = np.array([0.5, 1.5, 2.5])
    kicks = kick_line(np.random.default_rng(2), times, 4.0)
    assert not kicks[: int(0.49 * 44_100)].any()
    ends = [kicks[int((time + 0.03) * 44_100) : int((time + 0.1) * 44_100)] for time in times]
    pitches = [int(np.abs(np.fft.rfft(end, 44_100)).argmax()) for end in ends]
    assert max(pitches) - min(pitches) <= 4


def test_no_kicks_are_silence():
    assert not kick_line(np.random.default_rng(0), np.zeros(0), 1.0).any()
