from __future__ import annotations

import pytest
import torch

from drumstudio.nets import dual_path
from drumstudio.nets.dual_path import DualPath
from drumstudio.nets.tfc_tdf import TfcTdf
from tests.nets.test_tfc_tdf import SMALL

SMALL_PATH = {
    "path_bins": 12,
    "path_bands": 8,
    "path_channels": 8,
    "path_hidden": 4,
    "song_channels": 8,
    "path_blocks": 2,
}


@pytest.fixture
def net() -> DualPath:
    torch.manual_seed(1)
    net = DualPath(**SMALL, **SMALL_PATH)
    net.train()
    for _ in range(3):
        net(torch.randn(2, 2, 12_000))
    return net.eval()


def test_the_drums_have_the_mixtures_shape_whatever_its_length(net):
    for samples in (1, 100, 5_000, 12_345):
        mixture = torch.randn(1, 2, samples)
        assert net(mixture).shape == mixture.shape


def test_above_its_bins_the_mask_is_that_of_the_network_it_is_built_upon(net):
    wide = TfcTdf(**SMALL).eval()
    wide.load_state_dict({k: v for k, v in net.state_dict().items() if not k.startswith("path.")})
    mixture = torch.randn(1, 2, 9_000)
    spectrum = net._stft(mixture, net.window)
    mine, its = net.mask(mixture, spectrum), wide.mask(mixture, spectrum)
    torch.testing.assert_close(mine[:, :, 12:], its[:, :, 12:], atol=1e-6, rtol=0)
    assert not torch.allclose(mine[:, :, :12], its[:, :, :12], atol=1e-3)


def test_in_its_lowest_bins_both_opinions_count_alike(net):
    mixture = torch.randn(1, 2, 9_000)
    spectrum = net._stft(mixture, net.window)
    wide = torch.sigmoid(net.logits(mixture, spectrum))[:, :, :8]
    low = torch.sigmoid(net.path(net.path.spectra(mixture)))[:, None, :8]
    torch.testing.assert_close(net.mask(mixture, spectrum)[:, :, :8], (wide * low).sqrt())


def test_the_songs_profile_takes_the_place_of_the_chunks_own(net):
    mixture = torch.randn(1, 2, 9_000)
    own = net.profile(mixture)
    torch.testing.assert_close(net(mixture, own), net(mixture), atol=1e-6, rtol=0)
    assert not torch.allclose(net(mixture, 2 * own), net(mixture), atol=1e-4)


def test_a_louder_mixture_gets_the_same_mask(net):
    mixture = torch.randn(1, 2, 9_000)
    spectra, louder = net.path.spectra(mixture), net.path.spectra(4 * mixture)
    torch.testing.assert_close(net.path(louder), net.path(spectra), atol=2e-3, rtol=0)


def test_a_hit_is_seen_at_its_frame_at_every_resolution(net):
    hop = SMALL["hop_length"]
    mixture = torch.zeros(1, 2, 40 * hop)
    mixture[..., 20 * hop] = 1.0
    spectra = net.path.spectra(mixture)
    steps = (1, 1, 2, 4)
    assert [part.shape[2] // 41 for part in spectra] == [1, 1, 2, 4, 2]
    for part, step in zip(spectra[:4], steps, strict=True):
        assert int(part.sum(1).argmax()) == 20 * step


def test_a_click_far_away_changes_what_is_heard_now(net):
    """Also beyond what the rest of the network sees: that is what the memory is for."""
    profile, mixture, clicked = _with_a_click(net, 9_000, 60_000)
    wide = super(DualPath, net)
    assert net.path.profile_features == profile.shape[1] - wide.profile(mixture).shape[1]
    change = (net(clicked, profile) - net(mixture, profile))[..., :1_000].abs().max()
    assert float(change.detach()) > 0.0


def test_what_is_farther_than_the_context_changes_nothing(net, monkeypatch):
    monkeypatch.setattr(dual_path, "_WINDOW_SECONDS", 0.21)
    with torch.no_grad():
        for name, bias in net.path.named_parameters():
            if "memory.bias_ih" in name:  # forget gates that forget slowly
                bias[len(bias) // 4 : len(bias) // 2] = 4.0
    context = net.context_samples
    assert context == 2 * net.chunk_grid
    place = 3 * net.chunk_grid + 500
    profile, mixture, clicked = _with_a_click(net, place, 6 * net.chunk_grid)
    change = (net(clicked, profile) - net(mixture, profile)).detach().abs().amax((0, 1))
    assert change[: place - context].max() == 0
    assert change[place + context :].max() == 0
    assert change[place - net.chunk_grid // 2 : place].max() > 0
    # The negative control: without windows it is heard everywhere.
    net.path.in_windows = lambda spectra, frames, profile: net.path(spectra, profile)
    change = (net(clicked, profile) - net(mixture, profile)).detach().abs().amax((0, 1))
    assert change[: place - context].max() > 0


def _with_a_click(net, place: int, samples: int):
    torch.manual_seed(3)
    mixture = 0.1 * torch.randn(1, 2, samples)
    clicked = mixture.clone()
    clicked[..., place] += 5.0
    return net.profile(mixture), mixture, clicked
