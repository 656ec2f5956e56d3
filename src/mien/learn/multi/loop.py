"""The loop: batches from every set, a loss per head, a learning rate that follows the clock, checkpoints.

`mien.learn.multi.run` puts a run together.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional

from mien.core.errors import TrainError
from mien.core.files import atomic_path
from mien.learn.augment import augment
from mien.learn.checkpoints import load_state
from mien.learn.clock import Clock
from mien.learn.models import Network
from mien.learn.multi.parts import Part, Rows
from mien.learn.multi.recipe import Recipe
from mien.learn.steps import average_decay, decay_groups, faster_in_bfloat16, follow, refuse_divergence
from mien.learn.stopping import heeding_signals

__all__ = ["Loop", "rate_at", "side_at"]

_SAVE_EVERY_S = 180.0
_TELL_EVERY = 100  # steps
_TRIED = 8  # crops of the steps that are timed
_WARMUP = 200  # steps
_MIDDLE_FROM, _FULL_FROM = 0.25, 0.5  # shares of the minutes at which crops grow
_WORST = 20.0  # nats; a loss that no network that learns comes near


def rate_at(share: float, step: int) -> float:
    """Learning rate as a share of the highest: a linear rise over the first steps, half a cosine over the time.

    Args:
        share: part of the minutes that is spent, in 0..1.
        step: steps done.

    """
    return min(1.0, (step + 1) / _WARMUP) * 0.5 * (1 + math.cos(math.pi * share))


def side_at(share: float, first: int, full: int) -> int:
    """Side of the crops in pixels when a share in 0..1 of the minutes is spent; `first` 0 is `full` throughout."""
    if not first or share >= _FULL_FROM:
        return full
    return first if share < _MIDDLE_FROM else (first + full) // 2


@dataclass(frozen=True, eq=False)
class _Mix:
    """Pictures of one step mixed in pairs of the same set.

    Args:
        rows: (N,) partner of every picture in the batch.
        share: (N,) of the picture itself against its partner, in 0.5..1; None mixes nothing.

    """

    rows: Tensor
    share: Tensor | None

    @classmethod
    def draw(cls, rows: Sequence[Tensor], alpha: float) -> _Mix:
        start, partners = 0, []
        for picked in rows:
            partners.append(start + torch.randperm(len(picked)))
            start += len(picked)
        if not alpha:
            return cls(torch.cat(partners), None)
        share = torch.distributions.Beta(alpha, alpha).sample((start,))
        return cls(torch.cat(partners), torch.maximum(share, 1 - share))

    def pictures(self, x: Tensor) -> Tensor:
        """Planes (N, C, S, S) mixed with their partners."""
        return x if self.share is None else torch.lerp(x[self.rows], x, self.share.view(-1, 1, 1, 1))

    def targets(self, t: Tensor, start: int) -> Tensor:
        """Targets (M, K) of the pictures from `start` on, which are a whole set's, mixed as the pictures are."""
        if self.share is None:
            return t
        here = slice(start, start + len(t))
        return torch.lerp(t[self.rows[here] - start], t, self.share[here].view(-1, 1))


def _learns_in_bfloat16(network: Network, size: int) -> bool:
    """Whether steps of a network are faster in bfloat16 on this machine, measured on a copy and a few crops."""
    probe = copy.deepcopy(network).train()
    planes = torch.zeros(_TRIED, 1, size, size).contiguous(memory_format=torch.channels_last)
    return faster_in_bfloat16(lambda: probe.from_planes(planes).values())


