"""Every command of the program with the keys that call it, as the user may have changed them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from drumstudio import atomic, paths
from drumstudio.core.errors import SettingError
from drumstudio.tools.table import TOOLS


@dataclass(frozen=True, slots=True)
class Command:
    """Something a person can have done by a key or from a menu.

    Parameters
    ----------
    name : str
        Its identity, for the user's own keys.
    label : str
        What it is called on screen.
    keys : tuple of str
        Keys that call it unless the user says otherwise, in Qt's portable notation: "Ctrl+S".
    group : str
        The heading it stands under in the list of shortcuts.
    """

    name: str
    label: str
    keys: tuple[str, ...]
    group: str


_TABLE = (
    ("new", "New project", "Ctrl+N", "Project"),
    ("open", "Open project…", "Ctrl+O", "Project"),
    ("save", "Save", "Ctrl+S", "Project"),
    ("save_as", "Save as…", "Ctrl+Shift+S", "Project"),
    ("open_songs", "Open songs…", "Ctrl+I | Ctrl+Shift+I", "Project"),
    ("batch", "Separate files to a folder…", "Ctrl+Shift+B", "Project"),
    ("import_stems", "Import stems for this song…", "", "Project"),
    ("relink", "Find missing files…", "", "Project"),
    ("export", "Export…", "Ctrl+Shift+E", "Project"),
    ("save_picture", "Save picture…", "", "Project"),
    ("quit", "Quit", "Ctrl+Q", "Project"),
    ("guide", "Guide", "", "Project"),
    ("log", "Show log", "", "Project"),
    ("about", "About DrumStudio", "", "Project"),
    ("undo", "Undo", "Ctrl+Z", "Edit"),
    ("redo", "Redo", "Ctrl+Shift+Z | Ctrl+Y", "Edit"),
    ("select_all", "Select whole song", "Ctrl+A", "Edit"),
    ("preferences", "Preferences…", "Ctrl+,", "Edit"),
    ("shortcuts", "Keyboard shortcuts", "Ctrl+Shift+? | F1", "Edit"),
    ("play", "Play or stop", "Space", "Playing"),
    ("play_range", "Play from cursor or selection", "Shift+Space", "Playing"),
    ("loop", "Loop", "L", "Playing"),
    ("to_start", "To start", "Home", "Playing"),
    ("to_end", "To end", "End", "Playing"),
    ("listen", "Listen to original or stems", "O", "Playing"),
    ("seek_back", "Back 1 second", "Left", "Playing"),
    ("seek_on", "On 1 second", "Right", "Playing"),
    ("seek_far_back", "Back 5 seconds", "Shift+Left", "Playing"),
    ("seek_far_on", "On 5 seconds", "Shift+Right", "Playing"),
    ("previous_hit", "To previous transient", "Ctrl+Left", "Playing"),
    ("next_hit", "To next transient", "Ctrl+Right", "Playing"),
    ("mute", "Mute selected track", "M", "Tracks"),
    ("solo", "Solo selected track", "S", "Tracks"),
    ("track_up", "Select track above", "Up", "Tracks"),
    ("track_down", "Select track below", "Down", "Tracks"),
    ("separate", "Separate drums", "Ctrl+Return", "Song"),
    ("refine", "Refine drums by the average of their hits", "", "Song"),
    ("preview", "Preview here", "Ctrl+Shift+Return", "Song"),
    ("rename_song", "Rename song", "F2", "Song"),
    ("remove_song", "Remove song from project", "", "Song"),
    ("marker", "Add marker", "Ctrl+B | Ctrl+.", "Song"),
    ("tap_tempo", "Tap tempo", "T", "Song"),
    ("first_beat", "Beat 1 is here", "Shift+B", "Song"),
    ("spectrogram", "Spectrogram", "Q", "Spectrogram"),
    ("spectrogram_alone", "Spectrogram over the lanes", "Shift+Q", "Spectrogram"),
    *((tool.command, tool.label, tool.keys, "Spectrogram") for tool in TOOLS.values()),
    ("select_mode", "Select first, then change", "V", "Spectrogram"),
    ("invert_selection", "Invert selection", "I", "Spectrogram"),
    ("swap_target", "Swap drums and rest", "X", "Spectrogram"),
    ("brush_smaller", "Smaller brush", "[ | ,", "Spectrogram"),
    ("brush_larger", "Larger brush", "] | .", "Spectrogram"),
    ("hear_before", "Hear before or after the strokes", "A", "Spectrogram"),
    ("hear_painted", "Hear only what is painted", "P", "Spectrogram"),
    ("hear_unpainted", "Hear all but what is painted", "Shift+P", "Spectrogram"),
    ("restore_model", "Restore the model's drums here", "Ctrl+Shift+D", "Spectrogram"),
    ("selection_to_drums", "Give selection to drums", "D", "Spectrogram"),
    ("selection_to_rest", "Give selection to rest", "Shift+D", "Spectrogram"),
    ("fix_everywhere", "Fix this everywhere…", "F", "Spectrogram"),
    ("all_frequencies", "Show all frequencies", "Shift+F", "Spectrogram"),
    ("zoom_in", "Zoom in", "Ctrl+= | Ctrl++", "View"),
    ("zoom_out", "Zoom out", "Ctrl+-", "View"),
    ("zoom_selection", "Zoom to selection", "Z", "View"),
    ("zoom_fit", "Show whole song", "Ctrl+F", "View"),
    ("lanes_higher", "Higher lanes", "Ctrl+Down", "View"),
    ("lanes_lower", "Lower lanes", "Ctrl+Up", "View"),
    ("waves_higher", "Higher waveforms", "Alt+Up", "View"),
    ("waves_lower", "Lower waveforms", "Alt+Down", "View"),
    ("zoom_back", "Zoom back", "Shift+Z", "View"),
    ("training", "Training page", "Ctrl+T", "View"),
    ("leave", "Leave the mode, drop the selection", "Esc", "View"),
)

COMMANDS = tuple(
    Command(name, label, tuple(keys.split(" | ")) if keys else (), group)
    for name, label, keys, group in _TABLE
)


class KeyMap:
    """Which keys call which command.

    Parameters
    ----------
    path : Path, optional
        Where the user's own keys are kept; `shortcuts.json` in the settings' folder if not
        given. A file that can not be read counts as empty.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or paths.user_config_folder() / "shortcuts.json"
        self._commands = {command.name: command for command in COMMANDS}
        self._own = self._load()

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the keys of a command; none if the user took them all away."""
        return self._own.get(name, self._commands[name].keys)

    def holder(self, key: str, besides: str = "") -> Command | None:
        """Return the command that has a key, leaving one out; None if the key is free."""
        return next(
            (c for c in COMMANDS if c.name != besides and key in self.keys(c.name)),
            None,
        )

    def conflicts(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return every key that calls more than one command, with those commands' names."""
        holders: dict[str, list[str]] = {}
        for command in COMMANDS:
            for key in self.keys(command.name):
                holders.setdefault(key, []).append(command.name)
        return [(key, tuple(names)) for key, names in holders.items() if len(names) > 1]

    def set_keys(self, name: str, keys: Iterable[str]) -> None:
        """Give a command other keys and keep them.

        Raises
        ------
        SettingError
            If another command has one of them; nothing is changed then.
        DrumStudioError
            If they can not be stored.
        """
        wanted = tuple(dict.fromkeys(key for key in keys if key))
        for key in wanted:
            holder = self.holder(key, besides=name)
            if holder is not None:
                raise SettingError(
                    f"Cannot use {key} for “{self._commands[name].label}”",
                    why=f"it calls “{holder.label}” already.",
                    fix="Choose another key, or give that command another one first.",
                )
        changed = {**self._own, name: wanted}
        if wanted == self._commands[name].keys:
            del changed[name]
        self._store(changed)

    def reset(self) -> None:
        """Give every command its first keys again."""
        self._store({})

    def _store(self, own: Mapping[str, tuple[str, ...]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(self._path, json.dumps(own, indent=1, sort_keys=True), follow_link=True)
        self._own = dict(own)

    def _load(self) -> dict[str, tuple[str, ...]]:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(stored, dict):
            return {}
        own: dict[str, tuple[str, ...]] = {}
        for name, keys in stored.items():
            good = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
            if name in self._commands and good:
                own[name] = tuple(keys)
        return own
