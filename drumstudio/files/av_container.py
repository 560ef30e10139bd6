"""The one way to open a file with FFmpeg: for songs, training folders and training data."""

from __future__ import annotations

from typing import Any

from drumstudio.files.foreign_file import DecoderError, DecoderMissingError, NamelessFile

# What FFmpeg may open. Left out: playlists and scripts (hls, concat, sdp, ...), which would
# make it open other files and addresses that the file names.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mp3,mpeg,mpegts,ogg,tak,tta,w64,wav,wv"
)
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
    how: dict[str, Any] = {"options": {"format_whitelist": _FORMATS, "protocol_whitelist": ""}}
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
