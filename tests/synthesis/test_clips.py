"""Whole training clips: shape, level, determinism, the shared grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drumstudio.synthesis.backing_clips import BackingClips
from drumstudio.synthesis.drum_clips import DrumClips
from drumstudio.synthesis.grooves import Grid, Groove, groove_from_notes


@pytest.fixture(params=[DrumClips, BackingClips])
def clips_of(request):
    return request.param


def test_clips_are_finite_stereo_and_below_full_scale(bank, clips_of):
    clips = clips_of(bank, 1).render(6, 2.0)
    assert clips.shape == (6, 2, 88_200)
    assert clips.dtype == torch.float32
    assert torch.isfinite(clips).all()
    assert clips.abs().max() <= 0.981
    assert clips.abs().amax(dim=(1, 2)).min() > 1e-3


def test_levels_spread_about_minus_20(bank, clips_of):
    clips = clips_of(bank, 2).render(12, 3.0)
    levels = 20 * clips.square().mean(dim=(1, 2)).sqrt().log10()
    assert -25 < levels.median() < -16
    assert 0.5 < levels.std() < 6


def test_a_seed_and_its_calls_give_the_same_clips_and_the_next_call_new_ones(bank, clips_of):
    first, second = clips_of(bank, 3), clips_of(bank, 3)
    one, other = first.render(2, 1.0), second.render(2, 1.0)
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert not torch.equal(first.render(2, 1.0), one)


def test_no_clips_and_no_hits_are_fine(bank, clips_of):
    assert clips_of(bank, 4).render(0, 1.0).shape == (0, 2, 44_100)


def test_drums_sound_where_the_groove_says(bank):
    drums = DrumClips(bank, 5)
    clips = drums.render(8, 3.0)
    for clip, groove in zip(clips.numpy(), drums.grooves, strict=True):
        first = int(groove.hits[0].seconds * 44_100)
        before = np.max(np.abs(clip[:, : max(1, first - 500)]))
        assert before < 1e-3 * np.max(np.abs(clip))


def test_a_silent_groove_renders_to_silence(bank, monkeypatch):
    drums = DrumClips(bank, 6)
    monkeypatch.setattr(
        "drumstudio.synthesis.drum_clips.draw_groove", lambda *_: Groove(Grid(120), ())
    )
    assert torch.count_nonzero(drums.render(2, 1.0)) == 0


def test_midi_grooves_are_played(bank):
    played = groove_from_notes([(k * 0.5, 36, 100) for k in range(8)], bpm=120)
    drums = DrumClips(bank, 7, midi_grooves=[played])
    drums.render(30, 0.5)
    only_kicks = [g for g in drums.grooves if {hit.instrument for hit in g.hits} == {"kick"}]
    assert len(only_kicks) >= 2


def test_backing_shares_the_grid_of_the_drums(bank):
    drums = DrumClips(bank, 8)
    drums.render(3, 1.0)
    assert BackingClips(bank, 9).render(3, 1.0, bpm_and_grid=drums.grooves).shape[0] == 3
    with pytest.raises(ValueError, match="3 grooves"):
        BackingClips(bank, 9).render(3, 1.0, bpm_and_grid=drums.grooves[:2])


def test_grids_that_are_given_are_played(bank):
    drums = DrumClips(bank, 10)
    grids = [Grid(97.0), Grid(131.0)]
    drums.render(2, 1.0, grids=grids)
    assert [groove.grid for groove in drums.grooves] == grids
