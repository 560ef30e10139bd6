"""Jobs that exist in tests only: well-behaved, slow, hanging, crashing, lying."""

from __future__ import annotations

import ctypes
import hashlib
import os
import random
import signal
import sys
import time
from pathlib import Path

from drumstudio import atomic
from drumstudio.core.errors import AudioOpenError
from drumstudio.workers.roles import Job


def add(checkpoint, *, a: int, b: int) -> dict:
    checkpoint(1.0, "Adding")
    return {"sum": a + b}


def count(checkpoint, *, steps: int, seconds: float) -> dict:
    for step in range(steps):
        checkpoint(step / steps, f"Step {step} of {steps}")
        time.sleep(seconds)
    return {"steps": steps}


def deaf(checkpoint, *, seconds: float) -> dict:
    """Work without ever looking whether it should stop."""
    checkpoint(0.0, "Deaf")
    time.sleep(seconds)
    return {}


def fault(checkpoint, *, kind: str) -> dict:
    checkpoint(0.5, "About to fail")
    if kind == "segv":
        ctypes.string_at(0)
    elif kind == "hang":
        while True:
            time.sleep(60)
    elif kind == "exit":
        os._exit(3)
    else:
        os.kill(os.getpid(), getattr(signal, kind))
        time.sleep(60)
    return {}


def refuse(checkpoint, *, name: str) -> dict:
    raise AudioOpenError(f"Cannot open {name}", why="it holds no sound.", fix="Leave it out.")


def mistake(checkpoint) -> dict:
    return {"never": 1 // 0}


def large(checkpoint, *, size: int) -> dict:
    return {"text": "x" * size}


def no_dict(checkpoint) -> list:
    return [1]


def chatter(checkpoint, *, calls: int) -> dict:
    for call in range(calls):
        checkpoint(call / calls, f"Call {call}")
    return {"calls": calls}


def prints(checkpoint) -> dict:
    print("printed by Python")
    os.write(1, b"printed by native code\n")
    return {}


def garbage(checkpoint, *, kind: str) -> dict:
    """Send the parent what no honest child sends, as one that was taken over would."""
    for frame in sys._current_frames().values():
        while frame is not None:
            child = frame.f_locals.get("self")
            if type(child).__name__ == "_Child":
                data = {"text": b"\x80\x04hello", "kind": b'{"type": "obey"}', "deep": b"[" * 99999}
                child._connection.send_bytes(data[kind])
                time.sleep(60)
            frame = frame.f_back
    return {}


def modules(checkpoint, *, imports: str) -> dict:
    """Import what a role's jobs import and tell what is loaded then."""
    __import__(imports)
    return {"modules": sorted({name.partition(".")[0] for name in sys.modules})}


def environment(checkpoint) -> dict:
    return {
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "niceness": os.nice(0),
        "pid": os.getpid(),
        "sigint_ignored": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
    }


def multiply(checkpoint, *, size: int, seconds: float) -> dict:
    """Stay inside long numpy calls, as a separator does."""
    import numpy as np

    matrix = np.ones((size, size), np.float32)
    checkpoint(0.1, "Multiplying")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        matrix @ matrix
    return {}


def write_file(checkpoint, *, path: str, steps: int, seconds: float, deaf_at: int) -> dict:
    """Write a file in steps; from step `deaf_at` on, answer no cancel any more."""
    data = random.Random(path).randbytes(1000)
    with atomic.writing(Path(path)) as temporary, temporary.open("wb") as file:
        for step in range(steps):
            if step < deaf_at:
                checkpoint(step / steps, "Writing")
            file.write(data)
            file.flush()
            time.sleep(seconds)
    return {"sha256": hashlib.sha256(data * steps).hexdigest()}


def write_in_place(checkpoint, *, path: str, steps: int, seconds: float, deaf_at: int) -> dict:
    """Write as a careless program does; the negative control."""
    with Path(path).open("wb") as file:
        for step in range(steps):
            checkpoint(step / steps, "Writing")
            file.write(bytes(1000))
            time.sleep(seconds)
    return {"sha256": hashlib.sha256(bytes(1000 * steps)).hexdigest()}


def write_and_hang(checkpoint, *, path: str) -> dict:
    with atomic.writing(Path(path)) as temporary:
        temporary.write_bytes(b"half")
        checkpoint(0.5, "Half")
        time.sleep(60)
    return {}


def _job(name: str, role: str = "decode") -> Job:
    return Job(f"tests.workers.stub_jobs:{name}", role, f"doing {name}")


STUB_JOBS = {
    name: _job(name)
    for name in (
        "add",
        "count",
        "deaf",
        "fault",
        "refuse",
        "mistake",
        "large",
        "no_dict",
        "chatter",
        "prints",
        "garbage",
        "modules",
        "environment",
        "multiply",
        "write_file",
        "write_in_place",
        "write_and_hang",
    )
} | {
    **{f"environment_{role}": _job("environment", role) for role in ("infer", "encode", "train")},
    "multiply_infer": _job("multiply", "infer"),
    "modules_encode": _job("modules", "encode"),
    "missing": Job("tests.workers.no_such_module:job", "decode"),
}
