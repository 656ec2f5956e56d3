"""From a detector's model file back to a network that can learn on.

A file holds convolutions with their norms folded in. The norms come back from the statistics of training pictures:
with gamma = sqrt(var + eps) and beta = bias + mean the network computes what the file does, in judging and, on like
pictures, in training.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from mien.core.errors import TrainError
from mien.learn.detector.net import DetectorNet, Widths

__all__ = ["measure", "mixed", "plain", "recovered", "widened"]

_LENGTHS = ((1,), (1,), (3, 5), (3, 5), (2, 4, 6))  # convolutions of a stage, without and with its further blocks
_HEADS = 3  # strides
_FURTHER: dict[str, Callable[[DetectorNet], nn.Module]] = {
    "fine": lambda net: net.eighth[-1],
    "deep": lambda net: net.sixteenth[-1],
    "wide": lambda net: net.thirtysecond[2],
    "broad": lambda net: net.thirtysecond[-1],
}
"""Where the further blocks are, by their widths' names."""
_AFTER = _HEADS + 2  # convolutions after the stages: the laterals, the head, the output


@dataclass(frozen=True, eq=False)
class _Convolution:
    """One layer of a file.

    Args:
        kernel: (O, I, H, W).
        bias: (O,).
        halves: whether its map has half the side of its input.

    """

    kernel: Tensor
    bias: Tensor
    halves: bool


def recovered(path: Path, images: Iterable[Tensor]) -> DetectorNet:
    """Network with the weights of a float32 detector file of this project.

    Args:
        path: the model file.
        images: batches (N, 3, S, S) of values 0..255, pictures as in training, which give the norms' statistics.

    Raises:
        TrainError: the file is not one that `export_detector` wrote.

    """
    try:
        convolutions, affine = _weights(path)
        net = DetectorNet(_widths(convolutions))
        _fill(net, convolutions, affine)
    except (OSError, ValueError, IndexError, KeyError, RuntimeError) as error:
        raise TrainError(f"{path} is not a float32 detector file to start from: {error}.") from error
    measure(net, images)
    return net


def widened(net: DetectorNet, further: Widths) -> DetectorNet:
    """The network with the further blocks of `further` that it lacks; they add nothing before they have learnt."""
    asked = {name: int(getattr(further, name)) for name in _FURTHER}
    added = {name: width for name, width in asked.items() if width and not getattr(net.widths, name)}
    if not added:
        return net
    wider = DetectorNet(replace(net.widths, **added))
    wider.load_state_dict(net.state_dict(), strict=False)
    for name in added:
        norms = [m for m in _FURTHER[name](wider).modules() if isinstance(m, nn.BatchNorm2d)]
        nn.init.zeros_(norms[-1].weight)
    return wider.eval()


