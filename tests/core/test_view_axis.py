"""Axes of a spectrogram on screen: every cell is in a pixel, every place comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumstudio.core.view_axis import SCALES, Area, FrequencyAxis, Viewport, note_name, spans


@pytest.mark.parametrize("scale", SCALES)
def test_a_frequency_comes_back_from_its_height(scale):
    axis = FrequencyAxis(scale, 30.0, 18_000.0, 300)
    for hertz in (30.0, 440.0, 5_000.0, 18_000.0):
        assert axis.hz_at(axis.row_at(hertz)) == pytest.approx(hertz)
    assert axis.row_at(18_000.0) == pytest.approx(0)
    assert axis.row_at(30.0) == pytest.approx(300)
    edges = axis.edges_hz()
    assert len(edges) == 301
    assert (np.diff(edges) < 0).all()
    assert edges[100] == pytest.approx(axis.hz_at(100))


def test_scales_spread_the_low_frequencies_differently():
    heights = [FrequencyAxis(scale, 0.0, 20_000.0, 100).row_at(1_000.0) for scale in SCALES]
    assert heights[0] > heights[2] > heights[1]
    assert FrequencyAxis("log", 0.0, 20_000.0, 100).hz_at(100) == pytest.approx(20.0)


@pytest.mark.parametrize(
    "wrong", [("loud", 0.0, 1.0, 9), ("log", 0.0, 20.0, 9), ("mel", 500.0, 400.0, 9)]
)
def test_an_axis_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        FrequencyAxis(*wrong)


@given(
    pixels=st.integers(1, 60),
    zoom=st.floats(0.05, 30.0),
    start=st.floats(-50.0, 50.0),
    offset=st.floats(0.0, 5.0),
)
def test_no_cell_between_two_edges_is_left_out(pixels, zoom, start, offset):
    count = 100
    edges = start + zoom * np.arange(pixels + 1)
    found = spans(edges, 1.0, count, offset)
    shown = set()
    for first, last in zip(found.first, found.last, strict=True):
        assert 0 <= first < last <= count
        shown |= set(range(first, last))
    centres = np.arange(count) + offset
    inside = np.flatnonzero((centres >= edges[0]) & (centres < edges[-1]))
    assert set(inside.tolist()) <= shown


@given(data=st.data())
def test_a_pixel_shows_the_largest_of_its_cells(data):
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = generator.integers(0, 255, (2, 40, 7), dtype=np.uint8)
    edges = np.sort(generator.uniform(0, 40, 12))
    found = spans(edges, 1.0, 40)
    pooled = found.pooled(values, 1)
    for pixel, (first, last) in enumerate(zip(found.first, found.last, strict=True)):
        np.testing.assert_array_equal(pooled[:, pixel], values[:, first:last].max(axis=1))


def test_a_viewport_keeps_its_columns_while_it_scrolls():
    axis = FrequencyAxis("linear", 0.0, 8_000.0, 200)
    viewport = Viewport.at(10.004, 0.01, 500, axis)
    assert viewport.start_seconds == pytest.approx(10.0)
    assert viewport.column_at(viewport.seconds_at(77.25)) == pytest.approx(77.25)
    inside = viewport.pixels_of(Area(11.0, 11.5, 1_000.0, 2_000.0))
    assert inside == (100, 150, 150, 175)
    assert viewport.pixels_of(Area(-1.0, 99.0, -5.0, 1e5)) == (0, 500, 0, 200)
    assert viewport.pixels_of(Area(1.0, 9.0, 0.0, 1e5)) is None


def test_notes_are_named_with_their_cents():
    assert note_name(440.0) == "A4"
    assert note_name(440.8) == "A4 +3"
    assert note_name(27.5) == "A0"
    assert note_name(61.0) == "B1 -21"
    assert note_name(0.0) == ""
