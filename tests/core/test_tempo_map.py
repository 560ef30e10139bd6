"""The grid: seconds and bars are each other's inverse, and every repair does what it says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumstudio.core.plain import from_plain, to_plain
from drumstudio.core.tempo_map import (
    BarPosition,
    Tempo,
    TempoMap,
    tapped_bpm,
)

bpms = st.floats(10.0, 1_000.0)
times = st.floats(-600.0, 3_600.0)


@st.composite
def maps(draw):
    starts = sorted(draw(st.lists(times, min_size=1, max_size=5, unique_by=lambda t: round(t, 2))))
    sections = tuple(Tempo(start, draw(bpms)) for start in starts)
    return TempoMap(sections, draw(times), draw(st.integers(1, 12)), confirmed=draw(st.booleans()))


SONG = TempoMap((Tempo(0.0, 120.0), Tempo(10.0, 60.0)), origin_seconds=1.0, confirmed=True)


@given(maps(), times)
def test_beats_and_seconds_are_each_others_inverse(tempo_map, seconds):
    assert tempo_map.seconds_at(tempo_map.beat_at(seconds)) == pytest.approx(seconds, abs=1e-6)


@given(maps(), times, st.floats(0.001, 60.0))
def test_later_is_always_a_later_beat(tempo_map, seconds, more):
    assert tempo_map.beat_at(seconds + more) > tempo_map.beat_at(seconds)


@given(maps(), st.integers(-50, 500), st.data())
def test_places_in_music_survive_the_way_through_seconds(tempo_map, bar, data):
    beat = data.draw(st.integers(1, tempo_map.beats_per_bar))
    position = BarPosition(bar, beat, data.draw(st.integers(0, 959)))
    assert tempo_map.position_at(tempo_map.seconds_of(position)) == position


def test_a_tempo_change_counts_from_where_it_is():
    assert SONG.beat_at(1.0) == 0.0
    assert SONG.beat_at(10.0) == pytest.approx(18.0)
    assert SONG.beat_at(12.0) == pytest.approx(20.0)
    assert SONG.seconds_at(20.0) == pytest.approx(12.0)
    assert (SONG.bpm_at(-5.0), SONG.bpm_at(9.99), SONG.bpm_at(10.0)) == (120.0, 120.0, 60.0)


def test_bars_are_counted_from_one_and_backwards_from_zero():
    assert str(SONG.position_at(1.0)) == "1|1|000"
    assert str(SONG.position_at(3.25)) == "2|1|480"
    assert str(SONG.position_at(0.5)) == "0|4|000"
    # A hair before a beat is the beat, not tick 960.
    assert str(SONG.position_at(1.0 - 1e-7)) == "1|1|000"


def test_the_ruler_draws_as_fine_as_there_is_room():
    def drawn(spacing):
        lines = SONG.lines(1.0, 9.0, spacing)
        return len(lines), {line.kind for line in lines}

    assert drawn(0.1) == (65, {"bar", "beat", "sixteenth"})
    assert drawn(0.2) == (17, {"bar", "beat"})
    assert drawn(0.6) == (5, {"bar"})
    assert [str(line.position) for line in SONG.lines(1.0, 9.0, 3.0)] == [
        "1|1|000",
        "3|1|000",
        "5|1|000",
    ]


def test_the_labels_of_a_tempo_map_stand_where_its_bars_are():
    lines = SONG.lines(9.0, 18.0, 0.6)
    assert [(line.seconds, str(line.position)) for line in lines] == [
        (pytest.approx(9.0), "5|1|000"),
        (pytest.approx(12.0), "6|1|000"),
        (pytest.approx(16.0), "7|1|000"),
    ]


def test_a_map_that_nobody_confirmed_shows_beats_only():
    guessed = TempoMap.constant(120.0)
    assert {line.kind for line in guessed.lines(0.0, 8.0, 0.1)} == {"beat"}
    assert guessed.lines(0.0, 8.0, 0.6) == []
    assert guessed.nearest(0.9, "bar") == 1.0
    assert guessed.one_at(0.0).nearest(0.9, "bar") == 0.0


@given(maps(), times, st.sampled_from(["bar", "beat", "sixteenth"]))
def test_the_nearest_line_is_never_further_than_half_a_step(tempo_map, seconds, kind):
    nearest = tempo_map.nearest(seconds, kind)
    step = {"bar": tempo_map.beats_per_bar, "beat": 1, "sixteenth": 0.25}[kind]
    assert abs(tempo_map.beat_at(nearest) - tempo_map.beat_at(seconds)) <= step / 2 + 1e-6


def test_half_and_double_tempo_keep_bar_one():
    assert SONG.scaled(2.0).beat_at(3.0) == pytest.approx(8.0)
    assert SONG.scaled(0.5).beat_at(3.0) == pytest.approx(2.0)
    assert SONG.scaled(2.0).beat_at(1.0) == 0.0
    assert SONG.scaled(2.0).scaled(0.5) == SONG
    with pytest.raises(ValueError, match="bpm must be"):
        TempoMap.constant(600.0).scaled(2.0)


def test_a_shift_moves_bar_one_by_beats():
    assert SONG.shifted(0.5).origin_seconds == pytest.approx(1.25)
    assert SONG.shifted(-1.0).origin_seconds == pytest.approx(0.5)
    assert SONG.shifted(0.5).shifted(-0.5).origin_seconds == pytest.approx(1.0)


def test_one_is_here_confirms_the_grid():
    moved = TempoMap.constant(100.0).one_at(2.345)
    assert moved.confirmed
    assert str(moved.position_at(2.345)) == "1|1|000"


def test_a_section_gets_another_tempo_and_the_others_keep_theirs():
    assert SONG.with_bpm(90.0, 11.0).tempos == (
        Tempo(0.0, 120.0),
        Tempo(10.0, 90.0),
    )
    split = SONG.split(5.0, 100.0)
    assert [section.bpm for section in split.tempos] == [120.0, 100.0, 60.0]
    assert split.split(5.0, 101.0).bpm_at(6.0) == 101.0


@given(maps())
def test_a_map_survives_its_plain_form(tempo_map):
    assert from_plain(TempoMap, to_plain(tempo_map)) == tempo_map


@pytest.mark.parametrize(
    "wrong",
    [
        {"tempos": []},
        {"tempos": [{"start_seconds": 0.0, "bpm": 0.0}]},
        {"tempos": [{"start_seconds": math.inf, "bpm": 100.0}]},
        {"tempos": [{"start_seconds": 1.0, "bpm": 100.0}, {"start_seconds": 1.0, "bpm": 90.0}]},
        {"tempos": 7},
        {"origin_seconds": math.nan},
        {"beats_per_bar": 0},
        {"confidence": 2.0},
    ],
)
def test_a_broken_plain_form_is_refused(wrong):
    plain = {"tempos": [{"start_seconds": 0.0, "bpm": 100.0}], **wrong}
    with pytest.raises(ValueError, match="must be"):
        from_plain(TempoMap, plain)


def test_taps_give_the_tempo_and_a_pause_begins_anew():
    assert tapped_bpm([0.0, 0.5]) is None
    assert tapped_bpm([0.0, 0.5, 1.0, 1.5]) == pytest.approx(120.0)
    assert tapped_bpm([0.0, 0.9, 1.7, 20.0, 20.49, 21.01, 21.5]) == pytest.approx(120.0, abs=1.5)
    assert tapped_bpm([0.0, 0.0, 0.0]) is None
    assert tapped_bpm([0.0, 0.01, 0.02]) == 1_000.0
