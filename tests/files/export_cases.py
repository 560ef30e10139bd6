"""What the harnesses of exports run in a child process, one case a call."""

from __future__ import annotations

import resource
import signal
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile

from drumstudio import atomic
from drumstudio.core.errors import DrumStudioError
from drumstudio.core.speakers import IMPLIED
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.encode import encode
from drumstudio.files.formats import FORMATS
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from tests.files.in_child import peak_bytes
from tests.files.seeds import song

BLOCK = 65_536


def _media(path, rate, channels, samples):
    """Write a song whose first block is sound and whose rest is silence; return its path."""
    if not path.exists():
        with WavWriter(path, rate, channels, IMPLIED.get(channels, 0)) as writer:
            writer.write(song(min(samples, BLOCK), channels))
            for start in range(BLOCK, samples, BLOCK):
                writer.write(np.zeros((channels, min(BLOCK, samples - start)), np.float32))
    return str(path)


def _no_waiting():
    # Whether data survive a power cut is another harness's matter; here it would only cost time.
    atomic.sync = lambda descriptor: None
    atomic.sync_folder = lambda folder: None


def _export(folder, form, media, drums=None):
    stems = ("mixture",) if drums is None else ("drums", "rest")
    outputs = [{"stem": s, "path": str(folder / f"x_{s}{FORMATS[form].suffix}")} for s in stems]
    return encode(
        no_checkpoint,
        mixture=media,
        stems=None if drums is None else SplitFiles.of_drums(Path(drums)).to_plain(),
        outputs=outputs,
        format=form,
        overwrite=True,
    )


def encode_case(case):
    """R11: export a song of some rate, channels and length; say what came of it."""
    _no_waiting()
    form, rate, channels, samples = case
    media = Path(f"media_{rate}_{channels}_{samples}.wav")
    try:
        report = _export(Path(), form, _media(media, rate, channels, samples))
    except DrumStudioError as error:
        return error.to_dict()
    finally:
        media.unlink(missing_ok=True)
    (file,) = report["files"]
    info = soundfile.info(file["path"])
    Path(file["path"]).unlink()
    return {"kind": "file", "frames": file["frames"], "read_back": info.frames}


def careless_encode_case(case):
    """R11's control: hand everything to libsndfile at once, as soundfile.write does."""
    form, rate, channels, samples = case
    target = FORMATS[form]
    data = np.zeros((samples, channels), np.float32)
    soundfile.write("careless.bin", data, rate, subtype=target.coding, format=target.container)
    return {"kind": "file", "frames": samples, "read_back": samples}


def _limited(size, work):
    """Run `work` on a disk on which no file may become longer than `size` bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        return work()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def full_disk_case(case):
    """R9: export to a disk that is full after a share of the file; say what is left."""
    _no_waiting()
    form, share = case
    samples = 60_000
    mixture = _media(Path("mixture.wav"), 44_100, 2, samples)
    drums = _media(Path("drums.wav"), 44_100, 2, samples)
    folder = Path("full")
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    whole = max(file["bytes"] for file in _export(folder, form, mixture, drums)["files"])
    for path in folder.iterdir():
        path.unlink()
    error = None
    try:
        _limited(int(share * whole), lambda: _export(folder.absolute(), form, mixture, drums))
    except DrumStudioError as raised:
        error = raised.to_dict()
    return {"error": error, "left": [path.name for path in folder.iterdir()]}


def careless_full_disk_case(case):
    """R9's control: soundfile.write to the final name; say whether its stump reads as a song."""
    form, share = case
    target = FORMATS[form]
    data = song(60_000).T
    arguments = {"subtype": target.coding, "format": target.container}
    soundfile.write("careless.bin", data, 44_100, **arguments)
    whole = Path("careless.bin").stat().st_size
    Path("careless.bin").unlink()
    with suppress(soundfile.SoundFileError, AssertionError, OSError):
        _limited(
            int(share * whole), lambda: soundfile.write("careless.bin", data, 44_100, **arguments)
        )
    read = 0
    with suppress(soundfile.SoundFileError, OSError):
        read = len(soundfile.read("careless.bin")[0])
    return {"read": read, "of": len(data)}


def peak_memory_case(case):
    """Export a silent song of many seconds; return the process's peak memory, in bytes."""
    _no_waiting()
    seconds, read_whole = case
    samples = seconds * 44_100
    for name in ("m.wav", "d.wav"):
        _media(Path(name), 44_100, 2, samples)
    if read_whole:
        soundfile.read("m.wav")
    else:
        assert _export(Path(), "wav24", "m.wav", "d.wav")["files"][0]["frames"] == samples
    return peak_bytes()
