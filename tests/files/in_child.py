"""Run cases in a child process that may crash, hang or run out of memory without harm.

`python -m tests.files.in_child MODULE:FUNCTION` reads cases as JSON lines and answers each
with a JSON line. The parent's side is `outcomes`.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def outcomes(function, cases, *, seconds_each=20.0, memory_bytes=0, folder):
    """Return what became of each case, in order.

    Parameters
    ----------
    function : str
        "module:function"; called with one case, returns something JSON-able.
    cases : list
        JSON-able.
    seconds_each : float
        Longer than this is a hang: the child is killed and a new one goes on.
    memory_bytes : int
        Address space beyond what the child has after importing; 0 sets no limit.
    folder : Path
        Working folder of the child.

    Returns
    -------
    list of dict
        {"result": ...} or {"raised": "Type: text"} or {"died": "SIGSEGV"} or {"hung": seconds},
        with "seconds".
    """
    found = []
    while len(found) < len(cases):
        found += _one_child(function, cases[len(found) :], seconds_each, memory_bytes, Path(folder))
    return found


def peak_bytes():
    """Return the highest resident memory that this process has had since it was started.

    Not `getrusage`, whose figure a child inherits from the parent that forked it.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("this system does not tell")


def _one_child(function, cases, seconds_each, memory_bytes, folder):
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    child = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-m", "tests.files.in_child", function],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "stderr.txt").open("ab"),
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": paths,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "CASE_MEMORY_BYTES": str(memory_bytes),
        },
    )
    found = []
    try:
        _line(child, 60.0)  # ready
        for case in cases:
            started = time.monotonic()
            child.stdin.write(json.dumps(case).encode() + b"\n")
            child.stdin.flush()
            answer = _line(child, seconds_each)
            seconds = time.monotonic() - started
            if answer is None:
                child.kill()
                found.append({"hung": seconds_each, "seconds": seconds})
                break
            if not answer:
                code = child.wait()
                died = signal.Signals(-code).name if code < 0 else f"exit {code}"
                found.append({"died": died, "seconds": seconds})
                break
            found.append({**json.loads(answer), "seconds": seconds})
    finally:
        child.stdin.close()
        child.kill()
        child.wait()
        child.stdout.close()
    return found


def _line(child, seconds):
    """Return the child's next line, b"" if it died, None if there was none in time."""
    ready, _, _ = select.select([child.stdout], [], [], seconds)
    return child.stdout.readline() if ready else None


def _serve(function):
    module, name = function.split(":")
    call = getattr(importlib.import_module(module), name)
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    memory = int(os.environ["CASE_MEMORY_BYTES"])
    if memory:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    answers.write(b"ready\n")
    for line in sys.stdin.buffer:
        try:
            answer = {"result": call(json.loads(line))}
        except Exception as error:  # noqa: BLE001 (whatever comes out is the finding)
            answer = {"raised": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    _serve(sys.argv[1])
