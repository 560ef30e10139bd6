"""What has been separated before: drums files by what they were made from.

In the cache's folder::

    entries/<key>.json    what the result is: checksum, size, the engine's record; its
                          modification time is when it was last used
    sounds/<sha256>.wav   drums files, named by content, never rewritten
    work/<key>/           finished chunks of a separation that is not finished
    work/<key>.lock       held by who works in the folder beside it
    scratch/<any>/        files of a moment, with a lock beside it in the same way
    lock                  held for moments, by who changes anything of the above

Any number of programs may use one cache: nothing that somebody reads (`CachedResult`) or
works in (`working`) is removed by another.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drumstudio import atomic
from drumstudio.core.closing import Closing
from drumstudio.core.errors import DrumStudioError
from drumstudio.files import strict_json
from drumstudio.files.lock import FileLock, Hold, is_held
from drumstudio.files.plain_file import file_sha256, is_plain_file, read_plain

DEFAULT_CAP_BYTES = 20 * 10**9
_ENTRY_LIMIT_BYTES = 1_000_000
_PREPARE = "Cannot prepare a separation"
_KEY = re.compile(r"[0-9a-f]{64}")


def cache_key(
    samples_sha256: str, model_hash: str, engine_version: str, settings: Mapping[str, Any]
) -> str:
    """Return the key of a separation: 64 hexadecimal digits.

    Parameters
    ----------
    samples_sha256 : str
        Hash of the decoded mixture: samples, rate and channels.
    model_hash : str
        Hash of the model card (which holds the hash of the weights).
    engine_version : str
        Changes whenever the same model would give other samples.
    settings : mapping
        The model's parameters, checked and complete, JSON-able. What does not decide the
        result (device, threads, chunk size) does not belong here.
    """
    parts = [samples_sha256, model_hash, engine_version, dict(settings)]
    return hashlib.sha256(strict_json.canonical(parts)).hexdigest()


def refined_key(key: str, model_hash: str, engine_version: str, settings: Mapping[str, Any]) -> str:
    """Return the key of what a refinement makes of the result of another key.

    A stage's key hangs on those before it, and on nothing behind it: to refine in another way
    never costs a new separation. Parameters as of `cache_key`.
    """
    parts = [key, model_hash, engine_version, dict(settings)]
    return hashlib.sha256(strict_json.canonical(parts)).hexdigest()


@dataclass(frozen=True, slots=True)
class CachedResult(Closing):
    """A separation in the cache, checked; it stays there as long as this object is kept.

    Parameters
    ----------
    key : str
        What it was asked for by.
    drums : Path
        The drums as media WAV. Not to be changed.
    sha256 : str
        Hash of that file's content.
    bytes : int
        Its size.
    record : dict
        What the engine said about it.
    """

    key: str
    drums: Path
    sha256: str
    bytes: int
    record: dict[str, Any]
    _hold: Hold

    def close(self) -> None:
        """Allow the cache to remove the file; it may be gone from now on."""
        self._hold.release()


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    key: str
    sha256: str
    bytes: int
    record: dict[str, Any]
    last_used: float


class ResultCache:
    """A folder of separations, kept below a size by removing what was used longest ago.

    Parameters
    ----------
    folder : Path
        Created when something is first kept.
    cap_bytes : int
        The size, work folders included, that `put` comes back to. A result that is larger
        alone is kept until the next.
    """

    def __init__(self, folder: Path, cap_bytes: int = DEFAULT_CAP_BYTES) -> None:
        self._folder = folder
        self._entries = folder / "entries"
        self._sounds = folder / "sounds"
        self._work = folder / "work"
        self._scratch = folder / "scratch"
        self._cap_bytes = cap_bytes

    def get(self, key: str) -> CachedResult | None:
        """Return the result of a key, or None if it is not here or its file is damaged.

        The whole file is read and its checksum compared; a damaged result is removed, so
        that it is computed again.
        """
        if not self._entry_path(key).exists():
            return None
        try:
            with self._locked():
                entry = self._read_entry(self._entry_path(key))
                hold = Hold(self._sound_path(entry.sha256)) if entry else None
        except (OSError, DrumStudioError):
            return None
        if entry is None or hold is None:
            return None
        drums = self._sound_path(entry.sha256)
        try:
            whole = drums.stat().st_size == entry.bytes and file_sha256(drums) == entry.sha256
        except OSError:
            whole = False
        if not whole:
            hold.release()
            self._forget(entry)
            return None
        with contextlib.suppress(OSError):  # a cache that can only be read still serves
            os.utime(entry.path)
        return CachedResult(key, drums, entry.sha256, entry.bytes, entry.record, hold)

    def put(self, key: str, drums: Path, record: Mapping[str, Any]) -> CachedResult:
        """Move a drums file into the cache; remove what was used longest ago beyond the cap.

        Parameters
        ----------
        key : str
            From `cache_key`. A result that is there already is replaced.
        drums : Path
            A finished media WAV. It is gone from its place afterwards.
        record : mapping
            What the engine said; JSON-able.

        Raises
        ------
        AudioWriteError, DiskFullError
            If the disk does not take it; then `drums` is where it was, or in the cache
            without being found.
        ValueError
            If the record can not be kept as JSON.
        """
        what = "Cannot keep the separated drums in the cache"
        try:
            sha256, size = file_sha256(drums), drums.stat().st_size
            data = strict_json.dump({"sha256": sha256, "bytes": size, "record": dict(record)})
            if len(data) > _ENTRY_LIMIT_BYTES:
                raise ValueError(f"a record may have {_ENTRY_LIMIT_BYTES} bytes, got {len(data)}")
            _sync_file(drums)
            with self._locked():
                for folder in (self._entries, self._sounds):
                    folder.mkdir(exist_ok=True)
                sound = self._sound_path(sha256)
                _move(drums, sound)
                hold = Hold(sound)
                atomic.write_bytes(self._entry_path(key), data, what=what)
                self._remove_work(key)
                self._trim(self._cap_bytes)
        except OSError as error:
            raise atomic.explain_os_error(error, what, self._folder) from error
        return CachedResult(key, sound, sha256, size, dict(record), hold)

    @contextmanager
    def working(self, key: str) -> Iterator[Path]:
        """Yield a folder for the chunks of a separation, with what an earlier try left there.

        It outlives the context, for a next try; `put` of the same key removes it. While
        another program works on the same key, the folder is another one.

        Raises
        ------
        AudioWriteError, DiskFullError
            If the folder can not be made.
        """
        self._check(key)
        try:
            self._work.mkdir(parents=True, exist_ok=True)
            lock, folder = self._own_work_folder(key)
        except OSError as error:
            raise atomic.explain_os_error(error, _PREPARE, self._work) from error
        with lock:
            try:
                yield folder
            finally:
                if not folder.exists():  # who finishes removes its own chunks
                    _remove(lock.path)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield an empty folder on the cache's disk; it is gone afterwards, files and all.

        What killed programs left in theirs is removed first.

        Raises
        ------
        AudioWriteError, DiskFullError
            If the folder can not be made.
        """
        folder = self._scratch / secrets.token_hex(8)
        lock = FileLock(folder.with_name(folder.name + ".lock"))
        try:
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._remove_left_scratch()
            lock.acquire()
            folder.mkdir()
        except OSError as error:
            lock.release()
            raise atomic.explain_os_error(error, _PREPARE, self._scratch) from error
        with lock:
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                _remove(lock.path)

    def size(self) -> dict[str, int]:
        """Return what the cache holds: bytes, cap_bytes, results, work_bytes, work_folders."""
        work = [_folder_bytes(folder) for folder in self._work_folders()]
        return {
            "bytes": _folder_bytes(self._sounds) + sum(work),
            "cap_bytes": self._cap_bytes,
            "results": len(_listed(self._entries, ".json")),
            "work_bytes": sum(work),
            "work_folders": len(work),
        }

    def free(self, keep_bytes: int = 0) -> int:
        """Remove what was used longest ago until at most `keep_bytes` stay; return bytes freed.

        What is being read or worked in stays.

        Raises
        ------
        AudioWriteError
            If the cache's folder can not be changed.
        """
        if not self._folder.exists():
            return 0
        try:
            with self._locked():
                return self._trim(keep_bytes)
        except OSError as error:
            raise atomic.explain_os_error(error, "Cannot free the cache", self._folder) from error

    # --- inside -------------------------------------------------------------------------

    def _locked(self) -> FileLock:
        self._folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self._folder / "lock")

    def _check(self, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise ValueError(f"a key is 64 hexadecimal digits, got {key!r}")
        return key

    def _entry_path(self, key: str) -> Path:
        return self._entries / f"{self._check(key)}.json"

    def _sound_path(self, sha256: str) -> Path:
        return self._sounds / f"{sha256}.wav"

    def _read_entry(self, path: Path) -> _Entry | None:
        """Return an entry, or None if it is damaged."""
        try:
            plain = strict_json.parse(read_plain(path, _ENTRY_LIMIT_BYTES))
            sha256, size, record = plain["sha256"], plain["bytes"], plain["record"]
            last_used = path.stat().st_mtime
        except (OSError, ValueError, KeyError, TypeError):
            return None
        sound = isinstance(sha256, str) and _KEY.fullmatch(sha256) and isinstance(size, int)
        if not sound or not isinstance(record, dict):
            return None
        return _Entry(path, path.stem, sha256, size, record, last_used)

    def _forget(self, entry: _Entry) -> None:
        """Remove a damaged result, with every entry that refers to its file."""
        with contextlib.suppress(OSError), self._locked():
            for other in self._all_entries():
                if other.sha256 == entry.sha256:
                    _remove(other.path)
            self._remove_orphans()

    def _all_entries(self) -> list[_Entry]:
        """Return every entry, the one used longest ago first; damaged ones are removed."""
        entries = []
        for path in _listed(self._entries, ".json"):
            entry = self._read_entry(path)
            if entry is None:
                _remove(path)
            else:
                entries.append(entry)
        return sorted(entries, key=lambda entry: entry.last_used)

    def _remove_orphans(self) -> int:
        """Remove sounds without an entry and what killed writers left; return bytes freed."""
        for folder in (self._entries, self._sounds):
            atomic.remove_leftovers(folder)
        used = {entry.sha256 for entry in self._all_entries()}
        return sum(_remove(path) for path in _listed(self._sounds) if path.stem not in used)

    def _trim(self, keep_bytes: int) -> int:
        freed = self._remove_orphans() + self._remove_left_scratch()
        entries = self._all_entries()
        folders = list(self._work_folders())
        left = _folder_bytes(self._sounds) + sum(_folder_bytes(folder) for folder in folders)
        # Chunks of an unfinished song count as used when they were last written to.
        aged: list[tuple[float, _Entry | Path]] = [(entry.last_used, entry) for entry in entries]
        aged += [(_last_written(folder), folder) for folder in folders]
        for _, item in sorted(aged, key=lambda pair: pair[0]):
            if left <= keep_bytes:
                break
            removed = (
                self._remove_work_folder(item)
                if isinstance(item, Path)
                else self._remove_result(item, entries)
            )
            left -= removed
            freed += removed
        return freed

    def _remove_result(self, entry: _Entry, entries: list[_Entry]) -> int:
        sound = self._sound_path(entry.sha256)
        if is_plain_file(sound) and is_held(sound):
            return 0
        removed = _remove(sound)
        if not sound.exists():
            for other in entries:
                if other.sha256 == entry.sha256:
                    _remove(other.path)
        return removed

    def _work_folders(self) -> Iterator[Path]:
        return _folders(self._work)

    def _remove_left_scratch(self) -> int:
        return sum(self._remove_work_folder(folder) for folder in _folders(self._scratch))

    def _own_work_folder(self, key: str) -> tuple[FileLock, Path]:
        number = 0
        while True:
            folder = self._work / (key if number == 0 else f"{key}-{number}")
            lock = FileLock(folder.with_name(folder.name + ".lock"))
            if lock.try_acquire():
                folder.mkdir(exist_ok=True)
                return lock, folder
            number += 1

    def _remove_work(self, key: str) -> None:
        for folder in list(self._work_folders()):
            if folder.name == key or folder.name.startswith(f"{key}-"):
                self._remove_work_folder(folder)

    def _remove_work_folder(self, folder: Path) -> int:
        """Remove a work folder that nobody works in; return bytes freed."""
        lock = FileLock(folder.with_name(folder.name + ".lock"))
        if not lock.try_acquire():
            return 0
        with lock:
            before = _folder_bytes(folder)
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                _remove(lock.path)  # who waits for it sees that it is gone and makes another
            return before - _folder_bytes(folder)


def _folders(parent: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for path in sorted(parent.iterdir()):
            if path.is_dir() and not path.is_symlink():
                yield path


def _listed(folder: Path, suffix: str = ".wav") -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.suffix == suffix and is_plain_file(path)]
    except OSError:
        return []


def _remove(path: Path) -> int:
    """Remove a file if the system lets us; return how many bytes that freed."""
    try:
        size = path.stat().st_size
        atomic.remove(path)
    except OSError:  # open elsewhere on Windows, or gone: the next trim sees it
        return 0
    return size


def _folder_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).lstat().st_size
    return total


def _last_written(folder: Path) -> float:
    newest = 0.0
    for parent, _, names in os.walk(folder):
        for name in ("", *names):
            with contextlib.suppress(OSError):
                newest = max(newest, (Path(parent) / name).lstat().st_mtime)
    return newest or time.time()


def _sync_file(path: Path) -> None:
    descriptor = atomic.open_file(path)
    try:
        atomic.sync(descriptor)
    finally:
        atomic.close(descriptor)


def _move(source: Path, target: Path) -> None:
    """Move a file to its content's name, from another disk too."""
    try:
        atomic.put(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with atomic.writing(target) as temporary:
            shutil.copyfile(source, temporary)
        atomic.remove(source)