@torch.no_grad()
def mixed(net: DetectorNet, start: DetectorNet, share: float, images: Iterable[Tensor]) -> DetectorNet:
    """Mean of a network's weights and of those that it started from (Wortsman et al. 2022), for judging.

    Args:
        net: after the run; it stays as it is.
        start: before it, of the same widths.
        share: of the start's weights, in 0..1.
        images: batches (N, 3, S, S) of values 0..255, as in training, for the norms' statistics.

    """
    mean = copy.deepcopy(net)
    for ours, theirs in zip(mean.parameters(), start.parameters(), strict=True):
        ours.lerp_(theirs, share)
    for norm in (module for module in mean.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.momentum = None  # the mean over all batches
        norm.reset_running_stats()
    mean.train()
    for batch in images:
        mean(batch)
    return mean.eval()


def _weights(path: Path) -> tuple[list[_Convolution], list[tuple[Tensor, Tensor]]]:
    """The convolutions in the order of the forward pass; factor and shift of each stride's norm."""
    graph = onnx.load(str(path)).graph
    values = {item.name: torch.from_numpy(np.array(numpy_helper.to_array(item))) for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = torch.from_numpy(np.array(numpy_helper.to_array(node.attribute[0].t)))
    convolutions: dict[str, _Convolution] = {}
    affine: list[tuple[Tensor, Tensor]] = []
    for node in graph.node:
        known = [values[name] for name in node.input if name in values]
        if node.op_type == "Conv":
            bias = known[1] if len(known) > 1 else torch.zeros(len(known[0]))
            convolutions.setdefault(node.input[1], _Convolution(known[0], bias, _halves(node)))
        elif node.op_type == "Mul" and known:
            factor = known[0].flatten()
            total = next(n for n in graph.node if node.output[0] in n.input)
            affine.append((factor, next(values[name] for name in total.input if name in values).flatten()))
    return list(convolutions.values()), affine


def _halves(node: onnx.NodeProto) -> bool:
    """Whether a convolution's map has half the side of its input."""
    strides = next((list(a.ints) for a in node.attribute if a.name == "strides"), [1])
    return strides[0] > 1


def _widths(convolutions: list[_Convolution]) -> Widths:
    stages: list[list[int]] = []  # channels
    for convolution in convolutions[:-_AFTER]:
        if convolution.halves:
            stages.append([])
        stages[-1].append(len(convolution.kernel))
    if len(stages) != len(_LENGTHS) or any(len(s) not in known for s, known in zip(stages, _LENGTHS, strict=True)):
        raise ValueError(f"it has stages of {', '.join(str(len(s)) for s in stages)} convolutions")
    half, quarter, eighth, sixteenth, last = stages
    neck, head = len(convolutions[-_AFTER].kernel), len(convolutions[-2].kernel)
    further = [*last[2::2], 0, 0]
    return Widths(
        half[0], quarter[0], eighth[0], eighth[1], sixteenth[0], sixteenth[1], last[0], neck, head,
        wide=further[0], deep=[*sixteenth[3::2], 0][0], broad=further[1], fine=[*eighth[3::2], 0][0],
    )  # fmt: skip


def _fill(net: DetectorNet, convolutions: list[_Convolution], affine: list[tuple[Tensor, Tensor]]) -> None:
    """Weights into a network whose norms do nothing but add the bias."""
    stages, laterals = convolutions[:-_AFTER], convolutions[-_AFTER:-2]  # these from the largest stride to the smallest
    if len(affine) != _HEADS:
        raise ValueError(f"it has {len(affine)} norms")
    first = stages[0].kernel  # (O, 1, 3, 9): the picture as one plane
    stages[0] = replace(stages[0], kernel=first.reshape(-1, 3, 3, 3).permute(0, 3, 1, 2) / net.unit)
    with torch.no_grad():
        for (convolution, own), known in zip(_pairs(net), stages, strict=True):
            convolution.weight.copy_(known.kernel)
            plain(own, torch.ones(len(known.bias)), known.bias)
        last = [layer for layer in (*reversed(net.lateral), net.out) if isinstance(layer, nn.Conv2d)]
        for layer, known in zip(last, (*laterals, convolutions[-1]), strict=True):
            assert layer.bias is not None
            layer.weight.copy_(known.kernel)
            layer.bias.copy_(known.bias)
        net.head.weight.copy_(convolutions[-2].kernel)
        for (factor, shift), norm in zip(affine, net.norms, strict=True):
            assert isinstance(norm, nn.BatchNorm2d)
            plain(norm, factor, shift)


def _pairs(net: DetectorNet) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions of the stages, each with its norm, in the order of the forward pass."""
    stages = (net.stem, net.eighth, net.sixteenth, net.thirtysecond)
    modules = [module for stage in stages for module in stage.modules()]
    convolutions = [module for module in modules if isinstance(module, nn.Conv2d)]
    norms = [module for module in modules if isinstance(module, nn.BatchNorm2d)]
    return zip(convolutions, norms, strict=True)


def _state(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Running mean and variance of a norm."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.running_mean, norm.running_var


def plain(norm: nn.BatchNorm2d, factor: Tensor, shift: Tensor) -> None:
    """Statistics of 0 and 1, so that the norm is a product and a sum."""
    mean, var = _state(norm)
    mean.zero_()
    var.fill_(1 - norm.eps)
    norm.weight.copy_(factor)
    norm.bias.copy_(shift)


@torch.no_grad()
def measure(net: nn.Module, images: Iterable[Tensor]) -> None:
    """Statistics of each norm's inputs, with gamma and beta that leave the function as it is."""
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    sums = {norm: [torch.zeros(norm.num_features, dtype=torch.float64) for _ in range(2)] for norm in norms}
    count = dict.fromkeys(norms, 0)

    def note(norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].double()
        count[norm] += values.numel() // values.shape[1]
        sums[norm][0] += values.sum((0, 2, 3))
        sums[norm][1] += values.square().sum((0, 2, 3))

    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    net.eval()
    for batch in images:
        net(batch)
    for hook in hooks:
        hook.remove()
    for norm in sums:
        mean = (sums[norm][0] / count[norm]).float()
        var = (sums[norm][1] / count[norm]).float() - mean.square()
        factor = norm.weight.clone()
        norm.bias.add_(mean * factor)
        norm.weight.mul_((var + norm.eps).sqrt())
        for old, new in zip(_state(norm), (mean, var), strict=True):
            old.copy_(new)
