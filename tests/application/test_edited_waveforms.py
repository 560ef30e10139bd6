"""Waveforms of what was edited: as if the pyramid had been made of the edited stems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drumstudio.application.edited_waveforms import EditedPeaks, edited_blocks
from drumstudio.core.edit_render import DeltaRun
from drumstudio.core.errors import Cancelled
from drumstudio.files.block_reader import SongReader, SplitFiles
from drumstudio.files.delta_store import DeltaStore, SongDeltas, stem_key
from drumstudio.files.peaks import FACTOR, LEVELS, PeaksReader, Waveform, build_peaks
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from tests.edited_songs import noise
from tests.strokes import split

STEMS = ("drums", "rest")
BLOCK = 8_192
SAMPLES = 70_001


def write(path, samples):
    with WavWriter(path, 8_000, samples.shape[0]) as writer:
        writer.write(samples)
    return path


def peaks_of(folder, name, mixture, drums):
    folder = folder / name
    folder.mkdir()
    files = (write(folder / "m.wav", mixture), SplitFiles.of_drums(write(folder / "d.wav", drums)))
    outputs = {stem: str(folder / f"{stem}.peaks") for stem in STEMS}
    build_peaks(no_checkpoint, mixture=str(files[0]), stems=files[1].to_plain(), outputs=outputs)
    return files, {stem: PeaksReader(Path(path)) for stem, path in outputs.items()}


@pytest.fixture
def song(tmp_path):
    mixture = noise(SAMPLES / 8_000, seed=1)
    drums = noise(SAMPLES / 8_000, seed=2) / 2
    store = DeltaStore(tmp_path / "deltas")
    deltas = {1: (9_000, 3_000), 4: (4 * BLOCK, BLOCK), 8: (8 * BLOCK + 100, SAMPLES - 65_636)}
    edited = drums.copy()
    for block, (start, count) in deltas.items():
        added = noise(count / 8_000, seed=3 + block) * 3
        store.put(stem_key(f"k{block}", "drums"), (DeltaRun(start, added),))
        edited[:, start : start + count] += added
    files, model = peaks_of(tmp_path, "model", mixture, drums)
    _, truth = peaks_of(tmp_path, "truth", mixture, edited)
    reader = SongReader(*files)
    reader.deltas = SongDeltas(store, BLOCK, {block: f"k{block}" for block in deltas}, ("drums",))
    yield reader, model, truth
    reader.close()
    for peaks in (*model.values(), *truth.values()):
        peaks.close()


def draw(reader, before=None, checkpoint=no_checkpoint):
    return edited_blocks(reader, split("d"), BLOCK, reader.deltas, before, checkpoint)


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("level", range(LEVELS))
def test_every_level_is_as_if_made_of_the_edited_stem(song, stem, level):
    reader, model, truth = song
    edited = EditedPeaks(model[stem], stem)
    count = -(-SAMPLES // (64 * FACTOR**level))
    expected = truth[stem].read(level, 0, count)
    assert np.abs(edited.read(level, 0, count) - expected).max() > 0.01
    edited.edits = draw(reader)
    seen = edited.read(level, 0, count)
    np.testing.assert_allclose(seen, expected, atol=1e-5)
    if count > 3:
        part = edited.read(level, 1, count - 2)
        np.testing.assert_array_equal(part, edited.read(level, 0, count)[1:-1])


def test_columns_of_the_edited_stem_are_drawn(song):
    reader, model, truth = song
    edited = EditedPeaks(model["drums"], "drums")
    edited.edits = draw(reader)
    for zoom in (70.0, 999.0, 20_000.0):
        seen, expected = (
            Waveform(peaks, None).columns(0.0, zoom, 30) for peaks in (edited, truth["drums"])
        )
        np.testing.assert_allclose(seen.high, expected.high, atol=1e-5)
        np.testing.assert_allclose(seen.rms, expected.rms, atol=5e-3)


def test_blocks_that_are_known_are_not_read_again(song, monkeypatch):
    reader, _, _ = song
    first = draw(reader)
    read = []
    plain = reader.read
    monkeypatch.setattr(reader, "read", lambda *a: read.append(a) or plain(*a))
    again = draw(reader, first)
    assert read == []
    assert again.buckets.keys() == first.buckets.keys()
    fewer = SongDeltas(None, BLOCK, {1: "k1"}, ("drums",))
    assert set(edited_blocks(reader, split("d"), BLOCK, fewer, first, no_checkpoint).buckets) == {
        ("drums", 1),
        ("rest", 1),
    }


def test_a_newer_edit_stops_the_drawing(song):
    def stop(fraction, message):
        raise Cancelled

    with pytest.raises(Cancelled):
        draw(song[0], checkpoint=stop)
