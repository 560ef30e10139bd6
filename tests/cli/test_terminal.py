import sys

import pytest

from drumstudio.cli import terminal
from drumstudio.cli.terminal import ProgressBar, clock, print_error, print_json, print_table
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


def test_whatever_a_name_holds_an_error_stays_three_lines(capsys):
    print_error(DrumStudioError("Cannot open a\nb\x1b[2J\udc80.wav", why="\r", fix="\u2028"))
    assert capsys.readouterr().err == "Cannot open a?b?[2J?.wav\n  why: ?\n  do:  ?\n"


@pytest.fixture
def drawn(monkeypatch, capsys):
    """Return a function from (seconds, fraction) pairs to the lines a terminal would show."""
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])

    def run(label, *moments):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        bar = ProgressBar(label)
        start = now[0]
        for seconds, fraction in moments:
            now[0] = start + seconds
            bar(fraction, "Separating")
        return capsys.readouterr().err.split("\r\x1b[K")[1:]

    return run


def test_the_time_left_counts_down_between_two_reports(drawn):
    lines = drawn("a.wav", (0, 0.0), (2, 0.05), (10, 0.25), (20, 0.25), (35, 0.25), (60, 0.25))
    assert [line.partition("Separating")[2].strip() for line in lines] == [
        *("", "", "0:30 left", "0:20 left", "0:05 left", "0:00 left"),
    ]


def test_a_progress_line_is_no_longer_than_the_terminal(drawn, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = drawn("x" * 200 + "\n.wav", (0, 0.0), (30, 0.5))
    assert [len(line) for line in lines] == [79, 79]
