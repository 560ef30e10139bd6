"""The sound that belongs to a project: kept by content, found again, never rewritten."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drumstudio import atomic
from drumstudio.core.errors import DrumStudioError, ProjectError
from drumstudio.core.history import Edited
from drumstudio.core.separation import Blob, Media, Separation
from drumstudio.core.song import Project, Song
from drumstudio.core.strokes import Stroke
from drumstudio.files import blob_file, stroke_file
from drumstudio.files.block_reader import SplitFiles
from drumstudio.files.plain_file import file_sha256, is_plain_file
from drumstudio.files.project_folder import ProjectFolder
from drumstudio.files.verified import Verified
from drumstudio.jobs.job import Checkpoint

MIXTURES, SEPARATIONS, STROKES = "media", "separations", "strokes"
_BRING_IN = "Cannot bring a file into the project"
_SUFFIXES = {MIXTURES: ".wav", SEPARATIONS: ".wav", STROKES: blob_file.SUFFIX}


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that a project refers to and that is not there.

    Parameters
    ----------
    folder : {"media", "separations", "strokes"}
        Where in the project it belongs.
    sha256 : str
        Hash of its content, its name.
    bytes : int
        Its size.
    needed_by : str
        For a person: the song, or "HPSS of Song".
    """

    folder: str
    sha256: str
    bytes: int
    needed_by: str


