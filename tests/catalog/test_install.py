from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import safetensors.torch

from drumstudio import atomic, paths
from drumstudio.catalog import install
from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.install import install_best, install_model, model_id_of
from drumstudio.catalog.model_card import read_card
from drumstudio.catalog.weights import load_weights
from drumstudio.core.errors import (
    DiskFullError,
    DrumStudioError,
    ModelMissingError,
    SettingError,
)
from drumstudio.files.training_folder import BEST_FOLDER
from drumstudio.files.training_origin import read_installed
from tests.promises import counts, record

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


# --- R21: an install that is interrupted ---------------------------------------------------


def versions_of(trained, tmp_path) -> list[Path]:
    """Return two trainings' folders that take turns to be the same model, of other weights."""
    other = tmp_path / "other"
    shutil.copytree(trained / BEST_FOLDER / "fast", other)
    weights = other / "weights.safetensors"
    state = safetensors.torch.load(weights.read_bytes())
    name = next(iter(state))
    state[name] = state[name] + 1
    weights.write_bytes(safetensors.torch.save(state))
    content = weights.read_bytes()
    card = other / "model.toml"
    before = read_card(trained / BEST_FOLDER / "fast")
    text = card.read_text().replace(before.sha256, hashlib.sha256(content).hexdigest())
    card.write_text(text.replace(f"bytes = {before.bytes}", f"bytes = {len(content)}"))
    return [trained / BEST_FOLDER / "fast", other]


def ours(source: Path, models: Path) -> None:
    there = models / "mine"
    replaces = ("mine", read_card(there).sha256) if there.exists() else ("", "")
    install_model(source, models, taken=[], replaces=replaces)


def plainly(source: Path, models: Path) -> None:
    """Copy as a careless program does; the negative control."""
    there = models / source.name
    there.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        shutil.copyfile(path, there / path.name)


def killed_while_installing(sources, models, install, count, seed) -> tuple[int, int]:
    """Kill an installing process again and again; return bad models and folders left behind."""
    chance = random.Random(seed)
    bad = left = 0
    for _ in range(count):
        child = os.fork()
        if child == 0:
            try:
                while True:
                    for source in sources:
                        install(source, models)
            finally:
                os._exit(1)
        time.sleep(chance.uniform(0.005, 0.08))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for folder in [path for path in models.glob("[!.]*") if path.is_dir()]:
            try:
                load_weights(read_card(folder), folder)
            except DrumStudioError:
                bad += 1
        left = max(left, len(list(models.glob("[!.]*"))) - 1)
    return bad, left


@pytest.mark.robust
@pytest.mark.skipif(os.name != "posix", reason="needs fork and kill -9")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # fork beside threads
def test_r21_a_model_is_whole_however_its_install_is_interrupted(trained, tmp_path):
    sources = versions_of(trained, tmp_path)
    for source in sources:
        card = source / "model.toml"
        card.write_text(card.read_text().replace('id = "fast"', 'id = "mine"'))
        source.rename(source.with_name("mine"))
    sources = [trained / BEST_FOLDER / "mine", tmp_path / "mine"]
    models, control = tmp_path / "models", tmp_path / "control"
    models.mkdir()
    control.mkdir()
    count = counts(30, 300)
    bad, left = killed_while_installing(sources, models, ours, count, 1)
    broken, _ = killed_while_installing(sources, control, plainly, count, 2)
    install_model(sources[0], models, taken=["mine"])
    hidden = [path.name for path in models.iterdir() if path.name.startswith(".")]
    record(
        "R21",
        what="kill -9 while a model is put among the user's, again and again",
        count=count,
        failures=bad + left + len(hidden),
        figure=f"{bad} models that do not load, {left + len(hidden)} folders left",
        control=f"files copied one by one: {broken} that do not load",
        control_failed=broken > 0,
    )
    assert (bad, left, hidden) == (0, 0, [])
    assert broken
