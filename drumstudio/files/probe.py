"""What a foreign file is: looked at before it is opened, and its facts without its samples."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from drumstudio.core.errors import AudioOpenError
from drumstudio.files.av_decoder import AvDecoder
from drumstudio.files.decoders import (
    HIGHEST_RATE,
    Decoder,
    ImpossibleRateError,
    SoundfileDecoder,
)
from drumstudio.files.foreign_file import (
    DecoderError,
    DecoderMissingError,
    NoSoundError,
    SourceFaultError,
)
from drumstudio.jobs.job import Checkpoint

DECODERS: tuple[type[SoundfileDecoder] | type[AvDecoder], ...] = (SoundfileDecoder, AvDecoder)
"""In the order in which they are tried."""

# First bytes of what only FFmpeg reads: EBML (Matroska), ASF, AAC in ADTS, WavPack, APE.
_AV_MAGIC = (b"\x1aE\xdf\xa3", b"0&\xb2u", b"\xff\xf1", b"\xff\xf9", b"wvpk", b"MAC ")


def shown_name(path: Path) -> str:
    """Return a file's name as it can be shown: what is not Unicode becomes "?"."""
    return path.name.encode(errors="replace").decode() or str(path)


def open_song(path: Path) -> BinaryIO:
    """Open a file that a person named; return it open for reading, unbuffered.

    Parameters
    ----------
    path : Path
        Links are followed.

    Raises
    ------
    AudioOpenError
        If there is no such file, it may not be read, or it is not a file but a folder, a
        pipe, a device or a link to nothing. A pipe nobody writes to does not block.
    """
    what = f"Cannot open {shown_name(path)}"
    try:
        # O_NONBLOCK: opening a pipe would wait for its other end, for ever.
        descriptor = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except FileNotFoundError as error:
        if path.is_symlink():
            raise AudioOpenError(
                what,
                why=f"it is a link to {os.readlink(path)}, which is not there.",
                fix="Bring that file back, or open the song itself.",
            ) from error
        raise AudioOpenError(
            what, why="there is no such file.", fix="Check its name and folder."
        ) from error
    except PermissionError as error:
        if path.is_dir():
            raise _not_a_file(what, "a folder") from error
        raise AudioOpenError(
            what,
            why="you have no permission to read it.",
            fix="Change its permissions, or copy it to a folder of your own.",
        ) from error
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise AudioOpenError(
            what, why=f'the system says "{said}".', fix="Copy or rename the file and try again."
        ) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device"
        raise _not_a_file(what, kind)
    return os.fdopen(descriptor, "rb", buffering=0)


def _not_a_file(what: str, kind: str) -> AudioOpenError:
    return AudioOpenError(what, why=f"it is {kind}, not a file.", fix="Choose a sound file.")


def probe(checkpoint: Checkpoint, *, source: str) -> dict[str, Any]:
    """Return quick facts about a foreign sound file, without decoding it.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where the job reports.
    source : str
        The file's path.

    Returns
    -------
    dict
        sample_rate (hertz), channels, samples (per channel, as the file claims; None if it
        does not), seconds (likewise), format, subtype, bytes.

    Raises
    ------
    AudioOpenError
        If it can not be opened as sound.
    """
    path = Path(source)
    checkpoint(0.0, f"Looking at {shown_name(path)}")
    with open_song(path) as file:
        refusals: list[DecoderError] = []
        for kind in DECODERS:
            try:
                decoder: Decoder = kind(file)
            except DecoderError as error:
                refusals.append(error)
                continue
            except SourceFaultError as error:
                raise explain_fault(path, error) from error
            samples = decoder.claimed_samples
            facts = {
                "sample_rate": decoder.sample_rate,
                "channels": decoder.channels,
                "samples": samples,
                "seconds": None if samples is None else samples / decoder.sample_rate,
                "format": decoder.format,
                "subtype": decoder.subtype,
                "bytes": os.fstat(file.fileno()).st_size,
            }
            decoder.close()
            checkpoint(1.0, f"Looked at {shown_name(path)}")
            return facts
        raise explain_refusal(path, file, refusals)


def explain_fault(path: Path, error: SourceFaultError) -> AudioOpenError:
    """Return what to tell a person when the disk fails under a file that is being read."""
    return AudioOpenError(
        f"Cannot read {shown_name(path)}",
        why=f'its disk reports "{error.fault.strerror or error.fault}".',
        fix="Check the disk and its cable, or copy the file to another disk.",
    )


def explain_refusal(path: Path, file: BinaryIO, refusals: list[DecoderError]) -> AudioOpenError:
    """Return what to tell a person when no decoder takes a file.

    Parameters
    ----------
    path : Path
        Its path, for the message.
    file : BinaryIO
        The open file.
    refusals : list of DecoderError
        What the decoders said.
    """
    what = f"Cannot open {shown_name(path)}"
    try:
        file.seek(0)
        head = file.read(4_096)
    except OSError as error:
        return explain_fault(path, SourceFaultError(error))
    if not head:
        return AudioOpenError(what, why="it is empty (0 bytes).", fix="Find a whole copy of it.")
    if any(isinstance(error, ImpossibleRateError) for error in refusals):
        return AudioOpenError(
            what,
            why=f"its sample rate is not between 1 and {HIGHEST_RATE} Hz, so it is damaged.",
            fix="Find another copy of it.",
        )
    missing = any(isinstance(error, DecoderMissingError) for error in refusals)
    if missing and (head[4:8] == b"ftyp" or head.startswith(_AV_MAGIC)):
        return AudioOpenError(
            what,
            why="reading this kind of file needs the package av, which is not installed.",
            fix='Run "pip install av", or convert the file to FLAC or WAV.',
        )
    if any(isinstance(error, NoSoundError) for error in refusals):
        return AudioOpenError(
            what, why="there is no sound in it, only pictures.", fix="Choose a file with sound."
        )
    if _is_text(head):
        return AudioOpenError(what, why="it holds text, not sound.", fix="Choose a sound file.")
    return AudioOpenError(
        what,
        why="it is damaged, or not a kind of sound file that DrumStudio knows.",
        fix="Find another copy of it, or convert it to FLAC or WAV with another program.",
    )


def _is_text(head: bytes) -> bool:
    # The last character may be cut in two: three bytes less are looked at.
    try:
        text = head[: max(1, len(head) - 3)].decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t\f" for character in text)
