"""What one step of training does: augment, forward, loss, optimiser; and what validation gathers.

Lightning runs the loop; `mien.learn.train` puts a run together.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mien.core.errors import TrainError
from mien.core.scores import softmax
from mien.evaluate.metrics import evaluate
from mien.learn.augment import augment, augmentation, mixup
from mien.learn.config import Config
from mien.learn.distill import Teachers
from mien.learn.freeze import apply_freeze
from mien.learn.models import Network
from mien.learn.pace import Pace, learning_rate
from mien.learn.steps import average_decay, decay_groups, follow, refuse_divergence
from mien.learn.targets import Head

__all__ = ["Expression", "Probe", "soft_cross_entropy"]

_DIVERGED = 50.0
"""A mean training loss above so many times that of guessing (log K) does not recover."""


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of logits (N, K) with target shares (N, K), per unit of target; rows of zeros do not count."""
    loss = -(targets * functional.log_softmax(logits.float(), dim=1)).sum()
    return loss / targets.sum().clamp(min=1e-6)


class Running:
    """Mean loss and accuracy of an epoch's training batches, as they are augmented."""

    def __init__(self) -> None:
        self.loss, self.hits, self.pictures, self.batches = 0.0, 0, 0, 0

    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Count a batch: its loss, and logits and targets (N, K) of the head that the run is judged by."""
        counts = targets.sum(dim=1) > 0
        hits = (logits.detach().argmax(dim=1) == targets.argmax(dim=1)) & counts
        self.loss += float(loss.detach())
        self.hits += int(hits.sum())
        self.pictures += int(counts.sum())
        self.batches += 1

    def figures(self) -> dict[str, float]:
        """The means."""
        return {
            "train_loss": self.loss / max(self.batches, 1),
            "train_accuracy": self.hits / max(self.pictures, 1),
        }


class Probe(NamedTuple):
    """A fixed part of the training pictures, judged as they are: crops (M, ...) uint8 of the named rows (M,)."""

    crops: Tensor
    head: Head
    rows: NDArray[np.int64]


class Expression(L.LightningModule):
    """A network in training, with the moving average of its weights.

    Args:
        network: what is trained.
        config: settings.
        heads: the validation split's targets; the first head is what the run is judged by.
        weights: weight of every class (K,) per head.
        teachers: asked at every step about the changed pictures; their answers soften the targets.
        pace: where the run is in its schedule; None counts steps.
        probe: training pictures to judge without augmentation after every epoch; None judges none.

    """

    def __init__(
        self,
        network: Network,
        config: Config,
        heads: Sequence[Head],
        weights: Mapping[str, NDArray[np.float64]] | None = None,
        teachers: Teachers | None = None,
        *,
        pace: Pace | None = None,
        probe: Probe | None = None,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.average: Network | None = copy.deepcopy(network).requires_grad_(False) if config.ema else None
        self.config, self.validation_heads = config, tuple(heads)
        self.augmentation = augmentation(config.augment, config.augmentation)
        self.class_weights = {n: torch.as_tensor(w, dtype=torch.float32) for n, w in (weights or {}).items()}
        self._teachers, self._probe = teachers, probe
        self.pace = pace or Pace(config)
        self.interrupted = False
        """Whether the last epoch was left before its end, so that no run may go on after it."""
        self.history: list[dict[str, float]] = []
        self._logits: dict[str, list[Tensor]] = {}
        self._rows: list[Tensor] = []
        self._train = Running()
        self._followed = -1
        self._frozen = ""

    @property
    def running(self) -> dict[str, float]:
        """Mean loss and accuracy of the epoch's training batches so far."""
        return self._train.figures()

    @property
    def judged(self) -> Network:
        """The network that is validated and kept: the moving average where there is one."""
        return self.average if self.average is not None else self.network

    def on_train_epoch_start(self) -> None:
        """Seed by the epoch, so that a resumed run draws what the whole one would have drawn; freeze by the stage."""
        torch.manual_seed((self.config.seed * 1_000_003 + self.current_epoch * 1009 + self.global_rank) % 2**63)
        self._freeze(self._stage_freeze())
        self._train = Running()

    def on_train_batch_start(self, _batch: Any, _index: int) -> None:
        """Where time tells the place in the schedule, a stage may end inside an epoch."""
        if self.pace.timed and (freeze := self._stage_freeze()) != self._frozen:
            self._freeze(freeze)

    def _freeze(self, freeze: str) -> None:
        apply_freeze(self.network, freeze)
        self._frozen = freeze

    def _stage_freeze(self) -> str:
        end, place = 0, self.pace.at(self.global_step) if self.pace.timed else self.current_epoch
        for stage in self.config.plan:
            end += stage.epochs
            if place < end:
                return stage.freeze
        return self.config.plan[-1].freeze

    def training_step(self, batch: dict[str, Any], _index: int) -> Tensor:
        """Loss of one batch, the mean over heads."""
        x, targets = self._prepare(batch)
        logits = self.network.from_planes(x)
        losses = []
        for name, target in targets.items():
            if name in self.class_weights:
                target = target * self.class_weights[name].to(target.device)
            losses.append(soft_cross_entropy(logits[name], target))
        loss = torch.stack(losses).mean()
        first = next(iter(targets))
        self._train.add(loss, logits[first], targets[first])
        return loss

    @torch.no_grad()
    def _prepare(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.autocast(self.device.type, enabled=False):
            x = augment(self.network.planes(batch["crops"]), self.augmentation)
            x, targets = mixup(x, batch["targets"], self.augmentation.mixup)
            targets = self._teachers.soften(x, targets) if self._teachers else targets
            side = self.pace.side(self.current_epoch, self.global_step)
            if side != x.shape[-1]:
                x = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
            return self.network.normalise(x).contiguous(memory_format=torch.channels_last), targets

    def on_train_batch_end(self, _outputs: Any, _batch: Any, _index: int) -> None:
        """Follow the weights with their moving average; faster at first, so that early epochs can be judged."""
        step = self.global_step
        if self.average is None or step == self._followed:  # no step of the optimiser, only accumulation
            return
        self._followed = step
        follow(self.average, self.network, average_decay(self.config.ema, step))

    def on_validation_epoch_start(self) -> None:
        """Forget the last validation."""
        self._logits, self._rows = {}, []

    def validation_step(self, batch: dict[str, Any], _index: int) -> None:
        """Gather the judged network's logits."""
        self.judged.eval()
        with torch.autocast(self.device.type, enabled=False):  # as the model file computes
            for name, logits in self.judged(batch["crops"]).items():
                self._logits.setdefault(name, []).append(logits.float().cpu())
        self._rows.append(batch["rows"].cpu())

    def on_validation_epoch_end(self) -> None:
        """Figures of the validation split, by the same code that judges model files."""
        row: dict[str, float] = {"epoch": self.current_epoch + 1, **self.running}
        when = f"in epoch {self.current_epoch + 1}"
        refuse_divergence(row["train_loss"], self._worst_loss(), when)
        row["lr"] = self.trainer.optimizers[0].param_groups[0]["lr"]
        rows = self.gathered(torch.cat(self._rows)).numpy()
        losses = []
        for head in self.validation_heads:
            logits = self.gathered(torch.cat(self._logits[head.name]))
            if not bool(torch.isfinite(logits).all()):
                refuse_divergence(float("nan"), self._worst_loss(), when)
            losses.append(float(soft_cross_entropy(logits, torch.from_numpy(head.targets[rows]))))
            prefix = "validation_" if head is self.validation_heads[0] else f"validation_{head.name}_"
            row |= head_figures(head, logits.numpy(), rows, prefix)
        row["validation_loss"] = sum(losses) / len(losses)
        row |= self._clean_figures()
        self.log_dict({k: v for k, v in row.items() if k != "epoch"}, sync_dist=False)
        self.history = [h for h in self.history if h["epoch"] < row["epoch"]] + [row]

    def _worst_loss(self) -> float:
        return _DIVERGED * max(math.log(len(head.labels)) for head in self.validation_heads)

    @torch.no_grad()
    def _clean_figures(self) -> dict[str, float]:
        """Loss and accuracy of the judged network on the probe: no augmentation, no smoothing."""
        if self._probe is None or not len(self._probe.rows):
            return {}
        crops, head, rows = self._probe
        parts = [self.judged(part.to(self.device))[head.name].float().cpu() for part in crops.split(256)]
        found = evaluate(softmax(torch.cat(parts).numpy()), head.label[rows], head.labels.names, bootstrap=0)
        return {"clean_loss": float(found.log_loss), "clean_accuracy": float(found.accuracy)}

    def gathered(self, x: Tensor) -> Tensor:
        """Rows of all processes together, on the processor."""
        if self.trainer.world_size == 1:
            return x
        parts: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(parts, x)
        return torch.cat(parts)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history with the weights, so that a resumed run has one history."""
        checkpoint["mien_history"] = self.history
        checkpoint["mien_place"] = self.pace.at(self.global_step)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """See `on_save_checkpoint`.

        Raises:
            TrainError: the checkpoint is of another network than the settings ask for.

        """
        saved, own = checkpoint["state_dict"], self.state_dict()
        if saved.keys() != own.keys() or any(saved[name].shape != own[name].shape for name in own):
            raise TrainError(
                "The checkpoint belongs to another network than the run's settings name; put back its config.toml, or "
                "train into a new folder."
            )
        self.history = list(checkpoint["mien_history"])
        self.pace.resume(int(self.history[-1]["epoch"]), int(checkpoint["global_step"]))

    def configure_optimizers(self) -> Any:
        """Optimiser without decay on batch norm and biases, and the schedule."""
        c = self.config
        groups = decay_groups(self.network, c.weight_decay)
        optimizer: torch.optim.Optimizer
        if c.optimizer == "sgd":
            optimizer = torch.optim.SGD(groups, lr=c.lr, momentum=c.momentum, nesterov=c.momentum > 0)
        else:
            optimizer = torch.optim.AdamW(groups, lr=c.lr, betas=(c.momentum, 0.999))
        if c.schedule == "plateau":
            mode: Literal["min", "max"] = "min" if c.monitor == "log_loss" else "max"
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode, 0.5, c.patience)
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": plateau, "monitor": f"validation_{c.monitor}"},
            }
        pace = self.pace
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(c, pace.at(step)))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def head_figures(head: Head, logits: NDArray[np.float32], rows: NDArray[np.int64], prefix: str) -> dict[str, float]:
    """Figures of one head from its logits (M, K) of the named rows (M,); pictures without a label do not count."""
    label = head.label[rows]
    counts = label >= 0
    m = evaluate(softmax(logits[counts]), label[counts], head.labels.names, bootstrap=0)
    names = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "ece")
    return {prefix + name: float(getattr(m, name)) for name in names}
