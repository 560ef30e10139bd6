"""The bank: names, levels, kits, quantisation."""

from __future__ import annotations

import numpy as np
import pytest

from drumstudio.synthesis.one_shots import OneShotBank, family_of


def bare(recorded, kits=()) -> OneShotBank:
    return OneShotBank(recorded, kits=kits, drums_per_family=0, notes_per_family=0)


def test_a_stored_sound_is_the_given_one_at_16_bits():
    wave = np.linspace(-0.5, 0.4, 300).astype(np.float32)
    bank = bare({"kick": [wave]})
    start, length = bank.starts[0], bank.lengths[0]
    stored = bank.samples[start : start + length] / 32_767
    np.testing.assert_allclose(stored, wave * 0.98 / 0.5, atol=2e-5)


def test_the_balance_of_a_kit_survives():
    loud, soft = np.full(100, 0.8, np.float32), np.full(100, 0.05, np.float32)
    bank = bare({}, [{"snare": [[{"close": soft}, {"close": loud}]]}])
    drum = bank.recorded_kits[0]["snare"][0]
    levels = [bank.samples[bank.starts[s.close[0]]] / 32_767 * s.gain for s in drum]
    np.testing.assert_allclose(levels, [0.05, 0.8], rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "length", "family"),
    [
        ("hihat", 4000, "hat_closed"),
        ("hihat", 40_000, "hat_open"),
        ("snare/oh", 9000, "snare"),
        ("conga", 9000, "hand_drum"),
        ("perc", 9000, "cowbell"),
        ("sax", 9000, None),
    ],
)
def test_names_of_the_audio_pack_find_their_family(name, length, family):
    assert family_of(name, length) == family


def test_what_is_no_drum_becomes_a_melodic_family(bank):
    assert "sax" in bank.notes


def test_silent_and_broken_sounds_are_left_out():
    bank = bare({"kick": [np.zeros(50, np.float32), np.full(50, np.nan, np.float32)]})
    assert bank.drums == {}


def test_a_sound_of_five_channels_is_refused():
    with pytest.raises(ValueError, match="must be"):
        bare({"kick": [np.ones((5, 100), np.float32)]})
