import json

import pytest

from drumstudio.application.commands import COMMANDS, KeyMap
from drumstudio.core.errors import SettingError


def test_no_key_calls_two_commands():
    assert KeyMap().conflicts() == []


def test_the_check_finds_a_key_that_calls_two_commands(home):
    path = home / "keys.json"
    path.write_text(json.dumps({"play": ["L"]}))
    assert KeyMap(path).conflicts() == [("L", ("play", "loop"))]


def test_every_command_has_a_name_of_its_own_and_a_label():
    names = [command.name for command in COMMANDS]
    assert len(names) == len(set(names))
    assert all(command.label and command.group for command in COMMANDS)


def test_a_key_that_is_taken_is_refused_and_nothing_changes():
    keys = KeyMap()
    with pytest.raises(SettingError, match="Loop"):
        keys.set_keys("play", ["L"])
    assert keys.keys("play") == ("Space",)


def test_keys_are_kept_and_can_be_reset():
    KeyMap().set_keys("play", ["F9", "F9", ""])
    assert KeyMap().keys("play") == ("F9",)
    KeyMap().reset()
    assert KeyMap().keys("play") == ("Space",)


def test_a_command_may_have_no_key():
    KeyMap().set_keys("mute", [])
    assert KeyMap().keys("mute") == ()
    assert KeyMap().holder("M") is None


@pytest.mark.parametrize("stored", ["not json", "[]", '{"play": 3, "nonsense": ["X"]}'])
def test_a_damaged_file_of_keys_counts_as_empty(home, stored):
    path = home / "keys.json"
    path.write_text(stored)
    assert KeyMap(path).keys("play") == ("Space",)
