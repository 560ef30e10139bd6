"""JSON with limits: what is refused, and that nothing right is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumstudio.files import strict_json

LETTERS = "ab[]{},:\"\\'é\n"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.text(LETTERS),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(LETTERS), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_back_equal(value):
    assert strict_json.parse(strict_json.dump(value)) == value
    assert strict_json.parse(strict_json.canonical(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e400",
        "-1e400",
        '{"a":1,"a":2}',
        '{"a":{"b":1,"b":1}}',
        "9" * 20,
        "9" * 5000,
        "9223372036854775808",
        "[" * 65 + "]" * 65,
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a":1}x',
        "",
        "{",
        "'a'",
        '"' + '\\"' * 500_000,
        "[" + "0," * 700_000 + "0]",
        '"\\',
    ],
    ids=lambda text: f"{text[:16]} of {len(text)}",
)
def test_what_may_not_be_in_a_project_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 (every reason is a ValueError)
        strict_json.parse(text.encode())


def test_bytes_that_are_not_utf8_are_refused():
    with pytest.raises(ValueError, match="utf-8"):
        strict_json.parse(b'"\xff"')


def test_brackets_inside_strings_do_not_count_as_depth():
    text = json.dumps(["[" * 1000, '\\"[[[' * 100])
    assert strict_json.parse(text.encode()) == json.loads(text)
    assert strict_json.parse(b"[" * 64 + b"]" * 64)


def test_nan_is_never_written():
    with pytest.raises(ValueError, match="JSON"):
        strict_json.dump([float("nan")])


def depth_of(value):
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(VALUES)
def test_the_depth_is_measured_exactly_whatever_the_strings_hold(value):
    depth = depth_of(value)
    for ascii_only in (True, False):
        data = json.dumps(value, ensure_ascii=ascii_only).encode()
        assert strict_json.parse(data, depth) == value
        if depth:
            with pytest.raises(ValueError, match="nested"):
                strict_json.parse(data, depth - 1)
