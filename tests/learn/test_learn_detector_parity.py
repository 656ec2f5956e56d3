"""The packaged face detector gives the same faces in torch and in ONNX Runtime."""

from importlib import resources
from typing import Any, cast

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from mien.infer.detect import open_detector
from mien.infer.detectors.own import decode, padded, suppress
from mien.infer.detectors.scaling import map_back, shrink
from mien.learn.detector.net import DetectorNet


@pytest.fixture(scope="module")
def network() -> DetectorNet:
    """A torch network with the weights of the packaged file, into whose convolutions the norms are folded."""
    model = onnx.load(str(resources.files("mien") / "assets" / "models" / "face.onnx"))
    weights = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    convolutions = [node.input for node in model.graph.node if node.op_type == "Conv"]
    folded = [[weights[name] for name in inputs[1:]] for inputs in convolutions if inputs[1].startswith("onnx::")]
    net = DetectorNet().eval()
    net.unit = 1.0
    modules = list(net.modules())
    own = {id(net.head), id(net.out), *(id(layer) for layer in net.lateral)}
    plain = [m for m in modules if isinstance(m, torch.nn.Conv2d) and id(m) not in own]
    norms = [m for m in modules if isinstance(m, torch.nn.BatchNorm2d) and all(m is not n for n in net.norms)]
    with torch.no_grad():
        for layer, norm, (kernel, bias) in zip(plain, norms, folded, strict=True):
            layer.weight.copy_(torch.from_numpy(_planes(kernel).copy()))
            norm.bias.copy_(torch.from_numpy(bias.copy()))
        for name, parameter in net.named_parameters():
            if f"net.{name}" in weights:
                parameter.copy_(torch.from_numpy(weights[f"net.{name}"].copy()))
        for i, norm in enumerate(cast(Any, net.norms)):
            norm.weight.copy_(torch.from_numpy(weights[f"net.norms.{i}.factor"].reshape(-1).copy()))
            norm.bias.copy_(torch.from_numpy(weights[f"net.norms.{i}.shift"].reshape(-1).copy()))
    return net


def _planes(kernel: np.ndarray) -> np.ndarray:
    """The first convolution of a file may take pixels in their own order: (O, 1, 3, 9) instead of (O, 3, 3, 3)."""
    if kernel.shape[1:] != (1, 3, 9):
        return kernel
    return kernel.reshape(-1, 3, 3, 3).transpose(0, 3, 1, 2)  # (O, row, column, plane) -> (O, plane, row, column)


@pytest.mark.parametrize("size", [None, 320, 200])
def test_boxes_of_torch_and_of_the_runtime(network, astronaut, hopper, size):
    # The same faces within a pixel, on both photographs, as they are and shrunk.
    detector = open_detector("mien")
    info: Any = detector.info  # type: ignore[attr-defined]  # of the project's own
    for photograph in (astronaut, hopper):
        picture, _ = shrink(photograph, size)
        small, factor = shrink(picture, 640)
        pixels = torch.from_numpy(padded(small, info.strides[-1])).permute(2, 0, 1)[None].float()
        with torch.no_grad():
            maps = [torch.cat([m[:, :1].sigmoid(), m[:, 1:]], 1).numpy() for m in network(pixels)]
        faces = [map_back(f, factor) for f in suppress(decode(maps, info.strides, info.score), info.overlap)]

        found = detector.detect(picture)

        assert len(found) == len(faces) >= 1
        for ours, theirs in zip(found, faces, strict=True):
            assert ours.box == pytest.approx(theirs.box, abs=1)
            assert np.array(ours.landmarks) == pytest.approx(np.array(theirs.landmarks), abs=1)
            assert ours.score == pytest.approx(theirs.score, abs=1e-3)
