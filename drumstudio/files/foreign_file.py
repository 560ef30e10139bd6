"""A foreign file in the hands of a C library, and how such a library's refusal is told."""

from __future__ import annotations

import io

from drumstudio.files.file_view import Readable


class DecoderError(Exception):
    """A decoder does not take a file, or gives up inside it; `files.decode` says it plainly."""


class DecoderMissingError(DecoderError):
    """The optional package that might have read the file is not installed."""


class NoSoundError(DecoderError):
    """A film or a picture that holds no sound."""


class SourceFaultError(Exception):
    """The disk failed while a decoder was reading; `fault` is the `OSError`."""

    def __init__(self, fault: OSError) -> None:
        super().__init__(str(fault))
        self.fault = fault


class NamelessFile:
    """A file without a name, so that no decoder guesses from one; it keeps its first fault.

    Parameters
    ----------
    file : Readable
        Open for reading; stays open.
    """

    def __init__(self, file: Readable) -> None:
        file.seek(0)
        self._file = file
        self._fault: OSError | None = None

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As a file's; -1 where the system refuses the place."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, OverflowError):
            return -1  # to where a damaged header points: as C's functions say it

    def tell(self) -> int:
        """As a file's."""
        return self._file.tell()

    def read(self, count: int) -> bytes:
        """As a file's; b"" when the disk fails, which `raise_fault` tells."""
        try:
            return self._file.read(count)
        except OSError as error:
            # libsndfile calls this from C, where an exception is lost and reads as the end.
            self._fault = self._fault or error
            return b""

    def raise_fault(self) -> None:
        """Raise `SourceFaultError` if the disk has failed."""
        if self._fault is not None:
            raise SourceFaultError(self._fault)
