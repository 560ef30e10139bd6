"""Which device is meant, and what is said if it is not there."""

from __future__ import annotations

import pytest
import torch

from drumstudio.core.errors import DeviceError
from drumstudio.inference import device as devices


@pytest.mark.parametrize(
    ("cuda", "mps", "best"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_fastest_that_is_there(monkeypatch, cuda, mps, best):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert devices.choose("auto") == best
    assert devices.choose("cpu") == "cpu"


@pytest.mark.parametrize("asked", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_an_error_a_person_can_act_on(monkeypatch, asked):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError) as caught:
        devices.choose(asked)
    assert "only cpu" in caught.value.why


def test_an_unknown_device_is_a_programmer_s_error():
    with pytest.raises(ValueError, match="tpu"):
        devices.choose("tpu")


def test_setting_up_takes_the_threads_and_the_chance_away():
    devices.set_up(1)
    assert torch.get_num_threads() == 1
    assert not torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.allow_tf32
