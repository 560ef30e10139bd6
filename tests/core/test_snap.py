"""A cursor lands on the line or the hit that is meant, and nowhere else."""

import pytest

from drumstudio.core.snap import nearest_hit, next_hit, previous_hit, snap
from drumstudio.core.tempo_map import TempoMap

GRID = TempoMap.constant(120.0).one_at(0.25)
HITS = [0.25, 0.5, 1.02]


@pytest.mark.parametrize(
    ("to", "landed"),
    [("off", 1.1), ("bar", 0.25), ("beat", 1.25), ("sixteenth", 1.125), ("hit", 1.02)],
)
def test_a_time_is_drawn_to_what_was_chosen(to, landed):
    assert snap(1.1, to, GRID, HITS) == pytest.approx(landed)


def test_nothing_that_draws_leaves_the_time_alone():
    assert snap(1.1, "beat", None, HITS) == 1.1
    assert snap(1.1, "hit", GRID, []) == 1.1


def test_a_line_before_the_song_does_not_draw():
    assert snap(0.1, "bar", GRID.one_at(-0.5), HITS) == 0.1


def test_of_two_hits_at_one_distance_the_earlier_draws():
    assert nearest_hit(0.375, HITS) == 0.25


def test_stepping_visits_every_hit_once_and_ends():
    visited, place = [], -1.0
    while (place := next_hit(place, HITS)) is not None:
        visited.append(place)
    assert visited == HITS
    back, place = [], 9.0
    while (place := previous_hit(place, HITS)) is not None:
        back.append(place)
    assert back == HITS[::-1]


def test_a_cursor_within_a_millisecond_of_a_hit_stands_on_it():
    assert next_hit(0.4995, HITS) == 1.02
    assert previous_hit(0.5005, HITS) == 0.25
