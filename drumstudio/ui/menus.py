"""The menu bar: which command stands where."""

from __future__ import annotations

from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu

from drumstudio.tools.table import TOOLS
from drumstudio.ui.actions import Actions

SEPARATOR = ""

_MENUS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "File",
        (
            *("new", "open", "RECENT", SEPARATOR, "open_songs", "import_stems", "batch", SEPARATOR),
            *("save", "save_as", "VERSIONS", "relink", SEPARATOR),
            *("export", "save_picture", SEPARATOR, "quit"),
        ),
    ),
    ("Edit", ("undo", "redo", SEPARATOR, "select_all", "leave", SEPARATOR, "preferences")),
    (
        "View",
        (
            *("zoom_in", "zoom_out", "zoom_selection", "zoom_fit", "zoom_back", SEPARATOR),
            *("lanes_higher", "lanes_lower", "waves_higher", "waves_lower", SEPARATOR),
            *(
                "spectrogram",
                "spectrogram_alone",
                "all_frequencies",
                "training",
                SEPARATOR,
                "PANES",
            ),
        ),
    ),
    (
        "Paint",
        (
            *(tool.command for tool in TOOLS.values()),
            *(SEPARATOR, "swap_target", "brush_smaller", "brush_larger", SEPARATOR),
            *("selection_to_drums", "selection_to_rest", "restore_model"),
            *("fix_everywhere", SEPARATOR),
            *("hear_before", "hear_painted", "hear_unpainted"),
        ),
    ),
    (
        "Song",
        (
            *("play", "play_range", "loop", "listen", SEPARATOR, "to_start", "to_end"),
            *("previous_hit", "next_hit", SEPARATOR, "mute", "solo", SEPARATOR, "marker"),
            *("tap_tempo", "first_beat", SEPARATOR, "rename_song", "remove_song"),
        ),
    ),
    ("Models", ("separate", "preview", "refine", SEPARATOR, "MODELS", SEPARATOR, "training")),
    ("Help", ("guide", "shortcuts", "log", SEPARATOR, "about")),
)


class Menus:
    """The menus, filled with the actions that exist.

    Parameters
    ----------
    window : QMainWindow
        Whose menu bar.
    actions : Actions
        What can be done.
    panes : list of QDockWidget
        What View can bring back.
    """

    def __init__(self, window: QMainWindow, actions: Actions, panes: list[QDockWidget]) -> None:
        self.recent = QMenu("Open recent", window)
        self.versions = QMenu("Earlier versions", window)
        self.models = QMenu("Model", window)
        for title, names in _MENUS:
            menu = window.menuBar().addMenu(f"&{title}")  # Alt and its first letter open it
            for name in names:
                if name == SEPARATOR:
                    menu.addSeparator()
                elif name == "RECENT":
                    menu.addMenu(self.recent)
                elif name == "VERSIONS":
                    menu.addMenu(self.versions)
                elif name == "MODELS":
                    menu.addMenu(self.models)
                elif name == "PANES":
                    for pane in panes:
                        menu.addAction(pane.toggleViewAction())
                elif name in actions:
                    menu.addAction(actions[name])
