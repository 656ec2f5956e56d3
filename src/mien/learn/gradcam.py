"""Which parts of a crop a run's network responds to: Grad-CAM, as numbers; `mien.evaluate.panel` draws them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mien.core.errors import InputError, TrainError
from mien.learn.models import Network
from mien.learn.saved import load_network

__all__ = ["gradcam", "gradcam_of"]


def gradcam(run: Path | str, crop: NDArray[np.uint8], label: int) -> NDArray[np.float32]:
    """How much every pixel of a crop speaks for a label, (S, S) float32 in 0..1.

    Grad-CAM (Selvaraju et al. 2017): the last feature map, weighted by the mean gradient of the label's logit.

    Args:
        run: folder of a finished run.
        crop: (S, S) grey or (S, S, 3) RGB uint8, as the model takes it.
        label: position of the label in the model's labels.

    Raises:
        TrainError: the folder is not a finished run, or its network has no feature maps.
        InputError: the crop or the label does not fit the model.

    """
    network, card = load_network(run)
    s = card.crop.size
    wanted = (s, s) if card.crop.color == "gray" else (s, s, 3)
    if crop.shape != wanted or crop.dtype != np.uint8:
        raise InputError(f"The model of {run} takes a uint8 crop of shape {wanted}, got {crop.dtype} {crop.shape}.")
    labels = card.heads[card.first_head]
    if not 0 <= label < len(labels):
        raise InputError(f"The label must be a position in 0..{len(labels) - 1}, got {label}.")
    return gradcam_of(network, card.first_head, crop, label)


def gradcam_of(network: Network, head: str, crop: NDArray[np.uint8], label: int) -> NDArray[np.float32]:
    """As `gradcam`, for a network in evaluation mode.

    Raises:
        TrainError: the network has no feature maps.

    """
    maps: list[Tensor] = []

    def note(_module: Any, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:
            maps.append(output)

    for module in network.modules():
        if hasattr(module, "inplace"):
            setattr(module, "inplace", False)  # noqa: B010 - an activation that overwrites its input has no gradient to look at
    hooks = [module.register_forward_hook(note) for module in network.trunk.modules()]
    try:
        with torch.enable_grad():
            planes = network.normalise(network.planes(torch.from_numpy(crop)[None])).requires_grad_()
            logit = network.from_planes(planes)[head][0, label]
    finally:
        for hook in hooks:
            hook.remove()
    if not maps:
        raise TrainError("Grad-CAM needs a network with feature maps; this one has none.")
    (gradient,) = torch.autograd.grad(logit, maps[-1])
    weights = gradient.mean(dim=(2, 3), keepdim=True)  # (1, C, 1, 1)
    heat = functional.relu((weights * maps[-1].detach()).sum(dim=1, keepdim=True))  # (1, 1, h, w)
    heat = functional.interpolate(heat, size=crop.shape[:2], mode="bilinear", align_corners=False)[0, 0]
    peak = float(heat.max())
    return (heat / peak if peak > 0 else heat).numpy().astype(np.float32)
