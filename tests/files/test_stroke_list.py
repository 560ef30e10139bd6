"""Strokes from a JSON file: what they mean, and what is said about a file that is wrong."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from drumstudio.core.errors import ProjectError
from drumstudio.core.strokes import Path, Polygon
from drumstudio.files.stroke_list import read_stroke_list
from tests.promises import counts

EXAMPLE = {
    "song": "Song",
    "strokes": [
        {"target": "drums", "rectangle": [1.0, 1.2, 150, 4000]},
        {
            "target": "rest", "layer": "Vocals", "strength": 0.8, "channels": "left",
            "path": [[2.0, 300], [2.1, 350, 0.5]], "size": [0.1, 1200], "hardness": 0.25,
        },
        {"target": "erase", "polygon": [[3, 100], [4, 100], [3.5, 900]], "feather": [0.01, 50]},
        {"target": "protect", "time_range": [10, 12]},
        {"target": "rest", "frequency_range": [0, 40]},
    ],
}  # fmt: skip


def write(tmp_path, content):
    path = tmp_path / "strokes.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_the_example_of_the_manual_is_read(tmp_path):
    found = read_stroke_list(write(tmp_path, EXAMPLE))
    assert found.song == "Song"
    strokes = [placed.stroke for placed in found.strokes]
    assert [stroke.target for stroke in strokes] == ["drums", "rest", "erase", "protect", "rest"]
    assert [placed.layer for placed in found.strokes] == [None, "Vocals", None, None, None]
    path = strokes[1].shape
    assert isinstance(path, Path)
    np.testing.assert_array_equal(path.points, [(2.0, 300, 1.0), (2.1, 350, 0.5)])
    assert (path.radius_seconds, path.radius_hz, path.hardness) == (0.05, 600.0, 0.25)
    assert (strokes[1].strength, strokes[1].channels) == (0.8, "left")
    assert isinstance(strokes[2].shape, Polygon)
    assert strokes[2].shape.feather_hz == 50.0
    np.testing.assert_array_equal(strokes[3].shape.corners[:2, 0], [10, 12])


@pytest.mark.parametrize(
    ("stroke", "said"),
    [
        ({}, "needs one of path"),
        ({"rectangle": [0, 1, 0, 1], "path": []}, "no more"),
        ({"target": "vocals", "time_range": [0, 1]}, "target must be one of"),
        ({"target": "drums", "time_range": [1, 1]}, "ends before it begins"),
        ({"target": "drums", "rectangle": [0, 1, 2]}, "not made of 4 number"),
        ({"target": "drums", "rectangle": [0, 1, 0, True]}, "not made of 4 number"),
        ({"target": "drums", "path": []}, "points must be in"),
        ({"target": "drums", "path": "all"}, "points are a list"),
        ({"target": "drums", "path": [[0, 1]], "size": [0, 0]}, "must be in"),
        ({"target": "drums", "path": [[0, 1]], "feather": [1, 1]}, "has no 'feather'"),
        ({"target": "drums", "time_range": [0, 1], "strength": 2}, "strength must be in"),
        ({"target": "drums", "time_range": [0, 1], "layer": 5}, "'layer' is no text"),
        ({"target": 5, "time_range": [0, 1]}, "are words"),
    ],
    ids=str,
)
def test_a_stroke_that_is_wrong_is_named_with_what_is_wrong(tmp_path, stroke, said):
    with pytest.raises(ProjectError, match=f"stroke 2: .*{said}"):
        read_stroke_list(write(tmp_path, {"strokes": [EXAMPLE["strokes"][0], stroke]}))


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"strokes": 1}', b'{"strokes": [], "speed": 1}', b"[" * 100_000,
     b'{"strokes": [], "song": 1}', b'{"strokes": [NaN]}', b"\xff\xfe"],
    ids=lambda content: str(content[:30]),
)  # fmt: skip
def test_a_file_that_is_something_else_is_refused(tmp_path, content):
    with pytest.raises(ProjectError, match="Cannot take the strokes"):
        read_stroke_list(write(tmp_path, content))


def test_a_missing_file_and_a_huge_one_are_refused(tmp_path):
    with pytest.raises(ProjectError, match="Cannot take the strokes"):
        read_stroke_list(tmp_path / "none.json")
    with pytest.raises(ProjectError, match="Cannot take the strokes"):
        read_stroke_list(write(tmp_path, b" " * 5_000_001))


@pytest.mark.robust
def test_damaged_stroke_lists_are_read_or_refused(tmp_path):
    generator = random.Random(5)
    text = json.dumps(EXAMPLE).encode()
    refused = 0
    for _ in range(counts(600, 20_000)):
        data = bytearray(text)
        for _ in range(generator.randint(1, 3)):
            place = generator.randrange(len(data))
            data[place : place + generator.randint(0, 3)] = generator.choice(
                [b"", b"-", b"9", b"e99", b"null", b"[", b'"', bytes([generator.randrange(256)])]
            )
        try:
            read_stroke_list(write(tmp_path, bytes(data)))
        except ProjectError:
            refused += 1
    assert refused > 200


def test_a_stroke_may_name_what_is_painted_and_where_it_goes(tmp_path):
    path = tmp_path / "strokes.json"
    ends = {"focus": "bass", "destination": "vocals", "time_range": [0, 1]}
    path.write_text(json.dumps({"strokes": [{"target": "destination", **ends}]}))
    (placed,) = read_stroke_list(path).strokes
    assert placed.stroke.target == "rest"
    assert placed.ends == ("bass", "vocals")
    path.write_text(json.dumps({"strokes": [{"target": "focus", **ends, "focus": "a/b"}]}))
    with pytest.raises(ProjectError, match="strokes") as caught:
        read_stroke_list(path)
    assert "names of stems" in caught.value.why


def test_a_path_may_be_as_many_octaves_high_everywhere(tmp_path):
    stroke = {"target": "drums", "path": [[1.0, 500.0]], "size": [0.1, 600.0], "octaves": 2.0}
    path = tmp_path / "strokes.json"
    path.write_text(json.dumps({"strokes": [stroke]}))
    (placed,) = read_stroke_list(path).strokes
    read = placed.stroke
    assert read.shape.radius_ratio == 2.0
    path.write_text(json.dumps({"strokes": [{**stroke, "octaves": 0.0}]}))
    with pytest.raises(ProjectError, match="strokes"):
        read_stroke_list(path)
