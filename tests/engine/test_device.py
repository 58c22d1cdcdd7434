"""Which device a search runs on, by its name."""

import pytest
import torch
from farpair.engine.device import choose_device, device_name
from farpair.engine.errors import InputError


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert device_name(torch.device("cpu"))


def test_auto_is_the_first_there_is_of_cuda_mps_xpu_and_cpu() -> None:
    expected = "cpu"
    if torch.xpu.is_available():
        expected = "xpu"
    if torch.backends.mps.is_available():
        expected = "mps"
    if torch.cuda.is_available():
        expected = "cuda"

    assert choose_device("auto").type == expected
    assert choose_device() == choose_device("auto")


@pytest.mark.parametrize(
    "name", ["tpu", "", "cuda:", "cuda:x", "cpu cuda", "cuda:-1", "CUDA", "gpu:0", "cpu:\x1b[31m"]
)
def test_a_name_that_is_no_devices_is_refused(name: str) -> None:
    with pytest.raises(InputError) as refused:
        choose_device(name)

    assert str(refused.value).startswith("device: ")
    assert "\x1b" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["cuda:97", "cuda:256", "cuda:100000", "xpu:97", "mps:1"])
def test_a_device_that_is_not_there_is_refused_and_those_that_are_there_are_said(name: str) -> None:
    with pytest.raises(InputError, match=r"^device: ") as refused:
        choose_device(name)

    assert name in str(refused.value)


@pytest.mark.parametrize("name", ["meta", "fbgemm", "hpu", "vulkan", "xla"])
def test_a_device_of_torchs_that_no_search_can_use_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^device: "):
        choose_device(name)
