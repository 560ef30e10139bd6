from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.weights import save_weights
from drumstudio.core import scores
from drumstudio.core.audio import Audio
from drumstudio.core.errors import AudioOpenError
from drumstudio.jobs.job import no_checkpoint
from drumstudio.training.cards import write_card
from drumstudio.training.evaluate import (
    Excerpt,
    evaluate,
    find_excerpts,
    oracle_wiener,
    read_excerpt,
    score,
)
from drumstudio.training.run import NETWORKS
from tests.training.conftest import RATE, drums, tone, write


@pytest.fixture
def excerpts(tmp_path) -> Path:
    folder = tmp_path / "excerpts"
    for name, hertz in (("song_1", 100), ("song_2", 150), ("other", 300)):
        write(folder / name / "drums.wav", drums(2.0, hertz))
        write(folder / name / "rest.wav", tone(2.0, hertz))
    write(folder / "lonely" / "drums.wav", drums(2.0))
    return folder


def returns_the_mixture(folder: Path, recipe) -> str:
    """Make a model whose mask is 1 everywhere."""
    net = NETWORKS[recipe.engine](**recipe.network)
    with torch.no_grad():
        net.exit.weight.zero_()
        net.exit.bias.fill_(60.0)
    save_weights(net, folder / "w.safetensors", {})
    write_card(folder / "all", recipe, (folder / "w.safetensors").read_bytes(), [])
    return str(folder / "all")


def test_a_model_that_returns_the_mixture_scores_its_numbers(excerpts, tmp_path, tiny_recipe):
    card = returns_the_mixture(tmp_path, tiny_recipe)
    result = evaluate(
        no_checkpoint, folder=str(excerpts), card_folders=[card], device="cpu",
        report_folder=str(tmp_path / "report"),
    )  # fmt: skip
    assert list(result["median"]) == ["mixture", "hpss", "all", "oracle_wiener"]
    for rows in result["excerpts"].values():
        for key in ("sdr", "si_sdr", "frame_sdr"):
            assert rows["all"][key] == pytest.approx(rows["mixture"][key], abs=1e-3)
        assert rows["all"]["sdr_improvement"] == pytest.approx(0, abs=1e-3)
        assert rows["all"]["leakage_db"] == pytest.approx(0, abs=1e-3)
        assert rows["all"]["drums_alone_sdr"] > 60
        # The negative control: a method that does something scores something else.
        assert abs(rows["hpss"]["sdr"] - rows["mixture"]["sdr"]) > 1
        assert rows["oracle_wiener"]["sdr"] > rows["hpss"]["sdr"]
    assert set(result["songs"]) == {"song", "other"}
    votes = [rows["hpss"]["sdr"] for rows in result["songs"].values()]
    assert result["mean"]["hpss"]["sdr"] == pytest.approx(np.mean(votes))
    pair = [result["excerpts"][name]["hpss"]["sdr"] for name in ("song_1", "song_2")]
    assert result["songs"]["song"]["hpss"]["sdr"] == pytest.approx(np.mean(pair))
    assert "lonely was left out" in result["notes"][0]
    told = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert told["mean"]["all"]["sdr"] == pytest.approx(result["mean"]["all"]["sdr"])
    assert (tmp_path / "report" / "evaluation.md").read_text() == result["table"]
    assert (tmp_path / "report" / "evaluation.png").read_bytes().startswith(b"\x89PNG")


def test_the_oracle_is_better_than_any_single_gain():
    true, rest = drums(2.0), tone(2.0, 200)
    estimate = oracle_wiener(true + rest, true)
    best_gain = np.sum(true * (true + rest)) / np.sum((true + rest) ** 2)
    assert scores.sdr(true, estimate) > scores.sdr(true, best_gain * (true + rest)) + 3


def test_a_mix_may_stand_for_the_rest(excerpts, tmp_path):
    folder = tmp_path / "mixes"
    write(folder / "a" / "drums.wav", drums(1.0))
    write(folder / "a" / "mix.wav", drums(1.0) + tone(1.0, 200))
    found, notes = find_excerpts(folder)
    assert set(found["a"]) == {"drums", "mix"}
    assert notes == []


def test_an_excerpt_that_can_not_be_read_does_not_keep_the_others(excerpts):
    (excerpts / "song_2" / "drums.wav").write_bytes(b"not sound")
    result = evaluate(
        no_checkpoint, folder=str(excerpts), card_folders=[], device="cpu", full=False
    )
    assert list(result["excerpts"]) == ["other", "song_1"]
    assert list(result["errors"]) == ["song_2"]
    assert "song_2: drums.wav" in result["errors"]["song_2"]["what"]
    for name in ("song_1", "other"):
        (excerpts / name / "rest.wav").write_bytes(b"not sound")
    with pytest.raises(AudioOpenError, match="drums.wav|rest.wav"):
        evaluate(no_checkpoint, folder=str(excerpts), card_folders=[], device="cpu", full=False)


def test_a_folder_without_excerpts_is_told(tmp_path):
    with pytest.raises(AudioOpenError, match="Cannot evaluate"):
        find_excerpts(tmp_path)


def test_the_truth_finds_every_onset():
    mixture, true = drums(3.0) + tone(3.0, 200), drums(3.0)
    row = score(Excerpt("x", Audio(mixture, RATE), Audio(true, RATE)), true)
    assert row["onset_f"] == 1.0
    assert row["sdr"] == scores.CEILING_DB


def test_the_mixture_of_the_real_excerpts_scores_what_is_known(audio_pack, tmp_path):
    found, _ = find_excerpts(audio_pack / "eval")
    assert len(found) == 9
    name = "libnmfd_LSDDM_EM"
    excerpt = read_excerpt(name, found[name], tmp_path)
    assert score(excerpt, excerpt.mixture.samples)["sdr"] == pytest.approx(-4.2, abs=0.06)


@pytest.mark.robust
def test_the_shipped_model_scores_what_its_card_says(audio_pack):
    card = default_catalog().find("fast")
    result = evaluate(
        no_checkpoint,
        folder=str(audio_pack),
        card_folders=[str(card.folder)],
        device="cpu",
        full=False,
        set_name="steer",
    )
    assert result["mean"]["fast"]["sdr"] == pytest.approx(card.ranking_score, abs=0.05)
    assert card.ranking_score > result["mean"]["hpss"]["sdr"] + 1
    for rows in result["songs"].values():
        assert rows["fast"]["sdr"] > rows["mixture"]["sdr"]
