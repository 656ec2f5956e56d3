"""What every training shares, whatever it trains: parameter groups, the moving average, a check for divergence."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from mien.core.errors import TrainError

__all__ = ["average_decay", "decay_groups", "faster_in_bfloat16", "follow", "refuse_divergence"]

_TIMED = 3  # steps in either precision, of which the fastest counts


def decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters for an optimiser in two groups: matrices with weight decay, batch norms and biases without."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def average_decay(highest: float, step: int) -> float:
    """Decay of the moving average at a step: lower at first, so that early weights can be judged."""
    return min(highest, (1 + step) / (10 + step))


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the average's weights and batch norm statistics towards the network's: average * decay + network * rest."""
    ours, theirs = average.state_dict().values(), network.state_dict().values()
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.dtype.is_floating_point]
    torch._foreach_lerp_([a for a, _ in pairs], [b for _, b in pairs], 1 - decay)


def faster_in_bfloat16(answers: Callable[[], Iterable[Tensor]]) -> bool:
    """Whether this machine learns faster in bfloat16: some do twice as fast, others ten times slower.

    Args:
        answers: what a network says of a few pictures; its gradients change, so give a copy's.

    """
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for lower in (False, True) * _TIMED:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=lower):
            said = list(answers())
        torch.stack([one.float().mean() for one in said]).sum().backward()
        seconds[lower].append(time.perf_counter() - start)
    return min(seconds[True]) < min(seconds[False])


def refuse_divergence(loss: float, limit: float, when: str) -> None:
    """Check that a mean loss is one of a network that learns.

    Args:
        loss: the mean over some batches.
        limit: what no network that learns comes near.
        when: "in epoch 3" or "after 500 steps", for the message.

    Raises:
        TrainError: the loss is no number, or greater than the limit.

    """
    if math.isfinite(loss) and loss <= limit:
        return
    raise TrainError(
        f"Training diverged {when}: the loss is {loss:.3g}. Lower 'lr', lengthen 'warmup', or bound the gradient with "
        "'clip'."
    )
