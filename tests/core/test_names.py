"""R19: song titles can not leave the export folder, on three systems' rules."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumstudio.core.errors import SettingError
from drumstudio.core.names import NAME_BYTES, fill_template, safe_name, unique_name
from tests.promises import counts, record

TITLES = [
    *("", " ", ".", "..", "...", "/", "\\", "a/b", "a\\b", "../../etc/passwd", "..\\..\\x"),
    *("/etc/passwd", "C:", "C:\\x", "\\\\server\\share", "a:b", "x:$DATA", "CON", "con.wav"),
    *("NUL", "nul .txt", "COM1", "lpt9.tar.gz", "COM\u00b9", "CONIN$", "AUX.", "PRN "),
    *(
        "trailing.",
        "trailing ",
        "trailing. . ",
        " leading",
        ".hidden",
        "NUL\x00byte",
        "tab\tnew\nline",
    ),
    *("a*b?c", '"quoted"', "<tag>", "pipe|d", "~", "-rf", "%PATH%", "$HOME", "`id`", "{song}"),
    *("x" * 300, "\u00e9" * 300, "\U0001f941" * 100, "a." * 150, " " * 300, "/" * 300),
    *(
        "\u202egnp.wav",
        "\u2066x\u2069",
        "\ufeffbom",
        "shalom \u05e9\u05dc\u05d5\u05dd",
        "\u2028line",
    ),
    *("e\u0301tude", "\u00e9tude", "\udcff\udc80", "\ufffe\uffff", "\U000e0001tag"),
    *("\U0001f469\u200d\U0001f3a4 live", "Bj\u00f6rk \u2013 J\u00f3ga", "\u65e5\u672c\u8a9e"),
]


def refusal_on_linux(name):
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        return "no component"
    try:
        if len(name.encode()) > 255:
            return "too long"
    except UnicodeEncodeError:
        return "not UTF-8"
    return None


def refusal_on_macos(name):
    if ":" in name:
        return "colon"
    if any(unicodedata.category(character) == "Cn" for character in name):
        return "unassigned code point"
    if name != unicodedata.normalize("NFC", name):
        return "another name after composition"
    return refusal_on_linux(name)


def refusal_on_windows(name):
    devices = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    devices |= {kind + digit for kind in ("COM", "LPT") for digit in "0123456789\u00b9\u00b2\u00b3"}
    if any(character in '<>:"/\\|?*' or ord(character) < 32 for character in name):
        return "forbidden character"
    if name != name.rstrip(". "):
        return "trailing dot or space"
    if name.split(".")[0].rstrip(" ").upper() in devices:
        return "device"
    if len(name.encode("utf-16-le", errors="surrogatepass")) > 2 * 255:
        return "too long"
    return refusal_on_linux(name)


SYSTEMS = (refusal_on_linux, refusal_on_macos, refusal_on_windows)


def is_bad(name):
    return (
        any(refuses(name) for refuses in SYSTEMS)
        or len(name.encode(errors="replace")) > NAME_BYTES
        or any("\u202a" <= character <= "\u202e" for character in name)
        or name.startswith((".", " "))
    )


def test_sixty_hostile_titles_become_names_that_three_systems_accept():
    assert len(TITLES) >= 60
    bad = [title for title in TITLES if is_bad(safe_name(title))]
    unguarded = [title for title in TITLES if is_bad(title)]
    record(
        "R19",
        what="hostile song titles as file names, on three systems' rules",
        count=len(TITLES) * len(SYSTEMS),
        failures=len(bad),
        figure=f"{len(bad)} of {len(TITLES)} titles refused or outside the folder",
        control=f"titles used as they are: {len(unguarded)} of {len(TITLES)} bad",
        control_failed=len(unguarded) >= 40,
    )
    assert bad == []
    assert len(unguarded) >= 40  # the negative control


def test_safe_names_are_written_inside_the_folder(tmp_path):
    for number, title in enumerate(TITLES):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / (fill_template("{song}_{stem}", song=title, stem="drums") + ".wav")).touch()
        assert len(list(folder.iterdir())) == 1
    assert len(list(tmp_path.iterdir())) == len(TITLES)


@settings(max_examples=counts(300, 20_000))
@given(st.text(), st.sampled_from(["", ".wav", ". ", "/..", "\udc80"]))
def test_any_text_becomes_a_good_name_and_stays_it(text, ending):
    name = safe_name(text + ending)
    assert not is_bad(name)
    assert safe_name(name) == name


@settings(max_examples=counts(200, 20_000))
@given(st.text(max_size=400), st.text(max_size=400))
def test_any_title_leaves_the_stems_apart_and_room_for_a_suffix(song, model):
    names = {
        fill_template("{song} [{model}] {stem}", song=song, stem=stem, model=model) + ".flac"
        for stem in ("drums", "rest")
    }
    assert len(names) == 2
    assert not any(map(is_bad, names))


def test_ordinary_titles_are_kept_letter_for_letter():
    for title in ("Mr. Blue Sky", "99 Luftballons (live)", "Björk – Jóga", "日本語", "AC+DC & co"):
        assert safe_name(title) == title


def test_two_long_titles_with_one_beginning_stay_apart():
    assert safe_name("a" * 300 + "1") != safe_name("a" * 300 + "2")


def test_templates_are_filled():
    assert fill_template("{song}_{stem}", song="Jóga", stem="rest") == "Jóga_rest"
    assert fill_template("{{{stem}}} {song}", song="a/b", stem="drums") == "{drums} a_b"
    assert fill_template("stems/{stem}", song="x", stem="drums") == "stems_drums"
    assert fill_template("", song="x", stem="drums") == "untitled"


@pytest.mark.parametrize(
    "template", ["{title}", "{song", "song}", "{}", "{0}", "{song.upper}", "{song!r}", "{song:>99}"]
)
def test_wrong_templates_are_errors_for_a_person(template):
    with pytest.raises(SettingError, match=r"\{song\}, \{stem\}"):
        fill_template(template, song="x", stem="drums")


def test_a_taken_name_gets_a_number_before_its_suffix():
    assert unique_name("x.wav", []) == "x.wav"
    assert unique_name("x.wav", ["x.wav"]) == "x (2).wav"
    assert unique_name("x.wav", ["x.wav", "x (2).wav"]) == "x (3).wav"
    assert unique_name("Mr. Blue Sky", ["Mr. Blue Sky"]) == "Mr. Blue Sky (2)"


def test_names_that_differ_in_case_or_composition_are_taken():
    assert unique_name("SONG.WAV", ["song.wav"]) == "SONG (2).WAV"
    assert unique_name("\u00e9.wav", ["e\u0301.wav"]) == "\u00e9 (2).wav"


def test_a_numbered_name_is_still_short_enough():
    name = "x" * (NAME_BYTES - 4) + ".wav"
    assert len(unique_name(name, [name]).encode()) <= NAME_BYTES
