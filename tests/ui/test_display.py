"""A screen that does not answer is told before Qt would end the process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys

import pytest

from drumstudio.ui import display
from drumstudio.ui.display import DisplayError, require_display

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="the system always has a screen"
)


@pytest.fixture(autouse=True)
def no_screen(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


def dead_display() -> str:
    return next(f":{n}" for n in range(90, 200) if not os.path.exists(f"/tmp/.X11-unix/X{n}"))


@pytest.mark.parametrize("platform", ["", "xcb"])
def test_a_display_where_nothing_runs_is_told_in_three_lines(monkeypatch, platform):
    monkeypatch.setenv("DISPLAY", dead_display())
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    with pytest.raises(DisplayError, match="does not answer") as caught:
        require_display()
    assert dead_display() in caught.value.why
    assert len(str(caught.value).splitlines()) == 3


def test_the_program_says_it_and_does_not_abort(tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"
    } | {"DISPLAY": dead_display()}
    done = subprocess.run(
        [sys.executable, "-m", "drumstudio"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "plugin" not in done.stderr


def test_a_display_that_is_silent_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(display, "_PATIENCE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1] - 6_000
        monkeypatch.setenv("DISPLAY", f"127.0.0.1:{number}")
        with pytest.raises(DisplayError):
            require_display()


def test_a_wayland_socket_that_takes_a_connection_is_enough(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    with pytest.raises(DisplayError, match="wayland-7"):
        require_display()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "wayland-7"))
        server.listen()
        require_display()


def test_where_no_screen_is_needed_none_is_asked_for(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("DISPLAY", dead_display())
    require_display()


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")
def test_a_display_that_answers_is_taken(monkeypatch, tmp_path):
    readable, writable = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writable), "-nolisten", "tcp"],
        pass_fds=(writable,),
        stderr=subprocess.DEVNULL,
    )
    try:
        monkeypatch.setenv("DISPLAY", f":{os.read(readable, 16).decode().strip()}")
        require_display()
    finally:
        server.terminate()
        server.wait()
        os.close(readable)
        os.close(writable)
