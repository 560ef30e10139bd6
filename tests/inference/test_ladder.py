"""R24: running out of memory costs time, not the song."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from drumstudio.core.errors import DeviceError
from drumstudio.inference import device as devices
from drumstudio.inference.ladder import MAX_TRIES, Ladder, Rung, chunk_sizes, is_out_of_memory
from tests.inference import stub_separators as stubs
from tests.inference.conftest import dbfs, noise
from tests.inference.stub_separators import RATE
from tests.promises import record

pytestmark = pytest.mark.robust  # too long for the fast ones

ERRORS = {
    "cuda": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 14.00 MiB"),
    "mps": lambda: RuntimeError("MPS backend out of memory (MPS allocated: 8.02 GB)"),
    "cpu": lambda: RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory: 9 GB"),
    "python": lambda: MemoryError(),
}


@pytest.fixture
def graphics_card(monkeypatch):
    """Pretend that there is an NVIDIA card; a stub does not mind where it runs."""
    monkeypatch.setattr(devices, "available", lambda: ("cuda", "cpu"))


def unfaulted(bench, song) -> tuple[np.ndarray, int]:
    bench.write_song(song)
    bench.run(stubs.Faulty)
    calls, stubs.Faulty.calls = stubs.Faulty.calls, 0
    stubs.Faulty.fed.clear()
    return bench.drums(), calls


def test_a_chunk_that_does_not_fit_is_cut_and_the_bits_stay(bench, graphics_card, monkeypatch):
    expected, calls = unfaulted(bench, noise(9 * RATE))
    cases = [(kind, at) for kind in ERRORS for at in (0, calls // 2, calls - 1)]
    for kind, at in cases:
        stubs.Faulty.plan, stubs.Faulty.calls = {at: ERRORS[kind]()}, 0
        stubs.Faulty.fed.clear()
        device = "cpu" if kind in ("cpu", "python") else "cuda"
        result = bench.run(stubs.Faulty, device=device)
        np.testing.assert_array_equal(bench.drums(), expected)
        assert (result["tries"], result["device"]) == (2, device)
        assert result["chunk_seconds"] == pytest.approx(4_096 / RATE)
        assert len(result["notes"]) == 1
        assert "in chunks of 0.5 s" in result["notes"][0]
        # What was finished is not done again: from then on only pieces of the rest are fed.
        assert all(length <= 4_096 for _, length in stubs.Faulty.fed[at:])
    record(
        "R24",
        what="out of memory in 4 ways at the first, a middle and the last chunk",
        count=len(cases),
        failures=0,
        figure="bit-equal, 2 tries, 1 notice, nothing done twice",
        control="without the ladder the song is lost",
        control_failed=lost_without_the_ladder(bench, monkeypatch, {0: MemoryError()}),
    )


def lost_without_the_ladder(bench, monkeypatch, plan) -> bool:
    monkeypatch.setattr("drumstudio.inference.separate.is_out_of_memory", lambda error: False)
    monkeypatch.setattr(stubs.Faulty, "plan", plan)
    monkeypatch.setattr(stubs.Faulty, "calls", 0)
    bench.drums_path.unlink()
    with contextlib.suppress(RuntimeError, MemoryError):
        bench.run(stubs.Faulty)
    lost = not bench.drums_path.exists()
    assert lost
    return lost


def test_a_model_that_does_not_fit_on_the_card_runs_on_the_processor(bench, graphics_card):
    expected, _ = unfaulted(bench, noise(4 * RATE))
    stubs.Faulty.refuses = "cuda"
    result = bench.run(stubs.Faulty, device="cuda")
    np.testing.assert_array_equal(bench.drums(), expected)
    assert (result["device"], result["tries"]) == ("cpu", 2)
    assert result["notes"] == [
        "The memory of the NVIDIA graphics card was too small; went on on the processor."
    ]


def test_a_card_that_never_fits_leads_to_the_processor_in_five_tries(bench, graphics_card):
    expected, _ = unfaulted(bench, noise(4 * RATE))
    stubs.Faulty.plan = {call: ERRORS["cuda"]() for call in range(4)}
    result = bench.run(stubs.Faulty, device="auto")
    np.testing.assert_array_equal(bench.drums(), expected)
    assert (result["device"], result["tries"]) == ("cpu", 5)
    assert len(result["notes"]) == 1
    places = [place for place, _ in stubs.Faulty.fed]
    assert set(places) == {"cpu"}


def test_the_next_song_gets_the_card_again(bench, graphics_card):
    bench.write_song(noise(2 * RATE))
    stubs.Faulty.refuses = "cuda"
    assert bench.run(stubs.Faulty, device="cuda")["device"] == "cpu"
    stubs.Faulty.refuses = ""
    assert bench.run(stubs.Faulty, device="cuda")["device"] == "cuda"


def test_a_net_of_infinite_field_that_was_cut_stays_within_60_db(bench, monkeypatch):
    song = noise(9 * RATE)
    bench.write_song(song)
    bench.run(stubs.FaultyRecurrent)
    expected = bench.drums()
    monkeypatch.setattr(stubs.FaultyRecurrent, "room", 5_000)
    result = bench.run(stubs.FaultyRecurrent)
    assert result["tries"] == 2
    assert dbfs(bench.drums() - expected) <= -60


def test_the_ladder_has_an_end(bench):
    bench.write_song(noise(4 * RATE))
    with pytest.raises(DeviceError, match="not enough memory"):
        bench.run(stubs.NeverFits)
    assert not bench.drums_path.exists()


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        ValueError("out of memory"),
        KeyError("memory"),
    ],
)
def test_other_errors_are_not_taken_for_a_lack_of_memory(error):
    assert not is_out_of_memory(error)


@given(
    device=st.sampled_from(["cuda", "mps", "cpu"]),
    size_count=st.integers(1, 9),
    at_load=st.lists(st.booleans(), min_size=9, max_size=9),
)
def test_every_way_down_is_short_and_ends_on_the_processor(device, size_count, at_load):
    ladder = Ladder(device, size_count)
    seen = [ladder.rung]
    with contextlib.suppress(DeviceError):
        for loading in at_load:
            ladder.step_down(shorter_chunks_help=not loading)
            seen.append(ladder.rung)
        pytest.fail("a ladder without an end")
    assert len(seen) == len(set(seen)) == ladder.tries <= MAX_TRIES
    assert seen[-1].device == "cpu"
    assert all(rung.size < size_count for rung in seen)
    assert len(ladder.notice(1.0)) == (len(seen) > 1)


def test_a_ladder_halves_first_and_changes_the_device_last():
    ladder = Ladder("cuda", 3)
    for _ in range(3):
        ladder.step_down(shorter_chunks_help=True)
    assert ladder.rung == Rung("cpu", 2)


@given(st.integers(1, 500), st.integers(1, 100), st.integers(1, 4_000))
def test_chunk_sizes_halve_down_to_the_minimum(hops_over, minimum_hops, hop):
    minimum = minimum_hops * hop + 1
    sizes = chunk_sizes(minimum + hops_over * hop, minimum, hop)
    assert sizes[0] == minimum + hops_over * hop
    assert sizes[-1] == minimum
    assert all(
        after <= max(before / 2, minimum) for before, after in zip(sizes, sizes[1:], strict=False)
    )
