from __future__ import annotations

import json
from pathlib import Path

import pytest

from drumstudio.catalog.catalog import default_catalog
from drumstudio.core.errors import DrumStudioError, SettingError
from drumstudio.training.score_table import as_table, with_table, write_table

SCORES = Path(__file__).parents[2] / "docs" / "scores.md"
REPORT = "evaluation.json"


def result(sdr: float = 3.0) -> dict:
    row = {"sdr": sdr, "leakage_db": -20.0, "onset_f": None}
    return {
        "excerpts": {"song_1": {"m": row}, "song_2": {"m": row}, "other": {"m": row}},
        "songs": {"song": {"m": row}, "other": {"m": row}},
        "median": {"m": row},
        "mean": {"m": row},
        "interval": {"m": (1.0, 4.0)},
    }


def test_a_table_has_a_line_for_each_excerpt_and_each_song_of_several():
    lines = as_table(result(-3.0)).splitlines()
    assert [line.split(" |")[0] for line in lines] == [
        "| excerpt", "|---|---:|", "| song_1", "| song_2", "| other", "| *song, mean of 2*",
        "| **median**", "| **mean**", "| 90 % interval of the mean",
        "| taken from the rest alone, dB (median)",
    ]  # fmt: skip
    assert lines[2] == "| song_1 | −3.0 |"


def test_a_table_is_put_between_the_marks_and_nothing_else_changes(tmp_path):
    text = tmp_path / "text.md"
    text.write_text("a\n<!-- scores -->\nold\n<!-- /scores -->\nb\n", encoding="utf8")
    write_table(text, result())
    first = text.read_text(encoding="utf8")
    assert first == f"a\n<!-- scores -->\n{as_table(result())}<!-- /scores -->\nb\n"
    write_table(text, result())
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


def test_the_docs_hold_the_table_of_the_best_model_that_ships():
    card = default_catalog().find("flagship")
    report = json.loads((card.folder / REPORT).read_text(encoding="utf8"))
    text = SCORES.read_text(encoding="utf8")
    assert with_table(text, report) == text
    # The negative control: other scores are another text.
    report["mean"][card.id]["sdr"] += 1
    assert with_table(text, report) != text


@pytest.mark.parametrize("model", ["fast", "flagship"])
def test_a_card_that_ships_states_the_scores_of_its_report(model):
    card = default_catalog().find(model)
    report = json.loads((card.folder / REPORT).read_text(encoding="utf8"))
    stated = {score.metric: score.value for score in card.scores}
    assert stated["sdr_mean"] == pytest.approx(report["mean"][model]["sdr"], abs=1e-3)
    assert stated["sdr_median"] == pytest.approx(report["median"][model]["sdr"], abs=1e-3)
