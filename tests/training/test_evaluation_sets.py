from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from drumstudio.catalog.catalog import default_catalog
from drumstudio.core.errors import AudioOpenError, SettingError
from drumstudio.jobs.job import no_checkpoint
from drumstudio.training.evaluate import evaluate, summarised
from drumstudio.training.evaluation_sets import CHECK, STEER, excerpt_folders, songs_of, write_down
from drumstudio.training.score_table import song_of
from tests.training.conftest import drums, tone, write


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """Return a folder with a short excerpt for each that the sets name."""
    folder = tmp_path_factory.mktemp("pack")
    for places in (songs_of(STEER) | songs_of(CHECK)).values():
        for number, place in enumerate(places):
            write(folder / place / "drums.wav", drums(0.4, number))
            write(folder / place / "rest.wav", tone(0.4, 200))
    return folder


def test_no_song_is_in_both_sets_and_excerpts_carry_their_songs_name():
    steer, check = songs_of(STEER), songs_of(CHECK)
    assert (len(steer), len(check)) == (9, 7)
    assert not set(steer) & set(check)
    for song, places in (steer | check).items():
        assert {song_of(place.split("/")[1]) for place in places} == {song}


def test_the_sets_are_all_music_of_the_pack(audio_pack):
    there = {
        folder.relative_to(audio_pack).as_posix()
        for group in ("eval", "eval_more")
        for folder in (audio_pack / group).iterdir()
        if not folder.name.startswith("drumparts_")  # drums alone
    }
    named = {place for places in (songs_of(STEER) | songs_of(CHECK)).values() for place in places}
    assert named == there


def test_a_pack_that_lacks_an_excerpt_gives_no_figure(pack, tmp_path):
    half = tmp_path / "half"
    shutil.copytree(pack, half)
    shutil.rmtree(half / "eval_more" / "mdb_punk")
    with pytest.raises(AudioOpenError, match="set steer") as told:
        excerpt_folders(half, STEER)
    assert "mdb_punk" in told.value.why
    (half / "eval_more" / "mcq_band_1" / "rest.wav").unlink()
    with pytest.raises(AudioOpenError, match="set check"):
        evaluate(
            no_checkpoint, folder=str(half), card_folders=[], set_name=CHECK, reason="x",
            log=str(tmp_path / "log"),
        )  # fmt: skip
    assert not (tmp_path / "log").exists()


def test_a_check_wants_a_reason_and_is_written_down(pack, tmp_path):
    log = tmp_path / "runs.jsonl"
    common = {
        "folder": str(pack), "card_folders": [], "device": "cpu", "full": False, "log": str(log),
        "report_folder": str(tmp_path / "report"),
    }  # fmt: skip
    with pytest.raises(SettingError, match="set check"):
        evaluate(no_checkpoint, set_name=CHECK, **common)
    checked = evaluate(no_checkpoint, set_name=CHECK, reason="to be sure", **common)
    write_down(checked, [default_catalog().find("hpss")], "again", log)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == 2
    assert [line["why"] for line in lines] == ["to be sure", "again"]
    told = lines[0]["models"]["hpss"]
    assert told["mean"] == pytest.approx(checked["mean"]["hpss"]["sdr"], abs=1e-3)
    assert set(told["songs"]) == set(songs_of(CHECK))
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        f"{CHECK}.{form}" for form in ("json", "md", "png")
    }
    assert len(checked["excerpts"]) == 11
    assert len(checked["songs"]) == 7


def rows(**sdr: float) -> dict:
    return {
        model: {"sdr": value, "leakage_db": -value}
        for model, value in {"mixture": 0.0, "hpss": 1.0, **sdr, "oracle_wiener": 9.0}.items()
    }


def test_songs_have_one_vote_and_models_are_compared_song_by_song():
    table = {
        "a_1": rows(one=1.0, two=2.0), "a_2": rows(one=3.0, two=4.0),
        "b": rows(one=5.0, two=4.5), "c": rows(one=0.0, two=3.0),
    }  # fmt: skip
    told = summarised(table, {"a": ["a_1", "a_2"], "b": ["b"], "c": ["c"]})
    assert told["mean"]["one"]["sdr"] == pytest.approx((2 + 5 + 0) / 3)
    assert told["worst"]["one"]["leakage_db"] == 0.0
    gains = [1.0, -0.5, 3.0]
    pair = told["paired"]["two"]
    assert pair["against"] == "one"
    assert pair["mean"] == pytest.approx(np.mean(gains))
    assert (pair["worst_song"], pair["worst"]) == ("b", -0.5)
    # Student's t for two degrees of freedom, from a printed table: 4.303.
    reach = 4.303 * np.std(gains, ddof=1) / np.sqrt(3)
    assert pair["interval"] == pytest.approx((np.mean(gains) - reach, np.mean(gains) + reach), 1e-3)
    assert list(told["paired"]) == ["two"]


def test_models_that_ship_state_their_scores_on_both_sets():
    for name in ("fast", "flagship"):
        protocols = {score.protocol for score in default_catalog().find(name).scores}
        assert protocols == {"drumstudio-2", "drumstudio-2-check"}
