"""Waveforms at every zoom show what the samples are, however long the song is."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumstudio.core.errors import AudioOpenError
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.peaks import (
    BUCKET_SAMPLES,
    FACTOR,
    LEVELS,
    PeaksReader,
    Waveform,
    build_peaks,
    peaks_name,
    summarise,
)
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from drumstudio.workers.roles import JOBS
from tests.strokes import split

SAMPLES = 300_001


def noise(channels=2, samples=SAMPLES, seed=5):
    generator = np.random.default_rng(seed)
    swell = 0.1 + 0.9 * np.abs(np.sin(np.arange(samples) / 9_000))
    return (0.3 * swell * generator.standard_normal((channels, samples))).astype(np.float32)


def write(path, samples):
    with WavWriter(path, 44_100, samples.shape[0]) as writer:
        writer.write(samples)
    return path


class Sound:
    """A source in memory that remembers how much was read."""

    def __init__(self, samples):
        self.samples = samples
        self.read_samples = 0

    def read(self, start, count):
        assert start >= 0
        assert start + count <= self.samples.shape[1]
        self.read_samples += count
        return self.samples[:, start : start + count]


MIXTURE = noise(seed=1)


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Return the folder of a song with drums and the peaks of its three stems."""
    folder = tmp_path_factory.mktemp("song")
    write(folder / "mixture.wav", MIXTURE)
    write(folder / "drums.wav", noise(seed=2))
    built = build_peaks(
        no_checkpoint,
        mixture=str(folder / "mixture.wav"),
        stems=SplitFiles.of_drums(folder / "drums.wav").to_plain(),
        outputs={stem: str(folder / f"{stem}.peaks") for stem in ("mixture", "drums", "rest")},
    )
    assert built == {"built": ["mixture", "drums", "rest"]}
    return folder


