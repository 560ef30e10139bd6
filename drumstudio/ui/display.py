"""Whether a screen answers, asked before Qt is: Qt ends the process where none does."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import threading

from drumstudio.core.errors import DrumStudioError

_PATIENCE_SECONDS = 10.0
_OF_A_SCREEN = ("xcb", "wayland")  # Qt's platforms that need a display; offscreen, vnc, ... do not


class DisplayError(DrumStudioError):
    """There is no screen to open a window on, or it refuses."""


def has_display() -> bool:
    """Return whether a screen is named, or the system always has one."""
    if sys.platform in ("win32", "darwin"):
        return True
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return any(os.environ.get(name) for name in names)


def require_display() -> None:
    """Return if the screen that is named answers.

    Raises
    ------
    DisplayError
        If it does not within ten seconds: nothing runs there, or it lets nobody in.
    """
    if sys.platform in ("win32", "darwin"):
        return
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform and not platform.startswith(_OF_A_SCREEN):
        return
    wayland, x = os.environ.get("WAYLAND_DISPLAY", ""), os.environ.get("DISPLAY", "")
    if (wayland and _wayland_answers(wayland)) or (x and _x_answers(x)):
        return
    named = " and ".join(f'"{name}"' for name in (wayland, x) if name) or "none"
    raise DisplayError(
        "Cannot open the window",
        why=f"the display that the environment names ({named}) does not answer.",
        fix="Start DrumStudio from the desktop that is logged in (over a network: ssh -X), "
        "or work without a window: studio --help.",
    )


def _wayland_answers(name: str) -> bool:
    path = os.path.join(os.environ.get("XDG_RUNTIME_DIR", ""), name)
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(_PATIENCE_SECONDS)
        try:
            end.connect(path)
        except OSError:
            return False
    return True


def _x_answers(name: str) -> bool:
    """Return whether an X server takes a connection, as Qt's plugin would make it."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return False
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    answers = []

    def ask() -> None:
        connection = xcb.xcb_connect(name.encode(), None)
        answers.append(not xcb.xcb_connection_has_error(connection))
        xcb.xcb_disconnect(connection)

    # Another computer's display can be silent for minutes.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE_SECONDS)
    return answers == [True]
