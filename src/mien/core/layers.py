"""Networks as a table of layers, and as the stages that a figure shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Layer", "Stage", "Summary", "stages_of"]


@dataclass(frozen=True)
class Layer:
    """A layer of a network, or an operator of a graph.

    Args:
        name: its name in the network.
        kind: what it is, such as "Conv2d" or "Gemm".
        shape: of its output for one picture, the batch left out: (C, H, W), (D,) or other.
        parameters: its own weights and biases.
        macs: multiply-adds for one picture, of convolutions and matrix products.
        depth: 0 for a layer of the network itself, 1 for one inside such a layer, and so on. Its figures are its own,
            without those of the layers inside it.

    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int = 0
    macs: int = 0
    depth: int = 0


@dataclass(frozen=True)
class Summary:
    """A network as a table.

    Args:
        name: of the model.
        source: "operators" of an ONNX graph or "layers" of torch.
        input: shape of what goes in, a batch of one.
        layers: in the order of computation.
        file: name of the model file.
        file_bytes: its size.
        labels: names of the outputs, where the model has some.
        inside: a network that the file holds besides, such as a detector's for second looks; its own figures.

    """

    name: str
    source: str
    input: tuple[int, ...]
    layers: tuple[Layer, ...]
    file: str
    file_bytes: int
    labels: tuple[str, ...] = ()
    inside: Summary | None = None

    @property
    def parameters(self) -> int:
        """Weights and biases of all layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-adds for one picture."""
        return sum(layer.macs for layer in self.layers)


@dataclass(frozen=True)
class Stage:
    """All layers of a network whose maps have one size.

    Args:
        side: (H, W) of the maps in pixels; (T, 1) for T tokens, (1, 1) for a vector.
        channels: of the last one.
        kinds: how many layers of each kind that multiplies (of each kind where none does), in the order of appearance.
        parameters: of all of them.
        macs: of all of them.

    """

    side: tuple[int, int]
    channels: int
    kinds: tuple[tuple[str, int], ...]
    parameters: int
    macs: int


def stages_of(layers: Iterable[Layer]) -> list[Stage]:
    """The stages of a network, largest maps first; layers without weights and products belong to none.

    Layers are gathered by the size of their maps, so a branch that comes back to a size counts there.
    """
    groups: dict[tuple[int, int], list[Layer]] = {}
    for layer in layers:
        if layer.parameters or layer.macs:
            groups.setdefault(_side(layer.shape), []).append(layer)
    order = sorted(groups, key=math.prod, reverse=True)
    return [_stage(side, groups[side]) for side in order]


def _side(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) >= 3:
        return shape[-2], shape[-1]
    return (shape[0], 1) if len(shape) == 2 else (1, 1)


def _stage(side: tuple[int, int], group: Sequence[Layer]) -> Stage:
    kinds: dict[str, int] = {}
    for layer in [layer for layer in group if layer.macs] or group:
        kinds[layer.kind] = kinds.get(layer.kind, 0) + 1
    shape = group[-1].shape or (1,)
    channels = shape[-3] if len(shape) >= 3 else shape[-1]
    return Stage(
        side, channels, tuple(kinds.items()), sum(one.parameters for one in group), sum(one.macs for one in group)
    )
