"""A song's stems to files: one a stem, or all in one stem file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drumstudio.core.names import fill_for_stems
from drumstudio.core.stems import looks
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.formats import ALL_FORMATS, STEM_FORMATS
from drumstudio.jobs.job import Checkpoint
from drumstudio.workers.pool import WorkerPool

STEMS = "stems"
"""Under which name the one stem file stands among the outputs."""

_COLOURS = {
    **{"drums": "#FF9F6B", "rest": "#5BB8FF", "kick": "#FF6B6B", "snare": "#FFD166"},
    **{"toms": "#C792EA", "hat": "#7BDFF2", "cymbal": "#B8F2A6"},
}


def write_stems(
    mixture: Path,
    stems: SplitFiles | None,
    outputs: Mapping[str, Path],
    pool: WorkerPool,
    checkpoint: Checkpoint,
    *,
    file_format: str,
    sample_rate: int | None = None,
    overwrite: bool = False,
    samples: tuple[int, int | None] = (0, None),
    source: Path | None = None,
    title: str = "",
) -> dict[str, Any]:
    """Write stems in any format; return the report of `files.encode`.

    Parameters
    ----------
    mixture : Path
        Media file.
    stems : SplitFiles or None
        Its stems; a stem file needs them.
    outputs : mapping of str to Path
        A path for each stem; of a stem file one path, under `STEMS`.
    file_format : str
        A name in `files.formats.ALL_FORMATS`.
    sample_rate : int or None
        Hertz; None for the song's own. A stem file has its own rules.
    overwrite : bool
        Whether files that are there are replaced.
    samples : tuple of int
        The range; None as its end is the song's.
    source : Path, optional
        The file that the song came from; it is never replaced, and a stem file gets its tags.
    title : str
        What the song is called.

    Raises
    ------
    DrumStudioError
        If anything fails; then nothing half-written is left.
    Cancelled
        If the person asked to stop.
    """
    common: dict[str, Any] = {
        "mixture": os.fspath(mixture),
        "stems": stems.to_plain() if stems is not None else None,
        "format": file_format,
        "overwrite": overwrite,
        "start": samples[0],
        "stop": samples[1],
    }
    if file_format in STEM_FORMATS:
        assert stems is not None
        shown = {name: looks(name) for name in stems.names}
        return pool.run(
            "write_stem_mp4",
            checkpoint,
            **common,
            path=os.fspath(outputs[STEMS]),
            looks={name: (known.label, _COLOURS[known.colour]) for name, known in shown.items()},
            source=os.fspath(source) if source is not None else None,
            title=title,
        )
    return pool.run(
        "encode",
        checkpoint,
        **common,
        outputs=[{"stem": stem, "path": os.fspath(path)} for stem, path in outputs.items()],
        sample_rate=sample_rate,
        inputs=[os.fspath(source)] if source is not None else [],
    )


def file_names(
    template: str, stems: Mapping[str, str], file_format: str, *, song: str, model: str
) -> dict[str, str]:
    """Return the name, with its ending, of each file that is written.

    Raises
    ------
    SettingError
        If the template has an unknown field or gives two stems one name.
    """
    if file_format in STEM_FORMATS:  # the song's own name: a stem file is the song
        template, stems = template.replace("_{stem}", ""), {STEMS: STEMS}
    suffix = ALL_FORMATS[file_format].suffix
    names = fill_for_stems(template, stems, song=song, model=model)
    return {stem: name + suffix for stem, name in names.items()}
