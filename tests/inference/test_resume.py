"""A separation that was killed goes on from its finished chunks and ends with the same bits."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

from drumstudio import atomic
from drumstudio.core.errors import Cancelled, DiskFullError
from drumstudio.inference import chunk_store
from drumstudio.inference import separate as job
from tests.inference import stub_separators as stubs
from tests.inference.conftest import noise
from tests.inference.stub_separators import RATE
from tests.promises import counts, record


def stop_after(chunks: int):
    """Return a checkpoint that cancels when so many chunks are done."""
    left = [chunks]

    def checkpoint(fraction, message):
        if message.startswith("Separating"):
            if not left[0]:
                raise Cancelled
            left[0] -= 1

    return checkpoint


def cut_short(bench, stub, chunks: int, **changed) -> None:
    with pytest.raises(Cancelled):
        bench.run(stub, stop_after(chunks), **changed)
    assert len(bench.chunk_files()) == chunks


@pytest.mark.parametrize("stub", [stubs.ConvolutionNet, stubs.RecurrentNet, stubs.Identity])
def test_a_run_taken_up_again_ends_bit_equal(bench, stub):
    bench.write_song(noise(8 * RATE))
    bench.run(stub, chunk_seconds=0.6)
    uncut = bench.drums()
    for chunks, start_seconds in ((3, 0.0), (7, 5.0)):
        cut_short(bench, stub, chunks, chunk_seconds=0.6, start_seconds=start_seconds)
        assert bench.run(stub, chunk_seconds=0.6)["resumed_chunks"] == chunks
        np.testing.assert_array_equal(bench.drums(), uncut)


def test_a_run_at_another_rate_taken_up_again_ends_bit_equal(bench):
    bench.write_song(noise(60_000), rate=11_025)
    bench.run(stubs.RecurrentNet, chunk_seconds=0.6)
    uncut = bench.drums()
    cut_short(bench, stubs.RecurrentNet, 4, chunk_seconds=0.6)
    assert bench.run(stubs.RecurrentNet, chunk_seconds=0.6)["resumed_chunks"] == 4
    np.testing.assert_array_equal(bench.drums(), uncut)


def test_a_run_cut_after_memory_ran_out_ends_as_if_uncut(bench):
    bench.write_song(noise(9 * RATE))
    bench.run(stubs.Faulty)
    uncut = bench.drums()
    stubs.Faulty.calls, stubs.Faulty.plan = 0, {2: MemoryError()}
    with pytest.raises(Cancelled):
        bench.run(stubs.Faulty, stop_after(5))  # the third of them did not fit
    assert len(bench.chunk_files()) == 4
    stubs.Faulty.plan = {}
    assert bench.run(stubs.Faulty)["resumed_chunks"] == 4
    np.testing.assert_array_equal(bench.drums(), uncut)


@pytest.mark.parametrize("change", ["song", "card", "settings", "chunks", "engine"])
def test_the_chunks_of_another_run_are_never_used(bench, monkeypatch, change):
    bench.write_song(noise(6 * RATE))
    cut_short(bench, stubs.ConvolutionNet, 3, chunk_seconds=0.6)
    changed = {"chunk_seconds": 0.6}
    if change == "song":
        song = noise(6 * RATE)
        song[0, 40_000] += 1e-3
        bench.write_song(song)
    elif change == "card":
        folder = bench.card(stubs.ConvolutionNet, comment="# another one\n")
        monkeypatch.setattr(bench, "card", lambda stub: folder)
    elif change == "settings":
        changed["settings"] = {"amount": 0.75}
    elif change == "chunks":
        changed["chunk_seconds"] = 0.7
    else:
        monkeypatch.setattr(job, "ENGINE_VERSION", "another")
    assert bench.run(stubs.ConvolutionNet, **changed)["resumed_chunks"] == 0
    resumed = bench.drums()
    bench.run(stubs.ConvolutionNet, **changed)
    np.testing.assert_array_equal(resumed, bench.drums())


def test_a_disk_that_fills_up_midway_leaves_no_drums_and_keeps_the_chunks(bench, monkeypatch):
    song = noise(6 * RATE)
    bench.write_song(song)
    write = job.ChunkStore.write
    written = []

    def fills_up(store, start, samples):
        written.append(start)
        if len(written) > 4:
            raise DiskFullError("Cannot keep a separated chunk", why="full.", fix="Free some.")
        write(store, start, samples)

    with monkeypatch.context() as patch:
        patch.setattr(job.ChunkStore, "write", fills_up)
        with pytest.raises(DiskFullError):
            bench.run(stubs.ConvolutionNet, chunk_seconds=0.6)
    assert not bench.drums_path.exists()
    assert bench.run(stubs.ConvolutionNet, chunk_seconds=0.6)["resumed_chunks"] == 4


@pytest.mark.robust
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked child")
@pytest.mark.parametrize("stub", [stubs.Slow, stubs.SlowRecurrent])
def test_a_run_killed_at_random_moments_ends_bit_equal(bench, stub, monkeypatch):
    generator = np.random.default_rng(31)
    bench.write_song(noise(100_000), rate=11_025)  # so that a kill may hit the resampling too
    bench.run(stub, chunk_seconds=0.6)
    uncut = bench.drums()
    kills, wrong, resumed = counts(8, 150), 0, 0
    done = 0
    while done < kills:
        bench.drums_path.unlink(missing_ok=True)
        for _ in range(int(generator.integers(1, 4))):
            kill_one_run(bench, stub, float(generator.uniform(0.0, 0.45)))
            done += 1
        # Beside the drums a stump may lie until the owner of that folder sweeps it, as the
        # cache does with its scratch folders.
        atomic.remove_leftovers(bench.drums_path.parent)
        resumed += bench.run(stub, chunk_seconds=0.6)["resumed_chunks"]
        wrong += not np.array_equal(bench.drums(), uncut)
        assert not list(bench.folder.rglob(".*.partial")), "a killed run's stump is still there"
    record(
        "R4",
        what=f"kill -9 during a separation ({stub.__name__})",
        count=done,
        failures=wrong,
        figure=f"{wrong} of {done} not bit-equal; {resumed} chunks were not done twice",
        control="one wrong bit in a chunk, its checksum ignored: not bit-equal",
        control_failed=not_bit_equal_without_checksums(bench, stub, uncut, monkeypatch),
    )
    assert wrong == 0
    assert resumed > 0


def not_bit_equal_without_checksums(bench, stub, uncut, monkeypatch) -> bool:
    monkeypatch.setattr(chunk_store, "_checksum", lambda data: bytes(32))
    cut_short(bench, stub, 3, chunk_seconds=0.6)
    chunk = bench.chunk_files()[1]
    content = bytearray(chunk.read_bytes())
    content[-2_002] ^= 0x40
    chunk.write_bytes(content)
    assert bench.run(stub, chunk_seconds=0.6)["resumed_chunks"] == 3
    differs = not np.array_equal(bench.drums(), uncut)
    assert differs
    return differs


def kill_one_run(bench, stub, after_seconds: float) -> None:
    child = os.fork()
    if not child:
        # In the child: nothing of the parent's may run, not even its exit handlers.
        try:
            bench.run(stub, chunk_seconds=0.6)
        finally:
            os._exit(0)
    time.sleep(after_seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