@pytest.mark.parametrize("stem", ["mixture", "drums", "rest"])
def test_every_level_is_what_the_samples_say(song, stem):
    with (
        SongReader(song / "mixture.wav", SplitFiles.of_drums(song / "drums.wav")) as reader,
        PeaksReader(song / f"{stem}.peaks") as peaks,
    ):
        samples = reader.read(stem, 0, SAMPLES)
        for level in range(LEVELS):
            size = BUCKET_SAMPLES * FACTOR**level
            count = -(-SAMPLES // size)
            buckets = peaks.read(level, 0, count)
            for number in (0, count // 2, count - 1):
                part = samples[:, number * size : (number + 1) * size]
                np.testing.assert_array_equal(buckets[number, :, 0], part.min(axis=1))
                np.testing.assert_array_equal(buckets[number, :, 1], part.max(axis=1))
                rms = np.sqrt(np.square(part.astype(np.float64)).mean(axis=1))
                np.testing.assert_allclose(buckets[number, :, 2], rms, rtol=1e-5)


@given(
    st.floats(-50_000.0, 350_000.0),
    st.floats(0.01, 200_000.0),
    st.integers(0, 300),
)
def test_no_sample_is_ever_left_out_of_a_drawing(song, start, zoom, count):
    samples = MIXTURE
    source = Sound(samples)
    with PeaksReader(song / "mixture.peaks") as peaks:
        columns = Waveform(peaks, source).columns(start, zoom, count)
    first, last = max(int(np.ceil(start)), 0), min(int(start + zoom * count), SAMPLES)
    assert columns.low.shape == (2, count)
    assert (columns.low <= columns.rms).all()
    assert (columns.rms <= np.maximum(-columns.low, columns.high) + 1e-6).all()
    if zoom < BUCKET_SAMPLES:
        assert source.read_samples <= zoom * count + 2
        spread = 0
    else:
        assert source.read_samples == 0
        spread = int(min(zoom, BUCKET_SAMPLES * FACTOR ** (LEVELS - 1)))
    if last - first > 2 * spread:
        seen = samples[:, first + spread : last - spread]
        if seen.size:
            assert (columns.high.max(axis=1) >= seen.max(axis=1)).all()
            assert (columns.low.min(axis=1) <= seen.min(axis=1)).all()


def test_close_up_every_column_is_exact(song):
    samples = MIXTURE
    with PeaksReader(song / "mixture.peaks") as peaks:
        columns = Waveform(peaks, Sound(samples)).columns(1_000.0, 10.0, 50)
        part = samples[:, 1_000:1_500].reshape(2, 50, 10)
        np.testing.assert_array_equal(columns.low, part.min(axis=2))
        np.testing.assert_array_equal(columns.high, part.max(axis=2))
        closest = Waveform(peaks, Sound(samples)).columns(1_000.0, 0.25, 8)
        expected = np.repeat(samples[:, 1_000:1_002], 4, axis=1)
        np.testing.assert_array_equal(closest.low, expected)
        np.testing.assert_array_equal(closest.high, expected)
        np.testing.assert_allclose(closest.rms, np.abs(expected), rtol=1e-6)


def test_far_out_every_column_is_exact_where_it_falls_on_buckets(song):
    samples = MIXTURE[:, : 256 * 1_000]
    with PeaksReader(song / "mixture.peaks") as peaks:
        columns = Waveform(peaks, Sound(samples)).columns(0.0, 256.0, 1_000)
    part = samples.reshape(2, 1_000, 256)
    np.testing.assert_array_equal(columns.low, part.min(axis=2))
    np.testing.assert_array_equal(columns.high, part.max(axis=2))
    np.testing.assert_allclose(columns.rms, np.sqrt(np.square(part).mean(axis=2)), rtol=1e-4)


def test_scrolling_by_whole_columns_keeps_every_column(song):
    with PeaksReader(song / "mixture.peaks") as peaks:
        waveform = Waveform(peaks, Sound(MIXTURE))
        zoom = 333.3
        before = waveform.columns(100 * zoom, zoom, 200)
        after = waveform.columns(101 * zoom, zoom, 200)
        np.testing.assert_array_equal(before.high[:, 1:], after.high[:, :-1])


def test_there_is_nothing_before_and_after_the_song(song):
    with PeaksReader(song / "mixture.peaks") as peaks:
        waveform = Waveform(peaks, Sound(MIXTURE))
        for zoom in (0.5, 10.0, 100.0, 5_000.0):
            before = waveform.columns(-20 * zoom, zoom, 20)
            after = waveform.columns(SAMPLES + zoom * 64 * FACTOR, zoom, 20)
            for columns in (before, after):
                assert not columns.low.any()
                assert not columns.rms.any()
        with pytest.raises(ValueError, match="samples_per_column"):
            waveform.columns(0.0, 0.0, 5)


@pytest.mark.parametrize("samples", [0, 1, 63, 64, 65, 65_537])
@pytest.mark.parametrize("channels", [1, 6])
def test_short_and_odd_songs_have_a_waveform_too(tmp_path, samples, channels):
    song = noise(channels, samples)
    write(tmp_path / "mixture.wav", song)
    build_peaks(
        no_checkpoint,
        mixture=str(tmp_path / "mixture.wav"),
        stems=None,
        outputs={"mixture": str(tmp_path / "new folder" / "mixture.peaks")},
    )
    with PeaksReader(tmp_path / "new folder" / "mixture.peaks") as peaks:
        whole = Waveform(peaks, Sound(song)).columns(0.0, max(samples / 3, 1.0), 4)
    if samples:
        np.testing.assert_array_equal(whole.high.max(axis=1), np.maximum(song.max(axis=1), 0.0))
    else:
        assert not whole.high.any()


def test_blocks_give_the_pyramid_of_the_whole():
    song = noise(1, 3 * 65_536 + 77)
    whole = summarise(song)
    parts = [
        summarise(song[:, start : start + 65_536]) for start in range(0, song.shape[1], 65_536)
    ]
    for level in range(LEVELS):
        joined = np.concatenate([part[level] for part in parts])
        np.testing.assert_array_equal(joined, whole[level])


def test_what_is_there_is_not_built_again_and_what_is_damaged_is(song, tmp_path):
    write(tmp_path / "mixture.wav", noise(1, 5_000))
    path = tmp_path / "mixture.peaks"

    def build():
        return build_peaks(
            no_checkpoint,
            mixture=str(tmp_path / "mixture.wav"),
            stems=None,
            outputs={"mixture": str(path)},
        )["built"]

    assert build() == ["mixture"]
    good = path.read_bytes()
    assert build() == []
    path.write_bytes(good[:-1])
    assert build() == ["mixture"]
    assert path.read_bytes() == good


def test_no_damaged_header_is_taken_for_a_waveform(song, tmp_path):
    good = (song / "mixture.peaks").read_bytes()
    path = tmp_path / "damaged.peaks"
    for place in range(24):
        for bit in (0, 5):
            damaged = bytearray(good)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(AudioOpenError, match="damaged"):
                PeaksReader(path)
    for length in (0, 3, 23, 24, len(good) - 1):
        path.write_bytes(good[:length])
        with pytest.raises(AudioOpenError):
            PeaksReader(path)
    with pytest.raises(AudioOpenError, match="not there"):
        PeaksReader(tmp_path / "missing.peaks")


def test_a_file_that_shrinks_while_it_is_read_is_told_and_kills_nobody(song, tmp_path):
    path = tmp_path / "mixture.peaks"
    path.write_bytes((song / "mixture.peaks").read_bytes())
    with PeaksReader(path) as peaks:
        os.truncate(path, 5_000)
        with pytest.raises(AudioOpenError, match="shorter"):
            peaks.read(5, 0, 2)
        with pytest.raises(ValueError, match="no buckets"):
            peaks.read(0, 0, 10**6)


def test_a_cancelled_build_leaves_no_file(song, tmp_path):
    class Stop(Exception):
        pass

    def stop(fraction, message):
        raise Stop

    with pytest.raises(Stop):
        build_peaks(
            stop,
            mixture=str(song / "mixture.wav"),
            stems=None,
            outputs={"mixture": str(tmp_path / "mixture.peaks")},
        )
    assert list(tmp_path.iterdir()) == []


def test_names_follow_the_content_that_is_shown():
    name = peaks_name("drums", mixture="a", split=split("b"))
    assert name == peaks_name("drums", mixture="other", split=split("b"))
    assert peaks_name("mixture", mixture="a", split=split("b")) == peaks_name(
        "mixture", mixture="a", split=None
    )
    names = {
        peaks_name(stem, mixture=mixture, split=split(drums))
        for stem in ("mixture", "drums", "rest")
        for mixture in "ab"
        for drums in "cd"
    }
    assert len(names) == 2 + 2 + 4


def test_the_decode_worker_draws_the_waveforms():
    assert JOBS["peaks"].role == "decode"
    assert JOBS["peaks"].function == "drumstudio.files.peaks:build_peaks"
