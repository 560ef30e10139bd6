"""What was chosen at the last export, which the next one begins with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from drumstudio import atomic, paths
from drumstudio.core.errors import DrumStudioError

_LARGEST_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class ExportChoices:
    """What an export begins with.

    Parameters
    ----------
    source : str
        "stems" or "mix".
    stems : str
        Names of the stems that are ticked, with spaces between them.
    file_format : str
        A name in `files.formats.FORMATS`.
    sample_rate : int
        In hertz; 0 for the song's own.
    folder, template : str
        Where to, and the files' names; empty for those of a first start.
    """

    source: str = "stems"
    stems: str = ""
    file_format: str = "wav24"
    sample_rate: int = 0
    folder: str = ""
    template: str = ""


def _file() -> Path:
    return paths.user_config_folder() / "export.json"


def load_choices() -> ExportChoices:
    """Return what is remembered; what can not be read is as at the first start."""
    try:
        with _file().open("rb") as file:
            plain = json.loads(file.read(_LARGEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return ExportChoices()
    if not isinstance(plain, dict):
        return ExportChoices()
    first = ExportChoices()
    kept = {
        field.name: plain[field.name]
        for field in fields(ExportChoices)
        if type(plain.get(field.name)) is type(getattr(first, field.name))
    }
    return ExportChoices(**kept)


def store_choices(choices: ExportChoices) -> None:
    """Remember it; that it can not be remembered is no error."""
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(_file(), json.dumps(asdict(choices), indent=1))
    except (OSError, DrumStudioError):
        return
