"""Drums are drawn and heard while they are being separated, from where one listens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drumstudio.application.song_preview import PreviewPeaks, Previews, SongPreview
from drumstudio.core.separation import Media, Separation
from drumstudio.core.song import Song
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.peaks import LEVELS, PeaksReader, Waveform, build_peaks
from drumstudio.files.preview import PreviewWriter
from drumstudio.files.result_cache import ResultCache
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from tests.edited_songs import of_drums

RATE, SAMPLES = 8_000, 300_001


@pytest.fixture
def song(tmp_path):
    generator = np.random.default_rng(3)
    mixture = generator.uniform(-1, 1, (2, SAMPLES)).astype(np.float32)
    path = tmp_path / "mixture.wav"
    with WavWriter(path, RATE, 2) as writer:
        writer.write(mixture)
    return path, mixture


def test_a_finished_preview_is_drawn_as_the_whole_would_be(song, tmp_path):
    path, mixture = song
    drums = (mixture * 0.25).astype(np.float32)
    preview = SongPreview(path, SplitFiles.of_drums(tmp_path / "preview.wav"))
    assert not preview.refresh()
    with PreviewWriter(preview.path, RATE, 2, SAMPLES) as writer:
        for start in (200_000, 0, 100_000):
            writer.add(start, drums[:, start : start + 100_001])
            assert preview.refresh()
            assert not preview.refresh()
    outputs = {stem: str(tmp_path / f"{stem}.peaks") for stem in ("drums", "rest")}
    build_peaks(no_checkpoint, mixture=str(path), stems=preview.stems.to_plain(), outputs=outputs)
    with SongReader(path, preview.stems) as reader:
        for stem, file in outputs.items():
            shown = PreviewPeaks(preview, stem, reader)
            with PeaksReader(Path(file)) as whole:
                for level in range(LEVELS):
                    last = -(-SAMPLES // (64 * 4**level))
                    np.testing.assert_allclose(
                        shown.read(level, 1, last - 1), whole.read(level, 1, last - 1), atol=1e-6
                    )
            columns = Waveform(shown, None).columns(0.0, 5_000.0, 60)
            assert columns.high.max() > 0.2


def test_what_is_not_finished_is_silent(song, tmp_path):
    path, mixture = song
    preview = SongPreview(path, SplitFiles.of_drums(tmp_path / "preview.wav"))
    with PreviewWriter(preview.path, RATE, 2, SAMPLES) as writer:
        writer.add(131_072, mixture[:, 131_072 : 2 * 131_072])
    preview.refresh()
    assert preview.ranges == ((131_072, 2 * 131_072),)
    levels = preview.buckets("drums", 5, 0, 5)
    assert levels is not None
    assert [bool(bucket.any()) for bucket in levels] == [False, False, True, True, False]


def test_a_separation_is_followed_and_forgotten_when_it_ends(song, tmp_path):
    path, mixture = song
    previews = Previews(ResultCache(tmp_path / "cache", 1 << 30))
    told = []
    previews.changed.connect(told.append)
    made = Song("1" * 12, "x", "x", Media("0" * 64, 1, RATE, 2, SAMPLES))
    with (
        previews.following(made, path, no_checkpoint) as following,
        PreviewWriter(following.path, RATE, 2, SAMPLES) as writer,
    ):
        following.checkpoint(0.1, "Separating")
        assert previews.get(made.id) is None
        writer.add(0, mixture[:, :1_000])
        following.checkpoint(0.2, "Separating")
        assert previews.get(made.id).ranges == ((0, 1_000),)
    assert previews.get(made.id) is None
    assert told == [made.id, made.id]
    assert following.path.exists()  # somebody may still be listening
    previews.close()
    assert not following.path.exists()


def test_a_song_that_is_separated_already_needs_no_preview(song, tmp_path):
    path, _ = song
    previews = Previews(ResultCache(tmp_path / "cache", 1 << 30))
    media = Media("0" * 64, 1, RATE, 2, SAMPLES)
    separation = Separation("2" * 12, "Fast", origin="model", **of_drums(media))
    made = Song("1" * 12, "x", "x", media, separations=(separation,), active="2" * 12)
    with previews.following(made, path, no_checkpoint) as following:
        assert following.path is None
        following.checkpoint(0.5, "Separating")
    assert previews.get(made.id) is None
