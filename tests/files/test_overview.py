"""The overview of a song's spectrogram: every hit is in it, and damage is never shown."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.core.errors import AudioOpenError, Cancelled
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.overview import (
    FACTOR,
    TABLES,
    OverviewReader,
    build_overview,
    column_count,
    levels_of,
    overview_path,
    overview_steps,
)
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from tests.edited_songs import noise
from tests.strokes import split

RATE = 8_000


def wav(path, samples, rate=RATE):
    with WavWriter(path, rate, samples.shape[0]) as writer:
        writer.write(samples)
    return path


@pytest.fixture
def song(tmp_path):
    mixture, drums = noise(20.0), noise(20.0, seed=2) / 2
    return wav(tmp_path / "mixture.wav", mixture), wav(tmp_path / "drums.wav", drums)


def build(song, path, checkpoint=no_checkpoint):
    mixture, drums = song
    return build_overview(
        checkpoint,
        mixture=str(mixture),
        stems=SplitFiles.of_drums(drums).to_plain() if drums else None,
        focus="drums",
        output=str(path),
    )


def test_every_table_shows_the_largest_of_what_it_sums_up(song, tmp_path):
    path = tmp_path / "cache" / "a.overview"
    assert build(song, path) == {"built": True}
    assert build(song, path) == {"built": False}
    steps = overview_steps(RATE)
    with (
        OverviewReader(path) as overview,
        SongReader(song[0], SplitFiles.of_drums(song[1])) as reader,
    ):
        assert overview.stems == 3
        n_fft = overview.n_fft
        fine = levels_of(
            reader, "drums", n_fft, n_fft // 4, 0, column_count(reader.samples, n_fft, n_fft // 4)
        )
        for table in range(TABLES):
            groups = np.arange(0, fine.shape[1], steps[table] // (n_fft // 4))
            expected = np.maximum.reduceat(fine, groups, axis=1)
            count = expected.shape[1]
            np.testing.assert_array_equal(overview.read(table, 0, count), expected)
            np.testing.assert_array_equal(overview.read(table, 1, count - 1), expected[:, 1:])
            with pytest.raises(ValueError, match="no columns"):
                overview.read(table, 0, count + 1)


def test_a_click_is_seen_in_the_coarsest_table(tmp_path):
    samples = np.zeros((1, RATE * 30), dtype=np.float32)
    samples[0, 123_456] = 0.9
    path = tmp_path / "a.overview"
    build((wav(tmp_path / "mixture.wav", samples), None), path)
    with OverviewReader(path) as overview:
        assert overview.stems == 1
        step = overview.steps[-1]
        levels = overview.read(TABLES - 1, 0, -(-samples.shape[1] // step))
    seen = levels[0].max(axis=1)
    assert seen[123_456 // step] > 100
    assert np.count_nonzero(seen) <= 2


@pytest.mark.parametrize("count", [0, 1, 100, RATE])
def test_short_songs_have_an_overview_too(tmp_path, count):
    song = (
        wav(tmp_path / "m.wav", noise(2.0)[:, :count]),
        wav(tmp_path / "d.wav", noise(2.0)[:, :count]),
    )
    path = tmp_path / "a.overview"
    build(song, path)
    with OverviewReader(path) as overview:
        assert overview.read(0, 0, 1).shape == (3, 1, overview.n_fft // 2 + 1)


def test_a_cancelled_or_failed_one_leaves_nothing(song, tmp_path):
    def cancel(fraction, message):
        if fraction > 0.2:
            raise Cancelled

    folder = tmp_path / "cache"
    with pytest.raises(Cancelled):
        build(song, folder / "a.overview", cancel)
    song[1].write_bytes(song[1].read_bytes()[:5_000])
    with pytest.raises(AudioOpenError):
        build(song, folder / "a.overview")
    assert not list(folder.iterdir())


def test_a_damaged_one_counts_as_missing(song, tmp_path):
    path = tmp_path / "a.overview"
    build(song, path)
    whole = path.read_bytes()
    for place in range(24):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(AudioOpenError, match="damaged"):
            OverviewReader(path)
    for wrong in (b"", whole[:-1], whole + b"x"):
        path.write_bytes(wrong)
        with pytest.raises(AudioOpenError):
            OverviewReader(path)
    assert build(song, path) == {"built": True}
    assert path.read_bytes() == whole


def test_one_that_becomes_shorter_is_told(song, tmp_path):
    path = tmp_path / "a.overview"
    build(song, path)
    with OverviewReader(path) as overview:
        path.write_bytes(path.read_bytes()[:500])
        with pytest.raises(AudioOpenError, match="shorter"):
            overview.read(0, 0, 10)


def test_it_is_named_by_what_it_shows():
    names = {
        overview_path(mixture, made and split(made), "drums")
        for mixture in "ab"
        for made in ("c", None)
    }
    assert len(names) == 4
    assert FACTOR ** (TABLES - 1) * overview_steps(44_100)[0] == 65_536
