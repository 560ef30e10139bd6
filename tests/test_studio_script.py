"""The set-up script: what it installs, what it asks first, and that it keeps the answer."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the script is for Linux")
without_nvidia = pytest.mark.skipif(
    any(os.path.exists(path) for path in ("/proc/driver/nvidia/version", "/dev/nvidiactl")),
    reason="there is an NVIDIA device here",
)

# What it calls, told by a log: a Python whose pip finds the builds of torch named in $BUILDS.
PYTHON = r"""#!/bin/sh
echo "python $*" >>"$CALLS"
case "$*" in
    *"pip install"*"torch=="*"!="*) ;;
    *"pip install"*"torch=="*+cpu) case $BUILDS in *cpu*) ;; *) exit 1 ;; esac ;;
    *"pip list"*) printf '%s' "$INSTALLED" ;;
    *"pip config list"*) echo "global.find-links='/their/wheels'" ;;
    *PySide6*) echo "$QT" ;;
esac
"""
LDD = r"""#!/bin/sh
for library in $MISSING; do echo "	$library => not found"; done
echo "	libc.so.6 => /lib/libc.so.6 (0x1)"
"""
LOGGED = '#!/bin/sh\necho "$(basename "$0") $*" >>"$CALLS"\n'


class Machine:
    """A checkout with an environment, and commands that only write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.calls.touch()
        self.environment = {
            **os.environ,
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
            "CALLS": str(self.calls),
            "DRUMSTUDIO_HOME": str(folder / "home"),
            "BUILDS": "cpu gpu",
            "INSTALLED": "",
            "MISSING": "",
            "QT": str(folder),
            "DISPLAY": ":0",
        }
        self.environment.pop("WAYLAND_DISPLAY", None)
        for name in ("studio", "pyproject.toml"):
            shutil.copy(ROOT / name, folder / name)
        self.command(".venv/bin/python", PYTHON)
        self.command("bin/ldd", LDD)
        self.command("bin/apt-get", LOGGED)
        self.be("root")

    def command(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def be(self, who: str) -> None:
        self.command("bin/id", f"#!/bin/sh\necho {0 if who == 'root' else 1000}\n")

    def studio(self, *words: str, answer: str | None = None, **environment: str) -> tuple[int, str]:
        """Run the script, at a terminal if there is an answer; return its code and its words."""
        keyboard, terminal = pty.openpty()
        try:
            if answer is not None:
                os.write(keyboard, answer.encode() + b"\n")
            done = subprocess.run(
                [self.folder / "studio", *words],
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL if answer is None else terminal,
                capture_output=True,
                text=True,
                timeout=60,
            )
        finally:
            os.close(keyboard)
            os.close(terminal)
        return done.returncode, done.stderr

    def called(self, part: str) -> list[str]:
        return [line for line in self.calls.read_text().splitlines() if part in line]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


MISSING = {
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb.so.1": "libxcb1",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libEGL.so.1": "libegl1",
    "libfreetype.so.6": "libfreetype6",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libglib-2.0.so.0": "libglib2.0-0",
}


@pytest.mark.parametrize("who", ["root", "user"])
def test_the_windows_libraries_are_asked_for_by_the_names_of_their_packages(machine, who):
    machine.be(who)
    code, said = machine.studio(MISSING=" ".join(MISSING))
    named = " ".join(sorted(set(MISSING.values())))
    if who == "root":
        assert (code, machine.called("apt-get install")) == (
            0,
            [f"apt-get install -y -qq --no-install-recommends {named}"],
        )
        assert machine.called("-m drumstudio")
    else:
        assert code == 1
        assert f"sudo apt-get install --no-install-recommends {named}\n" in said
        assert not machine.called("apt-get")


@without_nvidia
def test_the_cpu_build_is_taken_without_a_question(machine):
    code, said = machine.studio("separate", "a song")
    assert code == 0
    assert "2.7 GB" not in said
    (first,) = machine.called("install --disable-pip-version-check torch")
    assert first.endswith("+cpu")
    assert machine.calls.read_text().splitlines()[-1] == "python -m drumstudio separate a song"


@without_nvidia
def test_gigabytes_are_not_fetched_unasked(machine):
    code, said = machine.studio("separate", "song", BUILDS="gpu")
    assert code == 1
    assert "2.7 GB" in said
    assert "./studio --gpu separate" in said
    assert "/their/wheels" in said
    assert not machine.called("!=")
    assert not machine.called("-m drumstudio")


@without_nvidia
@pytest.mark.parametrize(("answer", "taken"), [("y", True), ("n", False), ("", False)])
def test_at_a_terminal_the_choice_is_asked_for_and_a_yes_is_kept(machine, answer, taken):
    code, said = machine.studio(BUILDS="gpu", answer=answer)
    assert "Take it? [y/N]" in said
    assert (code, bool(machine.called("!="))) == ((0, True) if taken else (1, False))
    (machine.folder / ".venv" / ".studio-stamp").unlink(missing_ok=True)  # set up anew
    again, said = machine.studio(BUILDS="gpu")
    assert "[y/N]" not in said
    assert (again == 0) == taken


def test_gpu_says_yes_for_a_script_and_is_kept(machine):
    assert (
        machine.studio("--gpu", "separate", "song", BUILDS="gpu", INSTALLED="torch==2+cpu\n")[0]
        == 0
    )
    assert machine.called("torch==")[-1].count("!=")
    (machine.folder / ".venv" / ".studio-stamp").unlink()
    machine.calls.write_text("")
    code, said = machine.studio("separate", "song", BUILDS="gpu")
    assert (code, len(machine.called("!="))) == (0, 1)
    assert "2.7 GB" in said


def test_cpu_is_kept_too_and_never_takes_the_other_build(machine):
    assert machine.studio("--cpu", "separate", "song")[0] == 0
    (machine.folder / ".venv" / ".studio-stamp").unlink()
    code, said = machine.studio("separate", "song", BUILDS="gpu", answer="y")
    assert code == 1
    assert "[y/N]" not in said
    assert not machine.called("!=")


def test_what_is_there_is_not_installed_again(machine):
    assert machine.studio("--cpu", "models", INSTALLED="torch==2.13.0+cpu\n")[0] == 0
    assert not machine.called("torch==")
    assert machine.studio("models")[0] == 0
    assert len(machine.called("pip install")) == 1


@pytest.mark.parametrize(("words", "asked"), [((), 1), (("--fast",), 0), (("--nightly",), 1)])
def test_sound_servers_are_installed_for_the_tests_that_play(machine, words, asked):
    (machine.folder / "system").mkdir()
    for tool in Path("/usr/bin").iterdir():
        if tool.name not in ("pulseaudio", "pactl", "parec", "jackd", "jack_rec", "jack_lsp"):
            (machine.folder / "system" / tool.name).symlink_to(tool)
    path = f"{machine.folder / 'bin'}:{machine.folder / 'system'}"
    machine.command("bin/apt-cache", "#!/bin/sh\nexit 1\n")
    assert machine.studio("test", *words, PATH=path)[0] == 0
    servers = "pulseaudio pulseaudio-utils libasound2-plugins jackd2"
    assert len(machine.called(f"apt-get install -y -qq --no-install-recommends {servers}")) == asked
    assert machine.called("-m pytest")


def test_without_sound_servers_the_other_tests_are_run(machine):
    (machine.folder / "system").mkdir()
    for tool in Path("/usr/bin").iterdir():
        if tool.name != "pulseaudio":
            (machine.folder / "system" / tool.name).symlink_to(tool)
    machine.command("bin/apt-get", "#!/bin/sh\nexit 100\n")
    path = f"{machine.folder / 'bin'}:{machine.folder / 'system'}"
    code, said = machine.studio("test", PATH=path)
    assert code == 0
    assert "a sound server can not be run" in said
    assert machine.called("-m pytest")
