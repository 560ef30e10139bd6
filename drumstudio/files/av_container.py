"""The one way to open a file with FFmpeg: for songs, training folders and training data."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drumstudio.files.foreign_file import DecoderError, DecoderMissingError, NamelessFile

# What FFmpeg may open. Left out: playlists and scripts (hls, concat, sdp, ...), which would
# make it open other files and addresses that the file names.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mp3,mpeg,mpegts,ogg,tak,tta,w64,wav,wv"
)
_MOST_PLANES = 8
_TAGS_ALWAYS_DECODED = 19  # the first PyAV that takes any bytes in a tag without being told


def open_container(file: NamelessFile) -> Any:
    """Return a file opened by PyAV, an `av.container.InputContainer`; to be closed.

    Parameters
    ----------
    file : NamelessFile
        Stays open.

    Raises
    ------
    DecoderMissingError
        If the optional package `av` is not installed.
    DecoderError
        If FFmpeg does not take the file.

    Notes
    -----
    What PyAV says of its arguments (`TypeError`, a plain `ValueError`) is a fault of ours and
    goes through: read as damage, a new version of PyAV made every file a damaged one.
    """
    try:
        import av  # an optional package, and 0.1 s that most songs do not need
    except ImportError as error:
        raise DecoderMissingError(str(error)) from error
    # Not `options`: PyAV gives those to as many streams as there are before the file was looked
    # into, and reads beyond them in files whose header names none (MPEG).
    limits = {"format_whitelist": _FORMATS, "protocol_whitelist": ""}
    how: dict[str, Any] = {"container_options": limits}
    if int(av.__version__.split(".")[0]) < _TAGS_ALWAYS_DECODED:
        how["metadata_errors"] = "replace"
    failures: tuple[type[Exception], ...] = (UnicodeError, *av_failures())
    try:
        return av.open(file, **how)
    except failures as error:
        raise DecoderError(str(error) or type(error).__name__) from error


def av_failures() -> tuple[type[Exception], ...]:
    """Return what PyAV raises when a file is damaged, whatever it was asked to do with it.

    Notes
    -----
    Seen from damaged files beside FFmpeg's own errors: IndexError, EOFError and MemoryError
    (PyAV issues 692, 2344).
    """
    import av

    return (
        av.FFmpegError,
        *(ArithmeticError, AssertionError, EOFError, LookupError, MemoryError, OSError),
        *(NotImplementedError, RuntimeError),
    )


def channel_names(layout: Any) -> tuple[str, ...]:
    """Return FFmpeg's short names of a layout's channels, in their order: ("FL", "FR").

    Parameters
    ----------
    layout : av.AudioLayout
        Of a stream or a frame.

    Notes
    -----
    A layout in an order of its own (MOV with side before back) points to memory that PyAV frees
    a second time when it lets the layout go, which ends the process (seen with 18.1): such a one
    is never let go.
    """
    if "(" in layout.name and "+" in layout.name:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    return tuple(channel.name for channel in layout.channels)


def plain_values(frame: Any, channels: int) -> NDArray[Any]:
    """Return a frame's samples in FFmpeg's numbers, shape (channels, samples).

    Notes
    -----
    PyAV reads beyond a frame of eight planes and more (seen with 18.1), and knows no array for
    whole numbers of 64 bits: FFmpeg lays such frames out anew.
    """
    kind = str(frame.format.name)
    anew = "dbl" if kind in ("s64", "s64p") else kind.removesuffix("p")
    if anew == "dbl" != kind or (frame.format.is_planar and channels >= _MOST_PLANES):
        import av

        resampler = av.AudioResampler(format=anew)
        frames = [*resampler.resample(frame), *resampler.resample(None)]
        return np.concatenate([plain_values(part, channels) for part in frames], axis=1)
    values = np.asarray(frame.to_ndarray())
    return values if frame.format.is_planar else values.reshape(-1, channels).T
