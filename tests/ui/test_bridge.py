from __future__ import annotations

import sys
import threading

import pytest
from PySide6.QtWidgets import QWidget

from drumstudio.application.listeners import Listeners
from drumstudio.ui.bridge import Bridge


def test_news_from_another_thread_is_told_in_this_one(qtbot):
    bridge, listeners, heard = Bridge(), Listeners(), []
    bridge.listen(listeners, lambda value: heard.append((value, threading.current_thread())))
    thread = threading.Thread(target=lambda: listeners(7))
    thread.start()
    thread.join()
    assert heard == []
    qtbot.waitUntil(lambda: heard == [(7, threading.main_thread())])
    bridge.close()


def test_only_the_last_of_many_news_is_told(qtbot):
    bridge, listeners, heard = Bridge(), Listeners(), []
    bridge.listen(listeners, heard.append)
    for value in range(1_000):
        listeners(value)
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [999]
    bridge.post(lambda: heard.append("a"))
    bridge.post(lambda: heard.append("b"))
    qtbot.waitUntil(lambda: len(heard) == 3)
    bridge.close()


def test_a_closed_bridge_tells_nothing_more(qtbot):
    bridge, listeners, heard = Bridge(), Listeners(), []
    bridge.listen(listeners, heard.append)
    listeners(1)
    bridge.close()
    listeners(2)
    qtbot.wait(20)
    assert heard == []


def test_news_that_waits_behind_the_end_is_not_told(qtbot):
    bridge, heard = Bridge(), []
    bridge.post(bridge.close)
    bridge.post(lambda: heard.append(1))
    qtbot.wait(20)
    assert heard == []


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal there")
def test_painting_takes_no_reference_from_none(qtbot):
    class Painted(QWidget):
        def paintEvent(self, event):
            pass

    widget = Painted()
    qtbot.addWidget(widget)
    widget.show()
    before = sys.getrefcount(None)
    for _ in range(200):
        widget.repaint()
    assert sys.getrefcount(None) > before - 50
