"""Listeners are told in order, may leave at any time, and never disturb a call under way."""

import threading

import pytest

from drumstudio.application.listeners import Listeners


def test_listeners_are_called_in_order_with_what_happened():
    heard, happened = [], Listeners[[int]]()
    happened.connect(lambda number: heard.append(("first", number)))
    happened.connect(lambda number: heard.append(("second", number)))
    happened(7)
    assert heard == [("first", 7), ("second", 7)]


def test_one_that_left_is_not_called_and_its_twin_still_is():
    heard, happened = [], Listeners[[int]]()
    leave = happened.connect(heard.append)
    happened.connect(heard.append)
    leave()
    leave()
    happened(1)
    assert heard == [1]


def test_a_listener_may_leave_while_it_is_called():
    heard, happened = [], Listeners[[]]()
    leave = happened.connect(lambda: (heard.append(1), leave()))
    happened.connect(lambda: heard.append(2))
    happened()
    happened()
    assert heard == [1, 2, 2]


def test_an_error_in_a_listener_is_not_swallowed():
    happened = Listeners[[]]()
    happened.connect(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        happened()


def test_connecting_from_many_threads_loses_nobody():
    heard, happened = [], Listeners[[]]()
    threads = [
        threading.Thread(
            target=lambda: [happened.connect(lambda: heard.append(1)) for _ in range(50)]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    happened()
    assert len(heard) == 200
