"""What the window shows of a sound device that is lost, or was never there (C7, R32)."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from drumstudio.application.transport_view import State
from drumstudio.core.errors import DeviceError
from drumstudio.playback.deck_listener import OutputState
from drumstudio.ui.dialogs import ErrorDialog


def test_the_loss_of_the_sound_device_pauses_with_a_message(window, song, qtbot):
    window.transport.play()
    take = window.transport._take
    lost = DeviceError("The sound stopped", why="it was unplugged.", fix="Connect it again.")
    window.transport.deck_stopped(take, 44_100, lost)
    dialogs = lambda: [w for w in QApplication.topLevelWidgets() if isinstance(w, ErrorDialog)]  # noqa: E731
    qtbot.waitUntil(lambda: any(dialog.isVisible() for dialog in dialogs()))
    assert window.transport.view.state is State.PAUSED
    assert window.transport.heard_seconds() == pytest.approx(1.0)
    assert "it was unplugged" in window.log.text()
    for dialog in dialogs():
        dialog.close()
    window.transport.play()
    assert window.transport.view.state is State.PLAYING


def test_when_a_device_is_there_again_it_plays_on_and_the_message_goes(window, song, qtbot):
    window.transport.play()
    take = window.transport._take
    lost = DeviceError("Speaker no longer plays", why="it was unplugged.", fix="Connect one.")
    window.transport.deck_stopped(take, 44_100, lost)
    dialogs = lambda: [w for w in QApplication.topLevelWidgets() if isinstance(w, ErrorDialog)]  # noqa: E731
    qtbot.waitUntil(lambda: any(dialog.isVisible() for dialog in dialogs()))
    window.transport.deck_output(OutputState("Headphones", False, 44_100, 0.03, lost))
    window.transport.deck_resumed(take)
    qtbot.waitUntil(lambda: not any(dialog.isVisible() for dialog in dialogs()))
    assert window.transport.view.state is State.PLAYING
    assert window.bar._output.text() == "Headphones"
    assert "Speaker no longer plays: playing on Headphones" in window.log.text()
    assert "There is a sound device again" in window.log.text()


def test_another_device_than_the_chosen_one_is_told_once(window, song, qtbot):
    reason = DeviceError("Cannot play on Headphones", why="not connected.", fix="Connect it.")
    words = "Cannot play on Headphones: playing on Speaker"
    told = []
    for why in (reason, reason, None, reason):
        state = OutputState("Speaker", False, 44_100, 0.03, why)
        window.transport.deck_output(state)
        qtbot.waitUntil(lambda state=state: window.player.output is state)
        told.append(window.log.text().count(words))
    assert told == [1, 1, 1, 2]


def test_sound_that_breaks_up_is_told_with_what_helps(window, song, qtbot):
    window.transport.deck_breaks_up()
    qtbot.waitUntil(lambda: "choose a longer buffer" in window.log.text())


def test_who_stopped_after_a_loss_is_not_played_on(window, song, qtbot):
    window.transport.play()
    take = window.transport._take
    lost = DeviceError("Speaker no longer plays", why="it was unplugged.", fix="Connect one.")
    window.transport.deck_stopped(take, 44_100, lost)
    window.transport.stop()
    assert window.transport._deck.asked[-1] == "pause"
    window.transport.deck_resumed(take)
    assert window.transport.view.state is State.STOPPED


def test_without_a_sound_device_the_bar_says_so(window, song, qtbot):
    reason = DeviceError("There is no sound", why="this computer has none.", fix="Connect one.")
    window.transport.deck_output(OutputState("Silence", True, 44_100, 0.03, reason))
    output = window.bar._output
    qtbot.waitUntil(lambda: output.text() == "No sound device")
    assert "this computer has none" in output.toolTip()
