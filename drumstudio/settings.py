"""The one list of settings: what each is called, may be, and is if nobody chose."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from drumstudio import atomic, paths
from drumstudio.core.errors import DrumStudioError, SettingError

_LARGEST_FILE_BYTES = 1_000_000
_LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Setting:
    """What a setting may be.

    Parameters
    ----------
    name : str
        Its name in the file and in `Settings`.
    label : str
        Its name for a person.
    default : str, int or float
        Its value if nobody chose; its type is the setting's type.
    minimum, maximum : float
        The range of a number, both ends included.
    choices : tuple of str
        What a text may be; none if it may be anything.
    """

    name: str
    label: str
    default: str | int | float
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> str | int | float:
        """Return the value in the setting's own type.

        Raises
        ------
        SettingError
            If it is of another type, out of range, or no choice.
        """
        if isinstance(self.default, str):
            free = not self.choices and isinstance(value, str) and len(value) <= _LONGEST_TEXT
            if free or (isinstance(value, str) and value in self.choices):
                return str(value)
            may_be = ", ".join(self.choices) or f"a text of at most {_LONGEST_TEXT} letters"
            raise self._error(value, f"it may be {may_be}.")
        kind = type(self.default)
        if (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and self.minimum <= value <= self.maximum
            and kind(value) == value
        ):
            return kind(value)
        what = "a whole number" if kind is int else "a number"
        raise self._error(value, f"it must be {what} from {self.minimum:g} to {self.maximum:g}.")

    def _error(self, value: object, why: str) -> SettingError:
        return SettingError(
            f"Cannot set {self.label.lower()} to {value!r}",
            why=why,
            fix=f"Choose another value, or leave it at {self.default!r}.",
        )


def _setting(default: Any, label: str, **limits: Any) -> Any:
    rule = {"default": default, **limits}
    return field(default=default, metadata={"label": label, "rule": rule})


@dataclass(frozen=True, slots=True)
class Settings:
    """The user's settings. A new one is one line here; everything else follows from it.

    Parameters
    ----------
    device : str
        Where models run: "auto", "cpu", "cuda" or "mps".
    threads : int
        How many processor threads a model may use; 0 means one a core.
    opening : str
        What becomes of songs that are opened in the window: "separate" has their drums
        separated at once, "only open" waits until somebody asks.
    cache_cap_gb : float
        How large the cache of separations may grow, in 10^9 bytes.
    output : str
        The sound device to listen with, as `playback.output` names it; empty for the
        system's own choice.
    buffer : str
        Samples in a block for the sound device: short ones answer faster, long ones are safer.
    theme : str
        The window's colours: "system", "dark" or "light".
    numbers : str
        How numbers are written: "system", "point" (1,234.5) or "comma" (1.234,5).
    notes : tuple of str
        What was wrong with the file they were read from; no setting.
    """

    device: str = _setting("auto", "Device", choices=("auto", "cpu", "cuda", "mps"))
    threads: int = _setting(0, "Processor threads", minimum=0, maximum=256)
    opening: str = _setting("separate", "When songs are opened", choices=("separate", "only open"))
    cache_cap_gb: float = _setting(20.0, "Cache size (GB)", minimum=0.0, maximum=10_000.0)
    output: str = _setting("", "Sound output")
    buffer: str = _setting(
        "512", "Sound buffer (samples)", choices=("128", "256", "512", "1024", "2048", "4096")
    )
    theme: str = _setting("system", "Theme", choices=("system", "dark", "light"))
    numbers: str = _setting("system", "Numbers", choices=("system", "point", "comma"))
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def processor_threads(self) -> int:
        """How many processor threads a model may use: as set, or one a core."""
        return self.threads or os.cpu_count() or 1

    def changed(self, name: str, value: object) -> Settings:
        """Return these settings with one changed.

        Raises
        ------
        SettingError
            If there is no such setting or it may not have that value.
        """
        for setting in SETTINGS:
            if setting.name == name:
                checked: dict[str, Any] = {name: setting.check(value)}
                return replace(self, **checked)
        names = ", ".join(setting.name for setting in SETTINGS)
        raise SettingError(
            f"There is no setting {name!r}",
            why=f"the settings are {names}.",
            fix="Check the spelling.",
        )


SETTINGS = tuple(
    Setting(each.name, each.metadata["label"], **each.metadata["rule"])
    for each in fields(Settings)
    if each.metadata
)


def settings_path() -> Path:
    """Return where the settings are stored."""
    return paths.user_config_folder() / "settings.json"


def load() -> Settings:
    """Return the stored settings; what is missing or damaged is as if nobody chose it.

    A file that can not be understood is moved aside, to "settings.json.damaged", and
    `Settings.notes` says so. A program that can not read its settings still starts.
    """
    path = settings_path()
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE_BYTES + 1)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        return Settings(notes=(f"The settings in {path} can not be read ({error.strerror}).",))
    try:
        stored = json.loads(data) if len(data) <= _LARGEST_FILE_BYTES else None
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict):
        return Settings(notes=(_move_aside(path),))
    settings, notes = Settings(), []
    for setting in SETTINGS:
        if setting.name in stored:
            try:
                settings = settings.changed(setting.name, stored[setting.name])
            except SettingError as error:
                notes.append(f"{error.what}: {error.why} It is {setting.default!r} now.")
    return replace(settings, notes=tuple(notes))


def _move_aside(path: Path) -> str:
    aside = path.with_name(f"{path.name}.damaged")
    try:
        atomic.replace(path, aside)
    except OSError:
        return f"The settings in {path} are damaged; they are as at the first start now."
    return f"The settings were damaged and are as at the first start now; the old file is {aside}."


def save(settings: Settings) -> None:
    """Store the settings, whole or not at all.

    Raises
    ------
    DrumStudioError
        If the file can not be written; the old one is as it was.
    """
    path = settings_path()
    values = {setting.name: getattr(settings, setting.name) for setting in SETTINGS}
    what = "Cannot save the settings"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise atomic.explain_os_error(error, what, path, kind=DrumStudioError) from error
    text = json.dumps(values, indent=2) + "\n"
    atomic.write_text(path, text, follow_link=True, what=what, kind=DrumStudioError)
