"""The model card of a trained network: what it is, what it learnt from, how well it does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from drumstudio import atomic
from drumstudio.catalog.model_card import (
    CARD_NAME,
    ModelCard,
    Parameter,
    Score,
    Speed,
    Training,
    read_card,
)
from drumstudio.files.plain_file import read_plain
from drumstudio.training.card_scores import card_line, card_table, score_table
from drumstudio.training.data import Source
from drumstudio.training.recipes import Recipe

WEIGHTS_NAME = "weights.safetensors"
_CREDITS_NAME = "LICENSES.md"
_LONGEST_CREDITS_BYTES = 2_000_000
_MOST_OWN_SONGS = 200


def write_card(
    folder: Path,
    recipe: Recipe,
    weights: bytes,
    trained_on: Iterable[Training],
    *,
    parameters: Iterable[Parameter] = (),
    scores: Iterable[Score] = (),
    speed: Iterable[Speed] = (),
    licence: str = "MIT",
) -> ModelCard:
    """Write weights and card of a trained model into a folder named as the model, and read it back.

    Parameters
    ----------
    folder : Path
        Its name is the model's id; made if need be, in a folder that is there.
    recipe : Recipe
    weights : bytes
        A safetensors file.
    trained_on : iterable of Training
    parameters : iterable of Parameter
        What a person can set; what the recipe's network has if empty.
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
        card_line("id", folder.name),
        card_line("name", recipe.name),
        'kind = "separator"',
        card_line("engine", recipe.engine),
        card_line("description", recipe.description),
        'stems = ["drums", "rest"]',
        f"sample_rate = {int(network['sample_rate'])}",
        "channels = 2",
        f"n_fft = {int(network['n_fft'])}",
        f"hop_length = {int(network['hop_length'])}",
        card_line("weights", WEIGHTS_NAME),
        card_line("sha256", hashlib.sha256(weights).hexdigest()),
        f"bytes = {len(weights)}",
        card_line("licence", licence),
        "",
        "[network]",
        *(card_line(key, value) for key, value in network.items()),
    ]
    for parameter in tuple(parameters) or _settings(recipe):
        lines += card_table("parameters", **_described(parameter))
    for source in trained_on:
        lines += card_table(
            "trained_on", name=source.name, licence=source.licence, credit=source.credit
        )
    for score in scores:
        lines += score_table(score)
    for figure in speed:
        lines += card_table(
            "speed",
            real_time_factor=round(figure.real_time_factor, 4),
            device=figure.device,
            measured=figure.measured,
        )
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise atomic.explain_os_error(error, f"Cannot write the model {folder.name}", folder) from (
            error
        )
    atomic.write_bytes(folder / WEIGHTS_NAME, weights)
    atomic.write_text(folder / CARD_NAME, "\n".join(lines) + "\n")
    return read_card(folder)


def _settings(recipe: Recipe) -> list[Parameter]:
    """Return what a person can set of a recipe's network."""
    # Doubt goes to the rest above 0, to the drums below.
    settings = [
        Parameter(
            name="isolation",
            type="float",
            default=0.0,
            label="Isolation (above 0: less of the rest, quieter drums)",
            minimum=-1.0,
            maximum=2.0,
        ),
        Parameter(
            name="level",
            type="float",
            default=recipe.level_db,
            label="Level the network hears, dB (lower: a doubtful bass stays in the rest)",
            minimum=-12.0,
            maximum=6.0,
        ),
    ]
    if recipe.hit_average is not None:
        settings.append(
            Parameter(
                name="hit_average",
                type="float",
                default=recipe.hit_average,
                label="Hit average (how far low hits are drawn to the song's average; 0: not)",
                minimum=0.0,
                maximum=1.0,
            )
        )
    return settings


def _described(parameter: Parameter) -> dict[str, object]:
    """Return what a card's table says of a parameter."""
    entries = {key: value for key, value in asdict(parameter).items() if key != "choices"}
    if parameter.type not in ("float", "int"):
        del entries["minimum"], entries["maximum"]
    if parameter.choices:
        entries["choices"] = list(parameter.choices)
    return entries


def credits_of(
    folders: Iterable[Path], sources: Iterable[Source], start: ModelCard | None = None
) -> list[Training]:
    """Return whom to credit: a pack's attribution lines, else one entry for each origin.

    A song of the user, of which no licence is known, is an entry of its own, unless there are
    very many.

    Parameters
    ----------
    folders : iterable of Path
        Where the sources were found; a `LICENSES.md` with a section of attribution lines counts.
    sources : iterable of Source
    start : ModelCard, optional
        Of the model whose weights were the start: it and what it learnt from come last.
    """
    entries = [entry for folder in folders for entry in _attribution_lines(folder)]
    by_origin: dict[str, set[str]] = {}
    for source in sources:
        name = source.origin if source.licence else source.song or source.origin
        by_origin.setdefault(name, set()).add(source.licence or "not stated")
    named = " ".join(entry.credit for entry in entries).lower()
    own = [name for name, licences in by_origin.items() if licences == {"not stated"}]
    if len(own) > _MOST_OWN_SONGS:
        for name in own:
            del by_origin[name]
        by_origin[f"{len(own)} songs of the user"] = {"not stated"}
    for origin, licences in sorted(by_origin.items()):
        if not entries or origin.replace("_", " ").lower() not in named:
            entries.append(Training(origin, "; ".join(sorted(licences)), ""))
    if start is not None:
        began = f"{start.id}, the model that this training began with"
        entries += [Training(start.name, start.licence, began), *start.trained_on]
    return list(dict.fromkeys(entries))


def _attribution_lines(folder: Path) -> list[Training]:
    try:
        content = read_plain(folder / _CREDITS_NAME, _LONGEST_CREDITS_BYTES)
    except OSError:
        return []
    _, _, section = content.decode("utf8", "replace").partition("## Attribution lines")
    section = section.partition("\n## ")[0]
    entries = []
    for item in section.split("\n- ")[1:]:
        line = " ".join(item.split())
        parts = line.split(" - ")
        licence = parts[1] if len(parts) > 1 else "see credit"
        entries.append(Training(parts[0][:120], licence[:120], line))
    return entries
