"""The training loop: a budget of minutes, checkpoints that a stopped run goes on from, a search for hard pictures.

It takes photographs with boxes, from whatever files.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mien.core.errors import TrainError
from mien.core.files import make_folder
from mien.data.faces import FacePicture
from mien.learn.checkpoints import load_state, save_state
from mien.learn.clock import Clock
from mien.learn.detector.augment import Sample
from mien.learn.detector.config import STRIDES, DetectorConfig
from mien.learn.detector.data import Batch, Batches, decoded, loader
from mien.learn.detector.loss import Losses, detection_loss
from mien.learn.detector.net import DetectorNet, Widths
from mien.learn.detector.recover import mixed, recovered, widened
from mien.learn.steps import average_decay, decay_groups, faster_in_bfloat16, follow, refuse_divergence
from mien.learn.stopping import heeding_signals

__all__ = ["CHECKPOINT", "HISTORY", "Trainer", "load_net"]

CHECKPOINT = "last.pt"
HISTORY = "history.jsonl"

_STATISTICS = 20  # batches that give a model file its norms back
_SAVE_EVERY_S = 180.0
_LOG_EVERY = 100  # steps
_CLIP = 10.0  # largest norm of the gradient
_LOSS_LIMIT = 1e4  # mean of a logged stretch that no network that learns comes near
_FINAL_LR = 0.02  # share of the highest rate that is left at the end
_MINE_SIDE = 448  # px
_MINED_UP_TO = 4.0  # a picture in which a face is seen wrongly is drawn up to so much more often
_MINED_SCORES = (0.5, 0.9)  # from no more often to most often
_log = logging.getLogger("mien")


@final
class Trainer:
    """One run.

    Args:
        pictures: photographs to learn from.
        config: settings; a resumed run may have other minutes.
        folder: where the checkpoint and the history go; a run whose checkpoint lies there goes on.
        start: checkpoint of an earlier run whose averaged weights a new run begins with, or a float32 model file;
            None begins at random.

    Raises:
        DataError: a photograph cannot be read.
        TrainError: there are no faces to learn from, or the checkpoint is not one of this network.

    """

    def __init__(
        self, pictures: Sequence[FacePicture], config: DetectorConfig, folder: Path, start: Path | None = None
    ) -> None:
        if not any(len(p.boxes) for p in pictures):
            raise TrainError("There is no face in the pictures to learn from.")
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self._config, self._folder, self._start = config, folder, start
        self._samples: list[Sample] = decoded(pictures)
        self.step, self._mined_s = 0, 0.0
        path = folder / CHECKPOINT
        state: dict[str, Any] = _read(path) if path.exists() else {"step": 0, "spent_s": 0.0}
        self._spent_s: float = state["spent_s"]  # by earlier parts; the clock starts with the run
        self._clock = Clock(config.minutes * 60, self._spent_s)
        self._batches = Batches(self._samples, config, seed=config.seed * 1_000_003 + state["step"])
        net = DetectorNet(Widths(**state["widths"])) if state["step"] else self._beginning(start)
        self.net = net.train().requires_grad_(True).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self._optimizer = torch.optim.AdamW(decay_groups(self.net, config.weight_decay), lr=config.lr)
        if state["step"]:
            self._resume(state)
        self._bf16 = self._faster_in_bfloat16() if config.bf16 is None else config.bf16

    def _faster_in_bfloat16(self) -> bool:
        probe, side = copy.deepcopy(self.net), self._config.size
        pictures = torch.zeros(2, 3, side, side).to(memory_format=torch.channels_last)
        return faster_in_bfloat16(lambda: probe.features(pictures))

    def _beginning(self, start: Path | None) -> DetectorNet:
        """The network before the first step."""
        config = self._config
        widths = Widths(wide=config.wide, fine=config.fine, deep=config.deep, broad=config.broad)
        if start is None:
            return DetectorNet(widths)
        return widened(recovered(start, self._some()) if start.suffix == ".onnx" else load_net(start), widths)

    def _some(self) -> Iterator[Tensor]:
        """Training pictures (N, 3, S, S) for the statistics of norms."""
        made = iter(self._batches)
        return (next(made).images.permute(0, 3, 1, 2).float() for _ in range(_STATISTICS))

    def result(self, keep_start: float = 0.0) -> DetectorNet:
        """The averaged network, or its mean with so large a share of the weights that the run started from."""
        return (
            mixed(self.average, self._beginning(self._start), keep_start, self._some()) if keep_start else self.average
        )

    def run(self) -> bool:
        """Train until the minutes are used up (True) or a signal asks to stop (False); the last checkpoint is whole."""
        make_folder(self._folder)
        if not self._config.minutes:
            return True
        self._clock = Clock(self._config.minutes * 60, self._spent_s)
        stream = loader(self._batches, self._config.workers)
        sums, saved = np.zeros(4), time.monotonic()
        with heeding_signals(lambda name: _log.info("%s: saving and stopping.", name)) as stop:
            while self._clock.left_s and not stop:
                if self._clock.share > 1 - self._config.plain:
                    self._batches.mosaics.zero_()
                sums += _floats(self._learn(next(stream), self._clock.share))
                self.step += 1
                if self.step % _LOG_EVERY == 0:
                    self._note(sums / _LOG_EVERY)
                    sums[:] = 0
                if self._clock.spent_s - self._mined_s > self._config.mine_every * 60:
                    self._mine()
                if time.monotonic() - saved > _SAVE_EVERY_S:
                    self.save()
                    saved = time.monotonic()
        self.save()
        return not self._clock.left_s

    def _learn(self, batch: Batch, progress: float) -> Losses:
        rate = self._config.lr * (_FINAL_LR + (1 - _FINAL_LR) * (1 + math.cos(math.pi * progress)) / 2)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * min((self.step + 1) / self._config.warmup, 1.0)
        self.net.train()
        images = batch.images.permute(0, 3, 1, 2).float()  # (N, 3, S, S), channels last in memory already
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            features = self.net.features(images)
        losses = detection_loss([self.net.out(f.float()) for f in features], batch.targets)
        refuse_divergence(float(losses.total.detach()), _LOSS_LIMIT, f"after {self.step} steps")
        self._optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), _CLIP)
        self._optimizer.step()
        follow(self.average, self.net, average_decay(self._config.ema, self.step))
        return losses

    def _mine(self) -> None:
        """Draw a photograph without a face more often, the surer the network is that it sees one."""
        self._mined_s = self._clock.spent_s
        scores = [_highest_score(self.average, s.image) for s in self._empty()]
        for index, score in zip(self._empty_indices(), scores, strict=True):
            self._batches.weights[index] = float(np.interp(score, _MINED_SCORES, (1.0, _MINED_UP_TO)))
        hard = sum(score > _MINED_SCORES[0] for score in scores)
        _log.info("Looked for faces in %d pictures without one; %d look like one.", len(scores), hard)

    def _empty_indices(self) -> list[int]:
        labels = (s.labels for s in self._samples)
        return [i for i, found in enumerate(labels) if not len(found.boxes) and not len(found.ignore)]

    def _empty(self) -> Iterator[Sample]:
        return (self._samples[i] for i in self._empty_indices())

    def _note(self, losses: np.ndarray) -> None:
        names = ("loss", "score", "box", "landmarks")
        row: dict[str, Any] = {"step": self.step, "minutes": round(self._clock.spent_s / 60, 2)}
        row |= {name: round(float(value), 4) for name, value in zip(names, losses, strict=True)}
        row["lr"] = self._optimizer.param_groups[0]["lr"]
        with (self._folder / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def save(self) -> None:
        """Write the checkpoint, whole or not at all.

        Raises:
            TrainError: it cannot be written.

        """
        state = {
            "config": asdict(self._config),
            "step": self.step,
            "spent_s": self._clock.spent_s,
            "mined_s": self._mined_s,
            "widths": asdict(self.net.widths),
            "weights": self._batches.weights.clone(),
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        save_state(self._folder / CHECKPOINT, state)

    def _resume(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self._mined_s = state["step"], state["mined_s"]
        if len(state["weights"]) == len(self._samples):  # other pictures start with equal chances
            self._batches.weights.copy_(state["weights"])
        _log.info("Going on after %d steps and %.1f minutes.", self.step, self._clock.spent_s / 60)


def load_net(checkpoint: Path) -> DetectorNet:
    """The averaged network of a checkpoint, ready for judging.

    Raises:
        TrainError: no such file, or not a checkpoint of this network.

    """
    state = _read(checkpoint)
    net = DetectorNet(Widths(**state["widths"]))
    net.load_state_dict(state["average"])
    return net.eval().requires_grad_(False)


def _read(path: Path) -> dict[str, Any]:
    state = load_state(path)
    widths = state.get("widths", {})
    if set(state.get("net", {})) != set(DetectorNet(Widths(**widths)).state_dict()):
        raise TrainError(f"{path} is not a checkpoint of this network; start a run in another folder.")
    return {**state, "widths": widths}


def _floats(losses: Losses) -> np.ndarray:
    return np.array([float(v.detach()) for v in (losses.total, losses.score, losses.box, losses.points)])


@torch.no_grad()
def _highest_score(net: DetectorNet, image: np.ndarray) -> float:
    """The surest face that a network sees in a picture (H, W, 3) uint8 BGR of the usual size."""
    pixels: Tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    factor = _MINE_SIDE / max(image.shape[:2])
    if factor > 1:
        pixels = F.interpolate(pixels, scale_factor=factor, mode="bilinear")
    height, width = pixels.shape[2:]
    pixels = F.pad(pixels, (0, -width % STRIDES[-1], 0, -height % STRIDES[-1]))
    return max(float(m[:, 0].sigmoid().max()) for m in net(pixels))
