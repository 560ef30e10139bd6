"""Stems as files: exports that a person asks for, and files to carry out of the window."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drumstudio import paths
from drumstudio.application import song_work
from drumstudio.core.names import fill_template
from drumstudio.core.song import Song
from drumstudio.files.formats import FORMATS
from drumstudio.jobs.job import Checkpoint

if TYPE_CHECKING:
    from drumstudio.application.studio import Studio

STEM_NAMES = {"mixture": "original", "drums": "drums", "rest": "rest"}


class StemFiles:
    """Writes stems of the studio's songs.

    Parameters
    ----------
    studio : Studio
        Whose project and queue.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def output_paths(
        self, song: Song, stems: Sequence[str], folder: Path, template: str, file_format: str
    ) -> list[tuple[str, Path]]:
        """Return each stem with the file it would be exported to.

        Raises
        ------
        SettingError
            If the template has an unknown field.
        """
        suffix = FORMATS[file_format].suffix
        model = song.separation.model_id if song.separation else ""
        return [
            (
                stem,
                folder
                / (
                    fill_template(template, song=song.name, stem=STEM_NAMES[stem], model=model)
                    + suffix
                ),
            )
            for stem in stems
        ]

    def export(
        self,
        song: Song,
        outputs: Sequence[tuple[str, Path]],
        *,
        file_format: str,
        sample_rate: int | None,
        overwrite: bool,
        report: bool = True,
    ) -> None:
        """Put an export at the end of the queue; `exported` tells what was written."""
        mixture, drums = self._studio.files(song)

        def work(checkpoint: Checkpoint) -> None:
            written = song_work.export(
                mixture,
                drums,
                outputs,
                self._studio.workshop.pool,
                checkpoint,
                file_format=file_format,
                sample_rate=sample_rate,
                overwrite=overwrite,
            )
            if report:
                self._studio.exported(written)

        self._studio.queue.add(f"Export {song.name}", work)

    def stem_file(self, song: Song, stem: str) -> Path | None:
        """Return a stem as a WAV file with a good name; None if it is being made now.

        Made in the cache, once for each content; drums and original are second names of what
        the project holds, the rest has to be written.

        Raises
        ------
        DrumStudioError
            If the song's sound is missing.
        """
        mixture, drums = self._studio.files(song)
        content = f"{song.mixture.sha256[:16]}-{drums.stem[:16] if drums else ''}"
        folder = paths.user_cache_folder() / "stems" / content
        ((_, target),) = self.output_paths(song, [stem], folder, "{song}_{stem}", "wav-float")
        if target.exists():
            return target
        source = {"mixture": mixture, "drums": drums}.get(stem)
        if source is not None:
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                os.link(source, target)
                return target
        self._studio.noticed(f"Writing {target.name}; it is ready in a moment")
        self.export(
            song,
            [(stem, target)],
            file_format="wav-float",
            sample_rate=None,
            overwrite=True,
            report=False,
        )
        return None
