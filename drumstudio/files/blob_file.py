"""Small binary files of a project: strokes, by the hash of their content.

Every file starts with a header of fixed length: magic, version, kind of content, length of
the content, and its SHA-256. What the content means is known to whoever defines a kind.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from drumstudio import atomic
from drumstudio.core.errors import ProjectError
from drumstudio.core.separation import Blob
from drumstudio.files.plain_file import read_plain

LIMIT_BYTES = 16 * 2**20
"""The longest content."""

SUFFIX = ".bin"
_MAGIC = b"DSBF"
_VERSION = 1
_HEADER = struct.Struct("<4sHHQ32s")


def write_blob(folder: Path, kind: int, content: bytes) -> Blob:
    """Keep a content in a folder; return its name. Writing it again does nothing.

    Parameters
    ----------
    folder : Path
        A project's folder of strokes.
    kind : int
        What the content is, in [0, 65535].
    content : bytes
        At most `LIMIT_BYTES`.

    Raises
    ------
    ProjectError, DiskFullError
        If it can not be written.
    ValueError
        If the content is too long.
    """
    if len(content) > LIMIT_BYTES:
        raise ValueError(f"a stroke file may hold {LIMIT_BYTES} bytes, got {len(content)}")
    header = _HEADER.pack(_MAGIC, _VERSION, kind, len(content), hashlib.sha256(content).digest())
    data = header + content
    blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
    path = folder / (blob.sha256 + SUFFIX)
    if not _is_there(path, data):
        atomic.write_bytes(path, data, what="Cannot keep a stroke", kind=ProjectError)
    return blob


def read_blob(folder: Path, blob: Blob, kind: int) -> bytes:
    """Return the content of a blob.

    Parameters
    ----------
    folder : Path
        A project's folder of strokes.
    blob : Blob
        Its name.
    kind : int
        What the content has to be.

    Raises
    ------
    ProjectError
        If it is missing, is not what its name and header say, or is another kind.
    """
    path = folder / (blob.sha256 + SUFFIX)
    try:
        data = read_plain(path, _HEADER.size + LIMIT_BYTES)
    except OSError as error:
        raise atomic.explain_os_error(error, "Cannot read a stroke", path, kind=ProjectError) from (
            error
        )
    whole = len(data) == blob.bytes and hashlib.sha256(data).hexdigest() == blob.sha256
    if not whole or len(data) < _HEADER.size:
        raise _damaged(path, "its content is not what its name says")
    magic, version, stated_kind, length, digest = _HEADER.unpack_from(data)
    content = data[_HEADER.size :]
    if magic != _MAGIC or length != len(content) or digest != hashlib.sha256(content).digest():
        raise _damaged(path, "it is no stroke file")
    if version != _VERSION or stated_kind != kind:
        raise _damaged(path, f"it is of version {version} and kind {stated_kind}")
    return content


def _is_there(path: Path, data: bytes) -> bool:
    try:
        return read_plain(path, len(data)) == data
    except OSError:
        return False


def _damaged(path: Path, reason: str) -> ProjectError:
    return ProjectError(
        "Cannot read a stroke",
        why=f"{path.parent.name}/{path.name} is damaged: {reason}.",
        fix="Copy the file back from another copy of the project, or undo the stroke.",
    )
