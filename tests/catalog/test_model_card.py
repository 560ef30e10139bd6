"""A card from anywhere is read, checked, and never believed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumstudio.catalog.model_card import MAX_CARD_BYTES, Parameter, read_card
from drumstudio.core.errors import ModelCorruptError, ModelMissingError, SettingError
from drumstudio.paths import shipped_folder

CARD = """
id = "toy"
name = "Toy"
kind = "separator"
engine = "tfc-tdf"
description = "A toy."
stems = ["drums", "rest"]
sample_rate = 44100
channels = 2
n_fft = 4096
hop_length = 1024
weights = "toy.safetensors"
sha256 = "{sha256}"
bytes = 1234
url = "https://example.org/toy.safetensors"
licence = "CC0-1.0"

[network]
channels = 16
levels = [1, 2, 4]
gate = true

[[parameters]]
name = "isolation"
type = "float"
minimum = -1
maximum = 2
default = 0
label = "Isolation"

[[parameters]]
name = "steps"
type = "int"
minimum = 1
maximum = 9
default = 3
label = "Steps"

[[parameters]]
name = "mode"
type = "choice"
choices = ["soft", "hard"]
default = "soft"
label = "Mode"

[[parameters]]
name = "fast"
type = "bool"
default = false
label = "Fast"

[[trained_on]]
name = "Our own renders"
licence = "CC0-1.0"

[[scores]]
metric = "sdr_mean"
value = 4.25
data = "9 excerpts"
protocol = "drumstudio-2"

[[scores]]
metric = "sdr_median"
value = 9.0
data = "9 excerpts"
protocol = "drumstudio-2"

