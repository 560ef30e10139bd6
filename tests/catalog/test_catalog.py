"""Which models there are, which can run, and which is the best."""

from __future__ import annotations

import math

import pytest

from drumstudio import paths
from drumstudio.catalog.catalog import Catalog, default_catalog
from drumstudio.core.errors import ModelMissingError
from tests.catalog.test_model_card import CARD


def add(folder, model_id, score=None, size=None, kind="separator"):
    made = folder / model_id
    made.mkdir(parents=True)
    text = CARD.replace('id = "toy"', f'id = "{model_id}"').replace('"separator"', f'"{kind}"')
    protocol = "drumstudio-2" if score is not None else "elsewhere"
    text = text.replace("drumstudio-2", protocol).replace("value = 4.25", f"value = {score or 0}")
    (made / "model.toml").write_text(text)
    if size is not None:
        (made / "toy.safetensors").write_bytes(bytes(size))


def test_the_best_is_the_ready_separator_with_the_highest_score(tmp_path):
    add(tmp_path, "good", 5.0, 1_234)
    add(tmp_path, "better-but-not-here", 6.0)
    add(tmp_path, "better-but-cut", 7.0, 1_000)
    add(tmp_path, "not-measured", None, 1_234)
    add(tmp_path, "enhancer", 9.0, 1_234, kind="enhancer")
    catalog = Catalog([tmp_path], shipped=tmp_path)
    assert catalog.best().id == "good"
    assert [card.id for card in catalog.cards()][-1] == "not-measured"
    ready = {card.id for card in catalog.cards() if catalog.ready(card)}
    assert ready == {"good", "not-measured", "enhancer"}


def test_without_any_score_something_is_chosen_all_the_same(tmp_path):
    add(tmp_path, "b", None, 1_234)
    add(tmp_path, "a", None, 1_234)
    assert Catalog([tmp_path]).best().id == "a"


def test_a_broken_card_hides_no_others(tmp_path):
    add(tmp_path, "good", 5.0, 1_234)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.toml").write_bytes(b"\xff")
    (tmp_path / "stray-file").write_text("")
    (tmp_path / "no-card").mkdir()
    catalog = Catalog([tmp_path, tmp_path / "not-there"])
    assert [card.id for card in catalog.cards()] == ["good"]
    assert [problem.what for problem in catalog.problems] == ["Cannot use the model in broken"]


def test_an_added_model_can_not_pose_as_one_that_ships(tmp_path):
    add(tmp_path / "shipped", "good", 5.0, 1_234)
    add(tmp_path / "user", "good", 99.0, 1_234)
    shipped = tmp_path / "shipped"
    card = Catalog([shipped, tmp_path / "user"], shipped=shipped).find("good")
    assert card.ranking_score == 5.0


def test_what_a_card_says_of_itself_never_makes_it_the_best(tmp_path):
    add(tmp_path / "shipped", "ours", 5.0, 1_234)
    add(tmp_path / "shipped", "zero", None, 1_234)
    add(tmp_path / "user", "boaster", 99.0, 1_234)
    shipped = tmp_path / "shipped"
    catalog = Catalog([shipped, tmp_path / "user"], shipped=shipped)
    assert catalog.best().id == "ours"
    assert [card.id for card in catalog.cards()] == ["ours", "zero", "boaster"]
    assert catalog.find("boaster").ranking_score == -math.inf
    assert catalog.find("boaster").scores[0].value == 99.0
    (shipped / "ours" / "toy.safetensors").unlink()
    assert catalog.best().id == "zero"


def test_a_missing_model_is_said_with_those_that_are_there(tmp_path):
    add(tmp_path, "good", 5.0, 1_234)
    with pytest.raises(ModelMissingError, match="good"):
        Catalog([tmp_path]).find("bad")
    with pytest.raises(ModelMissingError, match="no model to separate with"):
        Catalog([]).best()


def test_the_default_catalog_holds_what_ships_and_what_the_user_added():
    add(paths.user_models_folder(), "mine", 1.0, 1_234)
    catalog = default_catalog()
    assert {"hpss", "mine"} <= {card.id for card in catalog.cards()}
    assert catalog.problems == []
