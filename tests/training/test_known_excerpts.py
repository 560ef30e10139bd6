from __future__ import annotations

import shutil

import numpy as np
import pytest
import soundfile

from drumstudio.jobs.job import no_checkpoint
from drumstudio.training import known_excerpts
from drumstudio.training.data import TrainingDataError, decoded
from drumstudio.training.folders import check
from drumstudio.training.known_excerpts import PRINTS_FILE, excerpt_in, print_of
from drumstudio.training.run import train_job
from tests.training.conftest import RATE, tone, write


def made_music(seconds: float, seed: int) -> np.ndarray:
    """Return hits and notes at drawn places, float32 (2, samples)."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    out = np.zeros(count + RATE)
    time = np.arange(RATE) / RATE
    for start in np.sort(rng.integers(0, count, int(6 * seconds))):
        hertz = 110 * 2 ** (rng.integers(0, 36) / 12)
        note = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 6))
        burst = rng.standard_normal(RATE) * np.exp(-time * 40)
        out[start : start + RATE] += 0.1 * note * np.exp(-time * 5) + 0.1 * burst
    return np.stack([out[:count], 0.8 * out[:count]]).astype(np.float32)


@pytest.fixture
def known(tmp_path, monkeypatch) -> np.ndarray:
    """Return a sound that is the only one known."""
    samples = made_music(9.0, 1)
    np.savez(tmp_path / "prints.npz", **{"song/drums": print_of(samples)})
    monkeypatch.setattr(known_excerpts, "PRINTS_FILE", tmp_path / "prints.npz")
    known_excerpts._known.cache_clear()
    yield samples
    known_excerpts._known.cache_clear()


def as_vorbis(samples: np.ndarray, path) -> np.ndarray:
    soundfile.write(str(path), samples.T, RATE, format="OGG", subtype="VORBIS")
    return decoded(path)


def at_another_rate(samples: np.ndarray, path) -> np.ndarray:
    import soxr

    soundfile.write(str(path), soxr.resample(samples.T, RATE, 48_000), 48_000, format="FLAC")
    return decoded(path)


@pytest.mark.parametrize(
    "copied",
    [
        lambda samples, path: samples,
        lambda samples, path: 0.25 * samples[::-1],
        lambda samples, path: samples[:, 70_123 : 70_123 + 5 * RATE],
        as_vorbis,
        at_another_rate,
    ],
    ids=["as it is", "softer, sides swapped", "a part", "Vorbis", "48 kHz"],
)
def test_a_copy_is_known_by_its_sound(known, copied, tmp_path):
    assert excerpt_in(copied(known, tmp_path / "copy")) == "song/drums"


def test_other_sounds_are_not_taken_for_it(known):
    assert excerpt_in(made_music(20.0, 2)) is None
    assert excerpt_in(tone(20.0, 100)) is None
    assert excerpt_in(np.zeros((2, 10 * RATE), np.float32)) is None
    assert excerpt_in(known[:, : 2 * RATE]) is None
    # What is said to be beyond it: a semitone higher.
    from drumstudio.training.augment import repitched

    higher = repitched(known, int(known.shape[1] / 2 ** (1 / 12)))
    assert excerpt_in(higher) is None


def test_a_training_refuses_an_excerpt_under_any_name(known, tiny_recipe_file, songs, tmp_path):
    train = {"recipe": str(tiny_recipe_file), "data": [str(songs)], "steps": 1, "device": "cpu"}
    hidden = songs / "my own song"
    write(hidden / "drums.wav", known[:, :200_000])
    write(hidden / "bass.wav", tone(5.0, 70))
    with pytest.raises(TrainingDataError, match="scored on") as told:
        train_job(no_checkpoint, folder=str(tmp_path / "work"), **train)
    assert "drums.wav is song/drums" in told.value.why
    assert str(hidden) in told.value.fix
    assert "no training takes it" in check(no_checkpoint, folders=[str(songs)])["problems"][
        "my own song"
    ][0]  # fmt: skip
    # The control: the same folder with another sound in the place of it trains.
    write(hidden / "drums.wav", made_music(5.0, 3))
    assert train_job(no_checkpoint, folder=str(tmp_path / "work"), **train)["steps"] == 1


def test_what_was_listened_to_is_not_listened_to_again(
    known, tiny_recipe_file, songs, tmp_path, monkeypatch
):
    write(songs / "long" / "drums.wav", made_music(5.0, 3))
    write(songs / "long" / "bass.wav", tone(5.0, 70))
    heard = []
    real = known_excerpts.excerpt_in
    monkeypatch.setattr(known_excerpts, "excerpt_in", lambda s: heard.append(s) or real(s))
    train = {"recipe": str(tiny_recipe_file), "data": [str(songs)], "device": "cpu"}
    work = str(tmp_path / "work")
    train_job(no_checkpoint, folder=work, steps=1, **train)
    first = len(heard)
    assert first == 2
    train_job(no_checkpoint, folder=work, steps=2, **train)
    assert len(heard) == first
    # A file that came since is heard.
    write(songs / "long" / "other.wav", known)
    with pytest.raises(TrainingDataError):
        train_job(no_checkpoint, folder=work, steps=3, **train)


@pytest.mark.robust
def test_the_prints_that_ship_are_those_of_the_pack(audio_pack, tmp_path):
    with np.load(PRINTS_FILE) as stored:
        prints = {name: stored[name] for name in stored.files}
    assert len([name for name in prints if name.endswith("/drums")]) == 23
    for place in ("eval/trackswitch_default_1/drums.flac", "eval_more/mdb_punk/rest.ogg"):
        path = audio_pack / place
        signs = print_of(decoded(path))
        same = np.mean(prints[f"{path.parent.name}/{path.stem}"] == signs)
        assert same > 0.99
        copy = tmp_path / f"renamed{path.suffix}"
        shutil.copy(path, copy)
        assert excerpt_in(decoded(copy)) == f"{path.parent.name}/{path.stem}"
    # Training files are none of them, not even those of an artist who is in both.
    for place in ("train/stems/rubidium/drums.ogg", "train/stems/rubidium/other.ogg"):
        assert excerpt_in(decoded(audio_pack / place)) is None
