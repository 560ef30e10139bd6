"""Which excerpts steer the work on models, and which check it; and the record of the checks."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drumstudio import atomic, paths
from drumstudio.catalog.model_card import ModelCard
from drumstudio.core.errors import AudioOpenError, SettingError

STEER, CHECK = "steer", "check"
SET_NAMES = (STEER, CHECK)
_FILE = Path(__file__).with_suffix(".toml")
_LOG_NAME = "check-runs.jsonl"


def songs_of(set_name: str) -> dict[str, list[str]]:
    """Return the songs of a set and the folders of their excerpts, inside an audio pack.

    Parameters
    ----------
    set_name : str
        One of `SET_NAMES`.
    """
    table = tomllib.loads(_FILE.read_text(encoding="utf8"))
    return {song: list(folders) for song, folders in table[set_name].items()}


def excerpt_folders(pack: Path, set_name: str) -> list[Path]:
    """Return the folders of a set's excerpts.

    Raises
    ------
    AudioOpenError
        If the pack lacks one: a mean over fewer songs would be another figure.
    """
    folders = [pack / place for places in songs_of(set_name).values() for place in places]
    missing = [folder.name for folder in folders if not folder.is_dir()]
    if missing:
        raise AudioOpenError(
            f"Cannot evaluate on the set {set_name}",
            why=f"{pack} does not hold {', '.join(missing)}.",
            fix="Give the folder of the audio pack, which holds eval and eval_more.",
        )
    return folders


def check_log() -> Path:
    """Return where runs on the set `check` are written down, beside the models that ship."""
    return paths.shipped_folder("models") / _LOG_NAME


def require_a_reason(set_name: str | None, reason: str | None) -> None:
    """Refuse a run on the set `check` that nobody gave a reason for.

    Raises
    ------
    SettingError
    """
    if set_name == CHECK and not (reason or "").strip():
        raise SettingError(
            "Cannot evaluate on the set check",
            why="its runs are few and written down, each with what it is for.",
            fix='Say it, --why "the new flagship, once"; to choose something use --set steer.',
        )


def write_down(result: dict[str, Any], cards: list[ModelCard], reason: str, log: Path) -> None:
    """Add a run to the record of the checks, one JSON line.

    Parameters
    ----------
    result : dict
        What `evaluate` returned.
    cards : list of ModelCard
        What was scored.
    reason : str
    log : Path
        Made if need be.

    Raises
    ------
    DrumStudioError
        If it can not be written.
    """
    entry = {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "why": reason.strip(),
        "models": {
            card.id: {
                "weights": card.sha256[:16],
                "mean": round(float(result["mean"][card.id]["sdr"]), 3),
                "songs": {
                    song: round(float(rows[card.id]["sdr"]), 2)
                    for song, rows in result["songs"].items()
                },
            }
            for card in cards
        },
    }
    try:
        with log.open("a", encoding="utf8") as lines:
            lines.write(json.dumps(entry) + "\n")
    except OSError as error:
        raise atomic.explain_os_error(error, "Cannot write down the check", log) from error
