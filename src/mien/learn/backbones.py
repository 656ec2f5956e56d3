"""Networks of the library timm as trunks: by our names or any of theirs, for small pictures too.

timm's own configuration says each network's input size and normalisation.
"""

from __future__ import annotations

import difflib
import inspect
import logging
import os
import socket
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from mien.core.errors import OptionError, StoreError, TrainError, unknown_name

__all__ = ["ANY_PREFIX", "TIMM_NAMES", "Backbone", "build_backbone", "input_side", "is_backbone"]

TIMM_NAMES: dict[str, str] = {
    "mobilenetv2": "mobilenetv2_100",
    "resnet50v2": "resnetv2_50",
    "vgg16": "vgg16",
    "densenet121": "densenet121",
    "densenet169": "densenet169",
    "efficientnet_b0": "efficientnet_b0",
}
"""Our name of an architecture: timm's."""
ANY_PREFIX = "timm:"
"""In front of any other name that timm knows."""

_HUB = "https://huggingface.co"
_PATIENCE_S = 5.0
_SMALLEST_MAP = 3  # pixels of the last map's side below which early strides are taken out
_MOST_RELAXED = 2  # strides that may be taken out; later ones belong to residual blocks with shortcuts


def is_backbone(name: str) -> bool:
    """Whether a name is one of timm's architectures, or claims to be."""
    return name in TIMM_NAMES or name.startswith(ANY_PREFIX)


def _timm_name(name: str) -> str:
    """Timm's name.

    Raises:
        OptionError: timm has no such architecture.

    """
    known = TIMM_NAMES.get(name, name.removeprefix(ANY_PREFIX))
    if not timm.is_model(known):
        near = difflib.get_close_matches(known, timm.list_models(), n=8, cutoff=0.4)
        raise OptionError(unknown_name("timm architecture", known, near or TIMM_NAMES.values()))
    return known


def input_side(name: str) -> int:
    """Side of the pictures that timm's configuration of a network names, in pixels.

    Raises:
        OptionError: timm has no such architecture.

    """
    config = timm.get_pretrained_cfg(_timm_name(name))
    return int(config.input_size[-1]) if config is not None else 224


