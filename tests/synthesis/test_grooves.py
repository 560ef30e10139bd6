"""Grids and grooves: times, ranges, repetition, MIDI."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.synthesis.groove_styles import STYLES
from drumstudio.synthesis.grooves import (
    INSTRUMENTS,
    Grid,
    Groove,
    Hit,
    draw_grid,
    draw_groove,
    excerpt,
    groove_from_notes,
)


def test_a_straight_grid_counts_in_equal_steps():
    grid = Grid(bpm=120, start_seconds=-0.5)
    np.testing.assert_allclose([grid.seconds(k) for k in range(4)], [-0.5, -0.375, -0.25, -0.125])


def test_swing_delays_every_second_step_only():
    grid = Grid(bpm=60, swing=0.3)
    np.testing.assert_allclose(
        [grid.seconds(k) for k in range(4)], [0, 0.25 * 1.3, 0.5, 0.25 * 3.3]
    )


def test_strokes_lie_within_the_clip_in_order_with_known_names():
    rng = np.random.default_rng(0)
    for _ in range(60):
        groove = draw_groove(rng, 6.0)
        times = [hit.seconds for hit in groove.hits]
        assert times == sorted(times)
        assert all(0 <= when < 6 for when in times)
        assert {hit.instrument for hit in groove.hits} <= set(INSTRUMENTS)
        assert all(0 < hit.velocity <= 1 for hit in groove.hits)


def test_a_machine_plays_exactly_on_the_grid():
    # Some of the first grooves are drawn without human timing; those must sit on a step,
    # half a step (doubled fills) or a roll's subdivision of it.
    rng = np.random.default_rng(1)
    exact = 0
    for _ in range(40):
        groove = draw_groove(rng, 4.0)
        steps = [
            (hit.seconds - groove.grid.start_seconds) / groove.grid.step_seconds
            for hit in groove.hits
            if hit.instrument == "kick"
        ]
        swung = [step % 2 for step in steps]
        near = [min(abs(s), abs(s - 1), abs(s - 2), abs(s - 1 - groove.grid.swing)) for s in swung]
        exact += bool(near) and max(near) < 1e-6
    assert exact > 5


def test_tempos_metres_and_instruments_vary():
    rng = np.random.default_rng(2)
    grooves = [draw_groove(rng, 4.0) for _ in range(200)]
    tempos = [groove.grid.bpm for groove in grooves]
    assert min(tempos) < 75
    assert max(tempos) > 180
    assert {groove.grid.beats_per_bar for groove in grooves} >= {3, 4, 5, 7}
    assert {hit.instrument for groove in grooves for hit in groove.hits} == set(INSTRUMENTS)


def test_every_style_names_known_instruments_and_whole_beats():
    for name, style in STYLES.items():
        assert set(style.chances) <= set(INSTRUMENTS), name
        for chances in style.chances.values():
            assert len(chances) == 4 * style.steps_per_beat, name
            assert set(chances) <= set(".123456789"), name
        assert 60 <= style.bpm[0] < style.bpm[1] <= 200, name


def test_a_given_grid_is_kept():
    rng = np.random.default_rng(3)
    grid = draw_grid(rng)
    assert draw_groove(rng, 3.0, grid).grid == grid


def test_general_midi_notes_become_strokes():
    groove = groove_from_notes([(0.5, 38, 127), (0.0, 36, 64), (1.0, 999, 90)], bpm=100)
    assert [hit.instrument for hit in groove.hits] == ["kick", "snare"]
    assert groove.hits[1].velocity == 1


def test_an_excerpt_repeats_whole_bars_in_time():
    hits = tuple(Hit(k * 0.5, "kick", 1.0) for k in range(4))
    window = excerpt(np.random.default_rng(4), Groove(Grid(120), hits), 10, tempo_range=0)
    np.testing.assert_allclose(np.diff([hit.seconds for hit in window.hits]), 0.5)
    assert len(window.hits) == pytest.approx(20, abs=1)


def test_an_excerpt_of_nothing_is_nothing():
    assert excerpt(np.random.default_rng(5), Groove(Grid(120), ()), 10).hits == ()
