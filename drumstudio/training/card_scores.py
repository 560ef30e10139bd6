"""The scores of a model in its card, and the card's lines; without torch, unlike `cards`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.catalog.model_card import (
    CARD_NAME,
    MAX_TEXT,
    OWN_PROTOCOL,
    RANKING_METRIC,
    RANKING_PROTOCOL,
    Score,
    read_card,
)
from drumstudio.core.names import plain_text
from drumstudio.training.evaluation_sets import CHECK, SET_NAMES, STEER

_DATA = {
    STEER: "real music that chose the training and the defaults; one artist is in the training too",
    CHECK: "real music that chose nothing",
}


def set_scores(result: dict[str, Any], model: str) -> list[Score]:
    """Return the scores of a model for its card, from what `evaluate` returned on a set.

    Those on `steer` rank models; those on `check` stand beside them.
    """
    name, songs = result["set"], len(result["songs"])
    protocol = RANKING_PROTOCOL if name == STEER else f"{RANKING_PROTOCOL}-{name}"
    data = f"{name}: {_DATA[name]} ({songs} songs, one vote each)"
    scores = [Score(RANKING_METRIC, result["mean"][model]["sdr"], data, protocol)]
    if (interval := result["interval"][model]) is not None:
        low, high = interval
        scores += [
            Score("sdr_mean_low", low, f"{name}: 95 % t-interval over songs", protocol),
            Score("sdr_mean_high", high, f"{name}: 95 % t-interval over songs", protocol),
        ]
    return scores


def write_scores(folder: Path, result: dict[str, Any]) -> None:
    """Put a model's scores on a set into its card, in the place of those of an earlier run.

    Scores of no protocol that counts today go.

    Parameters
    ----------
    folder : Path
        The model's own, its card in it.
    result : dict
        What `evaluate` returned on a set.

    Raises
    ------
    DrumStudioError
        If the card can not be read or written.
    """
    card = read_card(folder)
    new = set_scores(result, card.id)
    keep = {RANKING_PROTOCOL, *(f"{RANKING_PROTOCOL}-{name}" for name in SET_NAMES), OWN_PROTOCOL}
    kept = [one for one in card.scores if one.protocol in keep - {new[0].protocol}]
    path = folder / CARD_NAME
    # Text, not values: what a person wrote around the scores stays as it is.
    text = path.read_text(encoding="utf8")
    tables = re.split(r"\n(?=\[)", text.rstrip("\n"))
    others = [table for table in tables if not table.startswith("[[scores]]")]
    place = next((n for n, t in enumerate(others) if t.startswith("[[speed]]")), len(others))
    entries = [
        "\n".join(score_table(one)[1:]) + "\n" for one in sorted((*new, *kept), key=_protocol)
    ]
    atomic.write_text(path, "\n".join([*others[:place], *entries, *others[place:]]).rstrip() + "\n")
    read_card(folder)


def _protocol(score: Score) -> str:
    return score.protocol


def score_table(score: Score) -> list[str]:
    """Return the lines of a card's table for a score, an empty one first."""
    return card_table(
        "scores",
        metric=score.metric,
        value=round(score.value, 3),
        data=score.data,
        protocol=score.protocol,
    )


def card_line(key: str, value: object) -> str:
    """Return a line of a card; a text is made one that cards may hold."""
    # JSON's strings, numbers, lists and booleans are TOML's too.
    if isinstance(value, str):  # names of files and folders may hold what no card may
        value = plain_text(value, MAX_TEXT)
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def card_table(kind: str, **entries: object) -> list[str]:
    """Return the lines of one table of a kind of which there are several, an empty one first."""
    return ["", f"[[{kind}]]", *(card_line(key, value) for key, value in entries.items())]
