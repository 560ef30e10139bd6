"""R12's chooser, and the rules that keep the encoder from what it does not survive."""

import pytest

from drumstudio.files.formats import FORMATS

GIB = 2**30


@pytest.mark.parametrize("name", ["wav16", "wav24", "wav-float"])
def test_long_wav_files_become_rf64_a_mebibyte_before_four_gibibytes(name):
    assert FORMATS[name].container_for(4 * GIB - 2**20) == "WAV"
    assert FORMATS[name].container_for(4 * GIB - 2**20 + 1) == "RF64"


@pytest.mark.parametrize("name", ["flac", "ogg", "opus", "mp3"])
def test_other_formats_have_no_such_end(name):
    assert FORMATS[name].container_for(9 * GIB) == FORMATS[name].container


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_every_rate_finds_one_that_the_format_holds(form):
    for rate in (1, 7_999, 8_000, 11_025, 44_100, 44_101, 65_537, 96_000, 200_001, 768_000):
        chosen = form.rate_for(rate)
        assert form.holds(chosen)
        assert chosen == rate or not form.holds(rate)
    assert not form.holds(0)
    assert not form.holds(768_001)


def test_vorbis_never_sees_what_it_crashes_on():
    assert FORMATS["ogg"].rate_for(200_001) == 192_000
    assert not FORMATS["ogg"].holds(192_001)
    assert FORMATS["ogg"].most_channels == 255
