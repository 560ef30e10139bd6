"""The user's folders and the shipped ones, in each way the program can be installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from drumstudio import paths

FOLDERS = [
    paths.user_data_folder,
    paths.user_cache_folder,
    paths.user_config_folder,
    paths.user_models_folder,
    paths.reports_folder,
]


@pytest.mark.parametrize("folder", FOLDERS)
def test_one_variable_moves_every_folder_of_the_user(monkeypatch, tmp_path, folder):
    monkeypatch.setenv("DRUMSTUDIO_HOME", str(tmp_path))
    assert tmp_path in folder().parents
    assert not folder().exists()  # whoever writes creates


@pytest.mark.parametrize("folder", FOLDERS)
def test_without_it_the_folders_are_the_systems_own(monkeypatch, folder):
    monkeypatch.delenv("DRUMSTUDIO_HOME")
    assert folder().is_absolute()
    assert "DrumStudio" in folder().parts


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="not asked for there")
@pytest.mark.parametrize("value", ["", "below/here"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_variable_that_is_empty_or_relative_counts_as_unset(monkeypatch, tmp_path, folder, value):
    monkeypatch.delenv("DRUMSTUDIO_HOME")
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    usual = folder()
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert folder() == usual
    assert tmp_path not in folder().absolute().parents


def test_a_relative_home_does_not_move_when_the_program_changes_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRUMSTUDIO_HOME", "stick")
    assert paths.user_cache_folder() == tmp_path / "stick" / "cache"


def test_a_checkout_holds_what_ships_beside_the_package(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "drumstudio" / "paths.py"))
    assert paths.shipped_folder("models") == tmp_path / "models"


def test_an_installed_package_holds_it_inside(monkeypatch, tmp_path):
    inside = tmp_path / "drumstudio" / "shipped" / "resources"
    inside.mkdir(parents=True)
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "drumstudio" / "paths.py"))
    assert paths.shipped_folder("resources") == inside


def test_a_frozen_program_holds_it_in_its_bundle(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert paths.shipped_folder("models") == Path(tmp_path) / "models"


def test_what_does_not_ship_is_refused():
    with pytest.raises(ValueError, match="songs"):
        paths.shipped_folder("songs")
