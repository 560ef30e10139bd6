"""A network as it runs gives what the one that was trained gives, whatever pieces it is fed in."""

from __future__ import annotations

import pytest
import torch

from drumstudio.nets import streamed
from drumstudio.nets.dual_path import DualPath
from drumstudio.nets.stream_layers import Memory
from drumstudio.nets.streamed import Streamed
from drumstudio.nets.tfc_tdf import TfcTdf
from tests.nets.test_dual_path import SMALL_PATH
from tests.nets.test_tfc_tdf import SMALL

PIECES = (7, 24, 10_000)
LENGTHS = (1, 130, 9_001)


@pytest.fixture(params=["tfc-tdf", "dual-path"])
def net(request) -> TfcTdf:
    torch.manual_seed(1)
    net = TfcTdf(**SMALL) if request.param == "tfc-tdf" else DualPath(**SMALL, **SMALL_PATH)
    net.train()
    for _ in range(3):  # so that the norms have something to fold in
        net(torch.randn(2, 2, 12_000) * torch.rand(2, 1, 1))
    torch.nn.init.normal_(net.low_exit.weight, std=0.3)
    for block in getattr(net, "path", net).modules():
        if isinstance(block, torch.nn.LSTM):
            for parameter in block.parameters():
                torch.nn.init.normal_(parameter, std=0.5)
    return net.eval()


def drums(run, *arguments) -> torch.Tensor:
    with torch.inference_mode():
        return run(*arguments)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("samples", LENGTHS)
def test_it_gives_what_the_trained_one_gives(net, monkeypatch, piece, samples):
    monkeypatch.setattr(streamed, "_PIECE_FRAMES", piece)
    run = Streamed(net)
    mixture = torch.randn(1, 2, samples) * torch.linspace(0.1, 1.0, samples)
    profile = drums(net.profile, mixture)
    torch.testing.assert_close(drums(run.profile, mixture), profile, atol=1e-5, rtol=1e-5)
    exponent = 1.7 if piece == 24 else 1.0
    expected = drums(net, mixture, 0.8 * profile, exponent)
    given = drums(run, mixture, 0.8 * profile, exponent)
    torch.testing.assert_close(given, expected, atol=2e-5, rtol=0)
    assert samples == 1 or float(expected.abs().max()) > 1e-2


@pytest.mark.parametrize("forgets", ["hold", "add_delayed"])
def test_what_is_held_back_matters(net, monkeypatch, forgets):
    """The negative control: a memory that holds nothing gives other drums."""
    monkeypatch.setattr(streamed, "_PIECE_FRAMES", 24)
    mixture = torch.randn(1, 2, 12_001)
    profile = drums(net.profile, mixture)
    expected = drums(net, mixture, profile)

    def without(_memory, _key, _frames, out):
        return out

    if forgets == "hold":

        def blank(memory, key, frames):
            if frames.shape[1]:
                memory._held[key] = torch.zeros_like(frames)

        monkeypatch.setattr(Memory, "hold", blank)
    else:
        monkeypatch.setattr(Memory, "add_delayed", without)
    given = drums(Streamed(net), mixture, profile)
    assert float((given - expected).abs().max()) > 1e-3


def test_two_passes_at_once_do_not_hear_each_other(net):
    run = Streamed(net)
    one, other = torch.randn(1, 2, 9_000), torch.randn(1, 2, 9_000)
    profile = drums(net.profile, one)
    both = drums(run, torch.cat([one, other]), profile.expand(2, -1))
    alone = drums(run, one, profile)
    torch.testing.assert_close(both[:1], alone, atol=0, rtol=0)


def test_hops_that_do_not_fit_are_refused():
    for hop in (120, 126):
        with pytest.raises(ValueError, match="hop_length"):
            TfcTdf(**(SMALL | {"hop_length": hop}))
