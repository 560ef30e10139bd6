import pytest

from drumstudio.ui import tokens


@pytest.mark.parametrize("table", [tokens.DARK, tokens.LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("ground", ["ground", "panel", "raised"])
@pytest.mark.parametrize("words", ["text", "muted"])
def test_words_can_be_read_on_every_ground(table, ground, words):
    assert tokens.contrast(table[words], table[ground]) >= 4.5


@pytest.mark.parametrize("table", [tokens.DARK, tokens.LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize(
    ("words", "ground"),
    [
        *(("good", "panel"), ("warning", "panel"), ("error", "panel"), ("error", "ground")),
        *(("on_primary", "primary"), ("on_primary", "primary_hover")),
    ],
)
def test_states_and_the_primary_button_can_be_read(table, words, ground):
    assert tokens.contrast(table[words], table[ground]) >= 4.5


def test_the_measure_sees_words_that_can_not_be_read():
    assert tokens.contrast("#777777", "#666666") < 4.5
    assert tokens.contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
