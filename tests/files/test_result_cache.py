"""The result cache: nothing wrong is ever served, and nothing in use is ever removed."""

from __future__ import annotations

import multiprocessing
import os
import signal

import numpy as np
import pytest

from drumstudio.core.errors import AudioWriteError
from drumstudio.files.result_cache import ResultCache, cache_key
from drumstudio.files.wav_file import WavReader, WavWriter
from tests.promises import counts, record

# Forked from a process of one thread, where pytest has several, with this module imported.
CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload([__name__])

KEYS = [cache_key(f"song {n}", "model", "1", {}) for n in range(20)]
RECORD = {"device": "cpu", "notes": ["heard"], "seconds": 1.5}


@pytest.fixture
def cache(tmp_path):
    return ResultCache(tmp_path / "cache", cap_bytes=10**9)


def drums_file(folder, seed=0, samples=1000):
    path = folder / f"drums {seed}.wav"
    noise = np.random.default_rng(seed).standard_normal((2, samples)).astype(np.float32)
    with WavWriter(path, 44_100, 2) as writer:
        writer.write(noise)
    return path


def age(cache, key, seconds):
    path = cache._entry_path(key)
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - seconds))


def test_a_result_comes_back_with_its_record_and_its_samples(cache, tmp_path):
    drums = drums_file(tmp_path)
    content = drums.read_bytes()
    kept = cache.put(KEYS[0], drums, RECORD)
    found = cache.get(KEYS[0])
    assert not drums.exists()
    assert found.drums == kept.drums
    assert found.drums.read_bytes() == content
    assert found.drums.stem == found.sha256
    assert found.record == RECORD
    with WavReader(found.drums) as reader:
        assert reader.samples == 1000


def test_an_unknown_key_is_a_miss_and_creates_nothing(cache, tmp_path):
    assert cache.get(KEYS[0]) is None
    assert not (tmp_path / "cache").exists()
    assert cache.size()["bytes"] == 0
    assert cache.free() == 0


def test_a_key_that_is_no_key_is_refused(cache):
    for key in ("", "../../etc/passwd", "A" * 64, "a" * 63):
        with pytest.raises(ValueError, match="64 hexadecimal"):
            cache.get(key)


def test_the_key_changes_with_everything_that_decides_the_sound():
    base = cache_key("song", "model", "1", {"power": 2.0, "margin": 1.0})
    others = [
        cache_key("other", "model", "1", {"power": 2.0, "margin": 1.0}),
        cache_key("song", "other", "1", {"power": 2.0, "margin": 1.0}),
        cache_key("song", "model", "2", {"power": 2.0, "margin": 1.0}),
        cache_key("song", "model", "1", {"power": 2.1, "margin": 1.0}),
        cache_key("song", "model", "1", {"power": 2.0}),
    ]
    assert len({base, *others}) == 6
    assert base == cache_key("song", "model", "1", {"margin": 1.0, "power": 2.0})


