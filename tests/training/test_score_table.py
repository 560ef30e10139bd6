from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.model_card import RANKING_PROTOCOL, read_card
from drumstudio.core.errors import DrumStudioError, SettingError
from drumstudio.training.card_scores import write_scores
from drumstudio.training.score_table import as_table, with_table, write_table

SCORES = Path(__file__).parents[2] / "docs" / "scores.md"


def result(sdr: float = 3.0, set_name: str | None = None) -> dict:
    row = {"sdr": sdr, "leakage_db": -20.0, "onset_f": None}
    both = {"m": row, "n": row}
    return {
        "excerpts": {"song_1": both, "song_2": both, "other": both},
        "songs": {"song": both, "other": both},
        "median": both,
        "mean": both,
        "worst": both,
        "interval": {"m": (1.0, 4.0), "n": None},
        "paired": {
            "n": {
                "against": "m",
                "mean": -0.5,
                "interval": (-1.0, 0.0),
                "worst_song": "other",
                "worst": -1.25,
            }
        },
        "set": set_name,
    }


def test_a_table_has_a_line_for_each_song_and_compares_with_the_first_model():
    lines = as_table(result(-3.0)).splitlines()
    assert lines == [
        "| song | m | n |",
        "|---|---:|---:|",
        "| song (2 excerpts) | −3.0 | −3.0 |",
        "| other | −3.0 | −3.0 |",
        "| **mean over 2 songs** | −3.00 | −3.00 |",
        "| its 95 % interval (t) | 1.0 to 4.0 | - |",
        "| over m, song by song (95 %) | - | −0.50 (−1.0 to 0.0) |",
        "| least over m | - | −1.25 other |",
        "| median | −3.0 | −3.0 |",
        "| taken from the rest alone, dB (median) | −20.0 | −20.0 |",
        "| taken from the rest alone, dB (worst song) | −20.0 | −20.0 |",
    ]


@pytest.mark.parametrize(("set_name", "mark"), [(None, "scores"), ("steer", "scores steer")])
def test_a_table_is_put_between_its_marks_and_nothing_else_changes(tmp_path, set_name, mark):
    text = tmp_path / "text.md"
    other = "<!-- scores check -->kept<!-- /scores check -->"
    text.write_text(f"a\n<!-- {mark} -->\nold\n<!-- /{mark} -->\n{other}\n", encoding="utf8")
    told = result(set_name=set_name)
    write_table(text, told)
    first = text.read_text(encoding="utf8")
    assert first == f"a\n<!-- {mark} -->\n{as_table(told)}<!-- /{mark} -->\n{other}\n"
    write_table(text, told)
    assert text.read_text(encoding="utf8") == first


@pytest.mark.parametrize("text", ["", "<!-- /scores --><!-- scores -->", "<!-- scores -->" * 2])
def test_a_text_without_marks_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "text.md"
    path.write_text(text)
    with pytest.raises(SettingError):
        write_table(path, result())
    assert path.read_text() == text


def test_a_text_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DrumStudioError):
        write_table(tmp_path / "none.md", result())


@pytest.mark.parametrize("set_name", ["steer", "check"])
def test_the_docs_hold_the_table_of_the_best_model_that_ships(set_name):
    card = default_catalog().find("flagship")
    report = json.loads((card.folder / f"{set_name}.json").read_text(encoding="utf8"))
    text = SCORES.read_text(encoding="utf8")
    assert with_table(text, report) == text
    # The negative control: other scores are another text.
    report["mean"][card.id]["sdr"] += 1
    assert with_table(text, report) != text


@pytest.mark.parametrize("set_name", ["steer", "check"])
@pytest.mark.parametrize("model", ["fast", "flagship"])
def test_a_card_that_ships_states_the_scores_of_its_report(model, set_name):
    catalog = default_catalog()
    folder = catalog.find("flagship").folder
    report = json.loads((folder / f"{set_name}.json").read_text(encoding="utf8"))
    stated = [one for one in catalog.find(model).scores if one.metric == "sdr_mean"]
    told = next(one for one in stated if one.data.startswith(set_name))
    assert told.value == pytest.approx(report["mean"][model]["sdr"], abs=1e-3)


def test_a_card_takes_new_scores_and_keeps_all_else(tmp_path):
    shipped = default_catalog().find("fast")
    folder = tmp_path / "fast"
    shutil.copytree(shipped.folder, folder)
    before = read_card(folder)
    told = result(4.25, "steer")
    told["mean"] = {"fast": {"sdr": 4.25}}
    told["interval"] = {"fast": (1.0, 7.5)}
    for _ in range(2):
        write_scores(folder, told)
    after = read_card(folder)
    steer = [one for one in after.scores if one.protocol == RANKING_PROTOCOL]
    assert [one.value for one in steer] == [4.25, 1.0, 7.5]
    others = [one for one in before.scores if one.protocol == f"{RANKING_PROTOCOL}-check"]
    assert [one for one in after.scores if one not in steer] == others
    kept = {"hash": "", "scores": ()}
    assert replace(after, **kept) == replace(before, **kept)
