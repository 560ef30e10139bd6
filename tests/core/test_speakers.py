import pytest

from drumstudio.core.speakers import (
    IMPLIED,
    checked_mask,
    implied_mask,
    mask_of,
    names_of,
    order_under,
    pairs,
    wave_order,
    xiph_names,
)


def test_names_and_masks_are_one():
    assert mask_of(("FL", "FR", "FC", "LFE", "BL", "BR")) == 0x3F
    assert names_of(0x60F) == ("FL", "FR", "FC", "LFE", "SL", "SR")
    assert mask_of(("FL", "FR", "BL", "BL")) == mask_of(("A", "B", "C")) == 0


def test_mono_and_stereo_need_no_mask():
    assert checked_mask(0x4, 1) == checked_mask(0x3, 2) == 0
    assert checked_mask(0x3, 3) == checked_mask(1 << 20, 1) == checked_mask(-1, 2) == 0
    assert checked_mask(0x3F, 6) == 0x3F


def test_the_order_of_wave_files_is_found_from_any():
    assert [xiph_names(6)[place] for place in wave_order(xiph_names(6))] == list(names_of(0x3F))
    assert wave_order(("X", "FR", "FL")) == [0, 1, 2]


@pytest.mark.parametrize("channels", IMPLIED)
def test_side_and_rear_speakers_stand_for_each_other_where_there_is_one_pair(channels):
    mask = IMPLIED[channels]
    assert implied_mask(mask, channels) == mask
    assert implied_mask(0, channels) is None
    assert order_under(mask, mask) == list(range(channels))
    assert implied_mask(0x60F, 6) == 0x3F
    # 6.1 with rear speakers: its rear centre stands behind them there, before them here
    assert implied_mask(0x13F, 7) == 0x70F
    assert order_under(0x13F, 0x70F) == [0, 1, 2, 3, 6, 4, 5]
    assert implied_mask(0x107, 4) is None


def test_pairs_follow_what_the_channels_are_for():
    assert pairs(0x3F, 6) == [[0, 1], [2], [3], [4, 5]]
    assert pairs(0x63F, 8) == [[0, 1], [2], [3], [4, 5], [6, 7]]
    assert pairs(0x70F, 7) == [[0, 1], [2], [3], [4], [5, 6]]
    assert pairs(0, 2) == [[0, 1]]
    assert pairs(0, 1) == [[0]]
    assert pairs(0, 4) == [[0], [1], [2], [3]]  # the microphones of a field recorder
    assert pairs(0x5, 2) == [[0], [1]]  # left and centre are no pair
