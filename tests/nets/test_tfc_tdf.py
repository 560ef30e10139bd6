from __future__ import annotations

import pytest
import torch

from drumstudio.nets.tfc_tdf import TfcTdf

SMALL = {
    "n_fft": 512,
    "hop_length": 128,
    "sub_bands": 2,
    "channels": 4,
    "growth": 2,
    "levels": 2,
    "bottleneck": 4,
    "low_bins": 16,
    "low_channels": 8,
    "bands": 6,
}


@pytest.fixture
def net() -> TfcTdf:
    torch.manual_seed(1)
    net = TfcTdf(**SMALL)
    # Some steps of the statistics, so that normalisation is not the identity.
    net.train()
    for _ in range(3):
        net(torch.randn(2, 2, 12_000))
    torch.nn.init.normal_(net.low_exit.weight, std=0.1)
    return net.eval().requires_grad_(False)


def test_the_drums_have_the_mixtures_shape_whatever_its_length(net):
    for samples in (1, 100, 5_000, 12_345):
        mixture = torch.randn(1, 2, samples)
        assert net(mixture).shape == mixture.shape


def test_the_mask_is_a_share(net):
    mixture = torch.randn(1, 2, 9_000)
    mask = net.mask(mixture, net._stft(mixture, net.window))
    assert 0 <= float(mask.min()) <= float(mask.max()) <= 1


def test_a_chunk_with_its_context_gives_the_samples_of_the_whole(net):
    torch.manual_seed(2)
    context = -(-net.context_samples // net.chunk_grid) * net.chunk_grid
    mixture = torch.randn(1, 2, 4 * context)
    profile = net.profile(mixture)
    whole = net(mixture, profile)
    chunk = net(mixture[..., context : 4 * context], profile)
    kept = slice(context, 2 * context)
    torch.testing.assert_close(
        chunk[..., kept], whole[..., 2 * context : 3 * context], atol=1e-5, rtol=0
    )


def test_too_little_context_would_be_noticed(net):
    torch.manual_seed(2)
    context = -(-net.context_samples // net.chunk_grid) * net.chunk_grid
    mixture = torch.randn(1, 2, 4 * context)
    profile = net.profile(mixture)
    near = net(mixture[..., 2 * context :], profile)[..., : net.hop_length]
    far = net(mixture, profile)[..., 2 * context : 2 * context + net.hop_length]
    assert float((near - far).abs().max()) > 1e-4


def test_a_louder_mixture_gives_louder_drums_and_nothing_else(net):
    torch.manual_seed(3)
    mixture = torch.randn(1, 2, 12_000)
    torch.testing.assert_close(net(4 * mixture), 4 * net(mixture), atol=2e-3, rtol=0)


def test_the_profile_does_not_know_left_from_right(net):
    mixture = torch.randn(1, 2, 9_000)
    torch.testing.assert_close(net.profile(mixture.flip(1)), net.profile(mixture))


def test_a_higher_exponent_takes_less(net):
    mixture = torch.randn(1, 2, 9_000)
    plain, isolated = net(mixture), net(mixture, None, 2.0)
    assert float(isolated.square().sum()) < float(plain.square().sum())


def test_silence_stays_silent(net):
    assert float(net(torch.zeros(1, 2, 9_000)).abs().max()) == 0.0


def test_every_weight_learns(net):
    net.train().requires_grad_(True)
    loss = net(torch.randn(2, 2, 12_000)).square().mean()
    loss.backward()
    still = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []
