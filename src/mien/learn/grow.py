"""Larger networks that begin with a smaller one's weights, and networks that are read back from model files.

A residual block whose last batch norm has scale 0 is the identity, so blocks can be put into a trained network
(Net2DeeperNet; Chen et al. 2016) and training goes on from there. Model files hold no batch norms, these are folded
into the convolutions; measured statistics bring them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from mien.core.errors import ModelError, TrainError
from mien.learn.models import Network
from mien.learn.nets import Inverted, PlainNet, Residual

__all__ = ["deepen", "grow", "read_back", "read_trunk", "widen"]

_PREFIX = "network."
_FILTER_NORM = 3**-0.5
"""Length of a filter as torch draws it at first; the batch norm behind it makes up for any other."""


def grow(small: Network, large: Network) -> None:
    """Begin a larger network with a smaller one's weights: deeper where it is as wide, else wider.

    Raises:
        TrainError: they do not go together; see `deepen` and `widen`.

    """
    (deepen if _width(small) == _width(large) else widen)(small, large)


def _width(network: Network) -> int:
    """Channels of the first convolution."""
    first = next((m for m in network.trunk.modules() if isinstance(m, nn.Conv2d)), None)
    return first.out_channels if first is not None else 0


def deepen(small: Network, large: Network) -> None:
    """Copy a network into one with more residual blocks, which then computes the same; heads of the same name too.

    Args:
        small: trained; its trunk is a `PlainNet`.
        large: fresh, with the same layers in the same order and further residual blocks between them.

    Raises:
        TrainError: the large trunk does not contain the small one.

    """
    if not isinstance(small.trunk, PlainNet) or not isinstance(large.trunk, PlainNet):
        raise TrainError("Only the project's own convolutional nets can be made deeper.")
    left = list(small.trunk.layers)
    for layer in large.trunk.layers:
        if left and _shapes(layer) == _shapes(left[0]):
            layer.load_state_dict(left.pop(0).state_dict())
        elif not isinstance(layer, Residual | Inverted):
            break
    else:
        if not left:
            _copy_heads(small, large)
            return
    raise TrainError("The larger net must have the layers of the smaller one, and more residual blocks, nothing else.")


@torch.no_grad()
def widen(small: Network, large: Network) -> None:
    """Copy the first layers of a network into a wider one, up to the first kind of block that it does not have.

    There the wide net's first channels are the narrow net's, since new channels feed nothing into them; what follows
    stays as it was drawn, the heads too (after Net2WiderNet; Chen et al. 2016, without twins that learn alike).

    Args:
        small: trained; its trunk is a `PlainNet`.
        large: fresh, no layer narrower; residual blocks more are left as they are.

    Raises:
        TrainError: a trunk is of another kind, or a layer of the small one does not fit into the large one.

    """
    if not isinstance(small.trunk, PlainNet) or not isinstance(large.trunk, PlainNet):
        raise TrainError("Only the project's own convolutional nets can be made wider.")
    left = list(small.trunk.layers)
    for layer in large.trunk.layers:
        if not left or isinstance(left[0], Inverted):
            break
        if type(layer) is type(left[0]):
            _widen_layer(left.pop(0), layer)
        elif not isinstance(layer, Residual):
            break


def _widen_layer(small: nn.Module, large: nn.Module) -> None:
    mine = dict(large.named_parameters()) | dict(large.named_buffers())
    for name, tensor in (dict(small.named_parameters()) | dict(small.named_buffers())).items():
        target = mine[name]
        if target.ndim != tensor.ndim or any(a < b for a, b in zip(target.shape, tensor.shape, strict=True)):
            raise TrainError("A net can only be made wider: a layer of the weights is wider than that of the net.")
        if tensor.ndim == 4:
            target[: len(tensor)] = 0
        target[tuple(slice(n) for n in tensor.shape)] = tensor


def _copy_heads(small: Network, large: Network) -> None:
    for name, head in small.heads.items():
        if name in large.heads and _shapes(large.heads[name]) == _shapes(head):
            large.heads[name].load_state_dict(head.state_dict())


def _shapes(layer: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in layer.state_dict().items()}


@torch.no_grad()
def read_back(network: Network, files: Mapping[str, Path | str], crops: NDArray[np.uint8]) -> None:
    """Fill a network from float32 model files of one run, batch norms included.

    The statistics are those of `crops` and the scales and offsets undo them, so that the network computes what the
    files do, and goes on learning from there. Temperatures go into the heads.

    Args:
        network: of the architecture that the files name; changed in place.
        files: the model file of every head, by the head's name; the first gives the trunk.
        crops: training crops (N, S, S) or (N, S, S, 3) uint8 that the statistics are measured on.

    Raises:
        ModelError: a file lacks a layer of the network.

    """
    tensors = {name: _tensors(path) for name, path in files.items()}
    for name, head in network.linear_heads().items():
        scale = 1 / _get(tensors[name], "temperature")
        head.weight.copy_(_get(tensors[name], f"{_PREFIX}heads.{name}.weight") * scale)
        head.bias.copy_(_get(tensors[name], f"{_PREFIX}heads.{name}.bias") * scale)
    _read_trunk(network, tensors[next(iter(files))], crops)


@torch.no_grad()
def read_trunk(network: Network, path: Path | str, crops: NDArray[np.uint8]) -> None:
    """Fill the trunk of a network from a float32 model file as `read_back` does; the heads stay as they are.

    Args:
        network: of the architecture that the file names; changed in place.
        path: the model file; its weights may be stored in half precision.
        crops: training crops (N, S, S) or (N, S, S, 3) uint8.

    Raises:
        ModelError: the file lacks a layer of the network.

    """
    _read_trunk(network, _tensors(path), crops)


def _read_trunk(network: Network, tensors: Mapping[str, Tensor], crops: NDArray[np.uint8]) -> None:
    pairs = _with_norms(network)
    for name, conv, _ in pairs:
        conv.weight.copy_(_get(tensors, f"{_PREFIX}{name}.weight"))
    biases = [_get(tensors, f"{_PREFIX}{name}.weight_bias") for name, _, _ in pairs]
    _measure(network, [(conv, norm) for _, conv, norm in pairs], biases, torch.from_numpy(crops))


def _measure(
    network: Network, pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]], biases: list[Tensor], crops: Tensor
) -> None:
    """Set the batch norms one by one in the order of the layers, each from what those before it give."""
    network.eval()
    for (conv, norm), bias in zip(pairs, biases, strict=True):
        seen: list[Tensor] = []
        hook = conv.register_forward_hook(lambda _m, _i, out, seen=seen: seen.append(_moments(out)))
        for part in crops.split(512):
            network(part)
        hook.remove()
        mean, square = torch.stack(seen).mean(0)
        variance = (square - mean.square()).clamp(min=0)
        factor = _FILTER_NORM / conv.weight.flatten(1).norm(dim=1).clamp(min=1e-12)
        conv.weight.mul_(factor.view(-1, 1, 1, 1))
        norm.running_mean = mean * factor
        norm.running_var = variance * factor.square()
        norm.weight.copy_((norm.running_var + norm.eps).sqrt() / factor)
        norm.bias.copy_(bias + mean)


def _moments(out: Tensor) -> Tensor:
    """Mean and mean square of every channel, (2, C)."""
    return torch.stack([out.mean(dim=(0, 2, 3)), out.square().mean(dim=(0, 2, 3))])


def _with_norms(network: Network) -> list[tuple[str, nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions by name with the batch norm that follows each, in order."""
    found: list[tuple[str, nn.Conv2d, nn.BatchNorm2d]] = []
    last: tuple[str, nn.Conv2d] | None = None
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            last = (name, module)
        elif isinstance(module, nn.BatchNorm2d) and last is not None:
            found.append((*last, module))
            last = None
    return found


def _tensors(path: Path | str) -> dict[str, Tensor]:
    """Weights of a model file by name; those that are stored in half precision under the name of what they become."""
    graph = onnx.load(str(path)).graph
    whole = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Cast"}
    stored = ((whole.get(entry.name, entry.name), numpy_helper.to_array(entry)) for entry in graph.initializer)
    return {name: torch.from_numpy(values.copy()).float() for name, values in stored}


def _get(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise ModelError(f"The model file has no {name}; name a float32 file of the network's architecture.")
    return tensors[name]