class Backbone(nn.Module):
    """A timm network without its classifier: planes (N, C, S, S) -> features (N, D).

    Args:
        net: made by timm with no classes.
        channels: 1 or 3.
        size: side of the pictures; where the last map would have less than 3 pixels a side, the first strides of 2
            become 1, since a network for 224 px leaves a pixel or two of a face of 48.

    """

    def __init__(self, net: nn.Module, channels: int, size: int) -> None:
        super().__init__()
        self.net = net
        _relax(net, channels, size)
        with torch.no_grad():
            self.features = int(net.eval()(torch.zeros(2, channels, size, size)).shape[1])
        net.train()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, D)."""
        return self.net(x)


def build_backbone(
    name: str, channels: int, size: int, *, pretrained: bool = False, weights: Path | None = None
) -> tuple[Backbone, tuple[float, ...], tuple[float, ...]]:
    """Trunk by name, with the channel means and deviations (0..1) that it was made for.

    Args:
        name: one of `TIMM_NAMES`, or "timm:" and a name of timm's.
        channels: 1 (timm adds up the first layer's weights) or 3.
        size: side of the pictures in pixels.
        pretrained: fetch timm's weights, or take them from its cache.
        weights: a local file with timm's weights instead.

    Raises:
        OptionError: timm has no such architecture, or it has no weights.
        StoreError: the weights could not be fetched.
        TrainError: the local file does not fit.

    """
    full = _timm_name(name)
    options: dict[str, Any] = {"num_classes": 0, "in_chans": channels}
    options |= _size_options(full, size)
    net: Any
    if weights is not None:
        net = _with_file(full, options, weights)
    elif pretrained:
        net = _fetched(full, options)
    else:
        net = timm.create_model(full, pretrained=False, **options)
    if full.startswith("vgg"):
        net.pre_logits = nn.Identity()  # two dense layers of 4,096, made for 1,000 classes
        net.head.global_pool = timm.layers.SelectAdaptivePool2d(pool_type="avg", flatten=True)
    config = timm.get_pretrained_cfg(full)
    mean, std = (tuple(config.mean), tuple(config.std)) if config is not None else ((0.5,) * 3, (0.5,) * 3)
    if channels == 1:
        mean, std = (sum(mean) / len(mean),), (sum(std) / len(std),)
    return Backbone(net, channels, size), mean, std


def _size_options(name: str, size: int) -> dict[str, Any]:
    """Transformers fix their input size when they are made."""
    entry: Callable[..., Any] = timm.model_entrypoint(name)
    config = timm.get_pretrained_cfg(name)
    if config is not None and config.fixed_input_size and "kwargs" in inspect.signature(entry).parameters:
        return {"img_size": size}
    return {}


def _fetched(name: str, options: dict[str, Any]) -> Any:
    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise OptionError(f"timm has no weights for {name}; leave --pretrained out, or name a file with --weights.")
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it counts its attempts
    try:
        if config.hf_hub_id and not _hub_answers():
            # The hub's own client would try for minutes, also where it has the file already.
            options = {**options, "pretrained_cfg_overlay": {"file": _cached(config)}}
        return timm.create_model(name, pretrained=True, **options)
    except (OSError, RuntimeError) as error:
        raise StoreError(
            f"The weights of {name} could not be fetched ({_first_line(error)}). Without internet, copy them here "
            "and name the file with --weights, or train from scratch without --pretrained."
        ) from error


def _hub_answers() -> bool:
    """Whether somebody listens at the hub's address; unknown, and so assumed, behind a proxy."""
    address = urllib.parse.urlsplit(os.environ.get("HF_ENDPOINT") or _HUB)
    if address.hostname is None or address.scheme in urllib.request.getproxies():
        return True
    try:
        socket.create_connection((address.hostname, address.port or 443), timeout=_PATIENCE_S).close()
    except OSError:
        return False
    return True


def _cached(config: Any) -> str:
    """The hub's file of a network on this machine.

    Raises:
        FileNotFoundError: there is none.

    """
    from huggingface_hub import try_to_load_from_cache

    for name in (config.hf_hub_filename, "model.safetensors", "pytorch_model.bin"):
        found = try_to_load_from_cache(config.hf_hub_id, name) if name else None
        if isinstance(found, str):
            return found
    raise FileNotFoundError(f"{_HUB} does not answer, and the file is not in its cache")


def _with_file(name: str, options: dict[str, Any], weights: Path) -> Any:
    import pickle

    try:
        return timm.create_model(name, pretrained=True, pretrained_cfg_overlay={"file": str(weights)}, **options)
    except (OSError, RuntimeError, KeyError, ValueError, pickle.UnpicklingError) as error:
        raise TrainError(f"The weights {weights} do not fit {name}: {_first_line(error)}.") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _relax(net: nn.Module, channels: int, size: int) -> None:
    """Turn the first strides of 2 into 1 until the last map has at least `_SMALLEST_MAP` pixels a side."""
    for _ in range(_MOST_RELAXED):
        side, strided = _trace(net, channels, size)
        if side >= _SMALLEST_MAP or not strided:
            return
        first = strided[0]
        if isinstance(first, nn.Conv2d):
            first.stride = (1, 1)
            continue
        first.stride = 1
        if first.kernel_size in {2, (2, 2)}:
            first.kernel_size = 1  # a window of 2 with stride 1 would shrink the map by one pixel


def _trace(net: nn.Module, channels: int, size: int) -> tuple[int, list[Any]]:
    """Side of the last map in pixels, and the layers with a stride of 2 in the order in which they run."""
    strided: list[nn.Module] = []
    sides = [size]

    def note(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if output.ndim == 4 and output.shape[-1] > 1:  # 1 is a gate, not a map
            sides.append(output.shape[-1])
        if _stride(module) == 2 and module not in strided:
            strided.append(module)

    kinds = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
    hooks = [m.register_forward_hook(note) for m in net.modules() if isinstance(m, kinds)]
    try:
        with torch.no_grad():
            net.eval()(torch.zeros(1, channels, size, size))
    finally:
        for hook in hooks:
            hook.remove()
        net.train()
    return sides[-1], strided


def _stride(module: nn.Module) -> int:
    stride = getattr(module, "stride", 1)
    return int(stride[0] if isinstance(stride, tuple) else stride or 1)
