from __future__ import annotations

from dataclasses import replace

import mido
import numpy as np
import pytest

from drumstudio.synthesis.grooves import Grid, Groove, Hit
from drumstudio.synthesis.parts import PlayedNote, draw_harmony
from drumstudio.training.data import SampleCache, Source, TrainingDataError
from drumstudio.training.low_end import played_bass
from drumstudio.training.pools import ClipPool, draw_mixture, write_clip
from drumstudio.training.render import Renderer
from drumstudio.training.written_parts import bass_for, read_score, window
from tests.training.conftest import RATE


def write_score(path, *, program: int = 33) -> None:
    """Write 32 beats of half a second: a kick on each, a bass note of a quarter of it with it."""
    score = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    score.tracks.append(track)
    track.append(mido.Message("program_change", channel=1, program=program))
    for beat in range(32):
        track.append(mido.Message("note_on", channel=9, note=36, velocity=100, time=0))
        track.append(mido.Message("note_on", channel=1, note=40 + beat % 3, velocity=90, time=0))
        track.append(mido.Message("note_off", channel=1, note=40 + beat % 3, time=120))
        track.append(mido.Message("note_off", channel=9, note=36, time=360))
    score.save(str(path))


@pytest.fixture
def score_file(tmp_path):
    write_score(tmp_path / "score.mid")
    return tmp_path / "score.mid"


def test_a_score_gives_its_drums_and_its_bass(score_file):
    score = read_score(score_file)
    assert score.seconds == pytest.approx(16.0)
    np.testing.assert_allclose(score.groove.times_of("kick"), np.arange(32) * 0.5)
    assert [note.pitch for note in score.bass[:4]] == [40, 41, 42, 40]
    assert {round(note.length_seconds, 3) for note in score.bass} == {0.125}


def test_a_score_without_a_bass_or_broken_is_none_or_told(tmp_path):
    write_score(tmp_path / "piano.mid", program=0)
    assert read_score(tmp_path / "piano.mid") is None
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    with pytest.raises(TrainingDataError, match=r"broken\.mid"):
        read_score(tmp_path / "broken.mid")


def test_in_a_window_kick_and_bass_stay_together(score_file):
    score = read_score(score_file)
    for seed in range(8):
        groove, notes = window(np.random.default_rng(seed), score, 6.0)
        kicks = groove.times_of("kick")
        assert len(kicks) >= 9
        assert kicks.max() < 6.0
        np.testing.assert_allclose(kicks, [note.seconds for note in notes])


def test_a_bass_drawn_for_a_groove_is_on_its_kicks_or_beside_them():
    grid = Grid(120.0)
    groove = Groove(grid, tuple(Hit(t, "kick", 1.0) for t in np.arange(0, 12, 0.5)))
    kicks = groove.times_of("kick")
    with_them, beside = 0, 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        notes = bass_for(rng, groove, draw_harmony(rng), 12.0)
        starts = np.array([note.seconds for note in notes])
        assert len(starts)
        apart = np.abs(starts[:, None] - kicks).min(1)
        with_them += bool(len(starts) == len(kicks) and apart.max() < 1e-9)
        beside += bool(apart.min() > 0.2)
    assert with_them >= 6
    assert beside >= 3


def test_notes_sound_at_their_pitch_and_where_they_stand():
    notes = [PlayedNote(0.5, 0.4, 45.0, 0.8)]
    found = []
    for seed in range(5):
        line = played_bass(np.random.default_rng(seed), notes, np.zeros(0), 2.0)
        assert np.abs(line).max() == pytest.approx(0.9, abs=1e-3)
        assert np.abs(line[: int(0.49 * RATE)]).max() == 0
        assert np.abs(line[int(1.1 * RATE) :]).max() < 0.02
        spectrum = np.abs(np.fft.rfft(line, 4 * RATE))
        found.append(np.argmax(spectrum[: 4 * 160]) / 4)
    # Most voices are strongest at the fundamental of A2; some glide or wobble.
    assert sum(abs(hertz - 110) < 8 for hertz in found) >= 3


@pytest.mark.robust
def test_written_clips_hold_drums_and_their_bass_and_are_mixed_so(score_file, tmp_path, rules):
    source = Source(score_file, "score", "band", "me", "", "CC0", 0.0, "train")
    renderer = Renderer([source], SampleCache(tmp_path / "d"), 1, 0.0, 0.05)
    assert renderer.can_render("written")
    folder = tmp_path / "pool"
    folder.mkdir()
    tempos = set()
    for number, (tempo, clip) in enumerate(renderer.clips("written", 6)):
        assert clip.shape == (4, 12 * RATE)
        assert np.abs(clip[:2]).max() > 0.01
        assert np.abs(clip[2:]).max() > 0.01
        tempos.add(tempo > 0)
        write_clip(folder, "written", tempo, number, clip)
    assert tempos == {True, False}
    pool = ClipPool(folder)
    mixture, drums = draw_mixture(
        np.random.default_rng(0), pool, RATE, replace(rules, written=1.0, repitch=0)
    )
    assert mixture.shape == drums.shape == (2, RATE)
    assert np.abs(mixture - drums).max() > 1e-3