[[speed]]
real_time_factor = 0.04
device = "one core"
measured = "60 s"
""".replace("{sha256}", "ab" * 32)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "toy"
    made.mkdir()
    (made / "model.toml").write_text(CARD)
    return made


def test_a_card_says_all_it_holds(folder):
    card = read_card(folder, shipped=True)
    assert (card.id, card.engine, card.sample_rate, card.channels) == ("toy", "tfc-tdf", 44_100, 2)
    assert card.network == {"channels": 16, "levels": [1, 2, 4], "gate": True}
    assert card.hash == hashlib.sha256(CARD.encode()).hexdigest()
    assert card.ranking_score == 4.25
    assert [parameter.default for parameter in card.parameters] == [0.0, 3, "soft", False]
    assert card.trained_on[0].credit == ""
    plain = json.loads(json.dumps(card.to_dict()))
    assert {"id", "name", "kind", "bytes", "licence", "stems", "scores", "speed"} <= plain.keys()
    assert plain["scores"][0]["value"] == 4.25


def test_every_card_that_ships_is_good():
    folders = [path for path in shipped_folder("models").iterdir() if path.is_dir()]
    assert folders
    for path in folders:
        card = read_card(path)
        assert card.check_settings({})
        assert card.licence


def test_settings_are_checked_and_completed(folder):
    card = read_card(folder)
    assert card.check_settings({}) == {"isolation": 0.0, "steps": 3, "mode": "soft", "fast": False}
    given = {"isolation": "1.5", "steps": "7", "mode": "hard", "fast": "yes"}
    assert card.check_settings(given) == {
        "isolation": 1.5,
        "steps": 7,
        "mode": "hard",
        "fast": True,
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"isolation": 3},
        {"isolation": "nan"},
        {"isolation": float("inf")},
        {"isolation": True},
        {"isolation": [1]},
        {"isolation": 10**400},
        {"steps": 2.5},
        {"steps": "many"},
        {"mode": "loud"},
        {"mode": 1},
        {"fast": "perhaps"},
        {"fast": 1},
        {"colour": "red"},
    ],
)
def test_settings_that_are_not_allowed_are_refused_in_three_lines(folder, settings):
    with pytest.raises(SettingError) as caught:
        read_card(folder).check_settings(settings)
    assert next(iter(settings)) in caught.value.what


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('id = "toy"', 'id = "other"'),
        ('id = "toy"', 'id = "../toy"'),
        ('id = "toy"', ""),
        ('kind = "separator"', 'kind = "virus"'),
        ('engine = "tfc-tdf"', 'engine = "os:system"'),
        ('engine = "tfc-tdf"', "engine = 3"),
        ("sample_rate = 44100", 'sample_rate = "44100"'),
        ("sample_rate = 44100", "sample_rate = -1"),
        ("sample_rate = 44100", "sample_rate = true"),
        ("channels = 2", "channels = 1000"),
        ('stems = ["drums", "rest"]', 'stems = ["drums", "drums"]'),
        ('stems = ["drums", "rest"]', 'stems = ["drums", "a/b"]'),
        ('stems = ["drums", "rest"]', f'stems = ["{"x" * 300}"]'),
        ('stems = ["drums", "rest"]', 'stems = ["drums", "bass"]\ncomputed = "bass"'),
        ('stems = ["drums", "rest"]', 'stems = ["drums"]\ncomputed = ["rest", "other"]'),
        ('stems = ["drums", "rest"]', 'stems = ["vocals"]\ndrums = "drums"'),
        ('stems = ["drums", "rest"]', "stems = []"),
        ('stems = ["drums", "rest"]', "stems = [1]"),
        ('weights = "toy.safetensors"', 'weights = "../toy.safetensors"'),
        ('weights = "toy.safetensors"', 'weights = "/etc/toy.safetensors"'),
        ('weights = "toy.safetensors"', 'weights = "C:\\\\toy.safetensors"'),
        ('weights = "toy.safetensors"', 'weights = "toy.pt"'),
        ('weights = "toy.safetensors"', 'weights = ".safetensors"'),
        ("ab" * 32, "ab" * 31),
        ("ab" * 32, "AB" * 32),
        ("bytes = 1234", ""),
        ("https://", "http://"),
        ("https://", "file://"),
        ("n_fft = 4096", "n_fft = 1048576"),
        ("n_fft = 4096", "n_fft = 1"),
        ("n_fft = 4096", "n_fft = 0"),
        ("hop_length = 1024", "hop_length = 0"),
        ("hop_length = 1024", "hop_length = 1"),
        ("hop_length = 1024", "hop_length = 8192"),
        ("bytes = 1234", "bytes = 536870913"),
        ("real_time_factor = 0.04", "real_time_factor = 0"),
        ("real_time_factor = 0.04", "real_time_factor = -1.0"),
        ("real_time_factor = 0.04", "real_time_factor = 1e-300"),
        ('name = "Toy"', 'name = "T\\u001b[2Joy"'),
        ('name = "Toy"', 'name = "T\\noy"'),
        ('name = "Toy"', 'name = "T\\u202eoy"'),
        ('licence = "CC0-1.0"', 'licence = "CC0\\u0007"'),
        ('choices = ["soft", "hard"]', 'choices = ["soft", "\\u001b]0;hard"]'),
        ("channels = 16", '"chan\\u001bnels" = 16'),
        ("channels = 16", 'channels = "\\u001b"'),
        ("channels = 16", "channels = 99999999999"),
        ("channels = 16", "channels = nan"),
        ("channels = 16", "channels = {deep = 1}"),
        ("levels = [1, 2, 4]", "levels = [[1], [2]]"),
        ("value = 4.25", "value = inf"),
        ("value = 4.25", 'value = "4.25"'),
        ("default = 0\n", "default = 9\n"),
        ("default = 3\n", ""),
        ('type = "float"', 'type = "code"'),
        ('name = "steps"', 'name = "isolation"'),
        ('licence = "CC0-1.0"\n\n[network]', "[network]"),
        ('[[trained_on]]\nname = "Our own renders"', "[[trained_on]]"),
        ('description = "A toy."', 'description = "' + "A" * 5_000 + '"'),
        ('description = "A toy."', 'description = "A toy."\nsurprise = 1'),
        ("[network]", "[network"),
        ('name = "Toy"', 'name = "Toy"\nname = "Toy"'),
        ('name = "Toy"', "name = " + "[" * 5_000),
        ('name = "Toy"', "name = " + "9" * 5_000),
    ],
)
def test_a_card_that_is_not_a_good_one_is_refused(folder, old, new):
    assert CARD.count(old)
    (folder / "model.toml").write_text(CARD.replace(old, new, 1))
    with pytest.raises(ModelCorruptError) as caught:
        read_card(folder)
    assert len(str(caught.value)) < 500


def test_a_card_that_is_too_long_is_not_even_parsed(folder):
    (folder / "model.toml").write_text(CARD + "#" * MAX_CARD_BYTES)
    with pytest.raises(ModelCorruptError, match="longer than 256 KB"):
        read_card(folder)


def test_a_missing_card_is_said(tmp_path):
    with pytest.raises(ModelMissingError):
        read_card(tmp_path)


@given(st.binary(max_size=200), st.integers(0, len(CARD)))
def test_no_damage_to_a_card_raises_anything_else(tmp_path_factory, rubbish, place):
    folder = tmp_path_factory.mktemp("cards") / "toy"
    folder.mkdir()
    content = CARD.encode()
    (folder / "model.toml").write_bytes(content[:place] + rubbish + content[place + 5 :])
    with contextlib.suppress(ModelCorruptError):
        read_card(folder)


@given(st.floats(-1, 1), st.booleans())
def test_a_number_is_read_alike_from_text_and_from_itself(number, as_text):
    parameter = Parameter("x", "float", 0.0, "X", -1.0, 1.0)
    assert parameter.check(repr(number) if as_text else number) == number


def test_a_model_without_a_score_ranks_last(folder):
    (folder / "model.toml").write_text(CARD.replace('"drumstudio-2"', '"elsewhere"'))
    assert read_card(folder).ranking_score == -math.inf


@pytest.mark.parametrize(
    ("said", "all_stems", "drums"),
    [
        ('stems = ["drums", "rest"]', ("drums", "rest"), "drums"),
        ('stems = ["drums"]', ("drums", "rest"), "drums"),
        ('stems = ["percussive"]', ("percussive", "rest"), "percussive"),
        ('stems = ["vocals"]', ("vocals", "background"), ""),
        ('stems = ["drums", "bass", "vocals"]', ("drums", "bass", "vocals", "other"), "drums"),
        ('stems = ["vocals"]\ncomputed = "band"', ("vocals", "band"), ""),
        ('stems = ["hits"]\ndrums = "hits"', ("hits", "rest"), "hits"),
    ],
)
def test_a_card_names_its_stems_and_what_they_leave(folder, said, all_stems, drums):
    text = CARD.replace('stems = ["drums", "rest"]', said)
    (folder / "model.toml").write_text(text)
    card = read_card(folder)
    assert (card.all_stems, card.drums) == (all_stems, drums)
