"""The model card of a trained network: what it is, what it learnt from, how well it does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from drumstudio import atomic
from drumstudio.catalog.model_card import (
    RANKING_METRIC,
    RANKING_PROTOCOL,
    ModelCard,
    Score,
    Speed,
    Training,
    read_card,
)
from drumstudio.training.data import Source
from drumstudio.training.recipes import Recipe

WEIGHTS_NAME = "weights.safetensors"
_CREDITS_NAME = "LICENSES.md"


def write_card(
    folder: Path,
    recipe: Recipe,
    weights: bytes,
    trained_on: Iterable[Training],
    *,
    scores: Iterable[Score] = (),
    speed: Iterable[Speed] = (),
    licence: str = "MIT",
) -> ModelCard:
    """Write weights and card of a trained model into a folder named as the model, and read it back.

    Parameters
    ----------
    folder : Path
        Its name is the model's id; made if need be.
    recipe : Recipe
    weights : bytes
        A safetensors file.
    trained_on : iterable of Training
    scores : iterable of Score
    speed : iterable of Speed
    licence : str
        Of the weights.

    Raises
    ------
    DrumStudioError
        If the folder can not be written.
    """
    network = recipe.network
    lines = [
        _entry("id", folder.name),
        _entry("name", recipe.name),
        'kind = "separator"',
        _entry("engine", recipe.engine),
        _entry("description", recipe.description),
        'stems = ["drums", "rest"]',
        f"sample_rate = {int(network['sample_rate'])}",
        "channels = 2",
        f"n_fft = {int(network['n_fft'])}",
        f"hop_length = {int(network['hop_length'])}",
        _entry("weights", WEIGHTS_NAME),
        _entry("sha256", hashlib.sha256(weights).hexdigest()),
        f"bytes = {len(weights)}",
        _entry("licence", licence),
        "",
        "[network]",
        *(_entry(key, value) for key, value in network.items()),
    ]
    # Doubt goes to the rest above 0, to the drums below.
    lines += _table(
        "parameters",
        name="isolation",
        type="float",
        minimum=-1.0,
        maximum=2.0,
        default=0.0,
        label="Isolation (above 0: less of the rest, quieter drums)",
    )
    lines += _table(
        "parameters",
        name="level",
        type="float",
        minimum=-12.0,
        maximum=6.0,
        default=recipe.level_db,
        label="Level the network hears, dB (lower: a doubtful bass stays in the rest)",
    )
    for source in trained_on:
        lines += _table(
            "trained_on", name=source.name, licence=source.licence, credit=source.credit
        )
    for score in scores:
        lines += _table(
            "scores",
            metric=score.metric,
            value=round(score.value, 3),
            data=score.data,
            protocol=score.protocol,
        )
    for figure in speed:
        lines += _table(
            "speed",
            real_time_factor=round(figure.real_time_factor, 4),
            device=figure.device,
            measured=figure.measured,
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise atomic.explain_os_error(error, f"Cannot write the model {folder.name}", folder) from (
            error
        )
    atomic.write_bytes(folder / WEIGHTS_NAME, weights)
    atomic.write_text(folder / "model.toml", "\n".join(lines) + "\n")
    return read_card(folder)


def credits_of(folders: Iterable[Path], sources: Iterable[Source]) -> list[Training]:
    """Return whom to credit: a pack's attribution lines, else one entry for each origin.

    Parameters
    ----------
    folders : iterable of Path
        Where the sources were found; a `LICENSES.md` with a section of attribution lines counts.
    sources : iterable of Source
    """
    entries = [entry for folder in folders for entry in _attribution_lines(folder)]
    by_origin: dict[str, set[str]] = {}
    for source in sources:
        by_origin.setdefault(source.origin, set()).add(source.licence or "not stated")
    named = " ".join(entry.credit for entry in entries).lower()
    for origin, licences in sorted(by_origin.items()):
        if not entries or origin.replace("_", " ").lower() not in named:
            entries.append(Training(origin, "; ".join(sorted(licences)), ""))
    return entries


def ranking_scores(result: dict[str, object], model: str, data: str) -> list[Score]:
    """Return the scores of a model for its card, from what `evaluate` returned."""
    mean, median = result["mean"], result["median"]
    assert isinstance(mean, dict)
    assert isinstance(median, dict)
    return [
        Score(RANKING_METRIC, mean[model]["sdr"], data, RANKING_PROTOCOL),
        Score("sdr_median", median[model]["sdr"], data, RANKING_PROTOCOL),
    ]


def _attribution_lines(folder: Path) -> list[Training]:
    path = folder / _CREDITS_NAME
    if not path.is_file():
        return []
    _, _, section = path.read_text(encoding="utf8").partition("## Attribution lines")
    section = section.partition("\n## ")[0]
    entries = []
    for item in section.split("\n- ")[1:]:
        line = " ".join(item.split())
        parts = line.split(" - ")
        licence = parts[1] if len(parts) > 1 else "see credit"
        entries.append(Training(parts[0][:120], licence[:120], line))
    return entries


def _entry(key: str, value: object) -> str:
    # JSON's strings, numbers, lists and booleans are TOML's too.
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def _table(kind: str, **entries: object) -> list[str]:
    return ["", f"[[{kind}]]", *(_entry(key, value) for key, value in entries.items())]
