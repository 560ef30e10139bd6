"""A model that goes on from another one with songs of the user."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.model_card import Parameter, read_card
from drumstudio.core.errors import DrumStudioError, SettingError
from drumstudio.jobs.job import no_checkpoint
from drumstudio.training.augment import MixRules
from drumstudio.training.cards import write_card
from drumstudio.training.data import SampleCache, TrainingDataError
from drumstudio.training.folders import find_sources
from drumstudio.training.means import mean_job
from drumstudio.training.pools import ClipPool, draw_mixture
from drumstudio.training.recipes import read_recipe
from drumstudio.training.render import Renderer, fill_pool
from drumstudio.training.run import going_on, train_job
from drumstudio.training.trainer import Plan, Trainer
from tests.training.conftest import RATE, drums, tone, write

pytestmark = pytest.mark.robust  # too long for the fast ones

TINY_IMPROVEMENT = """
id = "improve"
name = "Improved"
description = "A few steps: for tests."

[train]
steps = 2
batch = 2
crop_seconds = 0.5
warm_up_steps = 1
averaging = 0.5
processor_time = true
frozen_norms = true

[mix]
together = 0.5

[pool.first]
together = 2
stem = 1
song = 1
bass = 1
"""

AS_IT_IS = MixRules(together=1, together_spread_db=0, equalise=0, silent_drums=0, only_drums=0)


def noise(seconds: float, seed: int) -> np.ndarray:
    samples = np.random.default_rng(seed).uniform(-0.4, 0.4, (2, int(seconds * RATE)))
    return samples.astype(np.float32)


@pytest.fixture
def song(tmp_path) -> Path:
    """Return a folder with one song of 30 s, of noise: every stretch of it can be told."""
    folder = tmp_path / "MySong"
    write(folder / "drums.wav", noise(30.0, 1))
    write(folder / "rest.wav", noise(30.0, 2))
    return folder


@pytest.fixture
def model(tmp_path, tiny_recipe_file) -> Path:
    """Return a tiny model, with a setting of its own."""
    songs = tmp_path / "others"
    write(songs / "Old Song" / "drums.wav", drums(1.5))
    write(songs / "Old Song" / "bass.wav", tone(1.5, 60))
    result = train_job(
        no_checkpoint, recipe=str(tiny_recipe_file), data=[str(songs)],
        folder=str(tmp_path / "first"), device="cpu",
    )  # fmt: skip
    card = read_card(Path(result["model"]))
    weights = (card.folder / card.weights).read_bytes()
    modes = Parameter("mode", "choice", "soft", "Mode", choices=("soft", "hard"))
    write_card(
        card.folder, read_recipe(str(tiny_recipe_file)), weights, card.trained_on,
        parameters=(*card.parameters, modes),
    )  # fmt: skip
    return card.folder


@pytest.fixture
def improvement(tmp_path) -> Path:
    path = tmp_path / "improvement.toml"
    path.write_text(TINY_IMPROVEMENT)
    return path


def improved(improvement: Path, model: Path | None, data: Path, **changes) -> dict:
    arguments = {
        "recipe": str(improvement), "data": [str(data)], "device": "cpu",
        "folder": str(data.parent / "improved"), "from_card": None if model is None else str(model),
    }  # fmt: skip
    return train_job(no_checkpoint, **(arguments | changes))


def places_of(part: np.ndarray, whole: np.ndarray) -> tuple[int, float]:
    """Return where a stretch begins in the whole, and its gain."""
    size = 1 << int(np.ceil(np.log2(whole.shape[1] + part.shape[1])))
    likeness = np.fft.irfft(np.fft.rfft(whole[0], size) * np.fft.rfft(part[0], size).conj())
    first = int(np.abs(likeness).argmax())
    stretch = whole[:, first : first + part.shape[1]]
    return first, float((part * stretch).sum() / np.square(stretch).sum())


def assert_is_the_song(mixture: np.ndarray, true: np.ndarray, folder_drums, folder_rest) -> None:
    first, gain = places_of(true, folder_drums)
    places = slice(first, first + true.shape[1])
    if np.abs(true[0] - gain * folder_drums[0, places]).max() > 1e-3:
        folder_drums, folder_rest = folder_drums[::-1], folder_rest[::-1]
        first, gain = places_of(true, folder_drums)
        places = slice(first, first + true.shape[1])
    np.testing.assert_allclose(true, gain * folder_drums[:, places], atol=1e-3)
    np.testing.assert_allclose(mixture - true, gain * folder_rest[:, places], atol=1e-3)


def drawn(song: Path, work: Path, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    renderer = Renderer(find_sources([song]).sources, SampleCache(work / "decoded"), 1)
    fill_pool(no_checkpoint, renderer, work / "pool", {"together": 3, "stem": 1}, 0)
    return draw_mixture(np.random.default_rng(seed), ClipPool(work / "pool"), count, AS_IT_IS)


# -- the song as it is ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_songs_drums_come_with_its_own_rest_in_time(song, tmp_path, seed):
    mixture, true = drawn(song, tmp_path, 2 * RATE, seed)
    assert_is_the_song(mixture, true, noise(30.0, 1), noise(30.0, 2))
    # The control: a rest that is late by 2 ms is not the song.
    with pytest.raises(AssertionError):
        assert_is_the_song(mixture, true, noise(30.0, 1), np.roll(noise(30.0, 2), 88, axis=1))


def test_stems_of_other_lengths_stay_in_time(tmp_path):
    folder = tmp_path / "Uneven"
    write(folder / "kick.wav", noise(13.0, 1))
    write(folder / "snare.wav", 0 * noise(20.0, 1))
    write(folder / "bass.wav", noise(29.0, 2))
    write(folder / "vocals.wav", 0 * noise(30.0, 1)[:1])
    renderer = Renderer(find_sources([folder]).sources, SampleCache(tmp_path / "d"), 1)
    bass = np.pad(noise(29.0, 2), ((0, 0), (0, RATE)))
    for _, clip in renderer.clips("together", 4):
        first, gain = places_of(clip[2:], bass)
        assert gain == pytest.approx(1, abs=0.01)
        heard = noise(13.0, 1)[:, first : first + clip.shape[1]]
        np.testing.assert_allclose(clip[:2, : heard.shape[1]], heard, atol=1e-3)
        assert not clip[:2, heard.shape[1] :].any()


def test_a_rest_that_is_there_whole_is_not_added_to_its_own_parts(song, tmp_path):
    write(song / "bass.wav", noise(30.0, 3))
    mixture, true = drawn(song, tmp_path, RATE)
    assert_is_the_song(mixture, true, noise(30.0, 1), noise(30.0, 2))


def test_the_clips_of_a_song_cover_all_of_it(song, tmp_path):
    renderer = Renderer(find_sources([song]).sources, SampleCache(tmp_path / "d"), 1)
    heard = np.zeros(30 * RATE, bool)
    for _, clip in renderer.clips("together", 6):
        first, _ = places_of(clip[:2], noise(30.0, 1))
        heard[first : first + clip.shape[1]] = True
    assert heard.mean() > 0.85


def test_a_song_shorter_than_a_clip_is_taken_whole(tmp_path):
    write(tmp_path / "Short" / "drums.wav", noise(3.0, 1))
    write(tmp_path / "Short" / "rest.wav", noise(3.0, 2))
    renderer = Renderer(find_sources([tmp_path]).sources, SampleCache(tmp_path / "d"), 1)
    _, clip = next(renderer.clips("together", 1))
    assert clip.shape == (4, 3 * RATE)
    np.testing.assert_allclose(clip, np.concatenate([noise(3.0, 1), noise(3.0, 2)]), atol=1e-4)


def test_drums_without_a_rest_are_no_song(tmp_path):
    write(tmp_path / "drums" / "loop.wav", drums(2.0))
    renderer = Renderer(find_sources([tmp_path]).sources, SampleCache(tmp_path / "d"), 1)
    assert not renderer.can_render("together")
    assert renderer.can_render("loop")


# -- the model that comes of it -------------------------------------------------------------


def test_the_recipe_takes_network_and_engine_from_the_model():
    recipe, start = read_recipe("improve"), default_catalog().find("fast")
    assert (recipe.engine, recipe.network) == ("", {})
    assert recipe.mix.together > 0
    assert recipe.pool.first["together"] > 0
    assert recipe.pool.first["rendered"] > 0
    book = going_on(recipe, start)
    assert (book.engine, book.network) == (start.engine, start.network)
    assert book.plan.minutes == 5


def test_the_card_names_the_model_it_began_with_and_the_users_songs(model, improvement, song):
    result = improved(improvement, model, song)
    assert result["steps"] == 2
    start, card = read_card(model), read_card(Path(result["model"]))
    assert card.id == "tiny-improved"
    assert card.parameters == start.parameters
    assert card.network == start.network
    assert card.sha256 != start.sha256
    assert [entry.name for entry in card.trained_on] == ["MySong", "Tiny", "Old Song"]
    assert "began with" in card.trained_on[1].credit
    assert not card.scores
    named = improved(
        improvement, model, song, name="Our Room", folder=str(song.parent / "n"), minutes=1e-9
    )
    assert Path(named["model"]).name == "our-room"


@pytest.mark.robust
def test_the_shipped_model_takes_a_step_by_the_recipe_of_ours(song):
    fast = default_catalog().find("fast")
    result = improved(Path("improve"), fast.folder, song, steps=1)
    card = read_card(Path(result["model"]))
    assert (card.id, result["skipped_steps"]) == ("fast-improved", 0)
    assert card.parameters == fast.parameters
    assert {entry.name for entry in fast.trained_on} < {entry.name for entry in card.trained_on}


def test_improved_models_can_be_averaged(model, improvement, song, tmp_path):
    one = improved(improvement, model, song)["model"]
    two = improved(improvement, model, song, seed=9, folder=str(tmp_path / "two"))["model"]
    result = mean_job(
        no_checkpoint, recipe=str(improvement), card_folders=[one, two], folder=str(tmp_path / "m")
    )
    assert result["models"] == 2
    assert read_card(Path(result["model"])).engine == "tfc-tdf"


@pytest.mark.parametrize("case", ["no model", "no network", "nothing", "no drums"])
def test_what_can_not_be_improved_is_told_in_three_lines(case, improvement, song, tmp_path):
    start, data = default_catalog().find("fast").folder, song
    if case == "no model":
        start = None
    elif case == "no network":
        start = default_catalog().find("hpss").folder
    else:
        data = tmp_path / "given"
        data.mkdir()
        if case == "no drums":
            write(data / "drumless" / "guitar.wav", tone(2.0, 300))
    with pytest.raises(DrumStudioError) as caught:
        improved(improvement, start, data)
    assert isinstance(caught.value, SettingError | TrainingDataError)
    assert all((caught.value.what, caught.value.why, caught.value.fix))


# -- how it is trained ----------------------------------------------------------------------


class Normed(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2)

    def forward(self, mixture):
        return self.norm(mixture)


def one_batch(step: int) -> tuple[np.ndarray, np.ndarray]:
    mixture = np.random.default_rng(step).standard_normal((2, 2, 8192)).astype(np.float32)
    return mixture + 3, 0.3 * mixture


@pytest.mark.parametrize("frozen", [True, False])
def test_batch_norms_keep_their_statistics_if_told_to(frozen, tmp_path):
    net = Normed()
    plan = Plan(steps=3, warm_up_steps=1, frozen_norms=frozen)
    Trainer(net, plan, one_batch, tmp_path).run(no_checkpoint)
    assert bool((net.norm.running_mean == 0).all()) == frozen
    assert not torch.equal(net.norm.weight, torch.ones(2))


@pytest.mark.parametrize("processor", [True, False])
def test_minutes_of_the_processor_do_not_count_what_others_take(processor, tmp_path):
    def slow(step):
        time.sleep(0.4)
        return one_batch(step)

    plan = replace(Plan(steps=1), processor_time=processor)
    trainer = Trainer(Normed(), plan, slow, tmp_path)
    trainer.train_step(one_batch(0))
    trainer.step = 0
    trainer.run(no_checkpoint)
    assert (trainer.seconds < 0.4) == processor
