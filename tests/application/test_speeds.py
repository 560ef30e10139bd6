"""A model's speed on this computer is the median of its last runs, and survives a restart."""

from __future__ import annotations

import pytest

from drumstudio.application.speeds import Speeds


def test_the_median_of_the_last_runs_is_kept(tmp_path):
    speeds = Speeds(tmp_path / "x" / "speeds.json")
    assert speeds.real_time("fast") is None
    for work in (240.0, 10.0, 20.0, 24.0, 30.0, 40.0):
        speeds.add("fast", 240.0, work)
    assert speeds.real_time("fast") == 10.0
    again = Speeds(tmp_path / "x" / "speeds.json")
    assert again.real_time("fast") == 10.0
    assert again.real_time("hpss") is None


def test_a_result_from_the_cache_is_no_second_run(tmp_path):
    speeds = Speeds(tmp_path / "speeds.json")
    for work in (100.0, 7.0, 7.0, 7.0, 9.0):
        speeds.add("fast", 70.0, work)
    assert speeds.real_time("fast") == 70.0 / 9.0


def test_runs_that_say_nothing_are_left_out(tmp_path):
    speeds = Speeds(tmp_path / "speeds.json")
    for sound, work in ((1.0, 0.5), (100.0, None), (100.0, 0.0)):
        speeds.add("fast", sound, work)
    assert speeds.real_time("fast") is None


@pytest.mark.parametrize("text", ["", "[1]", '{"fast": [0]}', '{"fast": ["a"]}', '{"fast": 3}'])
def test_a_damaged_file_counts_as_empty(tmp_path, text):
    path = tmp_path / "speeds.json"
    path.write_text(text)
    assert Speeds(path).real_time("fast") is None
