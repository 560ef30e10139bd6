"""Training folders from strangers: nothing outside them is read, nothing hangs, nothing doubles."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from pathlib import Path

import pytest

from drumstudio import paths
from drumstudio.catalog.catalog import default_catalog
from drumstudio.catalog.install import install_best
from drumstudio.catalog.model_card import read_card
from drumstudio.core.errors import DrumStudioError, ModelCorruptError
from drumstudio.files.training_folder import (
    BEST_FOLDER,
    LOG_NAME,
    ORDER_NAME,
    Order,
    TrainingFolderError,
    all_trainings,
    read_order,
    read_progress,
    trainings_folder,
    view_of,
    write_order,
)
from drumstudio.files.training_origin import read_installed, write_installed
from drumstudio.jobs.job import no_checkpoint
from drumstudio.training.data import SampleCache, TrainingDataError
from drumstudio.training.folders import check, find_sources
from drumstudio.training.manifest import pack_sources
from drumstudio.workflows import trainings
from tests.edited_songs import without_waiting_for_the_disk
from tests.promises import counts, record
from tests.training.conftest import drums, tone, write

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")
HEADER = "path,split,valid_split,group,family,kind,source,licence,seconds"
ROW = "train/hits/a/kick/k.flac,train,train,hits,kick,kick,a,CC0 1.0,0.5"


# --- what came of a training -------------------------------------------------------------


@pytest.fixture
def training(home):
    """A training among the user's, with a model to keep."""
    folder = trainings_folder() / "theirs"
    write_order(folder, Order("fast", ("/music",)))
    shutil.copytree(paths.shipped_folder("models") / "fast", folder / BEST_FOLDER / "fast")
    return folder


@pytest.fixture
def ours(home):
    """A model among the user's, which no training folder may touch."""
    model = paths.user_models_folder() / "ours"
    shutil.copytree(paths.shipped_folder("models") / "hpss", model)
    card = model / "model.toml"
    card.write_text(card.read_text().replace('id = "hpss"', 'id = "ours"'))
    return model


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("named", ["ours", "../../trainings/theirs", "../..", "", "fast"])
def test_nothing_in_a_folder_names_the_model_that_is_replaced(training, ours, named):
    before = contents(ours)
    sha256 = read_card(training / BEST_FOLDER / "fast").sha256
    claim = json.dumps({"id": named, "sha256": sha256})
    (training / "installed.json").write_text(claim)
    assert install_best(training).id == "fast-2"
    assert contents(ours) == before
    assert (training / ORDER_NAME).exists()


@pytest.mark.parametrize("named", ["../..", "ours/../ours", "Ours", "", None, 3])
def test_a_damaged_note_of_ours_names_no_model_either(training, ours, named):
    write_installed(training, "ours", "ab" * 32)
    (note,) = (paths.user_data_folder() / "installed").iterdir()
    plain = json.loads(note.read_text())
    note.write_text(json.dumps({**plain, "id": named}))
    before = contents(ours)
    assert read_installed(training) == ("", "")
    assert install_best(training).id == "fast-2"
    assert contents(ours) == before


def test_a_folder_in_the_place_of_a_training_that_went_is_another_training(training):
    first = install_best(training)
    training.rename(training.with_name("moved"))
    shutil.copytree(training.with_name("moved"), training)
    assert read_installed(training) == ("", "")
    assert install_best(training).id == "fast-3"
    trainings.remove(training)
    assert not [path for path in trainings_folder().iterdir() if path.name == "theirs"]
    assert default_catalog().find(first.id).sha256 == first.sha256


@pytest.mark.parametrize("damage", ["a byte", "cut", "link", "pipe"])
@POSIX
def test_a_damaged_model_is_not_put_among_the_user_s(training, damage):
    path = training / BEST_FOLDER / "fast" / "weights.safetensors"
    content = path.read_bytes()
    path.unlink()
    if damage == "a byte":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "link":
        path.symlink_to("/etc/hostname")
    else:
        os.mkfifo(path)
    with pytest.raises(DrumStudioError):
        install_best(training)
    assert not list(paths.user_models_folder().glob("*"))


