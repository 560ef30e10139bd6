"""What the window shows of a sound device that is lost, or was never there (C7, R32)."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from drumstudio.application.transport import State
from drumstudio.core.errors import DeviceError
from drumstudio.playback.deck import OutputState
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


def test_without_a_sound_device_the_bar_says_so(window, song, qtbot):
    reason = DeviceError("There is no sound", why="this computer has none.", fix="Connect one.")
    window.transport.deck_output(OutputState("Silence", True, 44_100, 0.03, reason))
    output = window.bar._output
    qtbot.waitUntil(lambda: output.text() == "No sound device")
    assert "this computer has none" in output.toolTip()
