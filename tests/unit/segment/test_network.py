"""The network without MONAI against MONAI's own class: names, outputs and gradients, bit by bit."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from myot2.segment.model import ModelConfiguration, build_network, networks_of, state_of

LABELS = ("vastus lateralis", "femur")
SHAPES = {
    "shipped": {"context": 2, "channels": (24, 48, 96, 160, 256), "strides": (2, 2, 2, 2), "residual_units": 2},
    "two levels": {"context": 0, "channels": (4, 8), "strides": (2,), "residual_units": 1},
    "no stride": {"context": 1, "channels": (4, 6, 6), "strides": (1, 2), "residual_units": 2},
    "equal channels": {"context": 1, "channels": (3, 3, 3), "strides": (1, 1), "residual_units": 3},
    "stride of three": {"context": 1, "channels": (4, 6, 8), "strides": (3, 2), "residual_units": 2},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_names_outputs_and_gradients_are_those_of_monai_s_class(shape):
    configuration = ModelConfiguration("test", LABELS, pixel_mm=1.5, crop_pixels=48, **SHAPES[shape])
    torch.manual_seed(1)
    theirs = build_network(configuration).eval()
    (ours,) = networks_of(configuration, state_of([theirs]))
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    images = torch.randn(2, 2 * configuration.context + 1, 48, 48)
    scores = [network(images) for network in (theirs, ours)]
    assert torch.equal(*scores)
    for found in scores:
        found.square().sum().backward()
    for one, other in zip(theirs.parameters(), ours.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def test_to_load_a_model_imports_no_monai(root):
    code = (
        "import sys; from myot2.segment.model import load_model; import myot2.segment.inference; "
        f"load_model({str(root / 'resources/models/thigh')!r}); print('monai' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
