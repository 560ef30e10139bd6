"""Chunks side by side: the same bits, one at a time once memory ran out, and who gives way."""

from __future__ import annotations

import os
import sys
import threading

import numpy as np
import pytest
import torch

from drumstudio.core.errors import Cancelled, ModelCorruptError
from drumstudio.files.wav_file import WavReader
from tests.inference import stub_separators as stubs
from tests.inference.conftest import noise
from tests.inference.stub_separators import RATE

WAIT_SECONDS = 20


@pytest.mark.parametrize("stub", [stubs.ConvolutionNet, stubs.RecurrentNet, stubs.Identity])
def test_chunks_side_by_side_give_the_same_bits(bench, stub):
    bench.write_song(noise(8 * RATE))
    bench.run(stub, chunk_seconds=0.6)
    alone = bench.drums()
    for threads in (2, 3, 8):
        bench.run(stub, chunk_seconds=0.6, threads=threads, start_seconds=5.0)
        np.testing.assert_array_equal(bench.drums(), alone)


@pytest.mark.parametrize(("threads", "at_once"), [(1, 1), (3, 3), (16, 4)])
def test_as_many_chunks_as_threads_but_at_most_four_are_worked_at_at_once(
    bench, monkeypatch, threads, at_once
):
    """They meet at a barrier: fewer would never pass it, more are counted."""
    barrier = threading.Barrier(at_once)
    lock, inside, most = threading.Lock(), 0, 0
    torch_threads = set()

    def separate(_self, mixture):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
            torch_threads.add(torch.get_num_threads())
        barrier.wait(WAIT_SECONDS)
        with lock:
            inside -= 1
        barrier.wait(WAIT_SECONDS)  # or one that is through would begin another
        return mixture.clone()

    monkeypatch.setattr(stubs.Stub, "separate", separate)
    bench.write_song(noise(12 * (stubs.Stub.chunk_samples - 2 * stubs.Stub.context_samples)))
    bench.run(stubs.Stub, threads=threads)
    torch.set_num_threads(1)
    assert most == at_once
    assert torch_threads == {threads // at_once}


def test_once_memory_ran_out_the_chunks_go_one_by_one(bench, monkeypatch):
    bench.write_song(noise(9 * RATE))
    bench.run(stubs.ConvolutionNet)
    expected = bench.drums()
    lock, inside, crowded = threading.Lock(), 0, []
    separate = stubs.ConvolutionNet.separate
    failed = threading.Event()

    def one_fails(self, mixture):
        nonlocal inside
        with lock:
            inside += 1
            if failed.is_set() and mixture.shape[-1] < stubs.Stub.chunk_samples // 2 + 1:
                crowded.append(inside)
            first = not failed.is_set()
            failed.set()
        try:
            if first:
                raise MemoryError
            return separate(self, mixture)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(stubs.ConvolutionNet, "separate", one_fails)
    result = bench.run(stubs.ConvolutionNet, threads=4)
    torch.set_num_threads(1)
    np.testing.assert_array_equal(bench.drums(), expected)
    assert result["tries"] == 2
    assert crowded
    assert set(crowded) == {1}


def test_one_that_fails_or_is_stopped_waits_for_those_beside_it(bench, monkeypatch):
    inside, left = threading.Event(), threading.Event()

    def separate(_self, mixture):
        if mixture[0, 0, 0] > 5.0:
            inside.wait(WAIT_SECONDS)
            return mixture * torch.nan
        inside.set()
        left.set()
        return mixture.clone()

    monkeypatch.setattr(stubs.Stub, "separate", separate)
    song = noise(4 * RATE)
    song[:, 0] = 9.0
    bench.write_song(song)
    before = threading.active_count()
    with pytest.raises(ModelCorruptError, match="failed at 0:00"):
        bench.run(stubs.Stub, threads=2)
    assert left.is_set()
    assert threading.active_count() == before

    def cancel(_fraction, message):
        if message.startswith("Separating") and bench.chunk_files():
            raise Cancelled

    bench.write_song(noise(9 * RATE))
    with pytest.raises(Cancelled):
        bench.run(stubs.Identity, cancel, threads=2)
    assert threading.active_count() == before
    assert not bench.drums_path.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="niceness a thread is Linux's")
@pytest.mark.parametrize("shown", [True, False])
def test_the_first_chunk_that_is_waited_for_does_not_give_way_and_all_others_do(
    bench, monkeypatch, tmp_path, shown
):
    niceness = []

    def separate(_self, mixture):
        niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return mixture.clone()

    monkeypatch.setattr(stubs.Stub, "separate", separate)
    bench.write_song(noise(9 * RATE))
    preview = tmp_path / "preview.wav"
    bench.run(stubs.Stub, preview=str(preview) if shown else None)
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert own == os.getpriority(os.PRIO_PROCESS, 0)
    lowered = min(own + 10, 19)
    assert len(niceness) > 3
    assert niceness == [own if shown else lowered] + [lowered] * (len(niceness) - 1)
    if shown:
        with WavReader(preview) as reader:
            np.testing.assert_array_equal(reader.read(0, reader.samples), bench.drums())
