from __future__ import annotations

import pytest
import torch

from drumstudio.nets.band_path import BandPath, band_edges

SMALL = {"n_fft": 2048, "hop_length": 512, "bands": 20, "channels": 8, "hidden": 4, "blocks": 2}


@pytest.fixture
def net() -> BandPath:
    torch.manual_seed(1)
    return BandPath(**SMALL).eval()


def test_bands_cover_every_bin_once_and_are_narrow_below_300_hz():
    edges = band_edges(4096, 56, 44_100)
    assert len(edges) == 57
    assert (edges[0], edges[-1]) == (0, 2049)
    widths = [last - first for first, last in zip(edges, edges[1:], strict=False)]
    assert min(widths) >= 2
    assert [width for edge, width in zip(edges, widths, strict=False) if edge < 28] == [2] * 14
    assert edges[14] * 44_100 / 4096 == pytest.approx(300, abs=6)
    with pytest.raises(ValueError, match="do not fit"):
        band_edges(4096, 10, 44_100)


def test_the_drums_have_the_mixtures_shape_whatever_its_length(net):
    for samples in (1, 100, 5_000, 12_345):
        mixture = torch.randn(1, 2, samples)
        assert net(mixture).shape == mixture.shape


def test_a_mask_of_ones_gives_the_mixture(net):
    for exit in net.exits:
        torch.nn.init.zeros_(exit.weight)
        torch.nn.init.constant_(exit.bias, 60.0)
    mixture = torch.randn(1, 2, 9_000)
    torch.testing.assert_close(net(mixture), mixture, atol=1e-5, rtol=0)


def test_a_cell_of_the_mask_comes_from_the_band_that_holds_it(net):
    for exit in net.exits:
        torch.nn.init.zeros_(exit.weight)
        torch.nn.init.constant_(exit.bias, -60.0)
    # Right channel, second frame of a step, third bin of the last band.
    width = net.edges[-1] - net.edges[-2]
    cell = 2 * 4 + 2 * 1 + 1
    assert cell < 4 * width
    with torch.no_grad():
        net.exits[-1].bias[cell] = 60.0
    mixture = torch.randn(1, 2, 5_000)
    mask = torch.sigmoid(net.logits(mixture, net.spectrum(mixture)))
    found = {tuple(place) for place in torch.nonzero(mask > 0.5)[:, 1:3].tolist()}
    assert found == {(1, net.edges[-2] + 2)}
    assert set(torch.nonzero(mask > 0.5)[:, 3].tolist()) == set(range(1, mask.shape[3], 2))


def test_nothing_farther_away_than_its_context_touches_a_sample(net):
    context = net.context_samples
    mixture = 0.1 * torch.randn(1, 2, 3 * context)
    profile = net.profile(mixture)
    before = net(mixture, profile)
    place = context + context // 2
    other = mixture.clone()
    other[..., place:] = torch.randn_like(other[..., place:])
    after = net(other, profile)
    torch.testing.assert_close(
        after[..., : place - context], before[..., : place - context], atol=1e-6, rtol=0
    )
    # The context is no larger than need be by orders: half of it is not enough.
    half = place - context // 2
    assert not torch.allclose(after[..., half:place], before[..., half:place], atol=1e-4)


def test_what_it_hears_does_not_depend_on_the_level(net):
    mixture = torch.randn(1, 2, 9_000)
    torch.testing.assert_close(0.1 * net(mixture), net(0.1 * mixture), atol=2e-3, rtol=0)


def test_the_songs_profile_takes_the_place_of_the_chunks_own(net):
    mixture = torch.randn(1, 2, 9_000)
    own = net.profile(mixture)
    torch.testing.assert_close(net(mixture, own), net(mixture), atol=1e-6, rtol=0)
    assert not torch.allclose(net(mixture, 2 * own), net(mixture), atol=1e-4)
