"""Files that were joined end to end, decoded part by part into one sound.

As `files.decoders`, which says what all decoders keep to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from drumstudio.core.audio import Samples
from drumstudio.files.conform import Conformer, WiderError
from drumstudio.files.decoders import Decoder, block_frames
from drumstudio.files.file_view import FileView, Readable
from drumstudio.files.foreign_file import DecoderError


class JoinedDecoder:
    """Decode the parts of a file one after the other.

    Parameters
    ----------
    file : Readable
        Open for reading; stays open.
    parts : sequence of (int, int)
        Where they lie, in bytes (`files.joined_parts`).
    opened : callable
        Opens a part by the first decoder that takes it.
    wider : WiderError, optional
        What an earlier try has found: how many channels are handed out.

    Raises
    ------
    DecoderError
        If the first part is no sound.
    SourceFaultError
        If the disk fails.
    """

    def __init__(
        self,
        file: Readable,
        parts: Sequence[tuple[int, int]],
        opened: Callable[[Readable], Decoder],
        *,
        wider: WiderError | None = None,
    ) -> None:
        self._views = [FileView(file, start, stop) for start, stop in parts]
        self._opened = opened
        self._current = opened(self._views[0])
        first = self._current
        self.sample_rate = first.sample_rate
        self.channels, self.speakers = first.channels, first.speakers
        if wider is not None and wider.channels > self.channels:
            self.channels, self.speakers = wider.channels, wider.speakers
        self.format, self.subtype = first.format, first.subtype
        self.claimed_samples: int | None = None  # the first part's says nothing of the others
        self.promised_ratio = 1.0
        self._conformer = Conformer(self.sample_rate, self.channels, self.speakers)
        self._damage = ""

    def blocks(self) -> Iterator[Samples]:
        """As `Decoder.blocks`; `WiderError` if a later part has more channels."""
        longest = block_frames(self.channels)
        for number, view in enumerate(self._views):
            if number:
                self._current.close()
                try:
                    self._current = self._opened(view)
                except DecoderError as error:
                    self._damage = str(error) or "a part is no sound"
                    continue
            part = self._current
            try:
                for block in part.blocks():
                    fitted = self._conformer.push(block, part.sample_rate, part.speakers)
                    for start in range(0, fitted.shape[1], longest):
                        yield np.ascontiguousarray(fitted[:, start : start + longest])
            except WiderError:
                raise
            except DecoderError as error:
                self._damage = str(error)
            self.promised_ratio = part.promised_ratio  # in the end the last part's
        rest = self._conformer.finish()
        if rest.shape[1]:
            yield rest
        if self._damage:
            raise DecoderError(self._damage)

    @property
    def changes(self) -> list[tuple[int, int, int]]:
        """As `Decoder.changes`."""
        return self._conformer.changes

    def notes(self) -> list[str]:
        """As `Decoder.notes`."""
        return [f"The file is {len(self._views)} files joined end to end; all were read."]

    def unread_bytes(self) -> int:
        """As `Decoder.unread_bytes`."""
        return self._current.unread_bytes()

    def close(self) -> None:
        """As `Decoder.close`."""
        self._current.close()