def test_a_card_whose_lines_deceive_is_not_put_among_the_user_s(training):
    card = training / BEST_FOLDER / "fast" / "model.toml"
    text = card.read_text()
    deceit = 'description = """\\\nid = "evil"\\\n"""\n'
    lines = [line for line in text.split("\n") if not line.startswith("description = ")]
    card.write_text(deceit + "\n".join(lines))
    read_card(card.parent)
    with pytest.raises(ModelCorruptError, match="renamed"):
        install_best(training)
    assert not list(paths.user_models_folder().glob("[!.]*"))


# --- links and pipes in a training's folder ------------------------------------------------


@pytest.mark.parametrize("place", ["pool", "best/fast", "log.txt", "best/fast/model.toml", "state"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
@POSIX
def test_a_training_folder_with_a_link_or_a_pipe_is_not_gone_on_with(
    training, tmp_path, place, kind
):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.safetensors").write_bytes(b"precious")
    path = training / place
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(outside) if kind == "link" else os.mkfifo(path)
    for act in (read_order, trainings.prepare, trainings.stop, trainings.install):
        with pytest.raises(TrainingFolderError, match="its own"):
            act(training)
    with pytest.raises(TrainingFolderError, match="its own"):
        write_order(training, Order("fast", ("/music",)))
    assert not view_of(training).resumable
    assert [view.folder for view in all_trainings()] == [training]
    trainings.remove(training)
    assert [path.name for path in outside.iterdir()] == ["precious.safetensors"]


@POSIX
def test_a_log_that_leads_elsewhere_is_not_written(tmp_path):
    from drumstudio.workers.detached import Detached

    (tmp_path / "precious").write_text("precious")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / LOG_NAME).symlink_to(tmp_path / "precious")
    with pytest.raises(DrumStudioError, match="link"):
        Detached(["--version"], tmp_path / "here" / LOG_NAME)
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(
    "changed",
    [
        {"minutes": -1}, {"minutes": 0}, {"minutes": 1e9}, {"threads": 0}, {"threads": 10**9},
        {"seed": -1}, {"seed": 2**63}, {"device": "../x"}, {"recipe": 3}, {"data": 7},
        {"data": "x"}, {"from_card": []}, {"name": {}}, {"threads": "many"}, {"minutes": []},
    ],
    ids=str,
)  # fmt: skip
def test_an_order_that_can_not_be_is_no_order(training, changed):
    path = training / ORDER_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(TrainingFolderError):
        read_order(training)
    view_of(training)


# --- manifests -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no column path"),
        (b"\xff\xfe", "UTF-8"),
        (b"path,split\na,b\n", "no column valid_split"),
        (HEADER.encode() + b"\n\x00", "NUL|plain text|column"),
        (f"{HEADER}\n{ROW}".replace("0.5", "nan").encode(), "number of seconds"),
        (f"{HEADER}\n{ROW}".replace("0.5", "inf").encode(), "number of seconds"),
        (f"{HEADER}\n{ROW}".replace("0.5", "-1").encode(), "number of seconds"),
        (f"{HEADER}\n{ROW}".replace("0.5", "half").encode(), "number of seconds"),
        (f"{HEADER}\n{ROW}".replace("CC0 1.0", "\x1b[2J").encode(), "licence is no plain text"),
        (f"{HEADER}\n{ROW}".replace("train,hits", "maybe,hits").encode(), "valid_split"),
        (f"{HEADER}\nk.ogg,train,,stems,,drums,a,,1".encode(), "names no song"),
        (f"{HEADER}\n../../k.flac{ROW[24:]}".encode(), "leads out"),
        (f"{HEADER}\ntrain/../../k.flac{ROW[24:]}".encode(), "leads out"),
        (f"{HEADER}\n/etc/hostname{ROW[24:]}".encode(), "leads out"),
        (f"{HEADER}\nC:\\x.flac{ROW[24:]}".encode(), "leads out"),
        (f"{HEADER}\n..\\..\\x.flac{ROW[24:]}".encode(), "leads out"),
        (f"{HEADER}\n{'x' * 140_000}{ROW[24:]}".encode(), "field larger|followed"),
        (f"{HEADER}\n{'x' * 5_000}{ROW[24:]}".encode(), "followed"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_what_is_wrong_with_a_manifest_is_told_with_its_line(tmp_path, content, why):
    (tmp_path / "manifest.csv").write_bytes(content)
    with pytest.raises(TrainingDataError, match=why):
        pack_sources(tmp_path)


def test_a_manifest_may_begin_with_a_mark_and_have_short_rows(tmp_path):
    (tmp_path / "manifest.csv").write_bytes(f"\ufeff{HEADER}\na\n{ROW}\n".encode())
    assert [source.kind for source in pack_sources(tmp_path)] == ["kick"]


@POSIX
def test_a_manifest_names_no_link_out_of_its_folder_and_no_pipe(tmp_path):
    pack, outside = tmp_path / "pack", tmp_path / "private.flac"
    outside.write_bytes(b"private")
    target = pack / "train" / "hits" / "a" / "kick"
    target.mkdir(parents=True)
    (pack / "manifest.csv").write_text(f"{HEADER}\n{ROW}\n")
    (target / "k.flac").symlink_to(outside)
    with pytest.raises(TrainingDataError, match="link"):
        pack_sources(pack)
    (target / "k.flac").unlink()
    os.mkfifo(target / "k.flac")
    with pytest.raises(TrainingDataError, match="no file"):
        pack_sources(pack)
    (pack / "manifest.csv").unlink()
    os.mkfifo(pack / "manifest.csv")
    with pytest.raises(TrainingDataError):  # a pipe is no manifest, and there is nothing else
        find_sources([pack])


# --- folders -------------------------------------------------------------------------------


@POSIX
def test_links_to_parents_pipes_and_folders_named_twice_count_nothing_double(tmp_path):
    song = tmp_path / "data" / "song"
    write(song / "drums.wav", drums(2.0))
    write(song / "bass.wav", tone(2.0, 110.0))
    plain = check(no_checkpoint, folders=[str(tmp_path / "data")])
    (song / "again").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    os.mkfifo(song / "vocals.wav")
    folders = [str(tmp_path / "data"), str(song), str(tmp_path / "data")]
    found = check(no_checkpoint, folders=folders)
    assert found["minutes"] == plain["minutes"]
    assert [entry["stems"] for entry in found["songs"]] == [["bass", "drums"]]
    assert found["problems"]["vocals.wav"] == ["Passed over: it is a pipe."] * 3


@POSIX
def test_deep_folders_and_names_that_are_no_text_are_looked_through(tmp_path):
    deep = tmp_path / "data"
    for _ in range(60):
        deep = deep / "deeper"
    write(deep / "song" / "drums.wav", drums(2.0))
    write(deep / "song" / "bass.wav", tone(2.0, 110.0))
    song = (deep / "song").rename(deep / os.fsdecode(b"s\xffng"))
    found = check(no_checkpoint, folders=[str(tmp_path / "data")])
    assert [entry["song"] for entry in found["songs"]] == [song.name]
    assert found["problems"] == {}
    source = find_sources([tmp_path / "data"]).sources[0]
    assert SampleCache(tmp_path / "decoded").samples(source).shape == (2, 2 * 44_100)


# --- R20, gone on with: what is exchanged, damaged at random -----------------------------


def mutated(content: bytes, generator: random.Random) -> bytes:
    kind = generator.randrange(3)
    if kind == 0:
        return content[: generator.randrange(len(content))]
    damaged = bytearray(content)
    for _ in range(generator.randrange(1, 12)):
        damaged[generator.randrange(len(damaged))] = generator.randrange(256)
    if kind == 1:
        return bytes(damaged)
    poison = generator.choice(POISON)
    numbers = [place for place in range(len(content)) if chr(content[place]).isdigit()]
    place = generator.choice(numbers)
    return content[:place] + poison + content[place + 1 :]


POISON = [
    b"9" * 30, b"-1", b"1e999", b"nan", b"../..", b"\x1b[2J", b"\\u0000", b"[[[[", b'"', b"\n",
    b"0", b"null", b"1" * 5_000,
]  # fmt: skip


def use(folder: Path, pack: Path) -> None:
    """Do all that is done with what was given: list, install, use, train from."""
    view_of(folder).to_dict()
    read_progress(folder)
    for act in (
        lambda: trainings.prepare(folder),
        lambda: install_best(folder),
        lambda: find_sources([pack]),
    ):
        try:
            act()
        except DrumStudioError:
            continue
    catalog = default_catalog()
    assert catalog.best().shipped
    for card in catalog.cards():
        card.check_settings({})
        assert json.dumps(card.to_dict()).isprintable()


def trusting(folder: Path) -> None:
    """Read what was given as it stands; the negative control."""
    plain = json.loads((folder / ORDER_NAME).read_text())
    Order(**{**plain, "data": tuple(plain["data"])})


@pytest.mark.robust
@pytest.mark.skipif(sys.platform == "win32", reason="names as POSIX has them")
def test_r20_no_mutant_of_cards_orders_states_and_manifests_does_harm(
    training, ours, tmp_path, monkeypatch
):
    without_waiting_for_the_disk(monkeypatch)
    generator = random.Random(200)
    pack = tmp_path / "pack"
    pack.mkdir()
    card = training / BEST_FOLDER / "fast" / "model.toml"
    originals = {
        card: card.read_bytes(),
        training / ORDER_NAME: (training / ORDER_NAME).read_bytes(),
        training / "progress.json": b'{"state": "training", "step": 3, "losses": [[1, 0.5]],'
        b' "scores": [[2, -3.5]], "best": [2, 1.5], "updated": 12.5, "fraction": 0.5}',
        training / "installed.json": b'{"id": "ours", "sha256": "' + b"ab" * 32 + b'"}',
        pack / "manifest.csv": "\n".join([HEADER, *[ROW] * 3]).encode(),
    }
    before = contents(ours)
    everything = contents(paths.shipped_folder("models") / "hpss")
    count, untyped, fooled = counts(200, 4_000), [], 0
    for number in range(count):
        for path, content in originals.items():
            path.write_bytes(content)
        path = generator.choice(list(originals))
        path.write_bytes(mutated(originals[path], generator))
        try:
            use(training, pack)
        except Exception as error:  # noqa: BLE001 (anything but a plain error is the finding)
            untyped.append((number, path.name, repr(error)[:200]))
        if path.name == ORDER_NAME:
            try:
                trusting(training)
            except DrumStudioError:
                continue
            except Exception:  # noqa: BLE001
                fooled += 1
        shutil.rmtree(paths.user_data_folder() / "installed", ignore_errors=True)
        for model in paths.user_models_folder().iterdir():
            if model != ours:
                shutil.rmtree(model)
    record(
        "R20",
        what="mutated cards, orders, states, notes and manifests of trainings: listed, installed",
        count=count,
        failures=len(untyped) + (contents(ours) != before),
        figure=f"{len(untyped)} untyped errors, no other model touched",
        control=f"json.loads and what it says: {fooled} untyped errors",
        control_failed=fooled > 0,
    )
    assert untyped == []
    assert contents(ours) == before
    assert contents(paths.shipped_folder("models") / "hpss") == everything
    assert fooled
