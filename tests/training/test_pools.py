from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from drumstudio import atomic
from drumstudio.core.errors import DiskFullError
from drumstudio.jobs.job import no_checkpoint
from drumstudio.training.data import SampleCache
from drumstudio.training.folders import find_sources
from drumstudio.training.pools import ClipPool, draw_mixture, write_clip
from drumstudio.training.render import Renderer, fill_pool
from tests.training.conftest import drums, tone


@pytest.fixture
def renderer(songs, tmp_path) -> Renderer:
    return Renderer(find_sources([songs]).sources, SampleCache(tmp_path / "decoded"), 1)


def test_a_crop_is_a_stretch_of_a_clip(tmp_path):
    clip = drums(1.0)
    write_clip(tmp_path, "loop", 0, 1, clip)
    crop, tempo, start = ClipPool(tmp_path).crop(np.random.default_rng(0), "loop", 1000)
    assert tempo == 0
    np.testing.assert_allclose(crop, clip[:, start : start + 1000], atol=1 / 32767)


def test_crops_of_one_tempo_start_in_step(tmp_path):
    write_clip(tmp_path, "bass", 12_000, 1, tone(12.0, 60))
    write_clip(tmp_path, "bass", 9_000, 2, tone(12.0, 60))
    pool, bar = ClipPool(tmp_path), 2 * 44_100
    for seed in range(10):
        _, tempo, start = pool.crop(
            np.random.default_rng(seed), "bass", 44_100, tempo=12_000, start=bar + 777
        )
        assert tempo == 12_000
        assert start % bar == 777


def test_a_short_clip_is_filled_with_silence(tmp_path):
    write_clip(tmp_path, "loop", 0, 1, drums(0.1))
    crop, _, _ = ClipPool(tmp_path).crop(np.random.default_rng(0), "loop", 44_100)
    assert crop.shape == (2, 44_100)
    assert not crop[:, 4410:].any()


def test_a_pool_sees_new_clips_after_a_refresh(tmp_path):
    pool = ClipPool(tmp_path)
    assert pool.crop(np.random.default_rng(0), "loop", 10) is None
    write_clip(tmp_path, "loop", 0, 1, drums(0.2))
    pool.refresh()
    assert pool.crop(np.random.default_rng(0), "loop", 10) is not None


def test_a_pool_without_drums_is_refused(tmp_path, rules):
    with pytest.raises(ValueError, match="no drums"):
        draw_mixture(np.random.default_rng(0), ClipPool(tmp_path), 1000, rules)


def test_clips_of_real_songs_keep_rest_and_drums_apart(renderer):
    for kind in ("stem", "song"):
        tempo, clip = next(renderer.clips(kind, 1))
        assert tempo == 0
        assert clip.shape == (2, 12 * 44_100)
        # Bursts have a high crest, tones a low one.
        crest = np.abs(clip).max() / np.sqrt(np.mean(clip**2))
        assert (crest > 4) == (kind == "stem")


def test_a_pool_is_filled_with_what_there_is(renderer, tmp_path, rules):
    folder = tmp_path / "pool"
    fill_pool(no_checkpoint, renderer, folder, {"stem": 1, "song": 1, "bass": 2, "voice": 3}, 0)
    names = sorted(path.name.split("~")[0] for path in folder.iterdir())
    assert names == ["bass", "bass", "song", "stem"]
    mixture, true = draw_mixture(np.random.default_rng(0), ClipPool(folder), 44_100, rules)
    assert mixture.shape == true.shape == (2, 44_100)
    assert np.abs(mixture - true).max() > 0.01


def test_the_oldest_clips_go(renderer, tmp_path):
    folder = tmp_path / "pool"
    fill_pool(no_checkpoint, renderer, folder, {"bass": 3}, 0)
    fill_pool(no_checkpoint, renderer, folder, {"bass": 2}, 100, {"bass": 2})
    assert {path.stem.split("~")[2] for path in folder.iterdir()} == {"100", "101"}


class SilentDrums:
    """Drum clips without sounds: for tests of what is laid over them."""

    grooves = (SimpleNamespace(times_of=lambda name: np.array([0.0])),)

    def render(self, clips, seconds, grids=None):
        return torch.zeros(clips, 2, int(seconds * 44_100))


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (1.0, 4)])
def test_rendered_drums_get_as_many_long_kicks_as_asked_for(tmp_path, share, count):
    bare = Renderer([], SampleCache(tmp_path), 1, share)
    bare._drum_clips = SilentDrums()
    clips = [clip for _, clip in bare.clips("rendered", 4)]
    assert sum(bool(clip.any()) for clip in clips) == count


def test_a_reseeded_renderer_repeats_itself(renderer):
    renderer.reseed(5)
    one = next(renderer.clips("bass", 1))
    renderer.reseed(5)
    same = next(renderer.clips("bass", 1))
    renderer.reseed(6)
    other = next(renderer.clips("bass", 1))
    np.testing.assert_array_equal(one[1], same[1])
    assert not np.array_equal(one[1], other[1])


def test_clips_that_will_not_fit_are_refused_before_the_first(renderer, tmp_path, monkeypatch):
    room = 3 * 2 * 2 * 12 * 44_100
    monkeypatch.setattr(atomic, "free_bytes", lambda folder: room - 1)
    with pytest.raises(DiskFullError, match="Cannot render 3 clips"):
        fill_pool(no_checkpoint, renderer, tmp_path / "pool", {"stem": 3}, 0)
    assert not list((tmp_path / "pool").iterdir())
    monkeypatch.setattr(atomic, "free_bytes", lambda folder: room)
    fill_pool(no_checkpoint, renderer, tmp_path / "pool", {"stem": 3}, 0)
    assert len(list((tmp_path / "pool").iterdir())) == 3
