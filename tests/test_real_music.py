"""Real music, from file to stems: sums, scores, silence where there are no drums."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile as sf

from tests.cli.test_separate import studio

# Drums SDR of HPSS in dB, as librosa's own HPSS of the whole excerpt scores.
HPSS_SDR = {
    "eif_potassium_visible_1": -4.5,
    "iosr_anchors": -2.9,
    "libnmfd_120jd": 0.5,
    "libnmfd_LSDDM_EM": 1.9,
    "mdn_multitrack": -2.9,
    "trackswitch_default_1": 3.0,
}


@pytest.mark.robust
def test_real_songs_are_separated_scored_and_sum_to_themselves(audio_pack, tmp_path):
    drums = {}
    for name in HPSS_SDR:
        folder = audio_pack / "eval" / name
        drums[name], rate = sf.read(folder / "drums.flac", always_2d=True)
        rest, _ = sf.read(folder / "rest.flac", always_2d=True)
        sf.write(tmp_path / f"{name}.wav", drums[name] + rest, rate, subtype="PCM_24")
    out = tmp_path / "out"
    done = studio("separate", tmp_path, "--out", out, "--model", "hpss", "--json", timeout=300)
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout)
    assert len(reports) == len(HPSS_SDR)
    assert max(report["null_residual_dbfs"] for report in reports) <= -132
    for name, expected in HPSS_SDR.items():
        estimate, _ = sf.read(out / f"{name}_drums.wav", always_2d=True)
        assert estimate.shape == drums[name].shape
        error = np.square(drums[name] - estimate).sum()
        assert 10 * np.log10(np.square(drums[name]).sum() / error) == pytest.approx(
            expected, abs=0.1
        )
