from __future__ import annotations

import pytest

from drumstudio.core.errors import SettingError
from drumstudio.training.recipes import read_recipe, recipe_ids
from drumstudio.training.run import NETWORKS


def test_every_recipe_of_ours_is_complete():
    assert "fast" in recipe_ids()
    for name in recipe_ids():
        recipe = read_recipe(name)
        assert name.startswith(recipe.id)
        if recipe.engine:
            NETWORKS[recipe.engine](**recipe.network)


def test_the_shipped_card_is_of_the_recipes_network():
    from drumstudio.catalog.catalog import default_catalog

    card, recipe = default_catalog().find("fast"), read_recipe("fast")
    assert card.network == recipe.network
    assert card.trained_on


def test_the_last_recipe_of_a_model_goes_on_from_the_first():
    from drumstudio.catalog.catalog import default_catalog

    first, last = read_recipe("fast"), read_recipe("fast-finish")
    assert (last.id, last.network) == (first.id, first.network)
    levels = {p.name: p.default for p in default_catalog().find("fast").parameters}
    assert levels["level"] == last.level_db


def test_a_network_without_its_engine_is_no_recipe(tiny_recipe_file):
    text = tiny_recipe_file.read_text()
    tiny_recipe_file.write_text(text.replace('engine = "tfc-tdf"\n', ""))
    with pytest.raises(SettingError) as caught:
        read_recipe(str(tiny_recipe_file))
    assert "go together" in caught.value.why


def test_a_recipe_can_be_a_file(tiny_recipe):
    assert tiny_recipe.plan.steps == 4
    assert tiny_recipe.pool.first == {"stem": 2, "song": 2, "bass": 2}


def test_what_is_no_recipe_is_told(tmp_path):
    with pytest.raises(SettingError, match="nothing_like_it"):
        read_recipe("nothing_like_it")
    path = tmp_path / "r.toml"
    path.write_text('id = "r"\nname = "r"\n')
    with pytest.raises(SettingError, match=r"r\.toml"):
        read_recipe(str(path))
    path.write_text("no toml")
    with pytest.raises(SettingError, match=r"r\.toml"):
        read_recipe(str(path))


def test_an_unknown_key_is_told(tiny_recipe_file):
    text = tiny_recipe_file.read_text().replace("[train]", "[train]\nfoo = 1")
    tiny_recipe_file.write_text(text)
    with pytest.raises(SettingError) as caught:
        read_recipe(str(tiny_recipe_file))
    assert "foo" in caught.value.why