class ProjectMedia:
    """The files of a project that hold sound and strokes.

    May be used from any thread. The project may move to another folder (it is saved under a
    name) while files are on their way in: they arrive in the new one.

    Parameters
    ----------
    folder : ProjectFolder
        The project.
    """

    def __init__(self, folder: ProjectFolder) -> None:
        self._folder = folder
        self._guard = threading.RLock()
        self._kept: set[tuple[str, str]] = set()  # (folder, sha256), maybe not referred to yet
        self._users: Counter[Path] = Counter()  # of each folder that the project lived in
        self._left: set[Path] = set()  # folders to remove when nobody uses them
        self._verified = Verified()

    def path(self, folder: str, sha256: str) -> Path:
        """Return where a file of a content belongs, whether it is there or not."""
        return self._folder.path / folder / (sha256 + _SUFFIXES[folder])

    def mixture_file(self, song: Song) -> Path:
        """Return the file of a song's mixture, which is read whole when it is first asked for.

        Raises
        ------
        ProjectError
            If it is missing, or its content is not what its name says.
        """
        return self._found(MIXTURES, song.mixture, song.name)

    def split_files(self, song: Song, separation: Separation) -> SplitFiles:
        """Return the files of a separation's stems; errors as in `mixture_file`."""
        needed_by = f"{separation.name} of {song.name}"
        stored = {
            stem.name: self._found(SEPARATIONS, stem.media, needed_by) for stem in separation.stems
        }
        return SplitFiles(stored, separation.computed, separation.drums)

    def sound(self, song: Song) -> tuple[Path, SplitFiles | None]:
        """Return the files of a song's mixture and of its active stems, for a `SongReader`.

        Errors as in `mixture_file`.
        """
        separation = song.separation
        stems = self.split_files(song, separation) if separation is not None else None
        return self.mixture_file(song), stems

    @contextmanager
    def staying(self) -> Iterator[None]:
        """Keep the files where they are until the block ends, wherever the project moves."""
        with self._guard:
            folder = self._folder.path
            self._users[folder] += 1
        try:
            yield
        finally:
            with self._guard:
                self._users[folder] -= 1
                self._remove_left_folders()

    @contextmanager
    def incoming(self, folder: str) -> Iterator[Path]:
        """Yield a free path in a folder, for a file on its way in; it is gone afterwards.

        Raises
        ------
        ProjectError
            If the folder can not be made.
        """
        with self.staying():
            # A name of the form that `atomic.remove_leftovers` knows, for who is killed here.
            path = self._folder.path / folder / f".incoming.{secrets.token_hex(6)}.partial"
            try:
                path.parent.mkdir(exist_ok=True)
            except OSError as error:
                raise _explained(error, path) from error
            try:
                yield path
            finally:
                with contextlib.suppress(OSError):
                    atomic.remove(path)

    def keep(self, incoming: Path, folder: str) -> tuple[str, int]:
        """Give an incoming file the name of its content; return (sha256, bytes).

        Parameters
        ----------
        incoming : Path
            From `incoming` of the same folder, finished and closed.

        Raises
        ------
        ProjectError, DiskFullError
            If the disk refuses.
        """
        try:
            sha256, size = file_sha256(incoming), incoming.stat().st_size
            with self._guard:
                target = self.path(folder, sha256)
                if not (is_plain_file(target) and file_sha256(target) == sha256):
                    _move(incoming, target)
                self._kept.add((folder, sha256))
        except OSError as error:
            raise _explained(error, incoming) from error
        return sha256, size

    def require_free(self, needed_bytes: int, what: str) -> None:
        """Check before a job that its result will fit into the project.

        Raises
        ------
        DiskFullError
            If it will not; `what` is the first line.
        """
        atomic.require_free(self._folder.path, needed_bytes, what)

    def take(self, source: Path, folder: str, sha256: str) -> int:
        """Bring a file in whose hash is known; return its size in bytes.

        Where the disk allows, the file gets a second name instead of being copied: neither
        the project nor the cache ever changes what it has named by content.

        Raises
        ------
        ProjectError, DiskFullError
            If the disk refuses, or the file is not what its hash says.
        """
        with self.incoming(folder) as incoming:
            try:
                _link_or_copy(source, incoming)
            except OSError as error:
                raise _explained(error, incoming) from error
            found, size = self.keep(incoming, folder)
        if found != sha256:
            raise ProjectError(
                _BRING_IN,
                why=f"{source.name} is damaged: its content is not what its name says.",
                fix="Do the last step again.",
            )
        return size

    def keep_stroke(self, stroke: Stroke) -> Blob:
        """Write a stroke into the project; return its name. Nothing refers to it yet.

        Raises
        ------
        ProjectError, DiskFullError
            If the disk refuses.
        """
        with self._guard:
            folder = self._folder.path / STROKES
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise _explained(error, folder) from error
            blob = stroke_file.write_stroke(folder, stroke)
            self._kept.add((STROKES, blob.sha256))
        return blob

    def stroke(self, blob: Blob) -> Stroke:
        """Return a stroke of the project.

        Raises
        ------
        ProjectError
            If its file is missing or damaged.
        """
        return stroke_file.read_stroke(self._folder.path / STROKES, blob)

    def missing(self, project: Project) -> list[Missing]:
        """Return what the project refers to and is not there, or has another size."""
        found = []
        for folder, sha256, size, needed_by in _needed(project):
            if not self._is_there(folder, sha256, size):
                found.append(Missing(folder, sha256, size, needed_by))
        return found

    def damaged(self, project: Project, checkpoint: Checkpoint) -> list[Missing]:
        """Return what is missing or whose content changed: may read every file, which takes time.

        Raises
        ------
        Cancelled
            If the person asked to stop.
        """
        needed = list(_needed(project))
        found = []
        for number, (folder, sha256, size, needed_by) in enumerate(needed):
            checkpoint(number / len(needed), f"Checking {needed_by}")
            path = self.path(folder, sha256)
            if not self._is_there(folder, sha256, size) or not self._holds(path, sha256):
                found.append(Missing(folder, sha256, size, needed_by))
        return found

    def total_bytes(self, edited: Edited) -> int:
        """Return the size of everything that the project or its history refers to."""
        return sum(path.stat().st_size for path in self._referenced_files([edited]))

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Let no file come in until the block ends: the project is being copied."""
        with self._guard:
            yield

    def copy_to(
        self, other: ProjectFolder, edited: Edited, checkpoint: Checkpoint, *, link: bool
    ) -> None:
        """Copy everything that the project or its history refers to into another project.

        What is missing here will be missing there; what is there already stays. What came in
        and is not referred to yet is copied too.

        Parameters
        ----------
        link : bool
            Whether a second name is as good as a copy: this project will be removed.

        Raises
        ------
        ProjectError, DiskFullError
            If the disk refuses.
        Cancelled
            If the person asked to stop.
        """
        what = f"Cannot copy the project to {other.path.parent}"
        files = self._referenced_files([edited])
        for number, path in enumerate(files):
            checkpoint(number / len(files), f"Copying file {number + 1} of {len(files)}")
            target = other.path / path.parent.name / path.name
            if target.exists() or (link and _linked(path, target)):
                continue
            atomic.require_free(target.parent, path.stat().st_size, what)
            with atomic.writing(target, what=what, kind=ProjectError) as temporary:
                shutil.copyfile(path, temporary)

    def follow(self, folder: ProjectFolder, *, remove_old: bool) -> None:
        """Go on in another folder, which holds a copy of everything.

        Parameters
        ----------
        remove_old : bool
            Whether to remove the folder that is left, as soon as nobody uses it.
        """
        with self._guard:
            old, self._folder = self._folder, folder
            if remove_old:
                # Without them it is no project any more, however long files of it are used.
                for path in (old.file, old.journal_path):
                    with contextlib.suppress(OSError):
                        atomic.remove(path)
                self._left.add(old.path)
                self._remove_left_folders()

    def unreferenced(self, edited: Edited) -> list[Path]:
        """Return the files that nothing needs: not the project, its history or its versions.

        Raises
        ------
        ProjectError
            If a version can not be read: then nobody knows what it needs.
        """
        versions = [
            self._folder.read_version(version.generation).edited
            for version in self._folder.versions()
        ]
        needed = set(self._referenced_files([edited, *versions]))
        return [
            path
            for folder, suffix in _SUFFIXES.items()
            for path in sorted((self._folder.path / folder).glob(f"*{suffix}"))
            if is_plain_file(path) and path not in needed
        ]

    def _remove_left_folders(self) -> None:
        for folder in [folder for folder in self._left if not self._users[folder]]:
            shutil.rmtree(folder, ignore_errors=True)
            self._left.discard(folder)

    # --- inside -------------------------------------------------------------------------

    def _is_there(self, folder: str, sha256: str, size: int) -> bool:
        path = self.path(folder, sha256)
        return is_plain_file(path) and path.stat().st_size == size

    def _found(self, folder: str, media: Media, needed_by: str) -> Path:
        if not self._is_there(folder, media.sha256, media.bytes):
            raise ProjectError(
                f"Cannot find the sound of {needed_by}",
                why=f"{folder}/{media.sha256[:12]}... is not in the project's folder.",
                fix="Let DrumStudio look for it: relink, with the folder that it may be in.",
            )
        path = self.path(folder, media.sha256)
        if not self._holds(path, media.sha256):
            raise ProjectError(
                f"Cannot read the sound of {needed_by}",
                why=f"{folder}/{media.sha256[:12]}... is damaged: its content is not what its "
                "name says.",
                fix="Let DrumStudio look for it: relink, with the folder that it may be in.",
            )
        return path

    def _holds(self, path: Path, sha256: str) -> bool:
        try:
            return self._verified.sha256(path) == sha256
        except OSError:
            return False

    def _referenced_files(self, states: Iterable[Edited]) -> list[Path]:
        hashes = {sha256 for _, sha256 in self._kept}
        for state in states:
            hashes.update(sha256 for _, sha256, _, _ in _needed(state.project))
            hashes.update(state.history.hashes())
        return [
            path
            for folder, suffix in _SUFFIXES.items()
            for path in sorted((self._folder.path / folder).glob(f"*{suffix}"))
            if path.stem in hashes and is_plain_file(path)
        ]


def _needed(project: Project) -> Iterator[tuple[str, str, int, str]]:
    """Yield (folder, sha256, bytes, who needs it) of every file that a project refers to."""
    for song in project.songs:
        yield MIXTURES, song.mixture.sha256, song.mixture.bytes, song.name
        for separation in song.separations:
            needed_by = f"{separation.name} of {song.name}"
            for stem in separation.stems:
                yield SEPARATIONS, stem.media.sha256, stem.media.bytes, needed_by
        for layer in song.layers:
            for strokes in (layer.strokes, *(kept.strokes for kept in layer.kept_paint)):
                for stroke in strokes:
                    yield STROKES, stroke.sha256, stroke.bytes, f"a stroke of {song.name}"


def _link_or_copy(source: Path, target: Path) -> None:
    if not _linked(source, target):
        shutil.copyfile(source, target)


def _linked(source: Path, target: Path) -> bool:
    """Give a file a second name; return whether the disk allows it."""
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without second names
        return False
    return True


def _move(incoming: Path, target: Path) -> None:
    """Put a finished file in its place, to another disk too."""
    if incoming.parent != target.parent:  # the project moved meanwhile
        arrived = target.parent / incoming.name
        _link_or_copy(incoming, arrived)
        incoming = arrived
    descriptor = atomic.open_file(incoming)
    try:
        atomic.sync(descriptor)
    finally:
        atomic.close(descriptor)
    atomic.put(incoming, target)


def _explained(error: OSError, path: Path) -> DrumStudioError:
    return atomic.explain_os_error(error, _BRING_IN, path, kind=ProjectError)
