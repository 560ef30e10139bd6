"""Where things are: the files that ship with the program, and the folders of its user.

Nothing here creates a folder: who writes creates, so that a program on a read-only home
still starts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import appdirs

NAME = "DrumStudio"
SHIPPED = ("models", "resources")
CACHE_INSTEAD = "DRUMSTUDIO_CACHE"
"""Name of the variable that tells workers of another cache than the user's own."""


def shipped_folder(name: str) -> Path:
    """Return the folder of files that ship with the program.

    Parameters
    ----------
    name : str
        "models" or "resources".

    Returns
    -------
    Path
        Beside the package in a checkout, inside it in an installed wheel, inside the
        unpacked bundle in a frozen program. Not checked for being there.

    Raises
    ------
    ValueError
        If nothing of that name ships.
    """
    if name not in SHIPPED:
        raise ValueError(f"shipped folders are {SHIPPED}, got {name!r}")
    bundle = getattr(sys, "_MEIPASS", None)  # set by the loader of a frozen program
    if bundle is not None:
        return Path(bundle) / name
    package = Path(__file__).resolve().parent
    installed = package / "shipped" / name
    return installed if installed.is_dir() else package.parent / name


def _user_folder(part: str, find: Callable[..., str]) -> Path:
    # DRUMSTUDIO_HOME holds everything below one folder: tests, and studios on a stick.
    home = os.environ.get("DRUMSTUDIO_HOME")
    if home:
        return Path(home).absolute() / part
    # An empty or relative variable counts as unset (XDG Base Directory Specification, "Basics");
    # appdirs takes it as it is, and what belongs in the home folder lands in the current one.
    variable = f"XDG_{part.upper()}_HOME"
    if not os.path.isabs(os.environ.get(variable, "")):
        os.environ.pop(variable, None)
    return Path(find(NAME, appauthor=False))


def user_data_folder() -> Path:
    """Return the folder for what must stay: never-saved projects, models, reports."""
    return _user_folder("data", appdirs.user_data_dir)


def user_cache_folder() -> Path:
    """Return the folder for what can be made again."""
    instead = os.environ.get(CACHE_INSTEAD)
    if instead:
        return Path(instead)
    return _user_folder("cache", appdirs.user_cache_dir)


def user_config_folder() -> Path:
    """Return the folder for settings."""
    return _user_folder("config", appdirs.user_config_dir)


def user_models_folder() -> Path:
    """Return the folder for models that the user added or downloaded."""
    return user_data_folder() / "models"


def reports_folder() -> Path:
    """Return the folder for crash reports, which stay on this computer."""
    return user_data_folder() / "reports"