def test_a_flipped_bit_anywhere_in_a_result_is_a_miss(cache, tmp_path):
    generator = np.random.default_rng(1)
    tries = counts(40, 400)
    served = 0
    trusting = 0
    for number in range(tries):
        cache.put(KEYS[0], drums_file(tmp_path, samples=200), RECORD).close()
        path = next((tmp_path / "cache" / "sounds").iterdir())
        data = bytearray(path.read_bytes())
        place = int(generator.integers(len(data)))
        data[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(data)
        trusting += path.stat().st_size == len(data)  # a check of the size would serve it
        served += cache.get(KEYS[0]) is not None
        assert not path.exists(), number
        assert cache.size()["results"] == 0
    record(
        "B5",
        what="single bits flipped in cached drums",
        count=tries,
        failures=served,
        figure=f"{served} of {tries} served",
        control=f"a check of the size alone: {trusting} of {tries} served",
        control_failed=trusting == tries,
    )
    assert served == 0
    assert trusting == tries


def test_a_damaged_entry_is_a_miss_and_is_replaced_by_the_next_result(cache, tmp_path):
    for damage in (b"", b"{", b"[1]", b'{"sha256":"../x","bytes":1,"record":{}}', b"\xff" * 99):
        cache.put(KEYS[0], drums_file(tmp_path), RECORD).close()
        cache._entry_path(KEYS[0]).write_bytes(damage)
        assert cache.get(KEYS[0]) is None
    cache.put(KEYS[0], drums_file(tmp_path), RECORD).close()
    assert cache.get(KEYS[0]) is not None
    assert cache.size()["results"] == 1


def test_a_link_in_the_place_of_a_sound_is_not_followed(cache, tmp_path):
    cache.put(KEYS[0], drums_file(tmp_path), RECORD).close()
    sound = next((tmp_path / "cache" / "sounds").iterdir())
    sound.rename(tmp_path / "elsewhere.wav")
    sound.symlink_to(tmp_path / "elsewhere.wav")
    assert cache.get(KEYS[0]) is None
    assert (tmp_path / "elsewhere.wav").exists()


def test_beyond_the_cap_the_result_used_longest_ago_goes_first(tmp_path):
    one = drums_file(tmp_path, 99).stat().st_size
    cache = ResultCache(tmp_path / "cache", cap_bytes=3 * one)
    for number in range(3):
        cache.put(KEYS[number], drums_file(tmp_path, number), RECORD).close()
        age(cache, KEYS[number], 100 - number)
    cache.get(KEYS[0]).close()
    cache.put(KEYS[3], drums_file(tmp_path, 3), RECORD).close()
    there = [number for number in range(4) if cache.get(KEYS[number])]
    assert there == [0, 2, 3]
    assert cache.size() == {
        "bytes": 3 * one,
        "cap_bytes": 3 * one,
        "results": 3,
        "work_bytes": 0,
        "work_folders": 0,
    }


def test_a_result_in_use_is_never_removed(cache, tmp_path):
    with cache.put(KEYS[0], drums_file(tmp_path, 0), RECORD) as held:
        cache.put(KEYS[1], drums_file(tmp_path, 1), RECORD).close()
        other_window = ResultCache(tmp_path / "cache", cap_bytes=0)
        other_window.free()
        assert held.drums.exists()
        assert cache.get(KEYS[1]) is None
    freed = other_window.free()
    assert freed > 0
    assert cache.size()["bytes"] == 0
    assert cache.size()["results"] == 0


def test_two_keys_with_the_same_drums_share_one_file(cache, tmp_path):
    cache.put(KEYS[0], drums_file(tmp_path), RECORD).close()
    cache.put(KEYS[1], drums_file(tmp_path), {"device": "cuda"}).close()
    assert len(list((tmp_path / "cache" / "sounds").iterdir())) == 1
    assert cache.get(KEYS[0]).record == RECORD
    assert cache.get(KEYS[1]).record == {"device": "cuda"}


def test_chunks_outlive_a_try_and_go_when_the_result_is_kept(cache, tmp_path):
    with cache.working(KEYS[0]) as folder:
        (folder / "chunk 0").write_bytes(b"done")
    with cache.working(KEYS[0]) as again:
        assert (again / "chunk 0").read_bytes() == b"done"
    assert cache.size()["work_bytes"] == 4
    cache.put(KEYS[0], drums_file(tmp_path), RECORD).close()
    assert cache.size()["work_folders"] == 0
    assert list((tmp_path / "cache" / "work").iterdir()) == []


def test_two_programs_with_the_same_key_work_in_two_folders(cache, tmp_path):
    other_window = ResultCache(tmp_path / "cache")
    with cache.working(KEYS[0]) as mine, other_window.working(KEYS[0]) as theirs:
        assert mine != theirs
        (mine / "chunk").write_bytes(b"mine")
        other_window.free()
        assert (mine / "chunk").exists()
    assert other_window.free() == 4


def _die_in_scratch(folder, ready):
    with ResultCache(folder / "cache").scratch() as mine:
        (mine / "mixture.wav").write_bytes(b"12345")
        ready.set()
        signal.pause()


def test_scratch_files_are_gone_afterwards_and_those_of_killed_programs_soon(cache, tmp_path):
    with cache.scratch() as outer:
        (outer / "mixture.wav").write_bytes(b"x")
        with cache.scratch() as inner:
            assert inner != outer
        assert (outer / "mixture.wav").exists()
    ready = CHILDREN.Event()
    child = CHILDREN.Process(target=_die_in_scratch, args=(tmp_path, ready))
    child.start()
    assert ready.wait(60)
    assert cache.free() == 0
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    with cache.scratch():
        pass
    assert list((tmp_path / "cache" / "scratch").iterdir()) == []


def test_a_record_that_json_can_not_hold_is_refused_and_keeps_the_file(cache, tmp_path):
    drums = drums_file(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        cache.put(KEYS[0], drums, {"peak": float("nan")})
    assert drums.exists()


def test_a_missing_drums_file_is_an_error_a_person_can_read(cache, tmp_path):
    with pytest.raises(AudioWriteError) as caught:
        cache.put(KEYS[0], tmp_path / "none.wav", RECORD)
    assert "cache" in caught.value.what


def _work_hard(folder, seed, rounds, failures):
    cache = ResultCache(folder / "cache", cap_bytes=20_000)
    generator = np.random.default_rng(seed)
    mine = folder / str(seed)
    mine.mkdir()
    for _ in range(rounds):
        number = int(generator.integers(6))
        found = cache.get(KEYS[number])
        if found is None:
            with cache.working(KEYS[number]) as work:
                (work / "chunk").write_bytes(b"x")
            found = cache.put(KEYS[number], drums_file(mine, number), {"number": number})
        with found:
            expected = np.random.default_rng(number).standard_normal((2, 1000)).astype(np.float32)
            with WavReader(found.drums) as reader:
                right = np.array_equal(reader.read(0, 1000), expected)
            if not right or found.record != {"number": number}:
                failures.put((seed, number))
        if generator.random() < 0.1:
            cache.free()


@pytest.mark.robust
def test_programs_that_share_a_cache_never_see_each_others_half_work(tmp_path):
    failures = CHILDREN.Queue()
    rounds = counts(60, 600)
    children = [
        CHILDREN.Process(target=_work_hard, args=(tmp_path, seed, rounds, failures))
        for seed in range(3)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert failures.empty()


def _put_for_ever(folder, ready):
    cache = ResultCache(folder / "cache", cap_bytes=30_000)
    ready.set()
    number = 0
    while True:
        cache.put(KEYS[number % 6], drums_file(folder, number % 6), {"number": number % 6}).close()
        number += 1


@pytest.mark.robust
def test_a_program_killed_while_it_keeps_results_leaves_a_sound_cache(tmp_path):
    generator = np.random.default_rng(5)
    for _ in range(counts(12, 200)):
        ready = CHILDREN.Event()
        child = CHILDREN.Process(target=_put_for_ever, args=(tmp_path, ready))
        child.start()
        assert ready.wait(60)
        child.join(float(generator.uniform(0.02, 0.1)))
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        cache = ResultCache(tmp_path / "cache", cap_bytes=30_000)
        for number in range(6):
            found = cache.get(KEYS[number])
            if found is not None:
                assert found.record == {"number": number}
                found.close()
    cache.free()
    assert cache.size()["bytes"] == 0
    assert [path for path in (tmp_path / "cache").rglob("*.partial")] == []
