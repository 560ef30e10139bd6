"""What is finished of a separation can be read while the rest is still silence."""

from __future__ import annotations

import numpy as np

from drumstudio.files.preview import PreviewWriter, ranges_path, read_ranges
from drumstudio.files.wav_file import WavReader


def test_what_is_finished_is_heard_and_listed_in_any_order(tmp_path):
    path = tmp_path / "preview.wav"
    assert read_ranges(path) == ()
    sound = np.arange(2_000, dtype=np.float32).reshape(2, 1_000) / 2_000
    with PreviewWriter(path, 8_000, 2, 1_000) as writer, WavReader(path) as reader:
        assert (reader.sample_rate, reader.channels, reader.samples) == (8_000, 2, 1_000)
        for start, stop, listed in (
            (600, 700, ((600, 700),)),
            (0, 100, ((0, 100), (600, 700))),
            (100, 200, ((0, 200), (600, 700))),
            (650, 2_000, ((0, 200), (600, 1_000))),
        ):
            block = np.zeros((2, stop - start), dtype=np.float32)
            block[:, : 1_000 - start] = sound[:, start : min(stop, 1_000)]
            writer.add(start, block)
            assert read_ranges(path) == listed
        heard = reader.read(0, 1_000)
    np.testing.assert_array_equal(heard[:, :200], sound[:, :200])
    np.testing.assert_array_equal(heard[:, 200:600], 0.0)
    np.testing.assert_array_equal(heard[:, 600:], sound[:, 600:])


def test_a_place_that_can_not_be_written_ends_the_preview_and_nothing_else(tmp_path):
    path = tmp_path / "gone" / "preview.wav"
    with PreviewWriter(path, 8_000, 1, 10) as writer:
        writer.add(0, np.zeros((1, 10), dtype=np.float32))
    assert read_ranges(path) == ()


def test_a_list_that_is_being_written_is_read_as_far_as_it_is_whole(tmp_path):
    path = tmp_path / "preview.wav"
    with PreviewWriter(path, 8_000, 1, 100) as writer:
        writer.add(10, np.zeros((1, 20), dtype=np.float32))
    with ranges_path(path).open("ab") as file:
        file.write(b"\x01\x02\x03")
    assert read_ranges(path) == ((10, 30),)