@final
class Loop:
    """One run in training.

    Args:
        network: what learns; its moving average is kept beside it.
        parts: the data sets, in the order of the recipe.
        recipe: settings.
        checkpoint: written every few minutes and at the end; a run whose checkpoint exists goes on.
        now: gives the time in seconds, for tests.

    `bf16` says whether it computes in bfloat16: where that is faster on this machine.

    """

    def __init__(
        self,
        network: Network,
        parts: Sequence[Part],
        recipe: Recipe,
        checkpoint: Path,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.network = network.to(memory_format=torch.channels_last)
        self.average: Network = copy.deepcopy(network).requires_grad_(False)
        self.step = 0
        self._parts, self._recipe, self._file = parts, recipe, checkpoint
        self._optimizer = torch.optim.SGD(
            decay_groups(network, recipe.weight_decay), lr=recipe.lr, momentum=0.9, nesterov=True
        )
        self._rows = [Rows(part) for part in parts]
        self.bf16 = _learns_in_bfloat16(network, parts[0].crops[0].shape[-1])
        spent = self._resume() if checkpoint.exists() else 0.0
        options: dict[str, Any] = {} if now is None else {"now": now}
        self._clock = Clock(recipe.minutes * 60, spent, **options)
        torch.manual_seed(recipe.seed * 1_000_003 + self.step)

    def run(self, say: Callable[[str], None]) -> None:
        """Train until the minutes are spent; a signal saves and ends it.

        Raises:
            TrainError: it was stopped, the loss is lost, or a checkpoint cannot be written.

        """
        saved, losses = self._clock.spent_s, 0.0
        with heeding_signals() as stop:
            while self._clock.left_s > 0 and not stop:
                losses += self._learn()
                if self.step % _TELL_EVERY == 0:
                    refuse_divergence(losses / _TELL_EVERY, _WORST, f"after {self.step} steps")
                    say(self._told(losses / _TELL_EVERY))
                    losses = 0.0
                if self._clock.spent_s - saved > _SAVE_EVERY_S:
                    self.save()
                    saved = self._clock.spent_s
        self.save()
        if stop:
            raise TrainError(f"Stopped after {self.step} steps; the same command goes on.")

    def _told(self, loss: float) -> str:
        spent = self._clock.spent_s
        speed = self.step * self._recipe.batch / max(spent, 1e-9)
        return f"step {self.step}: {spent / 60:.1f} minutes, loss {loss:.4f}, {speed:.0f} pictures/s"

    def _learn(self) -> float:
        rate = self._recipe.lr * rate_at(self._clock.share, self.step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        counts = _counts(self._recipe, self._parts)
        rows = [rows.take(n) for rows, n in zip(self._rows, counts, strict=True)]
        crops = torch.cat([part.pictures(r) for part, r in zip(self._parts, rows, strict=True)])
        mix = _Mix.draw(rows, self._recipe.mixup if self._clock.share < self._recipe.late_from else 0.0)
        planes = self._changed(crops, mix)
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            logits = self.network.from_planes(planes)
        loss = self._loss(logits, rows, mix)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self.step += 1
        follow(self.average, self.network, average_decay(self._recipe.ema, self.step))
        return float(loss.detach())

    @torch.no_grad()
    def _changed(self, crops: Tensor, mix: _Mix) -> Tensor:
        early, late = self._recipe.augmentations()
        how = early if self._clock.share < self._recipe.late_from else late
        x = mix.pictures(augment(self.network.planes(crops), how))
        side = side_at(self._clock.share, self._recipe.grow_from, x.shape[-1])
        if side != x.shape[-1]:
            x = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
        return self.network.normalise(x).contiguous(memory_format=torch.channels_last)

    def _loss(self, logits: Mapping[str, Tensor], rows: Sequence[Tensor], mix: _Mix) -> Tensor:
        """Sum over the sets: the mean over its own heads, and over the heads that teachers speak for."""
        total, start = torch.zeros(()), 0
        for part, picked in zip(self._parts, rows, strict=True):
            here = {name: z[start : start + len(picked)] for name, z in logits.items()}
            own = [_cross_entropy(here[name], mix.targets(t[picked], start)) for name, t in part.targets.items()]
            total = total + part.plan.weight * torch.stack(own).mean()
            said = [_cross_entropy(here[name], mix.targets(t[picked], start)) for name, t in part.taught.items()]
            if said and part.plan.taught:
                total = total + part.plan.taught * torch.stack(said).mean()
            start += len(picked)
        return total

    def save(self) -> None:
        """Write the checkpoint, whole or not at all.

        Raises:
            TrainError: it cannot be written.

        """
        state = {
            "step": self.step,
            "spent_s": self._clock.spent_s,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "orders": [rows.order for rows in self._rows],
        }
        try:
            with atomic_path(self._file) as temporary:
                torch.save(state, temporary)
        except (OSError, RuntimeError) as error:
            raise TrainError(f"Cannot write the checkpoint {self._file}: {error}; make room and go on.") from error

    def _resume(self) -> float:
        state = load_state(self._file)
        try:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._rows = [Rows(part, order) for part, order in zip(self._parts, state["orders"], strict=True)]
            self.step = int(state["step"])
            return float(state["spent_s"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise TrainError(f"The checkpoint {self._file} is of another recipe; train into a new folder.") from error


def _counts(recipe: Recipe, parts: Sequence[Part]) -> list[int]:
    """Pictures of every part in a batch; those without a face come on top."""
    counts = [max(1, round(recipe.batch * part.plan.share)) for part in parts]
    counts[0] += recipe.batch - sum(counts[: len(recipe.sets)])
    return counts


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of logits (N, K) with target shares (N, K)."""
    return -(targets * functional.log_softmax(logits.float(), dim=1)).sum(dim=1).mean()
