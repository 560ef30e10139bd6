"""Strokes come back bit by bit, and nothing but a stroke is taken for one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from drumstudio.core.errors import ProjectError
from drumstudio.core.separation import Blob
from drumstudio.core.strokes import Cells, Path, Polygon, Stroke
from drumstudio.files.blob_file import write_blob
from drumstudio.files.stroke_file import KIND, from_bytes, read_stroke, to_bytes, write_stroke
from tests.promises import counts, record
from tests.strokes import a_grid, a_path, a_stroke


def some_strokes(count=12, seed=1):
    generator = np.random.default_rng(seed)
    grid = a_grid()
    targets = ("drums", "rest", "erase", "protect")
    return [a_stroke(generator, grid, targets) for _ in range(count)]


def same(one: Stroke, other: Stroke) -> bool:
    return to_bytes(one) == to_bytes(other) and type(one.shape) is type(other.shape)


def test_every_stroke_comes_back_bit_by_bit(tmp_path):
    strokes = some_strokes(40)
    assert {type(stroke.shape) for stroke in strokes} == {Path, Polygon, Cells}
    blobs = [write_stroke(tmp_path, stroke) for stroke in strokes]
    for stroke, blob in zip(strokes, blobs, strict=True):
        back = read_stroke(tmp_path, blob)
        assert same(stroke, back)
        for name in type(stroke.shape).__dataclass_fields__:
            mine, theirs = getattr(stroke.shape, name), getattr(back.shape, name)
            assert np.asarray(mine).dtype == np.asarray(theirs).dtype
            np.testing.assert_array_equal(mine, theirs)
    assert len({blob.sha256 for blob in blobs}) == len(blobs)


def test_the_same_stroke_has_the_same_name(tmp_path):
    points = [(0.5, 100.0, 0.25), (0.75, 200.0, 1.0)]
    blobs = {write_stroke(tmp_path, Stroke("drums", a_path(points))).sha256 for _ in range(3)}
    assert len(blobs) == 1


def test_a_thousand_strokes_of_120_points_take_3_megabytes():
    stroke = Stroke("drums", a_path([(n / 100, 200.0, 1.0) for n in range(120)]))
    assert len(to_bytes(stroke)) < 3_000


def test_a_missing_stroke_and_a_blob_that_is_none_are_told_to_a_person(tmp_path):
    with pytest.raises(ProjectError, match="not there"):
        read_stroke(tmp_path, Blob("0" * 64, 5))
    with pytest.raises(ProjectError, match="damaged: it ends too early"):
        read_stroke(tmp_path, write_blob(tmp_path, KIND, b"abc"))


def mutated(content: bytes, generator: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(generator.randint(1, 4)):
        match generator.randrange(4):
            case 0:
                data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
            case 1:
                del data[generator.randint(1, len(data)) :]
            case 2:
                data += generator.randbytes(generator.randint(1, 40))
            case _:  # a count, a weight or a coordinate at random
                place = generator.randrange(len(data))
                data[place : place + 8] = generator.randbytes(8)
    return bytes(data)


@pytest.mark.robust
def test_damaged_strokes_are_strokes_or_refused():
    """Whatever its bytes, a file is a stroke that passes every check, or a ValueError."""
    generator = random.Random(3)
    contents = [to_bytes(stroke) for stroke in some_strokes(30)]
    tries = counts(4_000, 40_000)
    refused = failures = 0
    for _ in range(tries):
        data = mutated(generator.choice(contents), generator)
        try:
            back = from_bytes(data)
        except ValueError:
            refused += 1
            continue
        failures += to_bytes(back) != data and not _differs_in_padding(data, back)
    paths = [data for data in contents if isinstance(from_bytes(data).shape, Path)]
    taken = sum(_naively_read(data[:-30]) for data in paths)
    record(
        "R18", what="mutated stroke files", count=tries, failures=failures,
        figure=f"{refused} refused, the others valid strokes",
        control=f"a reader that takes the points there are: {taken} of {len(paths)} cut files pass",
        control_failed=taken > 0,
    )  # fmt: skip
    assert failures == 0
    assert refused > tries / 2


def _naively_read(data: bytes) -> bool:
    """Return whether a reader that ignores the stated number of points takes a path."""
    points = data[40 : 40 + (len(data) - 40) // 24 * 24]
    return len(np.frombuffer(points).reshape(-1, 3)) > 0


def _differs_in_padding(data: bytes, back: Stroke) -> bool:
    again = to_bytes(back)
    return data[:3] == again[:3] and data[4:] == again[4:]


def test_a_stroke_in_octaves_comes_back_and_an_old_one_keeps_its_bytes():
    points = np.array([[1.0, 500.0, 1.0]])
    plain = Stroke("drums", Path(points, 0.05, 600.0, 0.25))
    octaves = Stroke("drums", Path(points, 0.05, 600.0, 0.25, 1.5))
    assert from_bytes(to_bytes(octaves)).shape.radius_ratio == 1.5
    assert from_bytes(to_bytes(plain)).shape.radius_ratio == 0.0
    assert len(to_bytes(octaves)) == len(to_bytes(plain)) + 8
    zero = bytearray(to_bytes(octaves))
    place = to_bytes(octaves).index(np.float64(1.5).tobytes())
    zero[place : place + 8] = bytes(8)
    with pytest.raises(ValueError, match="has a ratio"):
        from_bytes(bytes(zero))
