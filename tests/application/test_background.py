from __future__ import annotations

import threading

import pytest

from drumstudio.application.background import Background
from drumstudio.core.errors import Cancelled, DrumStudioError


@pytest.fixture
def failures():
    return []


@pytest.fixture
def background(failures):
    made = Background(failures.append)
    yield made
    made.close()


def refuse(error):
    raise error


def test_work_is_done_in_order_on_another_thread(background, failures):
    heard = []
    for number in range(5):
        background.run(lambda n=number: (n, threading.current_thread()), heard.append)
    background.close()
    assert [number for number, _ in heard] == list(range(5))
    assert threading.main_thread() not in [thread for _, thread in heard]
    assert failures == []


def test_an_error_is_told_to_who_asked_or_to_everybody(background, failures):
    error, own = DrumStudioError("a", why="b", fix="c"), []
    background.run(lambda: refuse(error))
    background.run(lambda: refuse(error), failed=own.append)
    background.run(lambda: refuse(Cancelled()))
    background.close()
    assert failures == [error]
    assert own == [error]


def test_a_mistake_of_the_program_does_not_end_the_work_after_it(background, failures):
    heard = []
    background.run(lambda: 1 / 0)
    background.run(lambda: 7, lambda value: refuse(KeyError(value)))
    background.run(lambda: 8, heard.append)
    background.close()
    assert heard == [8]
    assert ["ZeroDivisionError" in failures[0].why, "KeyError" in failures[1].why] == [True, True]
