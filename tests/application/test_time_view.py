"""Zooming and scrolling: what is under the pointer stays there, and nothing leaves the song."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumstudio.application.time_view import TimeView, ViewHistory, clock

SONG = TimeView.whole(240.0, 1_200, 44_100)


@st.composite
def views(draw):
    view = TimeView.whole(draw(st.floats(0.0, 20_000.0)), draw(st.integers(1, 4_000)), 44_100)
    view = view.zoomed(draw(st.floats(1.0, 1e6)), draw(st.floats(0.0, view.width_pixels)))
    return view.scrolled(draw(st.floats(-1e5, 1e5)))


@given(views(), st.floats(0.01, 100.0), st.floats(0.0, 1.0))
def test_zoom_keeps_the_time_under_the_pointer_unless_an_end_is_in_the_way(view, factor, share):
    pixel = share * view.width_pixels
    zoomed = view.zoomed(factor, pixel)
    at_an_end = zoomed.start_seconds == 0.0 or zoomed.stop_seconds >= zoomed.length_seconds - 1e-6
    kept = zoomed.seconds_at(pixel) == pytest.approx(view.seconds_at(pixel), abs=1e-6)
    assert kept or at_an_end


@given(views(), st.floats(0.01, 100.0), st.floats(-1e6, 1e6))
def test_no_view_leaves_the_song_or_the_zoom_range(view, factor, pixels):
    for moved in (
        view,
        view.zoomed(factor, 0.0),
        view.scrolled(pixels),
        view.to_range(pixels, pixels + factor),
        view.showing(pixels),
        view.following(pixels),
        view.resized(7),
        view.with_length(factor),
        view.fitted(),
    ):
        assert moved.start_seconds >= 0.0
        assert moved.closest * 0.999 <= moved.seconds_per_pixel <= moved.widest * 1.001
        if moved.length_seconds > moved.span_seconds:
            assert moved.stop_seconds <= moved.length_seconds * (1 + 1e-9)


def test_the_whole_song_fits_and_fit_comes_back_to_it():
    assert (SONG.start_seconds, SONG.stop_seconds) == (0.0, 240.0)
    assert SONG.zoomed(37.0, 500.0).fitted() == SONG


def test_a_selection_fills_the_width():
    view = SONG.to_range(70.0, 60.0)
    assert (view.start_seconds, view.stop_seconds) == (pytest.approx(60.0), pytest.approx(70.0))
    single = SONG.to_range(60.0, 60.0)
    assert single.seconds_per_pixel == pytest.approx(single.closest)
    assert single.start_seconds < 60.0 < single.stop_seconds


def test_the_closest_zoom_shows_single_samples():
    view = SONG.zoomed(1e12, 600.0)
    assert view.pixel_at(1 / 44_100) - view.pixel_at(0.0) == pytest.approx(32.0)


def test_pixels_and_seconds_are_each_others_inverse():
    view = SONG.to_range(60.0, 70.0)
    assert view.seconds_at(view.pixel_at(65.4321)) == pytest.approx(65.4321)


def test_a_playhead_turns_the_page_and_a_cursor_is_shown_with_least_motion():
    view = SONG.to_range(60.0, 70.0)
    assert view.following(65.0) == view
    assert view.following(70.0).start_seconds == pytest.approx(69.0)
    assert view.showing(65.0) == view
    assert view.showing(71.0).stop_seconds == pytest.approx(72.0)
    assert view.showing(59.0).start_seconds == pytest.approx(58.0)


def test_a_wider_window_keeps_zoom_and_edge_and_a_fitted_one_stays_fitted():
    view = SONG.to_range(60.0, 70.0)
    assert view.resized(600).start_seconds == pytest.approx(60.0)
    assert view.resized(600).seconds_per_pixel == view.seconds_per_pixel
    assert SONG.resized(600).span_seconds == pytest.approx(240.0)


def test_an_empty_song_has_a_view():
    view = TimeView.whole(0.0, 800, 44_100)
    assert view.span_seconds == pytest.approx(1.0)
    assert view.scrolled(50).start_seconds == 0.0


@pytest.mark.parametrize(
    "wrong",
    [(0.0, 0.0, 9, 1.0, 9), (0.0, 1.0, 0, 1.0, 9), (0.0, 1.0, 9, -1.0, 9), (0.0, 1.0, 9, 1.0, 0)],
)
def test_an_impossible_view_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        TimeView(*wrong)
    with pytest.raises(ValueError, match="factor"):
        SONG.zoomed(0.0, 1.0)


@given(views())
def test_marks_lie_in_the_view_and_never_run_together(view):
    marks = view.clock_ticks(80.0)
    assert len(marks) <= view.width_pixels / 80.0 + 2
    for seconds, _ in marks:
        assert -1e-6 <= view.pixel_at(seconds) <= view.width_pixels + 1e-6
    assert len({text for _, text in marks}) == len(marks)


def test_marks_are_round_times():
    assert [text for _, text in SONG.clock_ticks(200.0)] == [
        *("0:00", "1:00", "2:00", "3:00", "4:00"),
    ]
    assert [text for _, text in SONG.to_range(60.0, 60.5).clock_ticks(200.0)] == [
        *("1:00.0", "1:00.1", "1:00.2", "1:00.3", "1:00.4", "1:00.5"),
    ]


def test_a_clock_rounds_and_carries():
    assert clock(42.3184, 3) == "0:42.318"
    assert clock(59.9996, 3) == "1:00.000"
    assert clock(243.0) == "4:03"
    assert clock(-1.0) == "-0:01"
    assert clock(-0.0004, 3) == "0:00.000"


def test_back_returns_to_the_views_before_a_jump():
    history = ViewHistory(limit=2)
    near, nearer = SONG.zoomed(2.0, 0.0), SONG.zoomed(4.0, 0.0)
    for view in (SONG, SONG, near, nearer):
        history.remember(view)
    assert [history.back(), history.back(), history.back()] == [nearer, near, None]
