"""R2 for everything that is saved: the k-th call of the disk fails, and nothing is lost."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
import soundfile

from drumstudio import atomic, paths
from drumstudio import settings as user_settings
from drumstudio.application.commands import KeyMap
from drumstudio.application.document import Document
from drumstudio.catalog.install import install_model
from drumstudio.catalog.model_card import read_card
from drumstudio.catalog.weights import load_weights
from drumstudio.core.errors import DrumStudioError
from drumstudio.files.encode import encode
from drumstudio.files.training_folder import Order, read_order, write_order
from drumstudio.files.wav_file import WavWriter
from drumstudio.jobs.job import no_checkpoint
from tests.disk_faults import WITH_REMOVE, failing_disk
from tests.edited_songs import an_edited_project, noise
from tests.projects import project_hash
from tests.promises import record
from tests.test_atomic import plain_save

WAYS = [
    (number, permanently) for number in (errno.ENOSPC, errno.EIO) for permanently in (False, True)
]


@dataclass(frozen=True)
class Saving:
    """Something that is saved.

    Parameters
    ----------
    act : callable
        Saves, in a folder.
    state : callable
        Returns what a program that reads the folder finds; raises if it finds nothing whole.
    """

    act: Callable[[Path], object]
    state: Callable[[Path], object]


def save_project(folder: Path) -> None:
    with Document.open(folder / "P.drumstudio") as document:
        with document.command("Rename") as edit:
            edit.set(("songs", document.project.songs[0].id, "name"), "New")
        document.save()


def edit_project(folder: Path) -> None:
    failed: list[DrumStudioError] = []
    document = Document.open(folder / "P.drumstudio")
    document.autosave_failed.connect(failed.append)  # a window shows it; nothing is raised
    try:
        with document.command("Rename") as edit:
            edit.set(("songs", document.project.songs[0].id, "name"), "New")
        document.flush()
    finally:
        document.close()
    if failed:
        raise failed[0]


def project_state(folder: Path) -> object:
    with Document.open(folder / "P.drumstudio") as document:
        for song in document.project.songs:
            document.media.mixture_file(song)
        return project_hash(document.project)


def save_settings(folder: Path) -> None:
    user_settings.save(user_settings.Settings(threads=7))


def settings_state(folder: Path) -> object:
    loaded = user_settings.load()
    if loaded.notes:
        raise ValueError(loaded.notes)
    return loaded.threads


def save_keys(folder: Path) -> None:
    KeyMap(folder / "keys.json").set_keys("save", ("F7",))


def keys_state(folder: Path) -> object:
    return (folder / "keys.json").read_bytes()


def export(folder: Path) -> None:
    encode(
        no_checkpoint,
        mixture=str(folder / "song.wav"),
        stems=None,
        outputs=[{"stem": "mixture", "path": str(folder / "out" / "x.wav")}],
        format="wav24",
        overwrite=True,
    )


def export_state(folder: Path) -> object:
    samples, rate = soundfile.read(folder / "out" / "x.wav", always_2d=True)
    return samples.tobytes(), rate


def order(folder: Path) -> None:
    write_order(folder / "training", Order("fast", ("/new",)))


def install(folder: Path) -> None:
    models = folder / "models"
    install_model(
        folder / "fast", models, taken=[], replaces=("fast", read_card(models / "fast").sha256)
    )


def model_state(folder: Path) -> object:
    (model,) = [path for path in (folder / "models").glob("[!.]*") if path.is_dir()]
    load_weights(read_card(model), model)
    return read_card(model).hash


def prepared(folder: Path) -> None:
    """Lay out everything that is saved, in an old state."""
    folder.mkdir()
    document, _ = an_edited_project(folder / "made", 0.2)
    document.save()
    document.close()
    shutil.move(document.folder.path, folder / "P.drumstudio")
    shutil.rmtree(folder / "made", ignore_errors=True)
    (folder / "keys.json").write_text("{}")
    with WavWriter(folder / "song.wav", 8_000, 2) as writer:
        writer.write(noise(0.1))
    (folder / "out").mkdir()
    soundfile.write(folder / "out" / "x.wav", noise(0.2, seed=5).T, 8_000)
    write_order(folder / "training", Order("fast", ("/old",)))
    shutil.copytree(paths.shipped_folder("models") / "fast", folder / "fast")
    shutil.copytree(folder / "fast", folder / "models" / "fast")
    card = folder / "models" / "fast" / "model.toml"
    card.write_text(card.read_text() + "\n# an earlier state\n")


SAVINGS = {
    "project": Saving(save_project, project_state),
    "autosave": Saving(edit_project, project_state),
    "export": Saving(export, export_state),
    "settings": Saving(save_settings, settings_state),
    "keys": Saving(save_keys, keys_state),
    "training": Saving(order, lambda folder: read_order(folder / "training").data),
    "model": Saving(install, model_state),
}


def fail_everything(saving: Saving, original: Path, folder: Path) -> tuple[int, list[str]]:
    """Fail the k-th call for every k in every way; return tries and what was broken."""
    tries, broken = 0, []

    def begin() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(original, folder)
        user_settings.save(user_settings.Settings(threads=3))

    begin()
    old = saving.state(folder)
    saving.act(folder)
    new = saving.state(folder)
    assert old != new
    for number, permanently in WAYS:
        for k in range(200):
            begin()
            said = None
            with failing_disk(k, number=number, permanently=permanently, calls=WITH_REMOVE) as disk:
                try:
                    saving.act(folder)
                except (DrumStudioError, OSError) as error:
                    said = error
            if len(disk.log) <= k:
                break
            tries += 1
            what = f"{disk.log[k]} {k}, {errno.errorcode[number]}, for ever {permanently}"
            try:
                if saving.state(folder) not in (old, new):
                    broken.append(f"{what}: neither old nor new")
            except (DrumStudioError, ValueError, OSError) as error:
                broken.append(f"{what}: unreadable, {error}")
            if said is not None and not isinstance(said, DrumStudioError):
                broken.append(f"{what}: said {said!r}")
            if said is None and saving.state(folder) != new:
                broken.append(f"{what}: silent")
    return tries, broken


@contextmanager
def written_in_place() -> Iterator[None]:
    """Have small files written as a careless program does; the negative control."""

    def careless(path, data, **_):
        plain_save(path, data)

    with mock.patch.object(atomic, "write_bytes", careless):
        yield


@pytest.mark.robust
def test_r2_a_failing_disk_hurts_nothing_that_is_saved(tmp_path):
    original = tmp_path / "original"
    prepared(original)
    tries, broken = 0, {}
    for name, saving in SAVINGS.items():
        count, found = fail_everything(saving, original, tmp_path / "here")
        tries += count
        if found:
            broken[name] = found
    with written_in_place():
        _, control = fail_everything(SAVINGS["settings"], original, tmp_path / "here")
    record(
        "R2",
        what=f"fail the k-th disk call of what is saved: {', '.join(SAVINGS)}",
        count=tries,
        failures=sum(map(len, broken.values())),
        figure=f"{sum(map(len, broken.values()))} of {tries} neither old nor new, or silent",
        control=f"settings written in place: {len(control)} broken",
        control_failed=len(control) > 0,
    )
    assert broken == {}
    assert tries > 100
    assert control
