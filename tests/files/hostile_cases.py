"""What the harnesses of hostile sound files run in a child process, one case a call."""

from __future__ import annotations

import functools
import os
import signal
import time
from pathlib import Path

import numpy as np
import soundfile

from drumstudio import atomic
from drumstudio.core.errors import AudioOpenError
from drumstudio.files import decode as decode_module
from drumstudio.files.av_decoder import AvDecoder
from drumstudio.files.decode import decode
from drumstudio.files.decoders import SoundfileDecoder
from drumstudio.files.probe import probe
from drumstudio.files.wav_file import WavReader
from drumstudio.jobs.job import no_checkpoint
from tests.files import seeds
from tests.files.hostile_corpus import CORPUS
from tests.files.in_child import peak_bytes

ROUTES = ("decode", "ffmpeg", "probe")
TELLING_INTEGERS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutant(name: str, number: int) -> bytes:
    """Return a damaged seed file; the same for the same arguments."""
    generator = np.random.default_rng([seeds.SEEDS.index(name), number])
    data = bytearray(seeds.seed(name))
    for _ in range(1 + generator.integers(3)):
        _damage(data, generator)
    return bytes(data)


def _damage(data: bytearray, generator: np.random.Generator) -> None:
    if len(data) < 2:
        return
    # Headers are at the beginning, in MP4 files also at the end: half of the damage goes there.
    place = int(generator.integers(len(data)))
    if generator.random() < 0.5:
        place = int(generator.integers(min(256, len(data))))
    elif generator.random() < 0.3:
        place = len(data) - 1 - int(generator.integers(min(1_500, len(data))))
    kind = generator.integers(7)
    if kind == 0:
        del data[place:]
    elif kind == 1:
        for _ in range(generator.integers(1, 20)):
            at = (place + int(generator.integers(64))) % len(data)
            data[at] ^= 1 << int(generator.integers(8))
    elif kind in (2, 3):
        size = int(generator.choice([1, 2, 4, 8]))
        value = int(generator.choice(TELLING_INTEGERS)) % 2 ** (8 * size)
        data[place : place + size] = value.to_bytes(size, generator.choice(["big", "little"]))
    elif kind == 4:
        del data[place : place + int(generator.integers(1, 300))]
    elif kind == 5:
        data[place:place] = generator.bytes(int(generator.integers(1, 300)))
    else:
        size = int(generator.integers(1, 600))
        source = int(generator.integers(len(data)))
        data[place : place + size] = data[source : source + size]


@functools.cache
def _prepare() -> None:
    # Whether data survive a power cut is another harness's matter; here it would only cost time.
    atomic.sync = lambda descriptor: None
    atomic.sync_folder = lambda folder: None


def mutant_case(case: list) -> dict:
    """R15: read a mutant by one of three routes."""
    name, number, route = case
    path = Path(f"mutant.{name}")
    path.write_bytes(mutant(name, number))
    return _judged(path, route)


def corpus_case(name: str) -> dict:
    """R16: read a file of the corpus by the usual route."""
    path = CORPUS[name].make(Path(name))
    if name.startswith("deleted"):

        def delete(fraction: float, message: str) -> None:
            if fraction > 0:
                path.unlink(missing_ok=True)

        return _judged(path, "decode", delete)
    return _judged(path, "decode")


def _judged(path: Path, route: str, checkpoint=no_checkpoint) -> dict:
    """Return {"kind": "audio" | "error", ...}; whatever else comes out is the finding."""
    _prepare()
    target = Path("media.wav")
    decode_module.DECODERS = (AvDecoder,) if route == "ffmpeg" else (SoundfileDecoder, AvDecoder)
    started = time.monotonic()
    try:
        if route == "probe":
            found = {"kind": "audio", "samples": probe(checkpoint, source=str(path))["samples"]}
        else:
            report = decode(checkpoint, source=str(path), target=str(target))
            found = {"kind": "audio", "samples": report["samples"], "notes": report["notes"]}
            with WavReader(target) as reader:
                assert reader.samples == report["samples"] > 0
                for start in range(0, reader.samples, 4_096):
                    assert np.isfinite(reader.read(start, 4_096)).all()
    except AudioOpenError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        if len(lines) != 3 or path.name not in error.what:
            raise RuntimeError(f"not in three plain lines: {lines}") from error
        found = {"kind": "error", "why": error.why}
    finally:
        target.unlink(missing_ok=True)
    leftovers = [other.name for other in Path().iterdir() if atomic.is_temporary(other)]
    assert not leftovers
    found["seconds"] = time.monotonic() - started
    found["peak_bytes"] = peak_bytes()
    return found


def mov_case(case: list) -> list:
    """Decode a valid MOV of so many channels in a layout of Core Audio; return its first samples.

    They are sorted, for the order of channels is another matter.
    """
    channels, layout = case
    Path("song.mov").write_bytes(seeds.mov(channels, layout))
    report = decode(no_checkpoint, source="song.mov", target="media.wav")
    with WavReader(Path("media.wav")) as reader:
        samples = np.sort(np.round(reader.read(0, report["samples"]) * 2**15), axis=0)
    return [report["samples"], report["notes"], samples[:, 0].tolist()]


def careless_mutant_case(case: list) -> dict:
    """R15's control: soundfile.read, and whatever it raises."""
    name, number, _ = case
    path = Path(f"mutant.{name}")
    path.write_bytes(mutant(name, number))
    return {"kind": "audio", "samples": len(soundfile.read(path)[0])}


def careless_corpus_case(name: str) -> dict:
    """R16's control: read as many samples as the header claims, into memory for so many."""
    path = CORPUS[name].make(Path(name))
    with soundfile.SoundFile(path) as sound:
        room = np.empty((sound.frames, sound.channels), dtype=np.float32)
        got = sound.buffer_read_into(room, "float32")
        assert got == sound.frames
        assert np.isfinite(room).all()
    return {"kind": "audio", "samples": got}


def misbehave(how: str) -> str:
    """Do to the child what a broken decoder might, so that the harness is seen to notice."""
    if how.startswith("SIG"):
        os.kill(os.getpid(), signal.Signals[how])
    elif how == "hang":
        time.sleep(60)
    elif how == "memory":
        bytearray(2**32)
    elif how == "exit":
        os._exit(3)
    elif how == "raise":
        raise RuntimeError("untyped")
    return "fine"
