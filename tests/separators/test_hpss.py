"""HPSS is librosa's, chunk by chunk, in a fifth of the memory and less than its time."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drumstudio.catalog.model_card import read_card
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.engines import build
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import no_checkpoint
from drumstudio.paths import shipped_folder
from drumstudio.separators.hpss import HpssSeparator, median_along_rows


@pytest.fixture(scope="module")
def song() -> np.ndarray:
    """Return 7 s of chords and hits, (2, samples)."""
    generator = np.random.default_rng(9)
    time = np.arange(7 * 44_100 + 123) / 44_100
    chords = sum(np.sin(2 * np.pi * f * time) for f in (110.0, 220.5, 331.0)) * 0.1
    hits = generator.standard_normal((2, time.size)) * np.exp(-(time % 0.5) * 40) * 0.4
    return (chords + hits).astype(np.float32)


def librosa_percussive(song, kernel=31, power=2.0, margin=1.0):
    spectrum = librosa.stft(song, n_fft=4096, hop_length=1024)
    percussive = librosa.decompose.hpss(spectrum, kernel_size=kernel, power=power, margin=margin)[1]
    return librosa.istft(percussive, hop_length=1024, length=song.shape[1])


@pytest.mark.parametrize(
    ("kernel", "power", "margin"),
    [
        (31, 2.0, 1.0),
        (17, 1.0, 3.0),
        pytest.param(8, 4.5, 1.0, marks=pytest.mark.robust),
        pytest.param(101, 0.5, 1.5, marks=pytest.mark.robust),
    ],
)
def test_it_is_librosa_s_percussive_part(song, kernel, power, margin):
    drums = HpssSeparator(kernel, power, margin).separate(torch.from_numpy(song[None]))[0].numpy()
    expected = librosa_percussive(song, kernel, power, margin)
    # librosa's transforms are in float64; ours round at 6e-8 of a frame's energy.
    np.testing.assert_allclose(drums, expected, atol=3e-6)


def run(folder, song, **changed) -> np.ndarray:
    with WavWriter(folder / "song.wav", 44_100, song.shape[0]) as writer:
        writer.write(song)
    arguments = {
        "mixture": str(folder / "song.wav"),
        "drums": str(folder / "drums.wav"),
        "card_folder": str(shipped_folder("models") / "hpss"),
        "settings": {},
        "device": "auto",
        "threads": 1,
        "work_folder": str(folder / "work"),
    }
    result = separate(no_checkpoint, **(arguments | changed))
    assert result["device"] == "cpu"
    with WavReader(folder / "drums.wav") as reader:
        return reader.read(0, reader.samples)


def test_chunks_give_what_librosa_gives_for_the_whole_song(song, tmp_path):
    settings = {"kernel": 15}
    expected = librosa_percussive(song, 15)
    whole = run(tmp_path, song, settings=settings)
    np.testing.assert_allclose(whole, expected, atol=3e-6)
    for chunk_seconds in (1.5, 2.2, 5.0):
        chunked = run(tmp_path, song, settings=settings, chunk_seconds=chunk_seconds)
        np.testing.assert_array_equal(chunked, whole)


@pytest.mark.parametrize("samples", [1, 100, 4_096, 100_000])
@pytest.mark.parametrize("channels", [1, 3])
def test_short_songs_and_any_channels_pass(tmp_path, samples, channels):
    song = np.random.default_rng(2).standard_normal((channels, samples)).astype(np.float32)
    drums = run(tmp_path, song)
    assert drums.shape == song.shape
    assert np.isfinite(drums).all()


def test_silence_stays_silent(tmp_path):
    assert not run(tmp_path, np.zeros((2, 50_000), dtype=np.float32)).any()


def test_very_soft_and_very_loud_sound_is_masked_alike(song):
    separator = HpssSeparator(31, 4.0, 1.0)
    drums = separator.separate(torch.from_numpy(song[None]))
    for factor in (1e-9, 1e6):
        scaled = separator.separate(torch.from_numpy(song[None] * np.float32(factor)))
        torch.testing.assert_close(scaled / factor, drums, rtol=1e-3, atol=1e-5)


def test_the_mixture_is_left_as_it_is(song):
    before = song.copy()
    HpssSeparator(31, 2.0, 1.0).separate(torch.from_numpy(song[None]))
    np.testing.assert_array_equal(song, before)


def test_the_card_that_ships_builds_it():
    card = read_card(shipped_folder("models") / "hpss")
    separator = build(card, card.check_settings({"kernel": 101, "margin": "2"}))
    assert isinstance(separator, HpssSeparator)
    assert (separator.kernel, separator.power, separator.margin) == (101, 2.0, 2.0)
    assert separator.min_chunk_samples > 2 * separator.context_samples


@given(
    rows=st.integers(1, 6),
    columns=st.integers(40, 120),
    kernel=st.integers(1, 40),
    seed=st.integers(0, 9),
    levels=st.integers(1, 5),
)
@settings(max_examples=60)
def test_the_quick_median_is_scipy_s_slow_one(rows, columns, kernel, seed, levels):
    generator = np.random.default_rng(seed)
    values = generator.integers(levels, size=(rows, columns)).astype(np.float32)
    np.testing.assert_array_equal(
        median_along_rows(values, kernel),
        scipy.ndimage.median_filter(values, size=(1, kernel), mode="reflect"),
    )
