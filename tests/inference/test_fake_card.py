"""The whole path on an NVIDIA card that is not there, and on one that is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drumstudio import paths
from drumstudio.cli.main import run
from drumstudio.files.wav_file import WavReader, WavWriter
from drumstudio.inference.separate import separate
from drumstudio.jobs.job import no_checkpoint
from drumstudio.separators.tfc_tdf import TfcTdfSeparator
from drumstudio.workers import pool
from drumstudio.workers.roles import Job
from tests.inference.conftest import dbfs, noise
from tests.inference.fake_card import LIMIT, fake_card

pytestmark = pytest.mark.robust  # a network several times: too long for the fast ones

RATE = 44_100


class Desk:
    """A song, and models that ship to separate it with."""

    def __init__(self, folder):
        self.folder = folder
        self.write(3)

    def write(self, seconds):
        with WavWriter(self.folder / "song.wav", RATE, 2) as writer:
            writer.write(noise(seconds * RATE))

    def run(self, model, device, chunk_seconds=None):
        report = separate(
            no_checkpoint,
            mixture=str(self.folder / "song.wav"),
            drums=str(self.folder / "drums.wav"),
            card_folder=str(paths.shipped_folder("models") / model),
            settings={"hit_average": 0} if model == "flagship" else {},  # not the card's matter
            device=device,
            threads=1,
            work_folder=str(self.folder / "work"),
            chunk_seconds=chunk_seconds,
        )
        with WavReader(self.folder / "drums.wav") as reader:
            return report, reader.read(0, reader.samples)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Return what the processor makes of the short song with `fast`."""
    return Desk(tmp_path_factory.mktemp("processor")).run("fast", "cpu")[1]


def test_a_network_runs_on_the_card_and_leaves_its_weights_alone_there(desk, expected):
    with fake_card() as memory:
        report, drums = desk.run("fast", "auto")
        after_one = memory.used
        desk.run("fast", "cuda")
        assert memory.used == after_one < memory.most / 2
    assert (report["device"], report["tries"], report["notes"]) == ("cuda", 1, [])
    np.testing.assert_array_equal(drums, expected)


def test_the_flagship_runs_on_the_card(desk):
    with fake_card():
        report, drums = desk.run("flagship", "auto")
    assert (report["device"], report["tries"], report["notes"]) == ("cuda", 1, [])
    np.testing.assert_array_equal(drums, desk.run("flagship", "cpu")[1])


def test_hpss_stays_on_the_processor(desk):
    with fake_card() as memory:
        report, _ = desk.run("hpss", "auto")
    assert (report["device"], memory.most) == ("cpu", 0)


def test_a_card_too_small_for_a_chunk_takes_shorter_ones(desk):
    desk.write(45)  # two of the shortest chunks, with room for a longer one
    _, expected = desk.run("fast", "cpu")
    with fake_card() as memory:
        whole = desk.run("fast", "cuda")[0]["chunk_seconds"]
        of_one = memory.most
    with fake_card() as memory:
        desk.run("fast", "cuda", whole / 2)
        of_half = memory.most
    assert of_half < 0.9 * of_one
    with fake_card((of_half + of_one) / 2) as memory:
        report, drums = desk.run("fast", "auto")
        assert of_half <= memory.most <= memory.limit
    assert (report["device"], report["tries"]) == ("cuda", 2)
    assert "went on in chunks" in report["notes"][0]
    # Pieces of another length there: sums in another order, at -160 dBFS.
    np.testing.assert_allclose(drums, expected, atol=1e-8)


@pytest.mark.parametrize("limit", [1e3, 5.2e6], ids=["no weights fit", "no chunk fits"])
def test_a_card_too_small_for_anything_leaves_it_to_the_processor(desk, limit, expected):
    with fake_card(limit) as memory:
        report, drums = desk.run("fast", "auto")
        assert memory.used == 0
    assert report["device"] == "cpu"
    assert report["notes"][0].endswith("on the processor.")
    np.testing.assert_array_equal(drums, expected)


def test_what_is_left_in_the_computers_memory_is_noticed(desk, monkeypatch):
    """The control: a separator that moves its network alone fails as on a real card."""

    def forgetful(self, device):
        self._run.to(device)
        self.device = "cpu"

    monkeypatch.setattr(TfcTdfSeparator, "to", forgetful)
    with fake_card(), pytest.raises(RuntimeError, match="same device"):
        desk.run("fast", "cuda")


def test_numpy_can_not_read_the_card():
    with fake_card():
        on_card = torch.ones(3).to("cuda")
        assert on_card.device.type == (on_card + 1).device.type == "cuda"
        with pytest.raises(TypeError, match="numpy"):
            on_card.numpy()
        assert (on_card + 1).cpu().numpy().tolist() == [2, 2, 2]


@pytest.mark.parametrize(("limit", "device"), [("inf", "cuda"), ("1000", "cpu")])
def test_from_the_command_to_the_report_it_says_where_it_was_computed(
    desk, monkeypatch, capsys, limit, device
):
    job = Job("tests.inference.fake_card:separate_on_a_card", "infer")
    monkeypatch.setitem(pool.JOBS, "separate", job)
    monkeypatch.setenv(LIMIT, limit)
    words = ["separate", str(desk.folder / "song.wav"), "--out", str(desk.folder / "out")]
    assert run([*words, "--model", "fast", "--device", "cuda"]) == 0
    said = capsys.readouterr()
    assert f"on {device}," in said.out
    assert ("too small" in said.out + said.err) == (device == "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA card here")
@pytest.mark.parametrize("model", ["fast", "flagship"])
def test_a_real_card_gives_what_the_processor_gives(desk, model):
    _, expected = desk.run(model, "cpu")
    report, drums = desk.run(model, "auto")
    assert report["device"] == "cuda"
    assert dbfs(drums - expected) < -60
