from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from drumstudio import atomic, paths
from drumstudio.catalog import install
from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.install import install_best, install_model, model_id_of
from drumstudio.catalog.model_card import read_card
from drumstudio.core.errors import DiskFullError, ModelMissingError, SettingError
from drumstudio.files.training_folder import BEST_FOLDER
from drumstudio.files.training_origin import read_installed

SHIPPED = [card.id for card in default_catalog().cards()]


@pytest.fixture
def trained(tmp_path) -> Path:
    """Return a training's folder whose best model is called as one that ships."""
    best = tmp_path / "training" / BEST_FOLDER / "fast"
    shutil.copytree(paths.shipped_folder("models") / "fast", best)
    return tmp_path / "training"


def test_a_model_takes_the_place_of_no_other(trained):
    card = install_best(trained)
    assert (card.id, card.name) == ("fast-2", "Fast (2)")
    assert read_installed(trained) == ("fast-2", card.sha256)
    catalog = default_catalog()
    assert catalog.find("fast").folder == paths.shipped_folder("models") / "fast"
    assert catalog.ready(catalog.find("fast-2"))
    models = paths.user_models_folder()
    other = install_model(trained / BEST_FOLDER / "fast", models, taken=SHIPPED)
    assert (other.id, other.name) == ("fast-3", "Fast (3)")


def test_a_training_replaces_its_own_model_and_only_that(trained):
    install_best(trained)
    again = install_best(trained)
    assert again.id == "fast-2"
    assert [path.name for path in paths.user_models_folder().iterdir()] == ["fast-2"]
    # The user has put another model where it was: that one stays.
    card = again.folder / "model.toml"
    text = card.read_text()
    card.write_text(text.replace(again.sha256, "0" * 64))
    assert install_best(trained).id == "fast-3"
    assert "0" * 64 in card.read_text()


def test_a_training_without_a_model_says_so(tmp_path):
    with pytest.raises(ModelMissingError, match="no model yet"):
        install_best(tmp_path)


def test_a_full_disk_leaves_no_half_model(trained, monkeypatch):
    def refuse(*arguments, **named):
        raise OSError(28, "No space left on device")

    install_best(trained)
    before = read_card(paths.user_models_folder() / "fast-2").hash
    for broken in ("write_all", "sync"):
        with monkeypatch.context() as patch:
            patch.setattr(atomic, broken, refuse)
            with pytest.raises(DiskFullError):
                install_best(trained)
    with monkeypatch.context() as patch:
        patch.setattr(install, "copy_plain", refuse)
        with pytest.raises(DiskFullError):
            install_best(trained)
    assert [path.name for path in paths.user_models_folder().iterdir()] == ["fast-2"]
    assert read_card(paths.user_models_folder() / "fast-2").hash == before


def test_a_name_becomes_an_id():
    assert model_id_of("  Our Club 2! ") == "our-club-2"
    assert len(model_id_of("x" * 300)) == 40
    with pytest.raises(SettingError):
        model_id_of("鼓")
