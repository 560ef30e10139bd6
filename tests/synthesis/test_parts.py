"""Harmony, rhythm, side-chain and bass lines of the instruments beside the drums."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drumstudio.synthesis.bass_lines import draw_bass_line
from drumstudio.synthesis.grooves import Grid, Groove, Hit, draw_groove
from drumstudio.synthesis.oscillators import CONTROL_HOP, HARMONICS, draw_table, render_voices
from drumstudio.synthesis.parts import (
    Harmony,
    arpeggio,
    bass_notes,
    draw_harmony,
    draw_rhythm,
    duck_curve,
    held_chords,
    melody,
    place_pitch,
    repeated,
    struck_chords,
)

CPU = torch.device("cpu")


def test_a_chord_is_every_second_step_of_the_scale():
    c_major = Harmony(tonic=0, scale=(0, 2, 4, 5, 7, 9, 11), degrees=(0, 4))
    assert c_major.chord(0) == [0, 4, 7]
    assert c_major.chord(1) == [7, 11, 14]
    assert c_major.chord(2) == [0, 4, 7]


@pytest.mark.parametrize("pitch", [-30.0, 3.0, 47.5, 130.0])
def test_a_pitch_is_moved_by_octaves_into_its_range(pitch):
    placed = place_pitch(pitch, 40, 52)
    assert 40 <= placed < 52
    assert (placed - pitch) % 12 == 0


@pytest.mark.parametrize("player", [held_chords, struck_chords, arpeggio, melody, repeated])
def test_parts_stay_in_time_and_in_a_playable_range(player):
    rng = np.random.default_rng(1)
    for _ in range(30):
        groove, harmony = draw_groove(rng, 5.0), draw_harmony(rng)
        for note in player(rng, groove, harmony, 5.0, 4):
            assert -8 < note.seconds < 5.1
            assert note.length_seconds > 0
            assert 20 < note.pitch < 110
            assert 0 < note.velocity <= 1


def test_some_rhythms_lie_exactly_on_the_kicks():
    hits = tuple(Hit(when, "kick", 1.0) for when in (0.1, 0.77, 1.31, 2.9))
    groove = Groove(Grid(100), hits)
    rng = np.random.default_rng(2)
    rhythms = [[when for when, *_ in draw_rhythm(rng, groove, 4.0, 0.5)] for _ in range(60)]
    assert sum(rhythm == [0.1, 0.77, 1.31, 2.9] for rhythm in rhythms) >= 5


def test_bass_notes_stay_within_two_octaves_of_their_lowest():
    rng = np.random.default_rng(3)
    for _ in range(30):
        groove, harmony = draw_groove(rng, 5.0), draw_harmony(rng)
        pitches = [note.pitch for note in bass_notes(rng, groove, harmony, 5.0, 30.0)]
        lowest = 69 + 12 * np.log2(30 / 440)
        assert all(lowest <= pitch < lowest + 24 for pitch in pitches)


def test_a_side_chain_falls_at_each_kick_and_returns():
    curve = duck_curve(np.array([0.5]), 1000, 0.001, depth=0.8, release=0.2)
    np.testing.assert_allclose(curve[:500], 1)
    assert curve[500] == pytest.approx(0.2)
    assert np.all(np.diff(curve[500:701]) >= 0)
    np.testing.assert_allclose(curve[701:], 1)


def test_a_bass_line_lies_between_24_and_220_hertz_and_sounds():
    rng = np.random.default_rng(4)
    for _ in range(20):
        groove, harmony = draw_groove(rng, 3.0), draw_harmony(rng)
        line = draw_bass_line(rng, groove, harmony, 132_300)
        held = line.hertz[line.level > 0.05]
        assert np.all((held > 16) & (held < 340))
        wave = render_voices(line.tables, line.hertz, line.brightness, line.level, 132_300, CPU)
        assert torch.isfinite(wave).all()
        assert wave.shape == line.hertz.shape[:1] + (132_300,)


def test_a_voice_has_the_pitch_of_its_curve():
    points = 44_100 * 4 // CONTROL_HOP + 2
    ones = np.ones((1, points), np.float32)
    table = draw_table(np.random.default_rng(5))[None]
    wave = render_voices(table, 55 * ones, 2 * ones, ones, 44_100 * 4, CPU)[0].numpy()
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    assert np.argmax(spectrum[:320]) / 4 == pytest.approx(55, abs=0.3)


def test_a_brighter_voice_has_more_harmonics():
    points = 44_100 // CONTROL_HOP + 2
    ones = np.ones((1, points), np.float32)
    table = draw_table(np.random.default_rng(0))[None]

    def above_500_hz(brightness):
        wave = render_voices(table, 55 * ones, brightness * ones, ones, 44_100, CPU)[0].numpy()
        power = np.abs(np.fft.rfft(wave)) ** 2
        return power[500:].sum() / power.sum()

    assert above_500_hz(HARMONICS[-1]) > 10 * above_500_hz(HARMONICS[1])
