import pytest

from drumstudio.cli.terminal import clock, print_error, print_json, print_table
from drumstudio.core.errors import DrumStudioError


def test_an_error_is_three_lines_on_standard_error(capsys):
    print_error(DrumStudioError("Cannot open a.wav", why="it is empty.", fix="Choose another."))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "Cannot open a.wav",
        "  why: it is empty.",
        "  do:  Choose another.",
    ]


def test_json_never_holds_numbers_that_json_has_no_word_for():
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"x": float("nan")})


def test_tables_put_numbers_to_the_right_and_absent_ones_as_a_dash(capsys):
    print_table(("name", "dB"), [("a", 1.5), ("long", -12.25), ("b", None)])
    assert capsys.readouterr().out.splitlines() == [
        "name      dB",
        "a       1.50",
        "long  -12.25",
        "b          -",
    ]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (243.9, "4:03"), (3729, "1:02:09")])
def test_clock(seconds, text):
    assert clock(seconds) == text
