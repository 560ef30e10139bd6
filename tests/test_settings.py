"""Settings survive a save and a load; a damaged file costs the settings, never the start."""

from __future__ import annotations

import json
import os
import random

import pytest

from drumstudio import settings
from drumstudio.core.errors import DrumStudioError, SettingError
from drumstudio.settings import SETTINGS, Settings
from tests.disk_faults import failing_disk


def stored(text: str | bytes) -> Settings:
    path = settings.settings_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return settings.load()


def test_without_a_file_everything_is_as_nobody_chose():
    assert settings.load() == Settings()
    assert settings.load().notes == ()


def test_what_was_saved_is_loaded():
    chosen = Settings().changed("threads", 3).changed("device", "cpu").changed("cache_cap_gb", 5)
    settings.save(chosen)
    assert settings.load() == chosen
    assert settings.load().cache_cap_gb == 5.0


def test_every_setting_accepts_its_default_and_has_a_label():
    for setting in SETTINGS:
        assert setting.check(setting.default) == setting.default
        assert setting.label


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", "abacus"),
        ("device", 3),
        ("threads", -1),
        ("threads", 257),
        ("threads", 1.5),
        ("threads", True),
        ("threads", "4"),
        ("threads", None),
        ("cache_cap_gb", float("nan")),
        ("cache_cap_gb", float("inf")),
        ("cache_cap_gb", -0.1),
        ("colour", "blue"),
    ],
)
def test_a_value_that_may_not_be_is_refused_in_plain_words(name, value):
    with pytest.raises(SettingError) as caught:
        Settings().changed(name, value)
    assert caught.value.why.endswith(".")


def test_one_wrong_value_costs_that_value_only():
    loaded = stored('{"threads": -5, "device": "cpu", "from_a_newer_version": 1}')
    assert loaded == Settings(device="cpu")
    assert "threads" in loaded.notes[0]
    assert settings.settings_path().exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "[" * 100_000, b"\xff\xfe\x00", "1" * 5000, " " * 1_000_001],
    ids=["empty", "cut", "list", "null", "deep", "binary", "digits", "huge"],
)
def test_a_damaged_file_is_moved_aside_and_said(text):
    loaded = stored(text)
    path = settings.settings_path()
    assert loaded == Settings()
    assert "damaged" in loaded.notes[0]
    assert not path.exists()
    aside = path.with_name("settings.json.damaged")
    assert aside.read_bytes() == (text if isinstance(text, bytes) else text.encode())
    assert settings.load().notes == ()


def test_no_damage_to_the_file_stops_the_start():
    chance = random.Random(1)
    good = json.dumps({"device": "cpu", "threads": 4, "cache_cap_gb": 2.5}).encode()
    for _ in range(300):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        loaded = stored(bytes(data[: chance.randint(0, len(data))]))
        for setting in SETTINGS:
            setting.check(getattr(loaded, setting.name))


def test_a_settings_file_that_can_not_be_read_is_left_where_it_is():
    settings.settings_path().mkdir(parents=True)
    loaded = settings.load()
    assert loaded == Settings()
    assert "can not be read" in loaded.notes[0]
    assert settings.settings_path().is_dir()


def test_a_failing_disk_leaves_the_old_settings_and_says_so():
    settings.save(Settings(threads=1))
    old = settings.settings_path().read_bytes()
    with failing_disk() as disk:
        settings.save(Settings(threads=2))
    for k in range(len(disk.log)):
        settings.settings_path().write_bytes(old)
        with failing_disk(k), pytest.raises(DrumStudioError, match="Cannot save the settings"):
            settings.save(Settings(threads=2))
        assert json.loads(settings.settings_path().read_bytes())["threads"] in (1, 2)
    assert os.listdir(settings.settings_path().parent) == ["settings.json"]


def test_a_folder_that_can_not_be_made_is_said(home):
    (home / "config").write_text("in the way")
    with pytest.raises(DrumStudioError, match="Cannot save the settings"):
        settings.save(Settings())
