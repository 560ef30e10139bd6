"""A clumsy person in a process of its own: random keys, clicks, drags and drops, from a seed.

    python -m tests.ui.monkey SEED SECONDS FOLDER WIDTHxHEIGHT [BLUNDER]

Works in FOLDER on a screen of that size, and prints one line of JSON: what it did, every exception
and warning, what was cut off or lay outside the screen, and the longest silence of the event loop
with where the window was meanwhile. BLUNDER is what the window is made to do wrong, for the
control: "raise", "block" or "outside".
"""

from __future__ import annotations

import collections
import json
import os
import random
import sys
import threading
import time
import traceback
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import numpy as np
import shiboken6
import soundfile
from PySide6.QtCore import (
    QElapsedTimer,
    QEventLoop,
    QMimeData,
    QPoint,
    QPointF,
    Qt,
    QTimer,
    QUrl,
    qInstallMessageHandler,
)
from PySide6.QtGui import (
    QAction,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QKeySequence,
    QWheelEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLineEdit, QPushButton, QWidget

from drumstudio.ui import tokens
from tests.ui.lone_window import build
from tests.ui.screens import beyond_screen, outside, screen_platform

SILENCE_SECONDS = 0.15  # a longer one is looked into
RARELY = 0.1  # how often it may quit, so that a window lives for a while
LOOK_EVERY_STEPS = 25  # whether all of the window is on the screen
SETTLE_SECONDS = 3.0  # what stays outside so long was not just being laid out
PATIENCE_STEPS = 40  # a dialog that stands longer is left by Escape
_HARMLESS = (
    "This plugin does not support",
    "outside target window",  # what a clumsy person does
    "Mouse event occurs outside",
    "is not supported by",
    "Populating font family aliases",
)
_TEXTS = ("8", "-3", "abc", "ü/\\:", "", "1e9", " ", "120,5")
_KEYS = (
    *(Qt.Key.Key_Tab, Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Space, Qt.Key.Key_Delete),
    *(Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Backspace),
    *(Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_F2),
)
_MODIFIERS = (
    *[Qt.KeyboardModifier.NoModifier] * 6,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
_LEFT, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
_BUTTONS = (_LEFT, _LEFT, _LEFT, _LEFT, _RIGHT, Qt.MouseButton.MiddleButton)


class Watch:
    """Notes how long the event loop is silent, and where the window is meanwhile."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.silences: list[tuple[float, str]] = []
        self._last = time.perf_counter()
        self._where = ""
        self._lock = threading.Lock()
        self._main = threading.main_thread().ident
        # Other timers, so that one that runs a dialog's own loop does not hold this one up.
        self._timer = QTimer()
        self._timer.timeout.connect(self.beat)
        self._timer.start(10)
        threading.Thread(target=self._look, daemon=True).start()

    def beat(self) -> None:
        """Note how long the event loop was silent until now."""
        with self._lock:
            now = time.perf_counter()
            gap, self._last = now - self._last, now
            self.longest = max(self.longest, gap)
            if gap > SILENCE_SECONDS and self._where:
                self.silences.append((gap, self._where))
            self._where = ""

    def _look(self) -> None:
        while True:
            time.sleep(0.02)
            with self._lock:
                if self._where or time.perf_counter() - self._last < SILENCE_SECONDS:
                    continue
                frames = traceback.extract_stack(sys._current_frames()[self._main])
                self._where = "\n".join(
                    f"{Path(f.filename).name}:{f.lineno} {f.name}: {f.line}" for f in frames[-9:]
                )


class Monkey:
    """Does random things to a window."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.done: collections.Counter[str] = collections.Counter()
        self.trail: collections.deque[str] = collections.deque(maxlen=30)
        self.windows = 0
        self.strays: dict[str, str] = {}  # what stayed outside: name to what was done before
        self._steps = 0
        self._seen_outside: dict[str, float] = {}
        self._modal_steps = 0
        self._paths = self._make_files()
        self._stub_dialogs()
        self.window = None
        self.application = None

    def _make_files(self) -> list[Path]:
        generator = np.random.default_rng(1)
        paths = []
        for number, (seconds, rate, channels) in enumerate(((4, 44_100, 2), (2, 22_050, 1))):
            path = self.folder / f"song {number}.wav"
            sound = generator.standard_normal((seconds * rate, channels)) * 0.1
            soundfile.write(path, sound, rate)
            paths.append(path)
        broken = self.folder / "broken.flac"
        broken.write_bytes(b"fLaC" + bytes(range(256)))
        text = self.folder / "readme.txt"
        text.write_text("no sound")
        empty = self.folder / "empty.wav"
        empty.touch()
        album = self.folder / "album"
        album.mkdir()
        soundfile.write(album / "short.wav", np.zeros((10, 2)), 44_100)
        return [*paths, broken, text, empty, album, self.folder / "missing.wav"]

    def _stub_dialogs(self) -> None:
        """Answer the system's file dialogs, so that nothing outside the folder is touched."""
        choose = self.random.choice

        def some_file(*_: object) -> tuple[str, str]:
            return choose(["", *map(str, self._paths)]), ""

        def some_files(*_: object) -> tuple[list[str], str]:
            return [str(choose(self._paths)) for _ in range(choose((0, 1, 2)))], ""

        def some_folder(*_: object) -> str:
            saved = [str(path) for path in self.folder.glob("*.drumstudio")]
            return choose(["", str(self.folder / "album"), str(self.folder), *saved])

        def some_target(*_: object) -> tuple[str, str]:
            return choose(["", str(self.folder / f"saved {choose('abc')}")]), ""

        QFileDialog.getOpenFileName = staticmethod(some_file)
        QFileDialog.getOpenFileNames = staticmethod(some_files)
        QFileDialog.getExistingDirectory = staticmethod(some_folder)
        QFileDialog.getSaveFileName = staticmethod(some_target)
        QDesktopServices.openUrl = staticmethod(lambda _: True)
        import drumstudio.ui.export_link as export_link

        export_link.drag_files = lambda *_: Qt.DropAction.IgnoreAction

    def open_window(self) -> None:
        self.application, self.window = build()
        self.window.models.choose("hpss")
        self.windows += 1

    # --- one thing ------------------------------------------------------------------------

    def step(self) -> None:
        self._steps += 1
        if self._steps % LOOK_EVERY_STEPS == 0:
            self.look()
        if self.window._closed:
            self.window.deleteLater()
            self.open_window()
        modal = self.application.activeModalWidget()
        popup = self.application.activePopupWidget()
        self._modal_steps = self._modal_steps + 1 if modal or popup else 0
        if self._modal_steps > PATIENCE_STEPS:
            self._modal_steps = 0
            self._note("give up", popup or modal)
            QTest.keyClick(popup or modal, Qt.Key.Key_Escape)
            if popup is not None and shiboken6.isValid(popup) and popup.isVisible():
                popup.close()
            elif modal is not None and shiboken6.isValid(modal) and modal.isVisible():
                modal.close()
            return
        actions = [
            *((self.click, 10), (self.key, 6), (self.shortcut, 8), (self.drag, 5), (self.wheel, 4)),
            *((self.type_text, 2), (self.drop, 1), (self.command, 5), (self.resize, 1)),
        ]
        if modal is not None or popup is not None:
            actions = actions[:2] + actions[3:6]
        doers, weights = zip(*actions, strict=True)
        (doer,) = self.random.choices(doers, weights)
        doer(popup or modal or self.window)

    def look(self) -> None:
        """Note what has been outside of the window or the screen for a while."""
        now, found = time.monotonic(), []
        for top in self.application.topLevelWidgets():
            if top.isVisible() and (top is self.window or isinstance(top, QDialog)):
                found += [*outside(top), *beyond_screen(top)]
        self._seen_outside = {one: self._seen_outside.get(one, now) for one in found}
        for one, since in self._seen_outside.items():
            if now - since > SETTLE_SECONDS:
                self.strays.setdefault(one, " / ".join(list(self.trail)[-6:]))

    def _note(self, what: str, widget: object = None) -> None:
        self.done[what] += 1
        name = ""
        if isinstance(widget, QWidget):
            name = f"{type(widget).__name__} {widget.accessibleName()}"
        self.trail.append(f"{what} {name or widget or ''}".strip())

    def _target(self, root: QWidget) -> QWidget:
        widgets = [
            widget
            for widget in root.findChildren(QWidget)
            if widget.isVisible() and widget.isEnabled() and widget.width() and widget.height()
        ]
        return self.random.choice(widgets) if widgets else root

    def _place(self, widget: QWidget) -> QPoint:
        return QPoint(
            self.random.randrange(max(widget.width(), 1)),
            self.random.randrange(max(widget.height(), 1)),
        )

    def click(self, root: QWidget) -> None:
        widget = self._target(root)
        button, keys = self.random.choice(_BUTTONS), self.random.choice(_MODIFIERS)
        self._note(f"click {button.name}", widget)
        if self.random.random() < 0.1:
            QTest.mouseDClick(widget, button, keys, self._place(widget))
        else:
            QTest.mouseClick(widget, button, keys, self._place(widget))

    def drag(self, root: QWidget) -> None:
        widget = self._target(root)
        button, keys = self.random.choice(_BUTTONS), self.random.choice(_MODIFIERS)
        self._note(f"drag {button.name}", widget)
        QTest.mousePress(widget, button, keys, self._place(widget))
        for _ in range(self.random.randrange(6)):
            if not shiboken6.isValid(widget):
                return
            QTest.mouseMove(widget, self._place(widget))
        if shiboken6.isValid(widget) and self.random.random() < 0.9:
            QTest.mouseRelease(widget, button, keys, self._place(widget))

    def wheel(self, root: QWidget) -> None:
        widget = self._target(root)
        self._note("wheel", widget)
        place = QPointF(self._place(widget))
        event = QWheelEvent(
            place,
            QPointF(widget.mapToGlobal(place.toPoint())),
            QPoint(),
            QPoint(0, self.random.choice((-1200, -120, 40, 120, 2400))),
            Qt.MouseButton.NoButton,
            self.random.choice(_MODIFIERS),
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)

    def _focus(self, root: QWidget) -> QWidget:
        focus = self.application.focusWidget()
        return focus if focus is not None and root.isAncestorOf(focus) else root

    def key(self, root: QWidget) -> None:
        key = self.random.choice(_KEYS)
        widget = self._focus(root)
        self._note(f"key {key.name}", widget)
        QTest.keyClick(widget, key, self.random.choice(_MODIFIERS))

    def _actions(self) -> list[QAction]:
        quitting = self.random.random() < RARELY
        return [
            action
            for action in self.window.actions()
            if quitting or action is not self.window.actions_["quit"]
        ]

    def shortcut(self, root: QWidget) -> None:
        sequences = [
            key
            for action in self.window.actions()
            for key in action.shortcuts()
            if not key.isEmpty()
        ]
        sequence: QKeySequence = self.random.choice(sequences)
        self._note(f"shortcut {sequence.toString()}")
        QTest.keySequence(self._focus(root), sequence)

    def type_text(self, root: QWidget) -> None:
        fields = [field for field in root.findChildren(QLineEdit) if field.isVisible()]
        widget = self.random.choice(fields) if fields else self._focus(root)
        text = self.random.choice(_TEXTS)
        self._note(f"type {text!r}", widget)
        for letter in text:
            if shiboken6.isValid(widget):
                QTest.keyClick(widget, letter)

    def command(self, _root: QWidget) -> None:
        action = self.random.choice([action for action in self._actions() if action.isEnabled()])
        self._note(f"command {action.text()}")
        action.trigger()

    def drop(self, root: QWidget) -> None:
        mime = QMimeData()
        saved = list(self.folder.glob("*.drumstudio"))
        some = [
            self.random.choice([*self._paths, *saved]) for _ in range(self.random.choice((1, 2)))
        ]
        self._note(f"drop {[path.name for path in some]}")
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in some])
        arguments = (Qt.DropAction.CopyAction, mime, _LEFT, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(root, QDragEnterEvent(QPoint(20, 20), *arguments))
        QApplication.sendEvent(root, QDropEvent(QPointF(20, 20), *arguments))

    def resize(self, _root: QWidget) -> None:
        self._note("resize")
        room = self.window.screen().availableGeometry()
        width, height = tokens.SMALLEST_WINDOW
        self.window.setGeometry(
            0,
            0,
            self.random.randint(width, room.width()),
            self.random.randint(height, room.height()),
        )


def main(seed: int, seconds: float, folder: Path, size: str, blunder: str = "") -> int:
    width, height = (int(part) for part in size.split("x"))
    os.environ["QT_QPA_PLATFORM"] = screen_platform(folder, (0, 0, width, height, 1))
    os.environ["DRUMSTUDIO_HOME"] = str(folder / "home")
    os.environ["HOME"] = str(folder)
    os.chdir(folder)
    problems: list[str] = []
    monkey = Monkey(seed, folder)

    def on_error(kind: type[BaseException], error: BaseException, trace: object) -> None:
        lines = "".join(traceback.format_exception(kind, error, trace))
        problems.append(f"{lines}after: {' / '.join(list(monkey.trail)[-6:])}")

    sys.excepthook = on_error
    sys.unraisablehook = lambda a: on_error(a.exc_type, a.exc_value, a.exc_traceback)
    threading.excepthook = lambda a: on_error(a.exc_type, a.exc_value, a.exc_traceback)

    def on_message(kind: object, context: object, text: str) -> None:
        if not any(words in text for words in _HARMLESS):
            problems.append(f"Qt: {text}\nafter: {' / '.join(list(monkey.trail)[-6:])}")

    qInstallMessageHandler(on_message)
    monkey.open_window()
    watch = Watch()
    clock = QElapsedTimer()
    clock.start()
    loop = QEventLoop()

    def step() -> None:
        if clock.elapsed() > seconds * 1000:
            for _ in range(20):  # whatever stands open, popups above dialogs
                top = monkey.application.activePopupWidget() or (
                    monkey.application.activeModalWidget()
                )
                if top is None:
                    break
                top.close()
            loop.quit()
            return
        # The next one is asked for first: a dialog that this one opens has a loop of its own.
        QTimer.singleShot(monkey.random.choice((1, 5, 5, 30)), step)
        if blunder == "outside":
            monkey.look()  # a step might close the window, and what lies outside with it
        else:
            monkey.step()

    if blunder == "raise":
        QTimer.singleShot(int(seconds * 500), lambda: 1 / 0)
    elif blunder == "block":
        QTimer.singleShot(int(seconds * 500), lambda: time.sleep(3.0))
    elif blunder == "outside":
        stray = QPushButton("far away", monkey.window.bar)
        stray.setGeometry(monkey.window.width() - 10, 0, 90, 20)
        stray.show()
    QTimer.singleShot(0, step)
    loop.exec()
    watch.beat()  # the loop may end with its first event after a silence
    while monkey.application.activeModalWidget() is not None:  # its loop ends first
        monkey.application.processEvents()
    closing = time.perf_counter()
    if not monkey.window._closed:
        monkey.window.close_now()
    closing = time.perf_counter() - closing
    print(
        json.dumps(
            {
                "seed": seed,
                "steps": sum(monkey.done.values()),
                "windows": monkey.windows,
                "problems": problems,
                "strays": monkey.strays,
                "longest_silence": watch.longest,
                "silences": sorted(watch.silences, reverse=True)[:20],
                "closing_seconds": closing,
                "done": monkey.done.most_common(12),
            }
        ),
        flush=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:]))
