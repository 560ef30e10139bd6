"""What a person sees when a real sound server loses its speaker while a song plays."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from drumstudio.application.transport import Transport
from drumstudio.application.transport_view import State
from drumstudio.playback.deck import Deck
from drumstudio.playback.output import OutputChoice
from drumstudio.playback.player import SoundSystem
from drumstudio.ui.dialogs import ErrorDialog
from tests.playback.sound_servers import PulseServer, require_servers
from tests.ui.conftest import put_song

pytestmark = pytest.mark.robust


@pytest.fixture
def server(monkeypatch):
    require_servers()
    server = PulseServer(monkeypatch)
    yield server
    server.close()


@pytest.fixture
def make_transport(server):
    sound = SoundSystem()
    sound.devices()
    return lambda: Transport(lambda listener: Deck(listener, sound))


def dialogs():
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, ErrorDialog)]
    return [dialog for dialog in found if dialog.isVisible()]


def test_the_window_says_what_is_lost_pauses_and_plays_on_by_itself(server, window, music, qtbot):
    put_song(window, music)
    server.add_sink("speaker")
    transport = window.transport
    transport.choose_output(OutputChoice(None, 4_096))
    transport.set_looping(True)
    transport.play()
    qtbot.waitUntil(lambda: transport.heard_seconds() > 0.5, timeout=30_000)
    server.remove_sink("speaker")
    qtbot.waitUntil(lambda: bool(dialogs()), timeout=10_000)
    assert transport.view.state is State.PAUSED
    paused_at = transport.heard_seconds()
    assert 0.5 < paused_at < transport.view.seconds
    qtbot.waitUntil(lambda: window.bar._output.text() == "No sound device")
    assert "no longer plays" in window.log.text()
    assert "playing goes on as soon as there is one" in window.log.text()
    server.add_sink("headphones")
    qtbot.waitUntil(lambda: transport.view.state is State.PLAYING, timeout=20_000)
    qtbot.waitUntil(lambda: not dialogs(), timeout=5_000)
    assert window.bar._output.text() == "default (ALSA)"
    assert "There is a sound device again: playing goes on" in window.log.text()
    server.remove_sink("headphones")
