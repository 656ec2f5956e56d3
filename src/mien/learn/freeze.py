"""Which layers of a network learn."""

from __future__ import annotations

from torch import nn

from mien.learn.models import Network

__all__ = ["apply_freeze", "layers_of"]


def layers_of(network: Network) -> list[nn.Module]:
    """The trunk's layers that hold weights of their own, in order; a batch norm counts with what it follows."""
    layers = []
    for module in network.trunk.modules():
        own = any(True for _ in module.parameters(recurse=False))
        if own and not isinstance(module, nn.modules.batchnorm._NormBase):
            layers.append(module)
    return layers


def apply_freeze(network: Network, freeze: str) -> None:
    """Let only a part of the network learn; frozen batch norms also keep their statistics.

    Args:
        network: changed in place.
        freeze: "none", "head-only", or how many of the trunk's last layers learn besides the heads.

    """
    network.requires_grad_(True)
    network.train()
    if freeze == "none":
        return
    count = 0 if freeze == "head-only" else int(freeze)
    layers = layers_of(network)
    learning = {id(layer) for layer in layers[max(len(layers) - count, 0) :]} if count else set()
    active = False
    for module in network.trunk.modules():
        if id(module) in learning:
            active = True
        own = any(True for _ in module.parameters(recurse=False))
        if own and not active:
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)
            if isinstance(module, nn.modules.batchnorm._NormBase):
                module.eval()
